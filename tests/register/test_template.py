from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_zstack_align.alignment import spline
from napari_zstack_align.alignment.warp import warp
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.template import Template
from napari_zstack_align.samples import zstack_with_repeats

SPACING = 48.0


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return zstack_with_repeats(n_slices=1, n_repeats=1, size=256, seed=5).clean[0]


def _field(shape: tuple[int, int], amplitude: float, seed: int = 0) -> np.ndarray:
    """Coefficients of a field that is smooth beyond the distance of the control points."""
    rough = np.random.default_rng(seed).normal(size=(2, *spline.grid_shape(shape, SPACING)))
    smooth = gaussian_filter(rough, (0, 1.2, 1.2))
    return (amplitude * smooth / smooth.std()).astype(np.float32)


def _template(image: np.ndarray, mask: np.ndarray | None = None, **changes: float) -> Template:
    options = {"spacing_px": SPACING, "alpha": 1.0, "max_shift_px": 20.0, **changes}
    return Template.build(image, Prefilter.for_image(image), mask=mask, **options)


def _register(template: Template, frame: np.ndarray) -> np.ndarray:
    """Displacement (2, Y, X) found for a frame, from a standing start."""
    start = np.zeros((2, *spline.grid_shape(frame.shape, SPACING)), np.float32)
    found = template.register(template.filtered(frame), start).coefficients
    return spline.field_on_pixels(found, frame.shape, SPACING)


def _error(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.hypot(*(found - truth))[24:-24, 24:-24]


def test_a_smooth_field_is_recovered(plane: np.ndarray):
    # The reference is the warped frame: frame(x + d) == reference(x).
    truth = spline.field_on_pixels(_field(plane.shape, 2.5), plane.shape, SPACING)
    found = _register(_template(warp(plane, truth)), plane)
    assert np.hypot(*truth).mean() > 1.2
    assert _error(found, truth).mean() < 0.15
    assert _error(found, truth).max() < 0.5


@pytest.mark.parametrize("shift", [(12.0, -9.0), (0.4, 0.3), (-17.5, 15.0)])
def test_a_large_translation_is_found_first(plane: np.ndarray, shift: tuple[float, float]):
    truth = np.empty((2, *plane.shape), np.float32)
    truth[0], truth[1] = shift
    found = _register(_template(warp(plane, truth)), plane)
    assert _error(found, truth).mean() < 0.08


def test_without_the_search_a_large_translation_is_out_of_reach(plane: np.ndarray):
    truth = np.full((2, *plane.shape), 17.0, np.float32)
    found = _register(_template(warp(plane, truth), max_shift_px=0.0), plane)
    assert _error(found, truth).mean() > 2


def test_alpha_makes_the_field_smoother(plane: np.ndarray):
    truth = spline.field_on_pixels(_field(plane.shape, 2.5), plane.shape, SPACING)
    noisy = np.random.default_rng(1).poisson(plane).astype(np.float32)
    roughness = []
    for alpha in (0.1, 1.0, 10.0, 100.0):
        found = _register(_template(warp(plane, truth), alpha=alpha), noisy)
        roughness.append(float(np.abs(np.diff(found, 2, axis=1)).mean()))
    assert roughness == sorted(roughness, reverse=True)
    assert roughness[0] > 3 * roughness[-1]


def test_brightness_changes_nothing(plane: np.ndarray):
    truth = spline.field_on_pixels(_field(plane.shape, 2.0), plane.shape, SPACING)
    template = _template(warp(plane, truth))
    dark = template.prefilter.dark
    dimmed = (plane - dark) * np.float32(0.6) + np.float32(dark)
    found, expected = _register(template, dimmed), _register(template, plane)
    assert np.abs(found - expected).max() < 0.15
    assert np.abs(expected).max() > 2


def test_the_mask_decides_where_the_alignment_is_right(plane: np.ndarray):
    shape = plane.shape
    truth = np.zeros((2, *shape), np.float32)
    truth[0, :, : shape[1] // 2] = 3.0
    truth[0, :, shape[1] // 2 :] = -3.0
    reference = warp(plane, truth)
    mask = np.zeros(shape, np.float32)
    mask[:, : shape[1] // 2 - 16] = 1
    found = _register(_template(reference, mask), plane)
    masked = np.hypot(*(found - truth))[24:-24, 24 : shape[1] // 2 - 40]
    assert masked.mean() < 0.15
    # Outside it the prior carries on what the mask says, whatever the image shows there.
    assert found[0, 100:150, -60:-30].mean() > 0


@pytest.mark.parametrize("shape", [(1, 200), (200, 1), (17, 23), (64, 300)])
def test_images_of_any_shape(shape: tuple[int, int]):
    image = np.random.default_rng(0).poisson(9, shape).astype(np.float32)
    assert np.isfinite(_register(_template(image), image)).all()


@pytest.mark.parametrize("masked", [False, True])
def test_weighed_otherwise_a_reference_is_as_if_built_so(plane: np.ndarray, masked: bool):
    mask = None
    if masked:
        mask = np.zeros(plane.shape, np.float32)
        mask[40:200, 60:] = 1
    power = np.random.default_rng(2).random((3, 8, 8), np.float32) + 0.5
    built = _template(plane, mask, alpha=7.0, max_shift_px=0.0, power=power)
    first = _template(plane, cap=2.0, power=2 * power)
    weighed = first.weighed(alpha=7.0, max_shift_px=0.0, mask=mask, power=power, n_levels=3)
    weighed = replace(weighed, levels=tuple(replace(one, limit=None) for one in weighed.levels))
    frame = warp(plane, spline.field_on_pixels(_field(plane.shape, 2.5), plane.shape, SPACING))
    np.testing.assert_array_equal(_register(weighed, frame), _register(built, frame))
    assert not np.array_equal(_register(first, frame), _register(built, frame))
