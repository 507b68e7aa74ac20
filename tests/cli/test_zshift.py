"""``zstack-align zshift``: the same as from Python."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest
import tifffile
from unfinished import files_in, make_unfinished

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import recording_with_zshift
from napari_zstack_align.saved import Journal
from napari_zstack_align.write.export import export_volume
from napari_zstack_align.zshift.export import export_movie


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A recording and its reference on disk; frame 3 is blank."""
    folder = tmp_path_factory.mktemp("zshift")
    made = recording_with_zshift(
        n_frames=8, n_slices=7, size=(128, 144), drift_slices=2, z_step_um=2.0, seed=6
    )
    frames = made.recording.read(0, 8)[:, 0].copy()
    frames[3] = 0
    size = made.recording.pixel_size_um
    nza.run(export_volume(folder / "larva.ome.tif", frames, "TYX", pixel_size_um=size))
    volume = made.reference.read(0, 7)[:, 0]
    known = {"pixel_size_um": size, "z_step_um": 2.0}
    nza.run(export_volume(folder / "volume.ome.tif", volume, "ZYX", **known))
    return folder, made


@pytest.fixture
def here(files, tmp_path, monkeypatch):
    """Copies of the files, in the folder that the command runs in."""
    for name in ("larva.ome.tif", "volume.ome.tif"):
        shutil.copy(files[0] / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


GIVEN = ["zshift", "larva.ome.tif", "--reference=volume.ome.tif"]


def test_the_same_as_from_python(here, files, capsys):
    assert main([*GIVEN, "--out=run.zalign", "--patch-px=64"]) == 0
    written = nza.load_zshift(here / "run.zalign")
    stack = nza.open_stack(here / "larva.ome.tif")
    reference = nza.open_stack(here / "volume.ome.tif")
    expected = nza.run(nza.estimate_zshift(stack, reference, nza.ZShiftParams(patch_px=64)))
    np.testing.assert_array_equal(written.patch_z, expected.patch_z)
    np.testing.assert_array_equal(written.z_um, expected.z_um)
    assert written.params == nza.ZShiftParams(patch_px=64)
    good = written.flags == ""
    np.testing.assert_allclose(written.z[good], files[1].z[good], atol=0.2)
    told = capsys.readouterr().out
    assert "Wrote run.zalign" in told
    assert "slice 6 at 6 slices or 12 µm" in told
    assert "8 frames: z from" in told
    assert "1 flagged (1 blank)" in told.splitlines()[-1]
    assert main(["info", "run.zalign"]) == 0
    again = capsys.readouterr().out
    assert told.splitlines()[-1] in again
    assert "patch_px=64" in again


@pytest.mark.thorough
def test_movies(here):
    flags = ["--out=run", "--corrected=corrected.ome.tif", "--simulated=simulated.ome.zarr"]
    assert main([*GIVEN, *flags]) == 0
    zshift = nza.load_zshift(here / "run.zalign")
    np.testing.assert_array_equal(
        tifffile.imread(here / "corrected.ome.tif"), zshift.corrected().compute()
    )
    simulated = nza.open_stack(here / "simulated.ome.zarr")
    np.testing.assert_array_equal(simulated.read(0, 8)[:, 0], zshift.simulate().compute())


@pytest.mark.thorough
def test_an_alignment_of_the_recording_and_one_as_reference(here, zstack_file, aligned):
    """The z-stack's own slices are found in its aligned volume, with an alignment that is none."""
    volume = nza.load_alignment(aligned).volume().compute()
    tifffile.imwrite(here / "slices.tif", volume, photometric="minisblack")
    stack = nza.open_stack(here / "slices.tif").replace(frames_per_slice=None)
    still = identity(stack.n_frames, volume.shape[1:])
    nza.apply_transforms(stack, still).save(here / "slices.zalign")
    flags = [f"--reference={aligned}", "--z-step=3", "--out=a"]
    assert main(["zshift", "slices.tif", "--alignment=slices.zalign", *flags]) == 0
    assert main(["zshift", "slices.zalign", f"--reference={aligned}", "--out=b"]) == 0
    one, other = (nza.load_zshift(here / f"{name}.zalign") for name in "ab")
    np.testing.assert_allclose(one.z, [0, 1, 2], atol=0.4)
    np.testing.assert_array_equal(one.z, other.z)
    assert one.z_step_um == 3


@pytest.mark.thorough
def test_nothing_is_written_over_unasked(here, capsys):
    flags = ["--out=run", "--simulated=movie.ome.tif"]
    assert main([*GIVEN, *flags]) == 0
    assert main([*GIVEN, *flags]) == 2
    assert "holds the z-shift of larva (from " in capsys.readouterr().err
    assert main([*GIVEN, "--out=other", "--simulated=movie.ome.tif"]) == 2
    assert not (here / "other.zalign").exists()
    assert main([*GIVEN, *flags, "--overwrite"]) == 0


@pytest.mark.thorough
def test_a_movie_that_was_there_already_is_not_taken_for_written_without_a_word(
    here, capsys, monkeypatch
):
    """Saved, then killed: a movie older than the run is somebody else's, another one may be."""
    command, movie = [*GIVEN, "--out=run", "--simulated=movie.ome.tif"], here / "movie.ome.tif"
    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_empty", lambda _: None)
        assert main([*GIVEN, "--out=run"]) == 0
    movie.write_bytes(b"mine")
    os.utime(movie, (0, 0))
    assert main(command) == 2
    assert "movie.ome.tif was not exported by" in capsys.readouterr().err
    movie.unlink()
    nza.run(export_movie(movie, nza.load_zshift(here / "run.zalign"), "simulated"))
    before = movie.read_bytes()
    assert main(command) == 0
    assert "movie.ome.tif was there already" in capsys.readouterr().out
    assert movie.read_bytes() == before


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--reference=none.tif"], "none.tif"),
        (["--reference=single.tif"], "single slice"),
        (["--reference=small.tif"], "give the pixel sizes of both"),
        (["--reference={session}"], "is a session"),
        (["--alignment={session}"], "is a session"),
        (["--out=volume.ome.tif"], "volume.ome.tif.zalign"),
        (["--out={session}/rec1.zalign"], "holds the alignment of rec1, not a z-shift"),
        (["--corrected=movie.avi"], "must end in"),
        (["--simulated=nowhere/movie.ome.tif"], "there is no folder"),
        (["--corrected=larva.ome.tif", "--overwrite"], "is read by this command"),
        (["--overlap=2"], "overlap"),
        (["--channel=3"], "no channel 3"),
    ],
)
def test_bad_input(here, session_folder, capsys, flags, message):
    tifffile.imwrite(here / "single.tif", np.zeros((128, 144), np.uint16))
    tifffile.imwrite(here / "small.tif", np.ones((7, 64, 64), np.uint16))
    flags = [flag.format(session=session_folder) for flag in flags]
    if flags == ["--out=volume.ome.tif"]:
        (here / "volume.ome.tif.zalign").write_text("mine")
    names = {flag.partition("=")[0] for flag in flags}
    others = [flag for flag in GIVEN if flag.partition("=")[0] not in names]
    assert main([*others, *flags]) == 2
    assert message in capsys.readouterr().err
    assert (here / "larva.ome.tif").stat().st_size > 128 * 144 * 8
    assert not (here / "larva.ome_zshift.zalign").exists()


def test_a_z_shift_is_no_alignment(here, capsys):
    assert main([*GIVEN, "--out=run"]) == 0
    assert main(["export", "run.zalign", "--out=a.ome.tif"]) == 2
    said = capsys.readouterr().err
    assert "run.zalign holds the z-shift of larva, which is not exported; the depth" in said
    assert said.endswith("are written by zshift, with --corrected or --simulated.\n")
    (table,) = (here / "run.zalign").glob("frames-*.csv")
    assert f"frame is in run.zalign/{table.name}." in said


def test_where_all_frames_are_flagged_the_exit_code_says_so(here, capsys):
    noise = np.random.default_rng(0).poisson(9, (6, 128, 144)).astype(np.uint16)
    tifffile.imwrite(here / "noise.tif", noise, photometric="minisblack")
    assert main(["zshift", "noise.tif", "--reference=volume.ome.tif", "--out=run"]) == 1
    assert "6 flagged" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.thorough
def test_a_reference_of_raw_repeats_is_refused_until_their_number_is_given(here, files, capsys):
    volume = files[1].reference.read(0, 7)[:, 0]
    noise = np.random.default_rng(0).normal(0, 3, (28, *volume.shape[1:]))
    raw = np.repeat(volume, 4, axis=0) + noise
    tifffile.imwrite(here / "raw.tif", raw.astype(np.float32), photometric="minisblack")
    command = ["zshift", "larva.ome.tif", "--reference=raw.tif", "--out=run", "--patch-px=64"]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "look like slices of 4 repeats each" in said
    assert "--reference-frames-per-slice 4" in said
    assert not list(here.glob("run*"))
    assert main([*command, "--reference-frames-per-slice=4"]) == 0
    zshift = nza.load_zshift(here / "run.zalign")
    good = zshift.used
    np.testing.assert_allclose(zshift.z[good], files[1].z[good], atol=0.2)
    assert main([*command, "--reference-frames-per-slice=1", "--overwrite"]) == 0
    assert "Warning: The images of raw look like slices of 4 repeats" in capsys.readouterr().out
    volumes = raw.reshape(7, 4, *raw.shape[1:]).swapaxes(0, 1).reshape(raw.shape)
    tifffile.imwrite(here / "raw.tif", volumes.astype(np.float32), photometric="minisblack")
    given = ["--reference-frames-per-slice=4", "--reference-order=slices", "--overwrite"]
    assert main([*command, *given]) == 0
    again = nza.load_zshift(here / "run.zalign")
    np.testing.assert_allclose(again.z[good], zshift.z[good], atol=0.02)


def test_a_reference_that_is_a_recording_is_refused(here, capsys):
    still = np.random.default_rng(0).poisson(
        np.tile(tifffile.imread(here / "volume.ome.tif")[3], (20, 1, 1))
    )
    tifffile.imwrite(here / "still.tif", still.astype(np.uint16), photometric="minisblack")
    assert main(["zshift", "larva.ome.tif", "--reference=still.tif"]) == 2
    assert "like frames of a recording" in capsys.readouterr().err


def test_a_saved_reference_knows_its_slices(here, aligned, capsys):
    flags = [f"--reference={aligned}", "--reference-frames-per-slice=2"]
    assert main(["zshift", "larva.ome.tif", *flags]) == 2
    assert "knows its slices" in capsys.readouterr().err


def test_an_unfinished_result_of_another_recording_of_this_name_stays(here, capsys):
    assert main([*GIVEN, "--out=run"]) == 0
    before = make_unfinished(here / "run.zalign")
    (here / "mouse2").mkdir()
    frames = tifffile.imread(here / "larva.ome.tif")[::-1]
    size = {"pixel_size_um": (1.0, 1.0)}
    nza.run(export_volume(here / "mouse2" / "larva.ome.tif", frames, "TYX", **size))
    capsys.readouterr()
    assert main(["zshift", "mouse2/larva.ome.tif", *GIVEN[2:], "--out=run"]) == 2
    assert f"from {here / 'larva.ome.tif'}) already: choose another name" in capsys.readouterr().err
    assert files_in(here / "run.zalign") == before
