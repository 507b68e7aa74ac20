"""The search as a job: threads, progress, cancel, snapshots, frames that can't be read."""

from __future__ import annotations

import numpy as np
import pytest
from tissue import SHAPE, drift, estimate, record, volume

import napari_zstack_align as nza
from napari_zstack_align.flags import Fault, Flag, fault_of
from napari_zstack_align.zshift import estimate as module

PARAMS = nza.ZShiftParams(patch_px=48)


class Counting:
    """Frames that count how often they are read; one may be unreadable."""

    def __init__(self, frames: np.ndarray, bad: int | None = None) -> None:
        self._frames, self._bad = frames[:, np.newaxis], bad
        self.shape, self.dtype = self._frames.shape, self._frames.dtype
        self.reads = np.zeros(len(frames), int)

    def read(self, start: int, stop: int) -> np.ndarray:
        if self._bad is not None and start <= self._bad < stop:
            raise OSError("the disk is broken")
        self.reads[start:stop] += 1
        return self._frames[start:stop]


@pytest.mark.slow
def test_threads_don_t_matter_and_frames_are_read_once() -> None:
    """But for those looked at before: up to 128 for several images, 24 for a swapped reference."""
    frames = np.tile(record(drift(40)), (4, 1, 1))
    sources = [Counting(frames), Counting(frames)]
    one, two = (
        estimate(nza.Stack(source), threads=threads)
        for source, threads in zip(sources, (1, 2), strict=True)
    )
    for name in ("z", "patch_z", "raw_patch_z", "patch_confidence", "lateral"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    for source in sources:
        assert set(source.reads) <= {1, 2, 3}
        assert len(frames) < source.reads.sum() <= len(frames) + 128 + 24


def test_a_frame_that_can_t_be_read_is_flagged() -> None:
    depths = drift()
    zshift = estimate(nza.Stack(Counting(record(depths), bad=7)))
    assert fault_of(zshift.quality[7]) == Fault(Flag.UNREADABLE, "unreadable: the disk is broken")
    assert zshift.confidence[7] == 0
    np.testing.assert_allclose(zshift.z, depths, atol=0.15)


def test_snapshots_and_cancel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_S", 0.0)
    monkeypatch.setattr(module, "SNAPSHOT_SHARE", 0.0)
    stack = nza.Stack.from_array(np.tile(record(drift()), (10, 1, 1)))
    job = nza.estimate_zshift(stack, volume(), PARAMS, threads=1)
    partial = next(step.partial for step in job if step.partial is not None)
    job.close()
    assert not partial.complete
    not_run = partial.flags == "not run"
    assert 0 < not_run.sum() < len(not_run)
    assert np.isnan(partial.z[not_run]).all()
    assert np.isfinite(partial.z[~not_run]).all()
    assert np.isnan(partial.simulate()[-1].compute()).all()


@pytest.mark.thorough
def test_interrupted_runs_keep_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SNAPSHOT_S", 0.0)
    stack = nza.Stack.from_array(np.tile(record(drift()), (10, 1, 1)))

    def stop(progress: nza.Progress) -> None:
        if progress.partial is not None:
            raise KeyboardInterrupt

    with pytest.raises(nza.Cancelled) as caught:
        nza.run(nza.estimate_zshift(stack, volume(), PARAMS, threads=1), stop)
    assert isinstance(caught.value.partial, nza.ZShift)


def test_progress_rises_to_its_total() -> None:
    steps: list[nza.Progress] = []
    stack = nza.Stack.from_array(record(drift()))
    nza.run(nza.estimate_zshift(stack, volume(), PARAMS), steps.append)
    stages = list(dict.fromkeys(step.stage for step in steps))
    assert stages == [
        "Comparing frames",
        "Comparing layouts",
        "Reading the reference",
        "Comparing its slices",
        "Finding frames in the reference",
        "Smoothing",
    ]
    located = [step for step in steps if step.stage == stages[4]]
    assert located[-1].done == located[-1].total == 32


def test_a_channel_is_compared() -> None:
    depths = drift(12)
    other = np.zeros((12, *SHAPE), np.uint16)
    stack = nza.Stack.from_array(np.stack([other, record(depths)], axis=1), "TCYX")
    zshift = estimate(stack, params=PARAMS.replace(channel=1))
    np.testing.assert_allclose(zshift.z, depths, atol=0.15)
    assert (estimate(stack).flags == "blank").all()
