"""A session that was saved, but whose save was stopped then: nothing of it is lost, or litter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cases import digest, recording, session, zstack

import napari_zstack_align as nza
from napari_zstack_align.alignment.raw_frames import subject_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import Kind, finish_save, group, kind_of
from napari_zstack_align.saved.occupant import is_left_over, occupant_of
from napari_zstack_align.saved.target import check_target

OLD, NEW = 1, 2


def stopped_save(monkeypatch, folder: Path, name: str, number: int = 1) -> None:
    """Save a session that is stopped at the n-th call of a function of `group`."""
    calls = []
    function = getattr(group, name)

    def stopped(*arguments: object) -> object:
        calls.append(None)
        if len(calls) == number:
            raise SystemExit
        return function(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(group, name, stopped)
        patch.setattr(group, "remove_generation", lambda *_: None)  # as after a kill
        with pytest.raises(SystemExit):
            nza.save_session(session(NEW, "ab"), folder)


@pytest.fixture
def committed(tmp_path, monkeypatch) -> Path:
    """A session whose members still have their manifests under another name."""
    stopped_save(monkeypatch, tmp_path / "S", "_tidy")
    assert not (tmp_path / "S/a.zalign/run.json").exists()
    return tmp_path / "S"


@pytest.fixture
def uncommitted(tmp_path, monkeypatch) -> Path:
    """A folder in which both members were written, but not their session."""
    stopped_save(monkeypatch, tmp_path / "S", "replace_in_one_step")
    assert not (tmp_path / "S/session.json").exists()
    return tmp_path / "S"


def names_in(folder: Path) -> set[str]:
    return {path.name.split("-")[0] for path in folder.iterdir()}


def test_it_is_finished_later(committed):
    (committed / ".run.json.3f2a9c1b.part").touch()
    (committed / "a.zalign/.zstack-align.lock").touch()
    finish_save(committed)
    for member in ("a.zalign", "b.zalign"):
        assert (committed / member / "run.json").is_file()
        assert "run" not in names_in(committed / member)
    assert [*committed.glob("**/.*")] == []
    assert digest(nza.load(committed)) == digest(session(NEW, "ab"))


def test_old_files_go_when_it_is_finished(tmp_path, monkeypatch):
    folder = nza.save_session(session(OLD, "abc"), tmp_path / "S")
    stopped_save(monkeypatch, folder, "_tidy")
    (folder / "b.zalign/mine.txt").write_text("mine")
    finish_save(folder)
    assert {path.name for path in folder.iterdir()} == {"session.json", "a.zalign", "b.zalign"}
    listed = {each.name for each in occupant_of(folder / "b.zalign").manifest.files.values()}
    there = {path.name for path in (folder / "b.zalign").iterdir()}
    assert there == {"run.json", "mine.txt", *listed}


def test_nothing_is_touched_where_nothing_is_left(tmp_path, monkeypatch):
    folder = nza.save_session(session(OLD, "ab"), tmp_path / "S")

    def touched(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(group, "_finish", touched)
    for path in (folder, folder / "a.zalign", tmp_path, tmp_path / "none"):
        finish_save(path)


def test_a_copy_of_a_member_is_a_result_like_others(committed):
    copy = Path(shutil.copytree(committed / "a.zalign", committed.parent / "copy.zalign"))
    there = occupant_of(copy)
    assert (there.kind, there.free, is_left_over(copy)) == (Kind.ALIGNMENT, False, False)
    assert digest(nza.load(copy)) == digest(session(NEW, "a")[0])
    with pytest.raises(InputError, match="not of a z-stack"):
        check_target(copy, Kind.ALIGNMENT, subject_of(zstack(OLD).stack, 0))
    other = recording(OLD, "other").save(copy, overwrite=False)
    assert other != copy
    assert digest(nza.load(copy)) == digest(session(NEW, "a")[0])


def test_another_session_leaves_a_copied_member_alone(committed):
    target = nza.save_session(session(OLD, "xy"), committed.parent / "T")
    shutil.copytree(committed / "a.zalign", target / "copy.zalign")
    nza.save_session(session(NEW, "xy"), target)
    assert digest(nza.load(target / "copy.zalign")) == digest(session(NEW, "a")[0])


def test_the_same_session_is_saved_where_it_was_stopped_before_it_counted(uncommitted):
    assert kind_of(uncommitted) is None
    written = nza.save_session(session(NEW, "ab"), uncommitted, overwrite=False)
    assert written == uncommitted
    assert digest(nza.load(written)) == digest(session(NEW, "ab"))
    for member in ("a.zalign", "b.zalign"):
        listed = {each.name for each in occupant_of(written / member).manifest.files.values()}
        assert {path.name for path in (written / member).iterdir()} == {"run.json", *listed}


def test_a_damaged_member_of_no_session_is_left_over(uncommitted):
    member = uncommitted / "a.zalign"
    next(member.glob("quality-*")).unlink()
    assert is_left_over(member)
    assert occupant_of(member).free
    assert not is_left_over(uncommitted / "b.zalign")
