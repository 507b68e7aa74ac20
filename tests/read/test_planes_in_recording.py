"""A recording that shows several planes is told so; right recordings never are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.read import several_images
from napari_zstack_align.saved import Units, WatchedFrames
from napari_zstack_align.saved.journal import NoJournal

from .scans import SIZE, repeats, scan, up_and_down, volumes

Frames = npt.NDArray[np.uint16]
ONE = repeats(1, 72)


def of(frames: Frames) -> tuple[nza.Remark, ...]:
    stack = nza.Stack.from_array(frames, "TYX", name="larva")
    return nza.run(several_images(Units(NoJournal(), WatchedFrames(stack))))


PLANES: dict[str, tuple[Any, str, str]] = {
    "10 in turn": (
        volumes(10, 8),
        "looks like 10 planes in turn, not",
        "`frames_per_slice=8, order='slices', plane=0` to `plane=9`",
    ),
    "5 in turn": (
        volumes(5, 16),
        "looks like 5 planes in turn, not",
        "`frames_per_slice=16, order='slices', plane=0`",
    ),
    "22 in turn": (
        volumes(22, 4),
        "looks like 22 planes in turn, not",
        "to `plane=21`; or align it as a z-stack",
    ),
    "up and down": (
        up_and_down(10, 8),
        "an up-and-down scan of 10 planes",
        "`frames_per_slice=8, order='up-and-down'`",
    ),
    "a z-stack": (repeats(9, 8), "a z-stack of 8 repeats of each slice", "frames_per_slice=8"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("order", "looks", "advice"), PLANES.values(), ids=PLANES)
def test_several_planes_are_a_warning(order: Any, looks: str, advice: str) -> None:
    (remark,) = of(scan(order, smooth_planes=1.2, photons=20.0))
    assert remark.is_warning
    assert remark.startswith("larva ")
    assert looks in remark
    assert advice in remark
    assert "%" in remark


def lit(period: int, seed: int, part: float = 0.5) -> Frames:
    """A recording in which much of the tissue lights up for the same part of each period."""
    rng = np.random.default_rng(seed)
    clean = scan(ONE, photons=1000, seed=seed) / 100
    patch = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 4)
    active = 1 + 4 * (patch > np.quantile(patch, 0.6))
    on = np.arange(len(clean)) % period < max(part * period, 1)
    return rng.poisson(np.where(on[:, None, None], clean * active, clean)).astype(np.uint16)


def jumping(period: int, seed: int) -> Frames:
    """A recording that jumps there and back at equal times, farther than is searched."""
    frames = scan(ONE, seed=seed)
    return np.array([np.roll(f, 9 * (t // period % 2), 0) for t, f in enumerate(frames)])


RECORDINGS: dict[str, Callable[[int], Frames]] = {
    "motion": lambda seed: scan(ONE, motion_px=6, seed=seed),
    "3 photons": lambda seed: scan(ONE, photons=3.0, seed=seed),
    "lit every 4 frames": lambda seed: lit(4, seed),
    "lit every 9 frames": lambda seed: lit(9, seed),
    "lit every 12 frames": lambda seed: lit(12, seed),
    "lit for one frame of 6": lambda seed: lit(6, seed, 0.0),
    "jumps every 8 frames": lambda seed: jumping(8, seed),
    "two planes for some time each": lambda seed: scan(np.repeat([0, 1] * 6, 6), seed=seed),
    "bleaching": lambda seed: scan(ONE, seed=seed) * np.geomspace(4, 1, 72)[:, None, None],
}


@pytest.mark.slow
@pytest.mark.each_time(made=4)
@pytest.mark.parametrize("made", RECORDINGS.values(), ids=RECORDINGS)
def test_a_recording_of_one_plane_is_none(made: Callable[[int], Frames]) -> None:
    assert of(made(0)) == ()


@pytest.mark.thorough
@pytest.mark.slow
def test_every_run_reports_it() -> None:
    frames = scan(volumes(10, 6), smooth_planes=1.5, photons=20.0)
    stack = nza.Stack.from_array(frames, "TYX", name="larva")
    (aligned,) = nza.run(nza.register_recordings([stack], nza.KeypointParams(passes=1)))
    reference = np.stack([frames[plane::10].mean(axis=0) for plane in range(10)])
    for result in (
        aligned,
        nza.run(nza.estimate_zshift(stack, reference)),
        nza.run(nza.estimate_zshift(stack, reference, alignment=aligned)),
        nza.run(nza.extract_traces(stack, np.array([[40.0, 40.0, 4.0]]), aligned)),
    ):
        assert sum("looks like 10 planes in turn" in remark for remark in result.remarks) == 1
