"""The common field of affine maps: the same as that of all frames, looked at one by one."""

import numpy as np
import pytest

from napari_zstack_align.alignment.common_field import affine_common_field, smooth_common_field
from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, Transforms
from napari_zstack_align.alignment.warp import affine_displacement, inside, positions_of


@pytest.mark.parametrize("raw_shape", [(40, 50), (60, 30)], ids=["same size", "another size"])
def test_equals_looking_at_every_frame(raw_shape):
    rng = np.random.default_rng(0)
    maps = np.tile(np.eye(3), (300, 1, 1))
    maps[:, :2] += rng.normal(0, 1, (300, 2, 3)) * (0.02, 0.02, 3)
    expected = np.ones((40, 50), bool)
    for matrix in maps:
        expected &= inside(positions_of(affine_displacement(matrix, (40, 50))), raw_shape)
    assert 0.05 < expected.mean() < 0.9
    np.testing.assert_array_equal(affine_common_field(maps, raw_shape, (40, 50)), expected)


def test_without_frames_everything_is_common():
    assert affine_common_field(np.zeros((0, 3, 3)), (4, 5), (4, 5)).all()


def test_of_bent_frames_hardly_a_pixel_of_the_rim_is_left_out():
    rng, shape, raw_shape, n = np.random.default_rng(3), (90, 110), (100, 104), 30
    maps = np.tile(np.eye(3), (n, 1, 1))
    maps[:, :2, 2] = rng.normal(0, 3, (n, 2))
    bends = rng.normal(0, 2, (n, 2, *grid_shape(shape, 48.0))).astype(np.float32)
    transforms = Transforms(shape, (AffineLink(maps), SplineLink(bends, 48.0, shape)))
    seen = np.logical_and.reduce(
        [inside(positions_of(transforms.displacement(t)), raw_shape) for t in range(n)]
    )
    found = smooth_common_field(transforms, range(n), raw_shape)
    assert not (found & ~seen).any()
    assert 0.05 < (seen & ~found).sum() / sum(shape) < 0.6
    assert 0.5 < seen.mean() < 0.95
