"""Run, Cancel, a progress bar and a status line around one job at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from napari.utils.notifications import show_error
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_zstack_align.errors import ZstackAlignError
from napari_zstack_align.gui.eta import Course, in_words
from napari_zstack_align.gui.word_colours import give_meaning
from napari_zstack_align.gui.worker import JobWorker
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.settings import in_titles


class StatusLine(QLabel):
    """Words that are as high as they need to be; Qt's tabs and docks don't ask for that."""

    def __init__(self) -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setVisible(False)

    def setText(self, text: str) -> None:  # noqa: N802 (Qt's name)
        """Show some words."""
        super().setText(in_titles(text))
        self.setVisible(bool(text))
        self._fit()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802
        """Other widths need other heights."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(0)  # Qt never reckons less: shorter words would stay as high
        self.setFixedHeight(max(0, self.heightForWidth(self.width())) if self.text() else 0)


class RunBar(QWidget):
    """Starts jobs in a worker, shows how they go, and offers to cancel them.

    Parameters
    ----------
    run_text : str
        Text of the Run button; '' for none, where other buttons start the jobs.
    tooltip : str
        What Run does.
    """

    run_clicked = Signal()
    busy_changed = Signal(bool)

    def __init__(self, run_text: str = "", tooltip: str = "") -> None:
        super().__init__()
        self.run_button = QPushButton(run_text)
        self.run_button.setToolTip(tooltip)
        self.run_button.setVisible(bool(run_text))
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop within a second; what is finished is kept")
        self.cancel_button.setVisible(False)
        self.bar = QProgressBar()
        self.bar.setVisible(False)
        self.status = StatusLine()
        self.worker: JobWorker | None = None
        self.last_partial: Any = None
        self.last_error: ZstackAlignError | None = None
        self._course = Course()
        self._ends: dict[str, Callable[[Any], object]] = {}
        self._lay_out()
        self.run_button.clicked.connect(self.run_clicked)
        self.cancel_button.clicked.connect(self.cancel)

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self.worker is not None

    @property
    def says_error(self) -> bool:
        """Whether the sentence shown is an error."""
        return bool(self.status.text() and self.status.styleSheet())

    def start(
        self,
        job: Callable[[], Job[Any]],
        *,
        returned: Callable[[Any], object],
        progress: Callable[[Progress], object] | None = None,
        cancelled: Callable[[Any], object] | None = None,
        failed: Callable[[str], object] | None = None,
    ) -> None:
        """Run a job in a worker; ignored while another one runs.

        Parameters
        ----------
        job : callable
            Makes the job, in the worker: a ``functools.partial`` over a snapshot.
        returned, progress, cancelled, failed : callable
            Called in the main thread with the result, each reported `Progress`, the last partial
            result and the error's sentence.
        """
        if self.busy:
            self.say("Wait for what is running, or cancel it first.")
            return
        nothing: Callable[[Any], object] = lambda _: None  # noqa: E731
        self._ends = {
            "returned": returned,
            "progress": progress or nothing,
            "cancelled": cancelled or nothing,
            "failed": failed or nothing,
        }
        self._course = Course()
        self.worker = JobWorker(job)
        self.worker.progress.connect(self._on_progress)
        self.worker.returned.connect(self._on_returned)
        self.worker.cancelled.connect(self._on_cancelled)
        self.worker.failed.connect(self._on_failed)
        self._set_busy(True)
        self.say("")
        self.worker.launch()

    def cancel(self) -> None:
        """Ask the running job to stop."""
        if self.worker is not None:
            self.worker.cancel()
            self.cancel_button.setEnabled(False)
            self.say("Cancelling …")

    def abandon(self) -> None:
        """Stop the running job without a word."""
        if self.worker is not None:
            self.worker.abandon()
            self.worker = None

    def say(self, text: str, *, error: bool = False) -> None:
        """Show a sentence in the status line."""
        give_meaning(self.status, "error" if error else "")
        self.status.setText(text)

    def say_error(self, sentence: str) -> None:
        """Show an error in the status line and as napari's notification."""
        self.say(sentence, error=True)
        show_error(in_titles(sentence))

    def hideEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Another tab is opened: an error was read by now, and may not be true any more."""
        super().hideEvent(event)
        if not event.spontaneous() and not self.busy and self.status.styleSheet():
            self.say("")

    # -- from the worker -----------------------------------------------------------------------

    def _on_progress(self, progress: Progress) -> None:
        if self.worker is None:
            return
        main = self._course.update(progress)
        left = self._course.seconds_left()
        self.bar.setRange(0, main.total)
        self.bar.setValue(main.done)
        words = [main.stage, f"{in_words(left)} left" if left is not None else ""]
        self.bar.setFormat(", ".join(word for word in words if word))
        if progress.note and self.cancel_button.isEnabled():
            self.say(progress.note)
        self._ends["progress"](progress)

    def _on_returned(self, result: Any) -> None:
        if self._end():
            self._ends["returned"](result)

    def _on_cancelled(self, partial: Any) -> None:
        if self._end():
            self.say("Cancelled.")
            self._ends["cancelled"](partial)

    def _on_failed(self, sentence: str) -> None:
        if self._end():
            self.say_error(sentence)
            self._ends["failed"](sentence)

    def _end(self) -> bool:
        """Whether there was a run to end; an abandoned one has nothing to say any more."""
        if self.worker is None:
            return False
        self.last_partial, self.last_error = self.worker.partial, self.worker.error
        self.worker = None
        self._set_busy(False)
        return True

    def _set_busy(self, busy: bool) -> None:
        self.run_button.setEnabled(not busy)
        self.cancel_button.setEnabled(busy)
        self.cancel_button.setVisible(busy)
        self.bar.setVisible(busy)
        self.bar.setRange(0, 0)
        self.bar.setFormat("Starting")
        self.busy_changed.emit(busy)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.run_button, 1)
        buttons.addWidget(self.bar, 3)
        buttons.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.status)
