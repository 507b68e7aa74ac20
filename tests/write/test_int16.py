"""Values fit into int16, and none is wrapped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays, from_dtype

from napari_zstack_align.write.int16 import Fit, fit_of, known

CASES = [
    pytest.param(np.uint16, 0, 32767, Fit(0, 1), id="as they are"),
    pytest.param(np.int32, -32768, 32767, Fit(0, 1), id="negative as they are"),
    pytest.param(np.uint16, 54600, 55000, Fit(54600, 1), id="shifted: every count is kept"),
    pytest.param(np.uint16, 1, 65535, Fit(0, 32767 / 65535), id="scaled: zero stays"),
    pytest.param(np.float32, -1.0, 4.0, Fit(0, 32767 / 4), id="floats are scaled up"),
    pytest.param(np.float32, -8.0, 4.0, Fit(0, 32767 / 8), id="by the larger side"),
    pytest.param(np.float32, 900.0, 1000.0, Fit(900, 327.67), id="floats with an offset"),
    pytest.param(np.float32, 0.0, 0.0, Fit(0, 1), id="nothing but zero"),
    pytest.param(np.uint16, np.inf, -np.inf, Fit(0, 1), id="nothing known"),
]


@pytest.mark.parametrize(("dtype", "low", "high", "fit"), CASES)
def test_the_gentlest_fit_is_chosen(dtype, low, high, fit):
    assert fit_of(low, high, np.dtype(dtype)) == pytest.approx(fit)


DTYPES = [np.dtype(name) for name in ("uint16", "int32", "uint32", "float32", "float64")]


@given(st.data(), st.sampled_from(DTYPES))
def test_values_come_back_to_half_a_step_and_in_order(data, dtype):
    bounds = {} if dtype.kind in "ui" else {"min_value": -(2.0**40), "max_value": 2.0**40}
    elements = from_dtype(dtype, allow_subnormal=False, **bounds)
    values = data.draw(arrays(dtype, (1, 8), elements=elements))
    inside = values[known(values)].astype(np.float64)
    if not inside.size:
        return
    fit = fit_of(inside.min(), inside.max(), dtype)
    stored = fit.apply(values, 0)[known(values)].astype(np.float64)
    error = np.abs(stored / fit.scale + fit.offset - inside)
    assert error.max() <= (0.5 + 1e-6) / fit.scale
    assert np.all(np.diff(stored[np.argsort(inside)]) >= 0)


def test_pixels_that_are_no_numbers_get_a_value_of_the_image():
    assert Fit(900, 2).apply(np.array([[np.nan, np.inf, 901]]), 900.5).tolist() == [[1, 1, 2]]
    assert Fit(-3, 1).apply(np.array([[0, 901]], np.uint16), 7).tolist() == [[3, 904]]


@pytest.mark.parametrize(
    ("fit", "said"),
    [
        (Fit(0, 1), "Values of red are stored as they are."),
        (Fit(900, 1), "Values of red were shifted by -900 to fit"),
        (Fit(900, 2), "Values of red were shifted by -900 and scaled by 2 to fit"),
        (Fit(0, 0.5), "Values of red were scaled by 0.5 to fit"),
    ],
    ids=str,
)
def test_what_was_done_is_said(fit, said):
    assert fit.sentence("red").startswith(said)
