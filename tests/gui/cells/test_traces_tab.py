"""What the Traces tab says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.traces import DarkLevel
from napari_zstack_align.gui.cells.roi_list import LONG, RoiList
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.traces_run import NO_DFF, read_words
from napari_zstack_align.gui.cells.traces_tab import dark_words
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.run_bar import RunBar

from .conftest import CELLS, recording, traces_of


@pytest.mark.parametrize(
    ("value", "words"),
    [(54_600.0, "54,600 counts"), (99_999.0, "99,999 counts"), (19.73, "19.7 counts")],
)
def test_counts_are_written_out(value, words):
    assert dark_words([DarkLevel(np.array([value]), "file", True)]).startswith(words)


def test_a_remark_that_all_recordings_have_counts_once():
    traces = [
        replace(traces_of(recording(number)), remarks=("The pixel size is unknown.", own))
        for number, own in enumerate(("First.", "Second."))
    ]
    assert "3 remarks" in read_words(traces)


def test_traces_without_any_dff_are_told():
    traces = traces_of(recording(0))
    assert NO_DFF not in read_words([traces])
    none = replace(traces, dff=np.full_like(traces.dff, np.nan))
    assert NO_DFF in read_words([none])
    assert NO_DFF not in read_words([none, traces])


def test_the_frame_rate_that_nwb_asks_for_is_at_hand(panel):
    tab = panel.traces.tab
    tab.format.setCurrentIndex(tab.format.findData("NWB"))
    QApplication.processEvents()
    rate = tab.nwb.fields["frame_rate_hz"]
    assert rate.widget.native.isVisibleTo(tab.nwb)


def test_words_of_another_tab_go_where_no_frames_are_in_view(panel, viewer):
    overlay = text_overlay(viewer)
    overlay.text, overlay.visible = "LoG: 61 blobs", True
    panel.workspace.look()
    assert not overlay.visible
    overlay.visible = True
    viewer.add_image(np.zeros((4, 4)))
    viewer.layers.clear()
    assert not overlay.visible


def test_an_error_goes_with_its_tab(qtbot):
    bar = RunBar("Run")
    qtbot.addWidget(bar)
    for error in (True, False):
        bar.show()
        bar.say("Words.", error=error)
        bar.hide()
        assert bar.status.text() == ("" if error else "Words.")


def test_titles_of_the_list_are_not_cut(qtbot):
    model = RoiModel()
    table = RoiList(model)
    qtbot.addWidget(table)
    table.resize(380, 170)
    table.show()
    model.set(replace(Rois.of(CELLS), slices=np.zeros((len(CELLS), 2), np.int64)))
    model.select([1])
    header = table.horizontalHeader()
    assert not header.highlightSections()
    for section, (title, _) in enumerate(table.table.headers):
        if title in LONG:
            room = header.sectionSize(section)
            assert room >= header.fontMetrics().horizontalAdvance(title)
