"""Rows with an offset of their own, against layers of tissue that doesn't move."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.register.artefacts.movement import Movement
from napari_zstack_align.register.artefacts.pattern import Pattern, find_pattern

N, SIZE = 16, 96
TILES = (3, 3)


def layered(photons: float = 200.0) -> np.ndarray:
    """(N, Y, X) float32 frames whose rows differ, in the same place throughout."""
    rng = np.random.default_rng(0)
    light = 1 + 0.3 * rng.random((SIZE, 1)) + 0.2 * rng.random((SIZE, SIZE))
    return rng.poisson(photons * np.tile(light, (N, 1, 1))).astype(np.float32)


def found(shifts: np.ndarray) -> Pattern:
    return find_pattern(
        layered(),
        np.zeros(N, int),
        Movement(shifts, (SIZE, SIZE)),
        np.zeros((SIZE, SIZE), bool),
    )


@pytest.mark.parametrize("n_tiles", [1, 2, 4])
def test_layers_of_still_tissue_are_no_stripes_where_some_tiles_seem_to_move(n_tiles: int) -> None:
    shifts = np.random.default_rng(1).normal(0, 0.2, (N, *TILES, 2))
    for tile in range(n_tiles):
        shifts[3 + tile :: 5, tile // 3, tile % 3] += 1.6
    assert not found(shifts)


def test_rows_that_stay_in_place_while_the_tissue_moves_are() -> None:
    shifts = np.random.default_rng(1).normal(0, 0.2, (N, *TILES, 2))
    shifts[N // 2 :] += 3
    assert found(shifts).rows.any()
