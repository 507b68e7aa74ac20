"""What can't be opened is told in one clear sentence."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack

FRAMES = np.random.default_rng(1).integers(0, 9999, (8, 20, 30)).astype(np.uint16)
FRAME_BYTES = FRAMES[0].nbytes


def written(data: Any = FRAMES, cut: int | None = None, **options: Any) -> Callable[[Path], None]:
    """Write a TIFF, and keep only ``cut`` bytes (from the end where negative)."""

    def write(path: Path) -> None:
        tifffile.imwrite(path, data, **options)
        if cut is not None:
            path.write_bytes(path.read_bytes()[:cut])

    return write


def raw(data: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(data) and None


def chained(path: Path) -> None:
    """A file of pages with their pixels in between, cut inside the sixth."""
    with tifffile.TiffWriter(path) as writer:
        for frame in FRAMES:
            writer.write(frame, contiguous=False, metadata=None)
    with tifffile.TiffFile(path) as tiff:
        cut = tiff.pages[5].dataoffsets[0] + 100
    path.write_bytes(path.read_bytes()[:cut])


def mixed(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        writer.write(FRAMES[:2])
        writer.write(FRAMES[:2, :7])


IMAGEJ = {"imagej": True, "metadata": {"axes": "TYX"}}
BAD: dict[str, tuple[Callable[[Path], None], str]] = {
    "zero bytes": (raw(b""), r"is empty \(0 bytes\)"),
    "text": (raw(b"hello world, this is text"), "not an image that can be opened"),
    "PNG": (raw(b"\x89PNG\r\n\x1a\n" + bytes(20)), "a PNG picture"),
    "npz": (raw(b"PK\x03\x04" + bytes(20)), "a zip archive"),
    "no page": (raw(b"II*\0" + bytes(4)), "without any page"),
    "no page, bigtiff": (raw(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0)), "without any page"),
    "header only": (raw(b"II*\0" + struct.pack("<I", 5000)), "only 0 frames are whole"),
    "shaped, cut in the pixels": (
        written(cut=400 + 3 * FRAME_BYTES),
        "only 3 of its 8 frames are whole",
    ),
    "plain, cut in the pixels": (
        written(metadata=None, cut=400 + 3 * FRAME_BYTES),
        "only 3 of its 8 frames are whole",
    ),
    "imagej, cut in the pixels": (
        written(cut=500 + 3 * FRAME_BYTES, **IMAGEJ),
        "only 3 of its 8 frames are whole",
    ),
    "one description, cut": (
        written(truncate=True, cut=-100),
        "only 7 of its 8 frames are whole",
    ),
    "pages cut": (chained, "only 5 frames are whole"),
    "compressed, cut": (written(compression="zlib", metadata=None, cut=-300), "is truncated"),
    "mixed shapes": (mixed, r"page 2 is 7 × 30 uint16, page 0 is 20 × 30 uint16"),
    "RGB": (written(np.zeros((4, 20, 30, 3), np.uint8), photometric="rgb"), "RGB colours"),
    "RGB of 16 bits": (written(np.zeros((20, 30, 3), np.uint16), photometric="rgb"), "RGB"),
    "RGB with planes apart": (
        written(np.zeros((3, 20, 30), np.uint8), photometric="rgb", planarconfig="separate"),
        "RGB",
    ),
    "four samples": (
        written(
            np.zeros((9, 20, 30, 4), np.uint8), photometric="minisblack", planarconfig="contig"
        ),
        "RGB",
    ),
    "complex": (written(FRAMES.astype(np.complex64)), "complex numbers"),
    "one bit": (written(FRAMES > 5000), "true/false values"),
    "NaN": (written(np.full((5, 20, 30), np.nan, np.float32)), "NaN everywhere"),
    "volumes in a page": (
        written(
            np.zeros((5, 16, 32, 32), np.uint8),
            volumetric=True,
            tile=(16, 16, 16),
            photometric="minisblack",
        ),
        "volumes of 16 slices in a page",
    ),
    "OME without image": (
        written(description="<?xml version='1.0'?><OME xmlns='x'></OME>", metadata=None),
        "describes no image",
    ),
    "damaged OME": (
        written(description="<?xml version='1.0'?><OME><Image></OME>", metadata=None),
        "OME metadata of x.tif can't be read",
    ),
}


@pytest.mark.parametrize(("write", "message"), BAD.values(), ids=BAD)
def test_bad_file(write: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    write(path)
    with pytest.raises(nza.InputError, match=message) as told:
        open_stack(path)
    text = str(told.value)
    assert "x.tif" in text or text.startswith("x holds")
    assert text.endswith(".")
    assert "\n" not in text


def test_some_nan_is_no_error(tmp_path: Path) -> None:
    data = FRAMES.astype(np.float32)
    data[[0, 4]] = np.nan
    tifffile.imwrite(tmp_path / "x.tif", data)
    assert open_stack(tmp_path / "x.tif").n_frames == 8


def test_missing(tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match="There is no file"):
        open_stack(tmp_path / "absent.tif")
    with pytest.raises(nza.InputError, match="There is no file"):
        open_stack([tmp_path / "absent.tif"])
    with pytest.raises(nza.InputError, match="list of paths is empty"):
        open_stack([])
    with pytest.raises(nza.InputError, match="holds no image files"):
        open_stack(tmp_path)
    with pytest.raises(nza.InputError, match="is a folder inside a list"):
        open_stack([tmp_path])


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, FRAMES)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)  # chmod does not stop the superuser
    with pytest.raises(nza.InputError, match="you have no permission"):
        open_stack(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a plain user")
def test_unreadable_by_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, FRAMES)
    path.chmod(0)
    with pytest.raises(nza.InputError, match="you have no permission"):
        open_stack(path)


@pytest.mark.parametrize("given", [0, -1, 2.5, 9])
def test_bad_frames_per_slice(given: Any, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", FRAMES)
    with pytest.raises(nza.InputError, match="frames_per_slice"):
        open_stack(tmp_path / "x.tif", frames_per_slice=given)


def test_the_name_does_not_matter(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.dat", FRAMES)
    np.testing.assert_array_equal(open_stack(tmp_path / "x.dat").read(0, 8)[:, 0], FRAMES)
    np.save(tmp_path / "y.npy", FRAMES)
    (tmp_path / "y.npy").rename(tmp_path / "y.tif")
    np.testing.assert_array_equal(open_stack(tmp_path / "y.tif").read(0, 8)[:, 0], FRAMES)
