"""Time from a slider's move to the blobs on the screen: napari with software OpenGL.

usage: slider_latency.py [--size 512] [--ticks 60] [--json FILE]

Wall time counts from the slider's move to the end of the next drawing; CPU is that of the main
thread alone, which a busy machine doesn't change as much.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"

from napari_zstack_align.cli.display import virtual_display
from napari_zstack_align.samples import recording_with_motion

TICKS = {
    "threshold": (0.02, 0.03, 0.05, 0.04, 0.06),
    "overlap": (0.3, 0.5, 0.7, 0.2),
    "max_sigma": (2.5, 3.0, 3.5, 4.0),
}
SETTLE_S = 0.05


def main(size: int, n_ticks: int) -> dict[str, object]:
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_zstack_align.gui.open import open_panel, wait_for

    def turn(seconds):
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            QApplication.processEvents()
            time.sleep(0.001)

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1400, 900)
    panel = open_panel(viewer)
    panel.zstack.load_stack(
        recording_with_motion(n_frames=6, size=size, photons=60.0, seed=1).stack
    )
    wait_for(panel)
    panel.open_tab("Cells")
    cells = panel.cells
    cells.find()
    wait_for(panel)
    turn(2.0)
    drawn, found = [], []
    canvas = viewer.window._qt_viewer.canvas._scene_canvas
    canvas.events.draw.connect(lambda _: drawn.append(time.perf_counter()), position="last")
    cells.tuner.found.connect(lambda _: found.append(time.perf_counter()))

    def tick(row, value):
        turn(SETTLE_S)
        drawn.clear()
        found.clear()
        wall, cpu = time.perf_counter(), time.thread_time()
        row.slider.setValue(value)
        while not found or not any(t > found[0] for t in drawn):
            QApplication.processEvents()
            time.sleep(0.0005)  # a loop that never rests would take the worker's core
            if time.perf_counter() - wall > 20:
                raise RuntimeError(f"nothing was drawn after {value}")
        return 1e3 * (drawn[-1] - wall), 1e3 * (time.thread_time() - cpu), len(blobs())

    def blobs():
        return cells.tuner.results["log"]

    report: dict[str, object] = {"size": size, "ticks": n_ticks, "load": os.getloadavg()[0]}
    rows = cells.tab.methods.current.rows
    for name, values in TICKS.items():
        times = np.array([tick(rows[name], values[k % len(values)]) for k in range(n_ticks)])
        report[name] = {
            "wall_ms_median": round(float(np.median(times[:, 0])), 1),
            "wall_ms_p95": round(float(np.percentile(times[:, 0], 95)), 1),
            "cpu_ms_median": round(float(np.median(times[:, 1])), 1),
            "blobs": sorted({int(n) for n in times[:, 2]}),
        }
        print(name, report[name], flush=True)
    viewer.close()
    return report


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=512, help="side of the image, px")
    parser.add_argument("--ticks", type=int, default=60, help="moves of each slider")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    with virtual_display():
        figures = main(given.size, given.ticks)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n")
