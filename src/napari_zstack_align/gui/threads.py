"""Workers share two or more cores with the GUI: keep them from taking all of it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from threadpoolctl import threadpool_limits

NICENESS = 10

_lock = threading.Lock()
_users = 0
_before: tuple[threadpool_limits, int] | None = None


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Hold BLAS and OpenCV to one thread while any worker runs; the last one restores them.

    Both settings belong to the whole process, so overlapping workers are counted.
    """
    global _users, _before
    with _lock:
        _users += 1
        if _users == 1:
            _before = (threadpool_limits(limits=1), cv2.getNumThreads())
            cv2.setNumThreads(1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0 and _before is not None:
                _before[0].restore_original_limits()
                cv2.setNumThreads(_before[1])
                _before = None


def step_back() -> None:
    """Lower the priority of the calling thread, and of the threads it will start.

    Linux ignores Qt's thread priorities, but has niceness by thread. It can't be raised again, so
    only a thread that ends with its work may call this.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
