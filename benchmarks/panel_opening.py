"""What opening the panel costs the main thread: napari with software OpenGL, fresh processes.

usage: panel_opening.py [--rounds 5] [--json FILE]

The panel is opened as from the Plugins menu. Must: under 300 ms of our own CPU in the main thread
(``own_ms``: all, less what napari spends on docking a plain widget), and no stall of the event loop
over 100 ms (``longest_stall_ms``; it needs a quiet machine, for it is wall time). What one turn of
the loop costs the main thread at most (``longest_turn_cpu_ms``) depends less on what else runs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"

from napari_zstack_align.cli.display import virtual_display

SETTLE_S = 0.5
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""In which compiled modules are kept, as everywhere but in containers."""


def opened() -> dict[str, float]:
    """Open the panel once, in this process."""
    import napari
    from qtpy.QtWidgets import QApplication, QLabel

    viewer = napari.Viewer(show=True)
    stalls: list[float] = []
    turns: list[float] = []

    def turn_until(done, seconds=60.0) -> float:
        """CPU of the main thread, s, until something holds and a moment longer."""
        start, end, settled = time.thread_time(), time.monotonic() + seconds, None
        while time.monotonic() < end:
            before, cpu_before = time.monotonic(), time.thread_time()
            QApplication.processEvents()
            stalls.append(time.monotonic() - before)
            turns.append(time.thread_time() - cpu_before)
            time.sleep(0.002)
            settled = settled or (time.monotonic() if done() else None)
            if settled and time.monotonic() - settled > SETTLE_S:
                break
        return time.thread_time() - start

    turn_until(lambda: True)
    start = time.thread_time()
    viewer.window.add_dock_widget(QLabel("plain"), name="plain", area="right")
    of_napari = time.thread_time() - start + turn_until(lambda: True)
    idle = turn_until(lambda: True)
    stalls.clear()
    turns.clear()

    def is_open() -> bool:
        panel_of = getattr(sys.modules.get("napari_zstack_align.gui.open"), "panel_of", None)
        panel = None if panel_of is None else panel_of(viewer)
        return panel is not None and panel.isVisible()

    start, began = time.thread_time(), time.monotonic()
    from napari_zstack_align.gui.opener import OpenPanel

    viewer.window.add_dock_widget(OpenPanel(viewer), name="Z-stack align")
    at_once = time.thread_time() - start
    later = turn_until(is_open)
    found = {
        "own_ms": 1000 * (at_once + later - of_napari - idle),
        "until_open_ms": 1000 * (time.monotonic() - began - SETTLE_S),
        "longest_stall_ms": 1000 * max(stalls),
        "longest_turn_cpu_ms": 1000 * max(turns),
    }
    viewer.close()  # Qt may crash at the end of a program whose window is open
    return found


def main(rounds: int) -> dict[str, float]:
    """Medians over fresh processes; the first one compiles modules, and doesn't count."""
    found = []
    for _ in range(rounds + 1):
        command = [sys.executable, __file__, "--once"]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, text=True, check=True, env=ENVIRONMENT
        )
        found.append(json.loads(done.stdout.splitlines()[-1]))
    return {name: round(statistics.median(r[name] for r in found[1:]), 1) for name in found[0]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    with virtual_display():
        result = opened() if arguments.once else main(arguments.rounds)
    print(json.dumps(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(result))
