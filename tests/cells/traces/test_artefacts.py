"""Pixels that don't come from tissue are no part of a trace."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from slow_traces import alignment_of

import napari_zstack_align as nza
from napari_zstack_align.alignment.artefact_rows import NO_ROWS, ROWS, left_out, rows_of_frames
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.cells.traces import window
from napari_zstack_align.samples import Detector, recording_with_motion

N_FRAMES, SIZE, DARK = 90, 72, 100.0
GATED = range(40, 52)
ROWS_OFF = slice(30, 51)
ROIS = [[12.0, 30.0, 4.0], [40.0, 20.0, 4.0], [29.0, 50.0, 4.0], [58.0, 40.0, 4.0]]
"""Far from the rows, inside them, at their edge, and with a ring that they touch."""
FAR, INSIDE, EDGE, NEAR = range(4)
SETTINGS = nza.TraceParams(dark_level=(DARK,), neuropil_width_um=8.0)


@lru_cache(maxsize=1)
def movie() -> tuple[np.ndarray, AffineLink]:
    """(T, 2, SIZE, SIZE) uint16 frames of two channels, and how they move."""
    rng = np.random.default_rng(1)
    y, x = np.indices((SIZE, SIZE))
    light = 30 + 10 * np.sin(y / 7) * np.cos(x / 9)
    for cy, cx, r in ROIS:
        light = light + 60 / (1 + np.exp((np.hypot(y - cy, x - cx) - r) / 0.5))
    frames = DARK + 10 * rng.poisson(light, (N_FRAMES, 2, SIZE, SIZE))
    matrices = np.tile(np.eye(3), (N_FRAMES, 1, 1))
    matrices[:, :2, 2] = rng.normal(0, 0.3, (N_FRAMES, 2))
    return frames.astype(np.uint16), AffineLink(matrices)


def table_of(frames: range = GATED, rows: slice = ROWS_OFF, kind: str = "dark") -> np.ndarray:
    return np.array([(t, rows.start, rows.stop - 1, kind) for t in frames], ROWS)


def gated(frames: range = GATED) -> np.ndarray:
    images = movie()[0].copy()
    images[frames.start : frames.stop, :, ROWS_OFF] = DARK
    return images


def struck() -> np.ndarray:
    images = movie()[0].copy()
    images[GATED.start : GATED.stop, :, ROWS_OFF] += 20_000
    return images


def extract(images: np.ndarray, table=NO_ROWS, fixed=None, rois=ROIS, **options) -> nza.Traces:
    stack = nza.Stack.from_array(
        images, axes="TCYX", pixel_size_um=(1.0, 1.0), frame_times_s=np.arange(N_FRAMES) / 10
    )
    alignment = alignment_of(stack, movie()[1])
    alignment = replace(alignment, artefact_rows=table, artefacts=fixed)
    return nza.run(nza.extract_traces(stack, rois, alignment, SETTINGS, **options))


@pytest.mark.thorough
@pytest.mark.parametrize("spoilt", [gated, struck])
def test_what_was_measured_is_that_of_clean_frames(spoilt):
    traces, clean = extract(spoilt(), table_of()), extract(movie()[0])
    hidden = np.isnan(traces.F)
    assert hidden[:, INSIDE, GATED].all()
    assert hidden[:, EDGE, GATED].all()
    assert hidden.sum() == 2 * 2 * len(GATED)
    np.testing.assert_array_equal(traces.F[~hidden], clean.F[~hidden])
    known = np.isfinite(traces.dff)
    assert known[:, FAR].all()
    assert not known[:, INSIDE, GATED].any()
    noise = np.diff(clean.dff, axis=2).std() / np.sqrt(2)
    assert np.abs(traces.dff - clean.dff)[known].max() < 0.5 * noise
    as_it_was = extract(spoilt(), None)
    assert np.abs(as_it_was.F - clean.F).max() > 0.5 * clean.F.mean()


@pytest.mark.thorough
def test_a_ring_that_loses_a_tenth_of_its_pixels_is_none():
    traces, clean = extract(gated(), table_of()), extract(movie()[0])
    assert np.isfinite(traces.F[:, NEAR]).all()
    lost = np.isnan(traces.Fneu[:, NEAR, GATED])
    assert lost.any()
    assert np.isnan(traces.dff[:, NEAR, GATED][lost]).all()
    kept = extract(gated(), table_of(rows=slice(30, 49)))
    np.testing.assert_array_equal(kept.Fneu[:, FAR], clean.Fneu[:, FAR])


def test_without_neuropil_a_ring_makes_no_difference():
    stack = nza.Stack.from_array(gated(), axes="TCYX", pixel_size_um=(1.0, 1.0))
    alignment = replace(alignment_of(stack, movie()[1]), artefact_rows=table_of())
    params = SETTINGS.replace(neuropil_factor=0.0)
    traces = nza.run(nza.extract_traces(stack, ROIS, alignment, params))
    assert np.isfinite(traces.dff[:, NEAR]).all()
    assert (traces.unmeasured[:, NEAR] == 0).all()


def test_nothing_changes_where_there_are_no_such_rows():
    looked, not_looked = extract(movie()[0]), extract(movie()[0], None)
    for name in ("F", "Fneu", "corrected", "dff"):
        np.testing.assert_array_equal(getattr(looked, name), getattr(not_looked, name))
    assert not looked.unmeasured.any()
    assert not_looked.unmeasured is None
    assert not any("Rows of" in remark for remark in looked.remarks)


def test_what_is_lost_is_reported():
    traces = extract(gated(), table_of())
    some = len(GATED) / N_FRAMES
    np.testing.assert_allclose(traces.unmeasured[:, [FAR, INSIDE, EDGE]], [[0, some, some]] * 2)
    assert traces.reliable.all()
    frames, _, rois = traces.remarks[:3]
    assert (
        frames == "Rows of 12 frames (40 to 51) were left out: the detector was off there, or "
        "struck by light."
    )
    assert rois.startswith("3 ROIs are without ΔF/F in ")
    assert rois.endswith("(2, 3, 4).")


def test_a_cell_that_is_never_measured_has_no_values_and_is_unreliable():
    every = range(N_FRAMES)
    traces = extract(gated(every), table_of(every))
    assert np.isnan(traces.F[:, INSIDE]).all()
    assert np.isnan(traces.dff[:, INSIDE]).all()
    assert traces.unmeasured[0, INSIDE] == 1
    assert not traces.reliable[:, INSIDE].any()
    assert traces.reliable[:, FAR].all()
    assert traces.dff_reliable
    assert not any("never inside a frame" in remark for remark in traces.remarks)


def test_nothing_is_reliable_where_no_cell_was_measured():
    every = range(N_FRAMES)
    traces = extract(gated(every), table_of(every), rois=ROIS[INSIDE : INSIDE + 1])
    assert traces.dff_doubt == "no ROI was measured in most frames"


def test_a_frame_that_is_left_out_counts_for_no_share():
    frames = movie()[0]
    stack = nza.Stack.from_array(frames, axes="TCYX", pixel_size_um=(1.0, 1.0))
    used = np.ones(N_FRAMES, bool)
    used[GATED.start : GATED.stop] = False
    alignment = replace(alignment_of(stack, movie()[1], used=used), artefact_rows=table_of())
    traces = nza.run(nza.extract_traces(stack, ROIS, alignment, SETTINGS))
    assert np.isnan(traces.F[:, INSIDE, GATED]).all()
    assert not traces.unmeasured.any()


def column(x: int) -> np.ndarray:
    fixed = np.zeros((SIZE, SIZE), bool)
    fixed[:, x : x + 1] = True
    return fixed


def test_pixels_fixed_to_the_detector_are_no_part_of_a_trace():
    hot = movie()[0].copy()
    hot[..., 53] = 60_000  # beside the cell at the edge of the rows
    hot[..., 40] = 60_000  # through the middle of another
    fixed = column(53) | column(40)
    traces, clean = extract(hot, fixed=fixed), extract(movie()[0])
    as_it_was = extract(hot)
    assert np.isnan(traces.F[:, NEAR]).all()
    np.testing.assert_array_equal(traces.F[:, FAR], clean.F[:, FAR])
    assert np.isfinite(traces.F[:, EDGE]).any()
    seen = np.isfinite(traces.F[:, EDGE])
    assert np.abs(traces.F - clean.F)[:, EDGE][seen].max() < 0.1 * clean.F[:, EDGE].mean()
    assert np.abs(as_it_was.F - clean.F)[:, EDGE].max() > clean.F[:, EDGE].mean()
    assert (traces.unmeasured[:, NEAR] == 1).all()
    assert any("fixed to the detector" in remark for remark in traces.remarks)


def test_fixed_pixels_touch_no_dark_level():
    """An overlay of zeros isn't the darkest tissue."""
    black = movie()[0].copy()
    black[:, :, :6, :10] = 40
    fixed = np.zeros((SIZE, SIZE), bool)
    fixed[:6, :10] = True
    levels = []
    for images, pixels in ((movie()[0], None), (black, fixed), (black, None)):
        stack = nza.Stack.from_array(images, axes="TCYX", pixel_size_um=(1.0, 1.0))
        alignment = replace(alignment_of(stack, movie()[1]), artefacts=pixels)
        levels.append(nza.run(nza.extract_traces(stack, ROIS, alignment)).dark.values)
    np.testing.assert_allclose(levels[1], levels[0], rtol=0.02)
    np.testing.assert_allclose(levels[2], 40)


def test_fixed_pixels_are_no_part_of_dark_frames():
    hot = movie()[0].copy()
    hot[:10] = DARK
    hot[..., 40] = 60_000
    stack = nza.Stack.from_array(hot, axes="TCYX", pixel_size_um=(1.0, 1.0))
    alignment = replace(alignment_of(stack, movie()[1]), artefacts=column(40))
    params = nza.TraceParams(dark_frames=(0, 10))
    traces = nza.run(nza.extract_traces(stack, ROIS, alignment, params))
    np.testing.assert_allclose(traces.dark.values, DARK)


@pytest.mark.parametrize("threads", [1, 3])
def test_it_goes_on_to_the_same_bits(threads, tmp_path, monkeypatch):
    monkeypatch.setattr(window, "MOST_FRAMES", 10)
    images, fixed = gated(), column(53)
    whole = extract(images, table_of(), fixed)
    job = extract(images, table_of(), fixed, journal=tmp_path / "traces", threads=threads)
    again = extract(images, table_of(), fixed, journal=tmp_path / "traces", threads=threads)
    for traces in (job, again):
        for name in ("F", "Fneu", "corrected", "dff", "unmeasured"):
            np.testing.assert_array_equal(getattr(traces, name), getattr(whole, name))


def test_windows_with_other_rows_are_read_anew(monkeypatch):
    monkeypatch.setattr(window, "MOST_FRAMES", 10)
    keys = []
    key_of = window.key_of
    monkeypatch.setattr(window, "key_of", lambda *a, **k: keys.append(key_of(*a, **k)) or keys[-1])
    found = []
    for table in (NO_ROWS, table_of()):
        keys.clear()
        extract(movie()[0], table, threads=1)
        found.append(list(keys))
    changed = [a != b for a, b in zip(*found, strict=True)]
    assert np.flatnonzero(changed).tolist() == [4, 5]


def test_unmeasured_reads_back(tmp_path):
    traces = extract(gated(), table_of())
    loaded = nza.load(traces.save(tmp_path / "traces"))
    np.testing.assert_array_equal(loaded.unmeasured, traces.unmeasured)
    assert loaded.remarks == traces.remarks


def test_nobody_looked():
    stack = nza.Stack.from_array(movie()[0], axes="TCYX", pixel_size_um=(1.0, 1.0))
    traces = nza.run(nza.extract_traces(stack, ROIS))
    assert traces.unmeasured is None
    (remark,) = [remark for remark in traces.remarks if "not looked for" in remark]
    assert remark.severity == "note"


def test_rows_were_looked_for_in_one_channel_of_two():
    remarks = extract(movie()[0]).remarks
    assert any("looked for in channel 0 alone" in remark for remark in remarks)


# -- from the frames to ΔF/F ---------------------------------------------------------------------


@lru_cache(maxsize=1)
def recording():
    return recording_with_motion(n_frames=160, size=128, photons=30, seed=3)


def aligned_and_read(frames: np.ndarray) -> tuple[nza.Alignment, nza.Traces]:
    stack = recording().stack.replace(source=nza.Stack.from_array(frames).source)
    params = nza.KeypointParams(chunk_frames=40)
    alignment = nza.run(nza.register_recordings([stack], params))[0]
    settings = nza.TraceParams(dark_level=(Detector().dark_level,))
    cells = recording().cells
    middle = cells[(np.abs(cells[:, :2] - 63.5) < 60).all(axis=1)]
    return alignment, nza.run(nza.extract_traces(stack, middle, alignment, settings))


SPOILT = {
    "gated": (slice(40, 71), 0.0, 0.0),
    "gated for most of a frame": (slice(0, 90), 0.0, 0.0),
    "struck": (slice(40, 71), 1.0, 1500.0),
    "struck by strong light": (slice(40, 71), 1.0, 20_000.0),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILT)
@pytest.mark.thorough
def test_dff_of_a_spoilt_recording_is_that_of_a_clean_one(name):
    rows, kept, added = SPOILT[name]
    rng, hit = np.random.default_rng(2), slice(100, 111)
    frames = recording().stack.read(0, 160)[:, 0]
    _, clean = aligned_and_read(frames)
    spoilt = frames.astype(float)
    part = spoilt[hit, rows]
    part[:] = 100 + kept * (part - 100) + 40 * rng.poisson(added / 40, part.shape)
    alignment, traces = aligned_and_read(np.clip(spoilt, 0, 65535).astype(np.uint16))
    for t in range(*hit.indices(160)):
        found = left_out(rows_of_frames(alignment.artefact_rows, t, t + 1), 128)
        assert found[rows].all()
        assert found.sum() <= rows.stop - rows.start + 2
    noise = np.nanstd(np.diff(clean.dff, axis=2)) / np.sqrt(2)
    known = np.isfinite(traces.dff) & np.isfinite(clean.dff)
    assert np.abs(traces.dff - clean.dff)[known].max() < 1.5 * noise
    lost = np.isfinite(clean.dff) & ~known
    assert lost.any()
    assert not lost[..., : hit.start].any()
    assert not lost[..., hit.stop :].any()
