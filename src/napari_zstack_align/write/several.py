"""Several files of one export: their names, and their jobs one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.progress import Job, mapped


def names_in_session(path: Path, suffix: str, names: Sequence[str]) -> list[Path]:
    """Names of the files of a session: 'larva.h5' becomes 'larva_NAME.h5', unique ones.

    A single recording has the name that was given.

    Parameters
    ----------
    path : pathlib.Path
        Name of the export, ending in ``suffix``.
    suffix : str
        The ending, '' for a folder.
    names : sequence of str
        Of the recordings.
    """
    if len(names) == 1:
        return [path]
    end = len(path.name) - len(suffix)
    unique = unique_names(names)
    return [path.with_name(f"{path.name[:end]}_{name}{path.name[end:]}") for name in unique]


def one_after_the_other(jobs: Sequence[Job[Path]]) -> Job[list[Path]]:
    """Drain jobs in their order; returns what they return."""
    with ExitStack() as stack:
        for job in jobs:
            stack.enter_context(closing(job))
        written: list[Path] = []
        for job in jobs:
            written.append((yield from counted(job, len(written), len(jobs))))
        return written


def counted(job: Job[Path], index: int, count: int) -> Job[Path]:
    """Say which of several files is being written."""
    if count == 1:
        return job
    number = f"({index + 1} of {count})"
    return mapped(job, lambda step: replace(step, stage=f"{step.stage} {number}"))
