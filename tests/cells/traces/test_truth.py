"""Known transients under known motion, read back; and cells that are silent under it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from slow_traces import alignment_of

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.samples import session_with_motion

N_FRAMES, RATE_HZ, DARK = 800, 20.0, 100.0
SHAPE = (96, 96)
CELLS = np.array([(y, x, 4.0) for y in (20, 39, 58, 77) for x in (20, 39, 58, 77)], float)
SILENT = np.arange(len(CELLS)) % 2 == 1
PEAK = 400.0
"""Counts of a cell at rest; an uneven neuropil glows around it, and flickers."""


@lru_cache(maxsize=1)
def movie() -> tuple[nza.Stack, np.ndarray, np.ndarray]:
    """A movie that is evaluated where the tissue went: nothing is interpolated in making it."""
    rng = np.random.default_rng(5)
    t = np.arange(N_FRAMES) / RATE_HZ
    angle = np.deg2rad(1.5) * np.sin(2 * np.pi * t / 9)
    shift = np.cumsum(rng.normal(0, 0.25, (N_FRAMES, 2)), axis=0)
    shift = 4 * np.tanh((shift - shift.mean(axis=0)) / 4) + rng.normal(0, 0.4, (N_FRAMES, 2))
    maps = np.tile(np.eye(3), (N_FRAMES, 1, 1))
    maps[:, 0, 0] = maps[:, 1, 1] = np.cos(angle)
    maps[:, 0, 1], maps[:, 1, 0] = -np.sin(angle), np.sin(angle)
    centre = (np.array(SHAPE) - 1) / 2
    maps[:, :2, 2] = centre - maps[:, :2, :2] @ centre + shift
    activity = _activity(rng)
    activity[SILENT] = 0
    # From frame to frame: a slow flicker would resemble the slow motion by chance.
    neuropil = 1 + 0.1 * rng.normal(size=N_FRAMES)
    grid = np.indices(SHAPE).reshape(2, -1)
    frames = np.empty((N_FRAMES, *SHAPE), np.uint16)
    for i in range(N_FRAMES):
        inverse = np.linalg.inv(maps[i])
        y, x = inverse[:2, :2] @ grid + inverse[:2, 2:]
        light = 60 * neuropil[i] * (1 + 0.4 * np.sin(y / 9) * np.cos(x / 11))
        for (cy, cx, r), change in zip(CELLS, activity[:, i], strict=True):
            edge = 1 / (1 + np.exp((np.hypot(y - cy, x - cx) - r) / 0.5))
            light = light + PEAK * (1 + change) * edge
        frames[i] = (DARK + 2.0 * rng.poisson(light / 2.0)).reshape(SHAPE)
    stack = nza.Stack.from_array(
        frames, pixel_size_um=(1.0, 1.0), frame_times_s=t, name="transients"
    )
    return stack, maps, activity


def _activity(rng: np.random.Generator) -> np.ndarray:
    kernel = np.exp(-np.arange(60) / 14)
    events = rng.random((len(CELLS), N_FRAMES)) < 0.012
    return np.array([np.convolve(row, kernel)[:N_FRAMES] for row in events * 1.0])


def extract(aligned: bool, **params: Any) -> nza.Traces:
    stack, maps, _ = movie()
    alignment = alignment_of(stack, AffineLink(maps)) if aligned else None
    settings = nza.TraceParams(dark_level=(DARK,), **params)
    return nza.run(nza.extract_traces(stack, CELLS, alignment, settings))


def correlations(traces: nza.Traces) -> np.ndarray:
    _, _, activity = movie()
    pairs = zip(traces.dff[0, ~SILENT], activity[~SILENT], strict=True)
    return np.array([np.corrcoef(dff, truth)[0, 1] for dff, truth in pairs])


@pytest.mark.slow
@pytest.mark.thorough
def test_transients_are_read_back_under_motion() -> None:
    assert correlations(extract(aligned=True)).min() >= 0.98


@pytest.mark.thorough
def test_without_alignment_they_are_not() -> None:
    assert correlations(extract(aligned=False)).max() < 0.9


@pytest.mark.thorough
def test_size_of_transients_is_right() -> None:
    _, _, activity = movie()
    dff = extract(aligned=True).dff[0]
    for n in np.flatnonzero(~SILENT):
        slope = np.polyfit(activity[n], dff[n], 1)[0]
        assert slope == pytest.approx(1, abs=0.25)  # neuropil within the circle takes its part


def test_silent_cells_don_t_follow_the_motion() -> None:
    stack, maps, _ = movie()
    traces = extract(aligned=True)
    assert traces.motion_explained[0, SILENT].max() <= 0.02
    # The same figure tells of a wrong alignment: the same motion, its effect left in.
    half = maps.copy()
    half[:, :2, 2] += 0.5 * (maps[:, :2, 2] - maps[:, :2, 2].mean(axis=0))
    wrong = nza.run(nza.extract_traces(stack, CELLS, alignment_of(stack, AffineLink(half))))
    assert np.median(wrong.motion_explained[0, SILENT]) > 0.1


@pytest.mark.slow
@pytest.mark.thorough
def test_the_whole_way_from_the_raw_recording() -> None:
    """Registered, not told the motion: tissue with blurred cells, shot noise and jumps."""
    sample = session_with_motion(1, n_frames=400, size=192, photons=200, n_steps=2, seed=3)[0]
    (alignment,) = nza.run(nza.register_recordings([sample.stack], nza.KeypointParams()))
    # The reference of a registration lies elsewhere than that of the truth: carry the cells over.
    t = int(np.flatnonzero(alignment.quality["used"])[0])
    raw = np.c_[sample.cells[:, :2], np.ones(len(sample.cells))] @ sample.affine[t][:2].T
    cells = np.c_[alignment.transforms.to_reference(raw, t), sample.cells[:, 2]]
    params = nza.TraceParams(dark_level=(100.0,))
    aligned = nza.run(nza.extract_traces(sample.stack, cells, alignment, params))
    raw_traces = nza.run(nza.extract_traces(sample.stack, sample.cells, None, params))
    strong = sample.activity.max(axis=1) > 1
    figures = [
        [
            np.corrcoef(traces.dff[0, n], sample.activity[n])[0, 1]
            for n in np.flatnonzero(strong & np.isfinite(aligned.dff[0]).all(axis=1))
            if np.isfinite(traces.dff[0, n]).all()
        ]
        for traces in (aligned, raw_traces)
    ]
    assert np.median(figures[0]) >= 0.98
    assert np.median(figures[1]) < 0.9
