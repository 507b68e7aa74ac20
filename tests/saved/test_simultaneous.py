"""Saves into one name at the same time: one after the other, and the result is wholly one's."""

from __future__ import annotations

import importlib
import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from cases import CASES, Case, digest, recording, session, traces, zshift

import napari_zstack_align as nza
from napari_zstack_align.saved import reading
from napari_zstack_align.saved.names import of_generation
from napari_zstack_align.saved.occupant import others_in

occupant = importlib.import_module("napari_zstack_align.saved.occupant")
save = importlib.import_module("napari_zstack_align.saved.save")  # a function hides the module
REPETITIONS, PROCESSES = 25, 4
RESULTS = {
    "alignment with chunks and times": recording,
    "session": lambda seed: session(seed, "abc"[: 1 + seed % 3]),
    "traces": traces,
    "z-shift": zshift,
}

pytestmark = [
    pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]


def _save(name: str, case: Case, folder: Path, number: int, barrier: Barrier, repeat: int) -> None:
    result = RESULTS[name](number)
    try:
        for k in range(repeat):
            barrier.wait()
            case.save(result, case.path(folder / str(k)))
    except BaseException:
        barrier.abort()  # the others end too
        raise


@pytest.mark.parametrize("moment", ["_is_intact", "read_manifest"])
def test_a_manifest_that_takes_its_place_while_it_is_looked_at(
    tmp_path: Path, monkeypatch, moment: str
) -> None:
    path = nza.save_session(session(1, "ab"), tmp_path / "S")
    (path / "session.json").unlink()  # as in a member whose session isn't committed yet
    manifest = path / "a.zalign" / "run.json"
    early = manifest.rename(manifest.with_name(of_generation("run.json", "3a2b9c1d")))
    look = getattr(occupant, moment)

    def look_at_it(file: Path) -> object:
        if moment == "_is_intact":
            seen = look(file)
            early.rename(manifest)
            return seen
        if early.is_file():
            early.rename(manifest)
        return look(file)

    monkeypatch.setattr(occupant, moment, look_at_it)
    there = occupant.occupant_of(path / "a.zalign")
    assert manifest.is_file()
    assert there.kind is not None, there.description


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("name", RESULTS)
def test_the_result_is_that_of_one_process(name: str, tmp_path: Path) -> None:
    case, context = CASES[name], multiprocessing.get_context("fork")
    for k in range(REPETITIONS):
        (tmp_path / str(k)).mkdir()
    barrier = context.Barrier(PROCESSES)
    processes = [
        context.Process(target=_save, args=(name, case, tmp_path, k, barrier, REPETITIONS))
        for k in range(PROCESSES)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    possible = {digest(RESULTS[name](k)) for k in range(PROCESSES)}
    for k in range(REPETITIONS):
        path = case.path(tmp_path / str(k))
        assert digest(nza.load(path)) in possible
        assert not [each for each in path.rglob("*") if each.name.startswith(".")]


def test_a_session_leaves_a_save_in_its_folder_that_goes_on(tmp_path: Path, monkeypatch) -> None:
    path, commit = nza.save_session(session(1, "ab"), tmp_path / "S"), save.replace_in_one_step

    def after_the_session(manifest: Path, content: bytes) -> None:
        nza.save_session(session(2, "ab"), path)
        commit(manifest, content)

    monkeypatch.setattr(save, "replace_in_one_step", after_the_session)
    other = recording(1, "other").save(path / "other")
    assert digest(nza.load(other)) == digest(recording(1, "other"))
    assert digest(nza.load(path)) == digest(session(2, "ab"))


def test_a_session_whose_member_is_saved_meanwhile_is_read_again(tmp_path: Path, monkeypatch):
    path = nza.save_session(session(1, "ab"), tmp_path / "S")
    mended, check = recording(1, "a", number=7), reading._check
    later = iter([lambda: mended.save(path / "a")])

    def check_later(file: Path, facts: object) -> None:
        next(later, lambda: None)()
        check(file, facts)

    monkeypatch.setattr(reading, "_check", check_later)
    assert digest(nza.load(path)) == digest([mended, session(1, "ab")[1]])


@pytest.mark.thorough
@pytest.mark.slow
def test_a_result_that_is_replaced_meanwhile_reads_as_one_of_them(tmp_path: Path) -> None:
    case, context = CASES["session of other recordings"], multiprocessing.get_context("fork")
    path = case.save(case.old, case.path(tmp_path))
    possible = {digest(case.old), digest(case.new)}

    def replace_it() -> None:
        for k in range(40):
            case.save((case.new, case.old)[k % 2], path)

    process = context.Process(target=replace_it)
    process.start()
    found = set()
    while process.is_alive():
        found.add(digest(nza.load(path)))
    process.join()
    assert process.exitcode == 0
    assert found == possible
    assert len(list(others_in(path))) == 4  # three members, and session.json
