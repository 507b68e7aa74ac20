"""Drive the program through the tutorial and write its pictures to docs/images.

usage: make_screenshots.py [FOLDER]     a display or Xvfb is needed
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cells_screenshots
import numpy as np

from napari_zstack_align.cli.display import virtual_display
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats
from napari_zstack_align.stack import Stack

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
    viewer.layers.clear()
    recordings(panel, wait_for, picture)
    viewer.close()
    cells_screenshots.main(folder)


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


def recordings(panel: Any, wait_for: Callable[[Any], None], picture: Callable[..., None]) -> None:
    """Register three recordings, with a picture of every step."""
    session, tab = panel.session, panel.session.results_tab
    panel.open_tab("Recordings")
    session.add_stacks(drifting_recordings())
    wait_for(panel)
    session.tab.form.fields["chunk_frames"].set(30)
    picture("recordings-list")
    session.tab.list.go_to(2)
    session.tab.buttons["check"].click()
    picture("recordings-check")
    session.tab.run_bar.run_button.click()
    wait_for(panel)
    panel.open_tab("Session")
    session.go_to(1, 100)
    picture("recordings-session")
    picture("recordings-map", session.plots.map)
    picture("recordings-save", tab)
    tab.pair[1].setCurrentIndex(2)
    tab.before_box.setChecked(True)
    tab.buttons["overlay"].click()
    picture("recordings-overlay-before")
    tab.before_box.setChecked(False)
    picture("recordings-overlay-after")
    tab.buttons["field"].click()
    wait_for(panel)
    tab.buttons["overlay"].click()
    picture("recordings-sequence")


def drifting_recordings() -> list[Stack]:
    """One generated movie cut into three recordings, each with the field of view moved."""
    n_frames, size = 180, 320
    movie = recording_with_motion(n_frames=3 * n_frames, size=352, photons=40.0, seed=2).stack
    frames = movie.read(0, 3 * n_frames)[:, 0]
    stacks = []
    for number, (y, x) in enumerate(((16, 16), (26, 4), (4, 30))):
        part = frames[number * n_frames :][:n_frames, y : y + size, x : x + size].copy()
        if number == 1:
            part[60:90] = 10  # the shutter was closed
        stacks.append(
            Stack.from_array(
                part,
                frame_times_s=np.arange(n_frames) / 10,
                pixel_size_um=movie.pixel_size_um,
                name=f"larva_1 rec {number + 1}",
            )
        )
    return stacks


def picture_while_running(viewer: Any, path: Path) -> None:
    """Picture of a run at work."""
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)
    print(f"Wrote {path}")


if __name__ == "__main__":
    with virtual_display() as there:
        if not there:
            print("No Xvfb: using the display.")
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
