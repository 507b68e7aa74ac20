import numpy as np

from napari_zstack_align.alignment import spline
from napari_zstack_align.register.normal_equations import RIDGE, normal_equations
from napari_zstack_align.register.smoothness import smoothness

SHAPE, SPACING = (50, 70), 16.0


def test_the_banded_solution_is_that_of_the_dense_sum_over_pixels():
    rng = np.random.default_rng(0)
    gradients = tuple(rng.normal(size=SHAPE).astype(np.float32) for _ in range(2))
    weights = rng.uniform(0.5, 2, SHAPE).astype(np.float32)
    weighted = tuple(weights * g for g in gradients)
    bases = spline.pixel_basis(SHAPE[0], SPACING), spline.pixel_basis(SHAPE[1], SPACING)
    prior = smoothness(SHAPE, SPACING, 1.0)
    grid = spline.grid_shape(SHAPE, SPACING)

    # Every basis function of both components as an image, and the sum over pixels as it stands.
    functions = np.einsum("ya,xb->abyx", *bases).reshape(-1, *SHAPE)
    dense = np.einsum("iyx,jyx,ayx,byx->aibj", functions, functions, weighted, gradients)
    n = len(functions)
    energy = sum(np.kron(y, x) for y, x in prior.terms)
    for a in range(2):
        dense[a, :, a, :] += 0.25 * energy
    matrix = dense.reshape(2 * n, 2 * n)
    matrix[np.diag_indices(2 * n)] += RIDGE * np.diag(matrix).mean()

    right = rng.normal(size=(2, *grid)).astype(np.float32)
    step = normal_equations(weighted, gradients, bases, prior, 0.25).solve(right)
    expected = np.linalg.solve(matrix, right.ravel()).reshape(2, *grid)
    np.testing.assert_allclose(step, expected, rtol=2e-3, atol=1e-6)


def test_the_prior_is_the_integral_of_the_squared_derivatives():
    rng = np.random.default_rng(1)
    c = rng.normal(size=(2, *spline.grid_shape(SHAPE, SPACING))).astype(np.float32)
    prior = smoothness(SHAPE, SPACING, 1.0)
    y, x = np.arange(SHAPE[0]), np.arange(SHAPE[1])

    def derivative(dy: int, dx: int) -> np.ndarray:
        rows = spline.basis_matrix(y, SHAPE[0], SPACING, dy)
        return rows @ c @ spline.basis_matrix(x, SHAPE[1], SPACING, dx).T

    membrane = derivative(1, 0) ** 2 + derivative(0, 1) ** 2
    bending = derivative(2, 0) ** 2 + 2 * derivative(1, 1) ** 2 + derivative(0, 2) ** 2
    from napari_zstack_align.register.smoothness import BENDING_WEIGHT, MEMBRANE_WEIGHT

    expected = MEMBRANE_WEIGHT * membrane.sum() + BENDING_WEIGHT * SPACING**2 * bending.sum()
    np.testing.assert_allclose((c * prior.gradient(c)).sum(), expected, rtol=1e-4)


def test_moving_as_a_whole_costs_nothing():
    c = np.full((2, *spline.grid_shape(SHAPE, SPACING)), 5.0, np.float32)
    assert np.abs(smoothness(SHAPE, SPACING, 1.0).gradient(c)).max() < 1e-2
