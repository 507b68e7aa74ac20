"""Runs of a session side by side, as a person compares them."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import Qt

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.on_raw import transform_rois
from napari_zstack_align.flags import Flag
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.lazy import AlignedFrames
from napari_zstack_align.gui.recordings import run as running
from napari_zstack_align.stack import Stack

from .conftest import SIZE, add, press, run_to_end


def status(panel, tab="Recordings"):
    part = panel.recordings
    return (part.tab if tab == "Recordings" else part.results_tab).run_bar.status.text()


def box_of(panel):
    return panel.recordings.results_tab.runs_box


def rows_of(panel):
    runs = box_of(panel).list
    return [
        [runs.topLevelItem(row).text(column) for column in range(4)]
        for row in range(runs.topLevelItemCount())
    ]


def click_run(qtbot, panel, row):
    panel.open_tab("Session")
    runs = box_of(panel).list
    place = runs.visualItemRect(runs.topLevelItem(row)).center()
    qtbot.mouseClick(runs.viewport(), Qt.MouseButton.LeftButton, pos=place)


def otherwise(alignment, columns=3.0, **params):
    """The same recording aligned to elsewhere, with other parameters."""
    matrices = alignment.transforms.matrices().copy()
    matrices[:, 1, 2] += columns
    return replace(
        alignment,
        transforms=Transforms(alignment.transforms.shape, (AffineLink(matrices),)),
        params=alignment.params.replace(**params),
    )


def half_done(alignment):
    quality = alignment.quality.copy()
    quality["flag"][len(quality) // 2 :] = Flag.NOT_RUN
    quality["used"][len(quality) // 2 :] = False
    return replace(alignment, quality=quality)


class Register:
    """In the place of the registration: waits, then gives what it is told to give."""

    def __init__(self, found, steps=()):
        self.found, self.steps, self.go_on = found, steps, not steps

    def __call__(self, *_arguments, **_options):
        for partial in self.steps:
            yield nza.Progress("Registering", 0, 1, partial=partial)
        while not self.go_on:
            time.sleep(0.01)
            yield nza.Progress("Registering", 0, 1)
        return self.found


@pytest.fixture
def registering(monkeypatch):
    def register(found, steps=()):
        made = Register(found, steps)
        monkeypatch.setattr(running.engine, "register_recordings", made)
        return made

    return register


@pytest.fixture
def compared(qtbot, panel, aligned, registered, registering):
    """A session with two runs of which the newer one is shown."""
    registering([otherwise(each, match_ratio=0.7) for each in registered])
    run_to_end(qtbot, panel)
    return aligned


def shown(session):
    return [recording.alignment for recording in session.recordings]


# -- what was there stays ----------------------------------------------------------------------


@pytest.mark.thorough
def test_cancel_before_the_first_result_leaves_everything_as_it_was(
    qtbot, viewer, panel, aligned, registered, registering
):
    nothing = [replace(each, quality=each.quality.copy()) for each in registered]
    for each in nothing:
        each.quality["flag"], each.quality["used"] = Flag.NOT_RUN, False
    registering(None, steps=[nothing])
    layers, frame = list(viewer.layers), np.asarray(aligned.layers.aligned[0].data[70])
    panel.open_tab("Recordings")
    bar = aligned.tab.run_bar
    click(qtbot, bar.run_button)
    assert shown(aligned) == registered
    qtbot.waitUntil(lambda: bar.worker.partial is not None)
    qtbot.wait(300)
    click(qtbot, bar.cancel_button)
    settled(qtbot, panel)
    assert shown(aligned) == registered
    assert list(viewer.layers) == layers
    assert aligned.layers.mode == "aligned"
    np.testing.assert_array_equal(aligned.layers.aligned[0].data[70], frame)
    assert [len(table) for table in aligned.plots.map.tables] == [3, 3, 3]
    assert len(aligned.layers.runs) == 1
    assert "'run 1' is as it was" in status(panel)
    assert aligned.results_tab.buttons["save"].isEnabled()


def test_a_partial_result_stays_beside_the_complete_one(
    qtbot, panel, aligned, registered, registering
):
    part = [half_done(otherwise(each)) for each in registered]
    registering(None, steps=[part])
    panel.open_tab("Recordings")
    click(qtbot, aligned.tab.run_bar.run_button)
    qtbot.waitUntil(lambda: len(aligned.layers.runs) == 2)
    assert shown(aligned) == part
    assert rows_of(panel)[1][3].startswith("running: 50 % of the frames")
    assert not box_of(panel).remove_button.isEnabled()
    assert status(panel, "Session") == ""  # what it said was of the run before
    click(qtbot, aligned.tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert shown(aligned) == part
    assert rows_of(panel)[1][3].startswith("partial: 50 % of the frames")
    click_run(qtbot, panel, 0)
    assert shown(aligned) == registered


def test_an_older_run_can_be_looked_at_while_another_one_goes_on(
    qtbot, panel, aligned, registered, registering
):
    whole = [otherwise(each) for each in registered]
    job = registering(whole, steps=[[half_done(each) for each in whole]])
    panel.open_tab("Recordings")
    click(qtbot, aligned.tab.run_bar.run_button)
    qtbot.waitUntil(lambda: len(aligned.layers.runs) == 2)
    click_run(qtbot, panel, 0)
    assert shown(aligned) == registered
    assert "3 of 3 recordings registered" in status(panel, "Session")
    job.go_on = True
    settled(qtbot, panel)
    assert shown(aligned) == registered
    assert "It is 'run 2' under Runs" in status(panel, "Session")
    click_run(qtbot, panel, 1)
    assert shown(aligned) == whole


def test_a_run_that_only_joins_keeps_the_session_without_it(
    qtbot, panel, stacks, registered, registering
):
    session = add(qtbot, panel, stacks[:2])
    registering(registered[:2])
    run_to_end(qtbot, panel)
    add(qtbot, panel, stacks[2:])
    session.tab.join_box.setChecked(True)
    registering(registered[2:])
    run_to_end(qtbot, panel)
    assert shown(session) == registered
    click_run(qtbot, panel, 0)
    assert shown(session) == [*registered[:2], None]


# -- comparing ---------------------------------------------------------------------------------


def test_a_click_shows_the_other_run_bit_for_bit(qtbot, viewer, panel, compared, registered):
    layers = compared.layers
    layers.go_to_frame(1, 5)
    other = np.asarray(layers.aligned[0].data[65])
    assert rows_of(panel)[1][3].endswith("Match ratio: 0.7")
    quality = np.concatenate([each.quality for each in registered])
    median = np.median(quality["correlation_after"][quality["used"]])
    assert float(rows_of(panel)[0][1]) == pytest.approx(median, abs=6e-4)
    click_run(qtbot, panel, 0)
    assert layers.mode == "aligned"
    assert layers.position() == 65
    assert shown(compared) == registered
    frame = np.asarray(layers.aligned[0].data[65])
    np.testing.assert_array_equal(frame, registered[1].aligned_frame(5))
    assert not np.array_equal(frame, other)
    click_run(qtbot, panel, 1)
    np.testing.assert_array_equal(layers.aligned[0].data[65], other)


def test_layers_and_overlay_made_of_a_run_follow_the_one_that_is_shown(
    qtbot, viewer, panel, compared, registered
):
    press(qtbot, panel, "own_layers")
    qtbot.waitUntil(lambda: "part 3 aligned" in viewer.layers)
    click(qtbot, compared.results_tab.buttons["overlay"])
    settled(qtbot, panel)
    other = [layer.data.copy() for layer in compared.layers.overlay]
    click_run(qtbot, panel, 0)
    settled(qtbot, panel)
    assert compared.layers.mode == "overlay"
    assert not np.array_equal(compared.layers.overlay[0].data, other[0])
    own = viewer.layers["part 2 aligned"].data
    np.testing.assert_array_equal(own[5], registered[1].aligned_frame(5))


@pytest.mark.thorough
def test_a_layer_of_a_recording_without_a_result_in_the_run_is_dark(
    qtbot, viewer, panel, compared, registered
):
    press(qtbot, panel, "own_layers")
    qtbot.waitUntil(lambda: "part 3 aligned" in viewer.layers)
    compared.runs.add({compared.recordings[0]: registered[0]})
    [own] = [
        layer
        for layer in viewer.layers
        if layer.metadata.get(KEY) is compared.recordings[1]
        and isinstance(layer.data, AlignedFrames)
    ]
    assert np.asarray(own.data[5]).max() == 0
    click_run(qtbot, panel, 0)
    np.testing.assert_array_equal(own.data[5], registered[1].aligned_frame(5))


def test_rois_on_raw_frames_follow_the_run_that_is_shown(qtbot, panel, compared):
    panel.rois.set(Rois.of([[60.0, 70.0, 4.0], [90.0, 100.0, 5.0]]))
    compared.look_at("raw")
    compared.layers.go_to_frame(2, 7)
    for row in (0, 1):
        click_run(qtbot, panel, row)
        qtbot.waitUntil(lambda: not panel.carrier.busy)
        transforms = compared.recordings[2].alignment.transforms
        expected = transform_rois(panel.rois.rois, transforms, 7)
        np.testing.assert_allclose(panel.traces.on_frames.circles, expected)


def test_traces_of_another_run_are_said_to_be_so(qtbot, panel, compared):
    from napari_zstack_align.params import TraceParams

    panel.rois.set(Rois.of([[60.0, 70.0, 4.0], [90.0, 100.0, 5.0]]))
    panel.open_tab("Traces")
    panel.traces.tab.form.set_values(TraceParams(dark_level=(0.0,)))
    panel.traces.run.start()
    settled(qtbot, panel)
    assert not panel.traces.dock.outdated
    click_run(qtbot, panel, 0)
    assert "aligned otherwise now" in panel.traces.dock.outdated
    click_run(qtbot, panel, 1)
    assert not panel.traces.dock.outdated


# -- edits belong to one run -------------------------------------------------------------------


def test_a_repair_changes_the_run_that_it_was_begun_in(qtbot, panel, compared, registered):
    compared.plots.map.cell_clicked.emit(0, 1)
    second = shown(compared)
    press(qtbot, panel, "reject")
    repaired = shown(compared)
    assert repaired[0] is not second[0]
    assert repaired[1:] == second[1:]
    click_run(qtbot, panel, 0)
    assert shown(compared) == registered
    compared.set_alignment(compared.layers.runs.listed[1], compared.recordings[1], registered[1])
    assert shown(compared) == registered
    click_run(qtbot, panel, 1)
    assert shown(compared) == [repaired[0], registered[1], second[2]]


def test_imported_transforms_are_a_run_of_their_own(qtbot, panel, compared, tmp_path):
    before = shown(compared)
    compared.results.write_transforms(tmp_path / "t.csv")
    settled(qtbot, panel)
    compared.results.read_transforms(tmp_path / "t.csv")
    settled(qtbot, panel)
    assert len(compared.layers.runs) == 3
    assert "t.csv imported" in rows_of(panel)[2][3]
    click_run(qtbot, panel, 1)
    assert shown(compared) == before


# -- removing, saving, opening -----------------------------------------------------------------


def test_removing_a_run_asks_and_shows_the_other_one(qtbot, panel, compared, registered, answer):
    panel.open_tab("Session")
    second = shown(compared)
    answer("Keep it")
    click(qtbot, box_of(panel).remove_button)
    assert shown(compared) == second
    answer("Remove it")
    click(qtbot, box_of(panel).remove_button)
    assert shown(compared) == registered
    assert answer.asked == ["'run 2' isn't saved and would be lost."] * 2
    assert box_of(panel).isHidden()


@pytest.mark.parametrize("how", ["button", "Del"])
def test_removing_a_recording_asks_where_its_alignment_is_not_saved(
    qtbot, panel, aligned, answer, how, tmp_path
):
    def remove():
        rows = aligned.tab.list
        if how == "button":
            click(qtbot, aligned.tab.buttons["remove"])
        else:
            qtbot.keyClick(rows, Qt.Key.Key_Delete)

    panel.open_tab("Recordings")
    aligned.tab.list.go_to(1)
    before = shown(aligned)
    answer("Keep the recording")
    remove()
    assert answer.asked == ["Alignments of part 2 in 'run 1' aren't saved and would be lost."]
    assert shown(aligned) == before
    aligned.results.save(tmp_path / "session")
    settled(qtbot, panel)
    remove()
    assert [recording.name for recording in aligned.recordings] == ["part 1", "part 3"]
    assert len(answer.asked) == 1
    assert shown(aligned) == [before[0], before[2]]
    assert len(aligned.layers.runs.shown.results) == 2


@pytest.fixture
def on_disk(qtbot, panel, movie, registered, registering, tmp_path):
    """A session of two files, run and saved; the run is in a file."""
    paths = []
    for number in range(2):
        paths.append(tmp_path / f"r{number}.npy")
        np.save(paths[-1], movie[60 * number : 60 * number + 60])
    panel.recordings.add_paths(paths)
    settled(qtbot, panel)
    stacks = [recording.stack for recording in panel.recordings.recordings]
    found = [
        replace(each, stack=stack, frame_digests=None)
        for each, stack in zip(registered, stacks, strict=False)
    ]
    registering(found)
    run_to_end(qtbot, panel)
    panel.recordings.results.save(tmp_path / "larva")
    settled(qtbot, panel)
    registering([otherwise(each) for each in found])
    run_to_end(qtbot, panel)
    return tmp_path / "larva"


def test_a_saved_session_of_the_same_recordings_is_one_more_run(qtbot, panel, on_disk, answer):
    session = panel.recordings
    recordings, before = session.recordings, shown(session)
    assert [run.saved for run in session.layers.runs.listed] == [True, False]
    panel.open_saved(on_disk)
    settled(qtbot, panel)
    assert session.recordings == recordings
    assert [row[0] for row in rows_of(panel)] == ["run 1", "run 2", "larva"]
    assert "It is 'larva' under Runs" in status(panel, "Session")
    first = session.layers.runs.listed[0].results[recordings[0]]
    np.testing.assert_allclose(shown(session)[0].transforms.matrices(), first.transforms.matrices())
    click(qtbot, box_of(panel).remove_button)  # it is in a file
    assert answer.asked == []
    assert shown(session) == before


def test_opening_other_recordings_asks_where_something_is_not_saved(
    qtbot, panel, on_disk, movie, answer, tmp_path
):
    session = panel.recordings
    np.save(tmp_path / "other.npy", movie[:40])
    stack = nza.open_stack(tmp_path / "other.npy")
    alignment = replace(
        session.recordings[0].alignment,
        stack=stack,
        quality=session.recordings[0].alignment.quality[:40],
        transforms=Transforms((SIZE, SIZE), (AffineLink(np.tile(np.eye(3), (40, 1, 1))),)),
        chunks=session.recordings[0].alignment.chunks[:2],
        artefact_rows=None,
    )
    before = session.recordings, shown(session)
    answer("Keep these")
    session.results.show([alignment])
    settled(qtbot, panel)
    assert answer.asked == ["Alignments of r0, r1 in 'run 2' aren't saved and would be lost."]
    assert (session.recordings, shown(session)) == before
    assert "Nothing was opened" in status(panel, "Session")
    answer("Open them")
    session.results.show([alignment])
    settled(qtbot, panel)
    assert [recording.name for recording in session.recordings] == ["other"]
    assert len(session.layers.runs) == 1


def test_a_recording_that_is_added_leaves_the_runs_alone(qtbot, panel, compared, movie):
    before = shown(compared)
    compared.add_stacks([Stack.from_array(movie[:30], name="part 0")])
    settled(qtbot, panel)
    assert len(compared.layers.runs) == 2
    assert [a for a in shown(compared) if a is not None] == before
