"""The row that offers stacks and masks whose layers were removed in napari."""

from __future__ import annotations

from collections.abc import Sequence

from napari.layers import Labels
from qtpy.QtWidgets import QHBoxLayout, QWidget

from napari_zstack_align.counting import are
from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.run_bar import StatusLine
from napari_zstack_align.gui.runs import names_of
from napari_zstack_align.gui.stack_layers import StackLayers


class KeptRow(QWidget):
    """Names the stacks with their runs, and the masks; in view where there are any."""

    def __init__(self) -> None:
        super().__init__()
        self.words = StatusLine()
        self.button = button(
            "Show again",
            "Add the layers of these stacks to napari again, with their runs and masks",
        )
        self.discard_button = button(
            "Discard …", "Forget these stacks and masks, and the runs that are in no file"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.words, 1)
        layout.addWidget(self.button)
        layout.addWidget(self.discard_button)
        self.show_kept(())

    def show_kept(self, stacks: Sequence[StackLayers], masks: Sequence[Labels] = ()) -> None:
        """Name the stacks and masks that there are now."""
        named = [
            f"{each.stack.name} ({names_of(each.runs.listed)})"
            for each in stacks
            if each.runs.listed
        ]
        what = "kept" if masks else "runs kept"
        named += [mask_words(masks)] if masks else []
        self.words.setText(f"Removed from napari, {what}: {', '.join(named)}" if named else "")
        self.setVisible(bool(named))


def lost_words(stacks: Sequence[StackLayers], masks: Sequence[Labels]) -> str:
    """Say what is lost if what is kept is discarded."""
    runs = [run for each in stacks for run in each.runs.listed]
    names = ", ".join(each.stack.name for each in stacks if each.runs.listed)
    of_runs = f"{names_of(runs)} of {names} {are(len(runs))} in no file, and can't be brought back."
    of_masks = f"The {mask_words(masks)} can't be brought back."
    return " ".join([of_runs] * bool(runs) + [of_masks] * bool(masks))


def mask_words(masks: Sequence[Labels]) -> str:
    """'mask 'brain mask'', or 'masks 'one', 'other''."""
    names = ", ".join(f"'{each.name}'" for each in masks)
    return f"mask{'s' if len(masks) > 1 else ''} {names}"
