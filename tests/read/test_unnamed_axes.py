"""Arrays of four axes without names: what these are taken for is said."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import zarr

import napari_zstack_align as nza

FRAMES = np.zeros((12, 3, 40, 50), np.uint16)


@pytest.mark.parametrize(("n", "is_warning"), [(3, False), (9, True)])
def test_zarr_without_names(tmp_path, n, is_warning):
    data = np.zeros((12, n, 40, 50), np.uint16)
    zarr.create_array(str(tmp_path / "x.zarr"), data=data)
    stack = nza.open_stack(tmp_path / "x.zarr")
    assert stack.shape == data.shape
    (remark,) = stack.remarks
    assert remark.is_warning == is_warning
    assert f"four axes are taken for (frames, channels, y, x): 12 frames of {n} channels" in remark
    assert remark.endswith("say so: `axes='ZRYX'`.")
    as_said = nza.open_stack(tmp_path / "x.zarr", axes="ZRYX")
    assert as_said.shape == (12 * n, 1, 40, 50)
    assert (as_said.n_slices, as_said.frames_per_slice, as_said.order) == (12, n, "repeats")


@pytest.mark.parametrize(
    ("names", "shape", "repeats"),
    [("tcyx", (12, 3), None), ("ztyx", (36, 1), 3), (["time", "c", "y", "x"], (12, 3), None)],
)
def test_zarr_with_names(tmp_path, names, shape, repeats):
    zarr.create_array(str(tmp_path / "x.zarr"), data=FRAMES, dimension_names=[*names])
    stack = nza.open_stack(tmp_path / "x.zarr")
    assert stack.shape[:2] == shape
    assert stack.frames_per_slice == repeats
    assert not stack.remarks


@pytest.mark.parametrize("names", [["a", "b", "y", "x"], ["t", None, "y", "x"], "yxtc", "ttyx"])
def test_zarr_with_names_of_other_things(tmp_path, names):
    zarr.create_array(str(tmp_path / "x.zarr"), data=FRAMES, dimension_names=[*names])
    stack = nza.open_stack(tmp_path / "x.zarr")
    assert "four axes are taken for" in stack.remarks[0]


def test_tiff_without_names(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", FRAMES, photometric="minisblack")
    stack = nza.open_stack(tmp_path / "x.tif")
    assert stack.shape[:2] == (36, 1)
    (remark,) = stack.remarks
    assert not remark.is_warning
    assert "its 12 × 3 images are taken for 36 frames after one another" in remark
    assert "give `frames_per_slice=3`" in remark


@pytest.mark.parametrize("axes", ["TCYX", "TZYX"])
def test_tiff_with_names(tmp_path, axes):
    tifffile.imwrite(tmp_path / "x.tif", FRAMES, photometric="minisblack", metadata={"axes": axes})
    assert not nza.open_stack(tmp_path / "x.tif").remarks


def test_three_axes_need_no_names(tmp_path):
    tifffile.imwrite(tmp_path / "x.tif", FRAMES[:, 0], photometric="minisblack")
    zarr.create_array(str(tmp_path / "x.zarr"), data=FRAMES[:, 0])
    for name in ("x.tif", "x.zarr"):
        assert not nza.open_stack(tmp_path / name).remarks
