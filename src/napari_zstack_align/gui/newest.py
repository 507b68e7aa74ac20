"""One question at a time in the background; of those asked meanwhile, only the newest counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from qtpy.QtCore import QObject, QTimer, Signal

from napari_zstack_align.gui.worker import JobWorker
from napari_zstack_align.progress import Job, Progress

PATIENCE_S = 0.6
"""While a slider is being dragged, an answer, or a first part of it, is waited for so long."""


class Newest(QObject):
    """Runs jobs in a worker, one after the other, for sliders that ask faster than it answers.

    Each question has a number; answers to questions from before the last ``forget`` are dropped.

    Parameters
    ----------
    parent : QObject
        Its owner.
    """

    partial_answer = Signal(object)
    """What a job gave as ``partial``."""
    answered = Signal(object)
    """What a job returned."""
    failed = Signal(str)
    """One sentence."""
    busy_changed = Signal(bool)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._worker: JobWorker | None = None
        self._waiting: Callable[[], Job[Any]] | None = None
        self._started = 0.0
        self._told = self._stale = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._hurry)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._worker is not None

    def ask(self, job: Callable[[], Job[Any]]) -> None:
        """Run this job as soon as the one that runs has ended, instead of any that waits."""
        if self._worker is None:
            self._start(job)
            return
        self._waiting = job
        self._hurry()

    def forget(self) -> None:
        """Drop the answers to all that was asked so far."""
        self._waiting = None
        if self._worker is not None:
            self._stale = True
            self._worker.cancel()

    def abandon(self) -> None:
        """Stop for good, without a word."""
        self._waiting = None
        self._timer.stop()
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None

    def _hurry(self) -> None:
        """Stop what runs in favour of what waits, once it has told something or had its time."""
        if self._worker is None or self._waiting is None:
            return
        left = PATIENCE_S - (time.monotonic() - self._started)
        if self._told or left <= 0:
            self._worker.cancel()
        elif not self._timer.isActive():
            self._timer.start(int(1000 * left) + 1)

    def _start(self, job: Callable[[], Job[Any]]) -> None:
        self._started = time.monotonic()
        self._told = self._stale = False
        self._worker = worker = JobWorker(job)
        worker.progress.connect(self._on_progress)
        worker.returned.connect(partial(self._end, self.answered))
        worker.failed.connect(partial(self._end, self.failed))
        worker.cancelled.connect(partial(self._end, None))
        self.busy_changed.emit(True)
        worker.launch()

    def _on_progress(self, progress: Progress) -> None:
        if progress.partial is not None and not self._stale and self._worker is not None:
            self._told = True
            self.partial_answer.emit(progress.partial)
            self._hurry()

    def _end(self, signal: Any, value: Any) -> None:
        if self._worker is None:
            return
        self._worker = None
        next_job, self._waiting = self._waiting, None
        if signal is not None and not self._stale:
            signal.emit(value)
        if self._worker is not None:
            return  # whoever listened has asked again
        if next_job is not None:
            self._start(next_job)
        else:
            self.busy_changed.emit(False)
