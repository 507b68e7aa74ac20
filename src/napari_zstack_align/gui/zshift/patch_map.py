"""Depth of the patches of the current frame, as colours in the frame's own orientation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from napari.utils.theme import get_theme
from qtpy.QtCore import QRectF
from qtpy.QtWidgets import QComboBox, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.zshift.view import ZShiftView

TILT, DEPTH, SURE = "tilt", "depth", "confidence"
QUANTITIES = {
    TILT: "Tilt: patch z − frame z ({unit})",
    DEPTH: "z of each patch ({unit})",
    SURE: "Confidence of each patch",
}
COLORS = {TILT: "CET-D1", DEPTH: "viridis", SURE: "viridis"}
WIDTH = 250
NO_TILT = "tilt unknown"


class PatchMap(QWidget):
    """Heat-map of the patches of one frame."""

    def __init__(self) -> None:
        super().__init__()
        self.view: ZShiftView | None = None
        self.frame = 0
        self.quantity = QComboBox()
        for name, words in QUANTITIES.items():
            self.quantity.addItem(words.format(unit="slices"), name)
        self.quantity.setToolTip("What the colours of the map show, of the frame in view")
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.graphics = pg.GraphicsLayoutWidget()
        self.graphics.setToolTip(
            "The frame from above, a square a patch. Tilt: blue lies at a smaller z than the "
            "frame's mean, red at a larger one. White are patches whose depth is unknown."
        )
        ignored = QSizePolicy.Policy.Ignored  # as low as the plot beside it
        self.graphics.setSizePolicy(ignored, ignored)
        self._make_plot()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.quantity)
        layout.addWidget(self.graphics, 1)
        layout.addWidget(self.words)
        self.setFixedWidth(WIDTH)
        self.quantity.currentIndexChanged.connect(lambda _: self._draw())

    @property
    def shown(self) -> str:
        """What the colours show: a key of ``QUANTITIES``."""
        return str(self.quantity.currentData())

    def show_view(self, view: ZShiftView) -> None:
        """Show another z-shift."""
        self.view = view
        self.frame = min(self.frame, view.n_frames - 1)
        for index, words in enumerate(QUANTITIES.values()):
            self.quantity.setItemText(index, words.format(unit=view.unit))
        y, x = view.zshift.centres
        rows, columns = view.zshift.frame_shape
        self._place = _rectangle(_extent(y, rows), _extent(x, columns))
        self.plot.setRange(xRange=(0, columns), yRange=(0, rows), padding=0.02)
        self._draw()

    def go_to(self, frame: int) -> None:
        """Show another frame."""
        if frame != self.frame:
            self.frame = frame
            self._draw()

    def values(self) -> npt.NDArray[np.float32]:
        """(py, px) what is shown of the frame; NaN where unknown."""
        view = self.view
        if view is None:
            return np.full((1, 1), np.nan, np.float32)
        if self.shown == SURE:
            return view.zshift.patch_confidence[self.frame]
        z = view.zshift.patch_z[self.frame] * np.float32(view.step)
        return z - view.z[self.frame] if self.shown == TILT else z

    def tilt_words(self) -> str:
        """Tilt of the frame, in a line a direction."""
        view = self.view
        if view is None or not np.isfinite(view.tilt[self.frame]).all():
            return NO_TILT
        down, right = view.tilt[self.frame]
        words = f"top to bottom {down:+.2f} {view.unit}\nleft to right {right:+.2f} {view.unit}"
        return words.replace("-", "−")

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        theme = get_theme(name)
        self.graphics.setBackground(theme.background.as_hex())
        self._bar.axis.setPen(theme.secondary.as_hex())
        self._bar.axis.setTextPen(theme.text.as_hex())

    # -- inside --------------------------------------------------------------------------------

    def _draw(self) -> None:
        if self.view is None:
            return
        colors, (low, high) = pg.colormap.get(COLORS[self.shown]), self._levels()
        self.image.setImage(self.values(), autoLevels=False, levels=(low, high))
        self.image.setRect(self._place)
        self.image.setColorMap(colors)
        self._bar.setColorMap(colors)
        self._bar.setLevels((low, high))
        self.words.setText(self.tilt_words())

    def _levels(self) -> Limits:
        if self.view is None or self.shown == SURE:
            return 0.0, 1.0
        return self.view.tilt_range if self.shown == TILT else self.view.z_range

    def _make_plot(self) -> None:
        self._place = QRectF(0, 0, 1, 1)
        self.graphics.ci.setContentsMargins(2, 8, 2, 8)  # room for the numbers at the ends
        self.plot: Any = self.graphics.addPlot(enableMenu=False)
        self.plot.invertY(True)
        self.plot.setAspectLocked(True)
        self.plot.setMouseEnabled(x=False, y=False)
        self.plot.hideButtons()
        for side in ("left", "bottom"):
            self.plot.hideAxis(side)
        self.image = pg.ImageItem(axisOrder="row-major")
        self.plot.addItem(self.image)
        self._bar = pg.ColorBarItem(interactive=False, width=10)
        self._bar.setImageItem(self.image)
        self.graphics.addItem(self._bar)


def _extent(centres: npt.NDArray[np.float64], size: int) -> tuple[float, float]:
    """Start and end of the squares along an axis; of a single patch, the whole frame."""
    if len(centres) < 2:
        return 0.0, float(size)
    half = (centres[-1] - centres[0]) / (len(centres) - 1) / 2
    return float(centres[0] - half), float(centres[-1] + half)


def _rectangle(y: tuple[float, float], x: tuple[float, float]) -> QRectF:
    return QRectF(x[0], y[0], x[1] - x[0], y[1] - y[0])
