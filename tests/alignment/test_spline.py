import numpy as np
import pytest

from napari_zstack_align.alignment import spline

SHAPE = (60, 83)
SPACING = 16.0


def _coefficients(seed: int = 0) -> np.ndarray:
    grid = spline.grid_shape(SHAPE, SPACING)
    return np.random.default_rng(seed).normal(0, 2, (2, *grid)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 2, 16, 17, 100, 512])
@pytest.mark.parametrize("spacing", [16.0, 48.0])
def test_the_basis_sums_to_one_everywhere(size: int, spacing: float):
    basis = spline.basis_matrix(np.linspace(0, size - 1, 50), size, spacing)
    assert basis.shape == (50, spline.n_control_points(size, spacing))
    np.testing.assert_allclose(basis.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("derivative", [1, 2])
def test_derivatives_are_those_of_the_basis(derivative: int):
    at, step = np.linspace(5, 55, 30), 1e-3
    lower = spline.basis_taps(at - step, 60, SPACING, derivative - 1)
    upper = spline.basis_taps(at + step, 60, SPACING, derivative - 1)
    same = lower[0] == upper[0]
    expected = (upper[1] - lower[1])[same] / (2 * step)
    exact = spline.basis_taps(at, 60, SPACING, derivative)[1][same]
    np.testing.assert_allclose(exact, expected, atol=1e-6)


def test_a_cubic_spline_reproduces_a_straight_line():
    n = spline.n_control_points(60, SPACING)
    margin = ((n - 3) * SPACING - 59) / 2
    control_positions = SPACING * (np.arange(n) - 1) - margin
    line = spline.basis_matrix(np.arange(60), 60, SPACING) @ control_positions
    np.testing.assert_allclose(line, np.arange(60), atol=1e-4)


def test_pixels_and_points_see_the_same_field():
    coefficients = _coefficients()
    field = spline.field_on_pixels(coefficients, SHAPE, SPACING)
    points = np.indices(SHAPE).reshape(2, -1).T.astype(float)
    at_points = spline.field_at_points(coefficients, points, SHAPE, SPACING)
    np.testing.assert_allclose(at_points.T.reshape(2, *SHAPE), field, atol=1e-5)
    assert np.abs(field).max() > 1


def test_the_field_is_held_constant_outside_the_image():
    coefficients = _coefficients()
    outside = np.array([[-30.0, 10.0], [200.0, -5.0], [20.0, 500.0]])
    edge = np.clip(outside, 0, np.array(SHAPE) - 1.0)
    np.testing.assert_array_equal(
        spline.field_at_points(coefficients, outside, SHAPE, SPACING),
        spline.field_at_points(coefficients, edge, SHAPE, SPACING),
    )


def test_a_level_of_the_pyramid_samples_the_same_field():
    coefficients = _coefficients()
    level = spline.field_on_pixels(coefficients, SHAPE, SPACING, factor=4)
    centre_of_block = np.array([[4 * 3 + 1.5, 4 * 7 + 1.5]])
    exact = spline.field_at_points(coefficients, centre_of_block, SHAPE, SPACING)
    np.testing.assert_allclose(level[:, 3, 7], exact[0], atol=1e-5)
