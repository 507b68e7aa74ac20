"""Drive the program from recordings to ΔF/F and write the pictures cells-*.png to docs/images.

usage: cells_screenshots.py [FOLDER]     a display or Xvfb is needed
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cli.display import virtual_display
from napari_zstack_align.params import BlobParams, KeypointParams
from napari_zstack_align.samples import session_with_motion

SIZE = (1400, 900)
IMAGES = Path(__file__).parent.parent / "docs" / "images"
SEEN_AT = ((0, 115), (2, 38))
"""Recordings and frames before and after a jump."""


def main(folder: Path) -> None:
    """Write the pictures of cells alone."""
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

    cells(panel, wait_for, picture)
    viewer.close()


def cells(panel: Any, wait_for: Callable[[Any], None], picture: Callable[..., None]) -> None:
    """From registered recordings to ΔF/F, with a picture of every step."""
    panel.session.show(registered())
    panel.open_tab("Cells")
    wait_for(panel)
    panel.cells.tab.run_bar.run_button.click()
    wait_for(panel)
    log = panel.cells.tab.methods.controls["log"]
    log.use(BlobParams(min_sigma=3.5, max_sigma=5.5, threshold=0.08, exclude_border=14))
    wait_until_found(panel, wait_for)
    picture("cells-blobs")
    side_by_side(panel, wait_for, picture)
    panel.cells.tab.rois.buttons["use"].click()
    wait_for(panel)
    panel.open_tab("Traces")
    panel.session.toggle()  # to the raw frames
    tab = panel.traces.tab
    tab.run_bar.run_button.click()
    wait_for(panel)
    picture("cells-dark-level", tab.dark_box)
    tab.accept_box.setChecked(True)
    tab.run_bar.run_button.click()
    wait_for(panel)
    for name, (recording, frame) in zip(("before", "after"), SEEN_AT, strict=True):
        panel.session.go_to(recording, frame)
        picture(f"cells-raw-{name}")
    picture("cells-traces", panel.traces.dock)
    tab.format.setCurrentIndex(tab.format.findData("Suite2p folder"))
    picture("cells-export", tab.files_box)


def side_by_side(panel: Any, wait_for: Callable[[Any], None], picture: Callable[..., None]) -> None:
    """Three methods beside each other, tuned to the same size of cells."""
    methods, docks = panel.cells.tab.methods, panel.viewer.window._qt_viewer
    methods.controls["dog"].use(
        BlobParams(method="dog", min_sigma=3.0, max_sigma=5.5, threshold=0.05, exclude_border=14)
    )
    methods.controls["doh"].use(
        BlobParams(method="doh", min_sigma=4.0, max_sigma=8.0, threshold=0.0015, exclude_border=14)
    )
    for dock in (docks.dockLayerControls, docks.dockLayerList):
        dock.hide()
    wait_for(panel)
    methods.box.click()
    wait_until_found(panel, wait_for)
    picture("cells-side-by-side")
    methods.box.click()
    for dock in (docks.dockLayerControls, docks.dockLayerList):
        dock.show()
    wait_for(panel)
    panel.viewer.reset_view()
    wait_for(panel)


def registered() -> list[Any]:
    """Three recordings of one field of view, each with the truth of its motion as alignment."""
    from napari_zstack_align.gui.recordings.recording import Recording

    found = []
    samples = session_with_motion(3, n_frames=240, size=256, photons=60.0, offset_px=14, seed=5)
    for number, sample in enumerate(samples, start=1):
        stack = replace(sample.stack, name=f"larva_1 rec {number}")
        table = empty_table(stack.n_frames, "chunk")
        table["used"], table["correlation_after"] = True, 0.6
        table["correlation_after"][100:112] = 0.1 if number == 2 else 0.6
        transforms = Transforms(stack.shape[2:], (AffineLink(sample.affine),))
        alignment = Alignment(stack, transforms, sample.clean, table, KeypointParams())
        limits = [(float(sample.stack.read(0, 1).min()), float(sample.stack.read(0, 1).max()))]
        found.append(Recording(stack, limits, alignment=alignment))
    return found


def wait_until_found(panel: Any, wait_for: Callable[[Any], None]) -> None:
    """Wait for the blobs of the newest parameters."""
    while panel.cells.busy:
        wait_for(panel)


if __name__ == "__main__":
    with virtual_display() as there:
        if not there:
            print("No Xvfb: using the display.")
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
