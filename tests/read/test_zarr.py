"""Zarr folders, plain and OME-Zarr."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec

import napari_zstack_align as nza
from napari_zstack_align import checked_blosc
from napari_zstack_align.read import open_stack


@pytest.mark.parametrize("version", [2, 3])
def test_plain_array(version: Any, tmp_path: Path, frames: Any) -> None:
    path = tmp_path / "x.zarr"
    array = zarr.create_array(
        path, shape=frames.shape, dtype="u2", chunks=(5, 20, 30), zarr_format=version
    )
    array[:] = frames
    stack = open_stack(path)
    assert stack.name == "x"
    source = pickle.loads(pickle.dumps(stack.source))
    np.testing.assert_array_equal(source.read(3, 9)[:, 0], frames[3:9])


@pytest.mark.parametrize("version", [2, 3])
def test_ome_zarr(version: Any, tmp_path: Path, frames: Any) -> None:
    path = tmp_path / "x.ome.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=version)
    array = group.create_array("0", shape=(2, 2, 3, 20, 30), dtype="u2")
    array[:] = frames.reshape(2, 2, 3, 20, 30)
    axes = [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "c", "type": "channel"},
        *({"name": a, "type": "space", "unit": "micrometer"} for a in "zyx"),
    ]
    scale = {"type": "scale", "scale": [0.6, 1, 2, 0.8, 0.5]}
    image = {
        "multiscales": [
            {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}
        ],
        "omero": {"channels": [{"label": "green"}, {"label": "red"}]},
    }
    group.attrs.update({"ome": image} if version == 3 else image)
    stack = open_stack(path)
    assert stack.shape == (6, 2, 20, 30)
    assert (stack.frames_per_slice, stack.order) == (2, "slices")
    assert (stack.pixel_size_um, stack.z_step_um) == ((0.8, 0.5), 2)
    assert stack.channel_names == ("green", "red")
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s, np.arange(6) * 0.2)
    expected = frames.reshape(2, 2, 3, 20, 30).swapaxes(1, 2).reshape(6, 2, 20, 30)
    np.testing.assert_array_equal(stack.read(0, 6), expected)


TRANSFORMS: dict[str, Any] = {
    "of the image alone": ([1, 1, 1, 1], [100, 2, 0.8, 0.5]),
    "of both": ([50, 1, 0.8, 0.25], [2, 2, 1, 2]),
    "of the resolution alone": ([100, 2, 0.8, 0.5], None),
}


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("own", "whole"), TRANSFORMS.values(), ids=TRANSFORMS)
def test_scales_of_the_image_apply_after_those_of_its_resolutions(
    own: Any, whole: Any, version: Any, tmp_path: Path, frames: Any
) -> None:
    stack = open_stack(write_scaled(tmp_path, frames, version, own, whole))
    assert stack.pixel_size_um == pytest.approx((0.8, 0.5))
    assert stack.z_step_um == pytest.approx(2)
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s, np.arange(12) * 0.1 / 3)
    assert not stack.remarks


@pytest.mark.parametrize("whole", [[2, 2], "elsewhere", [0, 0, 0, 0]])
def test_scales_that_cannot_be_read_leave_sizes_unknown(
    whole: Any, tmp_path: Path, frames: Any
) -> None:
    stack = open_stack(write_scaled(tmp_path, frames, 3, [1, 2, 0.8, 0.5], whole))
    assert (stack.pixel_size_um, stack.z_step_um, stack.frame_times_s) == (None, None, None)


def test_an_unknown_unit_is_named(tmp_path: Path, frames: Any) -> None:
    path = write_scaled(tmp_path, frames, 3, [1, 2, 0.8, 0.5], None, ("fortnight", "furlong"))
    stack = open_stack(path)
    assert (stack.pixel_size_um, stack.z_step_um, stack.frame_times_s) == (None, None, None)
    assert {unit for unit in ("fortnight", "furlong") for r in stack.remarks if unit in r} == {
        "fortnight",
        "furlong",
    }
    assert all(remark.is_warning for remark in stack.remarks)


def write_scaled(
    folder: Path,
    frames: Any,
    version: Any,
    own: Any,
    whole: Any,
    units: tuple[str, str] = ("millisecond", "micrometer"),
) -> Path:
    """Write volumes that repeat, with scales of the resolution and of the whole image."""
    path = folder / "x.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=version)
    group.create_array("0", data=frames.reshape(4, 3, 20, 30))
    axes = [
        {"name": "t", "type": "time", "unit": units[0]},
        *({"name": a, "type": "space", "unit": units[1]} for a in "zyx"),
    ]
    steps = [{"type": "scale", "scale": own}]
    image: Any = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": steps}]}
    if isinstance(whole, str):
        image["coordinateTransformations"] = [{"type": "scale", "path": whole}]
    elif whole is not None:
        shift = {"type": "translation", "translation": [5, 5, 5, 5]}
        image["coordinateTransformations"] = [{"type": "scale", "scale": whole}, shift]
    group.attrs.update(
        {"ome": {"multiscales": [image]}} if version == 3 else {"multiscales": [image]}
    )
    return path


@pytest.mark.parametrize("axes", ["xyx", "yyx", "ttyx", "zxyx", "qyx", "xy", "tyxc"])
@pytest.mark.parametrize("version", [2, 3])
def test_axes_that_are_none_or_there_twice(version: Any, tmp_path: Path, axes: str) -> None:
    group = zarr.open_group(tmp_path / "x.zarr", mode="w", zarr_format=version)
    group.create_array("0", data=np.ones((5, 20, 24, 3)[: len(axes)], "u2"))
    described = {"axes": [{"name": a} for a in axes], "datasets": [{"path": "0"}]}
    image = {"multiscales": [described]}
    group.attrs.update({"ome": image} if version == 3 else image)
    with pytest.raises(
        nza.InputError, match=f"has the axes '{axes.upper()}', but T, V, C, Z, R, Y, X"
    ):
        open_stack(tmp_path / "x.zarr")


def test_a_group_without_image(tmp_path: Path) -> None:
    zarr.open_group(tmp_path / "x.zarr", mode="w")
    with pytest.raises(nza.InputError, match="without an OME-Zarr image"):
        open_stack(tmp_path / "x.zarr")


def test_damaged(tmp_path: Path) -> None:
    (tmp_path / "x.zarr").mkdir()
    (tmp_path / "x.zarr" / "zarr.json").write_text("{")
    with pytest.raises(nza.InputError, match="can't be read as zarr"):
        open_stack(tmp_path / "x.zarr")


def test_a_description_that_zarr_takes_once_but_not_twice(tmp_path: Path) -> None:
    path = tmp_path / "x.zarr"
    options = {"chunks": (1, 20, 24), "compressors": zarr.codecs.BloscCodec()}
    zarr.create_array(path, data=np.ones((2, 20, 24), "u2"), **options)
    described = json.loads((path / "zarr.json").read_text("utf-8"))
    described["storage_transformers"] = [None]
    (path / "zarr.json").write_text(json.dumps(described), "utf-8")
    with pytest.raises(nza.InputError, match="can't be read as zarr"):
        open_stack(path)


@pytest.mark.parametrize("shape", [(2, 2**40, 8, 9), (2**40, 2, 8, 9)], ids=["channels", "frames"])
def test_a_shape_that_cannot_be(shape: Any, tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "x.zarr", shape=shape, chunks=(1, 1, 8, 9), dtype="u2")
    with pytest.raises(nza.InputError, match="what it says of its shape is damaged"):
        open_stack(tmp_path / "x.zarr")


def test_colours(tmp_path: Path) -> None:
    zarr.save_array(tmp_path / "x.zarr", np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(nza.InputError, match="RGB colours"):
        open_stack(tmp_path / "x.zarr")


def test_a_fault_of_ours_in_unpacking_is_no_damage(tmp_path: Path, monkeypatch: Any) -> None:
    array = zarr.create_array(
        tmp_path / "a.zarr", shape=(4, 8, 8), chunks=(1, 8, 8), dtype="u2", compressors=BloscCodec()
    )
    array[:] = 7
    stack = nza.open_stack(tmp_path / "a.zarr")
    assert (stack.read(0, 4) == 7).all()

    monkeypatch.setattr(checked_blosc, "ROOM", None)
    with pytest.raises(TypeError):
        stack.read(0, 4)


def write_several(path: Path, n_images: int, version: Any) -> None:
    """Images as bioformats2raw writes them: a numbered group each."""
    root = zarr.open_group(path, mode="w", zarr_format=version)
    layout = {"bioformats2raw.layout": 3}
    root.attrs.update({"ome": layout} if version == 3 else layout)
    root.create_group("OME")
    for i in range(n_images):
        group = root.create_group(str(i))
        array = group.create_array("0", shape=(4, 20, 30), dtype="u2")
        array[:] = i + 1
        axes = [{"name": a} for a in "tyx"]
        image = {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
        group.attrs.update({"ome": image} if version == 3 else image)


@pytest.mark.slow
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(("image", "value"), [(0, 1), (1, 2), ("10", 11)])
def test_images_of_bioformats2raw(version: Any, image: Any, value: int, tmp_path: Path) -> None:
    write_several(tmp_path / "x.zarr", 11, version)
    stack = open_stack(tmp_path / "x.zarr", image=image)
    assert (stack.read(0, 4) == value).all()
    assert "holds 11 images, of which one was opened" in stack.remarks[0]


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    write_several(tmp_path / "one.zarr", 1, 3)
    assert not open_stack(tmp_path / "one.zarr").remarks
    for image in (1, -1, "OME", "a"):
        with pytest.raises(nza.InputError, match="has no image"):
            open_stack(tmp_path / "one.zarr", image=image)
    write_several(tmp_path / "none.zarr", 0, 3)
    with pytest.raises(nza.InputError, match="holds no image"):
        open_stack(tmp_path / "none.zarr")


def test_long_chunks_are_told(tmp_path: Path) -> None:
    for chunks, is_told in (((8, 512, 512), True), ((1, 512, 512), False), ((8, 64, 64), False)):
        path = tmp_path / f"{chunks[0]}_{chunks[1]}.zarr"
        zarr.create_array(path, shape=(16, 512, 512), dtype="u2", chunks=chunks)
        remarks = " ".join(map(str, open_stack(path).remarks))
        assert ("holds 8 frames, and all of them are read for one" in remarks) is is_told
