"""Burnt-in clocks: regions fixed to the detector whose pixels change."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from spoils import aligned, clean, error_px, moved, run_search, walk

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.artefacts import Artefacts

Frames = npt.NDArray[np.uint16]
N_FRAMES = 48


def written(frames: Frames, words: Callable[[int], str], y: int, x: int, level: float) -> None:
    for t, frame in enumerate(frames):
        ink = np.zeros(frame.shape, np.uint8)
        cv2.putText(ink, words(t), (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
        frame[ink > 127] = level


def seconds(frames: Frames) -> None:
    """Over the tissue, as bright as its brightest."""
    written(frames, lambda t: f"{t * 0.13:05.2f}", 18, 5, np.percentile(frames, 99.9))


def counter(frames: Frames) -> None:
    """At the top of the detector."""
    written(frames, lambda t: f"{7 * t:04d}", 106, 60, 65535)


def boxed(frames: Frames) -> None:
    """In a black box."""
    level = np.percentile(frames, 99.9)
    frames[:, 94:105, 66:100] = 0
    written(frames, lambda t: f"{t * 31:04d}", 103, 67, level)


CLOCKS = [seconds, counter, boxed]
MADE: dict[str, Callable[[], tuple[Frames, int | None]]] = {
    "recording": lambda: (moved(1, N_FRAMES, walk(N_FRAMES, 0.6)), None),
    "stack": lambda: (moved(8, 6, walk(N_FRAMES)), 6),
}


def found_in(frames: Frames, repeats: int | None, **options: object) -> Artefacts:
    stack = nza.Stack.from_array(frames, frames_per_slice=repeats)
    return run_search(stack, nza.AdaptiveParams(), **options)


@pytest.mark.slow
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
@pytest.mark.parametrize("clock", CLOCKS)
def test_a_clock_is_left_out_as_a_whole(made, clock):
    frames, repeats = made()
    spoiled = frames.copy()
    clock(spoiled)
    digits = (spoiled != frames).any(axis=0)
    found = found_in(spoiled, repeats)
    assert found.fixed is not None
    assert (found.fixed & digits).sum() > 0.75 * digits.sum()
    around = cv2.dilate(digits.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
    assert not (found.fixed & ~around).any()
    assert not any(remark.is_warning for remark in found.remarks)


@pytest.mark.parametrize("clock", CLOCKS)
def test_still_tissue_with_a_clock_loses_no_more_than_before(clock):
    frames = moved(1, N_FRAMES, np.zeros((N_FRAMES, 2), int))
    clock(frames)
    assert found_in(frames, None).fixed is None


@pytest.mark.parametrize("seed", range(3))
def test_saturated_cells_that_move_and_light_up_are_no_clock(seed):
    rng = np.random.default_rng(seed)
    cells = np.zeros((176, 176))
    cells[tuple(rng.integers(20, 156, (2, 6)))] = 1
    shape = cv2.GaussianBlur(cells, (0, 0), 7) > 0.0015  # wider than they move
    moves = np.clip(walk(N_FRAMES, 0.6, seed + 4), -4, 4)
    frames = moved(1, N_FRAMES, moves)
    for t, (dy, dx) in enumerate(moves):
        frames[t][shape[32 - dy : 144 - dy, 32 - dx : 144 - dx]] = 65535
    lit = rng.random(N_FRAMES) < 0.3
    frames[lit] = np.clip(frames[lit] * 1.5, 0, 65535)
    assert found_in(frames, None).fixed is None


def test_pixels_that_were_given_stay_those():
    frames, repeats = MADE["recording"]()
    boxed(frames)
    given = np.zeros(frames.shape[1:], bool)
    given[92:107, 64:102] = True
    found = found_in(frames, repeats, given=given)
    np.testing.assert_array_equal(found.fixed, given)


ALIGNED = [
    pytest.param(method, clock, marks=pytest.mark.slow)
    for method in ("adaptive", "keypoints")
    for clock in (seconds, boxed)
]


@pytest.mark.thorough
@pytest.mark.parametrize(("method", "clock"), ALIGNED)
def test_a_clock_hardly_moves_an_alignment(method, clock):
    frames, moves = clean(method)
    limit = 1.3 * error_px(aligned(frames, method), moves) + 0.02
    spoiled = frames.copy()
    clock(spoiled)
    assert error_px(aligned(spoiled, method), moves) < limit
