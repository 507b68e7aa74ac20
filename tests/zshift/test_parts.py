"""Patches, the dense field, what lies between slices, and bands."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.zshift.axial import AxialModel
from napari_zstack_align.zshift.bands import BandPass
from napari_zstack_align.zshift.dense import field_of
from napari_zstack_align.zshift.noise import noise_variance
from napari_zstack_align.zshift.patches import PatchGrid

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("shape", "patch", "overlap", "expected"),
    [
        ((512, 512), 128, 0.5, (7, 7)),
        ((512, 512), 128, 0.75, (13, 13)),
        ((512, 512), 128, 0.0, (4, 4)),
        ((83, 166), 128, 0.5, (1, 2)),
        ((16, 16), 128, 0.875, (1, 1)),
    ],
)
def test_number_of_patches(shape, patch, overlap, expected) -> None:
    grid = PatchGrid.of(shape, patch, overlap)
    assert grid.shape == expected
    assert grid.block[0] * grid.per_patch[0] <= patch
    y, x = grid.centres
    np.testing.assert_allclose(y + y[::-1], shape[0] - 1, atol=1)
    np.testing.assert_allclose(x + x[::-1], shape[1] - 1, atol=1)


def test_patch_sums_are_sums_over_patches() -> None:
    grid = PatchGrid.of((100, 130), 50, 0.5)
    image = RNG.normal(size=(100, 130)).astype(np.float32)
    sums = grid.patch_sums(grid.blocks(image).sum(axis=1)).reshape(grid.shape)
    size = [block * number for block, number in zip(grid.block, grid.per_patch, strict=True)]
    for i in range(grid.shape[0]):
        for j in range(grid.shape[1]):
            y, x = (
                first + k * block
                for first, k, block in zip(grid.first, (i, j), grid.block, strict=True)
            )
            expected = image[y : y + size[0], x : x + size[1]].sum()
            assert sums[i, j] == pytest.approx(expected, abs=1e-2)


def test_the_field_of_a_plane_is_that_plane() -> None:
    centres = (np.array([20.0, 40.0, 60.0]), np.array([15.0, 50.0]))
    values = 3 + 0.01 * centres[0][:, np.newaxis] - 0.02 * centres[1]
    field = field_of(values.astype(np.float32), centres, (80, 70))
    y, x = np.indices((80, 70))
    np.testing.assert_allclose(field, 3 + 0.01 * y - 0.02 * x, atol=1e-4)


def test_the_field_goes_through_the_patches() -> None:
    centres = (np.arange(10.0, 60, 10), np.arange(5.0, 50, 9))
    values = RNG.normal(size=(5, 5)).astype(np.float32)
    field = field_of(values, centres, (60, 50))
    np.testing.assert_allclose(field[10:60:10, 5:50:9], values, atol=1e-4)


@pytest.mark.parametrize("noise", [0.0, 0.1])
@pytest.mark.parametrize("model", [(0.4, 0.3, 2.0), (0.9, 0.2, 2.2), (1.8, 0.35, 2.2)])
def test_the_axial_model_is_fitted(model: tuple[float, float, float], noise: float) -> None:
    truth = AxialModel(*model, noise)
    fitted = AxialModel.fit((1 - noise) * truth.at(np.arange(1, 9)), noise)
    distances = np.linspace(0, 3, 13)
    np.testing.assert_allclose(fitted.at(distances), truth.at(distances), atol=0.03)
    assert fitted.noise == pytest.approx(noise, abs=0.02)


@pytest.mark.parametrize("falls", [0.003, 0.012, 0.05])
def test_planes_that_are_nearly_alike_are_told_apart(falls: float) -> None:
    """Correlations that fall in a straight line: a wide covariance would average the slices."""
    fitted = AxialModel.fit(0.94 - falls * np.arange(7), 0.03)
    np.testing.assert_allclose(
        fitted.weights(np.arange(8.0), np.ones(8, bool)), np.eye(8), atol=0.02
    )
    between = fitted.weights(np.array([2.5]), np.ones(8, bool))[0]
    np.testing.assert_allclose(between[2:4], 0.55, atol=0.1)


@pytest.mark.parametrize("common", [0.0, 0.9])
@pytest.mark.parametrize("width", [0.4, 0.8, 2.5])
def test_predicted_planes_pass_through_the_slices(width: float, common: float) -> None:
    weights = AxialModel(width, 0.3, 2.1, 0.1, common).weights(np.arange(7.0), np.ones(7, bool))
    np.testing.assert_allclose(weights, np.eye(7), atol=0.02)


@pytest.mark.parametrize("depth", [-0.5, 0.5, 2.25, 3.75])
def test_predicted_planes_resemble_the_planes_there(depth: float) -> None:
    """Drawn from the model: no other mean of the slices is closer, on average."""
    model = AxialModel(0.8, 0.3, 2.1, 0.0)
    places = np.append(np.arange(6.0), depth)
    covariance = model.at(places[:, np.newaxis] - places) + 1e-9 * np.eye(7)
    planes = np.linalg.cholesky(covariance) @ RNG.standard_normal((7, 20_000))
    weights = model.weights(np.array([depth]), np.ones(6, bool))[0]
    missed = np.mean((weights @ planes[:6] - planes[6]) ** 2)
    known = covariance[:6, :6]
    least = 1 - covariance[6, :6] @ np.linalg.solve(known, covariance[:6, 6])
    assert missed < least + 0.02
    nearest = planes[int(np.clip(round(depth), 0, 5))]
    assert missed < 0.9 * np.mean((nearest - planes[6]) ** 2)


def test_slices_that_differ_by_less_than_their_noise_leave_depths_unsure() -> None:
    assert AxialModel(0.8, 0.3, 2.1, 0.05).uncertainty < 0.01
    assert AxialModel(2.5, 0.3, 2.1, 0.05, 0.9).uncertainty > 0.1


def test_bands_leave_offsets_and_ramps_out() -> None:
    y, x = np.indices((80, 90), np.float32)
    image = RNG.normal(size=(80, 90)).astype(np.float32)
    band = BandPass(1.0, 6.0)
    changed = band(2 * image + 500 + 0.5 * x - 0.2 * y)
    np.testing.assert_allclose(changed[20:-20, 20:-20], 2 * band(image)[20:-20, 20:-20], atol=0.05)


def test_what_is_not_valid_doesn_t_matter() -> None:
    image = RNG.normal(100, 5, (80, 90)).astype(np.float32)
    valid = np.ones(image.shape, bool)
    valid[:, :30] = False
    spoilt = np.where(valid, image, np.nan).astype(np.float32)
    band = BandPass(1.0, 6.0)
    banded = band(spoilt, valid)
    assert np.isfinite(banded).all()
    assert not banded[:, :30].any()
    assert banded[:, 31:].std() < 2 * band(image).std()
    np.testing.assert_allclose(banded[:, 60:], band(image)[:, 60:], atol=0.05)


def test_noise_is_told_from_structure() -> None:
    y, x = np.indices((200, 200))
    image = 100 * np.sin(x / 9) * np.cos(y / 7)
    noisy = (image + RNG.normal(0, 3, image.shape)).astype(np.float32)
    noisy[:10] = np.nan
    assert noise_variance(noisy) == pytest.approx(9, rel=0.1)
