"""Jobs that save, open and export a session, and carry its transforms elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.apply import apply_transforms
from napari_zstack_align.alignment.checks import check_raw_files_stay
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.same_frames import holds_frames_of
from napari_zstack_align.alignment.session import load_saved, save_session
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.jobs import Limits, limits, sample_contrast
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import started_at
from napari_zstack_align.register import recordings as engine
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.export import IMAGES, export_session
from napari_zstack_align.write.several import destinations_of
from napari_zstack_align.write.transforms import read_transforms, write_transforms


@dataclass(frozen=True)
class Saved:
    """Recordings of a saved session, and a sentence for each whose frames are gone."""

    recordings: tuple[Recording, ...]
    problems: tuple[str, ...] = ()


def saving(alignments: Sequence[Alignment], folder: Path) -> Job[Path]:
    """Save a session in the worker: big tables take a moment."""
    yield Progress("Saving", 0, 1)
    return save_session(alignments, folder)


def opening_saved(folder: Path, stacks: Sequence[Stack]) -> Job[Saved]:
    """Open a session; frames whose file is gone are looked for among ``stacks``."""
    yield Progress("Loading", 0, 1)
    found = load_saved(folder)
    alignments = found if isinstance(found, list) else [found]
    if any(alignment.chunks is None for alignment in alignments):
        raise InputError(
            f"{folder} is the alignment of a z-stack, not of a recording: load it on the Align tab."
        )
    return (yield from with_contrast([_with_frames(a, stacks) for a in alignments]))


def with_contrast(alignments: Sequence[Alignment]) -> Job[Saved]:
    """Sample the contrast of the frames of each alignment."""
    recordings: list[Recording] = []
    problems: list[str] = []
    for alignment in alignments:
        stack = alignment.stack
        if isinstance(stack.source, MissingSource):
            problems.append(stack.source.message)
            contrast: list[Limits] = [limits(alignment.reference)] * stack.shape[1]
        else:
            contrast = yield from sample_contrast(stack)
        started = started_at(stack.paths[0]) if stack.paths else None
        recordings.append(Recording(stack, contrast, started, alignment))
    return Saved(tuple(recordings), tuple(problems))


def _with_frames(alignment: Alignment, stacks: Sequence[Stack]) -> Alignment:
    stack = alignment.stack
    if not isinstance(stack.source, MissingSource):
        return alignment
    like = [s for s in stacks if (s.name, s.shape) == (stack.name, stack.shape)]
    own = (s for s in like if holds_frames_of(s, alignment) is not False)
    found = next(own, None)
    return alignment if found is None else alignment.with_stack(found)


def common_field(alignments: Sequence[Alignment]) -> Job[npt.NDArray[np.bool_]]:
    """(Y, X) bool: what every good frame of all recordings sees."""
    if len({alignment.transforms.shape for alignment in alignments}) != 1:
        raise InputError(
            "The recordings aren't in the coordinates of one reference: register them together."
        )
    field = np.ones(alignments[0].transforms.shape, bool)
    for done, alignment in enumerate(alignments):
        yield Progress("Common field", done, len(alignments))
        field &= engine.session_fov([alignment])
    return field


def applying(stack: Stack, alignment: Alignment) -> Job[tuple[Alignment, list[Limits]]]:
    """Align another stack by the transforms of an alignment, and sample its contrast."""
    yield Progress("Applying", 0, 1)
    applied = apply_transforms(stack, alignment)
    return applied, (yield from sample_contrast(stack))


def exporting(
    alignments: Sequence[Alignment], path: Path, *, crop: bool, raw: Sequence[Path]
) -> Job[list[Path]]:
    """Write one recording to a file, or each of several to one with its name added.

    The ``raw`` files are those of all recordings that are open: none is written over.
    """
    for each in destinations_of(path, alignments, *IMAGES):
        check_raw_files_stay(each.target, raw)
    return (yield from export_session(path, alignments, crop=crop, overwrite=True))


def writing_transforms(alignment: Alignment, path: Path, raw: Sequence[Path]) -> Job[Path]:
    """Write the matrices of every frame; ``raw`` as in `exporting`."""
    check_raw_files_stay(path, raw)
    yield Progress("Writing", 0, 1)
    return write_transforms(path, alignment, overwrite=True)


def reading_transforms(stack: Stack, alignment: Alignment | None, path: Path) -> Job[Alignment]:
    """Align a recording by matrices from a file, in the coordinates that it had before."""
    yield Progress("Reading", 0, 1)
    if alignment is None:
        return apply_transforms(stack, read_transforms(path, stack.shape[2:]))
    transforms = read_transforms(path, alignment.transforms.shape)
    return apply_transforms(stack, transforms, alignment.reference)
