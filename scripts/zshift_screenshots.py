"""Drive the program from a recording and a z-stack to depths: pictures zshift-*.png.

usage: zshift_screenshots.py [FOLDER]     a display or Xvfb is needed
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from shots import Shots, on_screen, run

from napari_zstack_align.samples import recording_with_zshift

FRAMES_PER_S = 10
N_FRAMES, N_SLICES, MIDDLE = 240, 15, 7.0
"""Of the recording and the z-stack."""


def main(folder: Path) -> None:
    """Write the pictures of the z-shift alone."""
    with on_screen(folder) as shots:
        zshift(shots)


def zshift(shots: Shots) -> None:
    """From a recording and its z-stack to movies, with a picture of every step."""
    panel, part = shots.panel, shots.panel.zshift
    sample = recording_with_zshift(
        n_slices=N_SLICES, size=320, z=depths(), tilt_slices=0.8, photons=30.0, seed=4
    )
    panel.zstack.load_stack(sample.reference.replace(name="anatomy"))
    shots.wait()
    times = np.arange(N_FRAMES) / FRAMES_PER_S
    recording = sample.recording.replace(name="larva_1", frame_times_s=times)
    panel.recordings.add_stacks([recording])
    shots.wait()
    panel.open_tab("Z-shift")
    shots.take("zshift-start")
    part.tab.run_bar.run_button.click()
    shots.wait()
    part.layers.go_to(70)
    shots.take("zshift-found")
    part.layers.go_to(185)
    shots.take("zshift-outside")
    shots.take("zshift-plot", part.dock)
    part.layers.go_to(70)
    for what in ("corrected", "simulated"):
        part.tab.views[what].click()
    shots.take("zshift-movies")
    shots.take("zshift-files", part.tab.files_box)


def depths() -> np.ndarray:
    """(T,) of a slow drift with jumps, which ends beyond the first slice for a while, in slices."""
    t = np.linspace(0, 1, N_FRAMES)
    drift = MIDDLE + 2.5 * np.sin(7 * t) + np.where((t > 0.4) & (t < 0.46), 1.5, 0.0)
    away = np.exp(-0.5 * ((t - 0.77) / 0.035) ** 2)
    return np.asarray(drift * (1 - away) - 2.0 * away)


if __name__ == "__main__":
    run(main)
