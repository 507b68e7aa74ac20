"""Drive the program from recordings to ΔF/F and write the pictures cells-*.png to docs/images.

usage: cells_screenshots.py [FOLDER]     a display or Xvfb is needed
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from shots import Shots, on_screen, run

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.params import BlobParams, KeypointParams
from napari_zstack_align.samples import session_with_motion

SEEN_AT = ((0, 115), (2, 38))
"""Recordings and frames before and after a jump."""


def main(folder: Path) -> None:
    """Write the pictures of cells alone."""
    with on_screen(folder) as shots:
        cells(shots)


def cells(shots: Shots) -> None:
    """From registered recordings to ΔF/F, with a picture of every step."""
    panel, picture = shots.panel, shots.take
    panel.recordings.show(registered())
    panel.open_tab("Cells")
    shots.wait()
    panel.cells.tab.run_bar.run_button.click()
    shots.wait()
    log = panel.cells.tab.methods.controls["log"]
    log.use(BlobParams(min_sigma=3.5, max_sigma=5.5, threshold=0.08, exclude_border=14))
    wait_until_found(shots)
    picture("cells-blobs")
    side_by_side(shots)
    panel.cells.tab.rois.buttons["use"].click()
    shots.wait()
    panel.open_tab("Traces")
    panel.recordings.toggle()  # to the raw frames
    tab = panel.traces.tab
    tab.run_bar.run_button.click()
    shots.wait()
    picture("cells-dark-level", tab.dark_box)
    tab.accept_box.setChecked(True)
    tab.run_bar.run_button.click()
    shots.wait()
    for name, (recording, frame) in zip(("before", "after"), SEEN_AT, strict=True):
        panel.recordings.layers.go_to_frame(recording, frame)
        picture(f"cells-raw-{name}")
    picture("cells-traces", panel.traces.dock)
    tab.format.setCurrentIndex(tab.format.findData("Suite2p folder"))
    picture("cells-export", tab.files_box)


def side_by_side(shots: Shots) -> None:
    """Three methods beside each other, tuned to the same size of cells."""
    panel, picture = shots.panel, shots.take
    methods, docks = panel.cells.tab.methods, panel.viewer.window._qt_viewer
    methods.controls["dog"].use(
        BlobParams(method="dog", min_sigma=3.0, max_sigma=5.5, threshold=0.05, exclude_border=14)
    )
    methods.controls["doh"].use(
        BlobParams(method="doh", min_sigma=4.0, max_sigma=8.0, threshold=0.0015, exclude_border=14)
    )
    for dock in (docks.dockLayerControls, docks.dockLayerList):
        dock.hide()
    shots.wait()
    methods.box.click()
    wait_until_found(shots)
    picture("cells-side-by-side")
    methods.box.click()
    for dock in (docks.dockLayerControls, docks.dockLayerList):
        dock.show()
    shots.wait()
    panel.viewer.reset_view()
    shots.wait()


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


def wait_until_found(shots: Shots) -> None:
    """Wait for the blobs of the newest parameters."""
    while shots.panel.cells.busy:
        shots.wait()


if __name__ == "__main__":
    run(main)
