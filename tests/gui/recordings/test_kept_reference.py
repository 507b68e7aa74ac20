"""A session keeps its reference, and ROIs their cells, until another one is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from driving import settled
from qtpy.QtCore import Qt
from stacks import SlowSource

from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.gui.recordings.recording_list import REFERENCE_COLUMN
from napari_zstack_align.progress import run

from .conftest import CELLS, press, run_to_end


def on_raw(panel, session, name):
    """Where the ROIs lie on the frames of a recording, (T, N, 2)."""
    [alignment] = [a for a in session.alignments if a.stack.name == name]
    centres = panel.rois.rois.circles[:, :2]
    return np.stack([alignment.transforms.to_raw(centres, t) for t in range(60)])


def remove_and_run(qtbot, panel, session, answer):
    session.tab.list.go_to(1)
    session.tab.list.setCurrentItem(session.tab.list.topLevelItem(1))
    answer("Remove")
    press(qtbot, panel, "remove")
    run_to_end(qtbot, panel)
    qtbot.waitUntil(lambda: not panel.carrier.busy)


@pytest.mark.thorough
def test_a_recording_less_is_no_other_reference(qtbot, panel, session_with_rois, answer):
    session = session_with_rois
    before, raw = session.alignments[0].reference, on_raw(panel, session, "part 3")
    remove_and_run(qtbot, panel, session, answer)
    assert [each.stack.name for each in session.alignments] == ["part 1", "part 3"]
    np.testing.assert_array_equal(session.alignments[0].reference, before)
    np.testing.assert_array_equal(panel.rois.rois.circles, CELLS)
    assert np.abs(on_raw(panel, session, "part 3") - raw).max() < 0.5


@pytest.mark.thorough
def test_one_that_is_asked_for_takes_the_rois_along(qtbot, panel, session_with_rois, answer):
    session = session_with_rois
    before, raw = session.alignments[0].reference, on_raw(panel, session, "part 3")
    panel.open_tab("Recordings")
    assert not session.tab.anew_box.isHidden()
    session.tab.anew_box.setChecked(True)
    remove_and_run(qtbot, panel, session, answer)
    settled(qtbot, panel)
    assert np.abs(session.alignments[0].reference - before).max() > 0
    off = np.linalg.norm(panel.rois.rois.circles[:, :2] - CELLS[:, :2], axis=1)
    assert off.min() > 0.5  # the reference did move
    assert np.median(np.abs(on_raw(panel, session, "part 3") - raw)) < 0.1


def paint(panel, rows, columns):
    layer = panel.recordings.tab.mask_combo.layer
    layer.data[rows, columns] = 1
    layer.refresh()
    return layer


@pytest.mark.thorough
def test_a_mask_knows_the_reference_that_it_was_painted_on(qtbot, panel, session):
    press(qtbot, panel, "mask")
    settled(qtbot, panel)
    mask = paint(panel, slice(15, 120), slice(15, 120))
    run_to_end(qtbot, panel)
    assert mask.metadata["made_on"] == made_on(session.alignments[0])
    assert session.alignments[0].mask[30, 30] == 1
    run_to_end(qtbot, panel)  # again, with the reference that is kept
    assert session.alignments[0].mask[30, 30] == 1


def click_star(qtbot, session, row):
    tree = session.tab.list
    place = tree.visualItemRect(tree.topLevelItem(row))
    place.setLeft(tree.columnViewportPosition(REFERENCE_COLUMN))
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place.center())


def star_of_another(session):
    (name,) = {each.provenance["reference_from"] for each in session.alignments}
    return next(i for i, each in enumerate(session.recordings) if each.name != name)


def ask_for_another_reference(qtbot, session, how):
    if how == "a star":
        click_star(qtbot, session, star_of_another(session))
    elif how == "other frames":
        session.tab.form.fields["reference_frames"].set((0, 20))
    else:
        session.tab.anew_box.setChecked(True)
        session.tab.form.fields["reference_recording"].set(2)


@pytest.mark.parametrize("how", ["a star", "other frames", "anew"])
@pytest.mark.thorough
def test_a_mask_goes_along_to_another_reference_before_the_run(
    qtbot, panel, session_with_rois, how
):
    session = session_with_rois
    press(qtbot, panel, "mask")
    old = paint(panel, slice(38, 98), slice(30, 112))
    before = session.alignments[0].reference
    panel.open_tab("Recordings")
    ask_for_another_reference(qtbot, session, how)
    said = session.tab.run_bar.status.text()
    if how == "a star":
        assert "masks and ROIs are carried there" in said
    run_to_end(qtbot, panel)
    qtbot.waitUntil(lambda: not panel.carrier.busy)
    assert "registered" in session.tab.run_bar.status.text()
    assert np.abs(session.alignments[0].reference - before).max() > 0
    used, carried = session.alignments[0].mask > 0, session.tab.mask_combo.layer
    assert carried is not old
    assert carried.metadata["made_on"] == made_on(session.alignments[0])
    there = carried.data > 0
    assert np.mean(used != there) < 0.25 * np.mean(used != (old.data > 0))
    off = np.argwhere(used).mean(axis=0) - np.argwhere(there).mean(axis=0)
    assert np.abs(off).max() < 0.5
    run_to_end(qtbot, panel)  # again: it lies on the reference now
    assert "registered" in session.tab.run_bar.status.text()
    np.testing.assert_array_equal(session.alignments[0].mask > 0, there)


@pytest.mark.thorough
@pytest.mark.parametrize("name", ["check", "compare"])
def test_a_trial_uses_the_mask_where_the_run_would(qtbot, panel, session_with_rois, name):
    session = session_with_rois
    press(qtbot, panel, "mask")
    paint(panel, slice(38, 98), slice(30, 112))
    panel.open_tab("Recordings")
    click_star(qtbot, session, star_of_another(session))
    given = session.trial.given()
    used = run(given.placed_mask())
    assert used.any()
    assert np.any(used != given.mask)
    press(qtbot, panel, name)
    assert session.tab.verdict.text()
    assert "error" not in session.tab.run_bar.status.text().lower()


def test_a_star_that_a_mask_can_not_follow_says_what_to_do(qtbot, panel, session_with_rois, stacks):
    session = session_with_rois
    press(qtbot, panel, "mask")
    paint(panel, slice(38, 98), slice(30, 112))
    added = stacks[0].replace(source=SlowSource(stacks[0].source, 0), name="part 4")
    session.add_stacks([added])
    settled(qtbot, panel)
    panel.open_tab("Recordings")
    click_star(qtbot, session, 3)
    said = session.tab.run_bar.status.text()
    assert "no frame of part 4 was aligned" in said
    assert "press 'New mask'" in said
    assert "carried there;" not in said
    session.tab.join_box.setChecked(False)
    run_to_end(qtbot, panel)
    assert session.tab.run_bar.status.text() == said
    session.tab.mask_combo.choose(None)
    click_star(qtbot, session, 1)
    click_star(qtbot, session, 3)
    assert "Run to register all recordings to part 4" in session.tab.run_bar.status.text()


@pytest.mark.thorough
def test_a_mask_is_carried_to_a_new_reference(qtbot, viewer, panel, session_with_rois):
    session = session_with_rois
    press(qtbot, panel, "mask")
    old = paint(panel, slice(38, 53), slice(68, 98))
    corners = np.array([[38.0, 68], [52, 97]])
    [alignment] = [a for a in session.alignments if a.stack.name == "part 3"]
    raw = np.median([alignment.transforms.to_raw(corners, t) for t in range(60)], axis=0)
    session.tab.mask_combo.choose(None)
    session.tab.anew_box.setChecked(True)
    session.tab.form.fields["reference_recording"].set(0)
    session.tab.mask_combo.choose(old)
    assert "painted over" not in session.tab.run_bar.status.text()
    session.tab.mask_combo.choose(None)
    run_to_end(qtbot, panel)
    qtbot.waitUntil(lambda: not panel.carrier.busy)
    new = viewer.layers["session mask, carried"]
    rows, columns = np.nonzero(new.data)
    found = np.array([[rows.min(), columns.min()], [rows.max(), columns.max()]], float)
    [alignment] = [a for a in session.alignments if a.stack.name == "part 3"]
    now = np.median([alignment.transforms.to_raw(found, t) for t in range(60)], axis=0)
    assert np.abs(now - raw).max() < 1.5  # whole pixels, turned a little
    assert not old.visible
    assert old.data[45, 75] == 1
    assert new.metadata["made_on"] == made_on(session.alignments[0])


def test_recordings_of_another_field_begin_without_mask_and_reference(qtbot, panel, session):
    press(qtbot, panel, "mask")
    settled(qtbot, panel)
    assert session.tab.mask_combo.layer is not None
    other = [recording.stack.replace(name="other") for recording in session.recordings[:1]]
    session.tab.list.selectAll()
    session.tab.list.set_recordings([])
    session.add_stacks(other)
    settled(qtbot, panel)
    assert session.tab.mask_combo.layer is None
