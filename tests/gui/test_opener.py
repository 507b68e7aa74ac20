"""The panel is opened from the Plugins menu while its modules are still to be loaded."""

from __future__ import annotations

import os
import subprocess
import sys

HEAVY = ("cv2", "dask", "pandas", "scipy", "skimage", "tifffile", "zarr")

OPENING = """
import sys
import napari
from qtpy.QtTest import QTest
from napari_zstack_align.gui.opener import OpenCells, Opener
viewer = napari.Viewer(show=False)
assert "napari_zstack_align.register" not in sys.modules
opener = OpenCells(viewer)
viewer.window.add_dock_widget(opener, name="Z-stack align")
turns = 0
while opener is not None and "napari_zstack_align.gui.open" not in sys.modules:
    QTest.qWait(5)
    turns += 1
from napari_zstack_align.gui.open import panel_of
while panel_of(viewer) is None:
    QTest.qWait(5)
QTest.qWait(50)
panel = panel_of(viewer)
assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Cells"
assert not viewer.window._qt_window.findChildren(Opener)
assert turns > 3, turns
print("opened")
"""

LOADED = """
import importlib, sys
import napari.layers, qtpy
from napari_zstack_align.gui import opener
for name in opener.CORE:
    importlib.import_module(name)
assert "qtpy.QtWidgets" in sys.modules  # the opener's own
before = set(sys.modules)
import napari_zstack_align.gui.open
print(*sorted(set(sys.modules) - before))
"""

CLOSED = """
import sys
import napari
from qtpy.QtTest import QTest
from napari_zstack_align.gui.opener import OpenPanel
viewer = napari.Viewer(show=False)
opener = OpenPanel(viewer)
viewer.window.add_dock_widget(opener, name="Z-stack align")
QTest.qWait(30)
viewer.window.remove_dock_widget(opener)
opener.close()
opener.deleteLater()
QTest.qWait(1500)
assert "napari_zstack_align.gui.open" not in sys.modules
viewer.close()
print("closed")
"""


def output_of(script: str) -> str:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_the_event_loop_turns_while_modules_are_loaded():
    assert output_of(OPENING).strip() == "opened"


def test_nothing_heavy_is_left_for_the_main_thread():
    loaded = output_of(LOADED).split()
    assert "napari_zstack_align.gui.panel" in loaded
    assert not [name for name in loaded if name.split(".")[0] in HEAVY]


def test_a_dock_that_is_closed_meanwhile_opens_nothing():
    assert output_of(CLOSED).strip() == "closed"
