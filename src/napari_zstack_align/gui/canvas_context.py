"""Keeps the OpenGL context of napari's canvas current while the layer list shrinks.

When a layer is removed, napari deletes its shader program and textures at once, in whatever
context is current. That may be the context with which Qt composes the window: the program is then
taken away from the canvas, which still uses it, and with Mesa's software renderer the next drawing
ends Python with a segmentation fault. It does in a napari without plugins, too: two images, of
four and two axes, of which the first is removed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QMainWindow, QOpenGLWidget

from napari_zstack_align.gui.listening import Listening


class CanvasContext:
    """Listens to one viewer's layer list.

    Parameters
    ----------
    layers : napari.components.LayerList
        The layers that may be removed.
    window : Callable
        Returns the window with the canvas, or None where it is gone.
    """

    def __init__(self, layers: Any, window: Callable[[], QMainWindow | None]) -> None:
        self._window = window
        self._listening = Listening()
        # napari lets nobody come before its own functions. It deletes in 'removed', or when several
        # were removed, which is after 'removed'.
        for emitter in (layers.events.removing, layers.events.removed):
            self._listening.to(emitter, self._make_current)

    def _make_current(self, _: Any) -> None:
        window = self._window()
        image = window and window.centralWidget()  # a window that is being closed has none
        for canvas in [] if image is None else image.findChildren(QOpenGLWidget):
            canvas.makeCurrent()

    def let_go(self) -> None:
        """Listen no more."""
        self._listening.stop()
