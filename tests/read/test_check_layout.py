"""Whether frames look like the layout that a stack has."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.progress import Progress
from napari_zstack_align.read import (
    propose_layout,
    report_from,
    report_to_arrays,
)
from napari_zstack_align.read.layout import verdict
from napari_zstack_align.samples import recording_with_motion
from napari_zstack_align.sources import ArraySource

from .cells_in_planes import stack_of_repeats
from .fixed import SPOILT, spoil
from .scans import layout, repeats, scan, up_and_down, volumes

RIGHT: dict[str, tuple[Any, dict[str, Any], dict[str, Any]]] = {
    "repeats": (repeats(10, 6), layout(6, "repeats"), {}),
    "volumes": (volumes(10, 6), layout(6, "slices"), {}),
    "slices alike": (repeats(12, 5), layout(5, "repeats"), {"smooth_planes": 3.0}),
    "volumes, slices alike": (volumes(12, 5), layout(5, "slices"), {"smooth_planes": 3.0}),
    "3 photons, 2 repeats": (repeats(20, 2), layout(2, "repeats"), {"photons": 3.0}),
    "fading": (repeats(12, 6), layout(6, "repeats"), {"light": np.geomspace(1, 0.03, 12)}),
    "half of it empty": (repeats(12, 6), layout(6, "repeats"), {"light": np.arange(12) < 6}),
    "motion": (repeats(10, 6), layout(6, "repeats"), {"motion_px": 5}),
    "nothing but noise": (repeats(10, 6), layout(6, "repeats"), {"light": 0.0}),
}


@pytest.mark.parametrize(("order", "given", "kind"), RIGHT.values(), ids=RIGHT)
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(3))
def test_a_right_layout_is_never_wrong(order, given, kind, seed: int) -> None:
    stack = nza.Stack.from_array(scan(order, seed=seed, **kind), **given)
    report = nza.run(nza.check_layout(stack))
    assert report.verdict != "wrong", report
    assert report.warning == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_repeats", "black"),
    [(4, (0,)), (4, (3,)), (5, (0,)), (5, (1, 2)), (6, (3,)), (6, (1, 2))],
)
def test_black_repeats_make_no_layout_wrong(n_repeats: int, black: tuple[int, ...]) -> None:
    """A shutter that opens late: noise resembles noise as little as images of other places do."""
    frames = scan(repeats(10, n_repeats), photons=30.0, seed=n_repeats)
    dark = np.isin(np.arange(len(frames)) % n_repeats, black)
    rng = np.random.default_rng(0)
    frames[dark] = rng.poisson(1.0, frames[dark].shape)
    stack = nza.Stack.from_array(frames, **layout(n_repeats, "repeats"))
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.looks_like) == ("plausible", "repeats"), report


@pytest.mark.each_time(seed=2)
@pytest.mark.parametrize("seed", [61, 154, 202, 256, 326, 371])
def test_thin_and_active_stacks_are_not_wrong(seed: int) -> None:
    """Three or four slices below the axial resolution, or cells that light up in single frames."""
    frames, n_repeats = stack_of_repeats(seed)
    stack = nza.Stack.from_array(frames, frames_per_slice=n_repeats)
    assert nza.run(nza.check_layout(stack)).verdict != "wrong"


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("scale", [1, 0.1, 500])
def test_float16_overflows_nowhere(scale: float) -> None:
    frames = scan(repeats(10, 6), photons=20.0)
    stack = nza.Stack.from_array((scale * frames).astype(np.float16), frames_per_slice=6)
    report = nza.run(nza.check_layout(stack))
    assert report.verdict == "plausible"


def test_a_clear_layout_is_plausible() -> None:
    for order, given in (
        (repeats(10, 6), layout(6, "repeats")),
        (volumes(10, 6), layout(6, "slices")),
    ):
        stack = nza.Stack.from_array(scan(order), **given)
        report = nza.run(nza.check_layout(stack))
        assert (report.verdict, report.looks_like) == ("plausible", given["order"])


WRONG: dict[str, tuple[Any, dict[str, Any], str, int | None]] = {
    "up and down as volumes": (up_and_down(12, 8), layout(8, "slices"), "up-and-down", 12),
    "up and down as repeats": (up_and_down(12, 8), layout(8, "repeats"), "up-and-down", 12),
    "ends once": (up_and_down(12, 8, False), layout(8, "slices"), "up-and-down", 12),
    "volumes as repeats": (volumes(12, 8), layout(12, "repeats"), "slices", 12),
    "volumes of another size": (volumes(12, 8), layout(12, "slices"), "slices", 12),
    "repeats as volumes": (repeats(12, 8), layout(8, "slices"), "repeats", 8),
    "other repeats": (repeats(12, 8), layout(6, "repeats"), "repeats", 8),
    "two images": (np.tile([0, 1], 48), layout(8, "repeats"), "two images in turn", 2),
    "one plane": (repeats(1, 96), layout(8, "repeats"), "no slices", None),
    "one plane as volumes": (repeats(1, 96), layout(8, "slices"), "no slices", None),
    "up and down, a recording": (up_and_down(12, 8), {}, "up-and-down", 12),
}


@pytest.mark.slow
@pytest.mark.parametrize(("order", "given", "looks", "length"), WRONG.values(), ids=WRONG)
@pytest.mark.each_time(photons=1)
@pytest.mark.parametrize("photons", [4.0, 20.0])
def test_a_wrong_layout_is_found(order, given, looks, length, photons: float) -> None:
    stack = nza.Stack.from_array(scan(order, photons=photons), **given)
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.looks_like, report.length) == ("wrong", looks, length)
    assert "%" in report.reason
    assert report.reason in report.warning


def drifting_plane(n_frames: int, drift_px: int, seed: int) -> np.ndarray:
    """Frames of one plane that drifts out of view, of which odd ones lie a little elsewhere."""
    rng = np.random.default_rng(seed)
    tissue = gaussian_filter(rng.gamma(0.1, 1.0, (128, 128 + drift_px)), 2)
    tissue *= 20 / np.percentile(tissue, 99.5)
    frames = np.empty((n_frames, 120, 120), np.uint16)
    for t, frame in enumerate(frames):
        y, x = rng.integers(0, 5) + 4 * (t % 2), rng.integers(0, 5) + round(drift_px * t / n_frames)
        frame[:] = rng.poisson(tissue[y : y + 120, x : x + 120] + 1)
    return frames


@pytest.mark.parametrize("given", [layout(10, "repeats"), layout(12, "slices")], ids=str)
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(3))
def test_a_drifting_recording_of_one_plane_as_slices_is_warned_of(given, seed: int) -> None:
    """Its far frames are much less alike than those of one slice, and nothing else is."""
    stack = nza.Stack.from_array(drifting_plane(144, 12, seed), **given)
    report = nza.run(nza.check_layout(stack))
    assert report.looks_like == "no slices", report
    assert "as in a recording of one plane. " in report.warning
    assert "zstack-align keypoints" in report.warning
    assert report.note == ""


def test_a_scan_of_planes_that_hardly_differ_may_be_wrong(monkeypatch) -> None:
    monkeypatch.setattr(verdict, "_differ_enough", lambda *_: False)
    stack = nza.Stack.from_array(scan(up_and_down(12, 8)), **layout(8, "slices"))
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.looks_like) == ("cannot tell", "up-and-down")
    assert report.warning.startswith("The layout may be wrong: the frames look like an up-and-down")


@pytest.mark.slow
@pytest.mark.parametrize("light", [0.0, 1.0, 50.0])
@pytest.mark.parametrize("at", ["one place", "anywhere"])
def test_rows_struck_by_light_in_every_third_frame_are_no_slices(light: float, at: str) -> None:
    """The frames that show the light, or lack it, would resemble one another by it."""
    rng, frames = np.random.default_rng(1), scan(repeats(10, 6), smooth_planes=2.0)
    frames = frames.astype(float) + 40
    for frame in frames[::3]:
        row = 40 if at == "one place" else rng.integers(0, 84)
        rows = frame[row : row + (6 if light else 12)]
        rows[:] = rows + light * np.percentile(frame, 99.5) if light else 0
    stack = nza.Stack.from_array(frames.astype(np.uint16), frames_per_slice=6)
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.length) == ("plausible", 6), report
    assert nza.propose_frames_per_slice(stack) in ((6,) if light else (6, None))


def struck_recording(every: int, rows: int, at: str, light: float, photons: float) -> np.ndarray:
    """Frames of one plane; light falls into some rows of every few."""
    rng = np.random.default_rng(1)
    frames = scan(repeats(1, 64), photons=photons).astype(float)
    for frame in frames[::every]:
        row = 40 if at == "one place" else rng.integers(0, len(frame) - rows)
        frame[row : row + rows] += rng.poisson(light * np.percentile(frame, 99.5), frame[0].shape)
    return frames.astype(np.uint16)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("every", "rows", "at", "light", "photons"),
    [
        (3, 8, "one place", 3, 3),
        (3, 8, "anywhere", 3, 3),
        (3, 20, "one place", 1, 3),
        (3, 20, "anywhere", 3, 10),
        (4, 20, "one place", 3, 3),
        (2, 8, "one place", 10, 10),
        (2, 8, "anywhere", 3, 10),
    ],
)
def test_a_recording_struck_by_light_every_few_frames_has_no_planes(
    every: int, rows: int, at: str, light: float, photons: float
) -> None:
    stack = nza.Stack.from_array(struck_recording(every, rows, at, light, photons))
    report = nza.run(nza.check_layout(stack))
    assert report.looks_like in ("", "no slices"), report
    assert nza.propose_frames_per_slice(stack) is None


@pytest.mark.parametrize(
    ("order", "given"),
    [
        (volumes(3, 20), {}),
        (volumes(6, 10), {"smooth_planes": 4.0, "photons": 20.0}),
        (up_and_down(4, 12), {"smooth_planes": 4.0, "photons": 20.0}),
        (volumes(6, 10), {"smooth_planes": 3.0, "light": np.arange(6) < 3, "photons": 20.0}),
    ],
)
def test_planes_that_are_nearly_alike_or_empty_are_no_two_images(order, given) -> None:
    report = nza.run(nza.check_layout(nza.Stack.from_array(scan(order, **given))))
    assert (report.verdict, report.length) == ("wrong", int(order.max()) + 1), report


def test_channels_in_turn_of_the_same_tissue_show_by_their_brightness() -> None:
    frames = scan(repeats(8, 12), motion_px=0)
    frames[1::2] *= 3
    stack = nza.Stack.from_array(frames, frames_per_slice=6)
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.looks_like) == ("wrong", "two images in turn")
    assert "or by a light that flickers, where the layout may be right." in report.warning


def test_a_layout_that_another_one_explains_much_better_is_not_called_plausible(monkeypatch):
    """Even where something speaks against the other one."""
    monkeypatch.setattr(verdict, "_differ_enough", lambda *_: False)
    monkeypatch.setattr(verdict, "inner_borders", lambda *_: None)
    monkeypatch.setattr(verdict, "clear_borders", lambda *_: None)
    frames = scan(repeats(12, 8), smooth_planes=0.3)
    stack = nza.Stack.from_array(frames, frames_per_slice=16)
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.looks_like) == ("cannot tell", ""), report
    assert "; 8 repeats of each slice after one another" in report.reason


def clear_border(planes: np.ndarray, n_repeats: int, seed: int = 0, photons: float = 20.0):
    """Frames of planes of which some differ much from the one before, most little."""
    rng = np.random.default_rng(seed)
    side, margin = planes.shape[1] - 8, 4
    frames = []
    for plane in np.repeat(planes, n_repeats, axis=0):
        y, x = margin + rng.integers(-2, 3, 2)
        frames.append(rng.poisson(plane[y : y + side, x : x + side] * photons + 1))
    return np.array(frames, np.uint16)


def alike_but_one(n_planes: int, border: int) -> np.ndarray:
    """Planes that change by little from one to the next, and wholly at one border."""
    rng = np.random.default_rng(5)
    tissue = gaussian_filter(rng.gamma(0.1, 1.0, (n_planes + 24, 104, 104)), (1.6, 2, 2))
    tissue /= np.percentile(tissue, 99.5)
    which = np.arange(n_planes) + 4
    return tissue[np.where(np.arange(n_planes) < border, which, which + 12)]


MULTIPLES = [(10, 2, 6, 12), (10, 4, 6, 12), (8, 4, 5, 10), (10, 5, 6, 30), (12, 6, 4, 8)]


@pytest.mark.slow
@pytest.mark.parametrize(("n_planes", "border", "n_repeats", "given"), MULTIPLES)
def test_a_multiple_of_the_repeats_that_hits_a_clear_border_is_wrong(
    n_planes: int, border: int, n_repeats: int, given: int
) -> None:
    frames = clear_border(alike_but_one(n_planes, border), n_repeats)
    report = nza.run(nza.check_layout(nza.Stack.from_array(frames, frames_per_slice=given)))
    assert (report.verdict, report.looks_like, report.length) == ("wrong", "repeats", n_repeats)
    assert f"frames_per_slice={n_repeats}" in report.warning
    report = nza.run(nza.check_layout(nza.Stack.from_array(frames, frames_per_slice=n_repeats)))
    assert report.verdict == "plausible", report
    assert f"every {n_repeats} frames" in report.reason


def test_frames_that_are_equal_hold_one_slice() -> None:
    frames = np.repeat(scan(np.arange(6)), 12, axis=0)
    report = nza.run(nza.check_layout(nza.Stack.from_array(frames, frames_per_slice=12)))
    assert report.verdict == "plausible", report


def test_two_planes_may_differ_in_brightness() -> None:
    frames = scan(volumes(2, 48), light=[1.0, 3.0])
    stack = nza.Stack.from_array(frames, frames_per_slice=48, order="slices")
    assert nza.run(nza.check_layout(stack)).verdict == "plausible"


def test_a_recording_shows_no_slices() -> None:
    stack = recording_with_motion(n_frames=120, size=128, seed=1).stack
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.looks_like) == ("plausible", "no slices")


@pytest.mark.slow
@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_fixed_makes_no_slices_alike(spoilt: str) -> None:
    stack = nza.Stack.from_array(spoil(spoilt), frames_per_slice=5)
    assert nza.run(nza.check_layout(stack)).verdict == "plausible"


@pytest.mark.parametrize("n_frames", [1, 2, 5])
def test_few_frames_leave_it_open(n_frames: int) -> None:
    stack = nza.Stack.from_array(scan(repeats(1, n_frames)), frames_per_slice=1)
    report = nza.run(nza.check_layout(stack))
    assert report.verdict == "cannot tell"
    assert "only" in report.reason


PLAIN = {
    "volume": (np.arange(24), {"smooth_planes": 2.0}, "plausible", "a volume of one frame a slice"),
    "far slices": (
        np.arange(24),
        {"light": 0.0},
        "cannot tell",
        "only by chance: the slices are far apart",
    ),
    "far slices alike": (np.arange(24), {"smooth_planes": 10.0}, "plausible", "far ones by 0."),
    "a recording": (repeats(1, 24), {}, "cannot tell", "a recording, perhaps, whose time was"),
}


@pytest.mark.parametrize("given", [{}, {"order": "slices"}], ids=["repeats", "slices"])
@pytest.mark.parametrize(("order", "kind", "verdict", "said"), PLAIN.values(), ids=PLAIN)
def test_one_frame_a_slice(order, kind, verdict, said, given) -> None:
    stack = nza.Stack.from_array(scan(order, **kind), frames_per_slice=1, **given)
    report = nza.run(nza.check_layout(stack))
    assert report.verdict == verdict, report
    assert said in report.reason
    assert "Frames of one slice, or" not in report.reason


def test_black_repeats_are_not_called_one_frame_a_slice() -> None:
    black = nza.Stack.from_array(np.zeros((40, 32, 32), np.uint16), "TYX", frames_per_slice=4)
    report = nza.run(nza.check_layout(black))
    assert report.reason.startswith("Frames of one slice, or of far slices, resemble one another")


def test_a_recording_that_drifts_is_no_volume() -> None:
    still = scan(repeats(1, 24), seed=1)
    drifting = np.stack([np.roll(frame, t // 3, axis=1) for t, frame in enumerate(still)])
    report = nza.run(nza.check_layout(nza.Stack.from_array(drifting, frames_per_slice=1)))
    assert report.verdict == "cannot tell"
    assert "far ones are still alike" in report.reason


class Counting:
    """A long z-stack that counts what is read of it."""

    dtype = np.dtype(np.uint16)

    def __init__(self, order: Any) -> None:
        self._order = order
        self._planes = ArraySource(scan(np.arange(int(order.max()) + 1)), "TYX")
        self.shape = (len(order), *self._planes.shape[1:])
        self.read_frames: list[int] = []
        self.longest = 0

    def read(self, start: int, stop: int) -> Any:
        self.read_frames += range(start, stop)
        self.longest = max(self.longest, stop - start)
        planes = [int(self._order[t]) for t in range(start, stop)]
        return np.concatenate([self._planes.read(z, z + 1) for z in planes])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "given"),
    [
        (repeats(30, 100), layout(100, "repeats")),
        (volumes(150, 20), layout(20, "slices")),
        (volumes(30, 100), layout(100, "slices")),
    ],
)
def test_few_frames_of_a_long_stack_are_read(order: Any, given: dict[str, Any]) -> None:
    source = Counting(order)
    stack = nza.Stack(source, **given)
    report = nza.run(nza.check_layout(stack))
    assert report.verdict == "plausible", report
    assert len(source.read_frames) == len(set(source.read_frames)) <= 64
    assert source.longest == 1


def test_long_volumes_scanned_up_and_down_are_found() -> None:
    source = Counting(up_and_down(100, 10))
    stack = nza.Stack(source, frames_per_slice=10, order="slices")
    report = nza.run(nza.check_layout(stack))
    assert (report.verdict, report.looks_like, report.length) == ("wrong", "up-and-down", 100)
    assert len(source.read_frames) == len(set(source.read_frames)) == 128


def test_unreadable_frames_count_as_nothing() -> None:
    class Broken(Counting):
        def read(self, start: int, stop: int) -> Any:
            if start % 7 == 3:
                raise OSError("gone")
            return super().read(start, stop)

    stack = nza.Stack(Broken(up_and_down(12, 8)), frames_per_slice=8, order="slices")
    assert nza.run(nza.check_layout(stack)).looks_like == "up-and-down"


def test_progress_ends_where_it_is_said_to() -> None:
    updates: list[Progress] = []
    stack = nza.Stack.from_array(scan(repeats(8, 5)), frames_per_slice=5)
    nza.run(nza.check_layout(stack), updates.append)
    assert all(update.done <= update.total for update in updates)


def test_arguments_are_checked_at_the_call() -> None:
    stack = nza.Stack.from_array(np.ones((8, 20, 20)))
    with pytest.raises(nza.InputError, match="has no channel 1"):
        nza.check_layout(stack, 1)
    with pytest.raises(nza.InputError, match="must be a Stack"):
        nza.check_layout(np.ones((8, 20, 20)))  # type: ignore[arg-type]


def test_every_look_has_a_warning() -> None:
    for looks in ("repeats", "slices", "up-and-down", "two images in turn", "no slices"):
        report = nza.LayoutReport("wrong", looks, "Because.", 7)  # type: ignore[arg-type]
        assert "Because." in report.warning


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "offset"), [("uint16", 54_500), ("float64", 1e9), ("int16", -900)]
)
def test_an_offset_changes_nothing(dtype: str, offset: float) -> None:
    frames = (scan(up_and_down(12, 8)).astype(float) + offset).astype(dtype)
    stack = nza.Stack.from_array(frames, frames_per_slice=8, order="slices")
    assert nza.run(nza.check_layout(stack)).looks_like == "up-and-down"


@pytest.mark.slow
@pytest.mark.parametrize(("to", "which"), [(-1, "last"), (1, "second")])
@pytest.mark.parametrize("order", [repeats(1, 60), volumes(6, 10)], ids=["recording", "volumes"])
def test_time_on_another_axis_is_said_whatever_the_layout(order, to: int, which: str) -> None:
    """In the proposal, and in the report on a z-stack."""
    frames = np.ascontiguousarray(np.moveaxis(scan(order), 0, to))
    stack = nza.Stack.from_array(frames, name="larva")
    said = f"larva seems to have its axes in another order, with time as the {which} one"
    assert nza.run(propose_layout(stack)).words.startswith(said)
    report = nza.run(nza.check_layout(stack.replace(frames_per_slice=6)))
    assert report.verdict == "wrong"
    assert report.warning.startswith(said)
    assert report.headline.startswith(said)
    assert report_from(report_to_arrays(report)) == report


@pytest.mark.slow
@pytest.mark.parametrize("order", [repeats(1, 60), volumes(6, 10), repeats(10, 6)], ids=str)
@pytest.mark.parametrize("light", [0, 10])
def test_time_comes_first(order, light: float) -> None:
    """Also where rows of every third frame are struck by light."""
    frames = scan(order).astype(float)
    frames[::3, 40:46] += light * np.percentile(frames, 99.5)
    for given in ({}, layout(6, "repeats"), layout(4, "repeats")):
        stack = nza.Stack.from_array(frames.astype(np.uint16), **given)
        assert not nza.run(nza.check_layout(stack)).other_axes
    assert not nza.run(propose_layout(stack)).other_axes
