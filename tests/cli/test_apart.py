"""No output takes the place of an input, or gets among the raw frames: refused before the work."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(zstack_file, mask_file, aligned, recording_files, tmp_path, monkeypatch) -> Path:
    """All that commands can read, under short names."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(zstack_file, "z.tif")
    shutil.copy(mask_file, "m.tif")
    Path("link.tif").symlink_to("m.tif")
    shutil.copytree(aligned, "z.zalign")
    shutil.copy(recording_files[0], "rec.tif")
    Path("fold").mkdir()
    shutil.copy(recording_files[0], "fold/a.tif")
    shutil.copy(zstack_file, "fold/z.tif")
    nza.Rois.of([[40.0, 50.0, 4.0]]).save("r.csv")
    np.save("raw.npy", np.zeros((4, 96, 96), np.uint16) + np.arange(96, dtype=np.uint16))
    zarr.create_array("raw.zarr", data=np.load("raw.npy"), chunks=(1, 96, 96))
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        "adaptive z.tif --frames-per-slice=4 --out=new --volume=m.tif --mask=m.tif",
        "adaptive z.tif --frames-per-slice=4 --out=new --volume=link.tif --mask=m.tif",
        "adaptive z.tif --frames-per-slice=4 --out=new --volume=m.tif --mask=fold/../link.tif",
        "keypoints rec.tif --reference=z.zalign --out=z.zalign",
        "traces rec.tif --rois=r.csv --out=r.csv",
        "zshift rec.tif --reference=z.tif --corrected=z.tif",
        "zshift rec.tif --reference=z.tif --simulated=z.tif",
        "blobs rec.tif --params=r.csv --out=r.csv",
        "export r.csv --out=r.csv",
        "export z.zalign --transforms=raw.npy --stack=raw.npy",
    ],
)
def test_an_input_is_never_replaced(command, folder, capsys):
    before = files_in(folder)
    assert main([*command.split(), "--overwrite"]) == 2
    said = capsys.readouterr().err
    assert said.endswith("is read by this command: choose another name for the output.\n")
    assert said.count("\n") == 1
    assert files_in(folder) == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "adaptive raw.zarr --frames-per-slice=2 --out=raw.zarr/x",
            "x.zalign is inside raw.zarr",
        ),
        ("adaptive raw.zarr --frames-per-slice=2 --out=new --volume=raw.zarr/c/v.tif", "is inside"),
        ("keypoints raw.zarr --out=raw.zarr/deep/session", "is inside raw.zarr"),
        (
            "adaptive fold --frames-per-slice=4 --out=new --volume=fold/vol.tif",
            "one of the raw fil",
        ),
        (
            "zshift rec.tif --reference=fold --simulated=fold/new.npy",
            "one of the raw files in fold",
        ),
    ],
)
def test_nothing_is_written_among_raw_frames(command, said, folder, capsys):
    before = files_in(folder)
    assert main(command.split()) == 2
    assert said in capsys.readouterr().err
    assert files_in(folder) == before


def test_results_may_lie_beside_raw_files(folder):
    Path("fold/z.tif").unlink()
    assert main(["keypoints", "fold", "--out=fold/session", "--chunk-frames=20"]) == 0
    assert len(nza.load("fold/session")) == 1


def test_a_row_of_batch_stays_out_of_an_image(folder, capsys):
    Path("t.csv").write_text("name,recordings,out\na,raw.zarr,raw.zarr/a\n")
    before = files_in(folder / "raw.zarr")
    assert main(["batch", "t.csv"]) == 1
    assert "raw.zarr/a is inside raw.zarr, which is read" in capsys.readouterr().out
    assert files_in(folder / "raw.zarr") == before


def test_exports_stay_out_of_the_raw_frames_of_a_result(folder):
    stack = nza.open_stack("raw.zarr")
    alignment = nza.load_alignment("z.zalign")
    there = alignment.with_stack(alignment.stack.replace(paths=stack.paths))
    with pytest.raises(nza.InputError, match="is inside the raw frames"):
        nza.export_alignment("raw.zarr/v.tif", there)
    named = alignment.with_stack(alignment.stack.replace(paths=(Path("raw.npy"),)))
    with pytest.raises(nza.InputError, match="holds the raw frames themselves"):
        nza.write_transforms("raw.npy", named, overwrite=True)
