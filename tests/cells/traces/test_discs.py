"""Areas of circles in pixels."""

from __future__ import annotations

import numpy as np
import pytest
from slow_traces import area_in_pixel

from napari_zstack_align.cells.traces.discs import disc_means, pixel_areas, touched

CIRCLES = {
    "within a pixel": (20.1, 20.2, 0.2),
    "on the pixels' edges": (20.5, 20.5, 3.0),
    "a cell": (20.3, 19.8, 5.37),
    "at the border": (1.2, 38.7, 4.0),
    "beyond the border": (-9.0, 20.0, 3.0),
    "larger than the frame": (20.0, 20.0, 90.0),
}
SIZE = 40


@pytest.mark.parametrize("circle", CIRCLES.values(), ids=CIRCLES)
def test_areas_are_those_of_plain_loops(circle: tuple[float, float, float]) -> None:
    y, x, radius = circle
    rows, columns = touched(y, radius, SIZE), touched(x, radius, SIZE)
    whole = np.zeros((SIZE, SIZE))
    areas = pixel_areas(*circle, rows, columns)
    for (i, j), area in np.ndenumerate(areas):
        whole[rows[0] + i, columns[0] + j] = area
    slow = [[area_in_pixel(*circle, i, j) for j in range(SIZE)] for i in range(SIZE)]
    np.testing.assert_allclose(whole, slow, atol=1e-9)


def test_a_small_change_on_a_large_offset_is_kept() -> None:
    image = np.full((SIZE, SIZE), 2.0**24)
    image[20, 20] += 1
    means = np.empty(1, np.float32)
    disc_means(image - 2.0**24, None, np.array([[20.0], [20.0], [2.0]]), means)
    assert means[0] == pytest.approx(1 / (4 * np.pi))
