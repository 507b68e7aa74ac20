from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_zstack_align.alignment.session import save_session
from napari_zstack_align.gui import file_dialogs
from napari_zstack_align.gui.cells.traces_tab import TracesTab
from napari_zstack_align.gui.file_dialogs import (
    ask_where_to_save,
    ask_where_to_write,
    named_as_chosen,
    one_filter,
    open_filter,
    save_filter,
)
from napari_zstack_align.gui.open import open_panel
from napari_zstack_align.gui.recordings.session_tab import SessionTab
from napari_zstack_align.gui.zshift.source_row import SourceRow
from napari_zstack_align.gui.zstack.load_tab import LoadTab
from napari_zstack_align.read import readers
from napari_zstack_align.read.readers import READERS, Reader, starts_with
from napari_zstack_align.saved import Kind, target_of
from napari_zstack_align.write import writers
from napari_zstack_align.write.several import destinations
from napari_zstack_align.write.writers import Takes, Writer, writers_of


@pytest.fixture
def twophoton(monkeypatch):
    """One row more in the table of formats."""
    row = Reader("twophoton", "Twophoton", (".2p",), starts_with(b"2PHO"), "nothing", "twophoton")
    monkeypatch.setattr(readers, "READERS", (*READERS, row))
    return row


def test_open_filter(monkeypatch, twophoton):
    zarr = next(row for row in READERS if row.is_folder)
    raw = Reader("raw", "Raw", (".raw", ".rw2"), starts_with(b"RAW"), "nothing", "raw")
    monkeypatch.setattr(readers, "READERS", (raw, zarr, twophoton))
    assert open_filter().split(";;") == [
        "Images (*.raw *.rw2 *.2p)", "Raw (*.raw *.rw2)", "Twophoton (*.2p)", "All files (*)"
    ]  # fmt: skip


def test_a_new_format_is_offered_everywhere(qtbot, make_napari_viewer, twophoton):
    assert "*.2p)" in open_filter().split(";;")[0]
    assert "Twophoton (*.2p)" in open_filter().split(";;")
    load, row = LoadTab(make_napari_viewer(show=False)), SourceRow("recording", "")
    for widget in (load, row):
        qtbot.addWidget(widget)
    for button in (load.files_button, load.folder_button, row.file_button):
        assert "Twophoton" in button.toolTip()


OME = writers_of(Takes.VOLUME)
OME_TIFF, OME_ZARR = "OME-TIFF (*.ome.tif *.tif *.ome.tiff *.tiff)", "OME-Zarr (*.ome.zarr *.zarr)"


def test_save_filter():
    film = Writer("avi", "AVI film", (".avi", ".divx"), (Takes.MOVIE,), "avi_format:write_avi")
    gif = Writer("gif", "GIF", (".gif",), (Takes.MOVIE,), "gif_format:write_gif")
    assert save_filter([film, gif]) == "AVI film (*.avi *.divx);;GIF (*.gif)"
    assert one_filter("Films", [film, gif]) == "Films (*.avi *.divx *.gif)"


@pytest.mark.parametrize(
    ("name", "chosen", "path"),
    [
        ("a", OME_TIFF, "a.ome.tif"),
        ("a", OME_ZARR, "a.ome.zarr"),
        ("a.1", OME_ZARR, "a.1.ome.zarr"),
        ("a.TIF", OME_ZARR, "a.TIF"),
        ("a.zarr", OME_TIFF, "a.zarr"),
        ("a", "", "a.ome.tif"),
    ],
)
def test_the_chosen_format_adds_its_ending(name, chosen, path):
    assert str(named_as_chosen(Path(name), chosen, OME)[1]) == path


@pytest.fixture
def dialogs(monkeypatch):
    """Answers of the two dialogs, and the questions that were asked."""
    answers = SimpleNamespace(name="", chosen=OME_TIFF, replace=True, asked=[], filters="")

    def choose(parent, title, proposed, filters, is_target):
        answers.filters = filters
        return answers.name, answers.chosen

    def ask(parent, title, text, *, yes, no):
        answers.asked.append(text)
        return answers.replace

    monkeypatch.setattr(file_dialogs, "choose_name", choose)
    monkeypatch.setattr(file_dialogs, "confirmed", ask)
    return answers


@pytest.mark.parametrize("replace", [True, False])
def test_a_file_under_the_completed_name_is_asked_about(dialogs, tmp_path, replace):
    (tmp_path / "a.ome.tif").write_text("precious")
    dialogs.name, dialogs.replace = str(tmp_path / "a"), replace
    path = ask_where_to_write(None, "", "", OME)
    assert path == (tmp_path / "a.ome.tif" if replace else None)
    assert len(dialogs.asked) == 1
    assert "a.ome.tif" in dialogs.asked[0]


def test_what_the_dialog_asked_about_is_not_asked_again(dialogs, tmp_path):
    (tmp_path / "a.ome.tif").write_text("old")
    dialogs.name = str(tmp_path / "a.ome.tif")
    assert ask_where_to_write(None, "", "", OME) == tmp_path / "a.ome.tif"
    dialogs.name = str(tmp_path / "new")
    assert ask_where_to_write(None, "", "", OME) == tmp_path / "new.ome.tif"
    dialogs.name = ""
    assert ask_where_to_write(None, "", "", OME) is None
    assert not dialogs.asked


def test_a_folder_of_another_name_than_the_typed_one_is_asked_about(dialogs, tmp_path):
    binary = [row for row in writers_of(Takes.MOVIE) if row.makes_folder]
    (tmp_path / "rec").mkdir()
    dialogs.name, dialogs.replace = str(tmp_path / "rec.bin"), False
    assert ask_where_to_write(None, "", "", binary) is None
    assert "rec in" in dialogs.asked[0]


def test_every_file_of_several_is_asked_about(dialogs, tmp_path):
    (tmp_path / "s_rec2.ome.tif").write_text("precious")
    dialogs.name, dialogs.replace = str(tmp_path / "s"), False

    def targets(writer, path):
        return [each.target for each in destinations(writer, path, ["rec1", "rec2"])]

    assert ask_where_to_write(None, "", "", OME, targets) is None
    assert "s_rec2.ome.tif in" in dialogs.asked[0]


@pytest.fixture
def film(monkeypatch):
    """One row more in the table of exports."""
    row = Writer("avi", "AVI film", (".avi",), tuple(Takes), "avi_format:write_avi")
    monkeypatch.setattr(writers, "WRITERS", (*writers.WRITERS, row))
    return row


def test_a_new_export_is_offered_everywhere(qtbot, make_napari_viewer, dialogs, film):
    viewer = make_napari_viewer(show=False)
    session, traces = SessionTab(viewer), TracesTab()
    for tab in (session, traces):
        qtbot.addWidget(tab)
        words = [tab.format.itemText(i) for i in range(tab.format.count())]
        assert "AVI film (.avi)" in words
    session.format.setCurrentIndex(session.format.findData(".avi"))
    assert session.writer == film
    panel = open_panel(viewer)
    panel.zstack.result._ask_export()
    assert "AVI film (*.avi)" in dialogs.filters
    dialogs.filters = ""
    panel.zshift.files.ask_export("corrected")
    assert "AVI film (*.avi)" in dialogs.filters


@pytest.mark.parametrize("answer", [True, False])
def test_saving_asks_about_the_name_that_is_written(
    qtbot, monkeypatch, tmp_path, recording, answer
):
    asked = []

    def question(_parent, _title, text, *, yes, no):
        asked.append(text)
        return answer

    monkeypatch.setattr(file_dialogs, "confirmed", question)
    monkeypatch.setattr(
        file_dialogs, "choose_name", lambda *_: (str(tmp_path / "run"), "Alignment (*.zalign)")
    )
    target = tmp_path / "run.zalign"
    assert ask_where_to_save(None, "Save", "run", Kind.ALIGNMENT) == target
    assert not asked
    recording.save(target)
    assert ask_where_to_save(None, "Save", "run", Kind.ALIGNMENT) == (target if answer else None)
    assert asked == [f"{target} holds the alignment of {recording.stack.name}. Replace it?"]
    members = ["other.zalign", "run.zalign"]
    monkeypatch.setattr(file_dialogs, "choose_name", lambda *_: (str(tmp_path), ""))
    found = ask_where_to_save(None, "Save", "session", Kind.SESSION, members)
    assert found == (tmp_path if answer else None)
    assert asked[1:] == asked[:1]


@pytest.mark.parametrize(
    ("kind", "typed", "written"),
    [
        (Kind.ALIGNMENT, "ts/new", "ts/new.zalign"),
        (Kind.ZSHIFT, "ts/z.zalign", "ts/z.zalign"),
        (Kind.TRACES, "ts/traces", "ts/traces"),
        (Kind.SESSION, "ts.zalign/larva", "ts.zalign/larva"),
        (Kind.ALIGNMENT, "plain/new", "plain/new.zalign"),
    ],
)
def test_a_name_in_another_result_is_not_taken_for_that_result(
    dialogs, tmp_path, recording, kind, typed, written
):
    save_session([recording], tmp_path / "ts")
    recording.save(tmp_path / "ts")
    recording.save(tmp_path / "plain").rename(tmp_path / "plain")  # with the suffix, another name
    recording.save(tmp_path / "plain")
    dialogs.name = str(tmp_path / typed)
    path = ask_where_to_save(None, "Save", "name", kind)
    assert path == tmp_path / written == target_of(path, kind)
    assert not dialogs.asked
