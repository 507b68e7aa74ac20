import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from napari_zstack_align.register.translation import find_translation


def _band(image: np.ndarray) -> np.ndarray:
    return (gaussian_filter(image, 1) - gaussian_filter(image, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(80, 96))


@pytest.mark.parametrize("truth", [(0, 0), (5, -3), (-7.5, 2.25), (0.3, -0.4)])
def test_the_shift_is_found_below_a_pixel(image: np.ndarray, truth: tuple[float, float]):
    # frame(y + dy, x + dx) == reference(y, x)
    frame = shift(image, truth, order=3)
    found = find_translation(_band(frame), _band(image), max_shift=10)
    np.testing.assert_allclose(found, truth, atol=0.15)


def test_noise_is_not_followed(image: np.ndarray):
    noise = np.random.default_rng(1).normal(size=image.shape)
    assert not find_translation(_band(noise), _band(image), max_shift=10).any()


def test_nothing_is_found_beyond_the_largest_shift(image: np.ndarray):
    frame = shift(image, (9, 0), order=1)
    assert np.abs(find_translation(_band(frame), _band(image), max_shift=4)).max() <= 4


def test_no_search_is_asked_for(image: np.ndarray):
    assert not find_translation(_band(image), _band(image), max_shift=0).any()
