"""Runs with a journal that are killed go on, to the same bits; each kind of run is one case.

``benchmarks/kills.py`` kills whole commands at random moments.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from killing import killed_at, stride

import napari_zstack_align as nza
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats
from napari_zstack_align.saved import journal_folder

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL"),
]


@dataclass(frozen=True)
class Run:
    """A kind of run.

    Attributes
    ----------
    frames : numpy.ndarray
        (T, Y, X) its raw frames.
    start : callable
        Makes the job of a raw file and of the name of the result, or None for no journal.
    every : int
        How far the moments lie apart at which it is usually killed.
    """

    frames: Callable[[], np.ndarray]
    start: Callable[[Path, Path | None], Any]
    every: int


def _zstack() -> np.ndarray:
    sample = zstack_with_repeats(n_slices=3, n_repeats=3, size=64, photons=60, seed=2)
    return sample.stack.read(0, 9)[:, 0]


def _adaptive(strategy: str, dropped: str | None = None) -> Callable[[Path, Path | None], Any]:
    def start(raw: Path, target: Path | None) -> Any:
        stack = nza.open_stack(raw, frames_per_slice=3, drop_frames=dropped)
        params = nza.AdaptiveParams(strategy=strategy)
        return nza.align_adaptive(stack, params, threads=2, journal=target)

    return start


def _recording() -> np.ndarray:
    sample = recording_with_motion(n_frames=24, size=96, photons=60, seed=4)
    return sample.stack.read(0, 24)[:, 0]


def _keypoints(raw: Path, target: Path | None) -> Any:
    again = raw.with_name("again.tif")
    if not again.exists():
        shutil.copy(raw, again)
    stacks = [nza.open_stack(raw, drop_frames="5, 17"), nza.open_stack(again)]
    params = nza.KeypointParams(chunk_frames=12, residual="translation")
    return nza.register_recordings(stacks, params, threads=2, journal=target)


RUNS = {
    "two_stage": Run(_zstack, _adaptive("two_stage"), every=9),
    "direct": Run(_zstack, _adaptive("direct", dropped="0, 4"), every=9),
}
RUNS["keypoints"] = Run(_recording, _keypoints, every=31)


def numbers(result: Any) -> list[bytes]:
    """All numbers of a result (an Alignment, or several)."""
    if isinstance(result, list):
        return [part for each in result for part in numbers(each)]
    tables = [result.quality, result.reference, result.chunks, result.frame_digests.digests]
    links = [getattr(link, "coefficients", None) for link in result.transforms.links]
    links += [getattr(link, "matrices", None) for link in result.transforms.links]
    return [each.tobytes() for each in (*tables, *links) if each is not None]


@pytest.mark.parametrize("name", RUNS)
def test_killed_after_every_operation_on_a_file_it_goes_on(name, tmp_path):
    """Finished units stay as they are, what was being written goes, the result is the same."""
    run, raw, target = RUNS[name], tmp_path / "larva.tif", tmp_path / "larva.zalign"
    tifffile.imwrite(raw, run.frames(), photometric="minisblack")
    whole = numbers(nza.run(run.start(raw, None)))
    folder, moment = journal_folder(target), 1
    while killed_at(moment, folder, lambda: nza.run(run.start(raw, target))):
        kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.unit")}
        assert numbers(nza.run(run.start(raw, target))) == whole
        assert kept == {path: path.stat().st_mtime_ns for path in kept}
        assert not list(folder.glob(".*.part"))
        assert not list(folder.glob(".lock*"))
        shutil.rmtree(folder)
        moment += stride(run.every)
    n_units = len(list(folder.glob("*.unit")))
    assert moment > 2 * n_units
