"""A full disk, a limit on the size of files, and a disk that can't be written: a sentence each."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
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
import resource, sys
import h5py, numpy as np, pynwb
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.export import export_volume
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
movie = np.random.default_rng(0).integers(0, 60_000, (300, 64, 64)).astype(np.uint16)
try:
    run(export_volume(sys.argv[1], movie, "TYX", overwrite=True))
except InputError as error:
    print(error)
    sys.exit(2)
"""

LIMITED_NWB = """
import resource, signal, sys
import h5py, numpy as np, pynwb
import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells.export import export_traces
from napari_zstack_align.write.cells.field import FieldOfView
traces = nza.load(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    run(export_traces(sys.argv[2], traces, field=FieldOfView((40, 48), np.ones((40, 48)))))
except InputError as error:
    print(error)
    sys.exit(2)
"""


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


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
@pytest.mark.parametrize("limit", [0, 100, 2048, 70_000, 1_000_000, 2_450_000])
def test_hdf5_that_cannot_be_written_takes_python_down_no_more(limit: int, tmp_path: Path) -> None:
    """It crashed at the end of the process: so only a process of its own can show it."""
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "out.h5"), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "")
    assert "out.h5 can't be written: File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no such limits there")
@pytest.mark.parametrize("limit", [0, 70_000, 1_200_000])
def test_nwb_that_cannot_be_written_takes_python_down_no_more(
    limit: int, tmp_path: Path, make_traces: Callable[..., Traces]
) -> None:
    """The contents are written first, the values of the signals filled in later: both may fail."""
    saved = make_traces(n_frames=30_000).save(tmp_path / "traces")
    place = tmp_path / "nwb"
    place.mkdir()
    command = [sys.executable, "-c", LIMITED_NWB, saved, place / "out.nwb", limit]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "")
    assert "out.nwb can't be written: File too large" in done.stdout
    assert list(place.iterdir()) == []


def test_nwb_on_a_full_disk_is_a_sentence_and_leaves_the_old(
    tiny_disk: Path, make_traces: Callable[..., Traces]
) -> None:
    field = FieldOfView((40, 48), np.ones((40, 48)))
    (path,) = run(export_traces(tiny_disk / "out.nwb", make_traces(), field=field))
    before = path.read_bytes()
    long = make_traces(n_frames=30_000)
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
    with pytest.raises(InputError, match=r"needs some .* MB, but there .* free: make room"):
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
