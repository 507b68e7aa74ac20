"""An extraction with a journal goes on from where it was stopped, to the same bits."""

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
from napari_zstack_align.cells.traces import derive, extraction, window
from napari_zstack_align.flags import Flag
from napari_zstack_align.saved import Journal, journal_folder

N_FRAMES, WINDOW = 70, 10
ROIS = [[10.0, 12.0, 3.0], [22.5, 20.25, 4.0], [30.0, 8.5, 2.5]]
ENDS = {0, N_FRAMES // 2, N_FRAMES - 1}
"""Frames that are read again for the fingerprint of the recording."""


class Source:
    """Frames that note which of them are read; some can't be, and something may happen at one."""

    def __init__(self, frames, broken=(), at=-1, action=None):
        self.frames, self.broken, self.at, self.action = frames, set(broken), at, action
        self.shape, self.dtype = frames.shape, frames.dtype
        self.reads = []

    def read(self, start, stop):
        if self.at in range(start, stop):
            self.action()
        if self.broken & set(range(start, stop)):
            raise OSError("disk on fire")
        self.reads += range(start, stop)
        return self.frames[start:stop]


@pytest.fixture(autouse=True)
def short_windows(monkeypatch):
    monkeypatch.setattr(window, "MOST_FRAMES", WINDOW)


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(3)
    return rng.normal(500, 30, (N_FRAMES, 2, 40, 44)).astype(np.float32)


@pytest.fixture(scope="module")
def link():
    rng = np.random.default_rng(4)
    matrices = np.tile(np.eye(3), (N_FRAMES, 1, 1))
    matrices[:, :2, 2] = rng.normal(0, 1.5, (N_FRAMES, 2))
    return AffineLink(matrices)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "larva_traces"


def start(source, target, link=None, threads=2, rois=ROIS, **params):
    stack = nza.Stack(source)
    alignment = None if link is None else alignment_of(stack, link)
    params = nza.TraceParams(neuropil_width_um=5, **params)
    return nza.extract_traces(stack, rois, alignment, params, threads=threads, journal=target)


def stopped_after(job, n_frames):
    """Close a job once so many frames are done."""
    for step in job:
        if step.stage == "Reading traces" and step.done >= n_frames:
            break
    job.close()


def bits(traces):
    arrays = (traces.F, traces.Fneu, traces.corrected, traces.dff, traces.motion_explained)
    return [each.tobytes() for each in (*arrays, traces.frames, traces.dark.values)]


@pytest.mark.parametrize("threads", [(1, 3), (3, 1)])
def test_it_goes_on_to_the_same_bits(frames, link, target, threads):
    """A sample for the dark level is a sum of floats: it has to be in the same order."""
    whole = bits(nza.run(start(Source(frames), None, link, threads=1)))
    stopped_after(start(Source(frames), target, link, threads=threads[0]), 30)
    kept = len(list(journal_folder(target).glob("*.unit")))
    assert kept >= 3
    source, notes = Source(frames), []
    traces = nza.run(
        start(source, target, link, threads=threads[1]), lambda step: notes.append(step.note)
    )
    assert bits(traces) == whole
    said = f"Going on with larva_traces.unfinished: {kept * WINDOW} of {N_FRAMES} frames were"
    assert [note for note in notes if note] == [f"{said} finished."]
    assert traces.save(target) == target
    assert not journal_folder(target).exists()
    assert bits(nza.load_traces(target)) == whole


def test_dropped_frames_stay_dropped_where_it_goes_on(frames, target):
    def dropped(journal):
        stack = nza.Stack(Source(frames)).without({3, 44})
        params = nza.TraceParams(neuropil_width_um=5)
        return nza.extract_traces(stack, ROIS, None, params, threads=2, journal=journal)

    whole = nza.run(dropped(None))
    stopped_after(dropped(target), 30)
    on = nza.run(dropped(target))
    assert bits(on) == bits(whole)
    assert np.flatnonzero(on.flags == Flag.DROPPED).tolist() == [3, 44]
    assert on.complete


def test_how_much_is_in_work_at_once_changes_no_bit(frames, link, target, monkeypatch):
    whole = bits(nza.run(start(Source(frames), None, link)))
    stopped_after(start(Source(frames), target, link), 30)
    for module, name, value in [
        (window, "MOST_FRAMES", 7),
        (stack_module, "CHUNK_BYTES", 1),
        (derive, "FRAMES_AT_ONCE", 9),
        (extraction, "ROIS_AT_ONCE", 2),
    ]:
        monkeypatch.setattr(module, name, value)
    assert bits(nza.run(start(Source(frames), None, link))) == whole
    assert bits(nza.run(start(Source(frames), target, link))) == whole


def test_what_is_kept_is_not_read_again(frames, target, tmp_path):
    """Of an array, whose file nobody knows, digests are compared; of files, size and time."""
    path = tmp_path / "larva.tif"
    tifffile.imwrite(path, frames[:, 0], photometric="minisblack")
    nza.run(start(Source(frames), tmp_path / "array"))
    source = Source(frames)
    nza.run(start(source, tmp_path / "array"))
    assert max(source.reads.count(t) for t in range(N_FRAMES) if t not in ENDS) == 1

    stack = nza.open_stack(path)
    nza.run(nza.extract_traces(stack, ROIS, journal=target))
    source = Source(frames[:, :1])
    again = replace(stack, source=source)
    nza.run(nza.extract_traces(again, ROIS, journal=target))
    assert set(source.reads) == ENDS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "read"),
    [
        ({"baseline_percentile": 20, "noise_floor": 2, "neuropil_factor": 0.5}, set()),
        ({"accept_estimate": True}, set()),
        ({"dark_level": (3.0,)}, set()),
        ({"dark_frames": (5, 9)}, {5, 6, 7, 8}),
        ({"neuropil_gap_px": 3.0}, set(range(N_FRAMES))),
    ],
    ids=["baseline", "estimate", "dark level", "dark frames", "ring"],
)
def test_a_parameter_reads_anew_what_it_touches(frames, target, tmp_path, params, read):
    path = tmp_path / "larva.tif"
    tifffile.imwrite(path, frames[:, 0], photometric="minisblack")
    stack = nza.open_stack(path)
    nza.run(nza.extract_traces(stack, ROIS, journal=target))
    source = Source(frames[:, :1])
    changed, again = nza.TraceParams(**params), replace(stack, source=source)
    traces = nza.run(nza.extract_traces(again, ROIS, None, changed, journal=target))
    assert set(source.reads) - ENDS == read - ENDS
    assert bits(traces) == bits(nza.run(nza.extract_traces(stack, ROIS, None, changed)))


def test_a_transform_or_a_frame_reads_its_window_anew(frames, link, target, tmp_path):
    path = tmp_path / "larva.tif"
    tifffile.imwrite(path, frames[:, 0], photometric="minisblack")

    def run(link, journal, rois=ROIS):
        stack = nza.open_stack(path)
        source = Source(stack.read(0, N_FRAMES))
        stack = replace(stack, source=source)
        job = nza.extract_traces(stack, rois, alignment_of(stack, link), journal=journal)
        return bits(nza.run(job)), set(source.reads) - ENDS

    run(link, target)
    moved = AffineLink(link.matrices.copy())
    moved.matrices[23, 0, 2] += 0.5
    found, read = run(moved, target)
    assert found == run(moved, None)[0]
    assert read == set(range(20, 30))

    pixels = frames[:, 0].copy()
    pixels[41, 5, 5] += 1
    tifffile.imwrite(path, pixels, photometric="minisblack")
    os.utime(path, ns=(5, 5))
    source = Source(pixels[:, np.newaxis])
    stack = replace(nza.open_stack(path), source=source)
    nza.run(nza.extract_traces(stack, ROIS, alignment_of(stack, moved), journal=target))
    assert {t for t in range(N_FRAMES) if source.reads.count(t) > 1} - ENDS <= set(range(40, 50))
    assert source.reads.count(44) == 2, "once to compare, once to measure"

    assert run(moved, target, [*ROIS, [15, 30, 3]])[1] == set(range(N_FRAMES)) - ENDS


def test_other_rois_or_another_alignment_are_another_run(frames, link, target):
    """The result of one doesn't take the journal of the other with it."""
    moved = AffineLink(link.matrices.copy())
    moved.matrices[3, 0, 2] += 0.5
    ids = [
        nza.run(start(Source(frames), target, *how)).provenance["journal"]
        for how in ((link,), (link, 1), (moved,), (None,), (None, 2, [*ROIS, [15, 30, 3]]))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 4
    first, second = (nza.run(start(Source(frames), target, each)) for each in (link, moved))
    first.save(target)
    assert journal_folder(target).exists()
    second.save(target)
    assert not journal_folder(target).exists()


def test_frames_that_cannot_be_read_are_tried_again(frames, target):
    traces = nza.run(start(Source(frames, broken=[44]), target))
    assert traces.flags[44] == Flag.UNREADABLE
    assert not traces.complete
    assert traces.n_read == N_FRAMES - 1
    assert len(list(journal_folder(target).glob("window-*.unit"))) == N_FRAMES // WINDOW - 1
    assert bits(nza.run(start(Source(frames), target))) == bits(
        nza.run(start(Source(frames), None))
    )
    assert traces.save(target) == target
    assert journal_folder(target).exists(), "it isn't complete"


def test_dark_frames_that_cannot_be_read_are_left_out(frames):
    traces = nza.run(start(Source(frames, broken=[5]), None, dark_frames=(4, 8)))
    mean = frames[[4, 6, 7]].mean(axis=(0, 2, 3), dtype=float)
    np.testing.assert_allclose(traces.dark.values, mean)
    with pytest.raises(nza.InputError, match="None of the dark_frames of stack can be read: unr"):
        nza.run(start(Source(frames, broken=[4, 5]), None, dark_frames=(4, 6)))


def test_a_raw_file_that_vanishes_stops_the_run(frames, target, tmp_path):
    path = tmp_path / "larva.tif"
    tifffile.imwrite(path, frames[:, 0], photometric="minisblack")
    stack = nza.open_stack(path)
    aside = path.with_name("aside.tif")

    def vanish():
        if path.exists():
            path.rename(aside)
        raise FileNotFoundError(2, "No such file")

    source = Source(frames[:, :1], at=42, action=vanish)
    job = nza.extract_traces(replace(stack, source=source), ROIS, threads=1, journal=target)
    with pytest.raises(nza.errors.RunStopped, match=r"larva.tif is gone"):
        nza.run(job)
    assert len(list(journal_folder(target).glob("window-*.unit"))) >= 4
    aside.rename(path)
    whole = nza.run(nza.extract_traces(nza.open_stack(path), ROIS))
    traces = nza.run(nza.extract_traces(nza.open_stack(path), ROIS, journal=target))
    assert bits(traces) == bits(whole)


@pytest.mark.parametrize("threads", [1, 3])
def test_closed_it_reads_no_frame_more_than_one_a_thread(frames, target, threads, monkeypatch):
    """As if a frame took as long as a portion may take."""
    monkeypatch.setattr("napari_zstack_align.paced.PORTION_S", 0.0)
    source = Source(frames)
    job = start(source, target, threads=threads)
    for step in job:
        if step.done:
            break
    before = len(source.reads)
    job.close()
    assert len(source.reads) - before <= threads


def test_the_recordings_of_a_session_share_a_journal(frames, target):
    stacks = [nza.Stack(Source(part), name="larva") for part in (frames[:30], frames[30:])]

    def job(journal):
        return nza.extract_session_traces(stacks, ROIS, [None, None], threads=2, journal=journal)

    whole = [bits(each) for each in nza.run(job(None))]
    for step in (stopping := job(target)):
        if step.stage == "Reading traces: larva (2 of 2)" and step.done:
            break
    stopping.close()
    with Journal(journal_folder(target), {}) as journal:
        names = journal.names()
    assert [name for name in names if name.startswith("recording-1-window")]
    assert [name for name in names if name.startswith("recording-2-window")]
    assert [bits(each) for each in nza.run(job(target))] == whole
