"""An export replaces an earlier one of its kind, and neither raw data nor a file of a result."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.saved import check_outside_results

FRAMES = np.arange(5 * 8 * 9, dtype=np.uint16).reshape(5, 8, 9)


def content(path: Path) -> dict[Path, bytes]:
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return {each: each.read_bytes() for each in files if each.is_file()}


def foreign_tiff(path):
    tifffile.imwrite(path, FRAMES)


def foreign_ome_tiff(path):
    tifffile.imwrite(path, FRAMES, ome=True, metadata={"axes": "TYX"})


def foreign_text(path):
    path.write_text("what the microscope wrote")


def foreign_zarr(path):
    zarr.create_array(path, data=FRAMES, chunks=(1, 8, 9))


def foreign_zarr_group(path):
    zarr.create_group(path).create_array("0", data=FRAMES)


def foreign_hdf5(path):
    with h5py.File(path, "w") as file:
        file["mov"] = FRAMES


def foreign_suite2p(path):
    """What Suite2p keeps of a plane itself."""
    folder = path.with_suffix("")
    folder.mkdir()
    for name in ("data.bin", "ops.npy"):
        (folder / name).write_bytes(b"Suite2p")


def foreign_npy(path):
    np.save(path, FRAMES)


def foreign_csv(path):
    path.write_text("name,note\nfish,precious\n")


def rois_csv(path):
    nza.Rois.of([[40.0, 50.0, 4.0]]).save(path)


FOREIGN = [
    ("--out", ".tif", foreign_tiff),
    ("--out", ".ome.tif", foreign_ome_tiff),
    ("--out", ".tif", foreign_text),
    ("--out", ".zarr", foreign_zarr),
    ("--out", ".zarr", foreign_zarr_group),
    ("--out", ".h5", foreign_hdf5),
    ("--out", ".h5", foreign_text),
    ("--out", ".bin", foreign_suite2p),
    ("--transforms", ".npy", foreign_npy),
    ("--transforms", ".csv", foreign_csv),
    ("--transforms", ".csv", rois_csv),
    ("--transforms", ".csv", foreign_text),
]


@pytest.mark.parametrize(
    ("option", "ending", "make"), FOREIGN, ids=[f"{e}-{m.__name__}" for _, e, m in FOREIGN]
)
def test_what_no_export_wrote_stays(option, ending, make, session_folder, tmp_path, capsys):
    path = tmp_path / f"x{ending}"
    make(path)
    target = path.with_suffix("") if ending == ".bin" else path
    before = content(target)
    saved = next(session_folder.glob("*.zalign"))
    assert main(["export", str(saved), option, str(path), "--overwrite"]) == 2
    said = capsys.readouterr().err
    assert f"{target.name} was not exported by napari-zstack-align" in said
    assert said.count("\n") == 1
    assert content(target) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("option", "ending"),
    [("--out", e) for e in (".tif", ".zarr", ".h5", ".bin")]
    + [("--transforms", e) for e in (".csv", ".npy")],
)
def test_an_earlier_export_is_replaced(option, ending, session_folder, tmp_path):
    path = tmp_path / f"x{ending}"
    first, second = sorted(session_folder.glob("*.zalign"))
    target = path.with_suffix("") if ending == ".bin" else path
    assert main(["export", str(first), option, str(path)]) == 0
    before = content(target)
    assert main(["export", str(second), option, str(path)]) == 2
    assert content(target) == before
    assert main(["export", str(second), option, str(path), "--overwrite"]) == 0
    assert content(target) != before


OF_TRACES = (".csv", ".npz", ".nwb", "")


def someones_npz(path):
    np.savez(path, frames=FRAMES)


def someones_nwb(path):
    with h5py.File(path, "w") as file:
        file["acquisition/frames"] = FRAMES


def someones_plane(path):
    """Where Suite2p keeps the movie elsewhere, its folder holds the same names as ours."""
    path.mkdir()
    for name in ("F", "Fneu", "spks", "stat", "iscell", "ops"):
        np.save(path / f"{name}.npy", np.zeros(3))


@pytest.mark.parametrize(
    ("ending", "make"),
    list(zip(OF_TRACES, (rois_csv, someones_npz, someones_nwb, someones_plane), strict=True)),
    ids=["csv", "npz", "nwb", "folder"],
)
def test_exports_of_traces_replace_their_own_kind_alone(ending, make, tmp_path):
    stack = nza.Stack.from_array(np.tile(FRAMES, (1, 4, 4)), frame_times_s=np.arange(5.0))
    traces = run(nza.extract_traces(stack, [[12.0, 12.0, 3.0]], None))
    path = tmp_path / f"x{ending}"
    make(path)
    before = content(path)
    with pytest.raises(InputError, match="was not exported by"):
        nza.export_traces(path, traces, overwrite=True)
    assert content(path) == before
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    run(nza.export_traces(path, traces))
    run(nza.export_traces(path, traces, overwrite=True))


def test_a_zip_of_other_rois_stays(tmp_path):
    path = tmp_path / "RoiSet.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0012-0034.roi", b"drawn by hand")
    before = path.read_bytes()
    rois = nza.Rois.of([[40.0, 50.0, 4.0]])
    with pytest.raises(InputError, match="was not exported by"):
        nza.export_rois(path, rois, overwrite=True)
    assert path.read_bytes() == before
    run(nza.export_rois(tmp_path / "own.zip", rois))
    run(nza.export_rois(tmp_path / "own.zip", rois, overwrite=True))


def files_of(folder: Path) -> list[Path]:
    facts = json.loads((folder / "run.json").read_text())
    return [folder / each["name"] for each in facts["files"].values()]


@pytest.fixture
def session(session_folder, tmp_path):
    return Path(shutil.copytree(session_folder, tmp_path / "S"))


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_no_file_of_a_result_is_replaced(session, overwrite, capsys):
    """Neither of the one that is read, nor of another one."""
    first, second = sorted(session.glob("*.zalign"))
    before, tried = content(session), 0
    for folder in (first, second):
        for file in files_of(folder):
            option = {".csv": "--transforms", ".npy": "--transforms", ".tif": "--out"}
            given = option.get(file.suffix)
            if given is None:
                continue
            assert main(["export", str(first), given, str(file), *overwrite]) == 2
            assert f"is inside {folder}, which holds" in capsys.readouterr().err
            tried += 1
    assert tried >= 4
    assert content(session) == before


@pytest.mark.parametrize("name", ["new.tif", "deep/new.tif", "link/new.tif"])
def test_nothing_new_gets_into_a_result_either(name, session, capsys):
    first = next(iter(sorted(session.glob("*.zalign"))))
    (first / "deep").mkdir()
    (first / "link").symlink_to("deep")
    before = content(session)
    assert main(["export", str(first), "--out", str(first / name)]) == 2
    assert "which holds the alignment" in capsys.readouterr().err
    assert content(session) == before


def test_a_session_may_hold_exports_beside_its_recordings(session):
    check_outside_results(session / "aligned.tif")
    check_outside_results(session.parent / "aligned.tif")
    with pytest.raises(InputError, match="is inside"):
        check_outside_results(next(session.glob("*.zalign")) / "aligned.tif")


def test_a_volume_is_no_file_of_another_result(zstack_file, aligned, tmp_path, capsys):
    there = Path(shutil.copytree(aligned, tmp_path / "there.zalign"))
    before = content(there)
    image = next(each for each in files_of(there) if each.suffix == ".tif")
    command = ["adaptive", str(zstack_file), "--frames-per-slice=4", f"--out={tmp_path / 'new'}"]
    assert main([*command, "--overwrite", "--volume", str(image)]) == 2
    assert f"is inside {there}" in capsys.readouterr().err
    assert content(there) == before
    assert not (tmp_path / "new.zalign").exists()


def test_tables_of_traces_know_one_another(tmp_path):
    """Another table of traces may take the place of one: all are made of the same numbers."""
    stack = nza.Stack.from_array(np.tile(FRAMES, (1, 4, 4)))
    traces = run(nza.extract_traces(stack, [[12.0, 12.0, 3.0]], None))
    path = tmp_path / "t.csv"
    for name in ("tidy", "wide", "summary", "tidy"):
        run(nza.export_traces(path, traces, name, overwrite=True))
    with path.open(newline="") as file:
        assert next(csv.reader(file))[:3] == ["recording", "roi", "channel"]
