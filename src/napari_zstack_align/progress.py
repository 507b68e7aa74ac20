"""Long work is a generator that yields `Progress` and returns its result.

Job functions check their arguments when they are called and return such a generator. Jobs are
composed with ``yield from``, or with :func:`mapped` where their progress is to be reported in other
words. :func:`run` collects the result; the GUI does so in a worker. Closing the generator cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, Generic, TypeAlias, TypeVar

from napari_zstack_align.errors import Cancelled
from napari_zstack_align.remark import warn_of

Step = TypeVar("Step")
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
    """Run a job to its end and return its result.

    A `ResultWarning` says so where the result is probably wrong.

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
    result = collected(job, on_progress)
    warn_of(result, stacklevel=2)
    return result


def collected(job: Job[Result], on_progress: Callable[[Progress], object] | None = None) -> Result:
    """Run a job like `run`, for callers that show the remarks on its result themselves."""
    partial: Any = None
    steps: _Steps[Progress, Result] = _Steps(job)
    try:
        for progress in steps:
            if progress.partial is not None:
                partial = progress.partial
            if on_progress is not None:
                on_progress(progress)
        return steps.result
    except KeyboardInterrupt:
        raise Cancelled(partial) from None
    finally:
        job.close()


def unless_stopped(job: Generator[object, None, Result], stopped: Event) -> Result:
    """Run a job to its end in a thread of its own, without telling how far it is.

    Raises
    ------
    Cancelled
        Soon after ``stopped`` is set.
    """
    steps: _Steps[object, Result] = _Steps(job)
    try:
        for _ in steps:
            if stopped.is_set():
                raise Cancelled("Stopped.")
        return steps.result
    finally:
        job.close()


def mapped(job: Generator[Step, None, Result], change: Callable[[Step], Progress]) -> Job[Result]:
    """Run a job inside another one, and report each of its steps in other words.

    Parameters
    ----------
    job : generator
        A job, or any generator that returns a result.
    change : callable
        Turns what the job yields into the `Progress` to yield instead.

    Returns
    -------
    generator of Progress
        Returns what the job returns. The job is closed with it, however it ends.
    """
    steps: _Steps[Step, Result] = _Steps(job)
    try:
        for step in steps:
            yield change(step)
        return steps.result
    finally:
        job.close()


def with_partial(job: Job[Result], change: Callable[[Any], Any]) -> Job[Result]:
    """Run a job inside another one, whose snapshots are made of its own.

    Parameters
    ----------
    job : generator of Progress
        The job.
    change : callable
        Turns a ``partial`` of the job into the one to yield instead; not called for None.

    Returns
    -------
    generator of Progress
        Returns what the job returns.
    """

    def changed(progress: Progress) -> Progress:
        if progress.partial is None:
            return progress
        return replace(progress, partial=change(progress.partial))

    return mapped(job, changed)


class _Steps(Generic[Step, Result], Iterator[Step]):
    """The steps of a generator, and then its result, which a plain ``for`` throws away."""

    result: Result

    def __init__(self, job: Generator[Step, None, Result]) -> None:
        self._job = job

    def __next__(self) -> Step:
        try:
            return next(self._job)
        except StopIteration as stop:
            self.result = stop.value
            raise
