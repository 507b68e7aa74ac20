"""Signs of life while work goes on in threads."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from napari_zstack_align.progress import Job, Progress, mapped

Result = TypeVar("Result")

YIELD_S = 0.2


def until_done(tasks: Sequence[Future[Any]], stage: Progress) -> Iterator[Progress]:
    """Yield a progress several times a second until all tasks are done."""
    while wait(tasks, timeout=YIELD_S).not_done:
        yield stage


def with_progress(work: Generator[None, None, Result], stage: Progress) -> Job[Result]:
    """Do work that pauses now and then, and show a sign of life at each pause."""
    return mapped(work, lambda _: stage)
