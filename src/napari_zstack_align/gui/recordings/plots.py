"""Session map and quality plot, below the tabs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.plots import QualityPlot
from napari_zstack_align.gui.recordings.session_map import SessionMap

QUALITY_TIP = (
    "Above: correlation of each frame with the reference, before and after. Below: how far the "
    "frame was moved (px). A click goes to the frame. Red crosses are flagged frames, dotted lines "
    "the borders of the chunks."
)


class SessionPlots(QWidget):
    """The map of all chunks, and the quality of the frames of the recording in view.

    Each is made when it is first needed: a plot takes time to make, and there is nothing to show
    when the panel opens.
    """

    cell_clicked = Signal(int, int)
    """Recording and chunk, in the map."""
    frame_clicked = Signal(int)
    """Frame of the recording in view."""

    def __init__(self) -> None:
        super().__init__()
        self._has_quality = False
        self._wants_quality = False
        self._theme = ""
        self.setVisible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)

    @cached_property
    def map(self) -> SessionMap:
        """The map, above."""
        made = SessionMap()
        made.cell_clicked.connect(self.cell_clicked)
        self._add(made, place=0, stretch=0)
        return made

    @cached_property
    def quality(self) -> QualityPlot:
        """The quality plot, below."""
        made = QualityPlot()
        made.setToolTip(QUALITY_TIP)
        made.setMinimumHeight(190)  # the map takes its share of the window
        made.frame_clicked.connect(self.frame_clicked)
        made.setVisible(False)
        self._add(made, place=-1, stretch=1)
        return made

    def making(self) -> Iterator[None]:
        """Make one, then the other, while a run begins: they would hold up its first result."""
        yield
        self.map  # noqa: B018 (it is made when it is asked for)
        yield
        self.quality  # noqa: B018

    def show_tables(
        self, names: list[str], tables: list[npt.NDArray[np.void] | None], hint: str
    ) -> None:
        """Show chunk tables in the map, and say what a click does."""
        if tables or "map" in vars(self):
            self.map.show_tables(names, tables, hint)

    @property
    def filled(self) -> bool:
        """Whether there is something to see."""
        return "map" in vars(self) and bool(self.map.tables)

    def show_quality(self, alignment: Alignment) -> None:
        """Draw the frames of one recording, with the borders of its chunks."""
        self.quality.set_name(f"frame of {alignment.stack.name}")
        borders = () if alignment.chunks is None else alignment.chunks["start"][1:]
        self.quality.show_quality(alignment.quality, borders=borders)

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self._theme = name
        for plot in ("map", "quality"):
            if plot in vars(self):
                getattr(self, plot).set_theme(name)

    def set_shown(self, *, on: bool, quality: bool) -> None:
        """Show the map or not, and the frames' quality below it or not."""
        self._wants_quality = quality
        self.setVisible(on and self.filled)
        self.set_quality(self._has_quality)

    def set_quality(self, there: bool) -> None:
        """Whether the recording in view has a quality table."""
        self._has_quality = there
        if there or "quality" in vars(self):
            self.quality.setVisible(there and self._wants_quality)

    def _add(self, made: SessionMap | QualityPlot, place: int, stretch: int) -> None:
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(place, made, stretch)
        if self._theme:
            made.set_theme(self._theme)
