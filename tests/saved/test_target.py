"""The name that is checked is the name that is written; nothing complete is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import schema_1
from cases import CASES, digest, recording, rois, session, traces, zshift, zstack
from test_kill import litter

import napari_zstack_align as nza
from napari_zstack_align.alignment.session import check_session_target
from napari_zstack_align.cells.traces.storage import save_session_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import (
    Kind,
    Subject,
    beside_note,
    check_target,
    kind_of,
    occupant_of,
    target_of,
)
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
        assert written.name == beside  # the second one takes the place of the first
        assert beside_note(written, path) == (
            f"{target} is complete and was kept; this incomplete result is in {beside}."
        )
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
    if same in description:
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
    with pytest.raises(InputError, match=r"b\.zalign holds the alignment of b already"):
        check_session_target(tmp_path / "other", [each.stack for each in recordings], False)
    written = nza.save_session(recordings, tmp_path / "other", overwrite=False)
    assert written == tmp_path / "other-2"
    assert digest(nza.load(alone)) == digest(recording(5, "b"))


def test_an_unfinished_session_replaces_no_complete_alignment(tmp_path: Path) -> None:
    alone = recording(5, "a").save(tmp_path / "exp" / "a")
    part = [recording(1, "a", done=2), recording(1, "b", number=1)]
    assert nza.save_session(part, tmp_path / "exp") == tmp_path / "exp-partial"
    assert digest(nza.load(alone)) == digest(recording(5, "a"))
    first = [recording(1, "a"), recording(1, "b", done=3, number=1)]
    path = nza.save_session(first, tmp_path / "larva")
    for overwrite in (True, False):
        written = nza.save_session(part, path, overwrite)
        assert written.name == "larva-partial"
    assert nza.save_session([recording(1, "b", done=3)], path).name == "larva-partial-2"
    assert digest(nza.load(path)) == digest(first)
    more = [recording(2, "a"), recording(2, "b", done=4, number=1)]
    assert nza.save_session(more, path, overwrite=False) == path


def test_an_unfinished_session_of_other_recordings_is_kept(tmp_path: Path) -> None:
    first = [recording(1, "a"), recording(1, "b", done=3, number=1)]
    path = nza.save_session(first, tmp_path / "larva")
    other = session(2, "ac")
    with pytest.raises(InputError, match="holds an unfinished session of 2 recordings already"):
        check_session_target(path, [each.stack for each in other], overwrite=False)
    assert nza.save_session(other, path, overwrite=False) == tmp_path / "larva-2"
    assert digest(nza.load(path)) == digest(first)


@pytest.mark.parametrize("damage", ["newer", "cut"])
def test_an_unfinished_result_replaces_none_that_cannot_be_read(damage: str, tmp_path: Path):
    path = zstack(1).save(tmp_path / "run")
    text = (path / "run.json").read_text()
    changed = text[:-20] if damage == "cut" else text.replace('version": 2', 'version": 3')
    (path / "run.json").write_text(changed)
    if damage == "newer":
        with pytest.raises(InputError, match=r"holds a result of a newer version .*: update"):
            zstack(2).save(path)
    else:
        assert zstack(2, done=3).save(path) == tmp_path / "run-partial.zalign"
        assert (path / "run.json").read_text() == changed
        assert zstack(2).save(path) == path


def test_unfinished_traces_take_no_place_of_those_of_schema_1(tmp_path: Path) -> None:
    whole = [traces(1, "a"), traces(3, "b")]
    path = schema_1.write(whole, tmp_path / "t")
    (path / ".DS_Store").touch()
    written = save_session_traces([traces(5, "a")], path, asked=2)
    assert written == tmp_path / "t-partial"
    assert digest(nza.load(path)) == digest(whole)


def test_traces_that_were_saved_one_by_one_open_together(tmp_path: Path) -> None:
    for seed, name in enumerate("ab"):
        traces(seed, name).save(tmp_path / "t" / name)
    (tmp_path / "t" / "notes.txt").touch()
    assert kind_of(tmp_path / "t") is Kind.SESSION_TRACES
    assert digest(nza.load(tmp_path / "t")) == digest([traces(0, "a"), traces(1, "b")])
    (tmp_path / "t" / "pictures").mkdir()
    (tmp_path / "t" / "pictures" / "a.png").touch()
    assert kind_of(tmp_path / "t") is None


def test_what_a_file_manager_leaves_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "run.zalign").mkdir()
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / "run.zalign" / name).touch()
    assert zstack(1).save(tmp_path / "run") == tmp_path / "run.zalign"


@pytest.mark.parametrize("result", [zstack(1), zshift(1)], ids=["alignment", "z-shift"])
def test_a_killed_save_of_schema_1_is_replaced_on_demand(result: Any, tmp_path: Path) -> None:
    path = schema_1.write(result, tmp_path / "run.zalign")
    (path / "run.json").unlink()
    assert result.save(path, overwrite=False) == tmp_path / "run-2.zalign"
    assert result.save(path, overwrite=True) == path
    assert digest(nza.load(path)) == digest(result)
    assert not litter(path)


def test_odd_names(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("", ".", "..", "/", "x" * 300, "a\0b"):
        for act in (
            zstack(1).save,
            rois(1).save,
            nza.load,
            lambda name: check_target(
                target_of(name, Kind.ALIGNMENT), Kind.ALIGNMENT, Subject(what="z-stack")
            ),
        ):
            with pytest.raises(InputError):
                act(name)
    assert not list(tmp_path.iterdir())
    assert rois(1).save("cells") == Path("cells.csv")
    with pytest.raises(InputError, match="There is no saved result"):
        nza.load("cells.csv/run")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert nza.save_session(session(1, "ab"), ".") == tmp_path / "below"
    part = [recording(1, "a", done=1), recording(1, "b", number=1)]
    assert nza.save_session(part, ".") == tmp_path / "below-partial"
    monkeypatch.chdir(tmp_path / "below" / "a.zalign")
    assert digest(nza.load("..")) == digest(session(1, "ab"))


def test_what_cannot_be_written_is_found_before_the_work(tmp_path: Path, monkeypatch) -> None:
    subject = Subject(what="z-stack", name="larva")
    (tmp_path / "broken.zalign").symlink_to("nowhere")
    with pytest.raises(InputError, match="is a link to a place that doesn't exist"):
        check_target(tmp_path / "broken.zalign", Kind.ALIGNMENT, subject)
    with pytest.raises(InputError, match="is a link to a place that doesn't exist"):
        zstack(1).save(tmp_path / "broken.zalign")
    path = zstack(1).save(tmp_path / "run")
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda place, mode, **_: Path(place) == tmp_path and access(place, mode)
    )
    monkeypatch.setattr(os, "supports_effective_ids", {os.access})
    with pytest.raises(InputError, match="you have no permission to write"):
        check_target(path, Kind.ALIGNMENT, subject, overwrite=True)
    check_target(tmp_path / "new" / "run.zalign", Kind.ALIGNMENT, subject, make_parents=True)
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    with pytest.raises(InputError, match="you have no permission to write"):
        check_target(tmp_path / "new" / "r.zalign", Kind.ALIGNMENT, subject, make_parents=True)


def test_unfinished_results_of_schema_1_do_not_say_how_much_was_done(tmp_path: Path) -> None:
    path = schema_1.write(zstack(1), tmp_path / "run.zalign")
    edited = json.loads((path / "run.json").read_text()) | {"state": "incomplete"}
    (path / "run.json").write_text(json.dumps(edited))
    assert zstack(2, done=1).save(path, overwrite=False) == tmp_path / "run-partial.zalign"
    assert zstack(2).save(path, overwrite=False) == path


def test_a_z_stack_takes_no_place_in_a_session(tmp_path: Path) -> None:
    path = nza.save_session(session(1, "ab"), tmp_path / "mix")
    with pytest.raises(InputError, match="holds the alignment of a, not of a z-stack"):
        zstack(1).save(path / "a.zalign")
    with pytest.raises(InputError, match="belongs to"):
        recording(1, "c").save(path / "a.zalign")
    with pytest.raises(InputError, match="coordinates of another reference"):
        recording(2, "a").save(path / "a.zalign")
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


@pytest.mark.parametrize("missing", ["", "new"])
def test_a_read_only_disk_is_no_lack_of_permission(tmp_path: Path, monkeypatch, missing) -> None:
    found = os.statvfs(tmp_path)
    fields = [*found[:8], found.f_flag | os.ST_RDONLY, found.f_namemax]
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    folder = tmp_path / missing
    with pytest.raises(InputError) as caught:
        check_target(
            folder / "r.zalign",
            Kind.ALIGNMENT,
            Subject(what="z-stack", name="larva"),
            make_parents=True,
        )
    assert str(caught.value).endswith(
        f"can't be written: the disk of {tmp_path} is read-only; choose a place on another one."
    )
