"""Ctrl-C and SIGTERM: one sentence, at a moment at which nothing is lost.

A signal that arrives while modules are imported, or while a job is in the middle of a step, is
noted and acted on at the next safe moment (`stop_if_asked`): raised just anywhere,
KeyboardInterrupt is swallowed by C code and by callbacks, or leaves modules half imported. A second
one stops at once.
SIGTERM, as batch systems send it before they kill, counts as Ctrl-C.
"""

from __future__ import annotations

import atexit
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Stop:
    """Whether somebody asked to stop, and whether that has to wait."""

    def __init__(self) -> None:
        self.is_asked = False
        self.waits = 0
        self.has_ended = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.waits and not self.is_asked:
            self.is_asked = True
            return
        self.is_asked = False
        raise KeyboardInterrupt


_stop = _Stop()


@contextmanager
def stoppable() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C inside the block; nothing changes outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    _stop.is_asked, _stop.waits = False, 0
    try:
        for number, handler in before.items():
            if handler != signal.SIG_IGN:  # of 'nohup', or of a shell's background job
                signal.signal(number, _stop)
        yield
    finally:
        _restore(before)


@contextmanager
def stopped_by_the_system() -> Iterator[None]:
    """Leave signals to the system, as for a window that is closed by SIGTERM, inside the block."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    _restore({number: usual[number] for number in SIGNALS if before[number] is _stop})
    try:
        yield
    finally:
        _restore(before)


@contextmanager
def at_safe_moments() -> Iterator[None]:
    """Let a first signal wait inside the block until `stop_if_asked`."""
    _stop.waits += 1
    try:
        yield
    finally:
        _stop.waits -= 1


def was_asked() -> bool:
    """Whether a signal waits: it is for the caller to act on it."""
    asked, _stop.is_asked = _stop.is_asked, False
    return asked


def stop_if_asked() -> None:
    """Raise KeyboardInterrupt where a signal waits."""
    if was_asked():
        raise KeyboardInterrupt


def end_with(code: int) -> None:
    """Let a signal end the process with this exit code from now on: there is nothing to stop.

    At the very end it is ignored.
    """
    _stop.has_ended = True

    def end(number: int, frame: FrameType | None) -> None:
        os.write(2, b"zstack-align: the command had ended before it was asked to stop.\n")
        os._exit(code)

    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)


@atexit.register  # of all that is called then, the last
def _ignore_at_the_very_end() -> None:
    """Python gives up its handlers before the process is gone, but not what is ignored."""
    if _stop.has_ended:
        _restore(dict.fromkeys(SIGNALS, signal.SIG_IGN))


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, handler)
