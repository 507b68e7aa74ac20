"""The panel is opened from the Plugins menu while its modules are still to be loaded."""

from __future__ import annotations

import os
import subprocess
import sys

OF_THE_PANEL = (
    "napari_zstack_align",
    *("cv2", "dask", "magicgui", "pyqtgraph", "scipy", "skimage", "superqt", "tifffile", "zarr"),
)
"""pandas is loaded beside the panel."""

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
while viewer.window._qt_window.findChildren(Opener):
    QTest.qWait(5)
    turns += 1
from napari_zstack_align.gui.open import panel_of
panel = panel_of(viewer)
assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Cells"
assert panel.isVisibleTo(panel.window())
assert len(panel.parts.made) == 2
assert turns > 3, turns
viewer.close()
print("opened")
"""

LOADED = """
import gc, sys
from threading import Thread
import napari
from qtpy.QtCore import QObject, QThread
from napari_zstack_align.gui import opener
viewer = napari.Viewer(show=False)
before = {id(each) for each in gc.get_objects()}
loading = Thread(target=opener._load)
loading.start()
loading.join()
main = QThread.currentThread()
new = [each for each in gc.get_objects() if id(each) not in before and isinstance(each, QObject)]
assert not [each for each in new if each.thread() is not main], new
loaded = set(sys.modules)
assert {"napari_zstack_align.gui.panel", "pyqtgraph"} <= loaded
from napari_zstack_align.gui.open import open_panel
open_panel(viewer)
viewer.close()
print(*sorted(set(sys.modules) - loaded))
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
from napari_zstack_align.gui.open import panel_of
assert panel_of(viewer) is None
viewer.close()
print("closed")
"""


def output_of(script: str) -> str:
    """Output of a script, which must close its viewer: PyQt may crash at exit if it is open."""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_the_event_loop_turns_while_modules_are_loaded():
    assert output_of(OPENING).strip() == "opened"


def test_nothing_is_left_to_load_for_the_main_thread_and_no_widget_is_made_beside_it():
    loaded = output_of(LOADED).split()
    assert not [name for name in loaded if name.split(".")[0] in OF_THE_PANEL]


def test_a_dock_that_is_closed_meanwhile_opens_nothing():
    assert output_of(CLOSED).strip() == "closed"
