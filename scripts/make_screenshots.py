"""Drive the program through the tutorial and write its pictures to docs/images.

usage: make_screenshots.py [FOLDER]     a display or Xvfb is needed
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cells_screenshots
import numpy as np
import zshift_screenshots
from shots import Shots, on_screen, run

from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats
from napari_zstack_align.stack import Stack


def main(folder: Path) -> None:
    """Write all pictures."""
    with on_screen(folder) as shots:
        panel = shots.panel
        load(shots)
        shots.take("load")
        paint(shots)
        shots.take("mask")
        try_alphas(shots)
        shots.take("alphas")
        panel.zstack.trial.close()
        align(shots)
        panel.zstack.result.do("volume")
        panel.zstack.shown.go_to(4 * 9 + 3)
        shots.take("result")
        panel.zstack.result.do("toggle")
        panel.zstack.align_tab.buttons["arrows"].click()
        shots.take("panel")
        shots.take("quality", panel.zstack.quality.dock)
        panel.zstack.result.do("three_d")
        shots.take("volume_3d")
        shots.viewer.layers.clear()
        recordings(shots)
    cells_screenshots.main(folder)
    zshift_screenshots.main(folder)


def load(shots: Shots) -> None:
    """Show frames that don't say how they were taken, and let the panel find out."""
    panel = shots.panel
    stack = zstack_with_repeats(size=384, n_slices=10, n_repeats=9, photons=30.0).stack
    panel.open_tab("Load")
    panel.zstack.load_stack(stack.replace(frames_per_slice=None, name="zstack"))
    shots.wait()
    panel.zstack.load_tab.propose()
    shots.wait()


def paint(shots: Shots) -> None:
    """Paint most of the image."""
    panel = shots.panel
    panel.open_tab("Mask")
    panel.zstack.mask_tab.new_button.click()
    mask = panel.zstack.align_tab.mask_combo.layer
    for x in np.linspace(90, 290, 9):
        mask.paint((190 + 30 * np.sin(x / 40), x), 1)
    mask.brush_size = 190
    for x in (120, 190, 260):
        mask.paint((190, x), 1)
    mask.brush_size = 24
    shots.wait()


def try_alphas(shots: Shots) -> None:
    """Compare five alphas in one slice, and take the one that is suggested."""
    panel = shots.panel
    panel.open_tab("Align")
    panel.zstack.align_tab.mask_combo.layer.visible = False
    panel.zstack.shown.go_to(4 * 9 + 3)
    panel.zstack.align_tab.trial_box.buttons["alphas"].click()
    shots.wait()
    found = panel.zstack.trial.alphas.found
    panel.zstack.trial.take([each.alpha for each in found.tried].index(found.alpha))


def align(shots: Shots) -> None:
    """Run, with a picture on the way."""
    panel = shots.panel
    panel.zstack.run.start()
    seen = []
    worker = panel.zstack.align_tab.run_bar.worker

    def look(progress: Any) -> None:
        if progress.stage == "Aligning" and progress.done > 0.6 * progress.total and not seen:
            seen.append(progress)
            shots.take("align", at_once=True)

    worker.progress.connect(look)
    shots.wait()
    while panel.zstack.quality.dock.pictures is None:
        shots.wait()  # a worker of its own makes them


def recordings(shots: Shots) -> None:
    """Register three recordings, with a picture of every step."""
    panel, picture = shots.panel, shots.take
    session, tab = panel.recordings, panel.recordings.results_tab
    panel.open_tab("Recordings")
    session.add_stacks(drifting_recordings())
    shots.wait()
    session.tab.form.fields["chunk_frames"].set(30)
    picture("recordings-list")
    session.tab.list.go_to(2)
    session.tab.buttons["check"].click()
    picture("recordings-check")
    session.tab.run_bar.run_button.click()
    shots.wait()
    panel.open_tab("Session")
    session.layers.go_to_frame(1, 100)
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
    shots.wait()
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


if __name__ == "__main__":
    run(main)
