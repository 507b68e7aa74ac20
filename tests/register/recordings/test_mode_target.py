"""Blocks of a frame against a reference: what they say of its motion."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.ndimage import shift as shifted

from napari_zstack_align.alignment.spline import field_on_pixels
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.freedom import Equations, Freedom, noise_of
from napari_zstack_align.register.recordings.mode_target import ModeTarget, doubled
from napari_zstack_align.register.recordings.smooth_modes import SPACING_PX, SmoothModes

SHAPE = (96, 128)


@pytest.fixture(scope="module")
def tissue():
    noise = np.random.default_rng(4).normal(size=SHAPE)
    fine = gaussian_filter(noise, 1.1)
    return (100 * np.exp(fine / fine.std() / 2)).astype(np.float32)


def found(image, frame, kind, degree):
    modes = SmoothModes.of(SHAPE).up_to(degree)
    target = ModeTarget.build(image, Prefilter.for_image(image), modes)
    amplitudes, still = np.zeros((2, len(modes))), np.eye(3)
    for level, filtered in zip(target.levels, target.filtered(frame), strict=True):
        for _ in range(4):
            grid = modes.grid(amplitudes)
            blocks = level.blocks(filtered, still, grid, amplitudes)
            noise, weights = noise_of(blocks, level.modes @ amplitudes.T)
            equations = Equations.of(level, blocks, weights)
            prior = np.zeros_like(amplitudes)
            amplitudes = equations.solve(Freedom.of(kind, modes), noise, prior)
    return modes, amplitudes


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75])
def test_fine_detail_pulls_to_no_pixel(tissue, part):
    """Linear interpolation between the pixels is off by more than 0.03 px here."""
    frame = shifted(tissue.astype(float), (part, -part), order=5, mode="mirror")
    _, amplitudes = found(tissue, frame.astype(np.float32), "translation", 0)
    np.testing.assert_allclose(amplitudes[:, 0], (part, -part), atol=0.012)


def test_a_bend_is_found(tissue):
    modes = SmoothModes.of(SHAPE).up_to(2)
    true = np.zeros((2, len(modes)))
    true[0, 0], true[1, 4] = 0.4, 0.5
    y, x = np.indices(SHAPE) - field_on_pixels(modes.grid(true), SHAPE, SPACING_PX)
    frame = map_coordinates(tissue.astype(float), (y, x), order=5, mode="mirror")
    _, amplitudes = found(tissue, frame.astype(np.float32), "spline", 2)
    np.testing.assert_allclose(amplitudes, true, atol=0.06)


def test_the_finer_grid_holds_the_pixels_themselves():
    image = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    fine = doubled(image)
    assert fine.shape == (9, 13)
    np.testing.assert_array_equal(fine[::2, ::2], image)
    line = np.tile(np.arange(7, dtype=np.float32), (5, 1))
    np.testing.assert_allclose(
        doubled(line)[:, 3:-3], np.arange(1.5, 5, 0.5)[np.newaxis] * np.ones((9, 1)), atol=1e-5
    )


def test_modes_are_orthogonal_and_their_first_are_shift_and_lines():
    modes = SmoothModes.of(SHAPE)
    fields = np.stack(
        [
            field_on_pixels(np.stack([c, c]), SHAPE, SPACING_PX)[0].ravel()
            for c in (modes.grid(np.stack([row, row]))[0] for row in np.eye(len(modes)))
        ]
    )
    products = fields @ fields.T / fields.shape[1]
    np.testing.assert_allclose(products, np.eye(len(modes)), atol=0.02)
    assert np.ptp(fields[0]) < 1e-4
    assert abs(np.corrcoef(fields[1], np.indices(SHAPE)[0].ravel())[0, 1]) > 0.999


def test_a_frame_of_less_contrast_is_moved_by_all_of_a_step(tissue):
    """With the reference's gradients alone a step would be half as long."""
    modes = SmoothModes.of(SHAPE).up_to(0)
    target = ModeTarget.build(tissue, Prefilter.for_image(tissue), modes)
    level, still = target.levels[-1], np.zeros((2, 1))
    moved = shifted(tissue.astype(float), (0.3, -0.3), order=5, mode="mirror").astype(np.float32)
    (frame,) = target.filtered(moved, finest_only=True)
    blocks = level.blocks(frame / 2, np.eye(3), modes.grid(still), still)
    equations = Equations.of(level, blocks, np.ones(len(blocks.pull)))
    step = equations.solve(Freedom.of("translation", modes), 1e-12, still)
    np.testing.assert_allclose(step[:, 0], (0.3, -0.3), atol=0.06)
