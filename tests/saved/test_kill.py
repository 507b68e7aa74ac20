"""A process that is killed at any moment of a save leaves the old result or the new one, whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cases import CASES, Case, digest, session
from killing import killed_at, stride

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import group
from napari_zstack_align.saved.occupant import occupant_of

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]


def killed_saves(case: Case, folder: Path, before: Path | None, every: int = 1) -> Iterator[Path]:
    """Paths after a save of the new result that was killed, at one moment after the other."""
    for moment in range(1, 2000, stride(every)):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        path = case.path(folder)
        if before is not None:
            copy = shutil.copytree if before.is_dir() else shutil.copy
            copy(before, path)
        if not killed_at(moment, folder, partial(case.save, case.new, path)):
            assert moment > 10, "the moments are not counted"
            return
        yield path
    pytest.fail("the save never ends")


def members(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir()] if path.is_dir() else []


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_old_or_new_and_the_same_save_works_again(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    (tmp_path / "before").mkdir()
    before = case.save(case.old, case.path(tmp_path / "before"))
    old, new = digest(case.old), digest(case.new)
    assert digest(nza.load(before)) == old, "a result reads back as it was saved"
    alone = {digest(each) for one in (case.old, case.new) for each in _single(one)}
    outcomes = []
    every = 7 if isinstance(case.new, list) else 2  # members are saved as single results are
    for path in killed_saves(case, tmp_path / "killed", before, every):
        found = digest(nza.load(path))
        assert found in (old, new), "a mixture"
        outcomes.append(found == new)
        for member in members(path):
            if occupant_of(member).kind is not None:
                assert digest(nza.load(member)) in alone
        assert case.save(case.new, path) == path
        assert digest(nza.load(path)) == new
        assert not litter(path), "the next save cleans up"
    assert outcomes == sorted(outcomes), "there is one moment at which the new result counts"
    assert set(outcomes) == {False, True}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_first_save_leaves_nothing_or_all(name: str, tmp_path: Path) -> None:
    case, new = CASES[name], digest(CASES[name].new)
    outcomes = []
    every = 11 if isinstance(case.new, list) else 5
    for path in killed_saves(case, tmp_path / "killed", None, every):
        try:
            outcomes.append(digest(nza.load(path)) == new)
            assert outcomes[-1]
        except InputError:
            outcomes.append(False)
        assert case.save(case.new, path) == path
        assert digest(nza.load(path)) == new
        assert not litter(path)
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


def test_what_a_stopped_save_left_is_no_hindrance_for_another_kind(tmp_path: Path) -> None:
    alignment, other = CASES["alignment with chunks and times"], CASES["z-shift"]
    for path in killed_saves(alignment, tmp_path / "killed", None, every=3):
        if occupant_of(path).kind is None:
            other.save(other.new, path)
            assert digest(nza.load(path)) == digest(other.new)
            assert not litter(path)


def test_a_member_is_the_same_however_it_is_reached(tmp_path: Path, monkeypatch) -> None:
    path = nza.save_session(session(1, "ab"), tmp_path / "S")
    committed = tmp_path / "S" / "session.json"

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(group, "_tidy", stopped)
    with pytest.raises(KeyboardInterrupt):
        nza.save_session(session(2, "ab"), path)
    assert committed.is_file()
    (tmp_path / "link.zalign").symlink_to(path / "a.zalign")
    new = digest(session(2, "ab")[0])
    assert digest(nza.load(path / "a.zalign")) == digest(nza.load(tmp_path / "link.zalign")) == new
    monkeypatch.chdir(path / "a.zalign")
    assert digest(nza.load(".")) == new


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    case = CASES["alignment with chunks and times"]
    path = case.save(case.old, case.path(tmp_path))
    mine = ["notes.txt", "quality.csv", "mask-2024.tif", "mask-20240115.tif", "quality-final.csv",
            "transforms-3f2a9c1b.npz.bak", ".hidden", ".run.json.swp", "mask-4dec25.tif",
            "rois-4feb26.csv", "frames-24dec1.csv", "reference-4dec2025.tif"]  # fmt: skip
    for name in mine:
        (path / name).write_text("mine")
    case.save(case.new, path)
    case.save(case.old, path)
    assert {name for name in mine if (path / name).read_text() == "mine"} == set(mine)
    shared = nza.save_session(session(1, "ab"), tmp_path / "shared")
    mine.append("mask-3f2a9c1b.tif")
    for name in mine:
        (shared / name).write_text("mine")
    (shared / "todo.zalign").mkdir()
    nza.save_session(session(2, "ab"), shared)
    assert {name for name in mine if (shared / name).read_text() == "mine"} == set(mine)
    assert (shared / "todo.zalign").is_dir()


def _single(result: object) -> list[object]:
    return result if isinstance(result, list) else [result]


def litter(path: Path) -> set[Path]:
    """Files that no manifest lists."""
    if path.is_file():
        return {each for each in path.parent.iterdir() if each != path}
    there = occupant_of(path).manifest
    assert there is not None
    known = {there.path, *(path / facts.name for facts in there.files.values())}
    known |= {path / member.folder for member in there.members}
    inside = [litter(path / member.folder) for member in there.members]
    return {each for each in path.iterdir() if each not in known}.union(*inside)
