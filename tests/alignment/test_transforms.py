import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zstack_align.alignment import spline
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms, identity
from napari_zstack_align.alignment.warp import warp_with_valid
from napari_zstack_align.errors import InputError

SHAPE = (96, 120)
SPACING = 24.0


def _spline(seed: int, amplitude: float, n_frames: int = 3) -> SplineLink:
    grid = spline.grid_shape(SHAPE, SPACING)
    random = np.random.default_rng(seed).uniform(-amplitude, amplitude, (n_frames, 2, *grid))
    return SplineLink(random.astype(np.float32), SPACING, SHAPE)


def _affine(angle_deg: float, scale: float, shift: tuple[float, float]) -> AffineLink:
    angle = np.deg2rad(angle_deg)
    matrix = np.eye(3)
    matrix[:2, :2] = scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    matrix[:2, 2] = shift
    return AffineLink(np.tile(matrix, (3, 1, 1)))


CHAINS = {
    "spline": lambda: Transforms(SHAPE, (_spline(1, 4.0),)),
    "affine": lambda: Transforms(SHAPE, (_affine(3, 1.02, (9.0, -6.0)),)),
    "affine and spline": lambda: Transforms(SHAPE, (_affine(3, 1.02, (9.0, -6.0)), _spline(2, 3))),
    "affine and two splines": lambda: Transforms(
        SHAPE, (_affine(-2, 0.98, (1.0, 2.0)), _spline(3, 2.0), _spline(4, 3.0))
    ),
}


@pytest.mark.parametrize("chain", CHAINS)
def test_displacement_says_the_same_as_to_raw(chain: str):
    transforms = CHAINS[chain]()
    field = transforms.displacement(1)
    assert field.shape == (2, *SHAPE)
    assert field.dtype == np.float32
    points = np.indices(SHAPE).reshape(2, -1).T
    expected = (transforms.to_raw(points, 1) - points).T.reshape(2, *SHAPE)
    np.testing.assert_allclose(field, expected, atol=2e-3)
    assert np.abs(field).max() > 1


@pytest.mark.parametrize("chain", CHAINS)
@given(y=st.floats(-40, 140), x=st.floats(-40, 160))
@settings(max_examples=25)
def test_there_and_back_is_the_identity(chain: str, y: float, x: float):
    transforms = CHAINS[chain]()
    raw = transforms.to_raw([[y, x]], 2)
    np.testing.assert_allclose(transforms.to_reference(raw, 2), [[y, x]], atol=1e-3)


def test_the_rightmost_link_comes_first():
    scale, move = _affine(0, 2.0, (0, 0)), _affine(0, 1.0, (10, 0))
    transforms = Transforms(SHAPE, (scale, move))
    np.testing.assert_allclose(transforms.to_raw([[1, 1]], 0), [[22, 2]])


def test_an_inverse_that_does_not_exist_is_nan():
    folded = Transforms(SHAPE, (_spline(5, 60.0),))
    points = np.indices(SHAPE)[:, ::8, ::8].reshape(2, -1).T
    inverse = folded.to_reference(points, 0)
    assert np.isnan(inverse).any()
    known = np.isfinite(inverse).all(axis=1)
    np.testing.assert_allclose(folded.to_raw(inverse[known], 0), points[known], atol=1e-3)


def test_identity_moves_nothing():
    assert not identity(2, SHAPE).displacement(1).any()


@pytest.mark.parametrize("t", [-1, 3])
def test_a_frame_that_is_not_there_is_named(t: int):
    with pytest.raises(InputError, match=f"no frame {t}: the frames are 0 to 2"):
        identity(3, SHAPE).displacement(t)


def test_points_of_a_wrong_shape_are_refused():
    with pytest.raises(InputError, match=r"\(N, 2\)"):
        identity(3, SHAPE).to_raw([1.0, 2.0, 3.0], 0)


def test_the_matrices_of_a_chain_say_the_same_as_its_points():
    rng = np.random.default_rng(0)
    links = tuple(
        AffineLink(np.eye(3) + np.pad(rng.normal(0, 0.05, (4, 2, 3)), ((0, 0), (0, 1), (0, 0))))
        for _ in range(3)
    )
    transforms = Transforms(SHAPE, links)
    matrices = transforms.matrices()
    assert matrices.shape == (4, 3, 3)
    assert matrices.dtype == np.float64
    points = rng.uniform(0, 100, (20, 2))
    for t in range(4):
        np.testing.assert_array_equal(transforms.matrix(t), matrices[t])
        moved = points @ matrices[t, :2, :2].T + matrices[t, :2, 2]
        np.testing.assert_allclose(moved, transforms.to_raw(points, t), atol=1e-9)
        assert np.abs(moved - points).max() > 1


def test_a_chain_of_affine_maps_makes_the_field_of_its_product():
    """The short way by one matrix agrees with the way by points."""
    first, second = _affine(3, 1.02, (9.0, -6.0)), _affine(-5, 0.97, (-2.0, 4.0))
    still = SplineLink(np.zeros_like(_spline(1, 1.0).coefficients), SPACING, SHAPE)
    short = Transforms(SHAPE, (first, second)).displacement(2)
    long = Transforms(SHAPE, (first, second, still)).displacement(2)
    assert short.dtype == long.dtype == np.float32
    np.testing.assert_allclose(short, long, atol=1e-4)
    assert np.abs(short).max() > 5


def test_smooth_fields_are_no_matrices():
    transforms = CHAINS["affine and spline"]()
    assert transforms.matrix(0) is None
    with pytest.raises(InputError, match="smooth displacement fields"):
        transforms.matrices()


@pytest.mark.parametrize("chain", CHAINS)
def test_frames_are_sampled_where_the_displacement_says(chain):
    transforms, raw = CHAINS[chain](), np.random.default_rng(1).random(SHAPE, np.float32)
    for t in range(3):
        displacement = transforms.displacement(t)
        aligned, valid = transforms.resample(raw, t)
        expected, inside = warp_with_valid(raw, displacement)
        assert 0.5 < inside.mean() < 1  # else edges tell nothing
        np.testing.assert_array_equal(valid, inside)
        np.testing.assert_allclose(aligned, expected, atol=2e-4)
