"""Regions fixed to the detector whose pixels change, such as a clock."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from spoils import error_px, moved, run_search, walk

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.artefacts import Artefacts

N_FRAMES = 144
PLACE = np.s_[4:18, 4:52]


def text(words: str, line: int = cv2.LINE_8) -> np.ndarray:
    """(14, 48) how much of each pixel a stroke covers."""
    image = np.zeros((14, 48), np.uint8)
    cv2.putText(image, words, (0, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.45, 255, 1, line)
    return image / 255


def clock(frames: np.ndarray, level: float) -> None:
    for t, frame in enumerate(frames):
        frame[PLACE][text(f"{t:05d}") > 0.5] = level


def clock_on_black(frames: np.ndarray, level: float) -> None:
    for t, frame in enumerate(frames):
        frame[PLACE] = level * (text(f"{t // 3:05d}") > 0.5)


def smooth_clock(frames: np.ndarray, level: float) -> None:
    for t, frame in enumerate(frames):
        part = text(f"{t // 30:02d}:{2 * t % 60:02d}", cv2.LINE_AA)
        frame[PLACE] = frame[PLACE] * (1 - part) + level * part


CLOCKS = [clock, clock_on_black, smooth_clock]


def found_in(frames: np.ndarray, repeats: int | None = None) -> Artefacts:
    stack = nza.Stack.from_array(frames, frames_per_slice=repeats)
    return run_search(stack, nza.AdaptiveParams())


@pytest.mark.parametrize("spoil", CLOCKS)
@pytest.mark.parametrize("level", ["top", "of the data"])
@pytest.mark.parametrize("repeats", [None, 6])
def test_a_clock_is_found_and_little_else(spoil, level, repeats):
    clean = moved(8, 6, walk(48)) if repeats else moved(1, N_FRAMES, walk(N_FRAMES))
    frames = clean.copy()
    spoil(frames, 65535 if level == "top" else float(np.percentile(clean, 99.9)))
    truth = (frames != clean).mean(axis=0) > 0.1
    found = found_in(frames, repeats).fixed
    assert found is not None
    assert found[truth].mean() > 0.75
    beside = cv2.dilate(truth.astype(np.uint8), np.ones((17, 17))) == 0
    assert found[beside].mean() < 0.02
    assert found.mean() <= 0.1


@pytest.mark.parametrize("spoil", CLOCKS)
def test_still_tissue_with_a_clock_stays_as_it_is(spoil):
    frames = moved(1, N_FRAMES, np.zeros((N_FRAMES, 2), int))
    spoil(frames, 65535)
    assert found_in(frames).fixed is None


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("active", [0.1, 0.5])
def test_cells_that_are_active_are_no_clock(seed, active):
    moves, rng = walk(N_FRAMES, 0.7, seed), np.random.default_rng(seed)
    frames = moved(1, N_FRAMES, moves).astype(float)
    y, x = np.indices(frames.shape[1:])
    places = rng.uniform(20, 92, (6, 2))
    lit = np.repeat(rng.random((N_FRAMES // 6, 6)) < active, 6, axis=0)
    for t, (dy, dx) in enumerate(moves):
        for at_y, at_x in places[lit[t]]:
            away = (y - at_y - dy) ** 2 + (x - at_x - dx) ** 2
            frames[t] += rng.poisson(400 * np.exp(-away / 30)) * 20
    assert found_in(frames.clip(0, 65535).astype(np.uint16)).fixed is None


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [clock, clock_on_black, smooth_clock])
def test_real_tissue_under_a_clock(shared_data: Path, spoil):
    path = shared_data / "fmi_grin2p" / "still.tif"
    if not path.is_file():
        pytest.skip("fmi_grin2p is not among the real data")
    still = tifffile.imread(path)[:N_FRAMES]
    moves = np.clip(walk(N_FRAMES, 0.8), -6, 6)
    frames = np.stack([np.roll(f, tuple(m), (0, 1)) for f, m in zip(still, moves, strict=True)])
    frames = frames[:, 32:224, 32:224].copy()
    spoil(frames, 65535)
    found = nza.run(nza.register_recordings([nza.Stack.from_array(frames)]))[0]
    assert error_px(found, moves) < 0.3
