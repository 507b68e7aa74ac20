"""The recordings of a session as a list: drop files on it, drag rows to reorder them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_zstack_align.gui.recordings.recording import Recording, in_order, row_words
from napari_zstack_align.gui.recordings.unlike import Unlike, unlike
from napari_zstack_align.gui.remarks import SIGN, marked
from napari_zstack_align.gui.word_colours import colour_of
from napari_zstack_align.read import describe

COLUMNS = ("Recording", "Frames", "Dropped", "Ch.", "Pixels", "µm", "Hz", "Ref.")
SELDOM = {"Dropped": "–", "Ch.": "1"}
"""Columns that are hidden while all rows say this."""
COLUMN_OF = {"size": "Pixels", "pixel size": "µm", "frame rate": "Hz", "channels": "Ch."}
"""Where a difference between recordings is marked."""
MARKED, UNMARKED = "★", "☆"
REFERENCE_COLUMN = len(COLUMNS) - 1
KEY_ROLE = Qt.ItemDataRole.UserRole
ROWS_SHOWN = 5


class RecordingList(QTreeWidget):
    """Recordings in the order in which they are registered and stepped through."""

    changed = Signal()
    """Recordings were added, removed or put in another order."""
    paths_dropped = Signal(list)
    """Files or folders were dropped."""
    reference_clicked = Signal(object)
    """A recording whose mark in the last column was clicked."""

    def __init__(self) -> None:
        super().__init__()
        self.may_remove: Callable[[list[Recording]], bool] = lambda _: True
        """Asked before rows are removed; where it says no, they stay."""
        self._recordings: dict[int, Recording] = {}
        self._n_made = 0
        self.setHeaderLabels(COLUMNS)
        self.setRootIsDecorated(False)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)  # a plane is named at the end
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setDefaultDropAction(Qt.DropAction.MoveAction)
        self.setAcceptDrops(True)
        self.setToolTip(
            "The recordings of one field of view. Drop files or a folder here; drag rows into "
            "another order (or Alt + ↑ ↓); Del removes the chosen rows."
        )
        self._reference: Recording | None = None
        self.unlike = Unlike()
        """What the recordings don't have in common."""
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.itemClicked.connect(self._on_click)
        self.setFixedHeight(header.sizeHint().height() + ROWS_SHOWN * 22)

    # -- what is there -------------------------------------------------------------------------

    @property
    def recordings(self) -> list[Recording]:
        """The recordings, in order."""
        return [self._of(self.topLevelItem(row)) for row in range(self.topLevelItemCount())]

    @property
    def current(self) -> int:
        """Row of the current recording; 0 where none is."""
        return max(0, self.indexOfTopLevelItem(self.currentItem()))

    def go_to(self, row: int) -> None:
        """Make a row the current one."""
        item = self.topLevelItem(row)
        if item is not None and item is not self.currentItem():
            self.setCurrentItem(item)

    # -- changes -------------------------------------------------------------------------------

    def add(self, recordings: Iterable[Recording]) -> None:
        """Add recordings; the list stays sorted unless it was put in another order by hand."""
        new, before = list(recordings), self.recordings
        if before == in_order(before):
            self.set_recordings(in_order(before + new))
        else:
            self.set_recordings(before + in_order(new))

    def set_recordings(self, recordings: Iterable[Recording]) -> None:
        """Show these recordings."""
        keep = None if self.currentItem() is None else self._of(self.currentItem())
        self.blockSignals(True)
        self.clear()
        self._recordings.clear()
        for recording in recordings:
            self.addTopLevelItem(self._item(recording))
        self.blockSignals(False)
        rows = self.recordings
        self.go_to(rows.index(keep) if keep in rows else 0)
        self._compare()
        self.changed.emit()

    def remove_selected(self) -> None:
        """Take the chosen rows out of the list; no file is touched."""
        chosen = [self._of(item) for item in self.selectedItems()]
        if chosen and self.may_remove(chosen):
            self.set_recordings([r for r in self.recordings if r not in chosen])

    def move(self, row: int, to: int) -> None:
        """Put one recording to another place in the order."""
        self.blockSignals(True)
        item = self.takeTopLevelItem(row)
        if item is not None:
            self.insertTopLevelItem(to, item)
            self.setCurrentItem(item)
        self.blockSignals(False)
        self._compare()
        self.changed.emit()

    @property
    def chosen(self) -> list[Recording]:
        """The recordings of the rows that are selected, or else of the current one, in order."""
        items = self.selectedItems() or [self.currentItem()]
        numbered = [item for item in items if item is not None]
        return [self._of(i) for i in sorted(numbered, key=self.indexOfTopLevelItem)]

    def choose(self, recordings: Iterable[Recording]) -> None:
        """Select the rows of these recordings."""
        wanted = list(recordings)
        for row in range(self.topLevelItemCount()):
            item = self.topLevelItem(row)
            item.setSelected(self._of(item) in wanted)

    def refresh(self) -> None:
        """Show what the alignments say of each recording now."""
        for row in range(self.topLevelItemCount()):
            item = self.topLevelItem(row)
            self._describe(item, self._of(item))
        self._compare()

    def mark_reference(self, recording: Recording | None) -> None:
        """Mark the recording that the reference is from; None: it will be found."""
        self._reference = recording
        for row in range(self.topLevelItemCount()):
            self._mark(self.topLevelItem(row))

    # -- dragging ------------------------------------------------------------------------------

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Accept files besides rows."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
        else:
            super().dragEnterEvent(event)

    def dragMoveEvent(self, event: Any) -> None:  # noqa: N802
        """Accept files anywhere."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()
        else:
            super().dragMoveEvent(event)

    def dropEvent(self, event: Any) -> None:  # noqa: N802
        """Tell of dropped files, or of the new order."""
        if event.mimeData().hasUrls():
            paths = [Path(url.toLocalFile()) for url in event.mimeData().urls()]
            event.acceptProposedAction()
            self.paths_dropped.emit([path for path in paths if path.name])
            return
        self.blockSignals(True)
        super().dropEvent(event)
        self.blockSignals(False)
        self._compare()
        self.changed.emit()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Del removes the chosen rows, Alt with ↑ or ↓ moves the current one."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(event.key(), 0)
        if event.key() == Qt.Key.Key_Delete:
            self.remove_selected()
        elif step and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            to = self.current + step
            if 0 <= to < self.topLevelItemCount():
                self.move(self.current, to)
        else:
            super().keyPressEvent(event)

    # -- inside --------------------------------------------------------------------------------

    def _compare(self) -> None:
        """Show the columns that say something, and find what differs from most rows."""
        recordings = self.recordings
        words = [row_words(recording) for recording in recordings]
        for title, usual in SELDOM.items():
            says_nothing = all(each[title] == usual for each in words)
            self.setColumnHidden(COLUMNS.index(title), says_nothing)
        self.unlike = unlike([recording.stack for recording in recordings])
        self.mark_unlike()

    def mark_unlike(self) -> None:
        """Mark what differs from most rows, in the colour of the theme."""
        for row in range(self.topLevelItemCount()):
            for what, title in COLUMN_OF.items():
                is_odd = (row, what) in self.unlike.marked
                brush = QBrush(QColor(colour_of("odd"))) if is_odd else QBrush()
                self.topLevelItem(row).setForeground(COLUMNS.index(title), brush)

    def _of(self, item: QTreeWidgetItem) -> Recording:
        return self._recordings[item.data(0, KEY_ROLE)]

    def _on_click(self, item: QTreeWidgetItem, column: int) -> None:
        if column == REFERENCE_COLUMN:
            self.reference_clicked.emit(self._of(item))

    def _mark(self, item: QTreeWidgetItem) -> None:
        recording = self._of(item)
        marked = recording is self._reference
        item.setText(REFERENCE_COLUMN, MARKED if marked else UNMARKED)
        item.setToolTip(
            REFERENCE_COLUMN,
            f"The reference is from {recording.name}."
            if marked
            else f"Click to take the reference from {recording.name}",
        )

    def _item(self, recording: Recording) -> QTreeWidgetItem:
        self._n_made += 1
        self._recordings[self._n_made] = recording
        item = QTreeWidgetItem()
        item.setData(0, KEY_ROLE, self._n_made)
        item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDropEnabled)
        for column in range(1, REFERENCE_COLUMN):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight)
        item.setTextAlignment(REFERENCE_COLUMN, Qt.AlignmentFlag.AlignHCenter)
        self._describe(item, recording)
        return item

    def _describe(self, item: QTreeWidgetItem, recording: Recording) -> None:
        remarks = recording.remarks
        for column, words in enumerate(row_words(recording).values()):
            item.setText(column, words)
        if any(remark.is_warning for remark in remarks):
            item.setText(0, f"{SIGN} {recording.name}")
        started = recording.started
        lines = [
            f"{recording.name}: {describe(recording.stack)}",
            "" if started is None else f"started {started:%Y-%m-%d %H:%M:%S}",
            *map(marked, remarks),
        ]
        for column in range(REFERENCE_COLUMN):
            item.setToolTip(column, "\n".join(line for line in lines if line))
        self._mark(item)
