"""Traces are read from the very frames that were aligned."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from slow_traces import alignment_of

import napari_zstack_align as nza
from napari_zstack_align import stack as stack_module
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.errors import RunStopped
from napari_zstack_align.saved import WatchedFrames

N_FRAMES = 20
ROIS = [[10.0, 12.0, 3.0], [22.5, 20.25, 4.0]]
CHANGED = 7
"""None of the few frames that are compared at the call."""


@pytest.fixture
def raw(tmp_path):
    path = tmp_path / "raw.tif"
    pixels = np.random.default_rng(3).integers(100, 900, (N_FRAMES, 40, 44), np.uint16)
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


@pytest.fixture
def aligned(raw, monkeypatch):
    """An alignment of frames in a file."""
    monkeypatch.setattr(stack_module, "CHUNK_BYTES", 1)
    stack = nza.open_stack(raw)
    frames = WatchedFrames(stack)
    frames.stack.read(0, N_FRAMES)
    link = AffineLink(np.tile(np.eye(3), (N_FRAMES, 1, 1)))
    return replace(alignment_of(stack, link), frame_digests=frames.seen())


def change_in_place(raw, frame=CHANGED, keeps_time=True):
    """Another pixel in a frame: the size is the same, and the time, too."""
    before = raw.stat()
    content = tifffile.memmap(raw)
    content[frame, 20, 20] ^= 255
    content.flush()
    del content
    later = 0 if keeps_time else 10**9
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns + later))


@pytest.mark.parametrize("keeps_time", [True, False])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_frame_that_was_changed_in_place_is_refused(aligned, raw, threads, keeps_time):
    change_in_place(raw, keeps_time=keeps_time)
    job = nza.extract_traces(aligned.stack, ROIS, aligned, threads=threads)
    with pytest.raises(RunStopped, match=f"^Frame {CHANGED} of raw isn't what it was"):
        nza.run(job)


def test_so_is_one_of_a_session(aligned, raw):
    change_in_place(raw)
    job = nza.extract_session_traces([aligned.stack] * 2, ROIS, [None, aligned])
    with pytest.raises(RunStopped, match=f"^Frame {CHANGED} of raw isn't what it was"):
        nza.run(job)


def test_of_a_saved_alignment_and_in_mid_run(aligned, raw, tmp_path):
    """What was kept of the run is none of these frames' any more."""
    ali = nza.load_alignment(aligned.save(tmp_path / "run.zalign"))
    change_in_place(raw)
    out = tmp_path / "cells_traces"
    with pytest.raises(RunStopped, match=f"^Frame {CHANGED} of raw isn't what it was"):
        nza.run(nza.extract_traces(ali.stack, ROIS, ali, journal=out))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("cells")]


def test_frames_as_they_were_are_read(aligned, raw):
    touched = raw.stat()
    os.utime(raw, ns=(touched.st_atime_ns, touched.st_mtime_ns + 10**9))
    traces = nza.run(nza.extract_traces(aligned.stack, ROIS, aligned))
    assert np.isfinite(traces.F).all()


def test_others_are_read_where_that_is_asked_for(aligned, raw, tmp_path):
    change_in_place(raw)
    asked = nza.extract_traces(aligned.stack, ROIS, aligned, check_frames=False)
    assert np.isfinite(nza.run(asked).F).all()
    filtered = tmp_path / "filtered.tif"
    tifffile.imwrite(filtered, tifffile.imread(raw) + 1, photometric="minisblack")
    other = aligned.with_stack(nza.open_stack(filtered), check_frames=False)
    assert np.isfinite(nza.run(nza.extract_traces(other.stack, ROIS, other)).F).all()
