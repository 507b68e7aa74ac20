"""What the Plugins menu makes: it loads the panel's modules beside the event loop, and opens it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import import_module
from threading import Thread
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

logger = logging.getLogger(__name__)

PACKAGE = "napari_zstack_align"
PANEL = f"{PACKAGE}.gui.open"
"""The module that opens the panel, and imports all that it needs."""
FORMS = "magicgui.backends._qtpy"
"""What magicgui imports for its first widget."""
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
        self._timer.start()

    def _go_on(self) -> None:
        """Do one step in a turn of the event loop."""
        if next(self._steps, self) is self:
            self._timer.stop()
            self._close_dock()

    def _opening(self) -> Iterator[None]:
        """Load what the panel needs, make it, show it, and open its tab."""
        loading = Thread(target=_load, daemon=True)
        loading.start()
        while loading.is_alive():
            yield
        from napari_zstack_align.gui.open import docking, frame_for

        frame = frame_for(self._viewer)  # referred to here until it is docked
        yield
        yield from docking(self._viewer, frame)  # its last step, and the end, are one for napari
        if self.tab is not None:
            yield
            frame.panel.open_tab(self.tab)
        Thread(target=_make_units, daemon=True).start()

    def _close_dock(self) -> None:
        try:
            self._viewer.window.remove_dock_widget(self)
        except LookupError:
            logger.debug("the opener was never docked")


def _load() -> None:
    """Import the panel; what can't be imported says so in the main thread, where it is needed.

    Classes of widgets may be made in any thread, widgets only in the main one.
    """
    try:
        import_module(FORMS)
        import_module(PANEL)
    except Exception:
        logger.exception("the panel can't be loaded")


def _make_units() -> None:
    """Read the definitions of units, for which napari's first layer would hold up its window.

    They are read apart: the registry that layers share takes its place only when it is whole.
    """
    try:
        import pint
        from pint.registry import LazyRegistry

        def is_unread() -> bool:
            return isinstance(pint.application_registry.get(), LazyRegistry)

        if is_unread():
            registry: Any = pint.UnitRegistry()
            if is_unread():
                pint.set_application_registry(registry)
    except Exception:
        logger.exception("units can't be made ready")


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
