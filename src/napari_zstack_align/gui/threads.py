"""Workers share two or more cores with the GUI: keep them from taking all of it."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import AbstractContextManager

from napari_zstack_align.library_threads import libraries_now

NICENESS = 10


def one_openmp_thread() -> AbstractContextManager[object]:
    """Hold OpenMP to one thread in the calling thread, to which its setting belongs."""
    limit: AbstractContextManager[object] = libraries_now().limit(limits=1, user_api="openmp")
    return limit


def step_back() -> None:
    """Lower the priority of the calling thread, and of the threads it will start.

    Linux ignores Qt's thread priorities, but has niceness by thread. It can't be raised again, so
    only a thread that ends with its work may call this.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
