"""An export that is killed at any moment leaves the old file or the new one; the next one ends it.

Zarr goes on with the chunks that are there; nothing is left beside the file at the end.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import h5py
import numpy as np
import pytest
from killing import killed_at, stride

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write import unfinished
from napari_zstack_align.write.export import export_alignment, export_volume
from napari_zstack_align.write.unfinished import unfinished_of

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL"),
    pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning"),
]

ENDINGS = [".tif", ".zarr", ".h5", ".bin"]


@pytest.fixture(scope="module")
def short(recording):
    """The first 12 frames of the recording."""
    array = recording.stack.read(0, 12)
    stack = nza.Stack.from_array(array, "TCYX", name="short")
    link = AffineLink(recording.transforms.matrices()[:12])
    transforms = Transforms(recording.transforms.shape, (link,))
    return replace(
        recording, stack=stack, transforms=transforms, quality=recording.quality[:12], chunks=None
    )


@pytest.fixture
def another(short):
    """The same alignment moved by a pixel."""
    matrices = short.transforms.matrices().copy()
    matrices[:, 0, 2] += 1
    return replace(short, transforms=Transforms(short.transforms.shape, (AffineLink(matrices),)))


def tree(path: Path) -> str:
    """Digest of all names and bytes at a path; '' where there is nothing."""
    if not path.exists():
        return ""
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        digest.update(str(file.relative_to(path)).encode() + file.read_bytes())
    return digest.hexdigest()


def target(folder: Path, ending: str) -> Path:
    return folder / ("out" if ending == ".bin" else f"out{ending}")


def values_in(path: Path) -> set[int]:
    """The values of all pixels of an export, which is read as other programs do."""
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            found = file["mov"][:]
    elif path.suffix:
        stack = nza.open_stack(path)
        found = stack.read(0, stack.n_frames)
    else:
        found = np.fromfile(path / "data.bin", np.int16)
    assert found.size == 12 * 32 * 32
    return set(np.unique(found).tolist())


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_old_or_new_and_nothing_beside_it(ending, tmp_path):
    path, there = tmp_path / f"out{ending}", target(tmp_path, ending)

    def export(value: int) -> None:
        run(export_volume(path, np.full((12, 32, 32), value, "u2"), "TYX", overwrite=True))

    export(1)
    moment = 1
    while killed_at(moment, tmp_path, partial(export, 2)):
        assert values_in(there) in ({1}, {2})
        moment += stride(19 if ending == ".zarr" else 7)
    assert moment > 12
    assert values_in(there) == {2}
    assert [each.name for each in tmp_path.iterdir()] == [there.name]


@pytest.fixture
def begun(short, tmp_path):
    """An export to Zarr that was stopped after 5 of its 12 frames."""
    job = export_alignment(tmp_path / "out.zarr", short)
    for _ in range(5):
        next(job)
    job.close()
    return tmp_path / "out.zarr"


def counted_steps(job) -> int:
    steps = []
    run(job, lambda progress: steps.append(progress.done))
    return len(steps)


def test_zarr_goes_on_where_it_was_stopped(short, begun, tmp_path):
    assert [each.name for each in tmp_path.iterdir()] == [".out.zarr.unfinished"]
    (tmp_path / "whole").mkdir()
    whole = run(export_alignment(tmp_path / "whole" / "out.zarr", short))
    assert counted_steps(export_alignment(begun, short)) == 7
    assert tree(begun) == tree(whole)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.zarr", "whole"]


def test_a_line_or_a_chunk_that_was_cut_off_is_made_again(short, begun, tmp_path):
    listed = unfinished_of(begun) / unfinished.FINISHED
    lines = listed.read_text("utf-8")
    listed.write_text(lines[:-4], "utf-8")
    half = unfinished_of(begun) / "made/0/c/4/0" / "0.1234.partial"
    half.write_bytes(b"half")
    assert counted_steps(export_alignment(begun, short)) == 8
    (tmp_path / "whole").mkdir()
    assert tree(begun) == tree(run(export_alignment(tmp_path / "whole" / "out.zarr", short)))


@pytest.fixture
def whole(short, tmp_path):
    """Digest of the same export that nothing stopped."""
    (tmp_path / "whole").mkdir()
    return tree(run(export_alignment(tmp_path / "whole" / "out.zarr", short)))


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["gone", "truncated", "changed"])
def test_a_chunk_that_is_not_as_it_was_is_made_again(short, begun, whole, damage):
    chunk = unfinished_of(begun) / "made/0/c/3/0/0"
    if damage == "gone":
        chunk.unlink()
    elif damage == "truncated":
        os.truncate(chunk, 100)
    else:
        content = bytearray(chunk.read_bytes())
        content[50] ^= 1
        chunk.write_bytes(content)
    assert counted_steps(export_alignment(begun, short)) == 8
    assert tree(begun) == whole


def test_planes_of_nothing_but_fill_have_no_file_and_are_not_made_again(short, tmp_path):
    raw = np.zeros(short.stack.shape, np.uint16)
    blank = short.with_stack(nza.Stack.from_array(raw, "TCYX", name="short"), check_frames=False)
    job = export_alignment(tmp_path / "out.zarr", blank)
    for _ in range(5):
        next(job)
    job.close()
    assert counted_steps(export_alignment(tmp_path / "out.zarr", blank)) == 7


def test_killed_again_at_once_it_has_lost_nothing(short, begun):
    """The list of what is finished is whole from the first moment on."""
    listed = unfinished_of(begun) / unfinished.FINISHED
    lines = listed.read_bytes()
    job = export_alignment(begun, short)
    next(job)
    assert listed.read_bytes() == lines
    job.close()


def test_the_list_is_replaced_in_one_step(short, begun, monkeypatch):
    listed = unfinished_of(begun) / unfinished.FINISHED
    lines = listed.read_bytes()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_zstack_align.saved.disk.os.replace", killed)
    with pytest.raises(KeyboardInterrupt):
        next(export_alignment(begun, short))
    assert listed.read_bytes() == lines


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("made", 12),
        ("made/zarr.json", 7),
        ("made/0/zarr.json", 7),
        ("finished.csv", 12),
        ("made-of.json", 12),
        ("", 12),
    ],
)
@pytest.mark.parametrize("hindrance", ["gone", "empty", "folder"])
def test_nothing_in_the_unfinished_folder_is_a_dead_end(
    short, begun, whole, name, steps, hindrance
):
    there = unfinished_of(begun) / name
    if hindrance == "folder" and there.is_dir():
        pytest.skip("it is one")
    shutil.rmtree(there) if there.is_dir() else there.unlink()
    if hindrance == "empty":
        there.touch()
    elif hindrance == "folder":
        there.mkdir()
    assert counted_steps(export_alignment(begun, short)) == steps
    assert tree(begun) == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("0/c/3/0/0", "folder"),
        ("0/c/9/0/0", "folder"),
        ("0/c/3/0/0", "link"),
        ("0/c/9/0/0", "link to a folder"),
        ("0/c/3/0/0", "pipe"),
        ("0/c/3", "file"),
        ("0/c/9", "link to a folder"),
        ("0/c", "file"),
        ("0", "link to a folder"),
    ],
)
def test_what_stands_in_the_place_of_a_chunk_is_made_anew(
    short, begun, whole, tmp_path, name, instead
):
    there = unfinished_of(begun) / "made" / name
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(there) if there.is_dir() else there.unlink(missing_ok=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    if instead == "folder":
        there.mkdir()
        (there / "0").touch()
    elif instead == "pipe":
        os.mkfifo(there)
    elif instead == "file":
        there.touch()
    else:
        there.symlink_to(tmp_path / "mine" / ("" if "folder" in instead else "notes.txt"))
    assert counted_steps(export_alignment(begun, short)) >= 7
    assert tree(begun) == whole
    assert not [each for each in begun.rglob("*") if each.is_symlink()]
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_lines_of_planes_that_there_are_not_are_left_out(short, begun, whole):
    listed = unfinished_of(begun) / unfinished.FINISHED
    listed.write_text(listed.read_text("utf-8") + "999,0.0,1.0,0,0\n-1,0.0,1.0,0,0\n", "utf-8")
    assert counted_steps(export_alignment(begun, short)) == 7
    assert tree(begun) == whole


def test_another_source_begins_anew(another, short, begun, tmp_path):
    assert counted_steps(export_alignment(begun, another)) == 12
    (tmp_path / "whole").mkdir()
    assert tree(begun) == tree(run(export_alignment(tmp_path / "whole" / "out.zarr", another)))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["out.zarr", "whole"]


@pytest.mark.slow
@pytest.mark.parametrize("change", ["crop", "pixel size", "a frame left out", "raw frames"])
def test_other_parameters_begin_anew(short, begun, change):
    options = {}
    if change == "crop":
        options["crop"] = True
    elif change == "pixel size":
        short = short.with_stack(short.stack.replace(pixel_size_um=(1.0, 2.0)))
    elif change == "a frame left out":
        quality = short.quality.copy()
        quality["used"][3] = False
        short = replace(short, quality=quality)
    else:
        raw = short.stack.read(0, 12).copy()
        raw[0] += 1
        other = nza.Stack.from_array(raw, "TCYX", name="short")
        short = short.with_stack(other, check_frames=False)
    stages = []
    run(export_alignment(begun, short, **options), lambda p: stages.append(p.stage))
    assert stages.count("Writing OME-Zarr") == 12


def test_two_programs_do_not_write_one_zarr(short, tmp_path):
    job = export_alignment(tmp_path / "out.zarr", short)
    next(job)
    with pytest.raises(InputError, match="another program is writing it"):
        run(export_alignment(tmp_path / "out.zarr", short))
    run(job)


def test_arrays_of_unknown_origin_begin_anew(tmp_path):
    job = export_volume(tmp_path / "out.zarr", np.zeros((4, 8, 8), "u1"), "TYX")
    next(job)
    job.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_export_had_moved_away_comes_back(tmp_path, monkeypatch):
    """Where two folders can't be exchanged in one step."""
    old = tmp_path / ".out.zarr.0123abcd.old"
    old.mkdir()
    (old / "inside").touch()
    (tmp_path / ".out.zarr.0123abce.part").mkdir()
    with pytest.raises(InputError, match="exists already"):
        run(export_volume(tmp_path / "out.zarr", np.zeros((4, 8, 8), "u1"), "TYX"))
    assert [each.name for each in tmp_path.rglob("*")] == ["out.zarr", "inside"]


def test_where_names_cannot_be_exchanged(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_zstack_align.write.replacing.exchange", lambda *_: False)
    for value in (0, 1):
        data = np.full((4, 8, 8), value, "u1")
        path = run(export_volume(tmp_path / "out.zarr", data, "TYX", overwrite=True))
    assert nza.open_stack(path).read(0, 1).max() == 1
    assert list(tmp_path.iterdir()) == [path]
