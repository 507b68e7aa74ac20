"""A full disk, a limit on the size of files, and a disk that can't be written: a sentence each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells.export import export_traces
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.export import export_volume

ENDINGS = [".tif", ".zarr", ".h5", ".bin"]
MOVIE = np.random.default_rng(0).integers(0, 60_000, (300, 64, 64)).astype(np.uint16)

LIMITED = """
import json, os, resource, signal, sys
import h5py, numpy as np, pynwb
import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells.export import export_traces
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.export import export_volume
done = {}
for limit in sys.argv[1:]:
    out, err = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(out[1], 1)
        os.dup2(err[1], 2)
        break
    os.close(out[1])
    os.close(err[1])
    said = [os.fdopen(end).read() for end, _ in (out, err)]
    done[limit] = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), *said]
else:
    print(json.dumps(done))
    sys.exit()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    run(JOB)
except InputError as error:
    print(error)
    sys.exit(2)
"""
"""Does a job at one limit on the size of files after the other, each in a process of its own.

Those are forked from one that has the libraries (importing them takes seconds), but end as any
process of Python does.
"""


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, and what it wrote to both streams."""

    code: int
    out: str
    err: str


def at_limits(job: str, limits: list[int], folder: Path) -> dict[int, Ended]:
    """Do a job, an expression, in a folder of its own at each limit on the size of files."""
    for limit in limits:
        (folder / str(limit)).mkdir()
    command = [sys.executable, "-c", LIMITED.replace("JOB", job), *map(str, limits)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=folder, check=True)
    return {int(limit): Ended(*how) for limit, how in json.loads(done.stdout).items()}


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    place = tmp_path / "disk"
    place.mkdir()
    made = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if not made or made.returncode:
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run([umount, str(place)], check=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_full_disk_is_a_sentence_and_leaves_the_old(ending: str, tiny_disk: Path) -> None:
    path = run(export_volume(tiny_disk / f"out{ending}", MOVIE[:10], "TYX"))
    before = {each: each.read_bytes() for each in tiny_disk.rglob("*") if each.is_file()}
    with pytest.raises(InputError) as caught:
        run(export_volume(tiny_disk / f"out{ending}", MOVIE, "TYX", overwrite=True))
    assert "\n" not in str(caught.value)
    assert str(path.with_suffix("").name) in str(caught.value)
    assert {each: each.read_bytes() for each in tiny_disk.rglob("*") if each.is_file()} == before


def assert_refused(job: str, name: str, limits: list[int], folder: Path) -> None:
    """A job that writes a file ends in a sentence at each limit, and leaves nothing."""
    for limit, ended in at_limits(job, limits, folder).items():
        assert (limit, ended.code, ended.err) == (limit, 2, "")
        assert f"{name} can't be written: File too large" in ended.out
        assert list((folder / str(limit)).iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
def test_hdf5_that_cannot_be_written_takes_python_down_no_more(tmp_path: Path) -> None:
    """It crashed at the end of the process: so only a process of its own can show it."""
    movie = "np.random.default_rng(0).integers(0, 60_000, (300, 64, 64)).astype(np.uint16)"
    job = f'export_volume(f"{{limit}}/out.h5", {movie}, "TYX")'
    assert_refused(job, "out.h5", [2048, 2_450_000], tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
@pytest.mark.thorough
def test_nwb_that_cannot_be_written_takes_python_down_no_more(
    tmp_path: Path, make_traces: Callable[..., Traces]
) -> None:
    """The contents are written first, the values of the signals filled in later: both may fail."""
    saved = make_traces(n_frames=30_000).save(tmp_path / "traces")
    field = "FieldOfView((40, 48), np.ones((40, 48)))"
    job = f'export_traces(f"{{limit}}/out.nwb", nza.load({str(saved)!r}), field={field})'
    assert_refused(job, "out.nwb", [70_000, 1_200_000], tmp_path)


def test_nwb_on_a_full_disk_is_a_sentence_and_leaves_the_old(
    tiny_disk: Path, make_traces: Callable[..., Traces], monkeypatch: pytest.MonkeyPatch
) -> None:
    field = FieldOfView((40, 48), np.ones((40, 48)))
    (path,) = run(export_traces(tiny_disk / "out.nwb", make_traces(), field=field))
    before = path.read_bytes()
    long = make_traces(n_frames=30_000)
    # Another program fills the disk during the work.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, 10**9))
    with pytest.raises(InputError, match=r"out\.nwb can't be written: No space left") as caught:
        run(export_traces(path, long, field=field, overwrite=True))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    assert list(tiny_disk.iterdir()) == [path]


@pytest.mark.parametrize("ending", ENDINGS)
def test_too_little_space_is_seen_before_the_work(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 9))
    with pytest.raises(InputError, match=r"needs about .*, but only .* are free in"):
        export_volume(tmp_path / f"out{ending}", MOVIE, "TYX")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ENDINGS)
def test_permission_that_is_lost_in_the_middle(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = export_volume(tmp_path / f"out{ending}", MOVIE[:10], "TYX")
    next(job)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(InputError, match="can't be written: Permission denied"):
        run(job)
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []
