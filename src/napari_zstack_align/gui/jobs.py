"""Jobs that only the GUI needs; they run in its worker, without touching a widget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.readable import read_each
from napari_zstack_align.alignment.storage import load_alignment
from napari_zstack_align.flags import Flag
from napari_zstack_align.gui.lazy import GrowingVolume
from napari_zstack_align.progress import Job, Progress, mapped
from napari_zstack_align.read import open_stack
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.grey import contrast_of

Limits = tuple[float, float]

SAMPLED_FRAMES = 9
PERCENTILES = (0.5, 99.8)


def load_stack(paths: Path | Sequence[Path], **said: Any) -> Job[tuple[Stack, list[Limits]]]:
    """Open files as one stack, as it is ``said``, and sample its contrast."""
    yield Progress("Opening", 0, 1)
    stack = open_stack(paths, **said)
    return (yield from stack_with_contrast(stack))


def sample_contrast(stack: Stack) -> Job[list[Limits]]:
    """Contrast limits of each channel from a few frames, so that napari needn't read them all."""
    n_sampled = min(stack.n_frames, SAMPLED_FRAMES)
    chosen = np.linspace(0, stack.n_frames - 1, n_sampled).round().astype(int)
    frames = []
    for done, t in enumerate(chosen):
        yield Progress("Sampling contrast", done, n_sampled)
        frames += [
            frame[:, ::2, ::2]
            for frame, _ in read_each(stack, int(t), int(t) + 1)
            if frame is not None
        ]
    if not frames:  # what is the matter with one is said
        stack.read(int(chosen[0]), int(chosen[0]) + 1)
    sampled = np.stack(frames)
    return [limits(sampled[:, channel]) for channel in range(stack.shape[1])]


def limits(values: np.ndarray, percentiles: Limits = PERCENTILES) -> Limits:
    """Contrast limits of some pixels; NaN doesn't count, and they always differ."""
    return contrast_of(values, percentiles)


def open_alignment(folder: Path, stack: Stack | None) -> Job[tuple[Alignment, list[Limits]]]:
    """Load an alignment and sample the contrast; its frames are ``stack`` if their file is gone."""
    yield Progress("Loading", 0, 1)
    alignment = load_alignment(folder)
    if isinstance(alignment.stack.source, MissingSource) and stack is not None:
        alignment = load_alignment(folder, stack)
    return (yield from with_contrast(alignment))


def with_contrast(alignment: Alignment) -> Job[tuple[Alignment, list[Limits]]]:
    """Sample the contrast of an alignment's frames."""
    return alignment, (yield from sample_contrast(alignment.stack))


def stack_with_contrast(stack: Stack) -> Job[tuple[Stack, list[Limits]]]:
    """Sample the contrast of a stack."""
    return stack, (yield from sample_contrast(stack))


def save_alignment(alignment: Alignment, folder: Path) -> Job[Path]:
    """Save in the worker: a big table takes a moment."""
    yield Progress("Saving", 0, 1)
    return alignment.save(folder)


def aligning(start: Callable[[], Job[Alignment]], volumes: list[GrowingVolume]) -> Job[Alignment]:
    """Run a registration, and fill the volumes with every slice that it finishes."""
    filled: set[int] = set()

    def filled_up(progress: Progress) -> Progress:
        if progress.partial is not None:
            fill(progress.partial, volumes, filled)
        return progress

    alignment = yield from mapped(start(), filled_up)
    yield from filling(alignment, volumes)
    return alignment


def filling(alignment: Alignment, volumes: list[GrowingVolume]) -> Job[Alignment]:
    """Compute all finished slices of the volumes, slice by slice."""
    slices = finished_slices(alignment)
    for done, z in enumerate(slices):
        yield Progress("Averaging slices", done, len(slices))
        put_slice(alignment, volumes, z)
    return alignment


def fill(alignment: Alignment, volumes: list[GrowingVolume], filled: set[int]) -> None:
    """Compute the slices that became finished since the last call."""
    for z in finished_slices(alignment):
        if z not in filled:
            put_slice(alignment, volumes, z)
            filled.add(z)


def put_slice(alignment: Alignment, volumes: list[GrowingVolume], z: int) -> None:
    """Compute one slice of every channel."""
    for channel, volume in enumerate(volumes):
        mean = alignment.volume_slice(z, channel)
        volume.put(z, mean, _again(alignment, z, channel))


def finished_slices(alignment: Alignment) -> list[int]:
    """Slices of which every frame was run."""
    waiting = alignment.quality["flag"] == Flag.NOT_RUN
    open_slices = set(alignment.quality["slice"][waiting].tolist())
    return [z for z in range(alignment.stack.n_slices) if z not in open_slices]


def _again(alignment: Alignment, z: int, channel: int) -> Callable[[], Any]:
    return lambda: alignment.volume_slice(z, channel)
