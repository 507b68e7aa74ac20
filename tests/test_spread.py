"""The spread of most values is their standard deviation where all of them are normal."""

import numpy as np
import pytest

from napari_zstack_align.spread import spread_of


def test_spread_is_the_standard_deviation_of_normal_values():
    values = np.random.default_rng(0).normal(5, 3, 100_000)
    assert spread_of(values) == pytest.approx(3, rel=0.01)


def test_what_stands_out_does_not_count():
    values = np.random.default_rng(0).normal(5, 3, 10_000)
    values[:500] = 1e6
    assert spread_of(values) == pytest.approx(3, rel=0.1)
    assert spread_of(np.full(4, 7.0, np.float32)) == 0
