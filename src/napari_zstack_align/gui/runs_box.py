"""The list of runs: a click shows one, a double click renames it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from qtpy.QtCore import QModelIndex, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGroupBox,
    QHBoxLayout,
    QHeaderView,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.run_bar import StatusLine
from napari_zstack_align.gui.runs import Run, Runs, when_words
from napari_zstack_align.gui.saved_runs import SavedRuns

COLUMNS = {
    "Run": "Name of the run: a double click on the row changes it",
    "Correlation": (
        "Median correlation of the frames used with the others, held out, after alignment: at most "
        "1, no unit"
    ),
    "When": "When it was started",
    "Settings": "What differs from the defaults; the tooltip of a row has all parameters",
}
NAME, CORRELATION, WHEN, SETTINGS = range(len(COLUMNS))
NUMBER_ROLE = Qt.ItemDataRole.UserRole
ROWS_SHOWN = 4
ROW_HEIGHT = 20


class RunList(QTreeWidget):
    """Runs as rows, of which only the name can be edited."""

    remove_pressed = Signal()
    """Del was pressed."""

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderLabels(list(COLUMNS))
        for column, tip in enumerate(COLUMNS.values()):
            self.headerItem().setToolTip(column, tip)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setToolTip(
            "Click a run to show it. Double click it to change its name; Del removes it."
        )
        self.setEditTriggers(
            QAbstractItemView.EditTrigger.DoubleClicked
            | QAbstractItemView.EditTrigger.EditKeyPressed
        )
        header = self.header()
        header.setStretchLastSection(True)
        for column in (NAME, CORRELATION, WHEN):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.setFixedHeight(header.sizeHint().height() + ROWS_SHOWN * ROW_HEIGHT)

    def edit(self, index: QModelIndex, *how: Any) -> bool:
        """Edit the name, wherever the row was clicked."""
        named = self.model().index(index.row(), NAME, index.parent())
        return bool(super().edit(named, *how)) if how else super().edit(named)

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Del removes the run that is shown."""
        if event.key() == Qt.Key.Key_Delete:
            self.remove_pressed.emit()
        else:
            super().keyPressEvent(event)


class RunsBox(QGroupBox):
    """The runs of a dataset, in view where there are several of them."""

    chosen = Signal(int)
    """Number of a run that was clicked."""
    renamed = Signal(int, str)
    """Number and new name of a run."""
    remove_clicked = Signal(int)
    """Number of the run that is to be removed."""

    def __init__(self) -> None:
        super().__init__("Runs")
        self.list = RunList()
        self.remove_button = button(
            "Remove", "Take the chosen run out of the list; a saved result stays in its folder"
        )
        self.words = StatusLine()
        self._lay_out()
        self.setVisible(False)
        self.list.currentItemChanged.connect(self._on_current)
        self.list.itemChanged.connect(self._on_edited)
        self.list.remove_pressed.connect(self._on_remove)
        self.remove_button.clicked.connect(lambda _: self._on_remove())

    def show_runs(self, runs: Runs | None) -> None:
        """Show the runs that there are now."""
        listed = () if runs is None else runs.listed
        self.list.blockSignals(True)
        if [run.number for run in listed] != self._numbers():
            self.list.clear()
            self.list.addTopLevelItems([_item(run.number) for run in listed])
        today = datetime.now().astimezone()
        for row, run in enumerate(listed):
            _describe(self.list.topLevelItem(row), run, today)
        shown = None if runs is None else runs.shown
        if shown is not None:
            self.list.setCurrentItem(self.list.topLevelItem(self._numbers().index(shown.number)))
        self.list.blockSignals(False)
        self.remove_button.setEnabled(shown is not None and not shown.running)
        self.setVisible(len(listed) > 1)

    def item_of(self, number: int) -> QTreeWidgetItem | None:
        """The row of a run."""
        numbers = self._numbers()
        return self.list.topLevelItem(numbers.index(number)) if number in numbers else None

    def _numbers(self) -> list[int]:
        rows = range(self.list.topLevelItemCount())
        return [self.list.topLevelItem(row).data(NAME, NUMBER_ROLE) for row in rows]

    def _on_current(self, item: QTreeWidgetItem | None, _: Any) -> None:
        if item is not None:
            self.chosen.emit(item.data(NAME, NUMBER_ROLE))

    def _on_edited(self, item: QTreeWidgetItem, column: int) -> None:
        if column == NAME:
            self.renamed.emit(item.data(NAME, NUMBER_ROLE), item.text(NAME))

    def _on_remove(self) -> None:
        item = self.list.currentItem()
        if item is not None and self.remove_button.isEnabled():
            self.remove_clicked.emit(item.data(NAME, NUMBER_ROLE))

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.addWidget(self.words, 1)
        below.addStretch(0)
        below.addWidget(self.remove_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.list)
        layout.addLayout(below)


def may_remove(parent: QWidget, saved: SavedRuns, run: Run) -> bool:
    """Ask before a run is removed that is in no file."""
    lost = saved.would_lose([run], parent)
    return may_lose(parent, lost, f"Remove '{run.name}'?", yes="Remove it", no="Keep it")


def may_lose(parent: QWidget, lost: str, title: str, *, yes: str, no: str) -> bool:
    """Ask before results are dropped; ``lost`` names them, and '' is no question."""
    return not lost or confirmed(parent, title, lost, yes=yes, no=no)


def _item(number: int) -> QTreeWidgetItem:
    item = QTreeWidgetItem()
    item.setData(NAME, NUMBER_ROLE, number)
    item.setFlags(item.flags() | Qt.ItemFlag.ItemIsEditable)
    item.setTextAlignment(CORRELATION, Qt.AlignmentFlag.AlignRight)
    return item


def _describe(item: QTreeWidgetItem, run: Run, today: datetime) -> None:
    columns = (run.name, run.correlation_words, when_words(run.started, today), run.words)
    tip = "\n".join(run.details(today))
    for column, words in enumerate(columns):
        item.setText(column, words)
        item.setToolTip(column, tip)
