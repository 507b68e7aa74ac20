"""Whether a recording shows several images in turn: found where it does, never where it doesn't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.read.layout.images_in_turn import (
    images_in_turn,
    turn_sample,
    turn_sentence,
)
from napari_zstack_align.read.layout.pairs import SampledFrames

from .scans import MARGIN, SIZE, repeats, scan, volumes

Frames = npt.NDArray[np.uint16]
ONE, TWO = repeats(1, 60), volumes(2, 30)
APART = 0.3
"""Axial blur, in planes, of planes that are farther apart than the axial resolution."""


def of(frames: Frames) -> str:
    """What is said of a recording; '' for one image."""
    stack = nza.Stack.from_array(frames, "TYX")
    pairs = nza.run(SampledFrames(stack, 0).compare(turn_sample(stack)))
    return turn_sentence(stack, images_in_turn(pairs))


def lit(light: Callable[[int], float], seed: int, photons: float = 10.0) -> Frames:
    """A recording under light that changes from frame to frame."""
    rng = np.random.default_rng(seed)
    clean = scan(ONE, photons=1000, seed=seed) / 1000 * photons
    factors = np.array([light(t) for t in range(len(clean))])
    return rng.poisson(clean * factors[:, np.newaxis, np.newaxis]).astype(np.uint16)


def wave(period: int, seed: int, photons: float = 5.0, order: Any = ONE) -> Frames:
    """A recording in which a third of the tissue lights up for half of each period."""
    rng = np.random.default_rng(seed)
    clean = scan(order, photons=1000, smooth_planes=APART, seed=seed) / 1000 * photons
    patch = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 4)
    active = 1 + 4 * (patch > np.quantile(patch, 0.7))
    on = np.arange(len(clean)) % period < period // 2
    return rng.poisson(np.where(on[:, np.newaxis, np.newaxis], clean * active, clean)).astype("u2")


RIGHT: dict[str, Callable[[int], Frames]] = {
    "still": lambda seed: scan(ONE, motion_px=0, seed=seed),
    "still, 3 photons": lambda seed: scan(ONE, motion_px=0, photons=3.0, seed=seed),
    "strong motion": lambda seed: scan(ONE, motion_px=MARGIN, seed=seed),
    "motion, 3 photons": lambda seed: scan(ONE, motion_px=5, photons=3.0, seed=seed),
    "1 photon": lambda seed: scan(ONE, photons=1.0, seed=seed),
    "nothing but noise": lambda seed: scan(ONE, light=0.0, seed=seed),
    "flicker from frame to frame": lambda seed: lit(lambda t: 1 + t % 2, seed),
    "strong flicker": lambda seed: lit(lambda t: 1 + 4 * (t % 2), seed),
    "strong flicker, little light": lambda seed: lit(lambda t: 1 + 4 * (t % 2), seed, 2.0),
    "flicker, 3 photons": lambda seed: lit(lambda t: 1 + t % 2, seed, 3.0),
    "flicker of mains": lambda seed: lit(lambda t: 1 + 0.5 * np.sin(2.9 * t), seed),
    "a wave": lambda seed: wave(30, seed),
    "fast waves": lambda seed: wave(6, seed),
    "a drift in depth": lambda seed: scan(repeats(15, 4), smooth_planes=3.0, seed=seed),
    "waves of three frames": lambda seed: wave(3, seed, 20.0),
    "waves of four frames": lambda seed: wave(4, seed),
    "8 frames": lambda seed: scan(ONE, motion_px=5, photons=3.0, seed=seed)[:8],
    "19 frames": lambda seed: scan(ONE, motion_px=5, photons=3.0, seed=seed)[:19],
}


@pytest.mark.slow
@pytest.mark.each_time(made=8)
@pytest.mark.parametrize("made", RIGHT.values(), ids=RIGHT)
def test_a_right_recording_is_none(made: Callable[[int], Frames]) -> None:
    assert of(made(0)) == ""


@pytest.mark.thorough
def test_no_right_recording_of_other_seeds_is_called_wrong() -> None:
    said = {name: [of(made(seed)) for seed in (1, 2)] for name, made in RIGHT.items()}
    assert said == {name: ["", ""] for name in RIGHT}


IN_TURN: dict[str, Callable[[], Frames]] = {
    "two planes": lambda: scan(TWO, smooth_planes=APART),
    "two planes, 3 photons": lambda: scan(TWO, smooth_planes=APART, photons=3.0, motion_px=5),
    "unlike light": lambda: scan(TWO, smooth_planes=APART, light=[1.0, 5.0]),
    "a wave": lambda: wave(30, 0, 10.0, TWO),
    "few frames": lambda: scan(TWO, smooth_planes=APART)[:9],
    "an odd frame first": lambda: scan(TWO, smooth_planes=APART)[1:],
}


@pytest.mark.slow
@pytest.mark.parametrize("made", IN_TURN.values(), ids=IN_TURN)
def test_two_images_in_turn_are_found(made: Callable[[], Frames]) -> None:
    remark = of(made())
    assert remark.startswith("array shows two images in turn, such as two planes or two channels:")
    assert "If they are channels, give `channels=2`; if planes, " in remark


@pytest.mark.parametrize("n_planes", range(3, 9))
@pytest.mark.parametrize("first", [0, 1])
def test_more_planes_than_two_are_found(n_planes: int, first: int) -> None:
    remark = of(scan(volumes(n_planes, 64 // n_planes), smooth_planes=APART)[first:])
    assert remark.startswith(f"array shows {n_planes} images in turn, such as {n_planes} planes:")
    assert f"give `channels={n_planes}`" in remark


@pytest.mark.parametrize("n_planes", [3, 4])
def test_more_planes_are_found_in_few_frames_and_under_a_wave(n_planes: int) -> None:
    order = volumes(n_planes, 60 // n_planes)
    for frames in (scan(order, smooth_planes=APART)[:24], wave(30, 0, 10.0, order)):
        assert f"shows {n_planes} images in turn" in of(frames)


@pytest.mark.slow
@pytest.mark.parametrize("period", [3, 4, 5, 8])
def test_tissue_that_lights_up_every_few_frames_is_one_image(period: int) -> None:
    """Frames a period apart are the most alike, but not all others are unlike one another."""
    assert of(wave(period, 0, 20.0)) == ""
