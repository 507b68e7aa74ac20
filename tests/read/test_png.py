"""Masks in PNG pictures."""

from __future__ import annotations

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_plane, open_stack

MASK = np.zeros((40, 50), bool)
MASK[5:20, 6:30] = True
GRAY = np.where(MASK, np.uint8(255), np.uint8(0))
SOLID = np.full_like(GRAY, 255)
PICTURES = {
    "8 bits": GRAY,
    "16 bits": GRAY.astype(np.uint16) * 200,
    "RGB": np.stack([GRAY] * 3, -1),
    "RGBA": np.stack([GRAY, GRAY, GRAY, SOLID], -1),
    "gray with alpha": np.stack([GRAY, SOLID], -1),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)
def test_a_mask_that_was_drawn_elsewhere(picture: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(imagecodecs.png_encode(picture))
    source = open_plane(path)
    assert source.shape == (1, 1, 40, 50)
    np.testing.assert_array_equal(source.read(0, 1)[0, 0] > 0, MASK)
    with pytest.raises(InputError, match="a PNG picture"):
        open_stack(path)


def test_colours_are_no_mask(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(imagecodecs.png_encode(np.stack([GRAY, SOLID, GRAY], -1)))
    with pytest.raises(InputError, match="holds colours"):
        open_plane(path)


def test_damage(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    whole = imagecodecs.png_encode(GRAY)
    huge = whole[:16] + struct.pack(">II", 2**31 - 1, 2**31 - 1) + whole[24:]
    for content in (whole[:60], whole[:12], whole[:40] + bytes(40), huge):
        path.write_bytes(content)
        with pytest.raises(InputError, match="may be damaged"):
            open_plane(path)
