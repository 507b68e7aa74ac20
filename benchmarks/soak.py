"""Whether the panel leaves anything behind: it is opened, worked with and closed, again and again.

usage: soak.py [--minutes 30] [--json FILE]

Each round opens napari with the panel, aligns a z-stack (cancelled in mid-run, then with another
parameter to the end), registers recordings (the same), finds cells, reads traces, closes the dock
and opens it again, and closes napari; what is unsaved is discarded. Must: from the fourth round to
the last less than 50 MB more memory, and no thread or file left. Freed memory is given back to the
system before it is measured (Linux).
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"

import numpy as np

from napari_zstack_align.cli.display import virtual_display
from napari_zstack_align.params import BlobParams
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats
from napari_zstack_align.stack import Stack

WARM_UP = 3
"""So many rounds fill caches, and don't count."""
PAGE = os.sysconf("SC_PAGE_SIZE")
COLUMNS = ("memory_mb", "threads", "files")


def main(minutes: float) -> dict[str, Any]:
    """Go round until the time is over, and print what is there after each."""
    stack = zstack_with_repeats(n_slices=8, n_repeats=4, size=128, seed=1).stack
    movie = recording_with_motion(n_frames=120, size=128, photons=40.0, seed=2).stack
    halves = [_part(movie, 0, 60), _part(movie, 60, 120)]
    rounds: list[dict[str, float]] = []
    began = time.monotonic()
    print(f"{'round':>5}{'minutes':>9}{'memory MB':>11}{'threads':>9}{'files':>7}")
    while time.monotonic() - began < 60 * minutes or len(rounds) < WARM_UP + 2:
        _round(stack, halves)
        rounds.append(_left())
        there = rounds[-1]
        print(
            f"{len(rounds):5}{(time.monotonic() - began) / 60:9.1f}{there['memory_mb']:11.1f}"
            f"{there['threads']:9}{there['files']:7}",
            flush=True,
        )
    first, last = rounds[WARM_UP], rounds[-1]
    grown = {name: last[name] - first[name] for name in COLUMNS}
    print(
        f"From round {WARM_UP + 1} to {len(rounds)}: {grown['memory_mb']:+.1f} MB, "
        f"{grown['threads']:+} threads, {grown['files']:+} files."
    )
    return {"rounds": rounds, "grown": grown}


def _part(movie: Stack, start: int, stop: int) -> Stack:
    frames = movie.read(start, stop)[:, 0]
    times = np.arange(stop - start) / 10
    return Stack.from_array(frames, frame_times_s=times, name=f"part {start}")


def _left() -> dict[str, float]:
    """What is there once everything that can go has gone."""
    from qtpy.QtCore import QEvent
    from qtpy.QtWidgets import QApplication

    for _ in range(3):
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "memory_mb": resident * PAGE / 2**20,
        "threads": len(os.listdir("/proc/self/task")),
        "files": len(os.listdir("/proc/self/fd")),
    }


def _round(stack: Stack, recordings: list[Stack]) -> None:
    """Do all that a person does with the panel, and close napari."""
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_zstack_align.gui.open import open_panel, wait_for

    viewer = napari.Viewer(show=True)
    panel = open_panel(viewer, "Align")

    def run(bar: Any, *, cancel: bool) -> None:
        bar.run_button.click()
        if cancel:
            end = time.monotonic() + 10
            while bar.last_partial is None and bar.busy and time.monotonic() < end:
                QApplication.processEvents()
                time.sleep(0.005)
            bar.cancel_button.click()
        wait_for(panel)

    panel.zstack.load_stack(stack)
    wait_for(panel)
    tab = panel.zstack.align_tab
    run(tab.run_bar, cancel=True)
    tab.form.fields["alpha"].set(3.0)
    run(tab.run_bar, cancel=False)
    panel.open_tab("Recordings")
    panel.recordings.add_stacks(recordings)
    wait_for(panel)
    tab = panel.recordings.tab
    run(tab.run_bar, cancel=True)
    tab.form.fields["residual"].set("none")
    run(tab.run_bar, cancel=False)
    panel.open_tab("Cells")
    wait_for(panel)
    run(panel.cells.tab.run_bar, cancel=False)
    panel.cells.tab.methods.controls["log"].use(BlobParams(min_sigma=2.5, max_sigma=5.0))
    while panel.cells.busy:
        QApplication.processEvents()
    panel.cells.tab.rois.buttons["use"].click()
    wait_for(panel)
    panel.open_tab("Traces")
    panel.traces.tab.form.fields["dark_level"].set((100.0,))
    for _ in range(2):  # once to show the dark level
        run(panel.traces.tab.run_bar, cancel=False)
    if not panel.traces.traces.complete or not panel.traces.traces.recordings:
        raise SystemExit(f"No traces were read: {panel.traces.tab.run_bar.status.text()}")
    panel.leave()
    panel = open_panel(viewer, "Session")
    wait_for(panel)
    panel.keeper.make_safe = lambda *_: True  # what is unsaved is discarded
    viewer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Whether the panel leaves anything behind.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with virtual_display():
        result = main(args.minutes)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))
