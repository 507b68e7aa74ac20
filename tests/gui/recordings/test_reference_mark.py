"""The recording that the reference is from: marked in the list, changed by a click there."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from driving import settled
from napari.layers import Labels
from qtpy.QtCore import Qt

from napari_zstack_align.gui.recordings.recording_list import MARKED, REFERENCE_COLUMN, UNMARKED
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.project import Project

from .conftest import press, run_to_end


def marks(session):
    tree = session.tab.list
    return [
        tree.topLevelItem(row).text(REFERENCE_COLUMN) for row in range(tree.topLevelItemCount())
    ]


def click(qtbot, session, row):
    tree = session.tab.list
    place = tree.visualItemRect(tree.topLevelItem(row))
    place.setLeft(tree.columnViewportPosition(REFERENCE_COLUMN))
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place.center())


def reference_of(session):
    (name,) = {each.provenance["reference_from"] for each in session.alignments}
    return name


def asked(session):
    return session.tab.form.values().reference_recording


def test_before_a_run_none_is_marked(session):
    assert marks(session) == [UNMARKED] * 3
    assert asked(session) is None


def test_a_click_chooses_and_a_second_one_leaves_it_to_the_plugin(qtbot, panel, session):
    panel.open_tab("Recordings")
    click(qtbot, session, 2)
    assert marks(session) == [UNMARKED, UNMARKED, MARKED]
    assert asked(session) == 2
    assert "taken from part 3" in session.tab.run_bar.status.text()
    click(qtbot, session, 2)
    assert marks(session) == [UNMARKED] * 3
    assert asked(session) is None


def test_the_choice_goes_with_the_recording(qtbot, panel, session):
    panel.open_tab("Recordings")
    click(qtbot, session, 2)
    session.tab.list.move(2, 0)
    assert (marks(session), asked(session)) == ([MARKED, UNMARKED, UNMARKED], 0)
    session.tab.list.set_recordings(session.recordings[1:])
    assert (marks(session), asked(session)) == ([UNMARKED, UNMARKED], None)


def test_a_number_typed_in_is_marked(session):
    session.tab.form.fields["reference_recording"].set(1)
    assert marks(session) == [UNMARKED, MARKED, UNMARKED]


def test_after_a_run_the_recording_in_use_is_marked(session_with_rois):
    session = session_with_rois
    names = [recording.name for recording in session.recordings]
    assert marks(session)[names.index(reference_of(session))] == MARKED
    assert marks(session).count(MARKED) == 1
    session.tab.anew_box.setChecked(True)
    assert marks(session) == [UNMARKED] * 3


@pytest.mark.thorough
def test_a_click_on_another_registers_all_to_that(qtbot, panel, session_with_rois):
    session = session_with_rois
    before, image = reference_of(session), session.alignments[0].reference
    names = [recording.name for recording in session.recordings]
    other = next(row for row, name in enumerate(names) if name != before)
    panel.open_tab("Recordings")
    click(qtbot, session, other)
    assert f"to {names[other]}" in session.tab.run_bar.status.text()
    assert np.array_equal(session.alignments[0].reference, image)  # until the run
    run_to_end(qtbot, panel)
    assert reference_of(session) == names[other]
    assert np.abs(session.alignments[0].reference - image).max() > 0
    image = session.alignments[0].reference
    session.tab.list.move(other, 2 - other)
    run_to_end(qtbot, panel)  # again, in another order: the same is kept
    assert np.array_equal(session.alignments[0].reference, image)
    assert reference_of(session) == names[other]


def test_a_click_on_the_one_in_use_changes_nothing(qtbot, panel, session_with_rois):
    session = session_with_rois
    names = [recording.name for recording in session.recordings]
    panel.open_tab("Recordings")
    click(qtbot, session, names.index(reference_of(session)))
    assert asked(session) is None
    assert "stays" in session.tab.run_bar.status.text()


def test_a_new_mask_holds_on_to_what_it_was_painted_over(qtbot, panel, session):
    press(qtbot, panel, "mask")
    settled(qtbot, panel)
    assert marks(session).count(MARKED) == 1
    (number,) = np.flatnonzero(np.array(marks(session)) == MARKED)
    assert asked(session) == number
    assert isinstance(session.tab.mask_combo.layer, Labels)


@pytest.mark.parametrize("how", ["another", "none", "removed"])
@pytest.mark.thorough
def test_a_mask_is_not_used_on_another_recording_than_it_was_painted_over(
    qtbot, panel, session, how
):
    press(qtbot, panel, "mask")
    settled(qtbot, panel)
    session.tab.mask_combo.layer.data[15:120, 15:120] = 1
    number = marks(session).index(MARKED)
    name = session.recordings[number].name
    if how == "removed":
        session.tab.list.set_recordings(
            [each for i, each in enumerate(session.recordings) if i != number]
        )
    else:
        click(qtbot, session, (number + 1) % 3 if how == "another" else number)
    run_to_end(qtbot, panel)
    assert "was painted over part" in session.tab.run_bar.status.text()
    assert not session.alignments
    mask = session.tab.mask_combo.layer
    session.tab.mask_combo.choose(None)
    run_to_end(qtbot, panel)
    assert session.alignments
    lies_on_it = reference_of(session) == name  # 'none' may find the same recording
    assert bool(mask.metadata["made_on"]) == lies_on_it


@pytest.mark.thorough
def test_of_recordings_with_one_name_the_right_one_is_marked(qtbot, panel, stacks, tmp_path):
    for k, stack in enumerate(stacks):
        (tmp_path / f"day{k}").mkdir()
        frames = stack.read(0, stack.n_frames)[:, 0]
        tifffile.imwrite(tmp_path / f"day{k}" / "rec.tif", frames, photometric="minisblack")
    session = panel.recordings
    panel.open_tab("Recordings")
    session.add_paths([tmp_path / f"day{k}" / "rec.tif" for k in range(len(stacks))])
    settled(qtbot, panel)
    session.tab.form.set_values(KeypointParams(chunk_frames=20, residual="none", passes=1))
    for row in (2, 0):
        click(qtbot, session, row)
        run_to_end(qtbot, panel)
        assert marks(session).index(MARKED) == row
        files = session.alignments[0].provenance["reference_files"]
        assert files == [str(path) for path in session.recordings[row].stack.paths]
        session.reference_mark.choose(None)
        assert marks(session).index(MARKED) == row


@pytest.mark.parametrize("row", [0, 2])
def test_a_project_brings_the_choice_back(qtbot, panel, session, row):
    panel.open_tab("Recordings")
    click(qtbot, session, row)
    params = session.collect(Project()).params["Recordings"]
    click(qtbot, session, row)
    assert marks(session) == [UNMARKED] * 3
    session.tab.form.take(params)
    assert marks(session).index(MARKED) == row
