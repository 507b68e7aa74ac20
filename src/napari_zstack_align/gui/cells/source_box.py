"""Which image to look in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QWidget,
)

from napari_zstack_align.gui.cells.sources import KINDS, ImagesEntry


class SourceBox(QGroupBox):
    """What to look in, which image to make of it, of which channel and which frames."""

    changed = Signal()
    """Something else is chosen."""

    def __init__(self) -> None:
        super().__init__("Image")
        self.sources: list[ImagesEntry] = []
        self.what = _combo("What to look for cells in")
        self.kind = _combo("Which image to make of the frames")
        self.channel = _combo("Channel that shows the cells")
        self.frames = (_frame_box("First frame"), _frame_box("Last frame"))
        self._form = QFormLayout(self)
        self._form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        range_row = QWidget()
        row = QHBoxLayout(range_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.frames[0], 1)
        row.addWidget(QLabel("to"))
        row.addWidget(self.frames[1], 1)
        self._rows: dict[str, QWidget] = {
            "Look in": self.what,
            "Image": self.kind,
            "Channel": self.channel,
            "Frames": range_row,
        }
        for title, widget in self._rows.items():
            self._form.addRow(title, widget)
        self.what.currentIndexChanged.connect(lambda _: self._on_source())
        for combo in (self.kind, self.channel):
            combo.currentIndexChanged.connect(lambda _: self.changed.emit())
        for box in self.frames:
            box.valueChanged.connect(lambda _: self.changed.emit())
        self._on_source()

    @property
    def source(self) -> ImagesEntry | None:
        """What is chosen to look in."""
        index = self.what.currentIndex()
        return self.sources[index] if 0 <= index < len(self.sources) else None

    @property
    def chosen_kind(self) -> str:
        """The image to make, a key of ``KINDS``."""
        return self.kind.currentData() or ""

    @property
    def chosen_channel(self) -> int:
        """The channel, counted from 0."""
        return max(self.channel.currentIndex(), 0)

    @property
    def chosen_frames(self) -> tuple[int, int] | None:
        """First frame and the one after the last; None for all of them."""
        source = self.source
        if source is None or not source.n_frames:
            return None
        first, last = sorted(box.value() for box in self.frames)
        return None if (first, last + 1) == (0, source.n_frames) else (first, last + 1)

    def offer(self, sources: Sequence[ImagesEntry]) -> None:
        """Offer these, and keep the choice where it is still there."""
        before = self.source
        same = len(sources) == len(self.sources) and all(
            new.is_like(old) and new.name == old.name
            for new, old in zip(sources, self.sources, strict=True)
        )
        if same:
            return
        self.sources = list(sources)
        owners = [source.owner for source in sources]
        index = 0
        if before is not None and any(before.owner is owner for owner in owners):
            index = next(k for k, owner in enumerate(owners) if owner is before.owner)
        self.what.blockSignals(True)
        self.what.clear()
        self.what.addItems([source.name for source in sources])
        self.what.setCurrentIndex(index if sources else -1)
        self.what.blockSignals(False)
        if not (self.source and self.source.is_like(before)):
            self._on_source()

    def _on_source(self) -> None:
        """Offer what can be made of what is chosen."""
        source = self.source
        widgets = (self.kind, self.channel, *self.frames)
        for widget in widgets:
            widget.blockSignals(True)
        kind = self.kind.currentData()
        self.kind.clear()
        self.channel.clear()
        kinds = source.kinds if source else ()
        for index, name in enumerate(kinds):
            title, tip = KINDS[name]
            self.kind.addItem(title, name)
            self.kind.setItemData(index, tip, Qt.ItemDataRole.ToolTipRole)
        if kind in kinds:
            self.kind.setCurrentIndex(kinds.index(kind))
        self.channel.addItems(list(source.channels) if source else [])
        n_frames = source.n_frames if source else 0
        for box, value in zip(self.frames, (0, max(n_frames - 1, 0)), strict=True):
            box.setRange(0, max(n_frames - 1, 0))
            box.setValue(value)
        for widget in widgets:
            widget.blockSignals(False)
        self._form.setRowVisible(self._rows["Image"], len(kinds) > 1)
        self._form.setRowVisible(self._rows["Channel"], self.channel.count() > 1)
        self._form.setRowVisible(self._rows["Frames"], n_frames > 1)
        self.changed.emit()


def _combo(tip: str) -> Any:
    combo = QComboBox()
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(12)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return combo


def _frame_box(tip: str) -> QSpinBox:
    box = QSpinBox()
    box.setKeyboardTracking(False)
    box.setToolTip(f"{tip} of the aligned recording that the image is made of, counted from 0")
    return box
