"""The run as it goes: progress, snapshots, cancelling, and work in any order."""

from __future__ import annotations

import tempfile
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from scenes import PARAMS, drift, errors_px, session_maps, session_stacks

import napari_zstack_align as nza
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.recordings import session as session_module
from napari_zstack_align.register.recordings.image_file import ImageFile
from napari_zstack_align.register.recordings.matchers import prepared
from napari_zstack_align.register.recordings.measure import measure_window
from napari_zstack_align.register.recordings.reading import FirstReading, first_windows
from napari_zstack_align.register.recordings.recovery import match_chunk
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.saved import journal_folder


class Slow:
    """Takes its time over every frame."""

    def __init__(self, stack: nza.Stack, seconds: float) -> None:
        self._source, self._seconds = stack.source, seconds
        self.shape, self.dtype = stack.shape, stack.dtype

    def read(self, start: int, stop: int) -> np.ndarray:
        time.sleep(self._seconds * (stop - start))
        return self._source.read(start, stop)


@pytest.fixture
def temporary_files(monkeypatch) -> list:
    """Temporary files made from now on."""
    made: list = []
    original = tempfile.TemporaryFile

    def record(*args: object, **options: object):
        made.append(original(*args, **options))
        return made[-1]

    monkeypatch.setattr(tempfile, "TemporaryFile", record)
    return made


def _workers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("align")]


@pytest.mark.slow
def test_closing_the_job_keeps_what_is_done_and_leaves_nothing_open(
    scene, monkeypatch, temporary_files
):
    monkeypatch.setattr(session_module, "SNAPSHOT_S", 0.0)
    monkeypatch.setattr(session_module, "SNAPSHOT_SHARE", 0.0)
    stacks = [replace(s, source=Slow(s, 0.005)) for s in session_stacks(scene)]
    job = nza.register_recordings(stacks, PARAMS, reference=scene.counts)
    partial = None
    for progress in job:
        partial = progress.partial or partial
        if partial and (partial[1].quality["flag"] != Flag.NOT_RUN).sum() >= 20:
            break
    job.close()
    assert not _workers()
    assert len(temporary_files) == 3
    assert all(file.closed for file in temporary_files)
    assert [a.stack for a in partial] == stacks
    first, second, third = partial
    assert first.placed.all()
    assert not first.complete, "it was not compared with the others"
    assert "The run was stopped" in first.remarks[-1]
    assert errors_px(first, session_maps()[0]).mean() < 0.3
    done = second.quality["flag"] != Flag.NOT_RUN
    assert done.any()
    assert not done.all()
    assert not done[np.flatnonzero(~done)[0] :].any()
    assert not second.quality["used"][~done].any()
    assert (third.quality["flag"] == Flag.NOT_RUN).all()
    assert not third.complete


@pytest.mark.thorough
def test_a_run_that_is_stopped_after_the_last_frame_was_read_is_not_complete(
    scene, monkeypatch, tmp_path
):
    monkeypatch.setattr(session_module, "SNAPSHOT_S", 0.0)
    monkeypatch.setattr(session_module, "SNAPSHOT_SHARE", 0.0)
    stacks = session_stacks(scene)[:2]
    job = nza.register_recordings(stacks, PARAMS, reference=scene.counts)
    taken: list[list[nza.Alignment]] = []
    finished = nza.run(job, lambda p: taken.append(p.partial) if p.partial else None)
    assert all(alignment.complete for alignment in finished)
    assert not any("stopped" in remark for a in finished for remark in a.remarks)
    assert len(taken) > 4
    assert all(any(not a.complete for a in snapshot) for snapshot in taken)
    last = taken[-1]
    assert all((a.quality["flag"] != Flag.NOT_RUN).all() for a in last)
    assert not any(a.complete for a in last)
    assert "The run was stopped" in last[0].remarks[-1]

    folder = nza.save_session(finished, tmp_path / "larva")
    beside = nza.save_session(last, folder)
    assert beside.name == "larva-partial"
    assert all(a.complete for a in nza.load(folder))
    assert not any(a.complete for a in nza.load(beside))


def test_a_finished_job_leaves_nothing_open(scene, temporary_files):
    nza.run(nza.register_recordings(session_stacks(scene)[:1], PARAMS))
    assert not _workers()
    assert temporary_files
    assert all(file.closed for file in temporary_files)


def test_a_failed_job_leaves_nothing_open(scene, temporary_files):
    stack = nza.Stack.from_array(np.random.default_rng(0).poisson(50, (20, *scene.shape)))
    with pytest.raises(nza.AlignmentError):
        nza.run(nza.register_recordings([stack], PARAMS, reference=scene.counts))
    assert not _workers()
    assert all(file.closed for file in temporary_files)


@pytest.mark.thorough
@pytest.mark.slow
def test_progress_is_told_in_words_and_snapshots_come_about_once_a_second(scene):
    stacks = [replace(s, source=Slow(s, 0.01)) for s in session_stacks(scene)]
    seen: list[nza.Progress] = []
    began = time.monotonic()
    nza.run(nza.register_recordings(stacks, PARAMS), seen.append)
    took = time.monotonic() - began
    stages = list(dict.fromkeys(p.stage for p in seen))
    assert stages[:3] == [
        "Looking for artefacts",
        "Choosing the reference",
        "Making the first reference",
    ]
    assert "Reading recording 0" in stages
    assert all(p.done <= p.total or p.total == 0 for p in seen)
    read = [p.done for p in seen if p.stage.startswith("Reading")]
    assert read == sorted(read)
    assert read[-1] == 40 + 55 + 30
    assert 1 <= sum(p.partial is not None for p in seen) <= took + 1


def test_a_flagged_chunk_is_noted_as_it_happens(scene):
    frames = scene.frames(drift(40))
    frames[10:20] = 100
    notes: list[str] = []
    stack = nza.Stack.from_array(frames, "TYX", name="mine")
    job = nza.register_recordings([stack], PARAMS, reference=scene.counts)
    nza.run(job, lambda p: notes.append(p.note) if p.note else None)
    assert "mine, chunk 1: no signal: all pixels are equal" in notes


@pytest.mark.thorough
@pytest.mark.slow
def test_snapshots_do_not_change_afterwards(scene, monkeypatch):
    monkeypatch.setattr(session_module, "SNAPSHOT_S", 0.0)
    monkeypatch.setattr(session_module, "SNAPSHOT_SHARE", 0.0)
    taken: list[tuple[nza.Alignment, bytes]] = []

    def keep(progress: nza.Progress) -> None:
        for alignment in progress.partial or []:
            taken.append((alignment, alignment.chunks.tobytes() + alignment.quality.tobytes()))

    nza.run(nza.register_recordings(session_stacks(scene)[:2], PARAMS), keep)
    assert len(taken) > 4
    assert all(a.chunks.tobytes() + a.quality.tobytes() == content for a, content in taken)


def test_the_order_in_which_chunks_are_matched_changes_nothing(scene):
    stack = scene.recording(drift(60))
    matcher = prepared(scene.counts, None, PARAMS)
    images = ImageFile(scene.shape)
    try:
        state = RecordingState(stack, 0, np.eye(3), images)
        reading = FirstReading(state, PARAMS, lambda chunk: None)
        for frames in first_windows(stack, PARAMS):
            reading.take(measure_window(stack, *frames, PARAMS))
        orders = [range(6), (5, 2, 0, 4, 1, 3)]
        found = [{c: match_chunk(state, c, matcher) for c in order} for order in orders]
    finally:
        images.close()
    assert len({match.matrix.tobytes() for match in found[0].values()}) == 6
    for chunk in range(6):
        np.testing.assert_array_equal(found[0][chunk].matrix, found[1][chunk].matrix)
        np.testing.assert_array_equal(found[0][chunk].inliers, found[1][chunk].inliers)


def test_no_temporary_folder_is_said_in_a_sentence(monkeypatch):
    from napari_zstack_align.register.recordings import image_file

    def refuse(**_):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(image_file.tempfile, "TemporaryFile", refuse)
    with pytest.raises(nza.ZstackAlignError, match="make room, or set TMPDIR"):
        image_file.ImageFile((4, 5))


def test_a_journal_goes_with_the_saved_session(scene, tmp_path):
    stacks = session_stacks(scene)[:1]
    target = tmp_path / "larva"
    done = nza.run(nza.register_recordings(stacks, PARAMS, reference=scene.counts, journal=target))
    assert journal_folder(target).is_dir()
    nza.save_session(done, target)
    assert not journal_folder(target).exists()
