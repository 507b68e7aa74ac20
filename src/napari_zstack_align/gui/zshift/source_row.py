"""A list of sources, with buttons that add a file or a saved alignment to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.file_dialogs import open_filter
from napari_zstack_align.gui.zshift.sources import FramesEntry, best, owner_of
from napari_zstack_align.read.readers import file_formats


class SourceRow(QWidget):
    """Choice of one source.

    Parameters
    ----------
    what : str
        What is chosen, such as 'recording'.
    tooltip : str
        What the list offers.
    """

    changed = Signal()
    """Something else is chosen."""
    path_chosen = Signal(object)
    """Path of a file or folder that is to be opened and added."""

    def __init__(self, what: str, tooltip: str) -> None:
        super().__init__()
        self._what = what
        self._files: list[FramesEntry] = []
        self._sources: list[FramesEntry] = []
        self._kept = False
        self.combo = QComboBox()
        self.combo.setToolTip(tooltip)
        self.combo.setMinimumContentsLength(12)
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.file_button = button("File …", f"Use a file as {what} ({file_formats()})")
        self.folder_button = button(".zalign …", f"Use a saved alignment as {what}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.combo, 1)
        row.addWidget(self.file_button)
        row.addWidget(self.folder_button)
        self.combo.currentIndexChanged.connect(lambda _: self._on_chosen())
        self.file_button.clicked.connect(lambda _: self._ask_file())
        self.folder_button.clicked.connect(lambda _: self._ask_folder())

    @property
    def source(self) -> FramesEntry | None:
        """What is chosen."""
        index = self.combo.currentIndex()
        return self._sources[index] if 0 <= index < len(self._sources) else None

    def offer(self, sources: Sequence[FramesEntry], other: FramesEntry | None = None) -> None:
        """Offer these and the files; a choice by hand stays, and ``other`` isn't proposed."""
        before = self.source
        self._sources = [*sources, *self._files]
        owners = [source.owner for source in self._sources]
        self._kept = self._kept and owner_of(before) in owners
        chosen = owners.index(owner_of(before)) if self._kept else best(self._sources, other)
        self._show(chosen if self._sources else -1)
        if owner_of(self.source) != owner_of(before):
            self.changed.emit()

    def add(self, source: FramesEntry) -> None:
        """Add a file that was opened, in place of what it was before, and choose it."""
        self._sources, self._files = (
            [*(each for each in group if each.owner != source.owner), source]
            for group in (self._sources, self._files)
        )
        self._show(len(self._sources) - 1)
        self.keep()
        self.changed.emit()

    def keep(self) -> None:
        """Keep the choice from now on, whatever else comes that would be more likely."""
        self._kept = True

    def _on_chosen(self) -> None:
        self.keep()
        self.changed.emit()

    def _show(self, chosen: int) -> None:
        self.combo.blockSignals(True)
        self.combo.clear()
        self.combo.addItems([source.name for source in self._sources])
        self.combo.setCurrentIndex(chosen)
        self.combo.blockSignals(False)

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, f"Choose a {self._what}", "", open_filter())
        if name:
            self.path_chosen.emit(Path(name))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, f"Choose a .zalign folder as {self._what}")
        if name:
            self.path_chosen.emit(Path(name))
