"""Names that are no UTF-8, are long, or are our own."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cases import digest, recording, session, traces, zshift, zstack

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main
from napari_zstack_align.csv_text import csv_bytes
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import FileFacts, validated
from napari_zstack_align.saved.journal import Journal, description_of
from napari_zstack_align.saved.names import LOCK, OLD_LOCK

ODD = os.fsdecode(b"r\xe9c")
"""A name as of an old Latin-1 disk."""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf_8_reads_back(tmp_path: Path) -> None:
    for number, result in enumerate([recording(1, ODD), traces(1, ODD)]):
        path = result.save(tmp_path / ODD / str(number))
        assert digest(nza.load(path)) == digest(result)
        (path / "run.json").read_text(encoding="utf-8")
    written = nza.save_session([recording(1, ODD), recording(1, "b", number=1)], tmp_path / "s")
    assert [each.stack.name for each in nza.load(written)] == [ODD, "b"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_raw_files_of_such_names_are_found_again(tmp_path: Path) -> None:
    np.save(tmp_path / f"{ODD}.npy", recording(1).stack.read(0, 6)[:, 0])
    stack = nza.open_stack(tmp_path / f"{ODD}.npy")
    path = replace(recording(1), stack=stack).save(tmp_path / "run")
    assert nza.load(path).stack.paths == stack.paths
    table = tmp_path / ODD / "t.csv"
    table.parent.mkdir()
    table.write_bytes(csv_bytes(("name", "recordings"), [("a", "nowhere.tif")]))
    assert main(["batch", str(table), f"--out={tmp_path / 'out'}"]) == 1
    text = (tmp_path / "out" / "results.csv").read_text(encoding="utf-8")
    assert "r\\udce9c" in text


@pytest.mark.parametrize(
    "result", [zstack(1), traces(1), zshift(1), session(1, "ab")], ids=lambda each: str(type(each))
)
def test_a_save_that_fails_leaves_nothing(result: object, tmp_path: Path, monkeypatch) -> None:
    def fails(_: int) -> None:
        raise ZeroDivisionError

    def save(path: Path) -> Path:
        return nza.save_session(result, path) if isinstance(result, list) else result.save(path)

    monkeypatch.setattr(os, "fsync", fails)
    (tmp_path / "mine.zalign").mkdir()
    for name in ("new.zalign", "mine.zalign"):
        with pytest.raises(ZeroDivisionError):
            save(tmp_path / name)
    assert [each.name for each in tmp_path.rglob("*")] == ["mine.zalign"]  # that was there before


def test_a_file_of_the_user_is_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "larva"
    path.mkdir()
    (path / OLD_LOCK).mkdir()
    nza.save_session(session(1, "ab"), path)
    for name in (OLD_LOCK, LOCK):
        (path / "a.zalign" / name).write_text("mine")
    nza.save_session(session(2, "ab"), path)
    recording(2, "a").save(path / "a.zalign")
    assert (path / OLD_LOCK).is_dir()
    assert {(path / "a.zalign" / name).read_text() for name in (OLD_LOCK, LOCK)} == {"mine"}
    (tmp_path / "b.zalign").mkdir()
    (tmp_path / "b.zalign" / OLD_LOCK).write_text("mine")
    with pytest.raises(InputError, match="is a folder with 1 other file"):
        zstack(1).save(tmp_path / "b")


def test_the_lock_of_an_earlier_version_goes_when_it_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "run.zalign"
    path.mkdir()
    (path / OLD_LOCK).touch()
    zstack(1).save(path)
    (path / OLD_LOCK).touch()
    zstack(2).save(path)
    assert not [each for each in path.iterdir() if each.name.startswith(".")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_journals_and_tables_take_such_names(tmp_path: Path) -> None:
    folder = tmp_path / f"{ODD}.zalign.unfinished"
    with Journal(folder, {"raw files": [ODD]}):
        assert description_of(folder)["raw files"] == [ODD]
    for name in ("tidy", "wide", "summary"):
        path = tmp_path / f"{name}.csv"
        nza.run(nza.export_traces(path, [traces(1, ODD)], format=name))
        assert "r\\udce9c" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "a\0b", "\ud800"])
def test_a_manifest_names_no_file_that_cannot_be_there(name: str) -> None:
    with pytest.raises(InputError, match="no name in this folder") as caught:
        validated(FileFacts, {"name": name}, Path("run.json"))
    str(caught.value).encode()
