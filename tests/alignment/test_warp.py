import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.transform import warp as skimage_warp

from napari_zstack_align.alignment.warp import inside, positions_of, to_dtype, warp, warp_with_valid


def _image(dtype: type = np.float32) -> np.ndarray:
    noise = np.random.default_rng(0).uniform(0, 1000, (64, 80))
    return gaussian_filter(noise, 2).astype(dtype)


def _shift(dy: float, dx: float) -> np.ndarray:
    return np.broadcast_to(np.array([dy, dx], np.float32)[:, None, None], (2, 64, 80)).copy()


def test_whole_pixel_shifts_copy_pixels():
    image = _image()
    aligned, valid = warp_with_valid(image, _shift(3, -5))
    np.testing.assert_allclose(aligned[:-3, 5:], image[3:, :-5], rtol=1e-5)
    assert valid[:-3, 5:].all()
    assert valid.sum() == (64 - 3) * (80 - 5)


def test_it_agrees_with_scikit_image():
    image, displacement = _image(), _shift(0.37, -0.81)
    positions = np.indices(image.shape) + displacement
    expected = skimage_warp(image, positions, order=3, mode="edge", preserve_range=True)
    ours = warp(image, displacement)
    inner = np.s_[6:-6, 6:-6]
    # Both are cubic, of different kernels: equal to a percent of the contrast.
    np.testing.assert_allclose(ours[inner], expected[inner], atol=0.012 * np.ptp(image))
    assert np.abs(image[inner] - expected[inner]).max() > 0.02 * np.ptp(image)


def test_fine_shifts_are_not_quantised():
    ramp = np.tile(np.arange(80, dtype=np.float32), (64, 1))
    shifts = np.linspace(0, 1 / 32, 9)
    values = [warp(ramp, _shift(0, s))[30, 40] for s in shifts]
    assert (np.diff(values) > 0.9 * shifts[1]).all()


def test_missing_pixels_do_not_spread():
    image = _image()
    image[30, 40] = np.nan
    aligned, valid = warp_with_valid(image, _shift(0.5, 0.5))
    assert np.isfinite(aligned).all()
    assert not valid[28:32, 38:42].all()
    assert valid[20, 20]
    assert (~valid[:60, :76]).sum() <= 25


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "uint32"])
def test_integers_are_rounded_and_clipped_never_wrapped(dtype: str):
    limits = np.iinfo(dtype)
    overshoot = np.array([[limits.max + 0.4 * limits.max, limits.min - 5.0, 3.6]])
    result = to_dtype(overshoot, np.ones((1, 3), bool), np.dtype(dtype), 0)
    assert result.tolist() == [[limits.max, limits.min, 4]]


def test_large_32_bit_values_keep_their_digits():
    image = np.full((16, 16), 2**31 - 100, np.uint32)
    image[8:] += 7
    aligned, valid = warp_with_valid(image, np.zeros((2, 16, 16), np.float32))
    np.testing.assert_array_equal(to_dtype(aligned, valid, image.dtype, 0), image)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("uint16", 4), ("int16", -300), ("float32", np.nan)]
)
def test_invalid_pixels(dtype: str, expected: float):
    result = to_dtype(np.full((1, 2), 7.0), np.array([[True, False]]), np.dtype(dtype), expected)
    np.testing.assert_array_equal(result, [[7, expected]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_where_a_displacement_is_unknown_no_pixel_is_inside(bad):
    displacement = np.full((2, 40, 50), 0.5, np.float32)
    displacement[1, 20, 30] = bad
    valid = inside(positions_of(displacement), (40, 50))
    assert not valid[20, 30]
    assert valid[:39, :49].sum() == 39 * 49 - 1
    assert not valid[39].any()
    assert not valid[:, 49].any()
