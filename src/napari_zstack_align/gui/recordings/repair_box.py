"""Repair a chunk: what can be done about it, and the list of what was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QGroupBox,
    QLabel,
    QListWidget,
    QListWidgetItem,
)

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.pages import bring_into_sight

REPAIR = {
    "reject": (
        "Mark as bad",
        "Leave the chosen chunk out: only its neighbourhood is solved again",
    ),
    "accept": (
        "Mark as good",
        "The chosen chunk is flagged, but right where it lies: its frames count again",
    ),
    "points": (
        "Set 3 points …",
        "Click at least three places in the reference and in the chunk's mean, by hand",
    ),
    "automatic": (
        "Back to automatic",
        "Take back what was decided about the chosen chunk: it is again as it was found",
    ),
    "undo": ("Undo", "Take back the last repair of the run that is shown"),
    "apply_points": ("Use the points", "Fit the chunk to the points, and solve around it again"),
    "drop_points": ("Give up", "Leave the chunk as it is"),
}
WHILE_PICKING = ("apply_points", "drop_points")
HINT = "Choose a chunk in the session map below."
ROWS_SHOWN = 3
WHERE = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class EditRow:
    """A row of the list: a recording by its place, a chunk of it, and what was decided."""

    recording: int
    chunk: int
    words: str


class RepairBox(QGroupBox):
    """Buttons about the chosen chunk, and the repairs of the run that is shown."""

    edit_clicked = Signal(int, int)
    """Place of a recording, and a chunk of it."""

    def __init__(self) -> None:
        super().__init__("Repair a chunk")
        self.buttons = {name: button(*words) for name, words in REPAIR.items()}
        self.chunk_words = QLabel(HINT)
        self.chunk_words.setWordWrap(True)
        self.list = QListWidget()
        self.list.setToolTip("Repairs of the run that is shown: click one to go to its chunk")
        self.list.setFixedHeight(ROWS_SHOWN * self.list.fontMetrics().height() + 12)
        self.list.itemClicked.connect(self._on_click)
        self._rows: list[EditRow] = []
        self._lay_out()
        self.set_picking(False)
        self.show_edits([])

    def show_edits(self, rows: Iterable[EditRow]) -> None:
        """List repairs, the first one first; without any there is no list."""
        rows = list(rows)
        if rows != self._rows:
            self._rows = rows
            self.list.clear()
            for row in rows:
                item = QListWidgetItem(row.words)
                item.setToolTip(row.words)
                item.setData(WHERE, (row.recording, row.chunk))
                self.list.addItem(item)
        self.list.setVisible(bool(rows))

    def set_picking(self, on: bool) -> None:
        """Show what goes on with points by hand only while points are set."""
        for name, widget in self.buttons.items():
            widget.setVisible(on == (name in WHILE_PICKING))
        if on:
            bring_into_sight(self.buttons["apply_points"])

    def _on_click(self, item: QListWidgetItem) -> None:
        self.edit_clicked.emit(*item.data(WHERE))

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.addWidget(self.chunk_words, 0, 0, 1, 2)
        places = {
            "reject": (1, 0),
            "accept": (1, 1),
            "points": (2, 0),
            "automatic": (2, 1),
            "apply_points": (3, 0),
            "drop_points": (3, 1),
        }
        for name, place in places.items():
            grid.addWidget(self.buttons[name], *place)
        grid.addWidget(self.list, 4, 0, 1, 2)
        grid.addWidget(self.buttons["undo"], 5, 0)
        for column in range(2):
            grid.setColumnStretch(column, 1)
