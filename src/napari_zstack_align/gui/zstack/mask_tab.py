"""Mask: paint or cover where the alignment has to be right."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_zstack_align.gui.mask_words import MaskWords
from napari_zstack_align.gui.zstack.mask_box import MaskBox

HELP = (
    "Paint the tissue that has to be right; leave out vessels, the edge of a lens and dark "
    "borders. Outside the mask the motion continues smoothly. No mask is fine too."
)


class MaskTab(QWidget):
    """Tab of the panel that makes a mask, or one ready to paint."""

    new_mask_clicked = Signal()

    def __init__(self) -> None:
        super().__init__()
        help_text = QLabel(HELP)
        help_text.setWordWrap(True)
        self.new_button = QPushButton("New mask")
        self.new_button.setToolTip(
            "Add an empty Labels layer over the stack, with the brush ready; [ and ] change the "
            "size of the brush (px), E erases"
        )
        self.box = MaskBox()
        self.words = MaskWords()
        layout = QVBoxLayout(self)
        for widget in (help_text, self.new_button, self.box, self.words):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.new_button.clicked.connect(self.new_mask_clicked)
