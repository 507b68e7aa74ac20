"""Exports of the command line: run, and what is said of one that was stopped."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from napari_zstack_align.cli.bar import drain
from napari_zstack_align.cli.kept import CANCELLED, FROM_THE_BEGINNING, Stopped, kept_in
from napari_zstack_align.counting import are, counted
from napari_zstack_align.errors import Cancelled, ZstackAlignError
from napari_zstack_align.progress import Job
from napari_zstack_align.write.unfinished import unfinished_of

Result = TypeVar("Result")


def write(
    job: Job[Result],
    targets: Sequence[Path],
    *,
    overwrite: bool,
    goes_on: bool = False,
    before: Sequence[Path] = (),
) -> Result:
    """Run an export.

    Parameters
    ----------
    job : generator of Progress
    targets : sequence of pathlib.Path
        What it writes.
    overwrite : bool
        Whether the command may replace files.
    goes_on : bool
        Whether the same command, given again, leaves what is written as it is.
    before : sequence of pathlib.Path
        What the same command has written before this.

    Raises
    ------
    Stopped
        Where it is stopped: its sentence says what was written, and how to go on.
    ZstackAlignError
        Of the job; where some files were written before, its sentence says which.
    """
    were = [_state(path) for path in targets]

    def done() -> list[Path]:
        now = [_state(path) for path in targets]
        return [path for path, a, b in zip(targets, were, now, strict=True) if a != b]

    try:
        return drain(job)
    except Cancelled:
        written = [*before, *done()]
        left = [path for path in targets if path not in written]
        raise _stopped_writing(written, left, overwrite or goes_on or not written) from None
    except ZstackAlignError as error:
        if not (written := done()):
            raise
        again = "" if overwrite or goes_on else " with --overwrite"
        raise type(error)(
            f"{error} {', '.join(map(str, written))} {are(len(written))} written: once that is "
            f"mended, give the same command again{again}."
        ) from error


def _stopped_writing(done: Sequence[Path], left: Sequence[Path], again: bool) -> Stopped:
    """What to raise where some files were written; ``again``: as the command was given."""
    written = ", ".join(map(str, done)) or "nothing"
    parts = [f"{written} {are(max(len(done), 1))} written"]
    parts += [kept_in(path) for path in map(unfinished_of, left) if path.is_dir()]
    if len(parts) == 1 and not done:
        return Stopped(f"{CANCELLED} nothing was written; {FROM_THE_BEGINNING}")
    rest = counted(len(left), "file") if len(left) != 1 else str(left[0])
    command = "the same command again" if again else "the same command with --overwrite"
    return Stopped(f"{CANCELLED} {', and '.join(parts)}; {command} writes {rest}.")


def _state(path: Path) -> tuple[int, int] | None:
    """What tells a file or folder from the one that takes its place; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
