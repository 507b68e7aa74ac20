"""Traces of what has changed since, or is gone, are called outdated: on screen and in files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from driving import settled

import napari_zstack_align as nza
from napari_zstack_align.gui.cells import traces_files
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


def test_what_is_saved_says_it(qtbot, panel, read, session, tmp_path):
    realign(session)
    read.files.save(tmp_path / "traces")
    settled(qtbot, panel)
    for each in nza.load(tmp_path / "traces"):
        assert any("outdated" in str(remark) for remark in each.remarks)


@pytest.mark.parametrize("answer", [True, False])
def test_it_is_asked_before_they_are_written(panel, read, session, monkeypatch, answer):
    asked, proposed = [], []

    def confirmed(_, title, question, **__):
        asked.append(f"{title} {question}")
        return answer

    def ask_where(_, __, name, *___, **____):
        proposed.append(name)

    monkeypatch.setattr(traces_files, "confirmed", confirmed)
    monkeypatch.setattr(traces_files, "ask_where_to_write", ask_where)
    monkeypatch.setattr(traces_files, "ask_where_to_save", ask_where)
    read.tab.what.setText("")
    read.files.ask_save()
    assert proposed == ["traces"]
    realign(session)
    read.files.ask_save()
    assert "part 1 is aligned otherwise now" in asked[0]
    assert proposed == (["traces", "outdated traces"] if answer else ["traces"])
