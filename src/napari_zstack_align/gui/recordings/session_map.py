"""The session at a glance: recordings × chunks as a heat-map."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import QEvent, QRectF, Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGraphicsRectItem,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.flags import Flag, are_flagged, shown
from napari_zstack_align.gui.plots import CURRENT, FLAG

QUANTITIES = {
    "correlation_after": "Correlation after",
    "n_inliers": "Inliers (matches that fit)",
    "residual_px": "Residual (px)",
}
LESS_IS_BETTER = ("residual_px",)
COLORS = "viridis"
FRAME_HEIGHT, MIN_HEIGHT = 100, 170
ROW_HEIGHT, MAX_ROWS = 14, 14
"""Height of a row (px) that has room for its name, and how many such rows are shown at most."""
NOT_RUN_WORDS = "not run yet"
HINT = "Click a chunk to go there."
MAX_NAME = 18
LEAST_CONTRAST = 0.1
"""Correlations closer than this shall look alike."""
MAX_TICKS = 10


class SessionMap(QWidget):
    """Heat-map of the chunk tables; flagged chunks are crossed out, a click chooses one."""

    cell_clicked = Signal(int, int)
    """Recording and chunk."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[npt.NDArray[np.void] | None] = []
        self._names: list[str] = []
        self._chosen = (-1, -1)
        self._hint = HINT
        self._frame = QGraphicsRectItem()
        self.quantity = QComboBox()
        for column, words in QUANTITIES.items():
            self.quantity.addItem(words, column)
        self.quantity.setToolTip("What the colours of the map show")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._keep_lines()
        self.view = pg.GraphicsLayoutWidget()
        self.view.setToolTip(
            "A row a recording, a column a chunk. Red crosses are flagged chunks; a click goes to "
            "the chunk."
        )
        self._make_plot()
        self._lay_out()
        self.quantity.currentIndexChanged.connect(self._draw)
        self.view.scene().sigMouseClicked.connect(self._on_click)
        self.view.scene().sigMouseMoved.connect(self._on_move)

    # -- what is shown -------------------------------------------------------------------------

    def show_tables(
        self,
        names: Sequence[str],
        tables: Sequence[npt.NDArray[np.void] | None],
        hint: str = HINT,
    ) -> None:
        """Show the chunk tables of recordings (None where there is none yet), and what to do."""
        self._hint = hint
        self._names, self.tables = list(names), list(tables)
        self._draw()

    def choose(self, recording: int, chunk: int) -> None:
        """Frame a cell, and say what is in it."""
        self._frame.setRect(QRectF(chunk - 0.5, recording - 0.5, 1, 1))
        self._frame.setVisible(True)
        self._chosen = (recording, chunk)
        self.words.setText(self.cell_words(recording, chunk))

    def cell_words(self, recording: int, chunk: int) -> str:
        """Values and flag of one chunk; '' where there is no such chunk."""
        row = self._row(recording, chunk)
        if row is None:
            return ""
        name = f"<b>{self._names[recording]}</b>, chunk {chunk}"
        frames = f"frames {row['start']}–{row['stop'] - 1}"
        if not row["method"] or row["flag"] == Flag.NOT_RUN:
            return f"{name}, {frames}: {NOT_RUN_WORDS}."
        words = [
            f"correlation {_number(row['correlation_after'])} (before: "
            f"{_number(row['correlation_before'])})",
            f"{row['n_inliers']} inliers of {row['n_matches']} matches",
            f"residual {_number(row['residual_px'])} px",
        ]
        flag = f" <span style='color:{FLAG}'>{escape(shown(row))}</span>." if row["flag"] else ""
        method = f", {row['method']}" if row["method"] else ""
        return f"{name}, {frames}{method}: {', '.join(words)}.{flag}"

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        theme = get_theme(name)
        self.view.setBackground(theme.background.as_hex())
        for axis in (self.plot.getAxis("left"), self.plot.getAxis("bottom"), self._bar.axis):
            axis.setPen(theme.secondary.as_hex())
            axis.setTextPen(theme.text.as_hex())

    # -- inside --------------------------------------------------------------------------------

    def _draw(self, _: Any = None) -> None:
        if not self.tables:
            return
        column = self.quantity.currentData()
        values = values_of(self.tables, column)
        low, high = colour_limits(values, column)
        self.image.setImage(values, autoLevels=False, levels=(low, high))
        self.image.setRect(QRectF(-0.5, -0.5, values.shape[1], values.shape[0]))
        self.image.setColorMap(colour_map(column))
        self._bar.setColorMap(colour_map(column))
        self._bar.setLevels((low, high))
        self._mark_flagged()
        names = thinned([_short(name) for name in self._names], MAX_ROWS)
        self.plot.getAxis("left").setTicks([names])
        chunks = thinned([str(k) for k in range(values.shape[1])], MAX_TICKS)
        self.plot.getAxis("bottom").setTicks([chunks])
        self.plot.setRange(
            xRange=(-0.5, values.shape[1] - 0.5), yRange=(-0.5, values.shape[0] - 0.5), padding=0.02
        )
        height = FRAME_HEIGHT + ROW_HEIGHT * min(values.shape[0], MAX_ROWS)
        self.view.setFixedHeight(max(height, MIN_HEIGHT))
        self._show_chosen()

    def _mark_flagged(self) -> None:
        marks = [
            (chunk, recording)
            for recording, table in enumerate(self.tables)
            if table is not None
            for chunk in np.flatnonzero(are_flagged(table["flag"]))
        ]
        self.marks.setData(pos=np.array(marks, float).reshape(-1, 2))

    def _show_chosen(self) -> None:
        recording, chunk = self._chosen
        if self._row(recording, chunk) is None:
            self._frame.setVisible(False)
            self.words.setText(self._hint)
        elif self._frame.isVisible():
            self.words.setText(self.cell_words(recording, chunk))

    def _row(self, recording: int, chunk: int) -> Any:
        table = self.tables[recording] if 0 <= recording < len(self.tables) else None
        return None if table is None or not 0 <= chunk < len(table) else table[chunk]

    def _cell_at(self, scene_position: Any) -> tuple[int, int] | None:
        if not self.plot.sceneBoundingRect().contains(scene_position):
            return None
        point = self.plot.vb.mapSceneToView(scene_position)
        cell = round(point.y()), round(point.x())
        return None if self._row(*cell) is None else cell

    def _on_click(self, event: Any) -> None:
        cell = self._cell_at(event.scenePos())
        if cell is not None:
            self.choose(*cell)
            self.cell_clicked.emit(*cell)

    def _on_move(self, scene_position: Any) -> None:
        cell = self._cell_at(scene_position)
        if cell is not None:
            self.words.setText(self.cell_words(*cell))
        else:
            self._show_chosen()

    def leaveEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """The pointer has left: tell of the chosen chunk again."""
        self._show_chosen()
        super().leaveEvent(event)

    def changeEvent(self, event: Any) -> None:  # noqa: N802
        """Keep room for the words in whatever font."""
        if event.type() == QEvent.Type.FontChange:
            self._keep_lines()
        super().changeEvent(event)

    def _keep_lines(self) -> None:
        """Room for three lines, so that nothing jumps when the words grow."""
        self.words.setMinimumHeight(3 * self.words.fontMetrics().lineSpacing())

    def _make_plot(self) -> None:
        self.plot = self.view.addPlot(enableMenu=False)
        self.plot.invertY(True)
        self.plot.setMouseEnabled(x=True, y=False)
        self.plot.hideButtons()
        self.plot.setLabel("bottom", "chunk")
        self.plot.getAxis("bottom").enableAutoSIPrefix(False)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.marks = pg.ScatterPlotItem(symbol="x", size=10, pen=pg.mkPen(FLAG), brush=FLAG)
        self._frame.setPen(pg.mkPen(CURRENT, width=2))
        self._frame.setVisible(False)
        for item in (self.image, self.marks, self._frame):
            self.plot.addItem(item, ignoreBounds=True)
        self._bar = pg.ColorBarItem(interactive=False, width=10, colorMap=colour_map(""))
        self._bar.setImageItem(self.image)
        self.view.addItem(self._bar)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(QLabel("Session map"))
        row.addWidget(self.quantity, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.view)
        layout.addWidget(self.words)


def are_waiting(chunks: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which chunks were not matched yet."""
    return np.asarray((chunks["method"] == "") | not_run(chunks), bool)


def not_run(chunks: npt.NDArray[np.void]) -> npt.NDArray[np.bool_]:
    """Which chunks a cancelled run didn't reach."""
    return np.asarray(chunks["flag"] == Flag.NOT_RUN, bool)


def values_of(tables: Sequence[Any], column: str) -> npt.NDArray[np.float32]:
    """(recordings, chunks) float32 of one column; NaN where there is no chunk, or none yet."""
    width = max([1, *(len(table) for table in tables if table is not None)])
    values = np.full((len(tables), width), np.nan, np.float32)
    for row, table in enumerate(tables):
        if table is not None:
            values[row, : len(table)] = np.where(are_waiting(table), np.nan, table[column])
    return values


def colour_limits(values: npt.NDArray[np.float32], column: str) -> tuple[float, float]:
    """Limits of the colours; counts and residuals start at 0."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    high = float(finite.max())
    if column == "correlation_after":
        return min(float(finite.min()), high - LEAST_CONTRAST), high
    return 0.0, high or 1.0


def colour_map(column: str) -> Any:
    """Bright is good."""
    colors = pg.colormap.get(COLORS, skipCache=True)  # the cached one would be turned again
    if column in LESS_IS_BETTER:
        colors.reverse()
    return colors


def thinned(words: list[str], most: int) -> list[tuple[int, str]]:
    """Position and word of evenly chosen ones, at most so many."""
    return list(enumerate(words))[:: -(-len(words) // most)]


def _number(value: float) -> str:
    return f"{value:.2f}" if np.isfinite(value) else "unknown"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…"
