"""The two stages: what each gains, and where they leave the frames alone."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment import spline
from napari_zstack_align.alignment.warp import warp
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.calibration import FACTORS, Calibration
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.template import Template
from napari_zstack_align.register.within_slice import FINE
from napari_zstack_align.samples import endpoint_error, zstack_with_repeats


def _align(stack: nza.Stack, **params) -> nza.Alignment:
    return nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(**params)))


def _error(alignment: nza.Alignment, sample):
    return endpoint_error(
        alignment.transforms.displacement, sample.displacement, sample.stack.slice_of_frame
    )


@pytest.fixture(scope="module")
def stepping():
    """A z-stack with a large step: neighbouring slices differ."""
    return zstack_with_repeats(n_slices=5, n_repeats=5, size=256, slice_correlation=0.885, seed=31)


@pytest.fixture(scope="module")
def in_two_stages(stepping):
    return _align(stepping.stack)


@pytest.mark.slow
@pytest.mark.thorough
def test_two_stages_are_better_than_one_where_slices_differ(stepping):
    direct = _error(_align(stepping.stack, strategy="direct"), stepping)
    both = _error(_align(stepping.stack, between_slices="follow"), stepping)  # as 'direct' does
    assert both.mean < 0.9 * direct.mean
    assert both.last_slice < 0.85 * direct.last_slice
    assert both.within_slice < 0.1


def test_the_repeats_of_a_slice_move_about_their_mean(stepping, in_two_stages):
    within, between = in_two_stages.transforms.links
    z = stepping.stack.slice_of_frame
    for k in range(5):
        np.testing.assert_allclose(within.coefficients[z == k].mean(axis=0), 0, atol=1e-4)
        assert np.ptp(between.coefficients[z == k], axis=0).max() == 0
    assert not between.coefficients[z == 0].any()
    assert between.coefficients[z == 4].any()


@pytest.mark.thorough
@pytest.mark.slow
def test_any_slice_can_be_the_start(stepping, in_two_stages):
    middle = _align(stepping.stack, start_slice=2)
    z = stepping.stack.slice_of_frame
    at_2 = [middle.transforms.displacement(t) for t in np.flatnonzero(z == 2)]
    assert np.abs(np.mean(at_2, axis=0)).max() < 0.15
    assert np.isfinite(middle.volume().compute()).any(axis=(1, 2)).all()
    # The same but for the gauge: between two slices the motion is the same.
    first, other = (
        np.mean([a.transforms.displacement(t) for t in np.flatnonzero(z == 4)], axis=0)
        - np.mean([a.transforms.displacement(t) for t in np.flatnonzero(z == 1)], axis=0)
        for a in (in_two_stages, middle)
    )
    assert np.hypot(*(first - other))[24:-24, 24:-24].mean() < 0.25
    with pytest.raises(nza.InputError, match=r"start_slice is 5, but .* 5 slice"):
        _align(stepping.stack, start_slice=5)


@pytest.mark.slow
@pytest.mark.thorough
def test_slices_may_be_kept_from_bending(stepping, in_two_stages):
    stiff = _align(stepping.stack, between_slices=0.0)
    _, between = stiff.transforms.links
    assert np.ptp(between.coefficients, axis=(2, 3)).max() < 1e-4
    assert between.coefficients.any()
    half = _align(stepping.stack, between_slices=0.5).transforms.links[1].coefficients
    free = in_two_stages.transforms.links[1].coefficients
    assert 0 < np.ptp(half, axis=(2, 3)).mean() < np.ptp(free, axis=(2, 3)).mean()


def test_what_does_not_move_is_left_alone():
    sample = zstack_with_repeats(
        n_slices=2, n_repeats=6, size=192, max_displacement_px=0.0, photons=10, seed=3
    )
    still = _align(sample.stack)
    moved = [np.abs(still.transforms.displacement(t)).max() for t in range(6)]
    assert max(moved) == 0
    raw = sample.stack.read(0, 6)[:, 0].mean(axis=0)
    np.testing.assert_allclose(still.volume()[0].compute(), raw, rtol=1e-5)
    assert set(still.quality["flag"]) == {""}


@pytest.fixture(scope="module")
def clear():
    """A z-stack whose frames a test spoils, and its alignment."""
    sample = zstack_with_repeats(n_slices=2, n_repeats=6, size=256, seed=51)
    return sample, sample.stack.read(0, 12)[:, 0], _align(sample.stack)


def _again(frames: np.ndarray) -> nza.Alignment:
    return _align(nza.Stack.from_array(frames, frames_per_slice=6, order="repeats"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("t", "row", "jump"), [(2, 130, (0, 3)), (8, 70, (-4, 2)), (3, 190, (6, 0))]
)
def test_a_frame_in_which_the_sample_jumped_is_left_out(clear, t, row, jump):
    _, frames, before = clear
    torn = frames.copy()
    torn[t, row:] = np.roll(frames[t], jump, axis=(0, 1))[row:]
    ali = _again(torn)
    both = (before, ali)
    assert [i for i, flag in enumerate(ali.quality["flag"]) if flag == Flag.TORN] == [t]
    assert set(np.delete(ali.quality["flag"], t)) == {""}
    # The reference lies where the mean of the good repeats does, which is another one now.
    first, *others = [s for s in range(6 * (t // 6), 6 * (t // 6) + 6) if s != t]
    for s in others:
        apart = [a.transforms.displacement(s) - a.transforms.displacement(first) for a in both]
        assert np.hypot(*(apart[1] - apart[0]))[20:-20, 20:-20].mean() < 0.05


def test_a_cell_that_lights_up_for_one_repeat_moves_nothing(clear):
    sample, frames, before = clear
    inner = sample.clean[0].copy()
    inner[:40] = inner[-40:] = inner[:, :40] = inner[:, -40:] = 0
    y, x = np.unravel_index(inner.argmax(), inner.shape)
    dy, dx = before.transforms.displacement(3)[:, y, x]
    rows, columns = np.indices(inner.shape)
    spot = np.exp(-((rows - y - dy) ** 2 + (columns - x - dx) ** 2) / (2 * 5.0**2))
    lit = frames.copy()
    lit[3] = 100 + (frames[3].astype(float) - 100).clip(0) * (1 + 4 * spot)
    ali = _again(lit)
    assert ali.quality["flag"][3] == ""
    change = ali.transforms.displacement(3) - before.transforms.displacement(3)
    assert np.hypot(*change)[20:-20, 20:-20].max() < 0.2


@pytest.mark.thorough
@pytest.mark.slow
def test_slices_that_jump_and_turn_find_one_another():
    sample = zstack_with_repeats(
        n_slices=4, n_repeats=4, size=256, jump_px=18, turn_deg=3, max_displacement_px=3, seed=52
    )
    assert _error(_align(sample.stack), sample).mean < 0.25


@pytest.mark.thorough
@pytest.mark.slow
def test_a_large_drift_over_the_session_in_looping_order():
    errors = {}
    for order, seed in (("repeats", 41), ("slices", 41)):
        sample = zstack_with_repeats(
            n_slices=4, n_repeats=5, size=256, order=order, drift_px=20.0, seed=seed
        )
        errors[order] = _error(_align(sample.stack), sample).mean
    assert errors["slices"] < 1.2 * errors["repeats"]


# -- smoothness told by the data ---------------------------------------------------------------


PLANE, SPACING_PX = (256, 256), 48.0


def _calibration(amplitude: float, photons: float) -> tuple[Calibration, np.ndarray]:
    """Six noisy frames of one plane, bent by random fields, and the fields found of them."""
    rng = np.random.default_rng(0)
    plane = zstack_with_repeats(n_slices=1, n_repeats=1, size=256, seed=5).clean[0]
    plane = plane * (photons / np.percentile(plane, 99.5))
    fields = rng.normal(0, amplitude, (6, 2, *spline.grid_shape(PLANE, SPACING_PX)))
    frames = []
    for field in fields.astype(np.float32):
        moved = warp(plane, spline.field_on_pixels(field, PLANE, SPACING_PX))
        frames.append(rng.poisson(np.maximum(moved, 0)).astype(np.float32))
    template = Template.build(
        plane,
        Prefilter.for_image(plane, FINE.band),
        spacing_px=SPACING_PX,
        alpha=FINE.smoothness,
        max_shift_px=0.0,
        factors=(2, 1),
    )
    still = np.zeros(fields.shape[1:], np.float32)
    found = [template.register(template.filtered(frame), still) for frame in frames]
    calibration = Calibration.of(
        template.levels[-1],
        np.stack([one.before for one in found]),
        [one.residual for one in found],
    )
    return calibration, np.stack([one.coefficients for one in found])


def _risks(amplitude: float, photons: float) -> np.ndarray:
    calibration, _ = _calibration(amplitude, photons)
    return calibration.risks(PLANE, SPACING_PX, FINE.smoothness)


def test_how_far_noise_scatters_fields_is_known_beforehand():
    calibration, found = _calibration(amplitude=0.0, photons=20)
    errors = calibration.errors(PLANE, SPACING_PX, FINE.smoothness)
    assert 0.6 < errors.std() / found.std() < 1.6


def test_noise_without_motion_asks_for_the_stiffest_field():
    risks = _risks(amplitude=0.0, photons=3)
    assert FACTORS[int(risks.argmin())] >= 4
    assert risks[-1] < 0.7 * risks[0]


def test_rough_motion_in_clear_frames_asks_for_a_soft_field():
    risks = _risks(amplitude=1.5, photons=200)
    assert FACTORS[int(risks.argmin())] <= 1
    assert risks[-1] > 5 * risks.min()


def test_a_single_repeat_is_compared_with_the_slice_before_not_with_itself():
    sample = zstack_with_repeats(n_slices=4, n_repeats=1, size=128, photons=5, seed=8)
    quality = _align(sample.stack).quality
    assert np.isnan(quality["correlation_after"][0])
    assert (quality["correlation_after"][1:] < 0.95).all()
    assert (quality["correlation_after"][1:] > 0.3).all()
