"""Chunks that are too long for the drift are told, with the length that fits."""

from dataclasses import replace

import numpy as np
import pytest
from scenes import PARAMS, similarity

import napari_zstack_align as nza
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.register.recordings import fast_drift
from napari_zstack_align.register.recordings.fast_drift import (
    speeds,
    with_fast_drift_told,
    with_lone_drift_told,
)


def moving(recording, px_a_frame, chunk_frames):
    """Alignment of four matched chunks under drift."""
    chunks = empty_chunks(4)
    chunks["start"] = chunk_frames * np.arange(4)
    chunks["stop"] = chunks["start"] + chunk_frames
    chunks["midpoint"] = chunks["start"] + (chunk_frames - 1) / 2
    chunks["matrix"][:, 1, 2] = px_a_frame * chunks["midpoint"]
    return replace(recording, chunks=chunks)


def said(alignment):
    return [each for each in alignment.remarks if "shorter chunks" in each.lower()]


def test_drift_that_smears_a_chunk_is_said_with_a_length_that_does_not(recording):
    (remark,) = said(with_fast_drift_told(moving(recording, 0.8, 20)))
    assert remark.is_warning
    assert ", a chunk, move by 16 px" in remark
    assert "chunk_frames 6 instead of 20" in remark
    (remark,) = said(with_fast_drift_told(moving(recording, 2.0, 20)))
    assert "chunk_frames 5 instead of 20" in remark


@pytest.mark.parametrize(("px_a_frame", "chunk_frames"), [(0.8, 6), (0.5, 20)])
def test_slower_drift_and_shorter_chunks_are_not(recording, px_a_frame, chunk_frames):
    alignment = moving(recording, px_a_frame, chunk_frames)
    assert with_fast_drift_told(alignment) is alignment


def test_a_run_looks_for_it(scene, monkeypatch):
    monkeypatch.setattr(fast_drift, "MOST_PX", 2.0)
    drifting = np.array([similarity(0, 0.3 * t) for t in range(40)])
    job = nza.register_recordings([scene.recording(drifting)], PARAMS, reference=scene.counts)
    assert "move by 3 px" in nza.run(job)[0].summary()


def test_a_jump_between_chunks_or_an_unmatched_one_is_no_drift(recording):
    chunks = np.concatenate([recording.chunks] * 2)
    chunks["matrix"] = np.eye(3)
    chunks["matrix"][2:, 1, 2] = 40
    chunks["midpoint"], chunks["segment"] = np.arange(4) * 20 + 9.5, (0, 0, 1, 1)
    assert np.nanmax(speeds(chunks, (96, 112))) == 0
    chunks["segment"] = 0
    assert np.nanmax(speeds(chunks, (96, 112))) == 2
    chunks["flag"][2] = "bridged"
    assert np.nanmax(speeds(chunks, (96, 112))) == 0


def test_drift_within_a_chunk_that_stands_alone_is_said(recording):
    chunks = empty_chunks(1)
    chunks["start"], chunks["stop"] = 0, 90
    alone = replace(recording, chunks=chunks)
    shift = np.stack([np.linspace(0, 9, 90), np.full(90, 2.0)], 1)
    shift[5] = np.nan
    (remark,) = said(with_lone_drift_told(alone, shift, [(0, 90)]))
    assert remark.is_warning
    assert "last third lies 6.1 px from that of the first" in remark
    assert with_lone_drift_told(alone, shift / 3, [(0, 90)]) is alone
    two = with_lone_drift_told(alone, shift, [(0, 180)])
    assert two is alone  # other chunks of the same stretch show the drift
