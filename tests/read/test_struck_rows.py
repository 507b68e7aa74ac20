"""Rows of a frame that were struck by light."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_zstack_align.read.layout.struck_rows import without_struck_rows


def tissue(seed: int, photons: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    cells = gaussian_filter(rng.gamma(0.1, 1.0, (128, 100)), 2)
    return rng.poisson(cells * photons / np.percentile(cells, 99.5) + 1).astype(np.float32)


@pytest.mark.parametrize("photons", [3.0, 30.0, 1000.0])
@pytest.mark.parametrize("seed", range(5))
def test_tissue_stays_as_it_is(seed: int, photons: float) -> None:
    image = tissue(seed, photons)
    assert without_struck_rows(image) is image


@pytest.mark.parametrize("rows", [(0, 5), (60, 61), (60, 80), (120, 128)])
@pytest.mark.parametrize("photons", [3.0, 30.0, 1000.0])
def test_struck_rows_are_filled_and_no_others(rows: tuple[int, int], photons: float) -> None:
    image = tissue(0, photons)
    struck = image.copy()
    struck[slice(*rows)] += 2 * photons
    filled = without_struck_rows(struck)
    near = np.arange(max(rows[0] - 1, 0), min(rows[1] + 1, 128))
    assert np.array_equal(np.delete(filled, near, axis=0), np.delete(image, near, axis=0))
    assert filled[near].mean() < image.mean() + photons / 5


@pytest.mark.parametrize("rows", [(0, 5), (60, 61), (60, 80), (120, 128)])
@pytest.mark.parametrize("photons", [30.0, 1000.0])
def test_rows_without_light_are_filled_and_no_others(rows: tuple[int, int], photons: float) -> None:
    image = tissue(0, photons) + 0.5 * photons  # neuropil is everywhere
    gated = image.copy()
    gated[slice(*rows)] = 0
    filled = without_struck_rows(gated)
    near = np.arange(max(rows[0] - 1, 0), min(rows[1] + 1, 128))
    assert np.array_equal(np.delete(filled, near, axis=0), np.delete(image, near, axis=0))
    assert abs(filled[near].mean() / image.mean() - 1) < 0.1


def test_a_frame_of_equal_pixels_has_none() -> None:
    image = np.full((32, 32), 7, np.float32)
    assert without_struck_rows(image) is image
