"""A session keeps its reference, and ROIs their cells, until another one is asked for."""

from __future__ import annotations

import numpy as np
from driving import settled

from napari_zstack_align.cells.made_on import made_on

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


def test_a_recording_less_is_no_other_reference(qtbot, panel, session_with_rois, answer):
    session = session_with_rois
    before, raw = session.alignments[0].reference, on_raw(panel, session, "part 3")
    remove_and_run(qtbot, panel, session, answer)
    assert [each.stack.name for each in session.alignments] == ["part 1", "part 3"]
    np.testing.assert_array_equal(session.alignments[0].reference, before)
    np.testing.assert_array_equal(panel.rois.rois.circles, CELLS)
    assert np.abs(on_raw(panel, session, "part 3") - raw).max() < 0.5


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


def test_reference_frames_that_are_asked_for_count(qtbot, panel, session_with_rois):
    session = session_with_rois
    before = session.alignments[0].reference
    session.tab.form.fields["reference_recording"].set(0)
    run_to_end(qtbot, panel)
    assert np.abs(session.alignments[0].reference - before).max() > 0


def paint(panel, rows, columns):
    layer = panel.recordings.tab.mask_combo.layer
    layer.data[rows, columns] = 1
    layer.refresh()
    return layer


def test_a_mask_knows_the_reference_that_it_was_painted_on(qtbot, panel, session):
    press(qtbot, panel, "mask")
    settled(qtbot, panel)
    mask = paint(panel, slice(20, 160), slice(20, 160))
    run_to_end(qtbot, panel)
    assert mask.metadata["made_on"] == made_on(session.alignments[0])
    assert session.alignments[0].mask[30, 30] == 1
    run_to_end(qtbot, panel)  # again, with the reference that is kept
    assert session.alignments[0].mask[30, 30] == 1


def test_a_mask_is_not_used_for_a_reference_that_is_chosen_anew(qtbot, panel, session_with_rois):
    session = session_with_rois
    press(qtbot, panel, "mask")
    paint(panel, slice(20, 160), slice(20, 160))
    before = session.alignments
    session.tab.anew_box.setChecked(True)
    run_to_end(qtbot, panel)
    assert "painted over another reference" in session.tab.run_bar.status.text()
    assert session.alignments == before


def test_a_mask_is_carried_to_a_new_reference(qtbot, viewer, panel, session_with_rois):
    session = session_with_rois
    press(qtbot, panel, "mask")
    old = paint(panel, slice(50, 70), slice(90, 130))
    corners = np.array([[50.0, 90], [69, 129]])
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
    assert old.data[60, 100] == 1
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
