"""Repairs of a session as a person makes them: listed, taken back, done again on a new run."""

from __future__ import annotations

import numpy as np
import pytest
from driving import settled
from qtpy.QtCore import QPoint, Qt

from napari_zstack_align.alignment.edits import EditKind, edits_of
from napari_zstack_align.flags import Flag

from .conftest import SIZE, press, run_to_end


def choose(session, recording, chunk):
    """Click a chunk in the map."""
    session.plots.map.cell_clicked.emit(recording, chunk)


def box_of(session):
    return session.results_tab.repair_box


def listed(session):
    rows = box_of(session).list
    return [rows.item(row).text() for row in range(rows.count())]


def kinds(session, recording):
    return [edit.kind for edit in edits_of(session.recordings[recording].alignment)]


def set_points(qtbot, viewer, panel, session, chunk, by):
    """Fit a chunk of the third recording to points that lie beside its place."""
    choose(session, 2, chunk)
    alignment = session.recordings[2].alignment
    frame = int(alignment.chunks["midpoint"][chunk])
    reference = np.array([(45.0, 45.0), (45.0, 105.0), (105.0, 45.0)])
    raw = alignment.transforms.to_raw(reference, frame) + by
    press(qtbot, panel, "points")
    active = viewer.layers.selection.active
    for one in (*reference, *(raw + np.array([0, SIZE + 8]))):
        active.add(one)
        qtbot.wait(5)
    press(qtbot, panel, "apply_points")


@pytest.mark.thorough
def test_repairs_are_listed_and_a_click_goes_to_the_chunk(qtbot, panel, aligned):
    assert not box_of(aligned).list.isVisibleTo(box_of(aligned))
    choose(aligned, 1, 1)
    press(qtbot, panel, "reject")
    choose(aligned, 2, 0)
    press(qtbot, panel, "reject")
    assert listed(aligned) == [
        "part 2, frames 20–39: marked as bad",
        "part 3, frames 0–19: marked as bad",
    ]
    choose(aligned, 0, 0)
    rows = box_of(aligned).list
    place = rows.visualItemRect(rows.item(0)).center()
    qtbot.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert aligned.results.repair.chosen.words == "chunk 1 of part 2 (frames 20–39)"


@pytest.mark.thorough
def test_each_goes_back_to_automatic(qtbot, panel, aligned, registered):
    for chunk in (0, 1):
        choose(aligned, 1, chunk)
        press(qtbot, panel, "reject")
    choose(aligned, 1, 0)
    press(qtbot, panel, "automatic")
    assert listed(aligned) == ["part 2, frames 20–39: marked as bad"]
    alignment = aligned.recordings[1].alignment
    assert alignment.chunks[0] == registered[1].chunks[0]
    press(qtbot, panel, "automatic")
    assert "is as it was found" in aligned.results_tab.run_bar.status.text()


@pytest.mark.thorough
def test_undo_takes_back_the_last_ones_to_the_same_bits(qtbot, panel, aligned):
    before = [recording.alignment for recording in aligned.recordings]
    choose(aligned, 1, 1)
    press(qtbot, panel, "reject")
    choose(aligned, 2, 1)
    press(qtbot, panel, "reject")
    press(qtbot, panel, "undo")
    assert aligned.recordings[2].alignment is before[2]
    assert kinds(aligned, 1) == [EditKind.BAD]
    press(qtbot, panel, "undo")
    assert aligned.recordings[1].alignment is before[1]
    assert listed(aligned) == []
    press(qtbot, panel, "undo")
    assert "no repair" in aligned.results_tab.run_bar.status.text()


@pytest.mark.thorough
def test_undo_in_another_run_keeps_the_steps_of_this_one(qtbot, panel, aligned):
    before = aligned.recordings[1].alignment
    first = aligned.runs.shown.number
    choose(aligned, 1, 1)
    press(qtbot, panel, "reject")
    other = {r: r.alignment for r in aligned.recordings}
    aligned.runs.add({**other, aligned.recordings[1]: before})
    press(qtbot, panel, "undo")
    assert "no repair" in aligned.results_tab.run_bar.status.text()
    aligned.runs.show(first)
    press(qtbot, panel, "undo")
    assert aligned.recordings[1].alignment is before


def test_a_flag_is_overruled(qtbot, panel, aligned):
    choose(aligned, 1, 1)
    press(qtbot, panel, "accept")
    assert "is good already" in aligned.results_tab.run_bar.status.text()
    press(qtbot, panel, "reject")
    press(qtbot, panel, "accept")
    assert kinds(aligned, 1) == [EditKind.GOOD]
    assert aligned.recordings[1].alignment.quality["used"][20:40].all()


@pytest.mark.parametrize("wanted", [True, False])
def test_points_that_make_it_worse_are_questioned(qtbot, viewer, panel, aligned, answer, wanted):
    before = aligned.recordings[2].alignment
    answer("Use the points" if wanted else "Change the points")
    set_points(qtbot, viewer, panel, aligned, 1, 3.0)
    (question,) = answer.asked
    assert "its correlation falls from 0.99 to 0." in question
    if wanted:
        assert kinds(aligned, 2) == [EditKind.POINTS]
        assert aligned.layers.mode == "aligned"
    else:
        assert aligned.recordings[2].alignment is before
        assert aligned.layers.points.pairs()[0].shape == (3, 2)  # still there to be moved
        press(qtbot, panel, "drop_points")


@pytest.mark.thorough
def test_right_points_are_taken_without_a_question(qtbot, viewer, panel, aligned):
    set_points(qtbot, viewer, panel, aligned, 1, 0.0)
    assert kinds(aligned, 2) == [EditKind.POINTS]


@pytest.mark.thorough
@pytest.mark.parametrize("again", [True, False])
def test_a_new_run_does_them_again(qtbot, panel, aligned, again):
    box = aligned.tab.edits_box
    assert not box.isVisibleTo(aligned.tab)
    choose(aligned, 1, 1)
    press(qtbot, panel, "reject")
    panel.open_tab("Recordings")
    assert box.isVisibleTo(aligned.tab)
    assert box.text() == "Do the 1 repair of this run again"
    if not again:
        qtbot.mouseClick(box, Qt.MouseButton.LeftButton, pos=QPoint(8, box.height() // 2))
    run_to_end(qtbot, panel)
    assert kinds(aligned, 1) == ([EditKind.BAD] if again else [])
    flag = aligned.recordings[1].alignment.chunks["flag"][1]
    assert flag == (Flag.MARKED_BAD if again else "")
    assert ("Done again" in aligned.results_tab.remarks.text()) == again
    assert len(aligned.runs.shown.results) == 3


def test_a_saved_session_brings_them_back(qtbot, panel, aligned, tmp_path):
    choose(aligned, 1, 1)
    press(qtbot, panel, "reject")
    aligned.results.save(tmp_path / "session")
    settled(qtbot, panel)
    aligned.results.open(tmp_path / "session")
    settled(qtbot, panel)
    assert listed(aligned) == ["part 2, frames 20–39: marked as bad"]
