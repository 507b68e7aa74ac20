"""Cells that are brighter than the detector can tell."""

from __future__ import annotations

import numpy as np
import pytest
from slow_traces import alignment_of

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.flags import Fault, Flag, mark

ROIS = nza.Rois.of([[12, 12, 4], [12, 34, 4], [36, 12, 4]], ids=[3, 5, 8])
N_FRAMES = 100
TRANSIENT = slice(40, 46)


def movie(scale: float = 1.0) -> np.ndarray:
    """Three cells of 60, 100 and 100 counts; the second reaches 400 in six frames."""
    rng = np.random.default_rng(1)
    y, x = np.indices((48, 48))
    light = np.full((N_FRAMES, 48, 48), 20.0)
    for (cy, cx, _), counts in zip(ROIS.circles, (60.0, 100.0, 100.0), strict=True):
        light[:, np.hypot(y - cy, x - cx) < 6] = counts
    light[TRANSIENT, np.hypot(y - 12, x - 34) < 6] = 400
    return (rng.poisson(light) * scale).round()


def extract(frames: np.ndarray, alignment=None, **params) -> nza.Traces:
    stack = nza.Stack.from_array(frames)
    if alignment is not None:
        alignment = alignment.with_stack(stack)
    params = nza.TraceParams(dark_level=(0,), neuropil_factor=0, **params)
    return nza.run(nza.extract_traces(stack, ROIS, alignment, params))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("top", "dtype", "step"),
    [
        (255, np.uint8, 1),
        (4095, np.uint16, 1),
        (8191, np.int16, 1),
        (16383, np.float32, 1),
        (127, np.int8, 1),
        (255, np.float32, 1 / 255),
        (4095, np.uint16, 16),
        (16383, np.uint16, 4),
        (3000, np.int16, 1),
        (2**31 - 1, np.int32, 1),
        (2**32 - 1, np.uint32, 1),
    ],
)
def test_a_clipped_transient_is_told(top, dtype, step, tmp_path) -> None:
    frames = (np.clip(movie(top / 255), None, top) * step).astype(dtype)
    traces = extract(frames)
    np.testing.assert_allclose(traces.saturated, [[0, 6 / N_FRAMES, 0]], atol=1e-6)
    np.testing.assert_array_equal(traces.reliable, [[True, False, True]])
    assert traces.dff_reliable, "of the others"
    (remark,) = (each for each in traces.remarks if "saturated" in each)
    assert remark.is_warning
    assert "1 ROI is saturated, in 6 % of the frames" in remark
    assert remark.endswith("(5).")
    again = nza.load_traces(traces.save(tmp_path / "t"))
    np.testing.assert_array_equal(again.saturated, traces.saturated)


def test_bright_cells_that_are_not_clipped() -> None:
    traces = extract(movie().astype(np.uint16))
    assert not traces.saturated.any()
    assert traces.reliable.all()
    assert not any("saturated" in remark for remark in traces.remarks)


def test_a_largest_value_is_a_detector_s_by_chance() -> None:
    """A few frames whose brightest pixels, all in one cell, are just at 255, among brighter."""
    frames = np.minimum(movie(), 240.0)
    frames[:, 30:42, 6:18] = 240 + np.random.default_rng(2).integers(0, 60, (N_FRAMES, 1, 1))
    frames[[20, 30], 30:42, 6:18] = 255
    assert not extract(frames.astype(np.uint16)).saturated.any()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32])
@pytest.mark.parametrize("photons", [0.05, 0.3, 1, 3, 20])
def test_few_photons_whose_largest_number_occurs_in_many_frames(photons, dtype) -> None:
    light = np.full((N_FRAMES, 48, 48), photons / 20)
    light[:, 6:18, 6:18] = photons
    frames = np.random.default_rng(4).poisson(light).astype(dtype)
    traces = extract(frames)
    assert not traces.saturated.any()


def test_a_single_flash_makes_no_cell_unreliable() -> None:
    frames = movie(0.4)
    frames[70] = 255
    assert extract(frames.astype(np.uint8)).reliable.all()


def test_all_are_saturated() -> None:
    traces = extract(np.clip(movie(8), None, 255).astype(np.uint8))
    assert traces.is_saturated.all()
    assert traces.dff_doubt == "all ROIs are saturated"
    assert not traces.dff_reliable


def test_frames_that_the_alignment_left_out_do_not_count() -> None:
    frames = np.clip(movie(), None, 255).astype(np.uint8)
    used = np.ones(N_FRAMES, bool)
    used[TRANSIENT] = False
    alignment = alignment_of(
        nza.Stack.from_array(frames), *identity(N_FRAMES, (48, 48)).links, used=used
    )
    assert extract(frames, alignment).reliable.all()


def test_all_frames_are_left_out() -> None:
    frames = movie().astype(np.uint16)
    links = identity(N_FRAMES, (48, 48)).links
    alignment = alignment_of(nza.Stack.from_array(frames), *links, used=False)
    mark(alignment.quality, Fault(Flag.UNMATCHED, "no chunk could be matched"))
    traces = extract(frames, alignment)
    assert traces.remarks[0].is_warning
    assert traces.remarks[0].startswith(
        "All 100 frames are left out (100 unmatched recording): there is no baseline and no ΔF/F"
    )
    assert not traces.dff_reliable
    assert traces.dff_doubt == "no frame counts"
    assert not traces.reliable.any()


def test_most_frames_are_left_out() -> None:
    frames = movie().astype(np.uint16)
    alignment = alignment_of(
        nza.Stack.from_array(frames),
        *identity(N_FRAMES, (48, 48)).links,
        used=np.arange(N_FRAMES) < 30,
    )
    traces = extract(frames, alignment)
    assert "70 of 100 frames are left out: the baseline is that of the others." in traces.remarks
    assert traces.dff_reliable
