"""Signs of life while work goes on in threads."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from typing import Any, TypeVar

from napari_zstack_align.parallel import patient_map
from napari_zstack_align.progress import Job, Progress, mapped

Item = TypeVar("Item")
Result = TypeVar("Result")

YIELD_S = 0.2


def until_done(tasks: Sequence[Future[Any]], stage: Progress) -> Iterator[Progress]:
    """Yield a progress several times a second until all tasks are done."""
    while wait(tasks, timeout=YIELD_S).not_done:
        yield stage


def in_order(
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
    take: Callable[[Result], Progress],
    stage: Progress,
) -> Iterator[Progress]:
    """Work on items in threads, and hand over the results in the order of the items.

    Parameters
    ----------
    pool : ThreadPoolExecutor
    function : callable
        Called with each item in a thread; must not return None.
    items : iterable
    ahead : int
        How many items are in work or waiting at once.
    take : callable
        Called with each result; returns how far that is, which is yielded, and again several
        times a second as long as nothing more is ready.
    stage : Progress
        How far it is before the first result.
    """
    for result in patient_map(pool, function, items, ahead):
        if result is None:
            yield replace(stage, note="", partial=None)
        else:
            stage = take(result)
            yield stage


def with_progress(work: Generator[None, None, Result], stage: Progress) -> Job[Result]:
    """Do work that pauses now and then, and show a sign of life at each pause."""
    return mapped(work, lambda _: stage)
