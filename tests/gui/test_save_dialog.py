"""The real dialog, driven as a person drives it: type a name, press its button, answer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QApplication,
    QDialogButtonBox,
    QFileDialog,
    QLineEdit,
    QListView,
)

from napari_zstack_align.gui import file_dialogs
from napari_zstack_align.gui.file_dialogs import ask_where_to_save, ask_where_to_write
from napari_zstack_align.saved import Kind
from napari_zstack_align.write.writers import Takes, writers_of

GIVE_UP_MS = 5_000


@pytest.fixture
def person(qtbot, monkeypatch):
    """Types a name into the next dialog and presses its button; answers what is asked then."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", static_dialog)
    seen = SimpleNamespace(name="", answer=True, asked=[], button="", opened_at="", offered="")

    def ask(_parent, _title, text, *, yes, no):
        seen.asked.append(text)
        return seen.answer

    monkeypatch.setattr(file_dialogs, "confirmed", ask)

    def act():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QFileDialog):
            QTimer.singleShot(20, act)
            return
        edit = dialog.findChild(QLineEdit, "fileNameEdit")
        QTimer.singleShot(GIVE_UP_MS, dialog.reject)
        dialog.activateWindow()
        edit.setFocus()  # as it has when a person opens the dialog
        seen.opened_at, seen.offered = dialog.directory().path(), edit.text()
        if seen.name:
            edit.clear()
            QTest.keyClicks(edit, seen.name)
        qtbot.wait(100)  # the dialog looks at its folder in another thread
        button = accept_button(dialog)
        seen.button = button.text().replace("&", "")
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        if dialog.isVisible():  # it has walked into the folder
            dialog.reject()

    def choose(ask_for, **how):
        for name, value in how.items():
            setattr(seen, name, value)
        seen.asked.clear()
        QTimer.singleShot(0, act)
        return ask_for()

    seen.choose = choose
    return seen


def static_dialog(parent, title, proposed, filters):
    """What getSaveFileName does, in Qt's own dialog."""
    dialog = QFileDialog(parent, title, proposed, filters)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    chosen = dialog.exec()
    return (dialog.selectedFiles()[0], dialog.selectedNameFilter()) if chosen else ("", "")


def accept_button(dialog):
    buttons = dialog.findChild(QDialogButtonBox)
    accept = QDialogButtonBox.ButtonRole.AcceptRole
    return next(each for each in buttons.buttons() if buttons.buttonRole(each) == accept)


@pytest.fixture
def saved(recording, tmp_path, monkeypatch):
    """A saved alignment, in the folder at which dialogs open."""
    monkeypatch.chdir(tmp_path)
    return recording.save(tmp_path / "run.zalign")


@pytest.mark.parametrize("answer", [True, False])
def test_saves_onto_the_folder_of_that_name(person, saved, answer):
    def ask():
        return ask_where_to_save(None, "Save", str(saved), Kind.ALIGNMENT)

    assert person.choose(ask, answer=answer) == (saved if answer else None)
    assert person.opened_at == str(saved.parent)  # and not inside it
    assert person.offered == "run.zalign"
    assert person.button == "Save"
    assert len(person.asked) == 1
    assert "run.zalign holds the alignment of" in person.asked[0]


def test_the_typed_name_counts(person, saved):
    def ask():
        return ask_where_to_save(None, "Save", str(saved), Kind.ALIGNMENT)

    assert person.choose(ask, name="run.zalign") == saved
    assert len(person.asked) == 1
    assert person.choose(ask, name="other") == saved.parent / "other.zalign"
    assert not person.asked


def test_looks_into_a_folder_that_is_no_result(person, saved):
    (saved.parent / "data").mkdir()

    def ask():
        return ask_where_to_save(None, "Save", str(saved.parent / "x"), Kind.ALIGNMENT)

    assert person.choose(ask, name="data") is None


def test_a_name_inside_a_result_is_that_result(person, saved):
    def ask():
        return ask_where_to_save(None, "Save", str(saved / "run.zalign"), Kind.ALIGNMENT)

    assert person.choose(ask) == saved
    assert "Replace it?" in person.asked[0]


def test_a_double_click_chooses_a_result(qtbot, person, saved):
    ways = []

    def look():
        dialog = QApplication.activeModalWidget()
        if not isinstance(dialog, QFileDialog):
            QTimer.singleShot(20, look)
            return
        QTimer.singleShot(GIVE_UP_MS, dialog.reject)
        view = dialog.findChild(QListView, "listView")
        qtbot.waitUntil(lambda: view.model().rowCount(view.rootIndex()) > 0, timeout=4_000)
        index = view.model().index(0, 0, view.rootIndex())
        view.activated.emit(index)  # what a double click does
        edit = dialog.findChild(QLineEdit, "fileNameEdit")
        ways.append((index.data(), dialog.directory().path(), edit.text()))
        dialog.reject()

    QTimer.singleShot(0, look)
    ask_where_to_save(None, "Save", str(saved.parent / "x"), Kind.ALIGNMENT)
    assert ways == [("run.zalign", str(saved.parent), "run.zalign")]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("takes", "name", "mark"),
    [
        (Takes.VOLUME, "vol.ome.zarr", "zarr.json"),
        (Takes.TRACES, "s2p", "stat.npy"),
        (Takes.MOVIE, "rec", "data.bin"),
    ],
)
def test_an_export_that_is_a_folder_is_asked_about(person, tmp_path, takes, name, mark, inside):
    folder = tmp_path / name
    folder.mkdir()
    (folder / mark).touch()
    rows = [row for row in writers_of(takes) if mark in row.folder_marks]
    proposed = folder / name if inside else folder

    def ask():
        return ask_where_to_write(None, "Export", str(proposed), rows)

    written = person.choose(ask, answer=True)
    assert written is not None
    assert rows[0].target(written) == folder
    assert len(person.asked) == 1
    assert f"{name} in" in person.asked[0]
    assert person.choose(ask, answer=False) is None


def test_an_incomplete_result_asks_to_be_saved_beside_a_complete_one(person, saved):
    def ask():
        return ask_where_to_save(None, "Save", str(saved), Kind.ALIGNMENT, complete=False)

    assert person.choose(ask) == saved
    assert person.asked == [
        "This result is incomplete; run.zalign is complete and stays. Save it as "
        "run-partial.zalign beside it?"
    ]
