"""Drive the program through the tutorial and write its pictures to docs/images.

usage: make_screenshots.py [FOLDER]     a display or Xvfb is needed
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align.cli.display import virtual_display
from napari_zstack_align.samples import zstack_with_repeats

SIZE = (1400, 900)
IMAGES = Path(__file__).parent.parent / "docs" / "images"


def main(folder: Path) -> None:
    """Write all pictures."""
    import napari

    from napari_zstack_align.gui.open import open_panel, wait_for

    folder.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=True)
    viewer.window.resize(*SIZE)
    panel = open_panel(viewer)

    def picture(name: str, widget: Any = None) -> None:
        wait_for(panel)
        path = folder / f"{name}.png"
        if widget is None:
            viewer.window.screenshot(str(path), canvas_only=False, flash=False)
        else:
            widget.grab().save(str(path))
        print(f"Wrote {path}")

    load(panel, wait_for)
    picture("load")
    paint(panel, wait_for)
    picture("mask")
    align(panel, wait_for, lambda: picture_while_running(viewer, folder / "align.png"))
    panel.result.do("volume")
    panel.shown.go_to(4 * 9 + 3)
    picture("result")
    panel.result.do("toggle")
    panel.align_tab.buttons["arrows"].click()
    picture("panel")
    picture("quality", panel.quality)
    panel.result.do("three_d")
    picture("volume_3d")
    viewer.close()


def load(panel: Any, wait_for: Callable[[Any], None]) -> None:
    """Show frames that don't say how they were taken, and let the panel find out."""
    stack = zstack_with_repeats(size=384, n_slices=10, n_repeats=9, photons=30.0).stack
    panel.open_tab("Load")
    panel.load_stack(stack.replace(frames_per_slice=None, name="zstack"))
    wait_for(panel)
    panel.load_tab.propose()
    wait_for(panel)


def paint(panel: Any, wait_for: Callable[[Any], None]) -> None:
    """Paint most of the image."""
    panel.open_tab("Mask")
    panel.mask_tab.new_button.click()
    mask = panel.align_tab.mask_combo.layer
    for x in np.linspace(90, 290, 9):
        mask.paint((190 + 30 * np.sin(x / 40), x), 1)
    mask.brush_size = 190
    for x in (120, 190, 260):
        mask.paint((190, x), 1)
    mask.brush_size = 24
    wait_for(panel)


def align(panel: Any, wait_for: Callable[[Any], None], halfway: Callable[[], None]) -> None:
    """Run, with a picture on the way."""
    panel.open_tab("Align")
    panel.align_tab.mask_combo.layer.visible = False
    panel.run()
    seen = []
    worker = panel.align_tab.run_bar.worker

    def look(progress: Any) -> None:
        if progress.stage == "Aligning" and progress.done > 0.6 * progress.total and not seen:
            seen.append(progress)
            halfway()

    worker.progress.connect(look)
    wait_for(panel)


def picture_while_running(viewer: Any, path: Path) -> None:
    """Picture of a run at work."""
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)
    print(f"Wrote {path}")


if __name__ == "__main__":
    with virtual_display() as there:
        if not there:
            print("No Xvfb: using the display.")
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
