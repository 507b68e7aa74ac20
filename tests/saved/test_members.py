"""Members of a session: only its own go or are replaced with it."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import schema_1
from cases import digest, recording, session, traces, zstack

import napari_zstack_align as nza
from napari_zstack_align.alignment.session import check_session_target, folders_of, unique_names
from napari_zstack_align.cells.traces.storage import save_session_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import Kind, Subject, check_target, lock, names

FOREIGN = {
    "a z-stack": zstack(5),
    "another recording": recording(7, "other"),
    "as many frames, another name": recording(1, "c", number=1),
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("old", [nza.save_session, schema_1.write], ids=["schema 2", "schema 1"])
def test_a_result_that_took_the_place_of_a_member_stays(old, name: str, tmp_path: Path) -> None:
    path, other = old(session(1, "ab"), tmp_path / "larva"), FOREIGN[name]
    shutil.rmtree(path / "b.zalign")
    other.save(tmp_path / "other.zalign").rename(path / "b.zalign")
    assert nza.save_session(session(2, "a"), path) == path
    assert digest(nza.load(path / "b.zalign")) == digest(other)
    nza.save_session(session(3, "a"), path)
    assert digest(nza.load(path / "b.zalign")) == digest(other)


def test_a_result_of_schema_1_that_came_where_one_was_removed_stays(tmp_path: Path) -> None:
    path = schema_1.write(session(1, "ab"), tmp_path / "larva")
    nza.save_session(session(2, "a"), path)
    assert not (path / "b.zalign").exists()
    schema_1.write(recording(7, "b"), path / "b.zalign")
    nza.save_session(session(3, "a"), path)
    assert digest(nza.load(path / "b.zalign")) == digest(recording(7, "b"))


def test_a_folder_outside_that_a_link_leads_to_stays(tmp_path: Path) -> None:
    path = nza.save_session(session(1, "ab"), tmp_path / "larva")
    (path / "b.zalign").rename(tmp_path / "archive.zalign")
    (path / "b.zalign").symlink_to("../archive.zalign")
    assert digest(nza.load(path)) == digest(session(1, "ab"))
    for seed in (2, 3):
        assert nza.save_session(session(seed, "a"), path) == path
    assert digest(nza.load(tmp_path / "archive.zalign")) == digest(session(1, "ab")[1])
    assert (path / "b.zalign").is_symlink()


def test_a_foreign_result_is_not_replaced_unasked(tmp_path: Path) -> None:
    part = [recording(1, "a", done=2), recording(1, "b", number=1)]
    path = nza.save_session(part, tmp_path / "larva")
    shutil.rmtree(path / "b.zalign")
    mine = recording(7, "mine")
    mine.save(tmp_path / "mine.zalign").rename(path / "b.zalign")
    stacks = [each.stack for each in part]
    with pytest.raises(InputError, match=r"b\.zalign holds the alignment of mine already"):
        check_session_target(path, stacks, overwrite=False)
    assert nza.save_session(session(2, "ab"), path, overwrite=False) == tmp_path / "larva-2"
    assert digest(nza.load(path / "b.zalign")) == digest(mine)
    assert nza.save_session(session(2, "ab"), path, overwrite=True) == path


def _parts(seed: int, *done: int) -> list[nza.Alignment]:
    return [recording(seed, "ab"[k], done=n, number=k) for k, n in enumerate(done)]


@pytest.mark.parametrize(
    ("there", "new", "replaced"),
    [
        ((5, 5), (1, 1), False),
        ((5, 0), (6, 0), True),
        ((5, 0), (4, 6), False),  # more recordings are complete, but one was further
        ((6, 2), (6, 3), True),
        ((2, 2), (2, 2), True),
        ((5, 5), (6, 6), True),
    ],
)
@pytest.mark.parametrize("kind", ["alignments", "traces"])
def test_an_unfinished_session_replaces_none_of_which_more_is_done(
    kind: str, there, new, replaced: bool, tmp_path: Path
) -> None:
    def save(seed: int, done: tuple[int, ...], path: Path) -> tuple[Path, str]:
        if kind == "alignments":
            parts = _parts(seed, *done)
            return nza.save_session(parts, path, overwrite=False), digest(parts)
        each = [traces(seed + k, "ab"[k], done=n) for k, n in enumerate(done)]
        return save_session_traces(each, path, overwrite=False), digest(each)

    path, before = save(1, there, tmp_path / "s")
    written, after = save(2, new, path)
    assert written == (path if replaced else tmp_path / "s-partial")
    assert digest(nza.load(written)) == after
    assert replaced or digest(nza.load(path)) == before


@pytest.fixture
def no_permission(monkeypatch):
    """Return a list: in the folders that are put there, nobody may write."""
    closed: list[Path] = []
    access = os.access

    def asked(place, mode, **_):
        return not (Path(place) in closed and mode & os.W_OK) and access(place, mode)

    monkeypatch.setattr(os, "access", asked)
    return closed


@pytest.mark.parametrize("kind", ["alignments", "traces"])
@pytest.mark.parametrize("closed", ["b", "c"])
def test_members_that_cannot_be_written_are_found_before_the_work(
    kind: str, closed: str, tmp_path: Path, no_permission
) -> None:
    if kind == "alignments":
        path = nza.save_session(session(1, "abc"), tmp_path / "s")
        no_permission.append(path / f"{closed}.zalign")
        stacks = [each.stack for each in session(1, "ab")]
        with pytest.raises(InputError, match=rf"no permission to write in .*{closed}\.zalign"):
            check_session_target(path, stacks, overwrite=True)  # c goes
        return
    path = save_session_traces([traces(k, name) for k, name in enumerate("abc")], tmp_path / "t")
    no_permission.append(path / closed)
    subjects = {name: Subject(name=name, frames=6) for name in "ab"}
    with pytest.raises(InputError, match=rf"no permission to write in .*{closed}"):
        check_target(
            path, Kind.SESSION_TRACES, Subject(name="a", frames=2), subjects, overwrite=True
        )


def _called(alignments: list[nza.Alignment], *names: str) -> list[nza.Alignment]:
    stacks = [each.stack.replace(name=name) for each, name in zip(alignments, names, strict=True)]
    return [replace(each, stack=s) for each, s in zip(alignments, stacks, strict=True)]


def test_members_whose_names_are_one_on_this_file_system(tmp_path: Path, monkeypatch) -> None:
    """As file systems show them to which Rec1 and rec1 are one name."""
    monkeypatch.setattr(lock, "PATIENCE_S", 1.0)
    path = nza.save_session(_called(session(1, "ab"), "Rec1", "Rec2"), tmp_path / "s")
    for name in ("1", "2"):
        (path / f"rec{name}.zalign").symlink_to(f"Rec{name}.zalign")
    new = _called(session(2, "ab"), "rec1", "rec2")
    for _ in range(2):
        assert nza.save_session(new, path) == path
        assert digest(nza.load(path)) == digest(new)
    assert sorted(each.name for each in path.iterdir() if not each.is_symlink()) == [
        "Rec1.zalign", "Rec2.zalign", "session.json"
    ]  # fmt: skip


def test_two_recordings_are_never_saved_into_one_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 1.0)
    path = nza.save_session(session(1, "a"), tmp_path / "s")
    (path / "b.zalign").symlink_to("a.zalign")
    stacks = [each.stack for each in session(2, "ab")]
    for act in (
        lambda: check_session_target(path, stacks, overwrite=True),
        lambda: nza.save_session(session(2, "ab"), path),
    ):
        with pytest.raises(InputError, match="are one folder"):
            act()
    assert digest(nza.load(path)) == digest(session(1, "a"))


def test_names_of_folders_are_told_apart_on_every_file_system() -> None:
    composed, apart = "rec\u00e9", "rece\u0301"
    assert unique_names(["Rec1", "rec1", composed, apart]) == [
        "Rec1", "rec1_2", composed, f"{apart}_2"
    ]  # fmt: skip


def test_recordings_of_long_names_have_room_in_a_session(tmp_path: Path) -> None:
    long = ["l" * 251, "l" * 250 + "m", "\u00e9" * 127]
    alignments = [recording(1, name, number=k) for k, name in enumerate(long)]
    folders = folders_of([each.stack for each in alignments])
    assert len(set(folders)) == 3
    assert max(len(os.fsencode(name)) for name in folders) < 220
    written = nza.save_session(alignments, tmp_path / "s")
    assert [each.stack.name for each in nza.load(written)] == long
    for name in ("l" * 245, "l" * 238 + ".zalign"):
        with pytest.raises(InputError, match="its name is too long"):
            check_target(tmp_path / name, Kind.ALIGNMENT, Subject(name="rec1", frames=6))
    assert names.target_of("l" * 237, Kind.ALIGNMENT).name == "l" * 237 + ".zalign"
    check_target(tmp_path / ("l" * 237 + ".zalign"), Kind.ALIGNMENT, Subject(name="rec1", frames=6))


@pytest.mark.parametrize("harm", ["removed", "damaged"])
def test_a_harmed_recording_hinders_no_save_of_another(harm: str, tmp_path: Path) -> None:
    path = nza.save_session(session(1, "abc"), tmp_path / "s")
    if harm == "removed":
        shutil.rmtree(path / "a.zalign")
    else:
        next((path / "a.zalign").glob("reference-*")).unlink()
    mended = recording(1, "b", number=7)
    assert mended.save(path / "b") == path / "b.zalign"
    with pytest.raises(InputError, match="coordinates of another reference"):
        recording(2, "b").save(path / "b")  # c is intact
    shutil.rmtree(path / "c.zalign")
    mended.save(path / "b")
    for name, number in (("a", 0), ("c", 2)):
        recording(1, name, number=number).save(path / name)
    assert digest(nza.load(path)) == digest([session(1, "a")[0], mended, session(1, "abc")[2]])
