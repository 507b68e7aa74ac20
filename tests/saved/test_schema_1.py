"""Folders of schema 1 still open, and are replaced like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import schema_1
from cases import CASES, digest, recording, traces
from test_kill import killed_saves, litter

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError

FOLDERS = [name for name in CASES if name != "ROIs"]


@pytest.mark.parametrize("name", FOLDERS)
def test_it_opens_and_is_replaced(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = schema_1.write(case.old, case.path(tmp_path))
    assert digest(nza.load(path)) == digest(case.old)
    assert case.save(case.new, path) == path
    assert digest(nza.load(path)) == digest(case.new)
    assert not litter(path)


def test_old_traces_that_were_saved_one_by_one_stay(tmp_path: Path) -> None:
    case = CASES["traces of a session"]
    path = schema_1.write(case.old, case.path(tmp_path))
    mine = schema_1.write(traces(8, "mine"), path / "mine")
    (path / "001_a" / "notes.txt").write_text("mine")
    case.save(case.new, path)
    assert digest(nza.load(mine)) == digest(traces(8, "mine"))
    assert [each.name for each in (path / "001_a").iterdir()] == ["notes.txt"]
    assert not (path / "002_b").exists()


def test_a_file_that_the_user_put_under_an_old_name_stays(tmp_path: Path) -> None:
    case = CASES["alignment with chunks and times"]
    path = schema_1.write(case.old, case.path(tmp_path))
    case.save(case.new, path)
    (path / "quality.csv").write_text("mine")
    case.save(case.old, path)
    case.save(case.new, path)
    assert (path / "quality.csv").read_text() == "mine"


@pytest.mark.parametrize(
    "name",
    [
        "alignment with chunks and times",
        "session of other recordings",
        "traces",
        "z-shift",
        "traces of a session",
    ],
)
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_killed_save_over_it_leaves_old_or_new(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    before = schema_1.write(case.old, case.path(tmp_path / "before"))
    old, new, outcomes = digest(case.old), digest(case.new), []
    for path in killed_saves(case, tmp_path / "killed", before, every=11):
        found = digest(nza.load(path))
        assert found in (old, new)
        outcomes.append(found == new)
        case.save(case.new, path)
        assert digest(nza.load(path)) == new
        assert not litter(path)
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {False, True}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_missing_or_damaged_file_is_named(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = schema_1.write(case.old, case.path(tmp_path / "good"))
    for number, file in enumerate(sorted(each for each in path.rglob("*") if each.is_file())):
        if file.name in ("chunks.csv", "mask.tif", "frame_times.csv") or (
            file.name == "transforms.npz" and name == "z-shift"
        ):
            continue  # schema 1 doesn't say whether there was one
        for spoil in (_remove, _cut):
            copy = shutil.copytree(path, tmp_path / spoil.__name__ / str(number) / path.name)
            spoil(copy / file.relative_to(path))
            with pytest.raises(InputError):
                nza.load(copy)


def test_an_interrupted_session_of_schema_1_is_no_session(tmp_path: Path) -> None:
    path = schema_1.write([recording(1, "a"), recording(2, "b")], tmp_path / "larva")
    with pytest.raises(InputError, match="coordinates of one reference"):
        nza.load(path)


def _remove(file: Path) -> None:
    file.unlink()


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
