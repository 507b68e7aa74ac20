"""Repeats of another place or depth than their slice are left out, or warned of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.quality import Compared
from napari_zstack_align.register.places import clearly_right, places, shown_by_most
from napari_zstack_align.samples import zstack_with_repeats

N_SLICES, SIZE, SPOILED = 4, 96, 2
WARNED = "show different places"


@lru_cache(maxsize=8)
def tissue(n_repeats: int, seed: int) -> np.ndarray:
    """(T, Y, X) a right stack; another seed shows another place."""
    made = zstack_with_repeats(
        n_slices=N_SLICES, n_repeats=n_repeats, size=SIZE, max_displacement_px=2.0, seed=seed
    )
    return made.stack.read(0, made.stack.n_frames)[:, 0].astype(float)


def aligned(frames: np.ndarray, n_repeats: int, strategy: str, **more: object) -> nza.Alignment:
    counts = frames.clip(0, 65535).astype(np.uint16)
    stack = nza.Stack.from_array(counts, frames_per_slice=n_repeats)
    return nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(strategy=strategy), **more))


def spoiled(n_repeats: int, lost: list[int], light: float = 1.0) -> np.ndarray:
    frames = tissue(n_repeats, 41).copy()
    dark = np.percentile(frames, 1)
    frames[lost] = dark + light * (tissue(n_repeats, 42)[lost] - dark)
    return frames


@pytest.mark.parametrize("strategy", ["two_stage", "direct"])
@pytest.mark.parametrize(
    ("n_repeats", "of_slice", "light", "z"),
    [
        (3, [1], 1.0, SPOILED),
        pytest.param(4, [0, 1], 1.0, SPOILED, marks=pytest.mark.thorough),
        (6, [0, 2, 4], 1.0, 0),
        pytest.param(6, [1, 2, 3], 1.0, N_SLICES - 1, marks=pytest.mark.thorough),
        (6, [2], 1.6, SPOILED),
        pytest.param(5, [0, 1, 2], 1.0, SPOILED, marks=pytest.mark.thorough),
    ],
)
def test_lost_repeats_are_left_out_and_no_others(strategy, n_repeats, of_slice, light, z):
    lost = [z * n_repeats + i for i in of_slice]
    quality = aligned(spoiled(n_repeats, lost, light), n_repeats, strategy).quality
    assert np.flatnonzero(~quality["used"]).tolist() == lost
    assert set(quality["flag"][lost]) <= {"low correlation", "torn"}
    right = np.setdiff1d(np.arange(len(quality)), lost)
    assert quality["correlation_after"][right].min() > 0.8


def test_a_slice_is_warned_of_where_nothing_tells_which_repeats_are_right(tmp_path):
    """Also by a run that goes on from what an earlier one kept."""
    lost = [t for t in range(N_SLICES * 4) if t % 4 in (1, 2)]
    frames = spoiled(4, lost)
    journal = tmp_path / "kept.zalign"
    first = aligned(frames, 4, "two_stage", journal=journal)
    again = aligned(frames, 4, "two_stage", journal=journal)
    for alignment in (first, again):
        assert any(WARNED in remark for remark in alignment.remarks)
        assert alignment.quality["used"].all()
    np.testing.assert_array_equal(first.quality, again.quality)


@pytest.mark.thorough
def test_what_a_spoiled_slice_became_depends_on_no_threads_and_is_kept(tmp_path):
    lost = [8, 9]
    frames, journal = spoiled(4, lost), tmp_path / "kept.zalign"
    first = aligned(frames, 4, "two_stage", threads=1, journal=journal)
    for more in ({"threads": 3}, {"journal": journal}):
        again = aligned(frames, 4, "two_stage", **more)
        np.testing.assert_array_equal(first.quality, again.quality)
        for one, other in zip(first.transforms.links, again.transforms.links, strict=True):
            np.testing.assert_array_equal(one.coefficients, other.coefficients)


@pytest.mark.thorough
def test_every_repeat_stays_where_outliers_are_not_looked_for():
    frames = spoiled(4, [8, 9])
    stack = nza.Stack.from_array(frames.clip(0).astype(np.uint16), frames_per_slice=4)
    alignment = nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(outlier_mad=0)))
    assert alignment.quality["used"][8:12].all()
    assert any(WARNED in remark for remark in alignment.remarks)


def compared(images: list[np.ndarray]) -> list[Compared]:
    return [Compared(one, one, np.ones(one.shape, bool)) for one in images]


def test_repeats_fall_into_places_unless_they_show_nothing():
    rng = np.random.default_rng(3)
    here, there, *noise = rng.standard_normal((7, 64, 64)).astype(np.float32)
    images = [here + 0.3 * noise[0], there, here, there + 0.3 * noise[1], here + 0.3 * noise[2]]
    good = np.array([True, True, True, True, False])
    assert places(compared(images), good, None).tolist() == [0, 1, 0, 1, -1]
    assert places(compared(noise), good, None).max() == 0


def test_copies_of_a_frame_do_not_make_the_others_another_place():
    rng = np.random.default_rng(4)
    tissue = rng.standard_normal((64, 64))
    noisy = [(tissue + 1.2 * rng.standard_normal((64, 64))).astype(np.float32) for _ in range(3)]
    images = [noisy[0], noisy[0], noisy[1], noisy[2]]
    assert places(compared(images), np.ones(4, bool), None).tolist() == [0, 0, 0, 0]


def test_slices_beside_say_what_is_right_where_they_are_clear_else_most_repeats_do():
    assert clearly_right(np.array([0.2, 0.7])) == 1
    assert clearly_right(np.array([0.6, 0.7])) is None
    assert clearly_right(np.array([np.nan, np.nan])) is None
    assert shown_by_most(np.array([0, 1, 1, -1])) == 1
    assert shown_by_most(np.array([0, 1, 1, 0])) is None
