"""``zstack-align traces``: the same as from Python, of one recording and of a session."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli import traces as command
from napari_zstack_align.cli.main import main
from napari_zstack_align.flags import Fault, Flag, mark

ROIS = [[40.0, 50.0, 4.0], [80.5, 70.25, 5.0]]


@pytest.fixture
def rois(tmp_path, monkeypatch):
    """ROIs in a file, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    made = nza.Rois.of(ROIS, ids=[3, 7])
    made.save(tmp_path / "rois.csv")
    return made


def same(one: nza.Traces, other: nza.Traces) -> None:
    for name in ("F", "Fneu", "corrected", "dff", "motion_explained"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_session_the_same_as_from_python(rois, session_folder, tmp_path, capsys):
    arguments = ["traces", str(session_folder), "--rois=rois.csv", "--out=out"]
    assert main([*arguments, "--dark-level", "50", "--neuropil-width-um=6"]) == 0
    alignments = nza.load_alignment(session_folder)
    params = nza.TraceParams(dark_level=(50,), neuropil_width_um=6)
    stacks = [each.stack for each in alignments]
    expected = nza.run(nza.extract_session_traces(stacks, rois, alignments, params))
    for each, name in zip(expected, ("rec1", "rec2"), strict=True):
        written = nza.load_traces(tmp_path / "out" / name)
        same(written, each)
        np.testing.assert_array_equal(written.ids, [3, 7])
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("Wrote out")
    assert any(line.startswith("rec2: 2 ROIs, 40 frames") for line in out)
    assert any("dark level of 50 (given)" in line for line in out)


def test_one_recording_with_its_alignment(rois, session_folder, recording_files, tmp_path):
    part = session_folder / "rec1.zalign"
    flags = ["--rois=rois.csv", f"--alignment={part}", "--out=a"]
    assert main(["traces", str(recording_files[0]), *flags]) == 0
    assert main(["traces", str(part), "--rois=rois.csv", "--out=b"]) == 0
    same(nza.load_traces(tmp_path / "a"), nza.load_traces(tmp_path / "b"))


def test_stimuli_are_kept_with_the_traces(rois, session_folder, tmp_path, capsys):
    table = tmp_path / "stimuli.tsv"
    table.write_text("onset_frame\toffset_frame\tname\n3\t9\tdot\n")
    part = session_folder / "rec1.zalign"
    arguments = ["traces", str(part), "--rois=rois.csv", "--out=a", f"--stimuli={table}"]
    assert main(arguments) == 0
    assert "numbers of raw frames, counted from 0: 1 of 1 stimuli" in capsys.readouterr().out
    stimuli = nza.load_traces(tmp_path / "a").stimuli
    assert stimuli[["name", "onset_frame", "offset_frame"]].tolist() == [("dot", 3, 9)]


@pytest.mark.parametrize(
    ("text", "flags", "sentence"),
    [
        ("onset,offset\n1,x\n", [], "row 2, column offset: 'x' is no number"),
        ("onset,offset\n1,2\n", ["--stimuli-unit=dates"], "row 2, column onset: '1' is no date"),
        ("onset,offset,recording\n1,2,other\n", [], "aren't among the traces (other)"),
    ],
)
def test_bad_stimuli_stop_before_any_work(
    text, flags, sentence, rois, session_folder, tmp_path, capsys
):
    (tmp_path / "stimuli.csv").write_text(text)
    part = session_folder / "rec1.zalign"
    arguments = ["traces", str(part), "--rois=rois.csv", "--out=a", "--stimuli=stimuli.csv"]
    assert main([*arguments, *flags]) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
    assert not (tmp_path / "a.unfinished").exists()


def test_raw_frames_that_are_gone(rois, session_folder, recording_files, tmp_path, capsys):
    moved = recording_files[0].rename(tmp_path / "elsewhere.tif")
    try:
        part = session_folder / "rec1.zalign"
        assert main(["traces", str(part), "--rois=rois.csv", "--out=b"]) == 2
        error = capsys.readouterr().err
        assert "The raw stack rec1 is not at" in error
        assert "any more. For traces, give the file itself" in error
        assert "--stack" not in error  # which this command hasn't
        assert not (tmp_path / "b").exists()
        with pytest.raises(nza.InputError, match="The raw stack rec1"):
            nza.extract_traces(nza.load_alignment(part).stack, rois)
    finally:
        moved.rename(recording_files[0])


@pytest.mark.thorough
def test_raw_frames_that_have_changed_are_said_to_have(rois, tmp_path, recording_files, capsys):
    raw = tmp_path / "rec.tif"
    shutil.copy(recording_files[0], raw)
    assert main(["keypoints", str(raw), "--chunk-frames=20", "--out=s"]) == 0
    frames = tifffile.imread(raw)
    frames[7] += 3
    tifffile.imwrite(raw, frames)
    assert main(["traces", "s", "--rois=rois.csv", "--out=b"]) == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    assert "can't be used any more. 1 of 40 frames of rec has changed" in line
    assert "is not at" not in line


def test_a_recording_that_doesn_t_move(rois, recording_files, tmp_path, capsys):
    flags = ["--rois=rois.csv", "--frame-rate=20", "--pixel-size=0.5"]
    assert main(["traces", str(recording_files[0]), *flags]) == 0
    written = nza.load_traces(tmp_path / "rec1_traces")
    assert written.pixel_size_um == (0.5, 0.5)
    np.testing.assert_allclose(np.diff(written.frame_times_s), 0.05)
    assert "ΔF/F is unreliable" in capsys.readouterr().out


def test_flags_complete_what_an_alignment_says(rois, session_folder, tmp_path, capsys):
    flags = ["--rois=rois.csv", "--frame-rate=20", "--pixel-size=0.5", "--out=out"]
    assert main(["traces", str(session_folder), *flags]) == 0
    written = nza.load_traces(tmp_path / "out" / "rec2")
    assert written.pixel_size_um == (0.5, 0.5)
    np.testing.assert_allclose(np.diff(written.frame_times_s), 0.05)
    assert "unknown: 10 frames" not in capsys.readouterr().out


def test_a_dark_level_above_the_light_is_told(rois, recording_files, capsys):
    flags = ["--rois=rois.csv", "--dark-level=60000"]
    assert main(["traces", str(recording_files[0]), *flags]) == 0
    out = capsys.readouterr().out
    assert "Warning: The dark level that is given (60000) can't be right" in out
    assert "NaN throughout" not in out  # which follows from it


def test_traces_are_not_written_over_unasked(rois, recording_files, capsys):
    arguments = ["traces", str(recording_files[0]), "--rois=rois.csv", "--out=out"]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert f"out holds the traces of rec1 (from {recording_files[0]}) already" in (
        capsys.readouterr().err
    )
    assert main([*arguments, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rois=none.csv"], "There is no ROI file"),
        (["--rois=other.csv"], "lacks the columns"),
        (["--rois=rois.csv", "--out=rois.csv"], "rois.csv is read by this command"),
        (["--rois=rois.csv", "--out=rois.csv/x"], "rois.csv is a file, no folder"),
        (["--rois=rois.csv", "--alignment={session}"], "is a session"),
        (["--rois=rois.csv", "--alignment={session}/rec2.zalign"], "is not the stack"),
        (["--rois=rois.csv", "--noise-floor=-1"], "noise_floor"),
    ],
    ids=[
        "no file",
        "other columns",
        "out is a file",
        "out is in a file",
        "session",
        "another recording",
        "bounds",
    ],
)
def test_bad_input(rois, recording_files, session_folder, tmp_path, capsys, flags, message):
    (tmp_path / "other.csv").write_text("X,Y\n1,2\n")
    flags = [flag.format(session=session_folder) for flag in flags]
    assert main(["traces", str(recording_files[0]), *flags]) == 2
    assert message in capsys.readouterr().err


def test_what_was_read_is_kept(rois, recording_files, tmp_path, monkeypatch):
    whole = nza.run(nza.extract_traces(nza.open_stack(recording_files[0]), rois, None))
    frames = whole.frames.copy()
    frames["flag"][20:] = "not run"

    def stopped(*_args, **_kwargs):
        yield nza.Progress("Reading traces", 20, 40, partial=[replace(whole, frames=frames)])
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "extract_session_traces", stopped)
    assert main(["traces", str(recording_files[0]), "--rois=rois.csv", "--out=out"]) == 1
    assert not nza.load_traces(tmp_path / "out").complete


def test_a_recording_whose_frames_are_all_left_out(rois, session_folder, tmp_path, capsys):
    """It could not be matched: nothing is said of the dark level, and the exit code is 1."""
    alignment = nza.load_alignment(session_folder)[0]
    mark(alignment.quality, Fault(Flag.UNMATCHED, "no chunk could be matched"))
    alignment.quality["used"] = False
    saved = alignment.save(tmp_path / "a.zalign")
    assert main(["traces", str(saved), "--rois=rois.csv", "--out=t", "--dark-level=50"]) == 1
    out = capsys.readouterr().out
    assert "Warning: All 40 frames are left out (40 unmatched recording)" in out
    assert "heck the dark level" not in out


@pytest.mark.parametrize("given", ["larva.zalign", "larva.tif", "session"])
def test_a_table_of_rois_in_the_place_of_the_recording(rois, tmp_path, capsys, given):
    (tmp_path / given).mkdir()
    assert main(["traces", "rois.csv", "--rois", given]) == 2
    assert capsys.readouterr().err == (
        f"zstack-align: rois.csv is a table of ROIs, and {given} is none: they look swapped. Give "
        f"zstack-align traces {given} --rois rois.csv.\n"
    )


@pytest.mark.parametrize("inputs", [["rois.csv"], ["rois.csv", "larva.tif"]])
def test_a_table_of_rois_beside_the_recordings(rois, tmp_path, capsys, inputs):
    (tmp_path / "larva.tif").touch()
    assert main(["traces", *inputs, "--rois", "rois.csv"]) == 2
    assert "rois.csv is a table of ROIs: give it with --rois, and" in capsys.readouterr().err
