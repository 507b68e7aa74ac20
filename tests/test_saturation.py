from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.saturation import highest_value, saturated_fraction


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.float32])
@pytest.mark.parametrize("top", [255, 2047, 8191])
def test_part_at_the_top_of_a_detector(top: int, dtype) -> None:
    pixels = np.arange(100, dtype=dtype)
    pixels[:7] = top
    assert saturated_fraction(pixels) == pytest.approx(0.07)
    pixels[3:7] = 0
    assert saturated_fraction(pixels) == 0, "too few"


def test_no_detector_has_this_top() -> None:
    assert saturated_fraction(np.full(100, 300, np.uint16)) == 0


@pytest.mark.parametrize(
    ("pixels", "highest"),
    [([1, np.nan, 3], 3), ([1, np.inf, 2], 2), ([-np.inf, -3], -3), ([np.nan], None), ([], None)],
)
def test_largest_finite_value(pixels, highest) -> None:
    found = highest_value(np.array(pixels, np.float32))
    assert np.isnan(found) if highest is None else found == highest
