"""The row that offers stacks whose layers were removed in napari while runs are in no file."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.run_bar import StatusLine
from napari_zstack_align.gui.runs import names_of
from napari_zstack_align.gui.stack_layers import StackLayers


class KeptRow(QWidget):
    """Names the stacks and their runs; in view where there are any."""

    def __init__(self) -> None:
        super().__init__()
        self.words = StatusLine()
        self.button = button(
            "Show again", "Add the layers of these stacks to napari again, with their runs"
        )
        self.discard_button = button(
            "Discard …", "Forget these stacks and the runs of them that are in no file"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.discard_button)
        self.show_kept(())

    def show_kept(self, stacks: Sequence[StackLayers]) -> None:
        """Name the stacks that there are now."""
        named = [
            f"{each.stack.name} ({names_of(each.runs.listed)})"
            for each in stacks
            if each.runs.listed
        ]
        self.words.setText(f"Removed from napari, runs kept: {', '.join(named)}" if named else "")
        self.setVisible(bool(named))
