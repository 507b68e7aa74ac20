"""Run a job in a thread of its own, and tell the main thread how it goes."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from qtpy.QtCore import QCoreApplication, QThread, Signal

from napari_zstack_align.errors import Cancelled, ZstackAlignError
from napari_zstack_align.gui.preferences import preferences
from napari_zstack_align.gui.threads import one_openmp_thread, step_back
from napari_zstack_align.library_threads import one_thread_each
from napari_zstack_align.parallel import threads_at_most
from napari_zstack_align.progress import Job, Progress, collected

logger = logging.getLogger(__name__)

MAX_REPORTS_PER_S = 10
"""Each one repaints the window, which is slow where OpenGL is done in software."""
A_MOMENT_MS = 80
"""The window may stand still so long."""

_running: set[JobWorker] = set()
"""Keeps running workers alive: Qt aborts the program when a running thread is collected."""


class JobWorker(QThread):
    """A thread that drains one job.

    The job is made, advanced and closed in the thread, so its ``finally`` runs there too, at
    once after a cancel. Whatever it raises ends in exactly one of the signals ``returned``,
    ``failed`` and ``cancelled``, received in the main thread.

    Parameters
    ----------
    start_job : callable
        Called without arguments in the thread; returns the generator of `Progress`. Give it a
        snapshot of layers and parameters (``functools.partial``), never a widget.
    processors : int, optional
        How many it may use, 0 for all; by default what the preferences say. They are asked for in
        the thread: the first time napari reads the manifests of all plugins anew.

    Attributes
    ----------
    partial : object
        The newest partial result, or None.
    found : object
        What the job returned; None before.
    error : ZstackAlignError, optional
        What it has failed with, where that was expected.
    """

    progress = Signal(object)
    """`Progress`, at most 10 times a second; ``partial`` is the newest not yet reported."""
    returned = Signal(object)
    """What the job returned."""
    failed = Signal(str)
    """One sentence; the traceback of an unexpected error goes to the log."""
    cancelled = Signal(object)
    """The last partial result, or None."""
    _told = Signal(object, object)
    """One of these and its value, on their way from the thread."""

    def __init__(self, start_job: Callable[[], Job[Any]], processors: int | None = None) -> None:
        super().__init__()
        self.partial: Any = None
        self.found: Any = None
        self.error: ZstackAlignError | None = None
        self._start_job = start_job
        self._processors = processors
        self._cancel = False
        self._muted = False
        self._last_report = 0.0
        self._unreported = Progress("", 0, 0)
        self._told.connect(self._pass_on)

    def launch(self) -> None:
        """Start the thread."""
        _running.add(self)
        one_thread_each.enter()
        self.finished.connect(self._forget)
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.abandon)
        self.start(QThread.Priority.LowPriority)

    def cancel(self) -> None:
        """Ask the job to stop at its next yield; ``cancelled`` follows."""
        self._cancel = True

    def abandon(self, wait_ms: int = 5000) -> None:
        """Stop without a word, for a panel or program that is being closed."""
        self._muted = True
        self._cancel = True
        with contextlib.suppress(RuntimeError):  # Qt deleted it at the end: it runs no more
            if self.wait(wait_ms):
                self._forget()

    def run(self) -> None:
        """Drain the job (called by Qt in the new thread)."""
        step_back()
        try:
            processors = self._processors
            if processors is None:
                processors = preferences().processors
            with one_openmp_thread(), threads_at_most(processors):
                self.found = self._drain(self._start_job())
        except Cancelled as stop:
            self._tell(self.cancelled, self.partial if stop.partial is None else stop.partial)
        except ZstackAlignError as error:
            self.error = error
            self._tell(self.failed, str(error))
        except MemoryError:
            logger.exception("out of memory")
            self._tell(self.failed, "There is not enough memory for this; close other data first.")
        except Exception as error:  # also RuntimeError, which superqt's workers would swallow
            logger.exception("unexpected error in a job")
            name = type(error).__name__
            self._tell(self.failed, f"Unexpected {name}: {error} (the log has the details).")
        else:
            self._tell(self.returned, self.found)

    def _drain(self, job: Job[Any]) -> Any:
        if not isinstance(job, Generator):
            raise TypeError(f"a job must be a generator, not {type(job).__name__}")
        if self._cancel:
            job.close()
            raise Cancelled(None)
        return collected(job, self._on_progress)

    def _on_progress(self, progress: Progress) -> None:
        self._report(progress)
        if self._cancel:
            raise Cancelled(self.partial)

    def _report(self, progress: Progress) -> None:
        """Pass a progress on, or hold its note and partial until the next one that is due."""
        if progress.partial is not None:
            self.partial = progress.partial
        held = self._unreported
        progress = replace(
            progress,
            note=progress.note or held.note,
            partial=held.partial if progress.partial is None else progress.partial,
        )
        now = time.monotonic()
        if now - self._last_report < 1 / MAX_REPORTS_PER_S:
            self._unreported = progress
            return
        self._last_report = now
        self._unreported = Progress("", 0, 0)
        self._tell(self.progress, progress)

    def _tell(self, signal: Any, value: Any) -> None:
        self._told.emit(signal, value)

    def _pass_on(self, signal: Any, value: Any) -> None:
        """Emit a signal in the main thread; none that was on its way when nobody hears any more."""
        if not self._muted:
            signal.emit(value)

    def _forget(self) -> None:
        if self not in _running:
            return
        self.wait()  # 'finished' comes a moment before the end, and nobody else may hold us
        _running.discard(self)
        one_thread_each.leave()
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.disconnect(self.abandon)


def ends_in_a_moment(worker: JobWorker) -> bool:
    """Launch a worker, and whether it ends as soon as the window may stand still for it.

    What it has `found` is known then. Else the worker goes on.
    """
    worker.launch()
    return bool(worker.wait(A_MOMENT_MS))
