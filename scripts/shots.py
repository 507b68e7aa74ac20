"""What the scripts that make pictures share: a viewer with the panel, and its pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from napari_zstack_align.cli.display import virtual_display

SIZE = (1400, 900)
SETTLE_S = 1.0
"""Layers are made one in a turn of the event loop, on a busy machine with pauses between."""
IMAGES = Path(__file__).parent.parent / "docs" / "images"


class Shots:
    """A viewer with the panel, of which pictures are taken.

    Parameters
    ----------
    viewer : napari.Viewer
        With a window.
    panel : Panel
        Of the viewer.
    folder : pathlib.Path
        Where pictures are written.
    """

    def __init__(self, viewer: Any, panel: Any, folder: Path) -> None:
        self.viewer, self.panel, self._folder = viewer, panel, folder

    def wait(self) -> None:
        """Wait until no job runs and everything is drawn."""
        from napari_zstack_align.gui.open import wait_for

        wait_for(self.panel, settle_s=SETTLE_S)

    def take(self, name: str, widget: Any = None, *, at_once: bool = False) -> None:
        """Picture of the window or a widget, when everything is done or in the middle of a run."""
        if not at_once:
            self.wait()
        self._close_notifications()
        path = self._folder / f"{name}.png"
        if widget is None:
            self.viewer.window.screenshot(str(path), canvas_only=False, flash=False)
        else:
            widget.grab().save(str(path))
        print(f"Wrote {path}")

    def _close_notifications(self) -> None:
        """Close what napari says over the image of steps before."""
        from napari._qt.dialogs.qt_notification import NapariQtNotification

        for each in self.viewer.window._qt_window.findChildren(NapariQtNotification):
            each.close()


@contextmanager
def on_screen(folder: Path) -> Iterator[Shots]:
    """Open napari with the panel, and close it again."""
    import napari

    from napari_zstack_align.gui.open import open_panel

    folder.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=True)
    try:
        viewer.window.resize(*SIZE)
        yield Shots(viewer, open_panel(viewer), folder)
    finally:
        viewer.close()


def run(main: Callable[[Path], None]) -> None:
    """Call a script's ``main`` with the folder named on the command line, or docs/images."""
    with virtual_display() as there, TemporaryDirectory() as state:
        os.environ["ZSTACK_ALIGN_STATE"] = state  # no interrupted run of the person's is offered
        if not there:
            print("No Xvfb: using the display.")
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
