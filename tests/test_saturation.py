from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.saturation import are_heaped, highest_value, saturated_fraction


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


def tissue(photons, seed=0):
    """An image (128, 128) of cells, the brightest of so many photons a pixel, with shot noise."""
    rng = np.random.default_rng(seed)
    y, x = np.indices((128, 128))
    light = np.full(y.shape, photons / 20)
    for cy, cx, radius in rng.uniform((0, 0, 3), (128, 128, 20), (40, 3)):
        light += photons / 2 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / radius**2)
    return rng.poisson(np.minimum(light, photons)).astype(float)


def at_percentile(image, percent, top):
    """The image so scaled that this part of it reaches the top, and clipped there."""
    return np.minimum(image * top / np.percentile(image, percent), top)


CLIPPED = [
    pytest.param(at_percentile(tissue(500), 90, 127).astype(np.int8), id="8 bit with a sign"),
    pytest.param(at_percentile(tissue(500), 90, 1).astype(np.float32), id="floats up to 1"),
    pytest.param(at_percentile(tissue(500), 90, 0.73), id="floats up to another value"),
    pytest.param(at_percentile(tissue(500), 90, 2**31 - 1).astype(np.int32), id="int32"),
    pytest.param(at_percentile(tissue(500), 90, 2**32 - 1).astype(np.uint32), id="uint32"),
    pytest.param(at_percentile(tissue(500), 90, 4095).astype(np.uint16) << 4, id="12 bit << 4"),
    pytest.param(at_percentile(tissue(500), 90, 16383).astype(np.uint16) << 2, id="14 bit << 2"),
    pytest.param(at_percentile(tissue(500), 90, 3000).astype(np.uint16), id="at 3000"),
    pytest.param(at_percentile(tissue(500), 90, 2047).astype(np.int16) - 100, id="minus offset"),
    pytest.param(np.minimum(tissue(30), 12).astype(np.uint8), id="few photons"),
]


@pytest.mark.parametrize("image", CLIPPED)
def test_many_pixels_share_the_largest_value(image) -> None:
    top = highest_value(image)
    assert are_heaped(image, top)
    assert saturated_fraction(image) == pytest.approx(np.mean(image == top))


def test_missing_pixels_are_no_others() -> None:
    image = at_percentile(tissue(500), 90, 1)
    image[:64] = np.nan
    assert are_heaped(image, 1.0)


def test_all_but_a_few_are_at_the_end_of_their_type() -> None:
    image = np.full(100, 127, np.int8)
    image[:3] = 3, 5, 7
    assert saturated_fraction(image) == pytest.approx(0.97)


@pytest.mark.each_time(dtype=3)
@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.float32, np.int16, np.int32])
@pytest.mark.parametrize("photons", [0.02, 0.1, 0.5, 2, 10, 30, 100])
def test_clean_images_of_few_photons(photons, dtype) -> None:
    for seed in range(10):
        image = tissue(photons, seed).clip(None, 127).astype(dtype)
        for each in (image, image[:16, :16]):
            if (top := highest_value(each)) < 127:
                assert not are_heaped(each, top)
                assert saturated_fraction(each) == 0


@pytest.mark.parametrize("gain", [0.25, 3, 16, 256])
def test_clean_images_of_another_gain(gain) -> None:
    for seed in range(10):
        image = tissue(100, seed) * gain
        for each in (image, image.round(), image + np.random.default_rng(seed).normal(0, 0.3)):
            assert not are_heaped(each, highest_value(each))


def test_images_without_noise() -> None:
    """Drawn cells of one brightness, and what is black and white."""
    drawn = np.zeros((64, 64))
    drawn[10:30, 10:30] = 7
    drawn[40:50, 40:50] = 9
    for image in (drawn, drawn > 0, np.ones((64, 64))):
        image = image.astype(float)
        assert saturated_fraction(image) == 0


@pytest.mark.parametrize(
    ("pixels", "highest"),
    [([1, np.nan, 3], 3), ([1, np.inf, 2], 2), ([-np.inf, -3], -3), ([np.nan], None), ([], None)],
)
def test_largest_finite_value(pixels, highest) -> None:
    found = highest_value(np.array(pixels, np.float32))
    assert np.isnan(found) if highest is None else found == highest
