"""The dock below the image: what an alignment did to every frame and to the volume."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QSize, Qt, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.picture_strip import Column, PictureStrip
from napari_zstack_align.gui.plots import QualityPlot
from napari_zstack_align.gui.zstack.quality_pictures import NAMES, QualityPictures

HEIGHT_PX = 172
"""With the title of the dock, a quarter of a window of 800 px."""
FLICKER_MS = 500
WAITS = "Sections and means follow …"
SECTIONS_TIP = (
    "Sections through the middle of the raw and of the aligned slices: where repeats or slices "
    "don't lie over one another, edges are ragged"
)
SHARPNESS_TIP = (
    "Structure that the means of two halves of the repeats share, aligned by raw, the median of "
    "all slices: over 1 is sharper. Noise, which the halves don't share, counts for nothing."
)


class QualityDock(QWidget):
    """The plots of the frames, sections and means of raw and aligned slices, and the sharpness."""

    frame_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.plot = QualityPlot(beside=True)
        self.sections = PictureStrip()
        self.sections.setToolTip(SECTIONS_TIP)
        self.means = ClickedStrip()
        self.means.setToolTip(
            "The part of the slice's mean that differs most, raw or aligned: a click changes them"
        )
        self.flicker_button = button("Flicker", "Let raw and aligned mean take turns")
        self.flicker_button.setCheckable(True)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setToolTip(SHARPNESS_TIP)
        self.pictures: QualityPictures | None = None
        self.is_after = True
        self._slice: int | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(FLICKER_MS)
        self._timer.timeout.connect(self.flip)
        self.flicker_button.toggled.connect(self._on_flicker)
        self.means.clicked.connect(self.flip)
        self.plot.frame_clicked.connect(self.frame_clicked)
        self._lay_out()
        self.show_pictures(None)

    def show_pictures(self, pictures: QualityPictures | None) -> None:
        """Show sections and means; None: they are still to come."""
        self.pictures = pictures
        self.sections.show_columns(() if pictures is None else pictures.sections)
        self.words.setText(WAITS if pictures is None else pictures.words)
        self.flicker_button.setEnabled(pictures is not None)
        self._draw()

    def go_to(self, frame: int | None, z: int | None) -> None:
        """Show where a frame is in the plots, and the means of a slice."""
        if frame is not None:
            self.plot.go_to(frame)
        if z != self._slice:
            self._slice = z
            self._draw()

    def flip(self) -> None:
        """From the aligned mean to the raw one, or back."""
        self.is_after = not self.is_after
        self._draw()

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.plot.set_theme(name)

    def sizeHint(self) -> QSize:  # noqa: N802 (Qt's name)
        """As low as it can be read: the image needs the rest."""
        return QSize(0, HEIGHT_PX)

    def _on_flicker(self, on: bool) -> None:
        (self._timer.start if on else self._timer.stop)()

    def _draw(self) -> None:
        z = self._slice
        parts = None if self.pictures is None or z is None else self.pictures.parts.get(z)
        if parts is None:
            self.means.show_columns(())
            return
        name = NAMES[self.is_after].upper()
        self.means.show_columns([Column(f"mean of slice {z}", (parts[self.is_after],), (name,))])

    def _lay_out(self) -> None:
        right = QVBoxLayout()
        right.addWidget(self.words)
        right.addWidget(self.flicker_button)
        right.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2, 0, 8, 0)
        layout.addWidget(self.plot, 10)
        for strip, stretch in ((self.sections, 7), (self.means, 3)):
            layout.addWidget(strip, stretch, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(right, 2)
        self.setMinimumHeight(HEIGHT_PX)


class ClickedStrip(PictureStrip):
    """Pictures that can be clicked."""

    clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Tell of the click."""
        self.clicked.emit()
        event.accept()
