"""Traces on an offset so large that float32 can't keep them."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza

ROIS = nza.Rois.of([[12, 12, 4], [12, 34, 4], [36, 12, 4]])


def extract(offset: float, dtype: type, light: tuple[float, ...], noise: bool = True) -> nza.Traces:
    y, x = np.indices((48, 48))
    still = np.full((60, 48, 48), 20.0)
    for (cy, cx, _), counts in zip(ROIS.circles, light, strict=True):
        still[:, np.hypot(y - cy, x - cx) < 6] = counts
    frames = np.random.default_rng(1).poisson(still) if noise else still
    stack = nza.Stack.from_array((frames + offset).astype(dtype))
    params = nza.TraceParams(dark_level=(offset,), neuropil_factor=0)
    return nza.run(nza.extract_traces(stack, ROIS, None, params))


def of_steps(traces: nza.Traces) -> list[nza.Remark]:
    return [remark for remark in traces.remarks if "in steps of" in remark]


@pytest.mark.slow
@pytest.mark.each_time(light=1)
@pytest.mark.parametrize("light", [(60, 100, 140), (100, 100, 100)])
@pytest.mark.parametrize(
    ("offset", "dtype", "step"),
    [(1e9, np.float64, 64), (1e9, np.float32, 64), (-1e12, np.int64, 65536), (1e8, np.float64, 8)],
)
def test_an_offset_that_hides_the_signal_is_told(offset, dtype, step, light, tmp_path) -> None:
    traces = extract(offset, dtype, light)
    (remark,) = of_steps(traces)
    assert remark.is_serious
    assert f"kept in steps of {step} counts" in remark
    assert "Subtract a constant" in remark
    assert not traces.dff_reliable
    assert not traces.reliable.any()
    assert not nza.load_traces(traces.save(tmp_path / "t")).dff_reliable


@pytest.mark.thorough
@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("offset", [0, 54_500, 1e6])
def test_a_smaller_offset_hides_nothing(offset: float, noise: bool) -> None:
    traces = extract(offset, np.float64, (60, 100, 140), noise)
    assert not of_steps(traces)
    assert traces.dff_reliable
