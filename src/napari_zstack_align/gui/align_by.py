"""The one choice of what drives an alignment: a channel, which all others follow, or all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QWidget

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.form import ParamsForm
from napari_zstack_align.params import ALL

WEIGHTS = "weights"
TIP = (
    "<qt>What drives the alignment, while all channels follow it: one channel, such as a red one "
    "that doesn't change with activity, or the sum of all. Default: the first channel. Weights of "
    "your own stand under 'More'.</qt>"
)


class AlignBy(QWidget):
    """A row with the choice, which stands in the parameters of a form.

    Parameters
    ----------
    form : ParamsForm
        Of parameters with ``channel`` and ``channel_weights``.
    """

    def __init__(self, form: ParamsForm[Any]) -> None:
        super().__init__()
        self._form = form
        self._names: tuple[str, ...] = ()
        self.combo = QComboBox()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self._label = label = QLabel("Align by")
        row.addWidget(label)
        row.addWidget(self.combo, 1)
        for widget in (label, self.combo):
            widget.setToolTip(TIP)
        self.combo.activated.connect(self._on_chosen)
        form.changed.connect(self.follow)
        self.follow()

    def show_channels(self, names: Sequence[str]) -> None:
        """Offer the channels of a stack; all of the one before are all of this one."""
        was_all = self.chosen == ALL
        self._names = tuple(names)
        if was_all:
            self._choose(ALL if len(names) > 1 else 0)
        self.follow()

    @property
    def chosen(self) -> int | str:
        """Channel, 'all', or 'weights' of one's own."""
        made = self._form.fields.made
        try:
            weights = tuple(made["channel_weights"].get()) if "channel_weights" in made else ()
        except InputError:  # half typed
            return WEIGHTS
        if not weights:
            return int(made["channel"].get()) if "channel" in made else 0
        is_all = len(set(weights)) == 1 and len(weights) == max(len(self._names), 1)
        return ALL if is_all else WEIGHTS

    def follow(self) -> None:
        """Show what the form says."""
        chosen, n_channels = self.chosen, max(len(self._names), 1)
        items: list[tuple[str, int | str]] = [(name, c) for c, name in enumerate(self._names)]
        if isinstance(chosen, int) and chosen >= len(self._names):
            items.append((f"channel {chosen}", chosen))
        if n_channels > 1:
            items.append(("all channels", ALL))
        if chosen not in [value for _, value in items]:
            items.append(("weights below", chosen))
        self.combo.clear()
        for text, value in items:
            self.combo.addItem(text, value)
        self.combo.setCurrentIndex([value for _, value in items].index(chosen))
        self.combo.setEnabled(len(items) > 1)
        for widget in (self._label, self.combo):
            widget.setHidden(len(items) < 2)  # the room is needed

    def _on_chosen(self, index: int) -> None:
        self._choose(self.combo.itemData(index))

    def _choose(self, which: int | str) -> None:
        if which == WEIGHTS:
            return
        fields = self._form.fields
        weights = (1.0,) * len(self._names) if which == ALL else ()
        if weights or "channel_weights" in fields.made:
            fields["channel_weights"].set(weights)
        fields["channel"].set(0 if which == ALL else int(which))
