"""Weights of channels: only their ratios count."""

import numpy as np
import pytest

from napari_zstack_align import AdaptiveParams
from napari_zstack_align.register.driving import driving_image, offset_of

CHANNELS = np.random.default_rng(0).poisson(20, (2, 16, 16)).astype(np.uint16)


@pytest.mark.parametrize("times", [5e-324, 1e-300, 1e-30, 1e-6, 1.0, 1e36, 1e300])
@pytest.mark.parametrize("offset", [0, 30_000])
def test_all_weights_may_be_multiplied_by_a_number(times, offset):
    one, other = AdaptiveParams(channel_weights=(1, 0)), AdaptiveParams(channel_weights=(times, 0))
    channels = CHANNELS + np.uint16(offset)
    assert offset_of(channels, other) == offset_of(channels, one)
    np.testing.assert_array_equal(driving_image(channels, other), driving_image(channels, one))


def test_the_ratio_of_weights_counts():
    image = driving_image(CHANNELS, AdaptiveParams(channel_weights=(2e-20, 1e-20)))
    np.testing.assert_allclose(image, CHANNELS[0] + 0.5 * CHANNELS[1])
