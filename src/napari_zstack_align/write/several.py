"""Several files of one export: where they are written, and their jobs one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.progress import Job, mapped
from napari_zstack_align.write.writers import Takes, Writer, choose_writer

Result = TypeVar("Result")


@dataclass(frozen=True)
class Destination:
    """Where an export goes.

    Attributes
    ----------
    name : pathlib.Path
        What the writer is called with; its ending chooses the format.
    writer : Writer
        Of this format.
    """

    name: Path
    writer: Writer

    @property
    def target(self) -> Path:
        """The file or folder that is written, or replaced: ``NAME`` for ``NAME.bin``."""
        return self.writer.target(self.name)


def destinations(writer: Writer, path: Path, recordings: Sequence[str]) -> list[Destination]:
    """Return where each of several recordings goes: ``larva.h5`` becomes ``larva_NAME.h5``.

    A single recording has the name that was given, and so has a file that holds them all.

    Parameters
    ----------
    writer : Writer
        Of the format.
    path : pathlib.Path
        Name of the export.
    recordings : sequence of str
        Their names.
    """
    if len(recordings) == 1 or writer.holds_all:
        return [Destination(path, writer)]
    end = len(path.name) - len(writer.ending_of(path) or "")
    stem, ending = path.name[:end], path.name[end:]
    names = [f"{stem}_{name}{ending}" for name in unique_names(recordings)]
    return [Destination(path.with_name(name), writer) for name in names]


def destinations_of(
    path: str | Path, alignments: Sequence[Alignment], *takes: Takes
) -> list[Destination]:
    """Return where an export of the recordings of a session goes.

    Parameters
    ----------
    path : path
        Name of the export; its ending chooses the format.
    alignments : sequence of Alignment
        The session.
    *takes : Takes
        What is written of each.

    Raises
    ------
    InputError
        Where the name's ending chooses no format.
    """
    path = Path(path)
    names = [alignment.stack.name for alignment in alignments]
    return destinations(choose_writer(path, *takes), path, names)


def one_after_the_other(jobs: Sequence[Job[Path]]) -> Job[list[Path]]:
    """Drain jobs in their order; returns what they return."""
    with ExitStack() as stack:
        for job in jobs:
            stack.enter_context(closing(job))
        written: list[Path] = []
        for job in jobs:
            written.append((yield from counted(job, len(written), len(jobs))))
        return written


def counted(job: Job[Result], index: int, count: int) -> Job[Result]:
    """Say which of several files is being written, or worked on."""
    if count == 1:
        return job
    number = f"({index + 1} of {count})"
    return mapped(job, lambda step: replace(step, stage=f"{step.stage} {number}"))
