"""Repeats of a z-stack in which cells light up."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pytest
from scipy.ndimage import label

import napari_zstack_align as nza
from napari_zstack_align.register import active_repeats
from napari_zstack_align.samples import SampleZStack, endpoint_error, zstack_with_repeats

N_REPEATS = 6
LIT = (3, 10, 11, 13)


@lru_cache(maxsize=2)
def sample(n_slices: int, drift_px: float, seed: int) -> SampleZStack:
    return zstack_with_repeats(
        n_slices=n_slices,
        n_repeats=N_REPEATS,
        size=128,
        max_displacement_px=4.0,
        drift_px=drift_px,
        seed=seed,
    )


def frames_of(made: SampleZStack) -> np.ndarray:
    return made.stack.read(0, made.stack.n_frames)[:, 0].astype(float)


def aligned(frames: np.ndarray, strategy: str = "two_stage") -> nza.Alignment:
    counts = frames.clip(0, 65535).astype(np.uint16)
    stack = nza.Stack.from_array(counts, frames_per_slice=N_REPEATS)
    return nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(strategy=strategy)))


@pytest.fixture(scope="module")
def with_discs() -> np.ndarray:
    frames = frames_of(sample(3, 0.0, 5))
    for t in LIT:
        cells = np.argwhere(frames[t] > np.percentile(frames[t], 90))[::40]
        y, x = np.indices(frames.shape[1:])
        for cy, cx in cells:
            frames[t] += 800 * (np.hypot(y - cy, x - cx) < 5)
    return frames


@pytest.mark.thorough
@pytest.mark.slow
def test_a_repeat_in_which_cells_light_up_stays_in_its_slice(with_discs, monkeypatch):
    """Where they aren't dimmed either, though without both ways it would go."""
    no_cells = lambda images, _: [None] * len(images)  # noqa: E731
    monkeypatch.setattr(active_repeats, "lit_cells", no_cells)
    alignment = aligned(with_discs)
    assert alignment.quality["used"].all()
    assert (alignment.quality["flag"] == "").all()
    monkeypatch.setattr(active_repeats, "only_brighter", lambda *_: np.zeros(N_REPEATS, bool))
    without = aligned(with_discs)
    assert set(np.flatnonzero(without.quality["flag"] != "")) >= set(LIT)


def lit(frames: np.ndarray, n_lit: int, seed: int = 1) -> np.ndarray:
    """Half of the cells five times as bright, in so many repeats of each slice."""
    result = frames.copy()
    chosen = np.random.default_rng(seed)
    n_slices = len(frames) // N_REPEATS
    repeats = [chosen.choice(N_REPEATS, n_lit, replace=False) for _ in range(n_slices)]
    for t in np.concatenate([N_REPEATS * z + some for z, some in enumerate(repeats)]):
        calm = cv2.GaussianBlur(frames[t], (0, 0), 1.5)
        dark, bright = np.percentile(calm, (5, 88))
        regions, n = label(calm > bright)
        cells = (np.random.default_rng(7).random(n + 1) < 0.5)[regions] & (regions > 0)
        result[t] += (
            4 * cv2.GaussianBlur(cells.astype(float), (0, 0), 1.0) * np.maximum(frames[t] - dark, 0)
        )
    return result


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["two_stage", "direct"])
def test_cells_five_times_as_bright_hardly_move_an_alignment(strategy, monkeypatch):
    made = sample(5, 6.0, 1)
    frames = frames_of(made)
    truth, slices = made.displacement, made.stack.slice_of_frame

    def error(images: np.ndarray) -> float:
        found = aligned(images, strategy)
        assert (found.quality["flag"] == "").all()
        return endpoint_error(found.transforms.displacement, truth, slices, border_px=16).mean

    limit_px = 1.3 * error(frames) + 0.02
    found_px = error(lit(frames, 2))
    assert found_px < limit_px
    monkeypatch.setattr(active_repeats, "lit_cells", lambda images, _: [None] * len(images))
    assert error(lit(frames, 2)) > 1.1 * found_px


@pytest.mark.slow
def test_direct_keeps_repeats_in_which_cells_light_up(with_discs, monkeypatch):
    """Where they aren't dimmed either, though without both ways they would go."""
    monkeypatch.setattr(active_repeats, "lit_cells", lambda images, _: [None] * len(images))
    assert aligned(with_discs, "direct").quality["used"].all()
    monkeypatch.setattr(active_repeats, "only_brighter", lambda *_: np.zeros(N_REPEATS, bool))
    assert not aligned(with_discs, "direct").quality["used"].all()
