"""A job under a progress bar."""

from __future__ import annotations

import sys
from typing import TypeVar

from tqdm import tqdm

from napari_zstack_align.cli.stopping import at_safe_moments, stop_if_asked
from napari_zstack_align.progress import Job, Progress, collected
from napari_zstack_align.remark import Remark, Severity
from napari_zstack_align.settings import in_flags

Result = TypeVar("Result")

SECONDS = 0.1
SECONDS_IN_A_LOG = 30.0
"""Between two states of the bar: where it isn't a terminal, each is a line that stays."""


def drain(job: Job[Result]) -> Result:
    """Run a job to its end with a bar on stderr.

    Raises
    ------
    Cancelled
        On Ctrl-C or SIGTERM, with the last snapshot as ``.partial``.
    """
    noted: set[str] = set()
    at_the_end: list[str] = []
    seconds = SECONDS if sys.stderr.isatty() else SECONDS_IN_A_LOG
    with tqdm(
        file=sys.stderr,
        mininterval=seconds,
        maxinterval=seconds,
        dynamic_ncols=True,
        desc="Starting",
    ) as bar:

        def show(progress: Progress) -> None:
            if progress.note and progress.note not in noted:
                noted.add(progress.note)
                is_last = 0 < progress.total == progress.done
                if is_last:  # of what was written: below the bar, like all that a command reports
                    at_the_end.append(progress.note)
                else:
                    bar.write(_labelled(progress.note), file=sys.stderr)
            if progress.stage != bar.desc:
                bar.set_description_str(progress.stage, refresh=False)
                bar.reset(total=progress.total or None)
            bar.total = progress.total or None
            bar.update(progress.done - bar.n)
            stop_if_asked()

        with at_safe_moments():
            result = collected(job, show)
    for note in at_the_end:
        print(f"  {_labelled(note)}", file=sys.stderr)
    return result


def _labelled(note: str) -> str:
    """'Note: …' in the words of the command line; a remark keeps its own severity."""
    remark = note if isinstance(note, Remark) else Remark(note, Severity.NOTE)
    return in_flags(remark.labelled)
