"""How many functions of ours a move of the frame slider calls, and how many listeners it has.

usage: slider_calls.py [--tab Cells] [--ticks 20] [--verbose]

Two registered recordings with ROIs are in view. Calls are counted, not timed: the figure is the
same on every machine. ``--verbose`` names the functions.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

os.environ["LIBGL_ALWAYS_SOFTWARE"] = "1"

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.cli.display import virtual_display
from napari_zstack_align.samples import recording_with_motion

OURS = str(Path(nza.__file__).parent)
CIRCLES = [(40.0, 40.0, 5.0), (80.0, 60.0, 5.0), (60.0, 90.0, 4.0)]


class Calls:
    """Counts calls of our functions while it is entered."""

    def __init__(self) -> None:
        self.counted: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> Calls:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: Any, event: str, _: object) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(OURS):
            self.counted[path[len(OURS) + 1 :], frame.f_code.co_qualname] += 1


def listeners(viewer: Any) -> int:
    """How many of those that listen to the slider are of this package."""
    calls = viewer.dims.events.current_step.callbacks
    modules = [getattr(_function(call), "__module__", "") or "" for call in calls]
    return sum(module.startswith(nza.__name__) for module in modules)


def _function(callback: Any) -> Any:
    """Return the function: a bound method is kept as a weak reference and a name."""
    if not isinstance(callback, tuple):
        return callback
    owner, name = callback
    return getattr(owner(), name, None)


def main(tab: str, n_ticks: int, verbose: bool) -> None:
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_zstack_align.gui.open import open_in_viewer, wait_for

    stacks = [
        recording_with_motion(size=128, n_frames=120, seed=seed).stack.replace(name=f"rec{seed}")
        for seed in (1, 1)
    ]
    alignments = nza.run(nza.register_recordings(stacks, nza.KeypointParams(chunk_frames=30)))
    viewer = napari.Viewer(show=True)
    panel = open_in_viewer(viewer, alignments)
    wait_for(panel)
    panel.rois.set(Rois.of(CIRCLES))
    panel.open_tab(tab)
    while panel.cells.busy:
        QApplication.processEvents()
    axis = viewer.dims.ndim - 3
    calls = Calls()
    for tick in range(n_ticks + 2):
        if tick < 2:
            viewer.dims.set_current_step(axis, 10 + tick)
            QApplication.processEvents()
            continue
        with calls:
            viewer.dims.set_current_step(axis, 10 + tick)
            QApplication.processEvents()
    found = calls.counted
    files = {path for path, _ in found}
    print(
        f"{tab}: {sum(found.values()) / n_ticks:.0f} calls in {len(files)} files a move of the "
        f"slider; listeners of ours: {listeners(viewer)}"
    )
    if verbose:
        for (path, name), count in found.most_common():
            print(f"  {count / n_ticks:6.1f}  {path}: {name}")
    viewer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tab", default="Cells", help="tab in front")
    parser.add_argument("--ticks", type=int, default=20, help="moves that are counted")
    parser.add_argument("--verbose", action="store_true", help="name the functions")
    given = parser.parse_args()
    with virtual_display():
        main(given.tab, given.ticks, given.verbose)
