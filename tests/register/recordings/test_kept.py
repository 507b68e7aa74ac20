"""What a run of recordings keeps in a journal, and when it is used again."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
import tifffile
from scenes import PARAMS, drift, session_stacks, similarity

import napari_zstack_align as nza
from napari_zstack_align.errors import RunStopped
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.recordings import (
    correct,
    driving,
    kept_chunks,
    kept_frames,
    residual,
    session,
    state,
)
from napari_zstack_align.saved import WatchedFrames, journal_folder

WORK = {
    "windows": (kept_frames, "measure_window"),
    "means": (kept_frames, "averaging"),
    "matches": (kept_chunks, "match_chunk"),
    "second chances": (kept_chunks, "rescue"),
    "refinements": (kept_chunks, "refine_chunk"),
    "comparisons": (kept_chunks, "chunk_correlations"),
    "learning": (kept_chunks.FrameFollower, "learn"),
    "single frames": (kept_chunks.FrameFollower, "follow"),
}
FOLLOWING = PARAMS.replace(residual="translation")


def numbers(alignments):
    """All numbers of a session."""
    return [
        part
        for each in alignments
        for part in (
            *(link.matrices.tobytes() for link in each.transforms.links),
            each.quality.tobytes(),
            each.chunks.tobytes(),
            each.reference.tobytes(),
        )
    ]


@dataclass
class Runs:
    """Runs with a journal, whose work is counted."""

    folder: object
    monkeypatch: pytest.MonkeyPatch
    work: Counter = field(default_factory=Counter)

    def __post_init__(self):
        for name, (owner, function) in WORK.items():
            self._count(name, owner, function)

    def _count(self, name, owner, function):
        original = getattr(owner, function)

        def counted(*args, **kwargs):
            self.work[name] += 1
            return original(*args, **kwargs)

        self.monkeypatch.setattr(owner, function, counted)

    def write(self, name, stack):
        path = self.folder / f"{name}.tif"
        frames = stack.read(0, stack.n_frames)[:, 0] if isinstance(stack, nza.Stack) else stack
        tifffile.imwrite(path, frames, photometric="minisblack")
        return path

    def run(self, paths, params=FOLLOWING, target="larva", threads=2, **options):
        """Register, and return the numbers and the kinds of work that were done."""
        self.work.clear()
        stacks = [nza.open_stack(path) for path in paths]
        journal = None if target is None else self.folder / target
        job = nza.register_recordings(stacks, params, threads=threads, journal=journal, **options)
        return numbers(nza.run(job)), dict(self.work)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    return Runs(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def two(scene):
    """Two recordings, one with a jump within a chunk."""
    jumping = drift(45)
    jumping[25:] = jumping[25:] @ similarity(6, -5)
    return [session_stacks(scene)[0], scene.recording(jumping, seed=7)]


@pytest.fixture
def paths(runs, two):
    return [runs.write(f"rec{i}", stack) for i, stack in enumerate(two)]


@pytest.fixture(scope="module")
def finished(two, tmp_path_factory):
    """The files of the two recordings, and the journal of a finished run."""
    with pytest.MonkeyPatch.context() as patch:
        runs = Runs(tmp_path_factory.mktemp("finished"), patch)
        paths = [runs.write(f"rec{i}", stack) for i, stack in enumerate(two)]
        runs.run(paths)
    return paths, journal_folder(runs.folder / "larva")


@pytest.mark.slow
@pytest.mark.thorough
def test_a_finished_run_is_found_again_for_any_number_of_threads(runs, paths):
    alone, _ = runs.run(paths, target=None)
    first, work = runs.run(paths)
    assert first == alone
    assert set(work) == set(WORK)  # means: the reference was chosen by them
    for threads in (1, 3):
        again, work = runs.run(paths, threads=threads)
        assert again == alone
        assert work == {}


@pytest.mark.thorough
@pytest.mark.slow
def test_how_much_is_in_work_at_once_changes_no_bit(runs, paths, monkeypatch):
    """But the windows of the first reading, whose frames are compared with their own mean."""
    whole, _ = runs.run(paths[1:], target=None)
    for module, name, value in [
        (driving, "BLOCK_BYTES", 1),
        (correct, "AHEAD", 1),
        (correct, "FOLLOWED_AT_ONCE", 4),
        (session, "FOLLOWED_AT_ONCE", 4),
        (residual, "REMEMBERED", 1),
        (state, "MAPS_AT_ONCE", 3),
    ]:
        monkeypatch.setattr(module, name, value)
    assert runs.run(paths[1:], target=None)[0] == whole


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "touched"),
    [
        ({"residual": "none"}, set()),
        ({"residual": "spline"}, {"learning", "single frames"}),
        ({"passes": 1}, {"comparisons", "single frames"}),
        ({"match_ratio": 0.61}, {"matches", "second chances"}),
        ({"max_rotation_deg": 14.0}, {"matches", "second chances", "refinements"}),
        ({"max_shift_px": 41.0}, set(WORK) - {"means", "comparisons"}),
        ({"outlier_mad": 7.0}, set()),
        ({"channel_weights": (2.0,)}, {"windows", "means"}),  # of one channel, the same images
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_changed_parameter_computes_anew_only_what_it_touches(runs, finished, changed, touched):
    paths, journal = finished
    shutil.copytree(journal, journal_folder(runs.folder / "larva"))
    params = FOLLOWING.replace(**changed)
    if params.residual == "spline":
        runs.run(paths, FOLLOWING.replace(residual="none"))
    stacks = [nza.open_stack(path) for path in paths]
    alone = nza.run(nza.register_recordings(stacks, params))
    runs.work.clear()
    again = nza.run(nza.register_recordings(stacks, params, journal=runs.folder / "larva"))
    # What only other numbers would touch isn't done again where these come out the same.
    again_perhaps = {"comparisons", "learning", "single frames", "refinements"}
    assert set(runs.work) <= touched | again_perhaps
    assert touched <= set(runs.work)
    assert [each.quality.tobytes() for each in again] == [e.quality.tobytes() for e in alone]


@pytest.mark.thorough
@pytest.mark.slow
def test_a_changed_frame_computes_anew_only_what_it_touches(runs, paths):
    runs.run(paths)
    frames = tifffile.imread(paths[1])
    frames[2, 40:44, 40:44] += 3
    runs.write("rec1", frames)
    alone, _ = runs.run(paths, target=None)
    again, work = runs.run(paths)
    assert again == alone
    assert work["windows"] == 1
    assert work["matches"] <= 2


@pytest.mark.thorough
@pytest.mark.slow
def test_a_copy_of_the_files_is_no_change(runs, paths):
    before, _ = runs.run(paths)
    for path in paths:
        runs.write(path.stem, tifffile.imread(path))
    again, work = runs.run(paths)
    assert again == before
    assert work == {}


@pytest.mark.slow
@pytest.mark.thorough
def test_copies_under_other_names_are_no_change(runs, paths):
    before, _ = runs.run(paths)
    copies = [runs.write(f"copy{i}", tifffile.imread(path)) for i, path in enumerate(paths)]
    for path in paths:
        path.unlink()
    again, work = runs.run(copies)
    assert again == before
    assert work == {}


@pytest.mark.slow
@pytest.mark.thorough
def test_another_recording_leaves_the_work_on_the_others(runs, paths, scene):
    runs.run(paths, reference=scene.counts)
    more = [*paths, runs.write("rec2", session_stacks(scene)[2])]
    alone, whole = runs.run(more, target=None, reference=scene.counts)
    again, work = runs.run(more, reference=scene.counts)
    assert again == alone
    assert work["windows"] == 3
    assert all(work[name] < whole[name] / 2 for name in work)


@pytest.mark.slow
@pytest.mark.thorough
def test_recordings_of_one_name_keep_their_work_in_any_order(runs, two, scene):
    """Also where files share size and time: no frame of one is taken for another's."""
    paths = []
    for folder, stack in zip("AB", two, strict=True):
        (runs.folder / folder).mkdir()
        paths.append(runs.write(f"{folder}/rec", stack.read(0, 40)[:, 0]))
        os.utime(paths[-1], ns=(10**18, 10**18))
    runs.run(paths, reference=scene.counts)
    for order in (paths[::-1], paths[1:], paths):
        alone, _ = runs.run(order, target=None, reference=scene.counts)
        again, work = runs.run(order, reference=scene.counts)
        assert again == alone
        assert "windows" not in work


class Countable:
    """Frames that take a while, and count how many were read."""

    def __init__(self, source, seconds=0.0):
        self._source, self._seconds = source, seconds
        self.shape, self.dtype, self.n_read = source.shape, source.dtype, 0

    def read(self, start, stop):
        time.sleep(self._seconds * (stop - start))
        self.n_read += stop - start
        return self._source.read(start, stop)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_closed_run_reads_no_more_than_a_frame_in_each_thread(scene, threads):
    stack = scene.recording(drift(60))
    source = Countable(stack.source, 0.02)
    job = nza.register_recordings(
        [stack.replace(source=source)], PARAMS, reference=scene.counts, threads=threads
    )
    for _ in job:
        if source.n_read > 20:
            break
    before = source.n_read
    job.close()
    assert source.n_read <= before + 5 * threads  # as many as come in 0.1 s
    time.sleep(0.2)
    assert source.n_read <= before + 5 * threads


def test_a_run_that_waits_for_frames_yields_meanwhile(scene):
    stack = scene.recording(drift(40))
    source = Countable(stack.source, 0.1)
    begun = time.monotonic()
    job = nza.register_recordings([stack.replace(source=source)], PARAMS, threads=1)
    for _, _ in zip(range(6), job, strict=False):
        pass
    job.close()
    assert source.n_read < 2 * (time.monotonic() - begun) / 0.1
    assert source.n_read < 20


@pytest.mark.thorough
def test_one_bad_frame_of_a_block_is_one_bad_frame(scene):
    stack = scene.recording(drift(60))

    class Broken(Countable):
        def read(self, start, stop):
            if start <= 33 < stop:
                raise OSError(5, "Input/output error")
            return super().read(start, stop)

    broken = stack.replace(source=Broken(stack.source))
    (alignment,) = nza.run(nza.register_recordings([broken], PARAMS))
    assert np.flatnonzero(alignment.quality["flag"] == Flag.UNREADABLE).tolist() == [33]
    assert not alignment.complete
    assert (alignment.frame_digests.digests != 0).sum() == 59
    frames = WatchedFrames(broken)
    with pytest.raises(OSError, match="Input/output"):
        frames.stack.read(30, 40)
    assert not frames.failed.any()
    with pytest.raises(OSError, match="Input/output"):
        frames.stack.read(33, 34)
    frames.stack.read(34, 40)
    assert np.flatnonzero(frames.failed).tolist() == [33]


@pytest.mark.slow
@pytest.mark.thorough
def test_what_was_finished_is_kept_when_a_file_goes(runs, paths, monkeypatch):
    measure, seen = kept_frames.measure_window, []

    def measured(*args):
        seen.append(1)
        if len(seen) == 6:
            paths[1].rename(paths[1].with_suffix(".away"))
        return measure(*args)

    with monkeypatch.context() as patch:
        patch.setattr(kept_frames, "measure_window", measured)
        with pytest.raises(RunStopped, match=r"rec1.tif is gone"):
            runs.run(paths, threads=1)
    assert len(list(journal_folder(runs.folder / "larva").glob("*motion*"))) == 5
    paths[1].with_suffix(".away").rename(paths[1])
    alone, _ = runs.run(paths, target=None)
    again, work = runs.run(paths)
    assert again == alone
    assert work["windows"] == 8 - 5
