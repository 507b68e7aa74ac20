"""The endpoint error of known errors."""

import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.samples import endpoint_error

SLICES = np.repeat([0, 1, 2], 4)


def truth(t):
    y, x = np.mgrid[:80, :96] / 50.0
    return np.stack([np.sin(y + t), np.cos(x * t)])


def shifted(error):
    """Truth plus a constant (dy, dx) of each frame."""
    return lambda t: truth(t) + np.array(error(t), float)[:, None, None]


@pytest.mark.parametrize(
    ("error", "mean", "within", "last"),
    [
        (lambda t: (0, 0), 0.0, 0.0, 0.0),
        (lambda t: (3, 4), 0.0, 0.0, 0.0),
        (lambda t: (3 * SLICES[t], 4 * SLICES[t]), 5.0, 0.0, 10.0),
        (lambda t: (0, (-1) ** t), 1.0, 1.0, 1.0),
        (lambda t: (2.0 if t < 4 else 0, 0), 4 / 3, 0.0, 2.0),
    ],
    ids=["truth", "another gauge", "grows down the stack", "jitter", "first slice off"],
)
def test_known_errors(error, mean, within, last):
    found = endpoint_error(shifted(error), truth, SLICES)
    figures = (found.mean, found.within_slice, found.last_slice)
    assert figures == pytest.approx((mean, within, last), abs=1e-9)


def test_order_of_frames_does_not_matter():
    slices = np.tile([0, 1, 2], 4)
    found = endpoint_error(shifted(lambda t: (0, slices[t])), truth, slices)
    assert (found.mean, found.within_slice, found.max) == pytest.approx((1.0, 0.0, 2.0))


def test_border_is_left_out():
    def wrong_border(t):
        field = truth(t)
        field[:, :24] += 100 * t
        return field

    assert endpoint_error(wrong_border, truth, SLICES).max == pytest.approx(0.0)


def test_fields_that_do_not_fit():
    with pytest.raises(InputError, match="differ in shape"):
        endpoint_error(lambda t: np.zeros((2, 8, 8)), truth, SLICES)
    with pytest.raises(InputError, match="smaller border_px"):
        endpoint_error(truth, truth, SLICES, border_px=40)
