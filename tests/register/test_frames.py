"""Fields that fold the image onto itself."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.register.frames import folds

SHAPE, SPACING = (64, 80), 16.0


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("slope", "folded"), [(-0.5, False), (0.5, False), (-0.95, True)])
def test_neighbours_that_come_too_close_fold_the_image(axis, slope, folded):
    """A B-spline reproduces the straight line of its coefficients."""
    rows, columns = np.indices(grid_shape(SHAPE, SPACING)) * SPACING
    field = np.zeros((2, *rows.shape), np.float32)
    field[axis] = slope * (rows, columns)[axis]
    assert folds(field, SHAPE, SPACING) == folded
