"""What the microscope did to the pixels of a stack: looked for, mended by consent.

A line phase is looked for by itself after a file was opened, on few frames; it is mentioned only
where there is one.
"""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.remarks import SIGN, marked
from napari_zstack_align.microscope import LinePhase, PixelsReport, glance_at_lines
from napari_zstack_align.remark import Remark, as_notes
from napari_zstack_align.sources import FrameSource
from napari_zstack_align.stack import Stack

WAIT_MS = 1000
"""Until a file that was opened is looked at: its layers and its preview come first."""


class PixelCheck(QWidget):
    """A button that looks for a line phase and for channels that look alike.

    Attributes
    ----------
    found : QWidget
        What was found, with a button to correct it; it has a place of its own.
    """

    wanted = Signal()
    """The pixels are to be looked at."""
    correction_wanted = Signal(object)
    """The file is to be opened again with this line phase."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[str, ...] = ()
        self._phase: LinePhase | None = None
        self._stack: Stack | None = None
        self._glance = Newest(self)
        self._glance.answered.connect(self._on_glance)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._look)
        self.check_button = button(
            "Check pixels",
            "Look at means of up to 150 frames: whether bidirectional scanning displaced every "
            "second line (in px), and whether light of one channel reaches another. Nothing is "
            "changed",
        )
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.correct_button = button(
            "Correct the line phase",
            "Open the file again, with every second line moved back as frames are read: by whole "
            "pixels, or by parts of one where it is less than half a pixel. The file stays as it "
            "is, and results remember it",
        )
        self.found = QWidget()
        below = QVBoxLayout(self.found)
        layout = QVBoxLayout(self)
        for each in (below, layout):
            each.setContentsMargins(0, 0, 0, 0)
        below.addWidget(self.words)
        below.addWidget(self.correct_button)
        layout.addWidget(self.check_button)
        self.check_button.clicked.connect(self.wanted)
        self.correct_button.clicked.connect(self._on_correct)
        self.show_stack(None)

    @property
    def busy(self) -> bool:
        """Whether a file is being looked at, or will be in a moment."""
        return self._timer.isActive() or self._glance.busy

    def show_stack(self, stack: Stack | None) -> None:
        """Another stack is shown; what was found stays where its pixels are the same."""
        self.check_button.setEnabled(stack is not None)
        is_another = _source_of(stack) is not _source_of(self._stack)
        self._stack = stack
        if not is_another:
            self._show()
            return
        self._say(None)
        self._glance.forget()
        self._timer.stop()
        if stack is not None and may_be_corrected(stack):
            self._timer.start()

    def show_report(self, report: PixelsReport) -> None:
        """Say what was found of the stack, that nothing is odd among it."""
        self._glance.forget()
        self._timer.stop()
        self._say(report.line_phase, *map(marked, _said(report)))

    def abandon(self) -> None:
        """Stop for good."""
        self._timer.stop()
        self._glance.abandon()

    def _look(self) -> None:
        if self._stack is not None:
            self._glance.ask(partial(glance_at_lines, self._stack))

    def _on_glance(self, phase: LinePhase) -> None:
        if phase.value is not None:
            self._say(phase, f"{SIGN} {phase.sentence} Correct it?")

    def _say(self, phase: LinePhase | None, *lines: str) -> None:
        self._phase, self._lines = phase, lines
        self._show()

    def _show(self) -> None:
        self.words.setText("\n".join(self._lines))
        is_file = self._stack is not None and bool(self._stack.paths)
        offered = self._phase is not None and self._phase.value is not None and is_file
        self.correct_button.setVisible(offered)
        self.found.setVisible(bool(self._lines))

    def _on_correct(self) -> None:
        if self._phase is not None:
            self.correction_wanted.emit(self._phase.value)


def may_be_corrected(stack: Stack) -> bool:
    """Whether it is a file, of which nothing was said about its line phase."""
    return bool(stack.paths) and stack.said.line_phase is None


def _source_of(stack: Stack | None) -> FrameSource | None:
    return None if stack is None else stack.source


def _said(report: PixelsReport) -> tuple[Remark, ...]:
    """What was found, that nothing is odd among it."""
    phase = report.line_phase
    if not phase.remarks:
        return (*as_notes(phase.sentence), *report.remarks)
    return report.remarks
