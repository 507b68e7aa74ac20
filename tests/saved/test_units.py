"""What a run keeps is found again: by key, and by the frames that a unit read."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from threading import Event

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError, RunStopped
from napari_zstack_align.saved import (
    Journal,
    Kind,
    NoJournal,
    Units,
    WatchedFrames,
    journal_folder,
    opened_journal,
)
from napari_zstack_align.saved.journal import HEAD, remove_leftover, started_at
from napari_zstack_align.saved.names import LOCK
from napari_zstack_align.saved.unit_file import Unit

ARRAYS = {"field": np.arange(6, dtype=np.float32)}


@pytest.fixture
def raw(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 999, (6, 16, 16)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "raw.tif", pixels, photometric="minisblack")
    return tmp_path / "raw.tif"


@pytest.fixture
def folder(tmp_path):
    return journal_folder(tmp_path / "larva.zalign")


def units_of(journal, path, check=True) -> Units:
    units = Units(journal, WatchedFrames(nza.open_stack(path)))
    if check:
        with ThreadPoolExecutor(1) as pool:
            list(units.check(pool, 2))
    return units


def test_a_unit_with_a_dropped_frame_is_kept_for_that_frame_alone(folder, raw):
    stack = nza.open_stack(raw)

    def units(journal, *dropped) -> Units:
        return Units(journal, WatchedFrames(stack.without(dropped)))

    with Journal(folder, {}) as journal:
        first = units(journal, 1)
        first.frames.read(0, 1), first.frames.read(2, 3)
        with pytest.raises(InputError):
            first.frames.read(1, 2)
        first.put("a", "key", ARRAYS, range(3))
        assert units(journal, 1).get("a", "key", range(3)) is not None
        assert units(journal).get("a", "key", range(3)) is None
        assert units(journal, 1, 2).get("a", "key", range(3)) is None


@pytest.fixture
def kept(folder, raw):
    """Journal of a stopped run with the units of slices 0 and 1, of 3 frames each."""
    with Journal(folder, {"params": {"alpha": 1}}) as journal:
        units = units_of(journal, raw)
        for z in range(2):
            units.frames.stack.read(3 * z, 3 * z + 3)
            units.put(f"slice-{z}", f"key {z}", ARRAYS, range(3 * z, 3 * z + 3))
    return folder


def found(folder, path, check=True) -> list[bool]:
    with Journal(folder, {}) as journal:
        units = units_of(journal, path, check)
        return [units.was_kept(f"slice-{z}", f"key {z}", range(3 * z, 3 * z + 3)) for z in range(2)]


def test_what_was_finished_is_found_without_reading_a_frame(kept, raw):
    with Journal(kept, {}) as journal:
        units = Units(journal, WatchedFrames(nza.open_stack(raw)))
        units.frames.read = None  # type: ignore[assignment,method-assign]
        with ThreadPoolExecutor(1) as pool:
            assert list(units.check(pool, 2)) == []
        np.testing.assert_array_equal(
            units.get("slice-1", "key 1", [3, 4, 5])["field"], ARRAYS["field"]
        )
        assert units.frames.digests[3:].all()
        assert units.get("slice-1", "key 2", [3, 4, 5]) is None
        assert units.get("slice-1", "key 1", [3, 4]) is None
        assert units.get("slice-2", "key 1", [3, 4, 5]) is None


def test_a_copy_is_no_change(kept, raw):
    shutil.copy(raw, raw.with_name("copy.tif"))
    os.utime(raw.with_name("copy.tif"), ns=(5, 5))
    assert found(kept, raw.with_name("copy.tif")) == [True, True]
    assert found(kept, raw.with_name("copy.tif"), check=False) == [False, False]


def test_a_changed_frame_costs_its_units_alone(kept, raw):
    pixels = tifffile.imread(raw)
    pixels[4, 0, 0] ^= 1
    tifffile.imwrite(raw, pixels, photometric="minisblack")
    os.utime(raw, ns=(5, 5))
    assert found(kept, raw) == [True, False]


def test_a_damaged_unit_is_none(kept, raw):
    path = kept / "slice-0.unit"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert found(kept, raw) == [False, True]


def test_a_unit_of_a_frame_that_failed_is_not_kept(folder, raw):
    with Journal(folder, {}) as journal:
        units = units_of(journal, raw)
        units.frames.stack.read(0, 6)
        units.frames.failed[1] = True
        units.put("slice-0", "key 0", ARRAYS, [0, 1, 2])
        units.put("slice-1", "key 1", ARRAYS, [3, 4, 5])
        units.put("unread", "key", ARRAYS)
        assert journal.names() == ["slice-1", "unread"]


def test_a_unit_of_a_frame_that_fails_now_is_not_taken(kept, raw):
    with Journal(kept, {}) as journal:
        units = units_of(journal, raw)
        units.frames.failed[1] = True
        assert units.get("slice-0", "key 0", [0, 1, 2]) is None
        assert units.get("slice-1", "key 1", [3, 4, 5]) is not None


def test_one_key_for_another_unit_of_the_name(kept, raw):
    with Journal(kept, {}) as journal:
        units = units_of(journal, raw)
        units.frames.stack.read(0, 3)
        units.put("slice-0", "other", ARRAYS, [0, 1, 2])
        assert journal.names() == ["slice-0", "slice-1"]
    assert found(kept, raw) == [False, True]


def test_stacks_of_one_run_keep_apart(folder, raw):
    with Journal(folder, {}) as journal:
        for prefix in ("rec1-", "rec2-"):
            units = Units(journal, WatchedFrames(nza.open_stack(raw)), prefix)
            units.put("chunk-0", prefix, ARRAYS)
        assert journal.names() == ["rec1-chunk-0", "rec2-chunk-0"]


# -- the folder --------------------------------------------------------------------------------


def test_the_journal_goes_with_the_result(kept, raw):
    with Journal(kept, {}) as journal:
        journal.discard()
    assert not kept.exists()


def test_a_file_of_somebody_else_stays(kept):
    (kept / "notes.txt").write_text("mine")
    with Journal(kept, {}) as journal:
        journal.discard()
    assert [path.name for path in kept.iterdir()] == ["notes.txt"]


def test_a_unit_of_somebody_else_stays_and_a_torn_one_goes(kept):
    (kept / "mine.unit").write_text("mine")
    (kept / "torn.unit").write_bytes(bytes(40))
    with Journal(kept, {}) as journal:
        journal.discard()
    assert [path.name for path in kept.iterdir()] == ["mine.unit"]


def test_permission_that_is_lost_is_the_error_that_is_told(kept, raw, monkeypatch):
    """Neither the lock nor the units can be removed then: the sentence comes through."""

    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    def lose_and_write(journal):
        for name in ("unlink", "glob", "rmdir", "stat"):
            monkeypatch.setattr(f"pathlib.Path.{name}", refused)
        monkeypatch.setattr("os.scandir", refused)
        monkeypatch.setattr("napari_zstack_align.saved.journal.write_unit", refused)
        journal.write("slice-2", Unit("key", ARRAYS))

    n_open = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    said = "Permission denied. What was finished, if anything, is kept: mend that, and start again."
    with pytest.raises(RunStopped, match=re.escape(said)), Journal(kept, {}) as journal:
        lose_and_write(journal)
    monkeypatch.undo()
    if n_open is not None:
        assert len(os.listdir("/proc/self/fd")) == n_open
    assert found(kept, raw) == [True, True]


def test_a_journal_that_is_removed_in_mid_run(kept):
    def write_without_folder(journal):
        shutil.rmtree(kept)
        journal.write("slice-2", Unit("key", ARRAYS))

    with (
        pytest.raises(RunStopped, match=r"is gone, and what was finished with it"),
        Journal(kept, {}) as journal,
    ):
        write_without_folder(journal)


def test_checking_the_frames_can_be_stopped_while_it_waits(kept, raw, monkeypatch):
    os.utime(raw, ns=(5, 5))
    monkeypatch.setattr("napari_zstack_align.parallel.PAUSE_S", 0.001)
    with Journal(kept, {}) as journal, ThreadPoolExecutor(1) as pool:
        units = Units(journal, WatchedFrames(nza.open_stack(raw)))
        go_on, read = Event(), units.frames.read
        units.frames.read = lambda *a: go_on.wait(10) and read(*a)  # type: ignore[method-assign]
        steps = units.check(pool, 2)
        assert next(steps).done == 0
        go_on.set()
        assert [step.done for step in steps][-1] == 6


@pytest.mark.parametrize("odd", [5, b"larva"])
def test_refuses_what_is_no_name(odd):
    with (
        pytest.raises(InputError, match="journal must be the name"),
        opened_journal(odd, Kind.ALIGNMENT, {}),
    ):
        pass


def test_nothing_is_left_where_nothing_was_finished(folder):
    with suppress(InputError), Journal(folder, {}):
        raise InputError("no such channel")
    assert not folder.exists()


def test_what_a_killed_run_was_writing_goes(kept):
    (kept / ".~slice-1.0123abcd.part").write_bytes(b"half")
    with Journal(kept, {}):
        assert sorted(p.name for p in kept.iterdir() if p.name != LOCK) == [
            HEAD, "slice-0.unit", "slice-1.unit",
        ]  # fmt: skip


def test_a_run_keeps_its_name_and_describes_itself(kept):
    with Journal(kept, {"params": {"alpha": 2}}) as journal:
        first = journal.id
        assert '"alpha": 2' in (kept / HEAD).read_text()
    (kept / HEAD).write_text("{")  # damaged: the units count all the same
    with Journal(kept, {}) as journal:
        assert journal.id != first
        assert len(journal.names()) == 2


ID = "0123456789abcdef"
BEGUN = "2026-01-02T03:04:05+00:00"
AS_WRITTEN = {
    "id": ID,
    "started": BEGUN,
    "inputs": "a",
    "job": "align_adaptive",
    "stacks": [{"name": "larva"}],
}
DAMAGE = {
    "id": [None, 5, [ID], {"id": ID}, "", "../../run", "\ud800", ID.upper()],
    "started": [None, 5, [], {}, "", "yesterday", "2026-13-45", "9" * 5000, "0001-01-01T00:00:00"],
    "inputs": [None, 5, ["a"], {}],
    "job": [None, 5, ["align_adaptive"], {}],
    "stacks": [None, 5, "larva", {}, [5], [None], [{"name": 5}], [{"name": None}], [{}]],
    "went_on": [5, [], "yesterday"],
    "params": [5, None, "alpha"],
    "no field of ours": [5],
}
MISSING = object()


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in DAMAGE.items() for value in [MISSING, *values]],
    ids=lambda value: "missing" if value is MISSING else str(value)[:20].encode("ascii", "replace"),
)
def test_a_description_with_an_odd_field_is_as_one_without_it(kept, name, value):
    described = {**AS_WRITTEN, name: value}
    if value is MISSING:
        described.pop(name, None)
    (kept / HEAD).write_text(json.dumps(described), "utf-8")
    begun = started_at(kept)
    assert begun == (None if name == "started" else 1767323045.0)
    with Journal(kept, about()) as journal:
        assert (journal.id == ID) == (name not in ("id", "inputs"))
        assert re.fullmatch("[0-9a-f]{16}", journal.id)
        assert len(journal.names()) == 2
    written = json.loads((kept / HEAD).read_text("utf-8"))
    assert written["id"] == journal.id
    assert datetime.fromisoformat(written["started"]).tzinfo is not None


@pytest.mark.parametrize(
    "content",
    ["", "{", "null", "5", "[]", '"text"', "[" * 10**5, "\x00\xff", '{"id": NaN}', '{"id": 1e999}'],
)
def test_a_description_that_is_damaged_is_none(kept, content):
    (kept / HEAD).write_text(content, "latin-1")
    assert started_at(kept) is None
    with Journal(kept, about()) as journal:
        assert len(journal.names()) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_in_the_place_of_the_description_is_not_waited_for(kept):
    (kept / HEAD).unlink()
    os.mkfifo(kept / HEAD)
    with Journal(kept, about()) as journal:
        assert len(journal.names()) == 2
        assert (kept / HEAD).is_file()


@pytest.mark.parametrize("left", [[], [LOCK]])
def test_the_folder_that_a_journal_left_is_removed(tmp_path, folder, left):
    folder.mkdir()
    for name in left:
        (folder / name).touch()
    remove_leftover(tmp_path / "larva.zalign")
    assert not folder.exists()
    remove_leftover(tmp_path / "larva.zalign")


@pytest.mark.parametrize("name", ["notes.txt", "slice-0.unit"])
def test_a_folder_that_holds_anything_is_no_leftover(tmp_path, folder, name):
    folder.mkdir()
    (folder / name).write_text("mine")
    remove_leftover(tmp_path / "larva.zalign")
    assert [each.name for each in folder.iterdir()] == [name]


def about(job="align_adaptive", name="larva", inputs="a"):
    return {"job": job, "stacks": [{"name": name}], "inputs": inputs}


def test_another_work_under_the_name_is_refused_and_loses_nothing(folder):
    with Journal(folder, about()) as journal:
        journal.write("slice-0", Unit("key", ARRAYS))
    before = (folder / HEAD).read_bytes()
    for other in (about(name="other"), about(job="estimate_zshift")):
        with pytest.raises(InputError, match=r"holds 1 finished part of larva \(align_adaptive\)"):
            Journal(folder, other).__enter__()
        assert (folder / HEAD).read_bytes() == before
    (folder / "slice-0.unit").unlink()
    with Journal(folder, about(name="other")):
        pass


@pytest.mark.parametrize("happened", ["copied", "moved", "another container", "another", "short"])
def test_a_copy_under_another_name_goes_on(kept, raw, happened):
    described = {"job": "align_adaptive", "stacks": [{"name": "raw"}]}
    (kept / HEAD).write_text(json.dumps(described))
    pixels = tifffile.imread(raw)
    path = raw.with_name("copy.npy" if "container" in happened else "copy.tif")
    if happened == "moved":
        raw.rename(path)
    elif happened == "another container":
        np.save(path, pixels)
    else:
        changed = pixels[:1] if happened == "short" else pixels ^ (happened == "another")
        tifffile.imwrite(path, changed, photometric="minisblack")
    stack = nza.open_stack(path)
    with pytest.raises(InputError, match="finished parts"):
        Journal(kept, about(job="estimate_zshift", name="copy"), stacks=[stack]).__enter__()
    journal = Journal(kept, about(name="copy"), stacks=[stack])
    if happened in ("another", "short"):
        with pytest.raises(InputError, match=r"holds 2 finished parts of raw \(align_adaptive\)"):
            journal.__enter__()
        assert json.loads((kept / HEAD).read_text()) == described
    else:
        with journal:
            assert len(journal.names()) == 2
        assert found(kept, path) == [True, True]


def test_frames_of_which_one_unit_is_not_are_no_copy(kept, raw):
    """Of a session, say, that had another recording besides."""
    (kept / HEAD).write_text('{"job": "align_adaptive", "stacks": [{"name": "raw"}]}')
    pixels = tifffile.imread(raw)
    pixels[3:] += 1
    np.save(raw.with_suffix(".npy"), pixels)
    stack = nza.open_stack(raw.with_suffix(".npy"))
    with pytest.raises(InputError, match="finished parts"):
        Journal(kept, about(name="copy"), stacks=[stack]).__enter__()


def test_a_run_with_other_inputs_has_another_id(folder):
    ids = []
    for inputs in ("a", "a", "b"):
        with Journal(folder, about(inputs=inputs)) as journal:
            journal.write("slice-0", Unit("key", ARRAYS))
            ids.append(journal.id)
    assert ids[0] == ids[1] != ids[2]


def test_the_second_run_is_refused_at_once(kept):
    with Journal(kept, {}), pytest.raises(InputError, match="worked on by another run"):
        Journal(kept, {}).__enter__()
    with Journal(kept, {}, share="1"), Journal(kept, {}, share="2"):
        pass
    assert (kept / "slice-0.unit").exists()


@pytest.mark.thorough
@pytest.mark.slow
def test_a_killed_run_leaves_no_lock(kept):
    script = (
        "import os, sys; from pathlib import Path; from napari_zstack_align.saved import Journal\n"
        "Journal(Path(sys.argv[1]), {}).__enter__(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(kept)], check=False)
    with Journal(kept, {}) as journal:
        assert len(journal.names()) == 2


def test_a_full_disk_stops_the_run_and_keeps_what_is_finished(kept, raw, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with Journal(kept, {}) as journal:
        units = units_of(journal, raw)
        monkeypatch.setattr("napari_zstack_align.saved.journal.write_unit", full)
        with pytest.raises(RunStopped, match="No space left on device"):
            units.put("slice-2", "key", ARRAYS)
    assert sorted(path.name for path in kept.iterdir()) == [HEAD, "slice-0.unit", "slice-1.unit"]


def test_refuses_a_place_that_is_no_folder(tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        Journal(tmp_path / "no" / "a.unfinished", {}).__enter__()


def _file(path):
    path.write_text("mine")


def _pipe(path):
    os.mkfifo(path)


def _link_to_a_file(path):
    path.symlink_to(__file__)


def _link_to_nothing(path):
    path.symlink_to("nowhere")


@pytest.mark.parametrize("put", [_file, _pipe, _link_to_a_file, _link_to_nothing])
def test_something_else_in_the_place_of_the_folder_is_one_sentence(folder, put):
    put(folder)
    before = folder.lstat()
    with pytest.raises(InputError) as caught, Journal(folder, {}):
        pass
    assert str(caught.value) == (
        f"{folder} is no folder, and a run keeps what it has finished in a folder of this name: "
        f"rename or remove it, or choose another name for the result."
    )
    assert folder.lstat() == before


@pytest.mark.parametrize("name", ["slice-0.unit", HEAD, LOCK])
@pytest.mark.parametrize("inside", [[], ["notes.txt"]], ids=["empty", "of somebody"])
def test_a_folder_in_the_place_of_a_file_is_found_before_the_work(kept, name, inside):
    (kept / name).unlink(missing_ok=True)
    (kept / name).mkdir()
    for each in inside:
        (kept / name / each).touch()
    before = sorted(kept.rglob("*"))
    with pytest.raises(InputError) as caught, Journal(kept, {}):
        pass
    assert str(caught.value) == (
        f"{kept / name} is a folder, and a run keeps a file under this name: rename or remove it, "
        f"or choose another name for the result."
    )
    assert sorted(kept.rglob("*")) == before


def test_a_folder_that_comes_in_mid_run_stops_it_in_one_sentence(kept, raw):
    with Journal(kept, {}) as journal:
        units = units_of(journal, raw)
        (kept / "slice-2.unit").mkdir()
        with pytest.raises(RunStopped, match=r"slice-2\.unit is a folder, .* finished is kept\."):
            units.put("slice-2", "key", ARRAYS)
    (kept / "slice-2.unit").rmdir()
    assert kept_units(kept) == ["slice-0.unit", "slice-1.unit"]


@pytest.mark.parametrize("finished", [0, 1])
def test_a_full_disk_says_whether_anything_was_finished(tmp_path, raw, monkeypatch, finished):
    def full(path, unit):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(tmp_path / "run.unfinished", {}) as journal:
        units = units_of(journal, raw)
        for k in range(finished):
            units.put(f"slice-{k}", "key", ARRAYS)
        monkeypatch.setattr("napari_zstack_align.saved.journal.write_unit", full)
        said = (
            r"What was .* kept: .* to go on\." if finished else r"Nothing .* yet: .* start again\."
        )
        with pytest.raises(RunStopped, match=rf"can't be written any more: No space .*\. {said}$"):
            units.put("slice-9", "key", ARRAYS)


@pytest.mark.parametrize("name", ["slice-0.unit", HEAD])
def test_a_link_to_a_folder_makes_room(tmp_path, kept, raw, name):
    (tmp_path / "mine").mkdir()
    (kept / name).unlink()
    (kept / name).symlink_to(tmp_path / "mine", target_is_directory=True)
    with Journal(kept, {}) as journal:
        units_of(journal, raw).put("slice-0", "key", ARRAYS)
    assert (kept / name).is_file()
    assert (tmp_path / "mine").is_dir()


def kept_units(folder):
    return sorted(path.name for path in folder.glob("*.unit"))


def test_a_job_takes_the_name_of_the_result_or_a_journal_or_nothing(tmp_path):
    with opened_journal(tmp_path / "larva", Kind.ALIGNMENT, {}) as journal:
        assert journal.folder == tmp_path / "larva.zalign.unfinished"
        with opened_journal(journal, Kind.ALIGNMENT, {}) as same:
            assert same is journal
    with opened_journal(journal.folder, Kind.ALIGNMENT, {}) as again:
        assert again.folder == journal.folder
    with opened_journal(None, Kind.ALIGNMENT, {}) as nothing:
        assert isinstance(nothing, NoJournal)


def test_a_lock_that_is_a_link_to_nothing_is_one_sentence(tmp_path):
    folder = tmp_path / "run.unfinished"
    folder.mkdir()
    (folder / LOCK).symlink_to(tmp_path / "nowhere" / "lock")
    with pytest.raises(InputError, match="link that leads nowhere"), Journal(folder, {}):
        pass
