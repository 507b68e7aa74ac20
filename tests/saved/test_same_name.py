"""Recordings of one name lie in many folders: no result takes the place of another one's."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from cases import SHAPE, digest, recording, session, traces, zshift, zstack

import napari_zstack_align as nza
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.raw_frames import origin_of, subject_of
from napari_zstack_align.alignment.session import check_session_target
from napari_zstack_align.cells.traces.storage import save_session_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import Kind, Subject, beside_note, check_target, occupant_of

RAW = "TSeries-001.tif"


def write_raw(folder: Path, seed: int, name: str = RAW) -> Path:
    """Six frames, the same ones for a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 99, (6, *SHAPE)).astype(np.uint16)
    tifffile.imwrite(folder / name, pixels, photometric="minisblack")
    return folder / name


def _stack(raw: Path, **layout: Any) -> nza.Stack:
    return nza.open_stack(raw, **layout)


def _zstack(raw: Path, seed: int, done: int) -> nza.Alignment:
    stack = _stack(raw, frames_per_slice=2, order="repeats")
    return replace(zstack(seed, done=done), stack=stack)


def _recording(raw: Path, seed: int, done: int, number: int = 0) -> nza.Alignment:
    return replace(recording(seed, done=done, number=number), stack=_stack(raw))


def _zshift(raw: Path, seed: int, done: int) -> nza.ZShift:
    return replace(zshift(seed, done=done), stack=_stack(raw))


def _traces(raw: Path, seed: int, done: int) -> nza.Traces:
    stack = _stack(raw)
    known = {"files": [str(raw)], "fingerprint": fingerprint(stack)}
    return replace(traces(seed, stack.name, done=done), provenance=known)


def _session(raw: Path, seed: int, done: int) -> list[nza.Alignment]:
    return [_recording(raw, seed, done)]


def _session_traces(raw: Path, seed: int, done: int) -> list[nza.Traces]:
    return [_traces(raw, seed, done)]


def _save(result: Any, path: Path, overwrite: bool = False) -> Path:
    if not isinstance(result, list):
        return result.save(path, overwrite=overwrite)
    save = nza.save_session if isinstance(result[0], nza.Alignment) else save_session_traces
    return save(result, path, overwrite)


@dataclass(frozen=True)
class Sort:
    """A kind of result: how it is made of a raw file, its name, and what is checked before."""

    of: Callable[[Path, int, int], Any]
    name: str
    check: Callable[[Path, nza.Stack], None]


def _check(kind: Kind) -> Callable[[Path, nza.Stack], None]:
    return lambda target, stack: check_target(target, kind, subject_of(stack, 0))


SORTS = {
    "z-stack": Sort(
        _zstack,
        "run.zalign",
        lambda target, stack: check_target(
            target, Kind.ALIGNMENT, subject_of(stack.replace(frames_per_slice=2), 0)
        ),
    ),
    "recording": Sort(_recording, "run.zalign", _check(Kind.ALIGNMENT)),
    "z-shift": Sort(_zshift, "run.zalign", _check(Kind.ZSHIFT)),
    "traces": Sort(_traces, "out", _check(Kind.TRACES)),
    "session": Sort(
        _session, "out", lambda target, stack: check_session_target(target, [stack], False)
    ),
    "session traces": Sort(
        _session_traces,
        "out",
        lambda target, stack: check_target(
            target,
            Kind.SESSION_TRACES,
            subject_of(stack, 0).model_copy(update={"frames": 1}),
            {stack.name: subject_of(stack, 0)},
        ),
    ),
}
every_sort = pytest.mark.parametrize("sort", SORTS.values(), ids=SORTS)


def files_in(folder: Path) -> dict[Path, bytes]:
    """Return every file, byte for byte."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two recordings of one name."""
    return write_raw(tmp_path / "mouse1", 1), write_raw(tmp_path / "mouse2", 2)


@every_sort
@pytest.mark.parametrize("done", [6, 3], ids=["whole", "as much done"])
def test_an_unfinished_result_of_another_file_stays(sort: Sort, done: int, two, tmp_path) -> None:
    first, second = two
    path = _save(sort.of(first, 1, 3), tmp_path / "results" / sort.name)
    before = files_in(path)
    with pytest.raises(InputError) as caught:
        sort.check(path, _stack(second))
    said = str(caught.value)
    assert said.startswith(f"{path} holds ")
    assert "unfinished" in said
    assert f"from {first}) already: choose another name, or give `overwrite=True`." in said
    new = sort.of(second, 2, done)
    written = _save(new, path)
    assert written != path
    assert files_in(path) == before
    assert digest(nza.load(written)) == digest(new)
    assert f"from {first}) and was kept" in beside_note(written, path)
    sort.check(path, _stack(first))
    assert _save(sort.of(first, 3, 3), path) == path


@every_sort
def test_it_goes_where_that_is_asked_for(sort: Sort, two, tmp_path: Path) -> None:
    first, second = two
    path = _save(sort.of(first, 1, 3), tmp_path / sort.name)
    new = sort.of(second, 2, 6)
    assert _save(new, path, overwrite=True) == path
    assert digest(nza.load(path)) == digest(new)


def _as_it_was(raw: Path) -> Path:
    return raw


def _through_a_link(raw: Path) -> Path:
    (raw.parent.parent / "linked").mkdir()
    link = raw.parent.parent / "linked" / raw.name
    link.symlink_to(raw)
    return link


def _through_a_linked_folder(raw: Path) -> Path:
    link = raw.parent.parent / "disk"
    link.symlink_to(raw.parent, target_is_directory=True)
    return link / raw.name


def _roundabout(raw: Path) -> Path:
    return raw.parent / ".." / raw.parent.name / raw.name


def _from_here(raw: Path) -> Path:
    return Path(os.path.relpath(raw))


def _copied(raw: Path) -> Path:
    (raw.parent.parent / "copy").mkdir()
    return Path(shutil.copy(raw, raw.parent.parent / "copy" / raw.name))


def _moved_alone(raw: Path) -> Path:
    (raw.parent.parent / "archive").mkdir()
    return Path(shutil.move(raw, raw.parent.parent / "archive" / raw.name))


@every_sort
@pytest.mark.parametrize(
    "found",
    [_as_it_was, _through_a_link, _through_a_linked_folder, _roundabout, _from_here, _copied,
     _moved_alone],
)  # fmt: skip
def test_the_same_file_goes_on(sort: Sort, found: Callable[[Path], Path], two, tmp_path) -> None:
    path = _save(sort.of(two[0], 1, 3), tmp_path / sort.name)
    raw = found(two[0])
    sort.check(path, _stack(raw))
    new = sort.of(raw, 2, 6)
    assert _save(new, path) == path
    assert digest(nza.load(path)) == digest(new)


def _write_another_time(raw: Path, seed: int) -> None:
    """Put other frames into a file; its time of modification is another one for sure."""
    write_raw(raw.parent, seed)
    os.utime(raw, ns=(raw.stat().st_atime_ns, raw.stat().st_mtime_ns + 10**9))


@every_sort
@pytest.mark.parametrize(
    "found", [_as_it_was, _through_a_link, _through_a_linked_folder, _roundabout, _from_here]
)
def test_a_file_that_got_other_frames_is_another(sort: Sort, found, two, tmp_path: Path) -> None:
    path = _save(sort.of(two[0], 1, 3), tmp_path / sort.name)
    before = files_in(path)
    raw = found(two[0])
    _write_another_time(two[0], 7)
    with pytest.raises(InputError, match="already: choose another name, or give `overwrite=True`"):
        sort.check(path, _stack(raw))
    assert _save(sort.of(raw, 2, 6), path) != path
    assert files_in(path) == before


@every_sort
def test_a_file_that_was_written_again_is_the_same(sort: Sort, two, tmp_path: Path) -> None:
    path = _save(sort.of(two[0], 1, 3), tmp_path / sort.name)
    _write_another_time(two[0], 1)
    sort.check(path, _stack(two[0]))


@pytest.mark.parametrize("name", ["z-stack", "recording", "z-shift", "session"])
def test_frames_of_a_file_that_has_not_changed_are_not_read(
    name: str, two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sort = SORTS[name]
    path = _save(sort.of(two[0], 1, 3), tmp_path / sort.name)
    stack = _stack(two[0])
    monkeypatch.setattr(type(stack), "read", lambda *_: pytest.fail("a frame was read"))
    sort.check(path, stack)


@every_sort
def test_data_and_results_that_moved_together_go_on(sort: Sort, tmp_path: Path) -> None:
    _save(sort.of(write_raw(tmp_path / "exp", 1), 1, 3), tmp_path / "exp" / sort.name)
    moved = tmp_path / "archive" / "exp"
    moved.parent.mkdir()
    (tmp_path / "exp").rename(moved)
    write_raw(tmp_path / "exp", 2)
    sort.check(moved / sort.name, _stack(moved / RAW))
    assert _save(sort.of(moved / RAW, 2, 6), moved / sort.name) == moved / sort.name


@pytest.mark.parametrize("name", ["z-stack", "recording", "z-shift", "session"])
def test_places_count_where_frames_cannot_tell(name: str, tmp_path: Path, monkeypatch) -> None:
    """The last frame of a file that was cut off can't be read: nobody knows what it was."""
    sort = SORTS[name]
    raw = write_raw(tmp_path / "exp", 1)
    cut = sort.of(raw, 1, 3)
    with monkeypatch.context() as patch:
        patch.setattr("napari_zstack_align.alignment.raw_frames.fingerprint", lambda _: "")
        _save(cut, tmp_path / "exp" / sort.name)
    moved = tmp_path / "moved"
    (tmp_path / "exp").rename(moved)
    path = moved / sort.name
    _write_another_time(moved / RAW, 7)
    sort.check(path, _stack(moved / RAW))
    assert _save(sort.of(moved / RAW, 2, 6), path) == path


@pytest.mark.parametrize("name", ["z-stack", "recording", "z-shift", "session"])
def test_a_folder_copied_as_a_template_has_frames_of_its_own(name: str, tmp_path: Path) -> None:
    """The file beside the copied result is another one, though it has the same size and time."""
    sort = SORTS[name]
    raw = write_raw(tmp_path / "A", 1)
    _save(sort.of(raw, 1, 3), tmp_path / "A" / sort.name)
    shutil.copytree(tmp_path / "A", tmp_path / "B")
    other = write_raw(tmp_path / "B", 2)
    os.utime(other, ns=(raw.stat().st_atime_ns, raw.stat().st_mtime_ns))
    with pytest.raises(InputError, match="already: choose another name, or give `overwrite=True`"):
        sort.check(tmp_path / "B" / sort.name, _stack(other))
    sort.check(tmp_path / "A" / sort.name, _stack(raw))


@pytest.mark.parametrize("name", ["z-stack", "recording", "z-shift", "session"])
def test_inputs_mended_by_hand_lead_to_the_same_frames(name: str, two, tmp_path: Path) -> None:
    path = _save(SORTS[name].of(two[0], 1, 3), tmp_path / SORTS[name].name)
    copy = _copied(two[0])
    for raw in (copy, two[1]):
        _put_inputs(path, [{"path": str(raw), "relative_path": "gone.tif"}])
        SORTS[name].check(path, _stack(copy))
        with pytest.raises(InputError, match="already: choose another name"):
            SORTS[name].check(path, _stack(two[1]))


@pytest.mark.parametrize("inputs", [None, [], "x", [{"path": 3}]])
def test_inputs_that_say_nothing_leave_the_name(inputs: Any, two, tmp_path: Path) -> None:
    path = _save(_zstack(two[0], 1, 3), tmp_path / "run.zalign")
    _put_inputs(path, inputs)
    SORTS["z-stack"].check(path, _stack(two[1]))


def test_a_name_that_no_file_can_have_is_another_place(two, tmp_path: Path) -> None:
    path = _save(_zstack(two[0], 1, 3), tmp_path / "run.zalign")
    _put_inputs(path, [{"path": "a\0b", "relative_path": "\ud800"}])
    with pytest.raises(InputError, match="already: choose another name"):
        SORTS["z-stack"].check(path, _stack(two[1]))
    SORTS["z-stack"].check(path, _stack(two[0]))  # the same frames


def _put_inputs(result: Path, inputs: Any) -> None:
    for each in result.rglob("*.json"):
        facts = json.loads(each.read_text())
        if "inputs" in facts:
            each.write_text(json.dumps({**facts, "inputs": inputs}))


def test_arrays_go_by_their_names(two, tmp_path: Path) -> None:
    path = _save(zstack(1, done=3), tmp_path / "run.zalign")
    assert _save(zstack(2), path) == path
    path = _save(_recording(two[0], 1, 3), tmp_path / "other.zalign")
    array = recording(2, "TSeries-001")
    assert _save(array, path) == path


def test_planes_of_one_file_are_recordings_of_their_own(two, tmp_path: Path) -> None:
    volumes = _stack(two[0], frames_per_slice=3, order="slices")
    first, second = (subject_of(volumes.plane(k), 0) for k in (0, 1))
    assert not first.is_same_work(second)
    assert first.is_same_work(subject_of(volumes.plane(0), 3))


def test_traces_of_earlier_versions_list_paths_from_where_they_were_run(
    two, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _traces(two[0], 1, 3)
    old = replace(first, provenance={**first.provenance, "files": [RAW]})
    path = _save(old, tmp_path / "out")
    monkeypatch.chdir(two[1].parent)
    check = SORTS["traces"].check
    with pytest.raises(InputError, match=r"traces of TSeries-001 already: choose another name"):
        check(path, _stack(Path(RAW)))
    check(path, _stack(_copied(two[0])))


def test_several_files_are_all_compared(tmp_path: Path) -> None:
    parts = [write_raw(tmp_path / "exp", k, f"part_{k}.tif") for k in range(3)]
    other = [parts[0], *(write_raw(tmp_path / "other", k + 5, f"part_{k}.tif") for k in (1, 2))]
    name = {"name": "exp"}
    first, second = (
        Subject(**name, origin=origin_of(nza.open_stack(files))) for files in (parts, other)
    )
    assert not first.is_same_work(second)
    assert str(first.origin) == f"{parts[0]} and 2 more"


# -- sessions ----------------------------------------------------------------------------------


def _of(raws: list[Path], seed: int, *done: int) -> list[nza.Alignment]:
    return [
        _recording(raw, seed, n, number=k)
        for k, (raw, n) in enumerate(zip(raws, done, strict=True))
    ]


def test_no_recording_of_an_unfinished_session_is_forgotten(two, tmp_path: Path) -> None:
    path = _save(_of([*two], 1, 6, 3), tmp_path / "larva")
    before = files_in(path)
    for others in ([two[0]], [two[1]], [two[0], two[0]]):
        stacks = [*map(_stack, others)]
        with pytest.raises(InputError, match=r"session of 2 recordings \(the first from .*mouse1"):
            check_session_target(path, stacks, overwrite=False)
        assert _save(_of(others, 2, *[6] * len(others)), path) != path
    assert files_in(path) == before
    assert _save(_of([*two], 3, 6, 6), path) == path


def test_each_recording_follows_itself_in_whatever_order(two, tmp_path: Path) -> None:
    path = _save(_of([two[0], two[1]], 1, 4, 0), tmp_path / "larva")
    before = files_in(path)
    # the folders have the right names, and as much is done in each of them
    assert _save(_of([two[1], two[0]], 2, 4, 0), path) == tmp_path / "larva-partial"
    assert files_in(path) == before
    whole = _save(_of([two[0], two[1]], 3, 6, 3), tmp_path / "second")
    before = files_in(whole)
    for overwrite in (False, True):  # a complete recording never goes for its unfinished self
        assert _save(_of([two[1], two[0]], 4, 6, 5), whole, overwrite) != whole
    assert files_in(whole) == before
    assert _save(_of([two[1], two[0]], 5, 6, 6), whole) == whole
    assert [each.stack.paths[0] for each in nza.load(whole)] == [two[1], two[0]]


def test_no_other_recording_takes_a_place_in_a_session(two, tmp_path: Path) -> None:
    path = _save(_of([two[0]], 1, 6), tmp_path / "larva")
    member = path / "TSeries-001.zalign"
    before = files_in(path)
    for overwrite in (False, True):  # the same reference, the same name
        with pytest.raises(InputError, match=r"from .*mouse1.*\) and belongs to .*larva: choose"):
            _save(_recording(two[1], 1, 6), member, overwrite)
    assert files_in(path) == before
    assert _save(_recording(_copied(two[0]), 1, 6), member, overwrite=True) == member
    assert len(nza.load(path)) == 1


def test_a_result_that_was_put_into_a_session_is_not_its_own(two, tmp_path: Path) -> None:
    path = _save(_of([two[0]], 1, 3), tmp_path / "larva")
    shutil.rmtree(path / "TSeries-001.zalign")
    mine = _save(_recording(two[1], 9, 6), tmp_path / "mine.zalign")
    shutil.move(mine, path / "TSeries-001.zalign")
    with pytest.raises(InputError, match=r"it is of other frames of that name than .*session.json"):
        nza.load(path)
    assert _save(_of([two[0]], 2, 6), path) == tmp_path / "larva-2"
    assert digest(nza.load(path / "TSeries-001.zalign")) == digest(_recording(two[1], 9, 6))
    raw = write_raw(tmp_path / "mouse3", 3, "other.tif")
    assert _save(_of([raw], 3, 6), path, overwrite=True) == path  # and what it removes is its own
    assert digest(nza.load(path / "TSeries-001.zalign")) == digest(_recording(two[1], 9, 6))


# -- beside the target -------------------------------------------------------------------------


@every_sort
def test_what_lies_beside_is_replaced_by_its_own_alone(sort: Sort, two, tmp_path: Path) -> None:
    first, second = two
    path = _save(sort.of(first, 1, 6), tmp_path / sort.name)
    beside = _save(sort.of(first, 2, 3), path, overwrite=True)
    assert "-partial" in beside.name
    before = files_in(beside)
    # nobody was asked about it: another file's result stays away, and one of which less is done
    for new in (sort.of(second, 3, 4), sort.of(first, 4, 2)):
        assert _save(new, path, overwrite=True) not in (path, beside)
    assert files_in(beside) == before
    assert _save(sort.of(first, 5, 5), path, overwrite=True) == beside


def test_the_origin_is_no_part_of_the_manifest(two, tmp_path: Path) -> None:
    path = _save(_zstack(two[0], 1, 3), tmp_path / "run.zalign")
    facts = json.loads((path / "run.json").read_text())
    assert set(facts["subject"]) == {"what", "name", "frames", "done"}
    manifest = occupant_of(path).manifest
    assert manifest is not None
    assert manifest.subject.origin.fingerprint == facts["stack"]["fingerprint"]


def test_sessions_of_arrays_are_as_before(tmp_path: Path) -> None:
    first = [recording(1, "a"), recording(1, "b", done=3, number=1)]
    path = _save(first, tmp_path / "larva")
    assert _save(session(2, "ab"), path) == path
