"""The row above the tabs: which project is open, and whether it is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.run_bar import RunBar

NOT_SAVED = "Not saved yet"
NOT_SAVED_TIP = (
    "Nothing of this is saved as a project yet. A project keeps stacks, recordings, masks, runs, "
    "ROIs, traces, z-shift and parameters in one folder, and then saves itself."
)


class ProjectBar(QWidget):
    """Name of the project, when it was saved, and buttons to save and open one."""

    def __init__(self) -> None:
        super().__init__()
        self.words = ShortenedLabel()
        self.save_button = button(
            "Save project …",
            "Save all of this as one folder NAME.zproject; from then on it is saved by itself, "
            "after each result and at least every minute",
        )
        self.open_button = button(
            "Open …", "Open a project (a folder NAME.zproject) instead of what is shown"
        )
        self.run_bar = RunBar()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.words, 1)
        row.addWidget(self.save_button)
        row.addWidget(self.open_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(row)
        layout.addWidget(self.run_bar)
        self.show_none()

    def show_none(self) -> None:
        """No project is open."""
        self.words.show_words(NOT_SAVED, NOT_SAVED_TIP)

    def show_state(self, path: Path, state: str, remarks: str = "") -> None:
        """Show the name of a project, and how it stands with it, such as 'saved 14:03'."""
        tip = "\n".join(filter(None, (str(path), state, remarks)))
        self.words.show_words(f"{path.name}, {state}", tip)


class ShortenedLabel(QLabel):
    """Words in one line; where they are too long, their middle is left out."""

    def __init__(self) -> None:
        super().__init__()
        self._words = ""
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def words(self) -> str:
        """All of the words."""
        return self._words

    def show_words(self, words: str, tooltip: str) -> None:
        """Show some words."""
        self._words = words
        self.setToolTip(tooltip)
        self._fit()

    def resizeEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Show as much as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        middle = Qt.TextElideMode.ElideMiddle
        self.setText(self.fontMetrics().elidedText(self._words, middle, self.width()))
