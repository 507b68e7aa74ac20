"""ROIs on a session's frames, and its traces in the dock: driven as a person does."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.traces import read_stimuli, with_stimuli
from napari_zstack_align.gui.cells.trace_plot import COLORS
from napari_zstack_align.gui.cells.trace_set import as_set, with_liveliest
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.stack import Stack

from .conftest import CELLS, LENGTHS, recording, shifts, traces_of


def drawn(panel):
    layer = panel.traces.on_frames.layer
    return np.column_stack([layer.data, layer.size / 2])


def turn(times=3):
    for _ in range(times):
        QApplication.processEvents()


def test_rois_ride_the_raw_frames_of_every_recording(panel, session):
    session.toggle()
    assert session.layers.mode == "raw"
    for number, frame in ((0, 7), (1, 3), (0, 39), (1, 29)):
        session.layers.go_to_frame(number, frame)
        turn()
        expected = CELLS[:, :2] + shifts(LENGTHS[number], number)[frame]
        np.testing.assert_allclose(drawn(panel)[:, :2], expected, atol=1e-6)


def test_raw_and_aligned_are_toggled_with_the_rois(panel, session):
    session.layers.go_to_frame(0, 7)
    turn()
    np.testing.assert_allclose(drawn(panel), CELLS)
    panel.toggle()
    turn()
    moved = drawn(panel)[:, :2] - CELLS[:, :2]
    np.testing.assert_allclose(moved, np.tile(shifts(LENGTHS[0], 0)[7], (3, 1)), atol=1e-6)
    panel.toggle()
    turn()
    np.testing.assert_allclose(drawn(panel), CELLS)


def test_a_recording_without_alignment_shows_no_rois_raw(panel, session, recordings):
    recordings[1].alignment = None
    session.toggle()
    session.layers.go_to_frame(1, 3)
    turn()
    assert not panel.traces.on_frames.seen.any()
    session.layers.go_to_frame(0, 3)
    turn()
    assert panel.traces.on_frames.seen.all()


def test_a_stack_that_is_not_aligned_shows_rois_where_they_are(qtbot, panel):
    panel.zstack.load_stack(Stack.from_array(np.zeros((5, 64, 64), np.uint8), name="movie"))
    settled(qtbot, panel)
    panel.rois.add((30, 30, 4))
    panel.zstack.shown.go_to(3)
    turn()
    np.testing.assert_allclose(drawn(panel), [[30, 30, 4]])
    assert "not aligned" in panel.traces.tab.what.text()


def test_in_a_zstack_rois_are_on_their_slices_and_move_with_each_repeat(qtbot, panel):
    stack = Stack.from_array(
        np.zeros((6, 64, 64), np.uint8), frames_per_slice=2, order="repeats", name="stack"
    )
    panel.zstack.load_stack(stack)
    settled(qtbot, panel)
    matrices = np.tile(np.eye(3), (6, 1, 1))
    matrices[:, 0, 2] = np.arange(6)
    panel.zstack.shown.alignment = Alignment(
        stack,
        Transforms((64, 64), (AffineLink(matrices),)),
        np.zeros((64, 64), np.float32),
        empty_table(6, "slice"),
        AdaptiveParams(),
    )
    panel.rois.set(Rois.of([(20, 20, 4), (40, 40, 4)], slices=[(0, 1), (2, 2)]))
    for frame, expected in enumerate([(True, False)] * 4 + [(False, True)] * 2):
        panel.zstack.shown.go_to(frame)
        turn()
        assert tuple(panel.traces.on_frames.seen) == expected
        np.testing.assert_allclose(panel.traces.on_frames.circles[:, 0], [20 + frame, 40 + frame])
    assert "z-stack" in panel.traces.tab.what.text()


def test_of_two_recordings_alike_that_in_view_is_meant(panel, recordings):
    twins = [recordings[0], recording(0)]
    panel.recordings.show(twins)
    panel.rois.set(Rois.of(CELLS))
    panel.traces.show(as_set([traces_of(r) for r in twins]))
    panel.recordings.layers.go_to_frame(1, 5)
    turn()
    plot = panel.traces.dock.plot
    assert plot.timeline.locate(plot.current[0].value()) == (1, 5)


# -- the dock ----------------------------------------------------------------------------------


@pytest.fixture
def dock(panel, session, recordings):
    panel.traces.show(with_liveliest([traces_of(r) for r in recordings]))
    turn()
    return panel.traces.dock


def test_selected_rois_have_their_traces_in_their_colours(panel, dock):
    panel.rois.select([2])
    assert dock.plot.rois == [2]
    panel.traces.on_frames.layer.selected_data = {0, 2}
    assert dock.plot.rois == [1, 3]
    colors = panel.traces.on_frames.layer.border_color
    assert [hex_of(c) for c in colors[[0, 2]]] == [COLORS[0], COLORS[1]]
    assert hex_of(colors[1]) not in COLORS


def hex_of(color):
    return "#" + "".join(f"{round(255 * v):02x}" for v in color[:3])


def test_where_none_is_selected_the_liveliest_traces_are_shown(panel, dock):
    assert set(dock.plot.rois) == {1, 2, 3}
    assert panel.rois.selected == (1, 2, 3)


def test_a_click_on_a_trace_goes_to_the_frame(qtbot, panel, dock, session):
    plot = dock.plot
    for place in ((1, 12), (0, 33)):
        scene = plot.plot.vb.mapViewToScene(QPointF(plot.timeline.x_of(*place), 0.5))
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.mapFromScene(scene))
        turn()
        assert session.layers.sequence.locate(session.layers.position()) == place
        assert plot.timeline.locate(plot.current[0].value()) == place


def test_the_line_follows_the_slider(panel, dock, session):
    session.layers.go_to_frame(1, 4)
    turn()
    assert dock.plot.current[0].value() == dock.plot.timeline.x_of(1, 4)


def test_recordings_are_apart_and_bad_frames_shaded(dock):
    timeline = dock.plot.timeline
    assert timeline.lengths == LENGTHS
    assert len(dock.plot.gaps.spans) == 1
    spans = dock.plot.bad.spans.tolist()
    assert spans == [[4.5, 7.5], [timeline.x_of(1, 5) - 0.5, timeline.x_of(1, 7) + 0.5]]


@pytest.mark.parametrize("quantity", ["F", "Fneu", "corrected", "dff"])
def test_every_quantity_can_be_drawn(panel, dock, recordings, quantity):
    panel.rois.select([1])
    dock.quantity.setCurrentIndex(dock.quantity.findData(quantity))
    dock.stack_box.setChecked(False)
    _, y = dock.plot.curves[0].getData()
    expected = getattr(traces_of(recordings[0]), quantity)[0, 0]
    np.testing.assert_allclose(y[: len(expected)], expected)


def test_stacked_traces_have_their_own_values_on_the_axis(panel, dock):
    dock.quantity.setCurrentIndex(dock.quantity.findData("F"))
    panel.rois.select([1, 2])
    axis = dock.plot.values_axis
    levels = [np.nanmedian(curve.getData()[1]) for curve in dock.plot.curves[:2]]
    places = axis.tickValues(-1000, 1000, 1000)[0][1]
    assert axis.tickStrings(places, 1, 1) == ["200", "400"] * 2
    np.testing.assert_allclose(places[::2], levels)
    places = axis.tickValues(-1000, 1000, 150)[0][1]  # there is room for one number each
    assert axis.tickStrings(places, 1, 1) == ["200"] * 2


def test_channels_can_be_chosen_where_there_are_several(panel, dock, recordings):
    assert dock.channel.isHidden()
    two = [traces_of(r, 2) for r in recordings]
    two[0].dff[1, 0] = 7
    panel.traces.show(as_set(two))
    panel.rois.select([1])
    dock.channel.setCurrentIndex(1)
    assert np.nanmax(dock.plot.curves[0].getData()[1]) == 7
    assert dock.channel.itemText(1) == "red"


def test_the_tip_over_a_roi_says_its_value(panel, dock, session):
    session.layers.go_to_frame(0, 34)
    turn()
    assert panel.traces.words_now(3) == "ΔF/F 3"
    session.layers.go_to_frame(0, 3)
    assert "no ΔF/F" in panel.traces.words_now(2)


def test_what_is_seen_becomes_a_picture(panel, dock, tmp_path):
    from PIL import Image

    png = dock.save_picture(tmp_path / "traces.png")
    picture = np.asarray(Image.open(png).convert("RGB"), int).reshape(-1, 3)
    for color in COLORS[:3]:
        wanted = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)])
        assert (np.abs(picture - wanted).max(axis=1) < 60).any()
    svg = dock.save_picture(tmp_path / "traces.svg")
    assert COLORS[0] in svg.read_text().lower()


def test_a_thousand_selected_rois_draw_no_more_than_can_be_told_apart(panel, dock):
    panel.rois.select([1, 2, 3])
    dock.show_rois([1, 2, 3] * 20)
    assert len(dock.plot.rois) == len(COLORS)
    assert "of 60" in dock.words.text()


def test_the_dock_comes_back_after_it_was_closed(panel, dock, viewer, recordings):
    viewer.window.remove_dock_widget(dock)
    assert dock.isHidden()
    panel.traces.show(as_set(traces_of(recordings[0])))
    turn()
    assert not dock.isHidden()


def test_run_without_rois_says_what_to_do(qtbot, panel, session):
    panel.rois.delete([1, 2, 3])
    click(qtbot, panel.traces.tab.run_bar.run_button)
    assert "no ROIs yet" in panel.traces.tab.run_bar.status.text()


STIMULI = "onset,duration,name,recording\n0.5,0.3,dot,\n1.0,0.5,bar,rec2\n"


def spans_of(panel):
    return [shade.spans.tolist() for shade in panel.traces.dock.plot.stimuli[:3]]


def test_a_table_of_stimuli_is_shown_behind_the_traces(panel, session, recordings, tmp_path):
    panel.traces.show(as_set([traces_of(each) for each in recordings]))
    path = tmp_path / "stimuli.csv"
    path.write_text(STIMULI.replace("rec2", recordings[1].name), encoding="utf-8")
    panel.traces.files.open_stimuli(path)
    start = float(panel.traces.dock.plot.timeline.starts[1])
    both = [[4.5, 7.5], [start + 4.5, start + 7.5]]
    np.testing.assert_allclose(spans_of(panel)[0], both)
    np.testing.assert_allclose(spans_of(panel)[1], [[start + 9.5, start + 14.5]])
    assert spans_of(panel)[2] == []
    assert "2 of 2 stimuli are in the recording" in panel.traces.tab.run_bar.status.text()
    panel.traces.dock._on_pointed((1, 12))
    assert "stimulus bar" in panel.traces.dock.words.text()
    panel.traces.dock._on_pointed((0, 12))
    assert "stimulus" not in panel.traces.dock.words.text()
    remove = panel.traces.dock.no_stimuli_button
    assert not remove.isHidden()
    remove.click()
    assert spans_of(panel) == [[], [], []]
    assert all(each.stimuli is None for each in panel.traces.traces.recordings)
    assert remove.isHidden()


def test_a_bad_table_changes_nothing_and_names_the_cell(panel, session, recordings, tmp_path):
    shown = as_set([traces_of(each) for each in recordings])
    panel.traces.show(shown)
    path = tmp_path / "stimuli.csv"
    path.write_text("onset,offset\n1,2\n3,end\n", encoding="utf-8")
    panel.traces.files.open_stimuli(path)
    assert panel.traces.traces is shown
    assert "row 3, column offset" in panel.traces.tab.run_bar.status.text()


def test_traces_that_are_read_again_keep_their_stimuli(recordings, tmp_path):
    path = tmp_path / "stimuli.csv"
    path.write_text("onset,duration\n0.5,0.3\n", encoding="utf-8")
    traces = [traces_of(each) for each in recordings]
    before = as_set(with_stimuli(traces, read_stimuli(path)))
    again = as_set([traces_of(each) for each in recordings]).with_stimuli_of(before)
    for one, other in zip(again.recordings, before.recordings, strict=True):
        np.testing.assert_array_equal(one.stimuli, other.stimuli)
        assert one.remarks == other.remarks
    assert as_set(traces[:1]).with_stimuli_of(as_set(traces)).recordings[0].stimuli is None


def test_the_pointer_tells_raw_frame_and_date(panel, session, recordings):
    traces = traces_of(recordings[0])
    traces.frames["raw_frame"] += 3
    panel.traces.show(as_set(replace(traces, started_at=datetime(2026, 3, 4, 5, 6, 7))))
    panel.traces.dock._on_pointed((0, 12))
    words = panel.traces.dock.words.text()
    assert words.startswith("frame 12 (raw frame 15) (1.20 s, 2026-03-04 05:06:08.200):")
