"""Traces of what has changed since, or is gone, are called outdated: on screen and in files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import click, settled

import napari_zstack_align as nza
from napari_zstack_align.gui import file_dialogs
from napari_zstack_align.gui.cells.trace_set import TraceSet
from napari_zstack_align.gui.dataset import Movie

from .conftest import traces_of


@pytest.fixture
def read(panel, session):
    """Traces of both recordings, as they were read just now."""
    recordings = session.recordings
    movies = tuple(Movie(each.stack, each.alignment) for each in recordings)
    panel.traces.show(TraceSet(tuple(map(traces_of, recordings)), movies=movies))
    return panel.traces


def align(session, recording, alignment):
    session.set_alignment(session.runs.shown, recording, alignment)


def realign(session):
    [first, *_] = session.recordings
    align(session, first, replace(first.alignment))


def test_as_they_were_read_they_are_not(read):
    assert read.outdated == ""
    assert "outdated" not in read.dock.words.text()


def test_another_alignment_makes_them_so(read, session):
    realign(session)
    assert "outdated: part 1 is aligned otherwise now" in read.dock.words.text()


@pytest.mark.thorough
def test_and_the_one_of_before_makes_them_good_again(read, session):
    before = session.recordings[0].alignment
    realign(session)
    align(session, session.recordings[0], before)
    assert "outdated" not in read.dock.words.text()


def test_so_does_a_recording_that_is_removed(read, session):
    session.tab.list.set_recordings(session.recordings[1:])
    assert "outdated: part 1 is no longer open" in read.dock.words.text()


def test_loaded_ones_are_not_judged(panel, session, recordings):
    panel.traces.show(TraceSet(tuple(map(traces_of, recordings))))
    realign(session)
    assert panel.traces.outdated == ""


# -- ROIs that have changed ----------------------------------------------------------------------

CHANGES = {
    "moved": (lambda rois: rois.move(2, (40, 43)), "ROI 2 has changed."),
    "resized": (lambda rois: rois.resize([2, 3], 1.5), "2 ROIs have changed."),
    "deleted": (lambda rois: rois.delete([3]), "ROI 3 is gone."),
    "added": (lambda rois: rois.add((10, 10, 3)), "ROI 4 is new."),
    "other slices": (lambda rois: rois.set(rois.rois.with_slices(1, 0, 1)), "ROI 1 has changed"),
    "all gone": (lambda rois: rois.delete([1, 2, 3]), "3 ROIs are gone."),
}


def test_other_rois_make_them_so_whichever_is_selected(panel, read):
    for change, words in CHANGES.values():
        panel.rois.select([1])
        change(panel.rois)
        assert f"outdated: {words}" in read.dock.words.text()
        panel.rois.undo()
        assert "outdated" not in read.dock.words.text()


def test_all_that_is_other_is_said(panel, read):
    panel.rois.set(panel.rois.rois.where([2, 0, 1]).with_features(depth=[1.0, 2.0, 3.0]))
    assert read.outdated == ""
    for change in ("moved", "deleted", "added"):
        CHANGES[change][0](panel.rois)
    assert read.outdated == (
        "These traces are outdated: ROI 2 has changed, ROI 3 is gone, ROI 4 is new. Read them "
        "again."
    )


def test_so_are_loaded_ones(panel, session, recordings):
    panel.traces.show(TraceSet(tuple(map(traces_of, recordings))))
    panel.rois.delete([3])
    assert "ROI 3 is gone" in panel.traces.dock.words.text()


# -- what is written -----------------------------------------------------------------------------


@pytest.fixture
def offered(monkeypatch, tmp_path):
    """Names that a dialog for a file came with; each is taken, in a folder of the test's."""
    names = []

    def choose(_, __, proposed, *___):
        names.append(proposed)
        return str(tmp_path / proposed), ""

    monkeypatch.setattr(file_dialogs, "choose_name", choose)
    return names


def change_rois(panel):
    panel.rois.select([1])
    panel.rois.move(2, (40, 43))


CAUSES = {
    "alignment": (lambda panel: realign(panel.recordings), "part 1 is aligned otherwise now"),
    "ROIs": (change_rois, "ROI 2 has changed"),
}


@pytest.mark.parametrize(("cause", "why"), CAUSES.values(), ids=CAUSES)
def test_whoever_writes_them_is_asked(qtbot, panel, read, offered, answer, tmp_path, cause, why):
    panel.open_tab("Traces")
    buttons = [read.tab.buttons["save"], read.tab.buttons["export"], read.dock.picture_button]
    for button in buttons:
        click(qtbot, button)
        settled(qtbot, panel)
    assert not answer.asked
    assert len(offered) == 3
    cause(panel)
    for number, button in enumerate(buttons, 1):
        answer("Don't write")
        click(qtbot, button)
        assert len(answer.asked) == number
        assert why in answer.asked[-1]
    assert len(offered) == 3
    for button in buttons:
        answer("Write them")
        click(qtbot, button)
        settled(qtbot, panel)
        assert (tmp_path / offered[-1]).exists()
        assert why in read.tab.run_bar.status.text()
    assert all(name.startswith("traces") for name in offered[:3])
    assert all(name.startswith("outdated traces") for name in offered[3:])
    for each in nza.load(tmp_path / offered[3]):
        assert sum(why in str(remark) for remark in each.remarks) == 1
