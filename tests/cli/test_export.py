"""``zstack-align export``."""

from contextlib import closing

import h5py
import numpy as np
import pytest
import tifffile
import zarr

import napari_zstack_align as nza
from napari_zstack_align.cli import export_alignments
from napari_zstack_align.cli.main import main
from napari_zstack_align.write.crop import largest_box
from napari_zstack_align.write.transforms import read_transforms


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
@pytest.mark.parametrize("what", ["volume", "aligned"])
def test_pixels_are_those_of_the_alignment(aligned, tmp_path, ending, what, capsys):
    path = tmp_path / f"out{ending}"
    assert main(["export", str(aligned), f"--out={path}", f"--what={what}"]) == 0
    alignment = nza.load_alignment(aligned)
    expected = alignment.volume() if what == "volume" else alignment.aligned()
    written = tifffile.imread(path) if ending == ".ome.tif" else zarr.open(path, mode="r")["0"][:]
    assert written.dtype == expected.dtype
    np.testing.assert_array_equal(written, expected.compute())
    assert capsys.readouterr().out.startswith(f"Wrote {path}\n12 frames in 3 slices")


def stopping_at(job_of, number):
    """Wrap a job function: Ctrl-C at a step of the job."""

    def steps(*arguments, **options):
        with closing(job_of(*arguments, **options)) as job:
            for count, progress in enumerate(job):
                yield progress
                if count == number or number in progress.stage.split("("):
                    raise KeyboardInterrupt

    return steps


def last_line(capsys):
    return capsys.readouterr().err.splitlines()[-1]


def test_a_stopped_export_says_that_nothing_was_written(aligned, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        export_alignments, "export_alignment", stopping_at(export_alignments.export_alignment, 0)
    )
    assert main(["export", str(aligned), f"--out={tmp_path / 'v.tif'}"]) == 1
    assert last_line(capsys) == (
        "zstack-align: Cancelled: nothing was written; the same command again starts from the "
        "beginning."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_stopped_zarr_says_where_its_finished_parts_are(aligned, tmp_path, monkeypatch, capsys):
    command = ["export", str(aligned), f"--out={tmp_path / 'v.zarr'}"]
    export = export_alignments.export_alignment
    with monkeypatch.context() as patch:
        patch.setattr(export_alignments, "export_alignment", stopping_at(export, 1))
        assert main(command) == 1
    (kept,) = tmp_path.iterdir()
    assert last_line(capsys) == (
        f"zstack-align: Cancelled: nothing is written, and what was finished is kept in {kept}; "
        f"the same command again writes {tmp_path / 'v.zarr'}."
    )
    assert main(command) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["v.zarr"]


def test_a_stopped_export_of_a_session_names_what_is_written(
    session_folder, tmp_path, monkeypatch, capsys
):
    command = ["export", str(session_folder), f"--out={tmp_path / 'v.tif'}"]
    export = export_alignments.export_session
    with monkeypatch.context() as patch:
        patch.setattr(export_alignments, "export_session", stopping_at(export, "2 of 2)"))
        assert main(command) == 1
    assert last_line(capsys) == (
        f"zstack-align: Cancelled: {tmp_path / 'v_rec1.tif'} is written; the same command with "
        f"--overwrite writes {tmp_path / 'v_rec2.tif'}."
    )
    assert main(command) == 2
    assert main([*command, "--overwrite"]) == 0


def test_raw_frames_that_have_moved(aligned, zstack_file, tmp_path, capsys):
    moved = tmp_path / "moved.tif"
    zstack_file.rename(moved)
    try:
        assert main(["export", str(aligned), f"--out={tmp_path / 'a.tif'}"]) == 2
        assert "zstack" in capsys.readouterr().err
        assert not (tmp_path / "a.tif").exists()
        again = ["export", str(aligned), f"--out={tmp_path / 'a.tif'}", f"--stack={moved}"]
        assert main(again) == 0
    finally:
        moved.rename(zstack_file)


@pytest.mark.parametrize(
    ("out", "said"), [("a.png", "must end in"), ("there.tif", "exists already")]
)
def test_bad_targets(aligned, tmp_path, out, said, capsys):
    (tmp_path / "there.tif").touch()
    assert main(["export", str(aligned), f"--out={tmp_path / out}"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".h5", ".bin"])
def test_a_session_is_a_file_a_recording_in_one_box(session_folder, tmp_path, ending, capsys):
    path = tmp_path / f"larva{ending}"
    assert main(["export", str(session_folder), f"--out={path}", "--crop"]) == 0
    session = nza.load_alignment(session_folder)
    box = largest_box(np.logical_and.reduce([each.common_fov() for each in session]))
    for each in session:
        expected = each.aligned().compute()[:, *box.slices]
        name = f"larva_{each.stack.name}"
        if ending == ".h5":
            with h5py.File(tmp_path / f"{name}.h5") as file:
                written = file["mov"][:]
        else:
            written = np.fromfile(tmp_path / name / "data.bin", np.int16).reshape(expected.shape)
        np.testing.assert_array_equal(written, expected)
    out, err = capsys.readouterr()
    assert out.count("Wrote ") == 2
    assert ("stored as they are" in err) == (ending == ".bin")


def test_transforms(session_folder, tmp_path):
    one = session_folder / "rec2.zalign"
    assert main(["export", str(one), f"--transforms={tmp_path / 't.npy'}"]) == 0
    assert main(["export", str(session_folder), f"--transforms={tmp_path / 'l.csv'}"]) == 0
    expected = nza.load_alignment(one).transforms.matrices()
    for name in ("t.npy", "l_rec2.csv"):
        read = read_transforms(tmp_path / name, (128, 128)).matrices()
        np.testing.assert_array_equal(read, expected)
    assert (tmp_path / "l_rec1.csv").exists()


@pytest.mark.parametrize("name", ["t.csv", "t.npy"])
def test_transforms_that_bend_are_in_no_table(aligned, tmp_path, name, capsys):
    assert main(["export", str(aligned), f"--transforms={tmp_path / name}"]) == 2
    said = capsys.readouterr().err
    assert "The transforms of zstack hold smooth displacement fields, which no table" in said
    assert "export the aligned frames instead" in said
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("given", ["a folder", "a file", "an empty folder"])
def test_what_is_no_alignment_is_named_as_it_is(tmp_path, given, capsys):
    place = tmp_path / "larva"
    if given == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
    if given == "a folder":
        (place / "notes.txt").write_text("mine")
    assert main(["export", str(place), f"--out={tmp_path / 'a.tif'}"]) == 2
    said = capsys.readouterr().err
    assert f"{place} is {given}" in said
    assert said.endswith("no alignment: check its name and folder.\n")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "give --out or --transforms"),
        (["--out=a.tif", "--what=volume"], "they have no volume"),
        (["--out=a.avi"], "must end in"),
        (["--transforms=t.txt"], r"must end in .csv or .npy"),
        (["--out=a.tif", "--stack=rec.npy"], "and --stack holds the raw frames of one: give the"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_a_session_can_not_be(session_folder, tmp_path, monkeypatch, capsys, flags, said):
    monkeypatch.chdir(tmp_path)
    np.save("rec.npy", np.ones((4, 8, 8), np.uint16))
    assert main(["export", str(session_folder), *flags]) == 2
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["rec.npy"]
