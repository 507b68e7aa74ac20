"""Folders and lists of files as one Stack, in natural order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack
from napari_zstack_align.read._npy import FORMAT
from napari_zstack_align.read._sequence import in_sequence


def write_pages(folder: Path, frames: Any, **options: Any) -> list[Path]:
    """One file a frame: Img_1.tif, Img_2.tif, ... unpadded."""
    paths = [folder / f"Img_{i}.tif" for i in range(1, len(frames) + 1)]
    for path, frame in zip(paths, frames, strict=True):
        tifffile.imwrite(path, frame, **options)
    return paths


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"imagej": True}], ids=str)
def test_a_folder_is_read_in_natural_order(
    options: dict[str, Any], tmp_path: Path, frames: Any
) -> None:
    folder = tmp_path / "run 3"
    folder.mkdir()
    paths = write_pages(folder, frames, **options)
    (folder / "notes.txt").write_text("a note")
    (folder / ".hidden.tif").write_text("not an image")
    stack = open_stack(folder)
    assert stack.paths == tuple(paths)
    assert stack.name == "run 3"
    assert stack.remarks == ("1 other file of the folder run 3 was left out.",)
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
    np.testing.assert_array_equal(stack.read(8, 11)[:, 0], frames[8:11])


def test_a_list_is_sorted_naturally(tmp_path: Path, frames: Any) -> None:
    paths = write_pages(tmp_path, frames)
    stack = open_stack(sorted(map(str, paths)), frames_per_slice=4)
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)
    assert stack.n_slices == 3


def test_files_of_different_length_and_compression(tmp_path: Path, frames: Any) -> None:
    tifffile.imwrite(tmp_path / "a1.tif", frames[:2])
    tifffile.imwrite(tmp_path / "a2.tif", frames[2:10], compression="zlib", byteorder=">")
    tifffile.imwrite(tmp_path / "a10.tif", frames[10:], metadata={"axes": "TYX"})
    stack = open_stack(tmp_path)
    np.testing.assert_array_equal(stack.read(0, 12)[:, 0], frames)


LISTS: dict[str, Any] = {
    "recordings go on": ("TYX", (6,), (12, 1, None, None)),
    "volumes repeat": ("ZYX", (6,), (12, 1, 2, "slices")),
    "volume recordings go on": ("TZYX", (2, 3), (12, 1, 4, "slices")),
    "slices of repeats go on": ("ZTYX", (2, 3), (12, 1, 3, "repeats")),
    "channels stay": ("TCYX", (3, 2), (6, 2, None, None)),
}


@pytest.mark.filterwarnings("ignore:.*stored as RGB:DeprecationWarning")
@pytest.mark.parametrize(("axes", "sizes", "expected"), LISTS.values(), ids=LISTS)
def test_axes_over_two_files(
    axes: str, sizes: tuple[int, ...], expected: Any, tmp_path: Path, frames: Any
) -> None:
    for name, part in (("a", frames[:6]), ("b", frames[6:])):
        data = part.reshape(*sizes, 20, 30)
        tifffile.imwrite(tmp_path / f"{name}.tif", data, metadata={"axes": axes})
    stack = open_stack(tmp_path)
    assert (*stack.shape[:2], stack.frames_per_slice, stack.order) == expected
    np.testing.assert_array_equal(stack.read(0, stack.n_frames).reshape(frames.shape), frames)


def test_hyperstacks_of_one_description_each(tmp_path: Path, frames: Any) -> None:
    """As ImageJ writes above 4 GB: the second file must not count as one frame."""
    for name, part in (("a", frames[:6]), ("b", frames[6:])):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, part, imagej=True, truncate=True, metadata={"axes": "TYX"})
    np.testing.assert_array_equal(open_stack(tmp_path).read(0, 12)[:, 0], frames)


def test_mixed_formats(tmp_path: Path, frames: Any) -> None:
    np.save(tmp_path / "a1.npy", frames[:5])
    tifffile.imwrite(tmp_path / "a2.tif", frames[5:])
    stack = open_stack(tmp_path)
    np.testing.assert_array_equal(stack.read(3, 9)[:, 0], frames[3:9])


MIXED: dict[str, Any] = {
    "shape": ((8, 30), "uint16", r"b\.tif holds frames of 8 × 30 uint16, .*of 20 × 30 uint16"),
    "type": ((20, 30), "float32", r"b\.tif holds frames of 20 × 30 float32"),
}


@pytest.mark.parametrize("suffix", ["tif", "npy"])
@pytest.mark.parametrize(("shape", "dtype", "message"), MIXED.values(), ids=MIXED)
def test_files_that_do_not_match(
    shape: Any, dtype: str, message: str, suffix: str, tmp_path: Path, frames: Any
) -> None:
    write = tifffile.imwrite if suffix == "tif" else np.save
    write(tmp_path / f"a.{suffix}", frames)
    write(tmp_path / f"b.{suffix}", np.ones(shape, dtype))
    with pytest.raises(nza.InputError, match=message.replace("tif", suffix)):
        open_stack(tmp_path)


@pytest.mark.parametrize(
    ("field", "values", "known"),
    [
        ("pixel_size_um", ((0.5, 0.5), (2.0, 2.0)), False),
        ("pixel_size_um", ((0.5, 0.5), (0.5, 0.6)), False),
        ("pixel_size_um", ((0.5, 0.5), (0.5, 0.5 + 1e-9)), True),
        ("pixel_size_um", ((0.5, 0.5), None), True),
        ("z_step_um", (1.0, 5.0), False),
        ("z_step_um", (1.0, 1.0), True),
    ],
    ids=str,
)
def test_a_scale_that_files_contradict_is_unknown(
    field: str, values: tuple[Any, Any], known: bool, tmp_path: Path, frames: Any
) -> None:
    opened = []
    for i, value in enumerate(values):
        path = tmp_path / f"part_{i}.npy"
        np.save(path, frames)
        one = FORMAT.open_files([path])
        facts: dict[str, Any] = {field: value}
        opened.append(replace(one, facts=replace(one.facts, **facts)))
    joined = in_sequence(opened).facts
    assert getattr(joined, field) == (values[0] if known else None)
    told = [r for r in joined.remarks if "part_1.npy" in r and "part_0.npy" in r]
    assert len(told) == (0 if known else 1)


def write_ome(path: Path, frames: Any, axes: str, **known: Any) -> None:
    tifffile.imwrite(path, frames, photometric="minisblack", metadata={"axes": axes, **known})


def write_imagej(path: Path, frames: Any, axes: str, **known: Any) -> None:
    pixels = known.pop("PhysicalSizeX", 1.0)
    interval = {"finterval": known["TimeIncrement"]} if "TimeIncrement" in known else {}
    tifffile.imwrite(
        path,
        frames,
        imagej=True,
        resolution=(1 / pixels, 1 / pixels),
        metadata={"axes": axes, "unit": "um", **interval},
    )


FILES = {"ome": (".ome.tif", write_ome), "imagej": (".tif", write_imagej)}


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("as_folder", [False, True])
def test_tiffs_that_contradict_one_another(kind: str, as_folder: bool, tmp_path: Path) -> None:
    ending, write = FILES[kind]
    movie = np.random.default_rng(3).integers(0, 99, (12, 16, 24), np.uint16)
    paths = [tmp_path / f"{name}{ending}" for name in "ab"]
    given = tmp_path if as_folder else paths
    for path, size, interval in zip(paths, (0.5, 2.0), (0.1, 0.5), strict=True):
        sizes = {"PhysicalSizeX": size, "PhysicalSizeY": size} if kind == "ome" else {}
        sizes = sizes or {"PhysicalSizeX": size}
        write(path, movie, "TYX", TimeIncrement=interval, **sizes)
    stack = open_stack(given)
    assert stack.n_frames == 24
    assert stack.pixel_size_um is None
    assert stack.frame_times_s is None
    said = " ".join(map(str, stack.remarks))
    assert f"b{ending} gives another pixel size than a{ending}" in said
    assert f"b{ending} gives another frame interval than a{ending}" in said
    write(paths[0], movie.reshape(6, 2, 16, 24), "TCYX")
    write(paths[1], movie, "TYX")
    with pytest.raises(nza.InputError, match=f"b{ending} has 1 channel, and a{ending} 2"):
        open_stack(given)
    write(paths[1], movie.reshape(6, 2, 16, 24), "ZCYX")
    with pytest.raises(nza.InputError, match=f"b{ending} holds slices, and a{ending} none"):
        open_stack(given)
    write(paths[1], movie[:6].reshape(3, 2, 16, 24), "TCYX")
    assert open_stack(given).shape == (9, 2, 16, 24)


@pytest.mark.parametrize(
    ("frames", "images", "said"),
    [
        (5, 9, "b.tif holds 9 images, which is no whole number of frames of the 2 channels that a"),
        (4, 9, "if it ends within a frame, leave out its last 1 image; if it is of another kind"),
        (5, 8, "b.tif doesn't hold the images that its header speaks of, so that its channels"),
    ],
)
def test_the_last_file_of_two_channels_ends_within_a_frame(
    frames: int, images: int, said: str, tmp_path: Path
) -> None:
    """As ImageJ splits a hyperstack, and a stopped copy leaves it."""
    movie = np.random.default_rng(3).integers(0, 99, (10, 16, 24), np.uint16)
    for name, n_frames, n_images in (("a", 5, 10), ("b", frames, images)):
        header = (
            f"ImageJ=1.53\nimages={2 * n_frames}\nchannels=2\nframes={n_frames}\nhyperstack=true\n"
        )
        with tifffile.TiffWriter(tmp_path / f"{name}.tif") as file:
            for i, image in enumerate(movie[:n_images]):
                described = header if i == 0 else None
                file.write(image, description=described, metadata=None, contiguous=False)
    with pytest.raises(nza.InputError, match=said):
        open_stack([tmp_path / "a.tif", tmp_path / "b.tif"])
