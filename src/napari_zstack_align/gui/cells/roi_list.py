"""The list of ROIs: where they are, how they were found, and in which recordings they are valid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QAbstractTableModel, QItemSelection, QItemSelectionModel, QModelIndex, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.rois import CHECK
from napari_zstack_align.gui.cells.roi_model import RoiModel

COLUMNS = {
    "id": "Id of the ROI; it keeps it for life",
    "y": "Centre, from above (px)",
    "x": "Centre, from the left (px)",
    "radius": "Radius (px)",
    "strength": "Response of the detector on an image between 0 and 1",
    "methods": "How many of LoG, DoG and DoH find it",
    "hand": "Added or changed by hand",
}
VALID = ("valid in", "Recordings, counted from 1, in which 90 % of the circle are always in view")
CHECKED = (
    "check",
    "Carried to another reference, and to be looked at: frames disagree by more than 0.5 px, less "
    "than 90 % of it lies inside, or the image around it is another one; done once it is moved",
)
SLICES = ("slices", "First and last slice, counted from 0")
FEATURES = {"methods": "agreement", "hand": "by_hand", "check": CHECK}
"""Columns that are called otherwise than what they show."""
HEIGHT = 170
LONG = ("strength", "methods")
HEADER_WIDE = QHeaderView.ResizeMode.ResizeToContents


class RoiTable(QAbstractTableModel):
    """The ROIs as a Qt model.

    Parameters
    ----------
    model : RoiModel
        The ROIs; read when they change.
    """

    def __init__(self, model: RoiModel) -> None:
        super().__init__(model)
        self.rois: Rois = model.rois
        self._model = model
        self._valid: npt.NDArray[np.bool_] | None = None
        self._n_recordings = 0
        model.changed.connect(self._on_changed)

    def show_valid(self, valid: npt.NDArray[np.bool_] | None, n_recordings: int) -> None:
        """Show in which recordings the ROIs are valid, (N, R); None while that isn't known."""
        columns = self.columnCount()
        self.beginResetModel()
        self._valid, self._n_recordings = valid, n_recordings
        self.endResetModel()
        if columns != self.columnCount():
            self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, self.columnCount() - 1)

    @property
    def headers(self) -> list[tuple[str, str]]:
        """Title and tooltip of each column."""
        last = [SLICES] if np.any(self.rois.slices >= 0) else []
        last += [CHECKED] if np.any(self.rois.features.get(CHECK, False)) else []
        return [*COLUMNS.items(), *last, *([VALID] if self._n_recordings > 1 else [])]

    def rowCount(self, _: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """A row a ROI."""
        return len(self.rois)

    def columnCount(self, _: QModelIndex = QModelIndex()) -> int:  # noqa: N802, B008
        """A column a fact."""
        return len(self.headers)

    def headerData(self, section: int, orientation: Any, role: int) -> Any:  # noqa: N802
        """Titles, with tooltips."""
        if orientation != Qt.Orientation.Horizontal or section >= len(self.headers):
            return None
        title, tip = self.headers[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return title
        return tip if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Words of a cell."""
        if role != Qt.ItemDataRole.DisplayRole or index.row() >= len(self.rois):
            return None
        return self.words(index.row(), self.headers[index.column()][0])

    def words(self, row: int, column: str) -> str:
        """What stands in a row under a title."""
        rois = self.rois
        if column == "id":
            return str(rois.ids[row])
        if column in ("y", "x", "radius"):
            return f"{rois.circles[row, ('y', 'x', 'radius').index(column)]:.1f}"
        if column == "slices":
            return "–".join(map(str, dict.fromkeys(rois.slices[row].tolist())))
        if column == "valid in":
            return self._valid_words(row)
        return _feature_words(rois, row, column)

    def _valid_words(self, row: int) -> str:
        if self._valid is None or row >= len(self._valid):
            return "…"
        found = np.flatnonzero(self._valid[row]) + 1
        if len(found) == self._n_recordings:
            return "all"
        return ", ".join(map(str, found)) or "none"

    def _on_changed(self) -> None:
        self.beginResetModel()
        self.rois, self._valid = self._model.rois, None
        self.endResetModel()


class RoiList(QTableView):
    """The table, whose selection is that of the model.

    Parameters
    ----------
    model : RoiModel
        The ROIs.
    """

    def __init__(self, model: RoiModel) -> None:
        super().__init__()
        self._rois = model
        self.table = RoiTable(model)
        self.setModel(self.table)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(20)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setMinimumSectionSize(28)
        header.setHighlightSections(False)  # in bold the titles are too wide
        header.setResizeContentsPrecision(0)
        for title in LONG:
            header.setSectionResizeMode(list(COLUMNS).index(title), HEADER_WIDE)
        self.setFixedHeight(HEIGHT)
        self._quiet = False
        self.selectionModel().selectionChanged.connect(self._on_selection)
        model.selection_changed.connect(self._show_selection)
        self.table.modelReset.connect(self._show_selection)

    def selected_rows(self) -> Sequence[int]:
        """Rows that are selected."""
        return sorted({index.row() for index in self.selectionModel().selectedRows()})

    def _on_selection(self, *_: Any) -> None:
        if not self._quiet:
            self._rois.select(self.table.rois.ids[self.selected_rows()].tolist())

    def _show_selection(self) -> None:
        rows = np.flatnonzero(np.isin(self.table.rois.ids, self._rois.selected)).tolist()
        if rows == self.selected_rows():
            return
        self._quiet = True
        chosen, last = QItemSelection(), self.table.columnCount() - 1
        for row in rows:
            chosen.select(self.table.index(row, 0), self.table.index(row, last))
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.selectionModel().select(chosen, flags)
        self._quiet = False
        if rows:
            self.scrollTo(self.table.index(rows[0], 0))


def _feature_words(rois: Rois, row: int, column: str) -> str:
    name = FEATURES.get(column, column)
    if name not in rois.features:
        return ""
    value = rois.features[name][row]
    if name in (CHECK, "by_hand"):
        return "yes" if value else ""
    if name == "agreement":
        return f"{value:.0f}" if np.isfinite(value) and value > 0 else ""
    return f"{value:.3g}" if np.isfinite(value) else ""
