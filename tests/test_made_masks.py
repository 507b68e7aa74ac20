"""Masks that are made at once."""

import numpy as np
import pytest

from napari_zstack_align.made_masks import brightness, circle, grown, shrunk, usual_threshold


def tissue(offset=0.0):
    """Noisy tissue at the left, dark at the right."""
    image = np.random.default_rng(1).poisson(4, (120, 160)).astype(np.float32)
    image[:, :90] += np.random.default_rng(2).poisson(6, (120, 90))
    return image + np.float32(offset)


@pytest.mark.parametrize("offset", [0.0, -300.0, 54_500.0])
def test_bright_tissue_is_told_from_dark(offset):
    bright = brightness(tissue(offset))
    assert 0 <= bright.min() <= bright.max() <= 1
    covered = bright > usual_threshold(bright)
    assert covered[:, :86].all()
    assert not covered[:, 94:].any()


def test_what_is_missing_is_dark_and_an_even_image_has_nothing_bright():
    image = tissue()
    image[:40, :40] = np.nan
    bright = brightness(image)
    assert np.isfinite(bright).all()
    assert bright[:30, :30].max() < usual_threshold(bright) < bright[50:, :80].min()
    for even in (np.full((40, 50), 7.0, np.float32), np.full((40, 50), np.nan, np.float32)):
        assert not brightness(even).any()


@pytest.mark.parametrize("shape", [(40, 60), (61, 33), (1, 5)])
def test_the_circle_is_as_large_as_may_be(shape):
    covered = circle(shape)
    assert covered.shape == shape
    area = np.pi / 4 * min(shape) ** 2
    assert abs(covered.sum() - area) < 4 * min(shape)
    np.testing.assert_array_equal(covered, covered[::-1, ::-1])
    assert covered.any(axis=int(np.argmax(shape))).all()


@pytest.mark.parametrize("by_px", [1, 5, 13])
def test_an_edge_moves_by_so_many_pixels_on_all_sides(by_px):
    mask = np.zeros((100, 120), bool)
    mask[40:60, 50:70] = True
    larger = grown(mask, by_px)
    rows, columns = (np.flatnonzero(larger.any(axis=axis)) for axis in (1, 0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (
        40 - by_px, 59 + by_px, 50 - by_px, 69 + by_px,
    )  # fmt: skip
    corner = int(np.ceil(by_px / np.sqrt(2))) + 1
    assert not larger[40 - corner, 50 - corner]
    np.testing.assert_array_equal(shrunk(~mask, by_px), ~larger)


def test_at_the_edges_of_the_image_a_mask_stays():
    mask = np.zeros((50, 60), bool)
    mask[:, :30] = True
    np.testing.assert_array_equal(np.flatnonzero(shrunk(mask, 4).all(axis=0)), np.arange(26))
