"""What the microscope did to the pixels of a stack: looked for on demand, mended by consent."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.remarks import marked
from napari_zstack_align.microscope import PixelsReport
from napari_zstack_align.remark import Remark, as_notes
from napari_zstack_align.sources import FrameSource
from napari_zstack_align.stack import Stack


class PixelCheck(QWidget):
    """A button that looks for a line phase and for channels that look alike, and what it found."""

    wanted = Signal()
    """The pixels are to be looked at."""
    correction_wanted = Signal(object)
    """The file is to be opened again with this line phase."""

    def __init__(self) -> None:
        super().__init__()
        self._report: PixelsReport | None = None
        self._source: FrameSource | None = None
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
            "Open the file again, with every second line moved back by whole pixels as frames are "
            "read; the file stays as it is, and results remember it",
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.check_button, self.words, self.correct_button):
            layout.addWidget(widget)
        self.check_button.clicked.connect(self.wanted)
        self.correct_button.clicked.connect(self._on_correct)
        self.show_stack(None)

    def show_stack(self, stack: Stack | None) -> None:
        """Another stack is shown; what was found stays where its pixels are the same."""
        self.check_button.setEnabled(stack is not None)
        if stack is None or stack.source is not self._source:
            self._report = self._source = None
        self._show(is_file=stack is not None and bool(stack.paths))

    def show_report(self, stack: Stack, report: PixelsReport) -> None:
        """Say what was found of a stack."""
        self._report, self._source = report, stack.source
        self._show(is_file=bool(stack.paths))

    def _show(self, *, is_file: bool) -> None:
        report = self._report
        lines = [] if report is None else [marked(each) for each in _said(report)]
        self.words.setText("\n".join(lines))
        self.words.setVisible(bool(lines))
        offered = report is not None and report.line_phase.value is not None and is_file
        self.correct_button.setVisible(offered)

    def _on_correct(self) -> None:
        if self._report is not None:
            self.correction_wanted.emit(self._report.line_phase.value)


def _said(report: PixelsReport) -> tuple[Remark, ...]:
    """What was found, that nothing is odd among it."""
    phase = report.line_phase
    if not phase.remarks:
        return (*as_notes(phase.sentence), *report.remarks)
    return report.remarks
