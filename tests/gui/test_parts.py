"""Each part of the panel is made when it is first needed, whoever needs it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from driving import end, settled, show
from qtpy.QtWidgets import QLabel, QTabWidget
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.open import frame_for, open_panel, panel_of
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.parts import Parts
from napari_zstack_align.params import TraceParams
from napari_zstack_align.saved import Kind

CELLS = [[20.0, 20.0, 4.0], [30.0, 40.0, 5.0]]
TABS = ("Load", "Mask", "Align", "Recordings", "Session", "Cells", "Traces", "Z-shift")


def made(panel):
    return [type(part).__name__ for part in panel.parts.made]


# -- Parts -------------------------------------------------------------------------------------


class First(Part):
    titles = ("One", "Two")
    kinds = (Kind.ROIS,)
    tabs = property(lambda self: self.labels)

    def __init__(self):
        super().__init__()
        self.labels = (QLabel("one"), QLabel("two"))


class Second(Part):
    titles = ("Three",)
    kinds = (Kind.TRACES,)
    tabs = property(lambda self: self.labels)

    def __init__(self):
        super().__init__()
        self.labels = (QLabel("three"),)


@pytest.fixture
def tabs(qtbot):
    tabs = QTabWidget()
    qtbot.addWidget(tabs)
    return tabs


def test_a_part_is_made_once_and_fills_its_pages_before_it_is_announced(tabs):
    announced = []

    def on_made(part):
        announced.append(part)
        assert all(tabs.isAncestorOf(tab) for tab in part.tabs)

    parts = Parts(tabs, {First: First, Second: Second}, on_made)
    assert [tabs.tabText(i) for i in range(3)] == ["One", "Two", "Three"]
    assert parts.made == ()
    second = parts.of(Second)
    assert parts.of(Second) is second
    assert parts.at(2) == (second, second.tabs[0])
    first, tab = parts.at(1)
    assert tab is first.tabs[1]
    assert parts.index_of(tab) == 1
    assert parts.made == (first, second)
    assert tuple(parts.each()) == (first, second)
    assert announced == [second, first]


def test_a_kind_of_result_makes_the_part_that_opens_it(tabs):
    parts = Parts(tabs, {First: First, Second: Second}, lambda _: None)
    assert isinstance(parts.that_opens(Kind.TRACES), Second)
    assert parts.that_opens(Kind.SESSION) is None
    assert len(parts.made) == 1


# -- in the panel ------------------------------------------------------------------------------


def test_the_panel_opens_with_one_part(panel):
    assert made(panel) == ["ZStackPart"]


def test_a_tab_that_is_opened_is_filled(panel):
    for index in reversed(range(panel.tabs.count())):
        panel.tabs.setCurrentIndex(index)
        part, tab = panel.parts.at(index)
        assert part is panel.part_in_front
        assert panel.tabs.currentWidget().isAncestorOf(tab)
        assert tab.isVisibleTo(panel)
    assert [panel.tabs.tabText(index) for index in range(panel.tabs.count())] == list(TABS)


def test_rois_are_looked_after_before_a_tab_is_opened(viewer, panel):
    show_image(viewer)
    panel.rois.set(Rois.of(CELLS))
    assert made(panel) == ["ZStackPart", "CellsPart", "TracesPart"]
    assert panel.cells.tab.rois.count.text().startswith("2 ROIs")
    assert panel.traces.pointer._hover in viewer.mouse_move_callbacks
    panel.rois.undo()
    assert panel.cells.tab.rois.buttons["redo"].isEnabled()


def show_image(viewer):
    viewer.add_image(np.random.default_rng(0).random((64, 64)), name="image")


def test_recordings_that_are_opened_on_load_make_their_tab(qtbot, panel, recording, tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", recording.stack.read(0, 40)[:, 0])
    stack = nza.open_stack(tmp_path / "movie.tif")
    replace(recording, stack=stack).save(tmp_path / "one.zalign")
    panel.zstack.load_tab.open_paths([tmp_path / "one.zalign"])
    settled(qtbot, panel)
    assert "RecordingsPart" in made(panel)
    assert [each.name for each in panel.recordings.recordings] == ["movie"]


def test_a_late_part_finds_what_is_there(qtbot, viewer, panel):
    shown = show(qtbot, panel, small_zstack(name="brain"))
    panel.zstack.new_mask()
    panel.open_tab("Cells")
    assert panel.cells.tab.source.source.owner is shown
    panel.open_tab("Z-shift")
    assert panel.zshift.tab.reference.source is not None
    panel.open_tab("Recordings")
    masks = panel.recordings.tab.mask_combo
    assert masks.itemText(masks.count() - 1) == "brain mask"


def test_a_new_panel_that_is_not_docked_yet_is_the_one_that_is_opened(viewer):
    frame = frame_for(viewer)
    assert panel_of(viewer) is frame.panel
    assert frame_for(viewer) is frame
    panel = open_panel(viewer)
    assert panel is frame.panel
    assert panel.isVisibleTo(panel.window())
    end(viewer, panel)


def test_a_part_of_which_nothing_is_known_keeps_the_parameters_of_the_project(qtbot, viewer, panel):
    project = nza.Project(params={"Traces": TraceParams(neuropil_factor=0.5)})
    panel.keeper._base = project
    assert panel.keeper.snapshot().params["Traces"] == project.params["Traces"]
    assert made(panel) == ["ZStackPart"]
