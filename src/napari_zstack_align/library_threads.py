"""Hold the threads of numerical libraries: several of them in each worker are slower than one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from threading import Lock

import cv2
from threadpoolctl import ThreadpoolController


def libraries_now() -> ThreadpoolController:
    """Return what controls the libraries that are loaded, which come with imported modules.

    To look for them takes some 5 ms, as long as a small job.
    """
    return _libraries(len(sys.modules))


@lru_cache(maxsize=1)
def _libraries(n_modules: int) -> ThreadpoolController:
    return ThreadpoolController()


class OneThreadEach:
    """Holds BLAS and OpenCV to one thread while anyone needs that; the last one restores them.

    Both settings belong to the whole process, so overlapping holders are counted: a holder that
    restored what it found would undo the hold of another. The first should enter from the main
    thread where there is a choice: threadpoolctl lets one thread at a time control OpenBLAS.
    """

    def __init__(self) -> None:
        self._holders = 0
        self._lock = Lock()
        self._limits = ExitStack()
        self._opencv_threads = 0

    def enter(self) -> None:
        """Count one holder more."""
        with self._lock:
            self._holders += 1
            if self._holders == 1:
                self._opencv_threads = cv2.getNumThreads()
                self._limits.enter_context(libraries_now().limit(limits=1))
                cv2.setNumThreads(1)

    def leave(self) -> None:
        """Count one holder less."""
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._limits.close()
                cv2.setNumThreads(self._opencv_threads)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold as long as the block lasts."""
        self.enter()
        try:
            yield
        finally:
            self.leave()


one_thread_each = OneThreadEach()
