"""Frames in parallel: threads over libraries that are kept to one thread each."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.library_threads import one_thread_each

Item = TypeVar("Item")
Result = TypeVar("Result")


PAUSE_S = 0.2
"""Between two signs of life of `patient_map`."""

_at_most: ContextVar[int] = ContextVar("_at_most", default=0)


def default_threads() -> int:
    """Return the number of processors this process may use, or the number it is held to."""
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return min(allowed, _at_most.get() or allowed)


def checked_threads(threads: int | None) -> int:
    """Return the number of threads that was asked for; None: as many as may be used.

    Raises
    ------
    InputError
        Where it is no whole number of at least 1.
    """
    if threads is None:
        return default_threads()
    if not isinstance(threads, int | np.integer) or threads < 1:
        raise InputError(f"threads must be a whole number of at least 1, not {threads!r}.")
    return int(threads)


@contextmanager
def threads_at_most(n_threads: int) -> Iterator[None]:
    """Hold `default_threads` to a number, in the calling thread alone; 0 holds it to none."""
    before = _at_most.set(n_threads)
    try:
        yield
    finally:
        _at_most.reset(before)


@contextmanager
def worker_threads(n_threads: int) -> Iterator[ThreadPoolExecutor]:
    """Pool of threads, with BLAS and OpenCV at one thread each as long as it is open.

    Several BLAS threads in each worker are slower than one, and stall the viewer. On leaving,
    pending work is dropped, and running work is waited for.
    """
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="align")
    with one_thread_each.held():
        try:
            yield pool
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def ordered_map(
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
) -> Generator[Result, None, None]:
    """Results in the order of the items, with at most ``ahead`` of them in work or waiting.

    The order makes sums over the results the same for any number of threads.
    """
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) >= ahead:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def patient_map(
    pool: ThreadPoolExecutor,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    ahead: int,
) -> Generator[Result | None, None, None]:
    """As `ordered_map`, with a None now and then while the next result isn't there yet.

    A job that yields at each of them can be cancelled while it waits. The function must not
    return None.
    """
    pending: deque[Future[Result]] = deque()
    for item in items:
        pending.append(pool.submit(function, item))
        if len(pending) >= ahead:
            yield from _with_pauses(pending.popleft())
    while pending:
        yield from _with_pauses(pending.popleft())


def _with_pauses(task: Future[Result]) -> Generator[Result | None, None, None]:
    while wait([task], PAUSE_S).not_done:
        yield None
    yield task.result()
