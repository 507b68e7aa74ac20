"""Both looks at a recording share one reading, one unit and one code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import several_images
from napari_zstack_align.read.layout.axes_order import alike_along, order_sentence, small
from napari_zstack_align.remark import RemarkCode, as_serious, remark_from
from napari_zstack_align.saved import Journal, Units, WatchedFrames, about_run, journal_folder
from napari_zstack_align.saved.journal import NoJournal

from .scans import SIZE, repeats, scan, volumes

ONE, TWO, TEN = repeats(1, 60), volumes(2, 30), volumes(10, 6)


class Source:
    """Frames, every reading of which is counted."""

    def __init__(self, frames: npt.NDArray[Any]) -> None:
        self.shape, self.dtype = (len(frames), 1, SIZE, SIZE), frames.dtype
        self.read_frames: list[int] = []
        self._frames = frames

    def read(self, start: int, stop: int) -> npt.NDArray[Any]:
        self.read_frames.extend(range(start, stop))
        return self._frames[start:stop, np.newaxis]


def looked(source: Source, store: Any = None, **given: Any) -> tuple[nza.Remark, ...]:
    stack = nza.Stack(source, name="larva", **given)
    return nza.run(several_images(Units(store or NoJournal(), WatchedFrames(stack))))


@pytest.mark.slow
@pytest.mark.parametrize("n_frames", [40, 200])
@pytest.mark.parametrize(
    ("n_planes", "smooth", "most", "n_remarks"),
    [(1, 1.0, 128, 0), (2, 0.3, 32, 1), (10, 1.2, 128, 1)],
    ids=["one plane", "two in turn", "ten planes"],
)
def test_each_frame_is_read_once(
    n_planes: int, smooth: float, most: int, n_remarks: int, n_frames: int
) -> None:
    order = volumes(n_planes, n_frames // n_planes)
    source = Source(scan(order, smooth_planes=smooth, photons=20.0))
    found = looked(source)
    assert len(source.read_frames) == len(set(source.read_frames)) <= most
    assert len(found) == n_remarks
    for remark in found:
        assert remark.is_serious
        assert remark.code is RemarkCode.SEVERAL_IMAGES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "smooth"), [(ONE, 1.0), (TWO, 0.3), (TEN, 1.2)], ids=["one", "two", "ten"]
)
def test_a_run_that_goes_on_reads_nothing_again(tmp_path: Path, order: Any, smooth: float) -> None:
    np.save(tmp_path / "larva.npy", scan(order, smooth_planes=smooth, photons=20.0))

    def run() -> tuple[tuple[nza.Remark, ...], int]:
        stack = nza.open_stack(tmp_path / "larva.npy")
        about = about_run("register_recordings", nza.KeypointParams(), stack)
        with Journal(journal_folder(tmp_path / "larva.zalign"), about) as journal:
            frames = WatchedFrames(stack)
            found = nza.run(several_images(Units(journal, frames)))
            return found, len(journal.names())

    first = run()
    kept = [path.stat().st_mtime_ns for path in tmp_path.rglob("*.unit*")]
    assert run() == first
    assert first[1] == 1
    assert kept == [path.stat().st_mtime_ns for path in tmp_path.rglob("*.unit*")]


def test_what_is_not_looked_at() -> None:
    source = Source(scan(TWO, smooth_planes=0.3))
    assert looked(source, frames_per_slice=6, order="repeats") == ()
    few = Source(scan(TWO, smooth_planes=0.3)[:5])
    assert looked(few) == ()
    assert few.read_frames == []
    assert looked(Source(scan(ONE)[:7])) == ()
    assert source.read_frames == []


ORDERS = {"YXT": (-1, "last"), "YTX": (1, "second"), "XYT": (-1, "last")}


@pytest.mark.slow
@pytest.mark.parametrize("axes", ORDERS)
@pytest.mark.parametrize("photons", [3.0, 20.0])
def test_time_on_another_axis_is_found(axes: str, photons: float) -> None:
    frames = scan(repeats(1, 120), photons=photons)
    place, which = ORDERS[axes]
    turned = frames.T if axes == "XYT" else np.moveaxis(frames, 0, place)
    (remark,) = looked_at(turned)
    assert remark.is_serious
    assert remark.code is RemarkCode.OTHER_AXES
    assert f"time as the {which} one" in remark
    assert f"numpy.moveaxis(frames, {place}, 0)" in remark
    assert looked_at(np.moveaxis(turned, place, 0)) == ()


def test_the_order_of_axes_is_found_of_tissue_that_drifts() -> None:
    frames = drifting(scan(repeats(1, 96), photons=20.0), 40)
    assert looked_at(frames) == ()
    for place in (-1, 1):
        (remark,) = looked_at(np.moveaxis(frames, 0, place))
        assert remark.code is RemarkCode.OTHER_AXES


def drifting(frames: np.ndarray, drift_px: int) -> np.ndarray:
    """Frames that move along a diagonal, so many pixels in all along either axis."""
    steps = np.linspace(0, drift_px, len(frames)).astype(int)
    moved = zip(frames, steps, strict=True)
    return np.stack([np.roll(frame, (step, -step), (0, 1)) for frame, step in moved])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_time_is_not_looked_for_along_rows_that_flicker_together(seed: int) -> None:
    """Light that differs from row to row makes columns alike, and shading makes both."""
    frames = scan(repeats(1, 80), photons=20.0, motion_px=5, seed=seed).astype(np.float32)
    rng = np.random.default_rng(seed)
    frames *= 1 + np.hypot(*np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j])
    frames += rng.normal(0, 5, (*frames.shape[:2], 1))
    assert looked_at(frames) == ()


FLASHES = {"at once": (slice(30, 50), 15), "every third": (slice(0, None, 3), 6)}


@pytest.mark.slow
@pytest.mark.parametrize(("flashes", "times"), FLASHES.values(), ids=FLASHES)
def test_frames_many_times_as_bright_are_no_other_order(
    flashes: slice, times: int, shared_data: Path
) -> None:
    still = nza.open_stack(shared_data / "fmi_grin2p" / "still.tif").read(0, 90)[:, 0]
    rng = np.random.default_rng(3)
    frames = np.stack([np.roll(f, tuple(rng.integers(-6, 7, 2)), (0, 1)) for f in still])
    frames = frames[:, 64:192, 64:192].astype(np.float32)
    usual = alike_along(np.stack([small(frame) for frame in frames]))
    frames[flashes] *= times
    assert not [r for r in looked_at(frames) if r.code is RemarkCode.OTHER_AXES]
    found = alike_along(np.stack([small(frame) for frame in frames]))
    np.testing.assert_allclose(found, usual, atol=0.05)


NOTHING_SHOWN = {
    "black at both ends": [(0, 24), (96, 120)],
    "half at both ends": [(0, 30), (90, 120)],
    "first 70 black": [(0, 70)],
    "in the middle": [(40, 90)],
    "few left": [(2, 119)],
}


@pytest.mark.parametrize(("value", "noise"), [(100.0, 3.0), (0.0, 0.0), (2000.0, 0.0)])
@pytest.mark.parametrize("stretches", NOTHING_SHOWN.values(), ids=NOTHING_SHOWN)
def test_frames_that_show_nothing_are_no_other_order(
    stretches: list[tuple[int, int]], value: float, noise: float
) -> None:
    rng = np.random.default_rng(3)
    y, x = np.indices((64, 64))
    light = np.full((64, 64), 20.0)
    for cy, cx in rng.uniform(4, 60, (25, 2)):
        light += 300 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / 6)
    frames = (100 + rng.poisson(light, (120, 64, 64))).astype(np.float32)
    for start, stop in stretches:
        frames[start:stop] = value + rng.normal(0, noise, frames[start:stop].shape)
    assert not order_sentence("larva", alike_along(frames))


@pytest.mark.parametrize("place", [1, 2])
def test_another_order_is_found_beside_black_frames(place: int) -> None:
    frames = scan(repeats(1, 120), photons=20.0).astype(np.float32)
    frames[:12] = 0
    (remark,) = looked_at(np.moveaxis(frames, 0, place))
    assert remark.code is RemarkCode.OTHER_AXES


@pytest.mark.slow
@pytest.mark.parametrize(("n_frames", "times"), [(60, 2), (60, 3), (30, 4), (48, 5)])
def test_a_recording_written_several_times_shows_no_planes(n_frames: int, times: int) -> None:
    """Copies of a frame are more alike than any two frames of one plane."""
    frames = scan(repeats(1, n_frames), photons=20.0, motion_px=3)
    assert looked_at(np.concatenate([frames] * times)) == ()


def looked_at(frames: npt.NDArray[Any]) -> tuple[nza.Remark, ...]:
    stack = nza.Stack.from_array(np.ascontiguousarray(frames), name="larva")
    return nza.run(several_images(Units(NoJournal(), WatchedFrames(stack))))


@pytest.mark.parametrize("code", [RemarkCode.SEVERAL_IMAGES, RemarkCode.OTHER_AXES])
def test_what_an_alignment_knows_is_taken_over_by_its_code(code: RemarkCode) -> None:
    source = Source(scan(ONE))
    units = Units(NoJournal(), WatchedFrames(nza.Stack(source)))
    found = as_serious("Whatever is said of it.", code=code)
    other = as_serious("It shows two images in turn, such as nothing.")
    assert nza.run(several_images(units, known=(*other, *found))) == found
    assert nza.run(several_images(units, known=())) == ()
    assert source.read_frames == []


@pytest.mark.parametrize(
    "sentence",
    [
        "larva shows two images in turn, such as two planes or two channels: even and odd frames",
        "larva looks like 10 planes in turn, not like a recording of one plane. Volumes explain",
    ],
)
def test_remarks_saved_without_a_code_have_theirs(sentence: str) -> None:
    for facts in (sentence, {"severity": "serious", "text": sentence}):
        assert remark_from(facts).code is RemarkCode.SEVERAL_IMAGES
