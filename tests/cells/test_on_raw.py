"""ROIs on raw frames: places, scales, back, and where they can be seen."""

from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align import InputError, Rois, Transforms, transform_rois
from napari_zstack_align.alignment import spline
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, identity
from napari_zstack_align.cells import rois_to_reference, valid_in, valid_numbers
from napari_zstack_align.cells.on_raw import local_scale, part_inside

SHAPE = (120, 140)
TURN = np.array([[np.cos(0.3), -np.sin(0.3), 8], [np.sin(0.3), np.cos(0.3), -5], [0, 0, 1]])
STRETCH = np.diag([1.2, 0.8, 1.0])


def affine(*matrices):
    return AffineLink(np.array(matrices, np.float64))


def bent(n_frames=1, size=2.0, seed=0):
    grid = spline.grid_shape(SHAPE, 32)
    coefficients = np.random.default_rng(seed).normal(0, size, (n_frames, 2, *grid))
    return SplineLink(coefficients.astype(np.float32), 32.0, SHAPE)


CHAINS = {
    "identity": identity(1, SHAPE).links,
    "affine": (affine(TURN @ STRETCH),),
    "two affine": (affine(TURN), affine(STRETCH)),
    "spline": (bent(),),
    "affine of spline": (affine(TURN), bent()),
    "spline of affine": (bent(), affine(STRETCH)),
    "affine of two splines": (affine(STRETCH), bent(seed=1), bent()),
}

by_chain = pytest.mark.parametrize("links", CHAINS.values(), ids=CHAINS.keys())


@pytest.fixture
def circles():
    rng = np.random.default_rng(2)
    return np.column_stack([rng.uniform(20, 90, (50, 2)), rng.uniform(1, 6, 50)])


@by_chain
def test_centres_go_through_the_transform(links, circles):
    transforms = Transforms(SHAPE, links)
    raw = transform_rois(circles, transforms, 0)
    np.testing.assert_allclose(raw[:, :2], transforms.to_raw(circles[:, :2], 0), atol=1e-9)
    np.testing.assert_array_equal(raw, transform_rois(Rois.of(circles), transforms, 0))


@by_chain
def test_and_back(links, circles):
    transforms = Transforms(SHAPE, links)
    raw = transform_rois(circles, transforms, 0)
    np.testing.assert_allclose(rois_to_reference(raw, transforms, 0), circles, atol=1e-3)


@pytest.mark.parametrize(
    ("matrix", "scale"),
    [
        pytest.param(np.eye(3), 1, id="identity"),
        pytest.param(TURN, 1, id="turned"),
        pytest.param(np.diag([1.5, 1.5, 1]), 1.5, id="larger"),
        pytest.param(STRETCH, 1.0, id="mean of the row norms"),
        pytest.param([[3, 4, 0], [0, 1, 0], [0, 0, 1]], 3.0, id="sheared"),
    ],
)
def test_the_radius_is_scaled_by_an_affine_map(matrix, scale, circles):
    raw = transform_rois(circles, Transforms(SHAPE, (affine(matrix),)), 0)
    np.testing.assert_allclose(raw[:, 2], scale * circles[:, 2])


def test_the_radius_is_scaled_by_the_change_of_area_of_a_spline(circles):
    transforms = Transforms(SHAPE, (bent(size=3),))
    step = 1e-3
    centres = circles[:, :2]
    by_y, by_x = (
        (transforms.to_raw(centres + d, 0) - transforms.to_raw(centres - d, 0)) / (2 * step)
        for d in np.diag([step, step])
    )
    area = by_y[:, 0] * by_x[:, 1] - by_y[:, 1] * by_x[:, 0]
    scale = np.sqrt(np.abs(area))
    assert np.ptp(scale) > 0.1
    raw = transform_rois(circles, transforms, 0)
    np.testing.assert_allclose(raw[:, 2], circles[:, 2] * scale, rtol=1e-6)


def test_scales_multiply_down_a_chain(circles):
    spline_alone = local_scale(Transforms(SHAPE, (bent(),)), circles[:, :2], 0)
    chained = local_scale(Transforms(SHAPE, (affine(STRETCH * 2), bent())), circles[:, :2], 0)
    np.testing.assert_allclose(chained, 2 * spline_alone)


def test_outside_the_frame_a_spline_does_not_scale_along_that_axis():
    transforms = Transforms(SHAPE, (bent(size=3),))
    far = np.array([[-50.0, -60.0, 2.0]])
    np.testing.assert_allclose(transform_rois(far, transforms, 0)[:, 2], 2.0)


def test_what_does_not_come_back_is_nan():
    # Folded so strongly that the iteration runs away.
    transforms = Transforms(SHAPE, (bent(size=80),))
    raw = np.column_stack([np.random.default_rng(0).uniform(10, 100, (30, 2)), np.full(30, 2.0)])
    back = rois_to_reference(raw, transforms, 0)
    lost = np.isnan(back).any(axis=1)
    assert lost.any()
    assert np.isnan(back[lost]).all()


def test_none_and_wrong_ones(circles):
    transforms = identity(3, SHAPE)
    assert transform_rois(np.zeros((0, 3)), transforms, 2).shape == (0, 3)
    with pytest.raises(InputError, match="no frame 3"):
        transform_rois(circles, transforms, 3)
    with pytest.raises(InputError, match="no frame -1"):
        transform_rois(circles, Transforms(SHAPE, (bent(),)), -1)
    with pytest.raises(InputError, match=r"\(N, 3\)"):
        transform_rois(circles[:, :2], transforms, 0)
    with pytest.raises(InputError, match=r"\.transforms"):
        transform_rois(circles, "run.zalign", 0)


class TestPartInside:
    @pytest.mark.parametrize(
        ("circle", "part"),
        [
            pytest.param((20, 20, 5), 1.0, id="all"),
            pytest.param((-0.5, 20, 5), 0.5, id="half, at the border"),
            pytest.param((-0.5, -0.5, 5), 0.25, id="a corner"),
            pytest.param((-30, 20, 5), 0.0, id="none"),
            pytest.param((20, 29.5, 6), 0.5, id="half, in the region"),
            pytest.param((20, 20, 0.1), 1.0, id="less than a pixel"),
        ],
    )
    def test_of_a_circle(self, circle, part):
        region = np.zeros((60, 60), bool)
        region[:, :30] = True
        assert part_inside(np.array([circle], float), region)[0] == pytest.approx(part, abs=0.02)


class TestValidIn:
    def test_nine_tenths_inside_the_common_field(self, recording):
        fov = recording.common_fov()
        inside = np.argwhere(fov)[len(np.argwhere(fov)) // 2]
        rois = [[*inside, 3.0], [-20, 10, 3.0], [2.0, 2.0, 30.0]]
        valid = valid_in(rois, [recording, recording])
        assert valid.tolist() == [[True, True], [False, False], [False, False]]
        assert valid_numbers(valid).tolist() == ["1 2", "", ""]

    def test_not_where_every_frame_is_flagged(self, recording):
        quality = recording.quality.copy()
        quality["flag"] = "bridged"
        flagged = replace(recording, quality=quality)
        assert valid_in([[50, 50, 3]], [recording, flagged]).tolist() == [[True, False]]

    def test_no_rois(self, recording):
        assert valid_in(np.zeros((0, 3)), [recording]).shape == (0, 1)
