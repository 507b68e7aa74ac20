"""No output takes the place of an input, or gets among the raw frames: refused before the work."""

from __future__ import annotations

import argparse
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import zarr

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cli.apart import Reads, Writes
from napari_zstack_align.cli.main import COMMANDS, main, make_parser


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
        "export z.zalign --out=z.tif --stack=z.tif",
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


def test_no_image_gets_among_files_that_are_all_of_their_folder(folder, capsys):
    shutil.copy("fold/a.tif", "fold/z.tif")
    given = "adaptive fold/a.tif fold/z.tif --frames-per-slice=4 --out=new"
    assert main([*given.split(), "--volume=fold/vol.tif"]) == 2
    assert "one of the raw files in fold" in capsys.readouterr().err


@pytest.mark.thorough
def test_an_image_may_lie_in_the_folder_of_a_session(folder):
    assert main(["keypoints", "rec.tif", "--out=S", "--chunk-frames=20"]) == 0
    assert main(["export", "S", "--out=S/aligned.tif"]) == 0


@pytest.mark.thorough
def test_an_export_may_lie_beside_the_only_raw_file(folder):
    Path("fold/z.tif").unlink()
    assert main(["keypoints", "fold/a.tif", "--out=fold/session", "--chunk-frames=20"]) == 0
    assert main(["export", "fold/session", "--out=fold/aligned.tif"]) == 0
    assert nza.open_stack("fold/aligned.tif").n_frames == nza.open_stack("fold/a.tif").n_frames


def test_a_row_of_batch_stays_out_of_an_image(folder, capsys):
    Path("t.csv").write_text("name,recordings,out\na,raw.zarr,raw.zarr/a\n")
    before = files_in(folder / "raw.zarr")
    assert main(["batch", "t.csv"]) == 1
    assert "raw.zarr/a is inside raw.zarr, which is read" in capsys.readouterr().out
    assert files_in(folder / "raw.zarr") == before


def test_exports_stay_out_of_the_raw_frames_of_a_result(folder):
    stack = nza.open_stack("raw.zarr")
    alignment = nza.load_alignment("z.zalign")
    n = alignment.stack.n_frames
    there = alignment.with_stack(alignment.stack.replace(paths=stack.paths))
    with pytest.raises(nza.InputError, match="is inside the raw frames"):
        nza.export_alignment("raw.zarr/v.tif", there)
    still = Transforms(alignment.transforms.shape, (AffineLink(np.tile(np.eye(3), (n, 1, 1))),))
    named = replace(
        alignment.with_stack(alignment.stack.replace(paths=(Path("raw.npy"),))), transforms=still
    )
    with pytest.raises(nza.InputError, match="holds the raw frames themselves"):
        nza.write_transforms("raw.npy", named, overwrite=True)


def arguments_of(command: str) -> list[argparse.Action]:
    (commands,) = (each for each in make_parser(command)._actions if each.choices)
    return commands.choices[command]._actions


@pytest.mark.parametrize("command", COMMANDS)
def test_every_path_of_every_command_is_marked_as_read_or_written(command):
    given = [each for each in arguments_of(command) if each.type is Path]
    unmarked = [each.dest for each in given if not isinstance(each, (Reads, Writes))]
    assert unmarked == []


@pytest.fixture
def session(session_folder, recording_files, tmp_path, monkeypatch) -> Path:
    """A session beside its raw files, of three formats' names."""
    monkeypatch.chdir(tmp_path)
    first, second = (nza.open_stack(path).read(0, 40)[:, 0] for path in recording_files)
    np.save("ex_b.npy", second)
    shutil.copy(recording_files[0], "ex_a.tif")
    zarr.create_array("raw.zarr", data=first, chunks=(8, *first.shape[1:]))
    Path("fold").mkdir()
    for start in (0, 20):
        np.save(f"fold/part{start:02}.npy", first[start : start + 20])
    stacks = [nza.open_stack(name) for name in ("ex_a.tif", "ex_b.npy", "raw.zarr", "fold")]
    alignments = nza.load(session_folder)
    raw = [
        alignments[i].with_stack(s.replace(name=n))
        for i, s, n in zip((0, 1, 0, 0), stacks, ("a", "b", "z", "f"), strict=True)
    ]
    nza.save_session(raw, "S")
    nza.Rois.of([[40.0, 50.0, 4.0]]).save("r.csv")
    Path("X_f").symlink_to("fold")
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "export S --transforms=ex.npy",
        "export S/a.zalign --transforms=ex_b.npy",
        "export S --out=ex.tif",
        "export S/b.zalign --out=ex_a.tif",
        "export r.csv --alignment=S --out=ex_a.tif",
        "export r.csv --alignment=S/b.zalign --out=ex_a.tif",
        "export S --out=fold/al.tif",
        "export S/a.zalign --out=fold/al.tif",
        "export S/f.zalign --out=fold.bin",
        "export S --out=X.bin",
        "export S --transforms=raw.zarr/t.csv",
        "export r.csv --alignment=S --out=raw.zarr/r.zip",
        "traces S --rois=r.csv --out=raw.zarr/t",
        "traces S/a.zalign --rois=r.csv --out=raw.zarr/t",
        "traces ex_a.tif --rois=r.csv --out=raw.zarr/t",
        "blobs S --out=raw.zarr/rois.csv",
        "keypoints ex_a.tif --reference=S --out=raw.zarr/new",
    ],
)
def test_raw_frames_behind_a_saved_result_stay_as_they_are(command, session, capsys):
    before = files_in(session)
    assert main([*command.split(), "--overwrite"]) == 2
    said = capsys.readouterr().err
    assert "raw f" in said or "is an image" in said
    assert said.count("\n") == 1
    assert files_in(session) == before


@pytest.mark.parametrize(
    "command",
    [
        "keypoints ex_b.npy --reference=S/a.zalign --out=S",
        "keypoints ex_b.npy --mask=S/a.zalign/mask.tif --out=S",
        "traces ex_a.tif --rois=r.csv --alignment=new/a.zalign --out=new",
        "export r.csv --alignment=e.zarr/a.zalign --out=e.zarr",
    ],
)
def test_what_is_read_is_no_part_of_what_is_replaced(command, session, capsys):
    shutil.copytree("S", "new")
    shutil.copytree("S/a.zalign", "e.zarr/a.zalign")
    before = files_in(session)
    assert main([*command.split(), "--overwrite"]) == 2
    assert "is part of" in capsys.readouterr().err
    assert files_in(session) == before


@pytest.mark.thorough
@pytest.mark.parametrize("recordings", [("a", "b"), ("a",)], ids=["two", "one"])
def test_folders_of_recordings_lie_beside_the_session_that_they_are_of(recordings, session, capsys):
    nza.save_session([nza.load_alignment(f"S/{name}.zalign") for name in recordings], "larva")
    before = files_in(Path("larva"))
    made = [f"larva_{name}" for name in recordings]
    code = main(["export", "larva", "--out=larva.bin"])
    if len(recordings) == 1:  # the folder of the one is the session's
        assert code == 2
        assert "larva is read by this command" in capsys.readouterr().err
    else:
        assert code == 0
        assert all(Path(name, "data.bin").is_file() for name in made)
    assert files_in(Path("larva")) == before


def test_by_default_too_what_is_read_is_no_part_of_what_is_replaced(session, capsys):
    Path("S").rename("ex_b_session")
    before = files_in(session)
    command = "keypoints ex_b.npy --reference=ex_b_session/a.zalign --overwrite"
    assert main(command.split()) == 2
    assert "is part of ex_b_session" in capsys.readouterr().err
    assert files_in(session) == before


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("--out=d --corrected=x.tif --simulated=x.tif", "is the same file"),
        ("--out=d --corrected=x.bin --simulated=x.bin", "is the same file"),
        ("--out=d --corrected=x.zarr --simulated=x.zarr/y.tif", "is inside x.zarr"),
        ("--out=d --corrected=x.zarr --simulated=fold/../x.zarr", "is the same file"),
        ("--out=x.zarr/d --corrected=x.zarr", "is inside x.zarr"),
    ],
)
def test_no_output_takes_the_place_of_another(command, said, folder, capsys):
    before = files_in(folder)
    assert main(f"zshift rec.tif --reference=z.tif {command} --overwrite".split()) == 2
    assert said in capsys.readouterr().err
    assert files_in(folder) == before


def test_nothing_is_written_into_any_image(folder, capsys):
    before = files_in(folder / "raw.zarr")
    assert main(["export", "r.csv", "--out=raw.zarr/c/new.zip"]) == 2
    assert "is inside" in capsys.readouterr().err
    assert files_in(folder / "raw.zarr") == before


@pytest.mark.parametrize("name", ["s.unfinished", "s.UNFINISHED"])
def test_a_name_of_finished_parts_is_no_name_for_a_result(name, folder, capsys):
    assert main(["keypoints", "rec.tif", f"--out={name}"]) == 2
    assert "keeps the finished parts of a run" in capsys.readouterr().err
    Path("t.csv").write_text(f"name,recordings\n{name},rec.tif\n")
    assert main(["batch", "t.csv"]) == 1
    assert "keeps the finished parts of a run" in capsys.readouterr().out
    assert not Path(name).exists()


@pytest.mark.parametrize(
    ("option", "made"), [("--corrected=z1.bin", "z1"), ("--simulated=z1.zarr", "z1.zarr")]
)
@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
def test_a_folder_in_the_way_of_a_movie_is_found_before_the_work(
    option, made, overwrite, folder, monkeypatch, capsys
):
    Path(made).mkdir()
    Path(made, "mine.txt").touch()
    monkeypatch.setattr("napari_zstack_align.cli.zshift.estimate_zshift", None)
    command = ["zshift", "rec.tif", "--reference=z.tif", "--reference-frames-per-slice=4", option]
    assert main([*command, *overwrite]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"zstack-align: {made} ")
    assert said.count("\n") == 1
    assert Path(made, "mine.txt").is_file()


def test_a_volume_in_the_place_of_other_files_is_refused_before_the_work(
    folder, monkeypatch, capsys
):
    Path("v.zarr").mkdir()
    Path("v.zarr/mine.txt").touch()
    monkeypatch.setattr("napari_zstack_align.cli.adaptive.align_adaptive", None)
    command = "adaptive z.tif --frames-per-slice=4 --out=new --volume=v.zarr --overwrite"
    assert main(command.split()) == 2
    assert "v.zarr is a folder of other files" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["traces {} --rois=r.csv", "export {} --out=x.csv"])
def test_what_cannot_be_looked_at_is_not_said_to_be_missing(command, folder, monkeypatch, capsys):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("napari_zstack_align.cli.inputs.os.lstat", refused)
    assert main(command.format("locked/x").split()) == 2
    assert "locked/x can't be read: Permission denied." in capsys.readouterr().err


OUTPUTS = (
    "adaptive z.tif --frames-per-slice=4 --out",
    "adaptive z.tif --frames-per-slice=4 --out new --volume",
    "keypoints rec.tif --out",
    "batch t.csv --out",
    "blobs rec.tif --out",
    "traces rec.tif --rois r.csv --out",
    "zshift rec.tif --reference z.tif --out",
    "zshift rec.tif --reference z.tif --out new --corrected",
    "export z.zalign --out",
    "export z.zalign --transforms",
    "export r.csv --format labels --out",
    "export r.csv --format suite2p --out",
    "demo --out",
)
INPUTS = (
    "info",
    "adaptive --frames-per-slice 4 --out new",
    "keypoints rec.tif --mask",
    "keypoints rec.tif --reference",
    "keypoints rec.tif --params",
    "batch",
    "blobs",
    "traces rec.tif --rois",
    "zshift rec.tif --reference",
    "export --out new.tif",
    "view",
)


@pytest.mark.parametrize("name", ["", " ", "/dev/null"])
@pytest.mark.parametrize("command", OUTPUTS)
def test_what_is_no_name_is_never_written(command, name, folder, capsys):
    Path("t.csv").write_text("name,recordings\na,rec.tif\n")
    _refused([*command.split(), name], folder, capsys)


@pytest.mark.parametrize("command", OUTPUTS)
def test_the_folder_of_all_is_no_name(command):
    """Only the parser is asked: what it lets through would be written there."""
    words = [*command.split(), "/"]
    with pytest.raises(nza.InputError, match="'/' is no name for a result"):
        make_parser(words[0]).parse_args(words)


@pytest.mark.parametrize("name", [".", "..", "fold/.."])
@pytest.mark.parametrize("command", [each for each in OUTPUTS if "--format suite2p" in each])
def test_the_folder_here_is_no_export(command, name, folder, capsys):
    _refused([*command.split(), name], folder, capsys)


@pytest.mark.parametrize("command", INPUTS)
def test_an_empty_name_is_not_the_folder_here(command, folder, capsys):
    _refused([*command.split(), ""], folder, capsys)


def _refused(command, folder, capsys):
    before = files_in(folder), sorted(Path("/dev").glob("null*"))
    assert main(command) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (files_in(folder), sorted(Path("/dev").glob("null*"))) == before


def test_a_file_that_is_given_twice_is_not_the_last_one_in_silence(folder, capsys):
    line = ["traces", "movie.tif", "--rois=cells.csv", "--rois=others.csv"]
    assert main(line) == 2
    assert "--rois: it is given twice: leave one of them out" in capsys.readouterr().err
