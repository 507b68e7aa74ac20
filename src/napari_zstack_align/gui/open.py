"""Open the panel, and show a stack, an alignment or a session in it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from napari import Viewer
from napari.components import ViewerModel
from qtpy.QtCore import QEventLoop, QTimer
from qtpy.QtWidgets import QApplication, QWidget

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui import toggle_key
from napari_zstack_align.gui.panel import Panel
from napari_zstack_align.gui.panel_dock import PanelDock
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift import ZShift

DOCK_NAME = "Z-stack align"
SETTLE_S = 0.3


def panel_of(viewer: Any) -> Panel | None:
    """Return the panel that a viewer has, whether its dock is open or closed; or None."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # napari may hand over a proxy
    panels = (p for window in QApplication.topLevelWidgets() for p in window.findChildren(Panel))
    return next((panel for panel in panels if panel.is_of(viewer)), None)


def frame_for(viewer: Any) -> PanelDock:
    """Return the frame around a viewer's panel; both are made where there are none yet.

    A new one is in no window until `open_panel` docks it.
    """
    panel = panel_of(viewer)
    if panel is None:
        toggle_key.register(toggle_raw_aligned)
        panel = Panel(viewer)
    frame = panel.parent()
    return frame if isinstance(frame, PanelDock) else PanelDock(panel)


def open_panel(viewer: Any, tab: str | None = None) -> Panel:
    """Open a viewer's panel, or bring the one it has to the front.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    tab : str, optional
        Name of a tab: 'Load', 'Mask', 'Align', 'Recordings', 'Session', 'Cells', 'Traces' or
        'Z-shift'.
    """
    frame = frame_for(viewer)
    for _ in docking(viewer, frame):
        pass
    if tab is not None:
        frame.panel.open_tab(tab)
    return frame.panel


def docking(viewer: Any, frame: PanelDock) -> Iterator[None]:
    """Dock the frame of a panel, and show that, in two steps that each take napari a moment."""
    if frame.parent() is None:
        viewer.window.add_dock_widget(
            frame, name=DOCK_NAME, area="right", add_vertical_stretch=False
        )
        yield
    frame.show_panel()
    dock: Any = frame
    while isinstance(dock, QWidget) and not hasattr(dock, "toggleViewAction"):
        dock = dock.parent()
    if isinstance(dock, QWidget):
        dock.show()
        dock.raise_()


def toggle_raw_aligned(viewer: ViewerModel) -> None:
    """Switch between raw and aligned frames, where the viewer has a panel."""
    panel = panel_of(viewer) if isinstance(viewer, Viewer) else None
    if panel is not None:
        panel.toggle()


Shown = Stack | Alignment | ZShift | Sequence[Alignment] | Path
"""A stack, an alignment, a z-shift, the alignments of a session, or where a project is."""


def open_in_viewer(viewer: Any, shown: Shown) -> Panel:
    """Show a stack, an alignment, a z-shift or a session with the panel.

    The worker does what takes time.

    Parameters
    ----------
    viewer : napari.Viewer
        Where to show it.
    shown : Stack, Alignment, ZShift, sequence of Alignment or Path
        What to show.
    """
    panel = open_panel(viewer)
    if isinstance(shown, Path):
        panel.open_saved(shown)
    elif isinstance(shown, Stack):
        panel.zstack.load_stack(shown)
    elif isinstance(shown, ZShift):
        panel.zshift.open(shown)
    elif isinstance(shown, Alignment) and shown.chunks is None:
        panel.zstack.result.show(shown)
    else:
        panel.recordings.results.show([shown] if isinstance(shown, Alignment) else shown)
    return panel


def show(shown: Shown) -> None:
    """Show a stack, an alignment or a session in a new napari until its window is closed.

    Parameters
    ----------
    shown : Stack, Alignment, ZShift, sequence of Alignment or Path
        What to show.
    """
    import napari

    open_in_viewer(napari.Viewer(), shown)
    napari.run()


def save_screenshot(path: str | Path, shown: Shown) -> None:
    """Write a picture (PNG) of napari with the panel and a result.

    Parameters
    ----------
    path : path
        Where to.
    shown : Stack, Alignment, ZShift, sequence of Alignment or Path
        What to show.
    """
    import napari

    viewer = napari.Viewer(show=True)
    try:
        viewer.window.resize(1400, 900)
        panel = open_in_viewer(viewer, shown)
        wait_for(panel)
        viewer.reset_view()
        wait_for(panel)
        viewer.window.screenshot(str(path), canvas_only=False, flash=False)
    finally:
        viewer.close()


def wait_for(panel: Panel, timeout_s: float = 600.0, settle_s: float = SETTLE_S) -> None:
    """Let the event loop turn until no job of the panel runs, and a moment longer to draw."""
    loop = QEventLoop()
    end = time.monotonic() + timeout_s
    quiet_since = time.monotonic()

    def look() -> None:
        nonlocal quiet_since
        now = time.monotonic()
        load = panel.zstack.load_tab
        if any(each.busy for each in (*panel.run_bars, load.preview, load.pixel_check)):
            quiet_since = now
        if now > end or now - quiet_since > settle_s:
            loop.quit()

    timer = QTimer()
    timer.timeout.connect(look)
    timer.start(20)
    loop.exec()
    timer.stop()
