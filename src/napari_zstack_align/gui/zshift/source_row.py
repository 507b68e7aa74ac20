"""A list of sources, with buttons that add a file or a saved alignment to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QWidget

from napari_zstack_align.gui.load_tab import FILTER
from napari_zstack_align.gui.stack_details import button
from napari_zstack_align.gui.zshift.sources import Source, best, of_paths, owner_of


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

    def __init__(self, what: str, tooltip: str) -> None:
        super().__init__()
        self._what = what
        self._paths: list[Path] = []
        self._sources: list[Source] = []
        self._kept = False
        self.combo = QComboBox()
        self.combo.setToolTip(tooltip)
        self.combo.setMinimumContentsLength(12)
        self.combo.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.file_button = button("File …", f"Use a file as {what} (TIFF, .npy)")
        self.folder_button = button(".zalign …", f"Use a saved alignment as {what}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.combo, 1)
        row.addWidget(self.file_button)
        row.addWidget(self.folder_button)
        self.combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        self.combo.activated.connect(lambda _: self.keep())
        self.file_button.clicked.connect(lambda _: self._ask_file())
        self.folder_button.clicked.connect(lambda _: self._ask_folder())

    @property
    def source(self) -> Source | None:
        """What is chosen."""
        index = self.combo.currentIndex()
        return self._sources[index] if 0 <= index < len(self._sources) else None

    def offer(self, sources: Sequence[Source], other: Source | None = None) -> None:
        """Offer these and the files; a choice by hand stays, and ``other`` isn't proposed."""
        before = self.source
        self._sources = [*sources, *of_paths(self._paths)]
        owners = [source.owner for source in self._sources]
        kept = self._kept and before is not None and before.owner in owners
        index = owners.index(before.owner) if kept and before else best(self._sources, other)
        self.combo.blockSignals(True)
        self.combo.clear()
        self.combo.addItems([source.name for source in self._sources])
        self.combo.setCurrentIndex(index if self._sources else -1)
        self.combo.blockSignals(False)
        self._kept = kept
        if owner_of(self.source) != owner_of(before):
            self.changed.emit()

    def keep(self) -> None:
        """Keep the choice from now on, whatever else comes that would be more likely."""
        self._kept = True

    def choose_path(self, path: Path) -> None:
        """Add a file or folder to the list, and choose it."""
        if path not in self._paths:
            self._paths.append(path)
            self._sources += of_paths([path])
            self.combo.addItem(self._sources[-1].name)
        owners = [source.owner for source in self._sources]
        self.keep()
        self.combo.setCurrentIndex(owners.index(path))

    def _ask_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, f"Choose a {self._what}", "", FILTER)
        if name:
            self.choose_path(Path(name))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, f"Choose a .zalign folder as {self._what}")
        if name:
            self.choose_path(Path(name))
