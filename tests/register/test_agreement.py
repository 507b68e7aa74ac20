"""A slice bends as far as two halves of its image agree that it does."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.register.agreement import agreed_part, checkerboard
from napari_zstack_align.register.between_slices import Chain
from napari_zstack_align.register.slice_steps import SliceStep

SHAPE, SPACING = (128, 128), 64.0
CELLS = [(20, 24), (30, 100), (66, 52), (104, 30), (100, 104)]


def plane(cells, shape=SHAPE, seed=0):
    """(Y, X) float32 image of a few bright cells (y, x) or (y, x, brightness), with noise."""
    y, x = np.indices(shape)
    image = np.full(shape, 0.5)
    for place_y, place_x, *light in cells:
        inside = 1 / (1 + np.exp((np.hypot(y - place_y, x - place_x) - 4) / 0.7))
        image += 20 * inside * (light or [1])[0]
    return (100 + 10 * np.random.default_rng(seed).poisson(image)).astype(np.float32)


def chain_of(*planes):
    chain = Chain(planes[0].shape, SPACING, AdaptiveParams(), None)
    for each in planes:
        chain = chain.next(each)
    return chain


def placed(*planes):
    """(2, Y, X) displacement of the last plane over the first one."""
    return field_on_pixels(chain_of(*planes).field, planes[0].shape, SPACING)


def test_a_cell_that_appears_beside_one_that_fades_bends_hardly_anything():
    longest = []
    for beside in ((0, 9), (9, 0), (-6, -7)):
        for y, x in CELLS:
            others = [cell for cell in CELLS if cell != (y, x)]
            after = plane([*others, (y + beside[0], x + beside[1])], seed=1)
            longest.append(float(np.hypot(*placed(plane(CELLS), after)).max()))
    assert np.median(longest) < 0.8
    assert np.mean(longest) < 1.4


def test_what_all_cells_share_is_followed_all_the_same():
    moved = [(y + 3, x - 2) for y, x in CELLS]
    away = placed(plane(CELLS), plane(moved, seed=1))
    np.testing.assert_allclose(away.mean(axis=(1, 2)), (3, -2), atol=0.3)


LEFT = [(20, 14), (34, 70), (66, 40), (104, 20), (110, 78)]


def test_few_cells_that_fit_far_away_a_little_better_stay_nearby():
    doubled = [*LEFT, *((y, x + 34, 1.15) for y, x in LEFT)]
    assert np.hypot(*placed(plane(LEFT), plane(doubled, seed=1))).mean() < 1


def test_a_slice_that_lies_far_away_is_put_there():
    moved = [(y, x + 34) for y, x in LEFT]
    chain = chain_of(plane(LEFT), plane(moved, seed=1))
    shift = field_on_pixels(chain.field, SHAPE, SPACING).mean(axis=(1, 2))
    np.testing.assert_allclose(shift, (0, 34), atol=0.5)
    assert chain.step.is_far
    assert chain.step.fits


def texture(seed):
    """(168, 168) float32 of tissue that fills the image."""
    blurred = gaussian_filter(np.random.default_rng(seed).standard_normal((168, 168)), 2)
    return np.exp(blurred / blurred.std() * 0.9) * 60


def seen(tissue, away, seed):
    """(Y, X) float32 of tissue (Y + 40, X + 40) displaced by (2, Y, X), with noise."""
    places = np.indices(SHAPE) + 20 + away
    image = 100 + np.random.default_rng(seed).poisson(map_coordinates(tissue, places, order=1))
    return image.astype(np.float32)


@pytest.mark.parametrize("jump", [(12, -9), (-9, 10), (0, 13)])
@pytest.mark.parametrize("seed", [0, 2, 4])
def test_tissue_that_fills_the_image_jumps_without_a_bend(seed, jump):
    """Nearby, a bend of 13 px would fit it in part."""
    tissue, there = texture(seed), np.array(jump, float)[:, None, None]
    away = placed(seen(tissue, 0 * there, 0), seen(tissue, there, 1))
    error = np.hypot(*(away + there))[16:-16, 16:-16]
    assert error.max() < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_bends_of_tissue_that_fills_the_image_are_followed(seed):
    rng = np.random.default_rng(seed)
    bend = gaussian_filter(rng.standard_normal((2, 328, 328)), (0, 30, 30))[:, 100:228, 100:228]
    bend *= 1.5 / bend.std()
    tissue = texture(seed)
    away = placed(seen(tissue, 0 * bend, 0), seen(tissue, bend, 1))
    error, before = (each[:, 12:-12, 12:-12].std() for each in (away + bend, bend))
    assert error < 0.55 * before


def test_a_place_that_two_halves_of_the_image_see_elsewhere_is_said_to_be():
    """Cells of one half of the checkerboard moved, those of the other did not."""
    y, x = np.mgrid[16:128:32, 16:128:32].reshape(2, -1)
    odd = (y // 32 + x // 32) % 2 == 1
    cells = list(zip(y, x, strict=True))
    torn = list(zip(y + 5 * odd, x, strict=True))
    assert chain_of(plane(cells), plane(cells, seed=1)).step.halves_apart_px < 0.5
    step = chain_of(plane(cells), plane(torn, seed=1)).step
    assert step.halves_apart_px > 3
    assert SliceStep.of_array(step.to_array()) == step


def test_halves_cover_the_image_once():
    first, second = checkerboard((100, 130))
    assert set(np.unique(first)) == {0, 1}
    np.testing.assert_array_equal(first + second, 1)
    assert 0.4 < first.mean() < 0.6


def bends(seed, size):
    """(2, gy, gx) bend of a given size in px, shifted by 9."""
    random = np.random.default_rng(seed).normal(0, size, (2, *grid_shape(SHAPE, SPACING)))
    return (random + 9).astype(np.float32)


def test_halves_that_agree_are_believed_and_others_are_not():
    one, other = bends(0, 3), bends(1, 3)
    assert agreed_part(one, one - 20, SHAPE, SPACING) == pytest.approx(1)
    assert agreed_part(one, other, SHAPE, SPACING).mean() < 0.4
    little, less = bends(2, 0.1), bends(3, 0.1)
    assert agreed_part(little, less, SHAPE, SPACING) == pytest.approx(1)
    assert agreed_part(one, one + less, SHAPE, SPACING) == pytest.approx(1)


def test_bends_are_left_where_halves_disagree_alone():
    shape = (128, 384)
    grid = grid_shape(shape, SPACING)
    one = np.zeros((2, *grid), np.float32)
    other = one.copy()
    other[:, :, -2:] += 12
    part = agreed_part(one, other, shape, SPACING)
    assert part[:, -1].max() < 0.1
    assert part[:, 2].min() > 0.9
