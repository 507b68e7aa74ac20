"""Repeats under another light are left out, also where they are most of a slice."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

import napari_zstack_align as nza
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


@pytest.mark.parametrize("times", [4.0, 0.25])
def test_a_slice_that_is_brighter_than_those_beside_stays(times):
    frames = tissue(5).copy()
    frames[10:15] *= times
    frames[12] *= 30  # one of its repeats was struck
    quality = aligned(frames, 5).quality
    assert np.flatnonzero(quality["flag"] == "unusual brightness").tolist() == [12]


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
