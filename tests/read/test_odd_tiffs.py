"""TIFF files that say something else than what they hold: what is whole is opened, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack

MOVIE = np.random.default_rng(3).integers(0, 9999, (20, 24, 32)).astype(np.uint16)


def broken_off(path: Path, **options: Any) -> Path:
    """A file that the microscope left in its last frame."""
    with tifffile.TiffWriter(path) as tiff:
        for frame in MOVIE:
            tiff.write(frame, contiguous=False, metadata=None, **options)
    path.write_bytes(path.read_bytes()[:-1000])
    return path


def imagej_broken_off(path: Path) -> Path:
    """A file that describes one page, with the frames behind it."""
    tifffile.imwrite(path, MOVIE, imagej=True, metadata={"axes": "TYX"}, truncate=True)
    path.write_bytes(path.read_bytes()[:-1000])
    return path


@pytest.mark.parametrize("write", [broken_off, imagej_broken_off])
def test_whole_frames_of_a_file_that_breaks_off_by_consent(write: Any, tmp_path: Path) -> None:
    path = write(tmp_path / "x.tif")
    with pytest.raises(nza.InputError, match=r"19 of its 20 frames are whole.*`whole_frames=True`"):
        open_stack(path)
    stack = open_stack(path, whole_frames=True)
    np.testing.assert_array_equal(stack.read(0, 19)[:, 0], MOVIE[:19])
    assert any("19 whole frames of 20" in r and r.is_warning for r in stack.remarks)


def test_pages_that_the_file_does_not_reach(tmp_path: Path) -> None:
    path = broken_off(tmp_path / "x.tif", compression="zlib")
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(nza.InputError, match=r"are whole.*`whole_frames=True`"):
        open_stack(path)
    stack = open_stack(path, whole_frames=True)
    np.testing.assert_array_equal(stack.read(0, stack.n_frames)[:, 0], MOVIE[: stack.n_frames])
    assert 10 < stack.n_frames < 20


def test_no_whole_frame(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "x.tif", MOVIE[0])
    whole = (tmp_path / "x.tif").read_bytes()
    (tmp_path / "x.tif").write_bytes(whole[:-100])
    with pytest.raises(nza.InputError, match="0 of its 1 frame are whole; copy it again") as told:
        open_stack(tmp_path / "x.tif", whole_frames=True)
    assert "whole_frames" not in str(told.value)


@pytest.mark.parametrize("behind", [False, True])
def test_a_frame_with_the_header_of_its_stack(behind: bool, tmp_path: Path) -> None:
    header = "ImageJ=1.53t\nimages=3500\nslices=3500\nloop=false\n"
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, MOVIE[0], description=header, metadata=None)
    if behind:  # the tags follow the pixels
        tags_behind(path)
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 1)[0, 0], MOVIE[0])
    assert stack.n_frames == 1
    assert any("3,500 planes, but 1 is there" in remark for remark in stack.remarks)


def tags_behind(path: Path) -> None:
    """Move the pixels of a file of one page before its tags, by a copy of both at its end."""
    whole = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        offset, position = page.dataoffsets[0], page.tags["ImageDescription"].valueoffset
        entry = page.tags["ImageDescription"].offset
        text = whole[position : position + page.tags["ImageDescription"].count]
    assert offset + MOVIE[0].nbytes == len(whole)
    whole[entry + 8 : entry + 12] = len(whole).to_bytes(4, "little")
    path.write_bytes(bytes(whole + text))


def two_images(path: Path) -> Path:
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(MOVIE, metadata={"axes": "TYX", "Name": "movie"})
        tiff.write(MOVIE[:2, :12, :12].astype("u1"), metadata={"axes": "TYX", "Name": "labels"})
    return path


def test_one_of_several_images(tmp_path: Path) -> None:
    path = two_images(tmp_path / "x.ome.tif")
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 20)[:, 0], MOVIE)
    assert any("movie was opened, not labels" in r and not r.is_warning for r in stack.remarks)
    for image in (1, "labels"):
        other = open_stack(path, image=image)
        assert (other.shape, other.dtype) == ((2, 1, 12, 12), np.uint8)
        np.testing.assert_array_equal(other.read(0, 2)[:, 0], MOVIE[:2, :12, :12].astype("u1"))
    for image in (2, "masks"):
        with pytest.raises(nza.InputError, match=r"has no image .* 0 to 1 \(movie, labels\)"):
            open_stack(path, image=image)


@pytest.mark.parametrize(
    ("unit", "per_unit", "is_print"),
    [("cm", 1, True), ("inch", 72, True), ("cm", 10000, False), ("mm", 10, False)],
)
def test_the_size_of_a_print_is_none(
    unit: str, per_unit: float, is_print: bool, tmp_path: Path
) -> None:
    metadata = {"axes": "TYX", "unit": unit}
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, MOVIE, imagej=True, resolution=(per_unit, per_unit), metadata=metadata)
    stack = open_stack(path)
    assert (stack.pixel_size_um is None) is is_print
    assert any("print setting" in remark for remark in stack.remarks) is is_print


@pytest.mark.parametrize("name", ["AVG_Img.tif", "MAX_Img.tif", "STD_Img_0001.tif", "SUM_Img.tif"])
def test_projections_beside_frames_are_left_out(name: str, tmp_path: Path) -> None:
    for i in range(5):
        tifffile.imwrite(tmp_path / f"Img_{i}.tif", MOVIE[i])
    tifffile.imwrite(tmp_path / name, MOVIE[0])
    stack = open_stack(tmp_path)
    assert stack.n_frames == 5
    assert any(f"{name} was left out: a projection" in remark for remark in stack.remarks)


def test_a_folder_of_projections(tmp_path: Path) -> None:
    for i in range(3):
        tifffile.imwrite(tmp_path / f"MAX_{i}.tif", MOVIE[i])
    assert open_stack(tmp_path).n_frames == 3
