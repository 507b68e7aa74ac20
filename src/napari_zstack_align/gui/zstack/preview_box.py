"""What a layout makes of the frames: the ends of a slice and the border to the next, as pictures.

It follows what is typed before anything is opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QVBoxLayout, QWidget

from napari_zstack_align.gui.jobs import limits
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.picture_strip import NOTHING, Column, PictureStrip
from napari_zstack_align.gui.remarks import SIGN
from napari_zstack_align.gui.run_bar import StatusLine
from napari_zstack_align.gui.word_colours import give_meaning
from napari_zstack_align.progress import Job, Progress, with_partial
from napari_zstack_align.read import LayoutPreview, describe, open_stack, preview_layout
from napari_zstack_align.settings import in_titles
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.grey import in_grey

WAIT_MS = 300
"""Typing goes on for so long before the frames are read anew."""
MIDDLE = -1
AS_TYPED = "As typed, not applied yet: {}. Press '{}'."
Wanted = Callable[[], Stack]
"""Makes the stack that is previewed, in a worker: it may open files."""
Shown = tuple[Stack, LayoutPreview, tuple[Column, ...]]


class PreviewBox(QWidget):
    """Shows a few frames as the layout has them, with how alike they are; main thread only.

    Frames are read in a worker, and only while the box can be seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self._wanted: Wanted | None = None
        self._is_due = False
        self._press = ""
        self._newest = Newest(self)
        self._newest.partial_answer.connect(self._show)
        self._newest.answered.connect(self._show)
        self._newest.failed.connect(self.say_error)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._ask)
        self.slice_box = QSpinBox()
        self.slice_box.setRange(MIDDLE, MIDDLE)
        self.slice_box.setSpecialValueText("the middle slice")
        self.slice_box.setPrefix("slice ")
        self.slice_box.setToolTip(
            "Slice whose first and last frame are shown, beside the first of the next slice"
        )
        self.slice_box.valueChanged.connect(lambda _: self._soon())
        self.strip = PictureStrip()
        self.words = StatusLine()
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Preview of"))
        row.addWidget(self.slice_box, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._row, self.words, self.strip):
            layout.addWidget(widget)
        self.setVisible(False)

    @property
    def busy(self) -> bool:
        """Whether pictures are still to come."""
        return self._timer.isActive() or self._newest.busy

    def follow(self, wanted: Wanted | None, *, press: str = "") -> None:
        """Preview another stack, instead of any before.

        Parameters
        ----------
        wanted : callable or None
            Makes the stack, in the worker; None for no stack.
        press : str
            Of the stack as it is typed, which isn't shown yet and may change at once: which button
            shows it.
        """
        self._newest.forget()
        self._press = press
        self._wanted = wanted
        self.setVisible(wanted is not None)
        if wanted is None:
            self._timer.stop()
            self._is_due = False
            self.strip.show_columns(())
            self.words.setText("")
        elif not press:
            self.slice_box.blockSignals(True)
            self.slice_box.setValue(MIDDLE)
            self.slice_box.blockSignals(False)
            self._ask()
        else:
            self._soon()

    def say_error(self, sentence: str) -> None:
        """Say why there is nothing to be seen."""
        self._newest.forget()
        self._timer.stop()
        self.strip.show_columns(())
        give_meaning(self.words, "error")
        self.words.setText(sentence)

    def abandon(self) -> None:
        """Stop for good."""
        self._timer.stop()
        self._newest.abandon()

    def showEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Read what was asked for while nobody could see it."""
        super().showEvent(event)
        if self._is_due:
            self._ask()

    # -- inside --------------------------------------------------------------------------------

    def _soon(self) -> None:
        if self._wanted is not None:
            self._timer.start()

    def _ask(self) -> None:
        self._timer.stop()
        self._is_due = not self.isVisible()
        if self._wanted is None or self._is_due:
            return
        chosen = self.slice_box.value()
        slice_index = None if chosen == MIDDLE else chosen
        self._newest.ask(partial(_previewing, self._wanted, slice_index))

    def _show(self, found: Shown) -> None:
        stack, preview, columns = found
        self._row.setVisible(preview.n_slices > 1)
        self.slice_box.blockSignals(True)
        self.slice_box.setMaximum(max(preview.n_slices - 2, 0))
        self.slice_box.blockSignals(False)
        self.strip.show_columns(columns)
        self.strip.setToolTip("\n".join(filter(None, (each.problem for each in preview.images))))
        warning = f"{SIGN} {preview.warning}" if preview.warning else ""
        as_typed_now = AS_TYPED.format(describe(stack), self._press) if self._press else ""
        lines = (as_typed_now, preview.words, warning)
        give_meaning(self.words, "")
        self.words.setText("\n".join(filter(None, lines)))
        report = preview.report
        self.words.setToolTip("" if report is None else in_titles(report.warning))


def as_typed(paths: Sequence[Path], arguments: dict[str, Any]) -> Wanted:
    """Return what opens files as they are said to be read, once: other slices need it again."""
    opened: list[Stack] = []

    def opening() -> Stack:
        if not opened:
            opened.append(open_stack(paths[0] if len(paths) == 1 else paths, **arguments))
        return opened[0]

    return opening


def _previewing(wanted: Wanted, slice_index: int | None) -> Job[Shown]:
    yield Progress("Opening", 0, 1)
    stack = wanted()

    def pictured(preview: LayoutPreview) -> Shown:
        return stack, preview, _columns(stack, preview)

    found = yield from with_partial(preview_layout(stack, slice_index), pictured)
    return pictured(found)


def _columns(stack: Stack, preview: LayoutPreview) -> tuple[Column, ...]:
    """Pictures of each channel, of one contrast in all columns; several name their channels."""
    names = stack.channel_names if len(stack.channel_names) > 1 else ()
    read = [each.pixels for each in preview.images if each.pixels is not None]
    contrast = [limits(np.stack([p[c] for p in read])) for c in range(len(read[0]) if read else 0)]
    columns = []
    for each in preview.images:
        if each.pixels is None:
            empty = np.full(read[0].shape[1:] if read else (3, 4), NOTHING, np.uint8)
            columns.append(Column(f"{each.caption} (can't be read)", (empty,)))
            continue
        pictures = (in_grey(p, low) for p, low in zip(each.pixels, contrast, strict=True))
        columns.append(Column(each.caption, tuple(pictures), names))
    return tuple(columns)
