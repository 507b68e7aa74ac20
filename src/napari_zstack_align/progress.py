"""Long work is a generator that yields `Progress` and returns its result.

Job functions check their arguments when they are called and return such a generator. Jobs are
composed with ``yield from``, drained with :func:`run`, run in a worker by the GUI, and cancelled
by closing the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from napari_zstack_align.errors import Cancelled

Result = TypeVar("Result")


@dataclass(frozen=True)
class Progress:
    """How far a long action is.

    Attributes
    ----------
    stage : str
        What is being done, in words for the user ('Aligning').
    done, total : int
        Units of work done in this stage, and in all of it. ``total`` is 0 while unknown.
    note : str
        A remark worth showing, such as a flagged frame; '' for none.
    partial : object, optional
        Immutable snapshot of everything finished so far (an Alignment, Traces, ...), given when
        it has grown; None in between.
    """

    stage: str
    done: int
    total: int
    note: str = ""
    partial: Any = None


Job: TypeAlias = Generator[Progress, None, Result]


def run(job: Job[Result], on_progress: Callable[[Progress], object] | None = None) -> Result:
    """Drain a job and return its result.

    Parameters
    ----------
    job : generator of Progress
        As returned by ``align_adaptive`` and the other job functions.
    on_progress : callable, optional
        Called with every `Progress`. An exception raised in it stops the job.

    Returns
    -------
    object
        What the job returns.

    Raises
    ------
    Cancelled
        On KeyboardInterrupt (Ctrl-C), with the last snapshot as ``.partial``.
    """
    partial: Any = None
    try:
        while True:
            try:
                progress = next(job)
            except StopIteration as stop:
                result: Result = stop.value
                return result
            if progress.partial is not None:
                partial = progress.partial
            if on_progress is not None:
                on_progress(progress)
    except KeyboardInterrupt:
        raise Cancelled(partial) from None
    finally:
        job.close()
