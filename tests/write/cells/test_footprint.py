"""Pixels of circles."""

import numpy as np
import pytest

from napari_zstack_align.write.cells.footprint import footprint


@pytest.mark.parametrize("circle", [(10.0, 12.0, 3.0), (20.25, 30.6, 4.5), (5.3, 5.2, 0.1)])
def test_weights_are_areas_about_the_centre(circle):
    y, x, radius = circle
    rows, columns, weights = footprint(np.array(circle), (40, 48))
    assert weights.sum() == pytest.approx(np.pi * radius**2, rel=1e-4)
    # a pixel counts at its centre
    tolerance = 0.5 if radius < 1 else 0.01
    assert np.average(rows, weights=weights) == pytest.approx(y, abs=tolerance)
    assert np.average(columns, weights=weights) == pytest.approx(x, abs=tolerance)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == len(rows)


def test_at_the_border_only_pixels_of_the_image_count():
    rows, columns, weights = footprint(np.array([-0.5, 20.0, 4.0]), (40, 48))
    assert rows.min() == 0
    assert columns.min() == 16
    assert weights.sum() == pytest.approx(np.pi * 16 / 2, rel=1e-4)


def test_outside_it_is_the_nearest_pixel():
    rows, columns, weights = footprint(np.array([-30.0, 100.0, 4.0]), (40, 48))
    assert (rows.tolist(), columns.tolist(), weights.tolist()) == ([0], [47], [1.0])
