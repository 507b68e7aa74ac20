"""Zeiss CZI: frames in the order in which they were taken, packed or not."""

from __future__ import annotations

import random
import struct
import tracemalloc
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack

from .czi_files import PLAIN, ZSTD, ZSTD_WITH_HEAD, czi
from .written import acquisition, czi_images, zeiss


@pytest.mark.parametrize("packing", [PLAIN, ZSTD, ZSTD_WITH_HEAD])
def test_repeats_of_each_slice(packing: int, tmp_path: Path) -> None:
    """As the order of the images tells: the directory gives T and Z alike for volumes."""
    made = acquisition(12, n_channels=2, n_slices=4)
    path = czi(tmp_path / "x.czi", czi_images(made, by_slice=True), packing=packing)
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "repeats")


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_types_of_pixels(dtype: str, tmp_path: Path) -> None:
    images = [({"T": t}, np.full((9, 8), t, f"<{dtype}")) for t in range(3)]
    stack = open_stack(czi(tmp_path / "x.czi", images, packing=ZSTD))
    assert stack.dtype == np.dtype(dtype)
    assert stack.read(0, 3)[:, 0, 0, 0].tolist() == [0, 1, 2]


def test_scenes_are_images(tmp_path: Path) -> None:
    images = [
        ({"T": t, "S": s}, np.full((9, 8), 10 * s + t, "<u2")) for s in (0, 1) for t in (0, 1)
    ]
    path = czi(tmp_path / "x.czi", images)
    stack = open_stack(path)
    assert "The file holds 2 images: scene 0 was opened, not scene 1." in stack.remarks[0]
    for image in (1, "scene 1"):
        assert open_stack(path, image=image).read(0, 2)[:, 0, 0, 0].tolist() == [10, 11]
    with pytest.raises(nza.InputError, match="no image 'x': choose scene 0, scene 1"):
        open_stack(path, image="x")


def test_times_have_to_be_said(tmp_path: Path) -> None:
    path = zeiss()(tmp_path, acquisition())
    assert "for 12 time points, give `frame_rate_hz`" in open_stack(path).remarks[0]
    stack = open_stack(path, frame_rate_hz=4)
    assert stack.frame_times_s == pytest.approx(np.arange(12) / 4)


def test_an_acquisition_that_was_stopped(tmp_path: Path) -> None:
    made = acquisition(12, n_channels=2, n_slices=4)
    stack = open_stack(czi(tmp_path / "x.czi", czi_images(made)[:21]))
    np.testing.assert_array_equal(stack.read(0, 8), made.frames[:8])
    assert stack.n_frames == 8
    assert "The last frame lacks some of its 2 channels: it was left out." in stack.remarks
    assert "The last 2 frames, of an unfinished volume, were left out." in stack.remarks


def test_a_file_that_was_not_closed(tmp_path: Path) -> None:
    made = acquisition(12)
    path = czi(tmp_path / "x.czi", czi_images(made), closed=False)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(nza.InputError, match="truncated: only 11 frames are whole"):
        open_stack(path)
    stack = open_stack(path, whole_frames=True)
    np.testing.assert_array_equal(stack.read(0, 11), made.frames[:11])
    assert "ends within a frame: its 11 whole frames were opened." in " ".join(stack.remarks)


def test_what_is_said_goes_before_the_directory(tmp_path: Path) -> None:
    made = acquisition(12)
    stack = open_stack(zeiss()(tmp_path, made), axes="ZRYX", frames_per_slice=3)
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert (stack.n_slices, stack.order) == (4, "repeats")


def plain(n: int = 3, **places: int) -> list[tuple[dict[str, int], Any]]:
    return [({"T": t, **places}, np.ones((9, 8), "<u2")) for t in range(n)]


@pytest.mark.parametrize(
    ("images", "more", "said"),
    [
        (plain(), {"kind": 3}, "pictures in colour"),
        (plain(), {"kind": 77}, "pixels of a type that can't be read"),
        (plain() + plain(), {}, "frames of several tiles"),
        (plain(H=0) + plain(H=1), {}, "several phases of each frame"),
        ([*plain(2), ({"T": 2}, np.ones((9, 9), "<u2"))], {}, "several sizes or types"),
        ([], {}, "no image is found"),
    ],
)
def test_what_is_refused(
    images: list[Any], more: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(nza.InputError, match=said):
        open_stack(czi(tmp_path / "x.czi", images, **more))


def test_jpeg_xr_is_named(tmp_path: Path) -> None:
    path = czi(tmp_path / "x.czi", plain(), packing=4)
    with pytest.raises(nza.InputError, match="packed by JPEG XR, which can't be read: export"):
        open_stack(path)


@pytest.mark.parametrize("packing", [PLAIN, ZSTD_WITH_HEAD])
def test_a_file_spoilt_at_random(packing: int, tmp_path: Path) -> None:
    made = acquisition(6, n_channels=2, n_slices=3, size=(8, 8))
    path = czi(tmp_path / "x.czi", czi_images(made), ("green",), packing=packing)
    good, rng = path.read_bytes(), random.Random(0)
    for _ in range(200):
        spoilt = bytearray(good)
        for _ in range(rng.randint(1, 6)):
            spoilt[rng.randrange(len(spoilt))] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        path.write_bytes(spoilt[: rng.choice((len(spoilt), rng.randrange(len(spoilt))))])
        with suppress(nza.InputError):
            stack = open_stack(path, whole_frames=True)
            stack.read(0, min(stack.n_frames, 4))


def test_overviews_are_no_frames(tmp_path: Path) -> None:
    images = [*plain(), ({"T": 0}, np.ones((4, 4), "<u2"))]
    stack = open_stack(czi(tmp_path / "x.czi", images, n_overviews=1))
    assert stack.shape == (3, 1, 9, 8)


@pytest.mark.parametrize("packing", [PLAIN, ZSTD])
@pytest.mark.parametrize(("at", "form", "number"), [(40, "<q", 2**33), (32, "<i", 2**31 - 1)])
def test_no_memory_for_what_the_file_cannot_hold(
    at: int, form: str, number: int, packing: int, tmp_path: Path
) -> None:
    """Lengths of pixels and metadata in the head of an image are checked before they are read."""
    path = czi(tmp_path / "x.czi", plain(), packing=packing)
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, content.index(b"ZISRAWSUBBLOCK") + at, number)
    path.write_bytes(content)
    stack = open_stack(path)
    tracemalloc.start()
    with pytest.raises(nza.InputError, match="damaged at byte 544: copy it again"):
        stack.read(0, 1)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1e6


@pytest.mark.parametrize("packing", [PLAIN, ZSTD])
def test_images_larger_than_the_file(packing: int, tmp_path: Path) -> None:
    path = czi(tmp_path / "x.czi", plain(1), packing=packing)
    content = bytearray(path.read_bytes())
    dimensions = content.index(b"ZISRAWDIRECTORY") + 32 + 128 + 32
    for k in range(3):
        at = dimensions + 20 * k
        for size in (8, 16) if content[at : at + 1] in b"YX" else ():
            struct.pack_into("<i", content, at + size, 99999)
    path.write_bytes(content)
    with pytest.raises(nza.InputError, match="too small for 1 image"):
        open_stack(path)


def test_a_place_beyond_the_file_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    path = czi(tmp_path / "x.czi", plain())
    content = bytearray(path.read_bytes())
    at = content.index(b"ZISRAWDIRECTORY") + 32 + 128
    struct.pack_into("<q", content, at + 6, 2**62)
    path.write_bytes(content)
    with pytest.raises(nza.InputError, match="damaged at byte"):
        open_stack(path).read(0, 3)
