"""Patterns fixed to the detector, of any direction and stronger than the tissue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from spoils import clean, error_px, moved, run_search, walk

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.search import STILL_FIXED

Image = np.ndarray
N_FRAMES = 144


def random_rows(y: Image, x: Image) -> Image:
    return np.random.default_rng(5).normal(size=y.shape[0])[:, np.newaxis] + 0 * x


def random_columns(y: Image, x: Image) -> Image:
    return np.random.default_rng(6).normal(size=x.shape[1]) + 0 * y


def diagonal_stripes(y: Image, x: Image) -> Image:
    return ((y + x) % 16 < 5).astype(float)


def oblique_wave(y: Image, x: Image) -> Image:
    return np.sin(2 * np.pi * (0.05 * y + 0.083 * x))


def grid(y: Image, x: Image) -> Image:
    return ((y % 12 < 3) | (x % 10 < 2)).astype(float)


PATTERNS = [random_rows, random_columns, diagonal_stripes, oblique_wave, grid]


def patterned(
    frames: Image, pattern: Callable[[Image, Image], Image], strength: float
) -> tuple[Image, Image]:
    """Frames (T, Y, X) with a pattern of so many times their range, and what was added."""
    added = pattern(*np.indices(frames.shape[1:]))
    added = strength * float(np.percentile(frames, 99.9) - np.percentile(frames, 1)) * added
    added -= added.min()
    return np.clip(np.round(frames + added), 0, 65535).astype(np.uint16), added


def found_in(frames: Image, repeats: int | None = None) -> Artefacts:
    return run_search(nza.Stack.from_array(frames, frames_per_slice=repeats), nza.AdaptiveParams())


def left_of(found: Artefacts, added: Image) -> float:
    """Part of a pattern that stays, slow shading aside."""
    if found.pattern is None:
        return 1.0
    left = added - found.pattern
    return float(np.diff(left, axis=0).std() / np.hypot(*np.gradient(added)).std())


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("strength", "step", "left"), [(0.3, 0.4, 0.3), (0.1, 1.2, 0.7)])
def test_a_pattern_is_taken_off_a_recording(pattern, strength, step, left):
    frames, added = patterned(moved(1, N_FRAMES, walk(N_FRAMES, step)), pattern, strength)
    found = found_in(frames)
    assert left_of(found, added) < left
    assert any("taken off" in str(each) for each in found.remarks)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_is_taken_off_a_stack(pattern):
    images, added = patterned(moved(8, 6, walk(48)), pattern, 0.3)
    assert left_of(found_in(images, 6), added) < 0.3


@pytest.mark.parametrize("seed", range(3))
def test_no_pattern_is_seen_in_tissue_that_moves(seed):
    recording, stack = moved(1, N_FRAMES, walk(N_FRAMES, 0.6, seed)), moved(8, 6, walk(48, 1, seed))
    assert found_in(recording).pattern is None
    assert found_in(stack, 6).pattern is None
    # Frames that show ever deeper tissue aren't one plane with something fixed.
    assert found_in(stack).pattern is None


@pytest.mark.parametrize("pattern", PATTERNS)
def test_still_tissue_with_a_pattern_stays_as_it_is(pattern):
    still = moved(1, 40, np.zeros((40, 2), int))
    assert found_in(patterned(still, pattern, 0.3)[0]).pattern is None


def test_cells_that_are_active_in_turn_are_no_pattern():
    moves = walk(N_FRAMES, 0.6)
    frames = moved(1, N_FRAMES, moves).astype(float)
    y, x = np.indices(frames.shape[1:])
    for t, (dy, dx) in enumerate(moves):
        for k in range(6):
            if (t // 12 + k) % 3 == 0:
                at_y, at_x = 20 + 14 * k + dy, 90 - 13 * k + dx
                frames[t] += 6000 * np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / 30)
    assert found_in(frames.clip(0, 65535).astype(np.uint16)).pattern is None


def test_what_could_not_be_taken_out_is_warned_of():
    frames = moved(1, N_FRAMES, walk(N_FRAMES))
    rng = np.random.default_rng(3)
    pictures = np.kron(rng.random((N_FRAMES // 2, 6, 12)) < 0.5, np.ones((4, 4))).astype(bool)
    for t, frame in enumerate(frames):
        frame[20:44, 20:68][pictures[t // 2]] = 20_000
    stack = nza.Stack.from_array(frames)
    nothing = np.zeros(frames.shape[1:], bool)
    found = run_search(stack, nza.AdaptiveParams(), given=nothing)
    (remark,) = [each for each in found.remarks if each == STILL_FIXED]
    assert remark.is_warning
    region = nothing.copy()
    region[20:44, 20:68] = True
    found = run_search(stack, nza.AdaptiveParams(), given=region)
    assert STILL_FIXED not in found.remarks


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [random_rows, diagonal_stripes])
def test_an_alignment_is_hardly_worse_for_it(pattern):
    frames, moves = clean("adaptive")
    spoiled, _ = patterned(frames, pattern, 0.3)
    stack = nza.Stack.from_array(spoiled, frames_per_slice=5)
    assert error_px(nza.run(nza.align_adaptive(stack)), moves) < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [None, random_rows, random_columns, diagonal_stripes])
def test_real_tissue_with_a_pattern(shared_data: Path, pattern):
    path = shared_data / "fmi_grin2p" / "still.tif"
    if not path.is_file():
        pytest.skip("fmi_grin2p is not among the real data")
    still = tifffile.imread(path)[:N_FRAMES]
    moves = np.clip(walk(N_FRAMES, 0.5), -6, 6)
    rolled = np.stack([np.roll(f, tuple(m), (0, 1)) for f, m in zip(still, moves, strict=True)])
    rolled = rolled[:, 32:224, 32:224]
    frames = rolled if pattern is None else patterned(rolled, pattern, 0.3)[0]
    found = nza.run(nza.register_recordings([nza.Stack.from_array(frames)]))[0]
    assert error_px(found, moves) < 0.3
    assert any("taken off" in remark for remark in found.remarks) == (pattern is not None)
