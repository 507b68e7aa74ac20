"""Regular patterns as plane waves of exact frequencies."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from spoils import moved, run_search

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.frequencies import standing_out
from napari_zstack_align.register.artefacts.waves import Waves, waves_of

N, SIZE = 24, 96
Y, X = np.indices((SIZE, SIZE), float)
MOVES = np.random.default_rng(3).normal(0, 0.3, (N, 2))
"""Less than a pixel."""


def striped(*, moves_along: bool, photons: float = 40.0) -> np.ndarray:
    """(N, SIZE, SIZE) tissue that moves, with stripes that do or don't."""
    rng = np.random.default_rng(1)
    cells = cv2.GaussianBlur(rng.gamma(0.2, 9, (SIZE + 16,) * 2).astype(np.float32), (0, 0), 1.5)
    y, x = np.indices(cells.shape, np.float32)
    frames = []
    for dy, dx in MOVES:
        at = [dy, dx] if moves_along else [0, 0]
        stripes = 1 + np.sin(2 * np.pi * ((Y + at[0]) + (X + at[1])) / 11)
        seen = cv2.remap(cells, x + np.float32(dx), y + np.float32(dy), cv2.INTER_CUBIC)
        light = photons * np.maximum(seen[8:-8, 8:-8] / cells.mean() + 2 * stripes, 0)
        frames.append(20 * rng.poisson(light) + 200)
    return np.stack(frames).astype(np.uint16)


def test_a_pattern_much_stronger_than_the_tissue_is_told_from_it():
    tissue = moved(1, 1, np.zeros((1, 2), int))[0].astype(np.float32)
    added = 40 * tissue.std() * ((np.indices(tissue.shape).sum(axis=0)) % 13 < 5)
    image = (tissue + added).astype(np.float32)
    waves = waves_of(image, standing_out(image))
    left = waves.lying_in(image) - (added - added.mean())
    # As frequencies of a spectrum, a third of the tissue went along.
    assert left.std() < 0.15 * tissue.std()


def test_offsets_of_all_rows_are_no_few_waves():
    rows = np.random.default_rng(0).normal(size=(SIZE, 1))
    image = (9 * rows + np.random.default_rng(1).normal(size=(SIZE, SIZE))).astype(np.float32)
    assert waves_of(image, standing_out(image)) is None


def test_waves_that_change_from_frame_to_frame_are_tissue():
    fixed, moving = (0.1, 0.1), (0.23, 0.0)
    rng = np.random.default_rng(2)
    images = np.sin(2 * np.pi * (fixed[0] * Y + fixed[1] * X)) + np.stack(
        [np.sin(2 * np.pi * moving[0] * (Y + dy)) for dy, _ in MOVES]
    )
    images += rng.normal(size=images.shape)
    waves = Waves(np.array([fixed, moving])).staying(images.astype(np.float32), np.zeros(N, int))
    assert waves.frequencies.tolist() == [list(fixed)]


@pytest.mark.parametrize("moves_along", [False, pytest.param(True, marks=pytest.mark.thorough)])
def test_stripes_are_told_from_tissue_that_moves_by_less_than_a_pixel(moves_along):
    stack = nza.Stack.from_array(striped(moves_along=moves_along))
    found = run_search(stack, nza.AdaptiveParams())
    assert (found.pattern is None) is moves_along
