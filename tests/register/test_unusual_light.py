"""Repeats under another light are left out, also where they are most of a slice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.search import LEVELLED_SLICES
from napari_zstack_align.register.artefacts.usual_light import under_right_light, usual_light
from napari_zstack_align.samples import zstack_with_repeats

N_SLICES, SIZE = 5, 96
DARK = 100


@lru_cache(maxsize=4)
def tissue(n_repeats: int) -> np.ndarray:
    """(T, Y, X) a stack under even light."""
    made = zstack_with_repeats(
        n_slices=N_SLICES, n_repeats=n_repeats, size=SIZE, max_displacement_px=2.0, seed=41
    )
    frames = made.stack.read(0, made.stack.n_frames)[:, 0].astype(float)
    return frames - np.percentile(frames, 1)


def aligned(frames: np.ndarray, n_repeats: int, strategy: str = "two_stage") -> nza.Alignment:
    counts = (DARK + frames).clip(0, 65535).astype(np.uint16)
    stack = nza.Stack.from_array(counts, frames_per_slice=n_repeats)
    return nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(strategy=strategy)))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["two_stage", "direct"])
@pytest.mark.parametrize(
    ("n_repeats", "z", "struck", "times"),
    [
        (5, 2, [0, 1, 2], (10, 10, 10)),
        (5, 0, [1, 3, 4], (30, 30, 30)),
        (5, 3, [0, 1, 2, 4], (10, 20, 30, 12)),
        (4, 4, [0, 2], (10, 10)),
        (3, 0, [0, 1], (12, 12)),
        (2, 2, [1], (10,)),
        (5, 2, [0, 1, 3], (0.05, 0.05, 0.05)),
    ],
    ids=str,
)
def test_the_slices_beside_tell_which_light_is_right(strategy, n_repeats, z, struck, times):
    if strategy == "direct" and times[0] < 1:
        pytest.skip("the direct strategy only looks for frames that are too bright")
    lost = [z * n_repeats + i for i in struck]
    frames = tissue(n_repeats).copy()
    frames[lost] *= np.array(times)[:, np.newaxis, np.newaxis]
    quality = aligned(frames, n_repeats, strategy).quality
    assert np.flatnonzero(quality["flag"] == "unusual brightness").tolist() == lost
    assert np.flatnonzero(~quality["used"]).tolist() == lost


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["two_stage", "direct"])
@pytest.mark.parametrize("struck", [0, 1])
def test_one_of_two_repeats_of_every_slice_is_struck(strategy, struck):
    """No light is that of most frames: what is added makes a frame brighter."""
    frames = tissue(2).copy()
    frames[struck::2] *= 30
    quality = aligned(frames, 2, strategy).quality
    lost = [*range(struck, 2 * N_SLICES, 2)]
    assert np.flatnonzero(quality["flag"] == "unusual brightness").tolist() == lost
    assert np.flatnonzero(~quality["used"]).tolist() == lost


@pytest.mark.parametrize(
    ("lights", "usual"),
    [
        ([1, 1.2, 0.9, 30], 1.1),
        ([30, 30, 1], 30),
        ([1, 30], 1),
        ([30, 1.2, 1, 28], 1.1),
        ([1e-30, 5], 5),
        ([np.nan, 2], 2),
        ([np.nan], np.nan),
    ],
)
def test_usual_light(lights, usual):
    assert usual_light(np.array(lights)) == pytest.approx(usual, nan_ok=True)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("times", [4.0, 0.25])
def test_a_slice_that_is_brighter_than_those_beside_stays(times):
    frames = tissue(5).copy()
    frames[10:15] *= times
    frames[12] *= 30  # one of its repeats was struck
    quality = aligned(frames, 5).quality
    assert np.flatnonzero(quality["flag"] == "unusual brightness").tolist() == [12]


HAZE = 0.4
"""Of the range of the tissue: where the field shows no dark place."""


@lru_cache(maxsize=2)
def hazy(seed: int | None, dimmed: tuple[int, float] | None = None) -> nza.Alignment:
    """Alignment of hazy tissue under a laser that flickers by 0.5 to 1.5."""
    light = np.maximum(tissue(6), 0)
    light += HAZE * np.percentile(light, 99.5)
    times = np.ones(len(light))
    if seed is not None:
        times = np.random.default_rng(seed).uniform(0.5, 1.5, len(light))
    if dimmed is not None:
        times[dimmed[0]] = dimmed[1]
    return aligned(light * times[:, np.newaxis, np.newaxis], 6)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_laser_that_flickers_on_hazy_tissue_flags_and_moves_nothing(seed):
    flickered, even = hazy(seed), hazy(None)
    assert not flickered.quality["flag"].any()
    assert LEVELLED_SLICES in flickered.summary()
    assert LEVELLED_SLICES not in even.summary()
    off = [
        np.abs(flickered.transforms.displacement(t) - even.transforms.displacement(t)).mean()
        for t in range(0, flickered.stack.n_frames, 4)
    ]
    assert np.mean(off) < 0.05


@pytest.mark.thorough
def test_the_sentence_names_the_true_part_of_the_light():
    quality = hazy(1, (13, 0.1)).quality
    flagged = np.flatnonzero(quality["flag"] == "unusual brightness").tolist()
    assert flagged == [13]
    times = np.random.default_rng(1).uniform(0.5, 1.5, 30)[12:18]
    times[1] = 0.1
    named = float(quality["detail"][13].split(": ")[1].split()[0])
    assert named == pytest.approx(0.1 / np.median(times), rel=0.2)


@pytest.mark.parametrize(
    ("lights", "beside", "right"),
    [
        ([1, 1.2, 0.9, 1, 10], 1.1, [0, 1, 2, 3]),
        ([10, 10, 10, 1, 1], 1.1, [3, 4]),
        ([10, 10, 10, 1, 1], np.nan, [0, 1, 2]),
        ([10, 10, 1, 1], 1.1, [2, 3]),
        ([10, 10, 1, 1], np.nan, None),
        ([1, 8], 0.7, [0]),
        ([4, 4, 4, 4, 0.4], 1.0, [0, 1, 2, 3]),
        ([40, 40, 40, 10, 10], 0.01, [0, 1, 2]),
        ([10, 11, 9], 1.0, [0, 1, 2]),
    ],
)
def test_frames_under_the_right_light(lights, beside, right):
    found = under_right_light(np.array(lights, float), beside)
    assert (None if found is None else np.flatnonzero(found).tolist()) == right
