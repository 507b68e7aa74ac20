"""Workers share two or more cores with the GUI: keep them from taking all of it."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import AbstractContextManager, ExitStack

import cv2
from threadpoolctl import threadpool_limits

NICENESS = 10


class OneThreadEach:
    """Holds BLAS and OpenCV to one thread while any worker runs; the last one restores them.

    Both settings belong to the whole process, so overlapping workers are counted. Only the main
    thread may enter and leave: threadpoolctl lets one thread at a time control OpenBLAS, and a
    Qt thread that took control would keep it after its end.
    """

    def __init__(self) -> None:
        self._workers = 0
        self._limits = ExitStack()
        self._opencv_threads = 0

    def enter(self) -> None:
        """Count one worker more."""
        self._workers += 1
        if self._workers == 1:
            self._opencv_threads = cv2.getNumThreads()
            self._limits.enter_context(threadpool_limits(limits=1))
            cv2.setNumThreads(1)

    def leave(self) -> None:
        """Count one worker less."""
        self._workers -= 1
        if self._workers == 0:
            self._limits.close()
            cv2.setNumThreads(self._opencv_threads)


one_thread_each = OneThreadEach()


def one_openmp_thread() -> AbstractContextManager[object]:
    """Hold OpenMP to one thread in the calling thread, to which its setting belongs."""
    limit: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="openmp")
    return limit


def step_back() -> None:
    """Lower the priority of the calling thread, and of the threads it will start.

    Linux ignores Qt's thread priorities, but has niceness by thread. It can't be raised again, so
    only a thread that ends with its work may call this.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
