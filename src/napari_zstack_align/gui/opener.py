"""What the Plugins menu makes: it loads the panel's modules beside the event loop, and opens it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from threading import Thread
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

logger = logging.getLogger(__name__)

PACKAGE = "napari_zstack_align"
CORE = tuple(
    f"{PACKAGE}.{name}"
    for name in (
        "register.adaptive",
        "register.recordings",
        "cells.carry",
        "cells.traces.storage",
        "cells.volume",
        "zshift.export",
        "zshift.movies",
        "write.cells.export",
        "write.export",
        "write.transforms",
        "project",
    )
)
"""What takes long to load: arrays, images and files, but nothing of Qt's."""
OF_THE_PANEL = ("pyqtgraph", f"{PACKAGE}.gui.open")
"""What has widgets, to be loaded in the main thread."""
WORDS = "Loading Z-stack align …"
LOOK_MS = 20


class Opener(QWidget):
    """Opens the one panel of a viewer, then closes its own dock.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Whose panel to open.
    """

    tab: str | None = None

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._steps = self._opening()
        words = QLabel(WORDS)
        words.setAlignment(Qt.AlignmentFlag.AlignCenter)
        QVBoxLayout(self).addWidget(words)
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._go_on)
        if OF_THE_PANEL[-1] in sys.modules:  # with all that it needs
            self._open()
        else:
            self._timer.start()

    def _go_on(self) -> None:
        """Do one step in a turn of the event loop."""
        if next(self._steps, None) is None:
            self._timer.stop()
            self._open()

    def _opening(self) -> Iterator[str]:
        """Load what the panel needs, step by step."""
        loading = Thread(target=_load_core, daemon=True)
        loading.start()
        while loading.is_alive():
            yield "core"
        for name in OF_THE_PANEL:
            import_module(name)
            yield name

    def _open(self) -> None:
        from napari_zstack_align.gui.open import open_panel

        open_panel(self._viewer, self.tab)
        QTimer.singleShot(0, self._close_dock)

    def _close_dock(self) -> None:
        try:
            self._viewer.window.remove_dock_widget(self)
        except LookupError:
            logger.debug("the opener was never docked")


def _load_core() -> None:
    """Import the core; what can't be imported says so in the main thread, where it is needed."""
    try:
        for name in CORE:
            import_module(name)
    except Exception:
        logger.exception("a part of the core can't be loaded")


class OpenPanel(Opener):
    """Open the panel at the tab it was left at."""


class OpenLoad(Opener):
    """Open the panel at 'Load'."""

    tab = "Load"


class OpenMask(Opener):
    """Open the panel at 'Mask'."""

    tab = "Mask"


class OpenAlign(Opener):
    """Open the panel at 'Align'."""

    tab = "Align"


class OpenRecordings(Opener):
    """Open the panel at 'Recordings'."""

    tab = "Recordings"


class OpenCells(Opener):
    """Open the panel at 'Cells'."""

    tab = "Cells"


class OpenTraces(Opener):
    """Open the panel at 'Traces'."""

    tab = "Traces"


class OpenZShift(Opener):
    """Open the panel at 'Z-shift'."""

    tab = "Z-shift"
