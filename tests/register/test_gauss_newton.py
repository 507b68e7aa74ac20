import numpy as np
import pytest

from napari_zstack_align.alignment import spline
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.template import Template

SHAPE, SPACING = (40, 52), 16.0
SHARE = 0.25


@pytest.fixture(scope="module")
def level():
    rng = np.random.default_rng(0)
    image = rng.poisson(20, SHAPE).astype(np.float32)
    template = Template.build(
        image,
        Prefilter.for_image(image),
        spacing_px=SPACING,
        alpha=1.0,
        max_shift_px=0.0,
        power=np.full((1, 2, 3), 0.3, np.float32),
        factors=(1,),
        cap=1.0,
    )
    return template.levels[0]


def _coefficients(seed: int) -> np.ndarray:
    grid = spline.grid_shape(SHAPE, SPACING)
    return np.random.default_rng(seed).normal(0, 0.3, (2, *grid)).astype(np.float32)


def _frame() -> np.ndarray:
    return np.random.default_rng(3).normal(size=SHAPE).astype(np.float32)


def _gradient(level, residual: np.ndarray) -> np.ndarray:
    """The data's gradient as it is written down."""
    rows, columns = level.bases
    return np.stack([rows.T @ (w * residual) @ columns for w in level.weighted_gradients])


@pytest.mark.parametrize("own", ["none", "first", "again"])
def test_a_step_is_that_of_its_equations(level, own: str):
    frame, here, bend = _frame(), _coefficients(1), _coefficients(2)
    expected = level.residual(frame, here)
    part, share = np.empty((0, 0), np.float32), 0.0
    if own == "first":
        part, share = np.empty(SHAPE, np.float32), SHARE
        expected = expected * (1 + SHARE)
    elif own == "again":
        part = _frame()[::-1].copy()
        expected = expected + part
    step, residual, largest = level.step(frame, here, bend, part, share)
    np.testing.assert_allclose(residual, expected, atol=1e-5)
    if own == "first":
        np.testing.assert_allclose(part, SHARE / (1 + SHARE) * expected, atol=1e-5)

    cut = np.clip(expected, -level.limit, level.limit)
    assert (cut != expected).mean() > 0.05
    right = _gradient(level, cut) + level.prior_scale * level.prior.gradient(bend)
    np.testing.assert_allclose(step, level.equations.solve(right), rtol=1e-3, atol=2e-4)
    assert largest == np.abs(step).max() > 1e-3


def test_nothing_acts_where_the_frame_is_not_known(level):
    frame, far = _frame(), _coefficients(1)
    far[1] += 30
    frame[10:20] = np.nan
    residual = level.residual(frame, far)
    assert np.isfinite(residual).all()
    assert not residual[13:17].any()
    assert not residual[:, -20:].any()
    assert residual[:8, :10].all()


def test_the_gradient_is_the_sum_over_pixels(level):
    residual = _frame()
    np.testing.assert_allclose(
        level.data_gradient(residual), _gradient(level, residual), rtol=1e-4, atol=1e-3
    )
