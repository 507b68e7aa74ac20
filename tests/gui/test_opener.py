"""The panel is opened from the Plugins menu while its modules are still to be loaded."""

from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise

import pint
import pytest
from driving import end
from pint.registry import LazyRegistry
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

from napari_zstack_align.gui.open import open_panel, panel_of
from napari_zstack_align.gui.opener import OpenCells, OpenPanel, _make_units

OF_THE_PANEL = (
    "napari_zstack_align",
    *("cv2", "dask", "magicgui", "pyqtgraph", "scipy", "skimage", "superqt", "tifffile", "zarr"),
)
"""pandas is loaded beside the panel."""

OPENING = """
import gc, sys
import napari
from qtpy.QtCore import QObject, QThread
from qtpy.QtTest import QTest
from napari_zstack_align.gui import opener
viewer = napari.Viewer(show=False)
assert "napari_zstack_align.register" not in sys.modules
load, main = opener._load, QThread.currentThread()
loaded, elsewhere = set(), []
before = {id(each) for each in gc.get_objects()}

def watched():
    load()
    loaded.update(sys.modules)
    new = [each for each in gc.get_objects() if id(each) not in before]
    elsewhere.extend(e for e in new if isinstance(e, QObject) and e.thread() is not main)

opener._load = watched
viewer.window.add_dock_widget(opener.OpenCells(viewer), name="Z-stack align")
turns = 0
while viewer.window._qt_window.findChildren(opener.Opener):
    QTest.qWait(5)
    turns += 1
from napari_zstack_align.gui.open import panel_of
panel = panel_of(viewer)
assert panel.tabs.tabText(panel.tabs.currentIndex()) == "Cells"
assert panel.isVisibleTo(panel.window())
assert len(panel.parts.made) == 2
assert turns > 3, turns
assert not elsewhere, elsewhere
assert {"napari_zstack_align.gui.panel", "pyqtgraph"} <= loaded
viewer.close()
print("opened", *sorted(set(sys.modules) - loaded))
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


def test_the_event_loop_turns_while_all_modules_are_loaded_and_no_widget_is_made_beside_it():
    done, *left = output_of(OPENING).split()
    assert done == "opened"
    assert not [name for name in left if name.split(".")[0] in OF_THE_PANEL]


@pytest.mark.thorough
def test_a_dock_that_is_closed_meanwhile_opens_nothing():
    assert output_of(CLOSED).strip() == "closed"


def stages(viewer):
    """What there is of a panel: itself, its dock, in view, the tab that was asked for."""
    panel = panel_of(viewer)
    if panel is None:
        return (False,) * 4
    frame = panel.parent()
    in_view = panel.isVisibleTo(panel.window())
    is_docked = frame.parent() is not None
    return True, is_docked, is_docked and in_view, len(panel.parts.made) > 1


@pytest.fixture
def opener(viewer, request):
    """An opener in its dock, driven by hand."""
    opener = request.param(viewer)
    opener._timer.stop()
    viewer.window.add_dock_widget(opener, name="opener")
    yield opener
    if (panel := panel_of(viewer)) is not None:
        end(viewer, panel)


@pytest.mark.parametrize("opener", [OpenPanel, OpenCells], indirect=True)
def test_one_turn_makes_the_panel_another_docks_it_and_another_shows_it(viewer, opener):
    """All at once took napari over 100 ms, in which nothing moved."""
    seen = [stages(viewer)]
    for _ in opener._steps:
        seen.append(stages(viewer))
    seen.append(stages(viewer))
    changes = [sum(after) - sum(before) for before, after in pairwise(seen)]
    assert max(changes) == 1
    assert sum(seen[-1]) == (4 if type(opener) is OpenCells else 3)
    opener._close_dock()


@pytest.mark.parametrize("opener", [OpenPanel], indirect=True)
def test_a_panel_whose_opening_was_stopped_half_way_can_be_opened(viewer, opener):
    while not stages(viewer)[1]:
        next(opener._steps)
    assert not stages(viewer)[2]
    opener._close_dock()
    opener.deleteLater()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    open_panel(viewer)
    assert stages(viewer)[2]


def test_units_are_read_before_the_first_layer_needs_them(monkeypatch):
    before, made = pint.application_registry.get(), pint.UnitRegistry(None)
    monkeypatch.setattr(pint, "UnitRegistry", lambda: made)
    try:
        pint.set_application_registry(LazyRegistry())
        _make_units()
        assert pint.application_registry.get() is made
        pint.set_application_registry(others := pint.registry.UnitRegistry(None))
        _make_units()
        assert pint.application_registry.get() is others
    finally:
        pint.set_application_registry(before)
