"""HDF5: which dataset is opened, what its attributes say, and files that are damaged."""

from __future__ import annotations

import json
import random
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.progress import run
from napari_zstack_align.read import holds_frames, open_plane, open_stack
from napari_zstack_align.read._format import Wish
from napari_zstack_align.read.hdf5 import datasets
from napari_zstack_align.read.hdf5.files import open_dataset
from napari_zstack_align.remark import RemarkCode
from napari_zstack_align.write.export import OUTSIDE_OF_VOLUMES, export_volume
from napari_zstack_align.write.hdf5 import write_hdf5
from napari_zstack_align.write.image import Image


def file_of(folder: Path, **datasets: Any) -> Path:
    with h5py.File(folder / "x.h5", "w") as file:
        for name, data in datasets.items():
            file[name.replace("__", "/")] = data
    return folder / "x.h5"


def test_the_only_frames_among_tables(tmp_path: Path, frames: Any) -> None:
    path = file_of(
        tmp_path, a__movie1=frames, traces=np.zeros((400, 900)), poses=np.zeros((999, 40, 3)), n=7
    )
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
    assert not stack.remarks


@pytest.mark.parametrize(
    ("datasets", "chosen"),
    [
        ({"a": (4, 20, 30), "b": (9, 20, 30)}, "b"),
        ({"a__mov": (4, 20, 30), "b": (9, 20, 30)}, "a/mov"),
        ({"a__mov": (4, 20, 30), "b": (90, 20, 30)}, "b"),
        ({"mov": (64, 64), "b": (3, 10, 10)}, "b"),
    ],
    ids=["largest", "well-known", "far larger", "several frames"],
)
def test_one_of_several_is_chosen_and_the_others_are_named(
    datasets: Any, chosen: str, tmp_path: Path
) -> None:
    path = file_of(tmp_path, **{name: np.ones(shape, "u2") for name, shape in datasets.items()})
    names = {name.replace("__", "/") for name in datasets}
    opened = open_dataset(path)
    shape = datasets[chosen.replace("/", "__")]
    assert opened.source.shape == (shape[0], 1, *shape[1:])
    other = (names - {chosen}).pop()
    expected = open_dataset(path, Wish(image=other))
    assert expected.source.shape[2:] == datasets[other.replace("/", "__")][-2:]
    assert open_dataset(path, Wish(image=1)).source.shape == expected.source.shape
    assert not expected.facts.remarks
    if len(datasets[other.replace("/", "__")]) > 2:
        [remark] = opened.facts.remarks
        assert f"'{chosen}' (" in remark
        assert f"not '{other}' (" in remark
        assert not remark.is_warning


@pytest.mark.parametrize("dataset", ["c", "group", 2, -1, "../x"])
def test_a_dataset_that_is_not_there(dataset: Any, tmp_path: Path, frames: Any) -> None:
    path = file_of(tmp_path, group__a=frames, b=frames)
    with pytest.raises(nza.InputError, match=r"choose '(group/a|b)' \(12 × 20 × 30 uint16\), "):
        open_dataset(path, Wish(image=dataset))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((20, 30), (1, 1, 20, 30)),
        ((12, 20, 30), (12, 1, 20, 30)),
        ((6, 2, 20, 30), (6, 2, 20, 30)),
        ((3, 2, 2, 20, 30), (6, 2, 20, 30)),
        ((3, 2, 20, 30, 2), (6, 2, 20, 30)),
    ],
    ids=str,
)
def test_axes_without_names(shape: Any, expected: Any, tmp_path: Path) -> None:
    stack = open_stack(file_of(tmp_path, x=np.ones(shape, "u2")))
    assert stack.shape == expected
    assert any("taken for (frames, channels, y, x)" in r for r in stack.remarks) == (
        len(shape) == 4
    )


@pytest.mark.parametrize("how", ["labels", "letters", "texts", "axistags"])
def test_axes_with_names(how: str, tmp_path: Path, frames: Any) -> None:
    data = frames.reshape(4, 3, 20, 30)
    path = file_of(tmp_path, x=data)
    with h5py.File(path, "r+") as file:
        dataset = file["x"]
        if how == "labels":
            for dim, label in zip(dataset.dims, ["Slice", "frame", "Height", "width"], strict=True):
                dim.label = label
        elif how == "axistags":
            dataset.attrs["axistags"] = json.dumps({"axes": [{"key": a} for a in "ztyx"]})
        else:
            dataset.attrs["axes"] = "z,t,y,x" if how == "letters" else [*"ztyx"]
    stack = open_stack(path)
    assert (stack.n_frames, stack.frames_per_slice, stack.order) == (12, 3, "repeats")
    assert not stack.remarks


def test_names_of_axes_that_are_unknown(tmp_path: Path, frames: Any) -> None:
    path = file_of(tmp_path, x=frames)
    with h5py.File(path, "r+") as file:
        file["x"].attrs["axes"] = "qyx"
    [remark] = open_stack(path).remarks
    assert remark.startswith("The file calls its axes q, y, x, which aren't known")


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("fr", 20.0, ("frame_interval_s", 0.05)),
        ("fr", [20.0], ("frame_interval_s", 0.05)),
        ("fr", "20", ("frame_interval_s", 0.05)),
        ("fr", "fast", ("frame_interval_s", None)),
        ("fr", -20.0, ("frame_interval_s", None)),
        ("fr", [20.0, 30.0], ("frame_interval_s", None)),
        ("fr", np.nan, ("frame_interval_s", None)),
        ("pixel_size_um", [0.8, 0.5], ("pixel_size_um", (0.8, 0.5))),
        ("pixel_size_um", 0.8, ("pixel_size_um", None)),
        ("pixel_size_um", [0.0, 0.5], ("pixel_size_um", None)),
        ("element_size_um", [3.0, 0.8, 0.5], ("pixel_size_um", (0.8, 0.5))),
        ("element_size_um", [b"a", b"b", b"c"], ("pixel_size_um", None)),
        ("channel_name", 7, ("channel_names", ("channel 0",))),
        ("channel_names", [1, 2], ("channel_names", ("channel 0",))),
        ("axistags", "{", ("n_frames", 12)),
        ("axes", 3, ("n_frames", 12)),
    ],
)
def test_attributes(name: str, value: Any, found: Any, tmp_path: Path, frames: Any) -> None:
    path = file_of(tmp_path, x=frames)
    with h5py.File(path, "r+") as file:
        file["x"].attrs[name] = value
    assert getattr(open_stack(path), found[0]) == (
        found[1] if found[1] is None or isinstance(found[1], tuple) else pytest.approx(found[1])
    )


def test_our_export_says_what_was_cut_away(tmp_path: Path, frames: Any) -> None:
    image = Image(frames, "TYX", crop_origin_yx=(3, 4), outside=OUTSIDE_OF_VOLUMES)
    stack = open_stack(run(write_hdf5(tmp_path / "x.h5", image)))
    _, cropped, exported = stack.remarks
    assert cropped == "The frames were cropped: their first pixel was (3, 4)."
    assert exported.code is RemarkCode.RESAMPLED


@pytest.mark.parametrize("name", ["x.h5", "x.ome.tif", "x.ome.zarr"])
def test_what_was_written_but_not_aligned_is_not_called_so(name: str, tmp_path: Path) -> None:
    """Arrays of any kind are written, too."""
    volume = np.random.default_rng(0).integers(0, 99, (5, 40, 50)).astype(np.uint16)
    stack = open_stack(run(export_volume(tmp_path / name, volume, "TYX")))
    assert not [remark for remark in stack.remarks if remark.code is RemarkCode.RESAMPLED]


def test_other_types_of_numbers(tmp_path: Path, frames: Any) -> None:
    for dtype in (">u2", ">f4", "i1", "f8", "f2"):
        data = frames.astype(dtype)
        stack = open_stack(file_of(tmp_path, x=data))
        assert stack.dtype == np.dtype(dtype).newbyteorder("=")
        np.testing.assert_array_equal(stack.read(0, 12)[:, 0], data)


def test_chunks_of_any_form(tmp_path: Path, frames: Any) -> None:
    for chunks in ((1, 20, 30), (5, 20, 30), (5, 7, 9), (1, 20, 31), (12, 1, 1)):
        with h5py.File(tmp_path / "x.h5", "w") as file:
            file.create_dataset("x", data=frames, chunks=chunks, maxshape=(None, None, None))
        stack = open_stack(tmp_path / "x.h5")
        np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
        np.testing.assert_array_equal(stack.read(6, 8)[:, 0], frames[6:8])


def test_a_block_before_the_file(tmp_path: Path, frames: Any) -> None:
    with h5py.File(tmp_path / "a.h5", "w", userblock_size=512) as file:
        file["x"] = frames
    stack = open_dataset(tmp_path / "a.h5")
    np.testing.assert_array_equal(stack.source.read(3, 5)[:, 0], frames[3:5])


def test_masks(tmp_path: Path, frames: Any) -> None:
    path = file_of(tmp_path, x=frames[0] > 9000)
    np.testing.assert_array_equal(open_plane(path).read(0, 1)[0, 0], frames[0] > 9000)


@pytest.mark.parametrize("data", [np.zeros((20, 30, 3), np.uint8)], ids=["colours"])
def test_colours(data: Any, tmp_path: Path) -> None:
    path = file_of(tmp_path, x=data)
    assert not holds_frames(path)
    with pytest.raises(nza.InputError, match="without a dataset that looks like frames"):
        open_stack(path)
    with pytest.raises(nza.InputError, match="RGB colours"):
        open_dataset(path, Wish(image="x"))


def test_frames_that_were_never_written_are_told(tmp_path: Path, frames: Any) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("x", shape=(20, 20, 30), dtype="u2", chunks=(1, 20, 30))
        dataset[:12] = frames
        file.create_dataset("y", shape=(3, 9, 9), dtype="u2")
    stack = open_stack(tmp_path / "x.h5")
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
    assert stack.remarks[0].startswith("8 of 20 pieces of 'x' were never written and read as 0")
    assert stack.remarks[0].is_warning
    assert (
        open_dataset(tmp_path / "x.h5", Wish(image="y"))
        .facts.remarks[0]
        .startswith("All frames of 'y'")
    )


def test_frames_in_a_file_that_is_gone(tmp_path: Path, frames: Any) -> None:
    with h5py.File(tmp_path / "part.h5", "w") as file:
        file["x"] = frames
    layout = h5py.VirtualLayout(shape=frames.shape, dtype="u2")
    layout[:] = h5py.VirtualSource("part.h5", "x", shape=frames.shape)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_virtual_dataset("x", layout)
    np.testing.assert_array_equal(open_stack(tmp_path / "x.h5").read(0, 12)[:, 0], frames)
    (tmp_path / "part.h5").unlink()
    with pytest.raises(nza.InputError, match=r"refers to part\.h5, which isn't there"):
        open_stack(tmp_path / "x.h5")


def test_results_beside_images_are_left_out(tmp_path: Path, frames: Any) -> None:
    (tmp_path / "run").mkdir()
    for t, frame in enumerate(frames):
        np.save(tmp_path / "run" / f"{t}.npy", frame)
    file_of(tmp_path / "run", x=frames[:, :9, :9])
    stack = open_stack(tmp_path / "run")
    assert stack.n_frames == 12
    assert [*stack.remarks] == ["1 other file of the folder run was left out."]


def test_a_file_that_changed_since(tmp_path: Path, frames: Any) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=frames, compression="gzip")
    stack = open_stack(tmp_path / "x.h5")
    file_of(tmp_path, x=frames[:5])
    with pytest.raises(nza.InputError, match="has changed since it was opened"):
        stack.read(0, 1)
    file_of(tmp_path, y=frames)
    with pytest.raises(nza.InputError, match="can't be read as HDF5"):
        stack.read(0, 1)


def test_a_file_that_is_being_written(tmp_path: Path, frames: Any, monkeypatch: Any) -> None:
    path = file_of(tmp_path, x=frames)

    def locked(*_: Any) -> None:
        raise BlockingIOError(11, "Unable to synchronously open file (unable to lock file, ...)")

    monkeypatch.setattr(h5py, "File", locked)
    with pytest.raises(nza.InputError, match="written by another program"):
        open_stack(path)


def test_a_fault_of_ours_is_no_damage(tmp_path: Path, frames: Any, monkeypatch: Any) -> None:
    path = file_of(tmp_path, x=frames)
    monkeypatch.setattr(datasets, "_place", None)
    with h5py.File(path, "r+") as file:
        del file["x"]
        file.create_dataset("x", data=frames, chunks=(1, 20, 30))
    with pytest.raises(TypeError):
        open_stack(path)


def test_without_the_package(tmp_path: Path, frames: Any, monkeypatch: Any) -> None:
    path = file_of(tmp_path, x=frames)
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.setattr("napari_zstack_align.extras.find_spec", lambda _: None)
    with pytest.raises(nza.InputError, match=r"needs h5py.*napari-zstack-align\[hdf5\]'"):
        open_stack(path)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_a_file_that_is_cut(packed: bool, tmp_path: Path, frames: Any) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        options = {"compression": "gzip"} if packed else {}
        file.create_dataset("x", data=frames, **options)
    content = (tmp_path / "x.h5").read_bytes()
    for end in (20, 100, 900, len(content) // 2, len(content) - 1):
        (tmp_path / "x.h5").write_bytes(content[:end])
        with pytest.raises(nza.InputError, match=r"x\.h5 .* copy it again"):
            open_stack(tmp_path / "x.h5")


@pytest.mark.parametrize("seed", range(40))
def test_a_spoilt_file_is_one_sentence(seed: int, tmp_path: Path, frames: Any) -> None:
    rng = random.Random(seed)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        dataset = file.create_dataset("a/mov", data=frames, compression=rng.choice([None, "gzip"]))
        dataset.attrs["fr"] = 30.0
    content = bytearray((tmp_path / "x.h5").read_bytes())
    start = rng.choice([8, 96, 600, len(content) - 900])
    length = rng.choice([1, 8, 80])
    for k in range(start, start + length):
        content[k] = rng.choice([0, 255, rng.randrange(256)])
    (tmp_path / "x.h5").write_bytes(content)
    with suppress(nza.InputError):
        open_stack(tmp_path / "x.h5").read(0, 12)


def test_long_chunks_are_told(tmp_path: Path) -> None:
    for chunks, is_told in (((8, 512, 512), True), ((1, 512, 512), False), (None, False)):
        path = tmp_path / f"{chunks}.h5"
        with h5py.File(path, "w") as file:
            made = file.create_dataset("data", (8, 512, 512), "u2", chunks=chunks)
            made[:] = 1
        remarks = " ".join(map(str, open_stack(path).remarks))
        assert ("holds 8 frames, and all of them are read for one" in remarks) is is_told
