import numpy as np
import pytest

from napari_zstack_align.alignment.filling import filled, safely_known


def ramp(shape=(60, 80)) -> np.ndarray:
    y, x = np.indices(shape)
    return (100 + 2 * y - x).astype(np.float32)


@pytest.mark.parametrize(
    ("hole", "within"),
    [(np.s_[30, 40], 0.1), (np.s_[:, 40], 1), (np.s_[20:22], 2), (np.s_[20:44, 30:54], 24)],
    ids=["a pixel", "a column", "two rows", "a block"],
)
def test_a_hole_continues_what_is_around_it(hole, within):
    image = ramp()
    holed = image.copy()
    holed[hole] = np.nan
    result = filled(holed)
    known = np.isfinite(holed)
    np.testing.assert_array_equal(result[known], image[known])
    assert np.abs(result - image)[~known].max() <= within


def test_an_image_without_holes_is_returned_as_it_is():
    image = ramp()
    assert filled(image) is image


def test_an_image_without_numbers_becomes_black():
    assert not filled(np.full((8, 9), np.nan, np.float32)).any()


def test_near_a_hole_nothing_is_safely_known():
    known = np.ones((30, 30), bool)
    known[15, 15] = False
    safe = safely_known(known)
    assert safe[15, 19] == 0
    assert safe[15, 20] == 1


def test_few_known_pixels_fill_the_rest():
    image = np.full((40, 50), np.nan, np.float32)
    image[3, 4] = 7
    np.testing.assert_allclose(filled(image), 7, rtol=1e-5)
