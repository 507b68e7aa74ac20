"""What doesn't hold is one sentence that names the file."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schema_1
from cases import CASES, digest, recording, session, traces, zstack

import napari_zstack_align as nza
from napari_zstack_align.alignment.tables import read_table
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import UnfitContent
from napari_zstack_align.saved.manifest import _checksum

FOLDERS = [name for name in CASES if name != "ROIs"]


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def remove(file: Path) -> None:
    file.unlink()


def flip_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def append(file: Path) -> None:
    file.write_bytes(file.read_bytes() + b"\n")


@pytest.mark.each_time(spoil=2)
@pytest.mark.parametrize("spoil", [flip_a_bit, truncate, empty, remove, append])
@pytest.mark.parametrize("name", FOLDERS)
def test_every_file(name: str, spoil: Callable[[Path], None], tmp_path: Path) -> None:
    case = CASES[name]
    path = case.save(case.old, case.path(tmp_path / "good"))
    for number, file in enumerate(each for each in path.rglob("*") if each.is_file()):
        copy = shutil.copytree(path, tmp_path / str(number) / path.name)
        spoil(copy / file.relative_to(path))
        if spoil is append and file.suffix == ".json":
            if file.name == "run.json" and len(file.relative_to(path).parts) == 1:
                assert digest(nza.load(copy)) == digest(case.old)  # JSON says the same
            continue
        gone = spoil is remove and file.name in ("run.json", "session.json")
        named = path.name if gone else file.name  # what nobody knows by name isn't named
        if spoil is remove and name == "traces of a session" and file.name == "session.json":
            assert digest(nza.load(copy)) == digest(case.old)  # as traces saved one by one
            continue
        with pytest.raises(InputError, match=re.escape(named)) as caught:
            nza.load(copy)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FOLDERS)
def test_files_of_another_result(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    path = case.save(case.old, case.path(tmp_path / "good"))
    other = case.save(case.new, case.path(tmp_path / "other"))
    files = [each for each in path.rglob("*-*") if each.is_file()]
    for number, file in enumerate(files):
        stem = file.name.partition("-")[0]
        twin = next((each for each in other.rglob(f"{stem}-*") if each.is_file()), None)
        if twin is None or twin.read_bytes() == file.read_bytes():
            continue
        copy = shutil.copytree(path, tmp_path / str(number) / path.name)
        shutil.copy(twin, copy / file.relative_to(path))
        with pytest.raises(InputError, match=re.escape(file.name)):
            nza.load(copy)


ODD = [
    b"", b"null", b"[]", b"3", b'"text"', b"{}", b"{", b"\xff\xfe\x00", b'{"schema_version": null}',
    b'{"schema_version": "2"}', b'{"schema_version": 0}', b'{"schema_version": true}',
    b'{"schema_version": 1}', b'{"schema_version": 2}', b'{"schema_version": 2, "kind": "x"}',
    b'{"schema_version": 1, "kind": []}', b'{"schema_version": 1, "stack": 3}',
    b'{"schema_version": 1, "recordings": null, "stack": null}',
    b'{"schema_version": 1, "recordings": [{"folder": ".."}]}', b"[" * 100_000,
]  # fmt: skip


@pytest.mark.each_time(name=2)
@pytest.mark.parametrize("text", ODD, ids=lambda text: repr(text[:50]))
@pytest.mark.parametrize("name", FOLDERS)
def test_odd_manifests(name: str, text: bytes, tmp_path: Path) -> None:
    case = CASES[name]
    path = case.save(case.old, case.path(tmp_path))
    for manifest in [*path.rglob("run.json"), *path.rglob("session.json")]:
        before = manifest.read_bytes()
        manifest.write_bytes(text)
        with pytest.raises(InputError) as caught:
            nza.load(path)
        assert str(path) in str(caught.value)
        manifest.write_bytes(before)
    assert digest(nza.load(path)) == digest(case.old)


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    facts = json.loads(path.read_text())
    change(facts)
    path.write_text(json.dumps(facts))


def test_an_edited_manifest_is_told_but_paths_may_be_mended(tmp_path: Path) -> None:
    path = zstack(1).save(tmp_path / "run")
    edited(path / "run.json", lambda facts: facts["params"]["values"].update(alpha=3.0))
    with pytest.raises(InputError, match=r"run\.json is damaged .*has changed since"):
        nza.load(path)
    path = zstack(1).save(tmp_path / "other")
    edited(path / "run.json", lambda facts: facts.update(inputs=[]))
    assert digest(nza.load(path)) == digest(zstack(1))
    path = nza.save_session(session(1, "ab"), tmp_path / "session")
    edited(path / "a.zalign" / "run.json", lambda facts: facts.update(inputs=[]))
    append(path / "b.zalign" / "run.json")
    assert digest(nza.load(path)) == digest(session(1, "ab"))


def test_odd_values_in_a_manifest(tmp_path: Path) -> None:
    path = zstack(1).save(tmp_path / "run")
    signed(path / "run.json", lambda facts: facts["provenance"].update(details=0))
    with pytest.raises(InputError, match=r"run\.json is damaged"):
        nza.load(path)
    path = nza.save_session(session(1, "ab"), tmp_path / "larva")
    before = (path / "session.json").read_bytes()
    for change in (
        lambda facts: facts.update(recordings=[]),
        lambda facts: facts["recordings"][0].update(folder=".."),
    ):
        signed(path / "session.json", change)
        with pytest.raises(InputError, match=r"session\.json is damaged"):
            nza.load(path)
        (path / "session.json").write_bytes(before)


def signed(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    edited(path, change)
    edited(path, lambda facts: facts.update(checksum=_checksum(facts)))


def test_what_may_not_be_read_is_not_called_damaged(tmp_path: Path, monkeypatch) -> None:
    path = zstack(1).save(tmp_path / "run")
    refused = ["quality"]
    opened = Path.open

    def open_or_refuse(file: Path, *args: Any, **options: Any) -> Any:
        if any(name in file.name for name in refused):
            raise PermissionError(13, "Permission denied")
        return opened(file, *args, **options)

    monkeypatch.setattr(Path, "open", open_or_refuse)
    monkeypatch.setattr(Path, "read_bytes", lambda file: file.open("rb").read())
    for name in ("quality", "run.json"):
        refused[:] = [name]
        with pytest.raises(InputError, match=rf"{name}.* can't be read: Permission denied"):
            nza.load(path)
    with pytest.raises(InputError, match="can't be read"):
        zstack(2).save(path)


def test_a_flipped_bit_in_the_head_of_an_array_of_schema_1(tmp_path: Path) -> None:
    path = schema_1.write(traces(1), tmp_path / "t")
    file, content = path / "F.npy", (path / "F.npy").read_bytes()
    for position in range(10, 80):
        for bit in (1, 8, 64):
            spoiled = bytearray(content)
            spoiled[position] ^= bit
            file.write_bytes(spoiled)
            with contextlib.suppress(InputError):  # some say the same to a reader
                nza.load(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    for name in FOLDERS:
        case = CASES[name]
        path = case.save(case.old, tmp_path / name / case.name)
        manifest = path / ("session.json" if (path / "session.json").exists() else "run.json")
        edited(manifest, lambda facts: facts.update(schema_version=3))
        with pytest.raises(InputError, match=r"newer version .* update"):
            nza.load(path)


def wrong_shape(alignment: nza.Alignment) -> None:
    object.__setattr__(alignment, "reference", np.zeros((3, 4), np.float32))


def not_finite(alignment: nza.Alignment) -> None:
    alignment.transforms.links[0].coefficients[2, 0, 0, 0] = np.nan


def other_order(alignment: nza.Alignment) -> None:
    alignment.quality["frame"] = alignment.quality["frame"][::-1].copy()


def wrong_mask(alignment: nza.Alignment) -> None:
    object.__setattr__(alignment, "mask", np.zeros((3, 4), np.float32))


@pytest.mark.parametrize(
    ("spoil", "role"),
    [(wrong_shape, "reference"), (not_finite, "transforms"), (other_order, "quality"),
     (wrong_mask, "mask")],
)  # fmt: skip
def test_parts_that_do_not_fit(spoil: Callable[[nza.Alignment], None], role: str, tmp_path: Path):
    alignment = zstack(1)
    spoil(alignment)
    path = alignment.save(tmp_path / "run")
    with pytest.raises(InputError, match=rf"{role}-[0-9a-f]{{8}}\.\w+ is damaged"):
        nza.load(path)


def test_a_member_of_another_session_is_told(tmp_path: Path) -> None:
    one = nza.save_session(session(1, "ab"), tmp_path / "one")
    other = nza.save_session(session(2, "ab"), tmp_path / "two")
    shutil.rmtree(one / "a.zalign")
    shutil.copytree(other / "a.zalign", one / "a.zalign")
    with pytest.raises(InputError, match="coordinates of one reference"):
        nza.load(one)
    shutil.rmtree(one / "a.zalign")
    shutil.copytree(one / "b.zalign", one / "a.zalign")
    with pytest.raises(InputError, match=r"a\.zalign.run\.json"):
        nza.load(one)


def test_a_member_that_was_saved_by_itself_is_taken_as_it_is(tmp_path: Path) -> None:
    path = nza.save_session(session(1, "ab"), tmp_path / "larva")
    mended = recording(1, "a", number=7)  # of the same reference
    assert mended.save(path / "a.zalign") == path / "a.zalign"
    assert digest(nza.load(path)) == digest([mended, session(1, "ab")[1]])


@pytest.mark.parametrize("error", [KeyError, ValueError, IndexError, ZeroDivisionError])
@pytest.mark.parametrize(
    ("name", "module", "function"),
    [("partial alignment", "alignment.storage", "read_table"),
     ("partial alignment", "alignment.storage", "read_transforms"),
     ("traces", "cells.traces.storage", "read_npy"), ("z-shift", "zshift.storage", "read_table")],
)  # fmt: skip
def test_a_fault_of_ours_is_no_damage(
    error: type[Exception], name: str, module: str, function: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The checksum has just matched: the file is as it was written."""

    def faulty(*_: object, **__: object) -> None:
        raise error("ours")

    case = CASES[name]
    path = case.save(case.old, case.path(tmp_path))
    monkeypatch.setattr(f"napari_zstack_align.{module}.{function}", faulty)
    with pytest.raises(error, match="ours") as caught:
        nza.load(path)
    assert not isinstance(caught.value, InputError)


def test_a_table_of_a_later_version_is_told(tmp_path: Path) -> None:
    """A column that nobody here knows is described, with the name of the file."""
    (tmp_path / "t.csv").write_text("frame,moon\n0,1\n")
    with pytest.raises(UnfitContent, match="unknown column 'moon'"):
        read_table(tmp_path / "t.csv", lambda _, n: np.zeros(n, [("frame", int)]))
