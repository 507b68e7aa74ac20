"""Session map and quality plot, below the tabs."""

from __future__ import annotations

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
    """The map of all chunks, and the quality of the frames of the recording in view."""

    def __init__(self) -> None:
        super().__init__()
        self.map = SessionMap()
        self.quality = QualityPlot()
        self.quality.setToolTip(QUALITY_TIP)
        self.quality.setMinimumHeight(190)  # the map takes its share of the window
        self._has_quality = False
        self._tab = ""
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.map)
        layout.addWidget(self.quality, 1)

    @property
    def filled(self) -> bool:
        """Whether there is something to see."""
        return bool(self.map.tables)

    def show_quality(self, alignment: Alignment) -> None:
        """Draw the frames of one recording, with the borders of its chunks."""
        self.quality.set_name(f"frame of {alignment.stack.name}")
        borders = () if alignment.chunks is None else alignment.chunks["start"][1:]
        self.quality.show_quality(alignment.quality, borders=borders)

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.map.set_theme(name)
        self.quality.set_theme(name)

    def set_shown(self, tab: str) -> None:
        """Show the map on both tabs of the session, the frames' quality on that of the results."""
        self._tab = tab
        self.setVisible(tab in ("Recordings", "Session") and self.filled)
        self.set_quality(self._has_quality)

    def set_quality(self, there: bool) -> None:
        """Whether the recording in view has a quality table."""
        self._has_quality = there
        self.quality.setVisible(there and self._tab == "Session")
