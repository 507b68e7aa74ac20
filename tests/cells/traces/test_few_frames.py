"""What is said of traces whose baseline is made of little, and of ROIs without values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza

FRAMES = np.random.default_rng(3).poisson(200, (60, 32, 32)).astype(np.uint16)


def read(times: Any, rois: Any = ((16.0, 16, 4),), frames: Any = FRAMES) -> nza.Traces:
    stack = nza.Stack.from_array(frames, frame_times_s=times)
    params = nza.TraceParams(dark_level=(0,), neuropil_factor=0)
    return nza.run(nza.extract_traces(stack, rois, None, params))


def bursts(number: int, every_s: float) -> Any:
    times = np.repeat(np.arange(60 // number) * every_s, number)
    return times + np.tile(np.arange(number) * 0.1, 60 // number)


SAID: dict[str, Any] = {
    "steady": (np.arange(60) * 0.1, None, False, 0),
    "pauses within the window": (bursts(3, 5), "19 pauses shorter than", False, 0),
    "short stretches": (bursts(6, 120), "10 of 10 stretches between pauses are", True, 0),
    "too few frames": (bursts(3, 120), "ΔF/F of 60 frames is NaN", True, 60),
    "a slow recording": (np.arange(60) * 100.0, "made longer, to 5 frames (500 s)", False, 0),
}


@pytest.mark.slow
@pytest.mark.parametrize(("times", "words", "warns", "n_nan"), SAID.values(), ids=SAID)
def test_it_is_said_what_a_baseline_is_made_of(times, words, warns, n_nan) -> None:
    traces = read(times)
    assert np.isnan(traces.dff).sum() == n_nan
    of_it = [r for r in traces.remarks if any(w in r for w in ("window", "stretches", "baseline"))]
    if words is None:
        assert not of_it
        return
    (found,) = [remark for remark in of_it if words in remark]
    assert found.is_warning == warns


def test_a_summary_says_that_frames_are_too_few() -> None:
    summary = read(None, frames=FRAMES[:4]).summary()
    assert "fewer than 5 frames are too few for F₀" in summary
    assert "too close to the dark level" not in summary


def test_a_roi_without_values_is_not_relied_on(tmp_path) -> None:
    traces = read(None, [[16.0, 16, 4], [1, 1, 5]])
    np.testing.assert_array_equal(traces.reliable, [[True, False]])
    assert traces.dff_reliable
    assert traces.saturated is not None
    np.testing.assert_array_equal(traces.saturated, [[0, np.nan]])
    folder = traces.save(tmp_path / "x")
    again = nza.load(folder)
    np.testing.assert_array_equal(again.reliable, [[True, False]])
    np.testing.assert_array_equal(again.saturated, traces.saturated)


@pytest.mark.slow
@pytest.mark.parametrize(("n_blank", "relied_on"), [(20, True), (40, False), (56, False)])
@pytest.mark.parametrize("blank", [np.nan, np.inf])
def test_a_roi_that_most_frames_do_not_show_is_not_relied_on(n_blank, relied_on, blank) -> None:
    frames = FRAMES.astype(np.float32)
    frames[60 - n_blank :, :20, :] = blank
    traces = read(np.arange(60) * 0.1, [[10.0, 10, 3], [26, 20, 3]], frames)
    np.testing.assert_array_equal(traces.reliable, [[relied_on, True]])
    said = [remark for remark in traces.remarks if "without a value in most frames" in remark]
    assert bool(said) != relied_on
    assert all(remark.is_warning and remark.startswith("1 ROI is") for remark in said)
