"""The name that is checked is the name that is written; nothing complete is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cases import CASES, digest, recording, session, traces, zshift, zstack

import napari_zstack_align as nza
from napari_zstack_align.alignment.session import check_session_target
from napari_zstack_align.cells.traces.storage import save_session_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import Kind, Subject, check_target, kind_of, occupant_of, target_of
from napari_zstack_align.saved.names import generation_of, new_generation, of_generation

PARTIAL = {
    "alignment": (zstack(1), zstack(2, done=3), "run.zalign", "run-partial.zalign"),
    "traces": (traces(1), traces(2, done=3), "t", "t-partial"),
    "z-shift": (zshift(1), zshift(2, done=3), "run.zalign", "run-partial.zalign"),
}


@pytest.mark.parametrize(
    ("given", "kind", "target"),
    [
        ("run", Kind.ALIGNMENT, "run.zalign"),
        ("run.zalign", Kind.ZSHIFT, "run.zalign"),
        ("a/run.v2", Kind.ALIGNMENT, "a/run.v2.zalign"),
        ("larva", Kind.SESSION, "larva"),
        ("traces", Kind.TRACES, "traces"),
        ("cells", Kind.ROIS, "cells.csv"),
        ("cells.CSV", Kind.ROIS, "cells.CSV"),
    ],
)
def test_the_suffix_is_added_before_anything_is_checked(given, kind, target):
    assert target_of(given, kind) == Path(target)


@pytest.mark.parametrize("name", PARTIAL)
def test_a_partial_result_is_saved_beside_a_complete_one(name: str, tmp_path: Path) -> None:
    whole, part, target, beside = PARTIAL[name]
    path = whole.save(tmp_path / target)
    for overwrite in (True, False):
        written = part.save(path, overwrite=overwrite)
        assert written.name in (beside, beside.replace("partial", "partial-2"))
        assert digest(nza.load(written)) == digest(part)
    assert digest(nza.load(path)) == digest(whole)


def test_a_partial_session_is_saved_beside_a_complete_one(tmp_path: Path) -> None:
    whole = session(1, "ab")
    part = [recording(2, "a"), recording(2, "b", done=0, number=1)]
    path = nza.save_session(whole, tmp_path / "larva")
    written = nza.save_session(part, path)
    assert written == tmp_path / "larva-partial"
    assert digest(nza.load(path)) == digest(whole)
    assert digest(nza.load(written)) == digest(part)


def test_a_complete_result_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    first, second = zstack(1), zstack(2)
    path = tmp_path / "run.zalign"
    check_target(path, Kind.ALIGNMENT, Subject(what="z-stack", name="larva"))
    first.save(path)
    written = second.save(path, overwrite=False)
    assert written == tmp_path / "run-2.zalign"
    assert [digest(nza.load(each)) for each in (path, written)] == [digest(first), digest(second)]


@pytest.mark.parametrize(
    ("there", "new", "replaced"),
    [
        (zstack(1, done=2), zstack(2), True),
        (zstack(1, done=2), zstack(2, done=4), True),
        (zstack(1, done=4), zstack(2, done=2), False),
        (zstack(1), zstack(2), False),
        (recording(1, "rec1", done=2), recording(2, "rec2"), False),
    ],
    ids=["unfinished by whole", "by more", "by less", "whole by whole", "of another recording"],
)
def test_what_is_replaced_without_overwrite(there, new, replaced, tmp_path: Path) -> None:
    path = there.save(tmp_path / "run")
    written = new.save(path, overwrite=False)
    assert (written == path) == replaced
    assert digest(nza.load(written)) == digest(new)
    if not replaced:
        assert digest(nza.load(path)) == digest(there)


def _saved(result: Any, path: Path) -> Path:
    if isinstance(result, list):
        save = nza.save_session if isinstance(result[0], nza.Alignment) else save_session_traces
        return save(result, path)
    return result.save(path)


OCCUPANTS = {
    "holds the alignment of z-stack larva": lambda path: _saved(zstack(1), path),
    "holds the alignment of rec1": lambda path: _saved(recording(1), path),
    "holds the unfinished z-shift of rec1": lambda path: _saved(zshift(1, done=2), path),
    "holds the traces of rec1": lambda path: _saved(traces(1), path),
    "holds a session of 2 recordings": lambda path: _saved(session(1, "ab"), path),
    "holds the traces of 1 recording": lambda path: _saved([traces(1, "a")], path),
    "is a folder with 2 other files": lambda path: _folder(path),
    "is a file": lambda path: path.write_text("mine"),
}


def _folder(path: Path) -> None:
    path.mkdir()
    for name in ("a.txt", "quality.csv"):
        (path / name).write_text("mine")


NEW = {
    "z-stack": zstack(3),
    "recording": recording(3),
    "z-shift": zshift(3),
    "traces": traces(3),
    "session": session(3, "cd"),
}


@pytest.mark.parametrize("description", OCCUPANTS)
@pytest.mark.parametrize("name", NEW)
def test_anything_else_is_described_and_left_alone(name, description, tmp_path: Path) -> None:
    path = tmp_path / "there.zalign"
    OCCUPANTS[description](path)
    before = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    same = {
        "z-stack": "the alignment of z-stack", "recording": "the alignment of rec1",
        "z-shift": "z-shift of", "traces": "the traces of rec1", "session": "a session",
    }[name]  # fmt: skip
    beside = name == "session" and description.startswith("is a folder")
    if same in description or beside:
        assert _saved(NEW[name], path) == path
        return
    with pytest.raises(InputError, match=description) as caught:
        _saved(NEW[name], path)
    assert str(path) in str(caught.value)
    after = {each: each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()}
    assert after == before


def test_a_session_leaves_an_alignment_that_is_not_its_own(tmp_path: Path) -> None:
    own = zstack(1).save(tmp_path / "mix" / "a.zalign")
    recordings = session(1, "ab")
    with pytest.raises(InputError, match=r"a\.zalign holds the alignment of z-stack larva"):
        nza.save_session(recordings, tmp_path / "mix")
    with pytest.raises(InputError, match=r"a\.zalign holds the alignment of z-stack larva"):
        check_session_target(tmp_path / "mix", [each.stack for each in recordings], overwrite=True)
    assert digest(nza.load(own)) == digest(zstack(1))
    alone = recording(5, "b").save(tmp_path / "other" / "b.zalign")
    with pytest.raises(InputError, match="is no part of"):
        check_session_target(tmp_path / "other", [each.stack for each in recordings], False)
    with pytest.raises(InputError, match="is no part of"):
        nza.save_session(recordings, tmp_path / "other", overwrite=False)
    assert digest(nza.load(alone)) == digest(recording(5, "b"))


def test_a_z_stack_takes_no_place_in_a_session(tmp_path: Path) -> None:
    path = nza.save_session(session(1, "ab"), tmp_path / "mix")
    with pytest.raises(InputError, match="holds the alignment of a, not of a z-stack"):
        zstack(1).save(path / "a.zalign")
    with pytest.raises(InputError, match="belongs to"):
        recording(1, "c").save(path / "a.zalign")
    assert digest(nza.load(path)) == digest(session(1, "ab"))


def test_a_removed_recording_that_was_saved_again_by_itself_stays(tmp_path: Path) -> None:
    path = nza.save_session(session(1, "abc"), tmp_path / "larva")
    nza.save_session(session(2, "ab"), path)
    assert not (path / "c.zalign").exists()
    mine = recording(9, "c").save(path / "c.zalign")
    (path / "a.zalign" / "notes.txt").write_text("mine")
    nza.save_session(session(3, "b"), path)
    assert digest(nza.load(mine)) == digest(recording(9, "c"))
    assert [each.name for each in (path / "a.zalign").iterdir()] == ["notes.txt"]


def test_kinds(tmp_path: Path) -> None:
    for number, case in enumerate(CASES.values()):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = case.save(case.old, case.path(folder))
        assert kind_of(path) is not None
        assert digest(nza.load(path)) == digest(case.old)
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.csv").write_text("X,Y\n1,2\n")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "run.json").write_text('{"epochs": 3}')
    for name in ("empty", "table.csv", "theirs", "nowhere"):
        assert kind_of(tmp_path / name) is None
        with pytest.raises(InputError, match=name):
            nza.load(tmp_path / name)
    assert occupant_of(tmp_path / "theirs").description == "is a folder with 1 other file"


def test_raw_frames_go_with_alignments_and_z_shifts(tmp_path: Path) -> None:
    alignment = recording(1)
    path = alignment.save(tmp_path / "run")
    loaded = nza.load(path, stack=alignment.stack)
    assert isinstance(loaded, nza.Alignment)
    assert loaded.aligned()[0].compute().shape == alignment.transforms.shape
    with pytest.raises(InputError, match="leave the stack out"):
        nza.load(traces(1).save(tmp_path / "t"), stack=alignment.stack)


def test_generations() -> None:
    taken = {new_generation(()) for _ in range(50)}
    assert new_generation(taken) not in taken
    for generation in taken:
        assert generation_of(of_generation("quality.csv", generation)) == generation
    for name in ("quality.csv", "quality-2024.csv", "mask-20240115.tif", "quality-3f2a9c1b.txt",
                 "mine-3f2a9c1b.csv", "quality-12345678.csv", "quality-abcdefab.csv",
                 "mask-4dec2025.tif", "mask-24dec251.tif", "quality-3f2a9c.csv"):  # fmt: skip
        assert generation_of(name) == ""


def test_no_traces_are_not_saved(tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match="no traces to save"):
        nza.save_session_traces([], tmp_path / "none")
