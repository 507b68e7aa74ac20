"""ROIs under the pointer: what they are called and say, and choosing them by a click."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QToolTip

from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames

STILL_PX = 4.0
"""A press that moves no farther, in screen pixels, is a click."""


class RoiPointer:
    """Shows a tooltip over each ROI, and selects the one that is clicked, whatever layer is active.

    Parameters
    ----------
    on_frames : RoisOnFrames
        The ROIs where they are drawn.
    words : callable
        From an id, what its trace says now; '' for nothing.
    wanted : callable
        Whether clicks are to select.
    """

    def __init__(
        self, on_frames: RoisOnFrames, words: Callable[[int], str], wanted: Callable[[], bool]
    ) -> None:
        self._on_frames = on_frames
        self._words = words
        self._wanted = wanted
        self.tip = ""
        """The words over the ROI under the pointer; '' where there is none."""
        viewer = on_frames.viewer
        viewer.mouse_move_callbacks.append(self._hover)
        viewer.mouse_drag_callbacks.append(self._press)

    def stop(self) -> None:
        """Let go of the viewer."""
        viewer = self._on_frames.viewer
        viewer.mouse_move_callbacks.remove(self._hover)
        viewer.mouse_drag_callbacks.remove(self._press)

    def _hover(self, _: Any, event: Any) -> None:
        roi = self._on_frames.roi_at(event.position)
        if roi is None:
            if self.tip:
                QToolTip.hideText()
            self.tip = ""
            return
        self.tip = ", ".join(word for word in (f"ROI {roi}", self._words(roi)) if word)
        QToolTip.showText(QCursor.pos(), self.tip)

    def _press(self, _: Any, event: Any) -> Iterator[None]:
        start = event.pos
        yield
        far = False
        while event.type == "mouse_move":
            far = far or max(abs(event.pos - start)) > STILL_PX
            yield
        if not far and event.button == 1 and self._wanted() and not self._napari_selects():
            self._choose(self._on_frames.roi_at(event.position), "Shift" in event.modifiers)

    def _napari_selects(self) -> bool:
        """Whether the layer takes clicks itself, in its select or add mode."""
        layer = self._on_frames.layer
        active = self._on_frames.viewer.layers.selection.active
        return layer is not None and layer is active and str(layer.mode) != "pan_zoom"

    def _choose(self, roi: int | None, more: bool) -> None:
        if roi is None:
            return
        model = self._on_frames.model
        before = set(model.selected)
        model.select(before ^ {roi} if more else {roi})
