"""What a person says of a file's frames, in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.alignment import raw_frames
from napari_zstack_align.alignment.raw_frames import (
    StackFacts,
    check_stack,
    open_as_said,
    raw_facts,
)
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.read.said.layout import laid_out, with_positions
from napari_zstack_align.said import Said
from napari_zstack_align.sources import ArraySource
from napari_zstack_align.stack import Stack

SHAPE = (5, 6)


def _numbered(*sizes: int) -> np.ndarray:
    """Images that hold their own number, along axes of these lengths."""
    planes = np.arange(np.prod(sizes), dtype=np.uint16).reshape(*sizes, 1, 1)
    return np.broadcast_to(planes, (*sizes, *SHAPE)).copy()


def _numbers(stack: Stack) -> np.ndarray:
    """(T, C) numbers of the images that the frames consist of."""
    return np.asarray(stack.data[:, :, 0, 0])


def _written(images: np.ndarray, folder: Path, suffix: str) -> Path:
    path = folder / f"x{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, images.reshape(-1, *SHAPE), photometric="minisblack", metadata=None)
    elif suffix == ".npy":
        np.save(path, images)
    else:
        zarr.create_array(str(path), data=images, chunks=(1,) * (images.ndim - 2) + SHAPE)
    return path


SUFFIXES = [".tif", ".npy", ".zarr"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_slices_of_repeats_with_channels(tmp_path: Path, suffix: str) -> None:
    images = _numbered(4, 3, 2)
    path = _written(images, tmp_path, suffix)
    stack = nza.open_stack(path, axes="ZRCYX", frames_per_slice=3, channels=2)
    assert stack.shape == (12, 2, *SHAPE)
    assert _numbers(stack).tolist() == images[..., 0, 0].reshape(12, 2).tolist()
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "repeats")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_channels_slower_than_slices(tmp_path: Path, suffix: str) -> None:
    images = _numbered(2, 4, 3)
    path = _written(images, tmp_path, suffix)
    stack = nza.open_stack(path, axes="CZRYX", frames_per_slice=3, channels=2)
    assert _numbers(stack).tolist() == images[..., 0, 0].reshape(2, 12).T.tolist()


@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
def test_volumes_of_slices_of_repeats(tmp_path: Path, suffix: str) -> None:
    path = _written(_numbered(2, 3, 4), tmp_path, suffix)
    stack = nza.open_stack(path, axes="VZRYX")
    assert (stack.n_slices, stack.frames_per_slice) == (3, 8)
    assert stack.frames_of_slice(1).tolist() == [4, 5, 6, 7, 16, 17, 18, 19]


def test_planes_of_volumes_of_repeats_open_again_as_said(tmp_path: Path) -> None:
    path = _written(_numbered(2, 3, 4), tmp_path, ".npy")
    plane = nza.open_stack(path, axes="VZRYX", plane=1)
    again = nza.open_stack(path, **plane.said.arguments())
    assert _numbers(again)[:, 0].tolist() == [4, 5, 6, 7, 16, 17, 18, 19]


def test_an_order_that_the_axes_say_too(tmp_path: Path) -> None:
    path = _written(_numbered(2, 3, 4), tmp_path, ".npy")
    stack = nza.open_stack(path, axes="VZRYX", order="slices")
    assert stack.frames_of_slice(1).tolist() == [4, 5, 6, 7, 16, 17, 18, 19]


def test_sweeps_are_volumes_among_axes(tmp_path: Path) -> None:
    path = _written(_numbered(2, 3), tmp_path, ".npy")
    stack = nza.open_stack(path, axes="VZYX", order="up-and-down")
    assert stack.slice_of_frame.tolist() == [0, 1, 2, 2, 1, 0]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "said",
    [
        {"axes": "ZRYX", "frames_per_slice": 4, "order": "slices"},
        {"axes": "RZYX", "frames_per_slice": 3, "order": "repeats"},
    ],
)
def test_what_contradicts_the_axes_is_refused(
    tmp_path: Path, suffix: str, said: dict[str, Any]
) -> None:
    path = _written(_numbered(3, 4), tmp_path, suffix)
    with pytest.raises(nza.InputError, match="leave out the axes, or what contradicts them"):
        nza.open_stack(path, **said)


@pytest.mark.parametrize("suffix", [".npy", ".zarr"])
@pytest.mark.parametrize("said", [{"frames_per_slice": 3}, {"channels": 3}])
def test_numbers_that_contradict_an_array_are_refused(
    tmp_path: Path, suffix: str, said: dict[str, int]
) -> None:
    path = _written(_numbered(3, 4, 2), tmp_path, suffix)
    with pytest.raises(nza.InputError, match="leave out"):
        nza.open_stack(path, axes="ZRCYX", **said)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_axes_after_the_image_are_refused(tmp_path: Path, suffix: str) -> None:
    path = _written(_numbered(4), tmp_path, suffix)
    with pytest.raises(nza.InputError, match="doesn't end in YX"):
        nza.open_stack(path, axes="YXT")


@pytest.mark.parametrize(
    "said", [{"frames_per_slice": 2, "z_positions_um": 3}, {"frame_rate_hz": True}]
)
def test_sizes_that_are_none_are_refused(tmp_path: Path, said: dict[str, Any]) -> None:
    path = _written(_numbered(4), tmp_path, ".tif")
    with pytest.raises(nza.InputError, match=r"z_positions_um must be|frame_rate_hz must be"):
        nza.open_stack(path, **said)


def test_dropped_frames_may_be_among_those_that_the_header_drops() -> None:
    facts = Facts(sizes=(2, 3), axes="VZ", flyback=Dropped(flyback="last", count=1, of=4))
    opened = Opened(ArraySource(_numbered(8), "TYX"), (Path("x"),), facts)
    stack = laid_out(opened, Said(), Dropped.read("1, 7"), "x", ())
    assert stack.numbers.tolist() == [0, 1, 2, 4, 5, 6]
    assert stack.dropped == (1,)


def test_channels_that_follow_one_another(tmp_path: Path) -> None:
    path = _written(_numbered(24), tmp_path, ".tif")
    stack = nza.open_stack(path, channels=3, frames_per_slice=4)
    assert _numbers(stack)[:2].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (stack.n_slices, stack.frames_per_slice) == (2, 4)


def test_channels_that_the_file_says_wrongly(tmp_path: Path) -> None:
    images = _numbered(12, 2)
    tifffile.imwrite(tmp_path / "x.tif", images, imagej=True, metadata={"axes": "TCYX"})
    assert nza.open_stack(tmp_path / "x.tif").shape[:2] == (12, 2)
    stack = nza.open_stack(tmp_path / "x.tif", channels=1)
    assert _numbers(stack)[:, 0].tolist() == list(range(24))


def test_up_and_down(tmp_path: Path) -> None:
    path = _written(_numbered(12), tmp_path, ".tif")
    stack = nza.open_stack(path, frames_per_slice=4, order="up-and-down")
    assert stack.slice_of_frame.tolist() == [0, 1, 2, 2, 1, 0] * 2


def test_flyback_leaves_with_its_times(tmp_path: Path) -> None:
    path = _written(_numbered(24), tmp_path, ".tif")
    stack = nza.open_stack(
        path, frames_per_slice=4, order="slices", drop_frames="last 2 of 6", frame_rate_hz=10
    )
    assert stack.n_slices == 4
    kept = [t for t in range(24) if t % 6 < 4]
    assert _numbers(stack)[:, 0].tolist() == stack.numbers.tolist() == kept
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s, np.array(kept) / 10)


def test_dropped_frames_stay_in_place_and_time(tmp_path: Path) -> None:
    path = _written(_numbered(14), tmp_path, ".tif")
    stack = nza.open_stack(path, frames_per_slice=4, drop_frames=[0, 7], frame_rate_hz=2)
    assert stack.n_frames == 14
    assert stack.frame_times_s is not None
    assert stack.frame_times_s[-1] == 6.5
    assert stack.slice_of_frame.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]
    with pytest.raises(nza.InputError, match="Frame 7 was dropped"):
        stack.read(6, 8)
    assert stack.read(8, 14)[:, 0, 0, 0].tolist() == list(range(8, 14))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bad_frames.npy", np.array([7, 3, 4])),
        ("bad_frames.npy", np.isin(np.arange(14), [3, 4, 7])),
        ("x.npy", np.array([3.0, 4.0, 7.0])),
        ("x.csv", "frame,why\n3,light\n4,light\n7,x\n"),
        ("x.txt", "3\n4\n\n7\n"),
        ("x.csv", "3;a\n4;b\n7;c\n"),
    ],
)
def test_a_file_lists_the_bad_frames(tmp_path: Path, name: str, content: Any) -> None:
    path = _written(_numbered(14), tmp_path, ".tif")
    if isinstance(content, str):
        (tmp_path / name).write_text(content)
    else:
        np.save(tmp_path / name, content)
    stack = nza.open_stack(path, drop_frames=tmp_path / name)
    assert stack.dropped == (3, 4, 7)
    assert stack.said.drop_frames == "3-4, 7"
    again = nza.open_stack(path, **stack.said.arguments())
    assert again.dropped == stack.dropped


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.npy", np.zeros(9, bool), "drop_frames lists 9 frames, but x has 14 frames"),
        ("x.npy", np.zeros((2, 2)), "is no list of bad frames"),
        ("x.npy", np.array([-1, 2]), "-1 is no number of a frame"),
        ("x.npy", np.array([0.5]), "aren't whole"),
        ("x.npy", np.array([{}]), "is no list of bad frames"),
        ("x.csv", "frame\n3\nfour\n", "'four' is no number of a frame"),
        ("gone.csv", None, "gone.csv"),
    ],
)
def test_what_is_no_list_of_bad_frames(
    tmp_path: Path, name: str, content: Any, sentence: str
) -> None:
    path = _written(_numbered(14), tmp_path, ".tif")
    if isinstance(content, str):
        (tmp_path / name).write_text(content)
    elif content is not None:
        np.save(tmp_path / name, content)
    with pytest.raises(nza.InputError, match=sentence):
        nza.open_stack(path, drop_frames=str(tmp_path / name))


def test_a_plane_of_volumes_is_a_recording(tmp_path: Path) -> None:
    path = _written(_numbered(20), tmp_path, ".tif")
    stack = nza.open_stack(
        path, frames_per_slice=5, order="slices", plane=2, drop_frames=[6, 9], frame_rate_hz=40
    )
    assert stack.frames_per_slice is None
    assert stack.numbers.tolist() == [2, 6, 10, 14, 18]
    assert stack.dropped == (1,)
    with pytest.raises(nza.InputError, match="Frame 6 was dropped"):
        stack.read(1, 2)
    assert stack.frame_times_s is not None
    assert np.allclose(stack.frame_times_s, stack.numbers / 40)


def test_sizes(tmp_path: Path) -> None:
    path = _written(_numbered(6), tmp_path, ".tif")
    stack = nza.open_stack(path, frames_per_slice=2, pixel_size_um=0.5, z_positions_um=[0, 2, 4.01])
    assert stack.pixel_size_um == (0.5, 0.5)
    assert stack.z_step_um == pytest.approx(2.005)
    uneven = nza.open_stack(path, frames_per_slice=2, z_positions_um=[0, 2, 7])
    assert (uneven.z_step_um, uneven.z_positions_um) == (None, (0.0, 2.0, 7.0))
    assert "lie unevenly, 2 to 5 µm apart" in str(uneven.remarks[-1])


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"axes": "ZRCYX"}, "leaves open how many slices, repeats and channels"),
        ({"axes": "ZQYX"}, "axes='ZQYX' can't be"),
        ({"axes": "ZZYX"}, "axes='ZZYX' can't be"),
        ({"axes": "ZR"}, "axes='ZR' can't be"),
        ({"axes": "ZRYX", "frames_per_slice": 7}, "24 images, which isn't a multiple of 7 repeats"),
        ({"axes": "TYX", "channels": 2}, "has no C, but channels=2"),
        ({"channels": 5}, "24 images, which isn't a multiple of 5 channels"),
        ({"channels": 0}, "channels must be a whole number of at least 1, not 0"),
        ({"channels": 1.5}, "channels must be a whole number"),
        ({"plane": 3}, "a recording without slices"),
        ({"plane": 3, "frames_per_slice": 8, "order": "slices"}, "3 planes: there is no plane 3"),
        ({"plane": -1}, "plane must be a whole number of at least 0"),
        ({"image": 1}, "has one image, of which 1 is none: leave out"),
        ({"drop_frames": [24]}, "names frame 24, but the frames of x are 0 to 23"),
        ({"drop_frames": range(24)}, "All frames of x are dropped"),
        ({"drop_frames": "all but one"}, "drop_frames is 'all but one': give the numbers"),
        ({"drop_frames": [1.5]}, "give the numbers of frames"),
        ({"drop_frames": "last 6 of 6"}, "leaves no frames, or all"),
        ({"drop_frames": ""}, "drop_frames is empty"),
        ({"drop_frames": "9-3"}, "isn't a range of frames"),
        ({"frame_rate_hz": 0}, "frame_rate_hz must be above 0"),
        ({"frame_rate_hz": float("nan")}, "frame_rate_hz must be above 0"),
        ({"frame_rate_hz": "30 Hz"}, "frame_rate_hz must be above 0"),
        ({"pixel_size_um": -1}, "pixel_size_um must be above 0"),
        ({"z_positions_um": [1, 2]}, "no slices, but z_positions_um lists 2"),
        ({"frames_per_slice": 8, "z_positions_um": [1, 2]}, "3 slices, but z_positions_um lists 2"),
        ({"frames_per_slice": 8, "z_positions_um": "deep"}, "z_positions_um must be the depth"),
    ],
)
def test_what_does_not_fit(tmp_path: Path, said: dict[str, Any], sentence: str) -> None:
    path = _written(_numbered(24), tmp_path, ".tif")
    with pytest.raises(nza.InputError, match=sentence):
        nza.open_stack(path, **said)


SAID: dict[str, dict[str, Any]] = {
    "axes and channels": {"axes": "ZRCYX", "frames_per_slice": 4, "channels": 2},
    "flyback": {"drop_frames": "first 1 of 4", "frames_per_slice": 3},
    "dropped frames": {"drop_frames": "3, 17", "frames_per_slice": [7, 8, 9]},
    "up and down": {"frames_per_slice": 4, "order": "up-and-down"},
}


@pytest.mark.slow
@pytest.mark.each_time(said=2)
@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
@pytest.mark.parametrize("moved", [False, True], ids=["in place", "moved"])
def test_a_result_opens_its_frames_as_they_were_opened(
    tmp_path: Path, said: Any, moved: bool
) -> None:
    rng = np.random.default_rng(0)
    tissue = gaussian_filter(rng.gamma(0.3, 900, (64, 64)), 2)
    images = rng.poisson(tissue, (24, 64, 64)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "x.tif", images, photometric="minisblack", metadata=None)
    stack = nza.open_stack(tmp_path / "x.tif", **said)
    alignment = nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(strategy="direct")))
    alignment.save(tmp_path / "x.zalign")
    there = np.setdiff1d(np.arange(stack.n_frames), stack.dropped)
    frames = {t: stack.read(t, t + 1) for t in there}
    plain = None
    if moved:
        (tmp_path / "x.tif").rename(tmp_path / "moved.tif")
        plain = nza.open_stack(tmp_path / "moved.tif")
    again = nza.load_alignment(tmp_path / "x.zalign", plain)
    assert again.stack.slice_of_frame.tolist() == stack.slice_of_frame.tolist()
    assert again.stack.dropped == stack.dropped
    for t in there:
        np.testing.assert_array_equal(again.stack.read(t, t + 1), frames[t])
    flags = alignment.quality["flag"][list(stack.dropped)]
    assert flags.tolist() == ["dropped"] * len(stack.dropped)
    assert not alignment.quality["used"][list(stack.dropped)].any()


def test_depths_and_a_step_that_contradict_each_other(tmp_path: Path) -> None:
    path = _written(_numbered(24), tmp_path, ".tif")
    said = {"frames_per_slice": 6, "z_positions_um": [0, 3, 6, 9]}
    with pytest.raises(nza.InputError, match="lie 3 µm apart, but z_step_um is 5: leave one"):
        nza.open_stack(path, **said, z_step_um=5)
    assert nza.open_stack(path, **said, z_step_um=3).z_step_um == 3
    uneven = nza.open_stack(path, frames_per_slice=6).replace(z_step_um=3.0)
    assert with_positions(uneven, [9, 6, 2, 0]).z_positions_um == (9, 6, 2, 0)
    said["z_positions_um"] = [9, 6, 2, 0]
    with pytest.raises(nza.InputError, match="lie 2 to 4 µm apart, but z_step_um is 3"):
        nza.open_stack(path, **said, z_step_um=3)


@pytest.mark.parametrize(
    ("given", "again"),
    [
        ({}, 0),
        ({"frames_per_slice": 4}, 0),
        ({"frames_per_slice": 6, "order": "slices"}, 0),
        ({"drop_frames": "last 1 of 4"}, 1),
        ({"frames_per_slice": 4, "order": "slices", "plane": 1}, 1),
    ],
    ids=str,
)
def test_a_given_file_is_opened_again_where_its_frames_are_others(
    given: dict[str, Any], again: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _written(_numbered(24), tmp_path, ".tif")
    stack = nza.open_stack(path, frames_per_slice=6)
    described = StackFacts(**raw_facts(stack, tmp_path)["stack"])
    opened = []
    monkeypatch.setattr(
        raw_frames, "open_as_said", lambda *args: opened.append(1) or open_as_said(*args)
    )
    checked = check_stack(nza.open_stack(path, **given), described)
    assert len(opened) == again
    assert (checked.frames_per_slice, checked.order) == (6, "repeats")
    assert checked.said == stack.said


def test_flyback_leaves_each_of_several_files() -> None:
    def opened(name: str) -> Opened:
        source = ArraySource(_numbered(6), "TYX")
        facts = Facts("TZ", (2, 2), flyback=Dropped(flyback="last", count=1, of=3))
        return Opened(source, (Path(name),), facts)

    joined = in_sequence([opened("a"), opened("b")])
    assert joined.source.read(0, 8)[:, 0, 0, 0].tolist() == [0, 1, 3, 4] * 2
    assert joined.facts.flyback is None
    assert any("1 frame of every 3 left" in remark for remark in joined.facts.remarks)
    assert any("2 files, of which some are z-stacks" in remark for remark in joined.facts.remarks)
