"""Sharpness counts structure that two images share, not their noise."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_zstack_align.alignment.sharpness import shared_gradient


@pytest.fixture
def structure():
    rng = np.random.default_rng(0)
    return 20 * cv2.GaussianBlur(rng.normal(size=(96, 96)).astype(np.float32), (0, 0), 1.5)


def test_noise_counts_for_nothing(structure):
    rng = np.random.default_rng(1)
    noisy = [structure + rng.normal(scale=2.0, size=structure.shape) for _ in range(2)]
    alone = shared_gradient(structure, structure)
    assert shared_gradient(*noisy) == pytest.approx(alone, rel=0.1)
    assert shared_gradient(noisy[0], noisy[0]) > 1.5 * alone, "which it does within one image"


def test_blur_and_edges_that_lie_apart_lower_it(structure):
    sharp = shared_gradient(structure, structure)
    blurred = cv2.GaussianBlur(structure, (0, 0), 1.5)
    assert shared_gradient(blurred, blurred) < 0.5 * sharp
    assert shared_gradient(structure, np.roll(structure, 2, axis=1)) < 0.5 * sharp


def test_only_what_is_known_counts(structure):
    part = structure.copy()
    part[:, 40:] = np.nan
    assert shared_gradient(part, structure) == pytest.approx(
        shared_gradient(structure[:, :40], structure[:, :40]), rel=0.05
    )
    assert np.isnan(shared_gradient(np.full_like(part, np.nan), structure))
