"""``zstack-align info``: words for people, facts for programs."""

import errno
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import zstack_with_repeats


def test_words(zstack_file, capsys):
    assert main(["info", str(zstack_file), "--frames-per-slice=4", "--z-step=2"]) == 0
    assert "3 slices × 4 repeats" in capsys.readouterr().out


def test_saved_results_are_described(aligned, session_folder, capsys):
    assert main(["info", str(aligned)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == f"{aligned} holds the alignment of z-stack zstack."
    assert out[1] == f"zstack: {nza.load_alignment(aligned).summary()}"
    assert main(["info", str(session_folder)]) == 0
    out = capsys.readouterr().out
    assert "holds a session of 2 recordings" in out
    for alignment in nza.load_alignment(session_folder):
        assert f"{alignment.stack.name}: {alignment.summary()}" in out
    assert main(["info", str(aligned), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["kind"], facts["state"]) == ("alignment", "complete")
    assert facts["subject"]["frames"] == 12
    assert main(["info", str(session_folder), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["subject"]["recordings"], facts["subject"]["done"]) == (2, 2)
    assert "frames" not in facts["subject"]


def test_parameters_remarks_and_state_can_be_read_again(session_folder, tmp_path, capsys):
    alignment = nza.load_alignment(session_folder)[0]
    alignment.provenance["remarks"] = ["The last chunk is short."]
    alignment.quality["flag"][30:] = "not run"
    params = nza.KeypointParams(chunk_frames=17)
    saved = replace(alignment, params=params).save(tmp_path / "a.zalign")
    assert main(["info", str(saved)]) == 0
    out = capsys.readouterr().out
    assert "holds the unfinished alignment of rec1" in out
    assert "10 not run" in out
    assert "  Warning: The last chunk is short.\n  Not all of it was run.\n" in out
    assert out.endswith("1 warning above; 0 frames are flagged.\n")
    assert "Parameters other than the defaults of KeypointParams: chunk_frames=17." in out
    assert main(["info", str(saved), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["state"] == "incomplete"
    assert result["params"]["chunk_frames"] == 17


def test_traces_and_rois_are_described_as_they_were_made(session_folder, tmp_path, capsys):
    nza.Rois.of([[40, 50, 4], [80, 70, 5]]).save(tmp_path / "rois.csv")
    flags = [f"--rois={tmp_path / 'rois.csv'}", f"--out={tmp_path / 't'}", "--dark-level=9000"]
    main(["traces", str(session_folder), *flags])
    made = capsys.readouterr().out.splitlines()[1:]
    assert any("can't be right" in line for line in made)
    assert main(["info", str(tmp_path / "t")]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].endswith("holds the traces of 2 recordings.")
    params = "  Parameters other than the defaults of TraceParams: dark_level=9000."
    assert [line for line in out[1:] if line != params] == made
    n_warnings = sum("Warning: " in line for line in made)
    assert made[-1].startswith(f"ΔF/F is unreliable: see its first warning. {n_warnings} w")
    assert out.count(params) == 2
    assert main(["info", str(tmp_path / "rois.csv")]) == 0
    assert capsys.readouterr().out.endswith("holds ROIs.\n2 ROIs.\n")


def test_what_does_not_exist_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["info", "no.zalign"]) == 2
    assert "There is no alignment no.zalign: check its name" in capsys.readouterr().err


def test_saved_results_are_no_raw_images(aligned, session_folder, tmp_path, capsys):
    member = session_folder / "rec1.zalign"
    for arguments in (
        ["adaptive", str(aligned), "--frames-per-slice=1", f"--out={tmp_path / 'run'}"],
        ["keypoints", str(member), f"--out={tmp_path / 'larva'}"],
        ["keypoints", str(session_folder), f"--out={tmp_path / 'larva'}"],
    ):
        assert main(arguments) == 2
        assert "not raw images" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_raw_images_beside_a_session_still_open(session_folder, recording_files, tmp_path, capsys):
    folder = shutil.copytree(session_folder, tmp_path / "day")
    for path in recording_files:
        shutil.copy(path, folder)
    assert main(["info", str(folder / "rec1.tif"), str(folder / "rec2.tif")]) == 0
    assert nza.open_stack(folder).n_frames == 80


def test_json(zstack_file, capsys):
    flags = ["--frames-per-slice=4", "--order=slices", "--pixel-size=0.8", "--json"]
    assert main(["info", str(zstack_file), *flags]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["shape_tcyx"] == [12, 1, 96, 96]
    assert facts["dtype"] == "uint16"
    assert (facts["frames_per_slice"], facts["order"], facts["n_slices"]) == (4, "slices", 3)
    assert facts["pixel_size_um_yx"] == [0.8, 0.8]
    assert facts["z_step_um"] is None
    assert facts["files"] == [str(zstack_file)]


def test_propose(tmp_path, capsys):
    sample = zstack_with_repeats(
        n_slices=6, n_repeats=4, size=128, photons=60, max_displacement_px=2, slice_correlation=0.8
    )
    path = tmp_path / "stack.npy"
    np.save(path, sample.stack.read(0, 24)[:, 0])
    assert main(["info", str(path), "--propose"]) == 0
    words = capsys.readouterr().out
    assert main(["info", str(path), "--propose", "--json"]) == 0
    proposed = json.loads(capsys.readouterr().out)["proposed_frames_per_slice"]
    assert proposed == 4
    assert "suggest --frames-per-slice 4" in words


def test_frames_without_a_layout_name_the_next_step(tmp_path, zstack_file, capsys):
    np.save(tmp_path / "frames.npy", np.ones((4, 8, 9), np.uint16))
    assert main(["info", str(tmp_path / "frames.npy")]) == 0
    assert "--propose suggests a layout" in capsys.readouterr().out.splitlines()[-1]
    assert main(["info", str(zstack_file), "--frames-per-slice=4"]) == 0
    assert "--propose" not in capsys.readouterr().out


def test_a_recording_of_planes_names_the_next_step(tmp_path, capsys):
    tifffile.imwrite(tmp_path / "volumes.tif", np.zeros((60, 16, 16), np.uint16))
    command = ["info", str(tmp_path / "volumes.tif"), "--frames-per-slice=20"]
    assert main([*command, "--order=slices"]) == 0
    assert "--plane 0 to --plane 2;" in capsys.readouterr().out
    assert main(command) == 0
    assert "--plane" not in capsys.readouterr().out


def test_propose_checks_the_layout_that_is_given(tmp_path, capsys):
    sample = zstack_with_repeats(n_slices=8, n_repeats=6, size=128, photons=60, order="slices")
    path = tmp_path / "stack.npy"
    np.save(path, sample.stack.read(0, 48)[:, 0])
    command = ["info", str(path), "--propose", "--frames-per-slice=6"]
    assert main(command) == 0
    assert "looks wrong: the frames look like volumes of 8 slices" in capsys.readouterr().out
    assert main([*command, "--order=slices"]) == 0
    assert "The layout fits the frames." in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["frames_per_slice"], facts["looks_like"]) == (6, "slices")
    assert "proposed_frames_per_slice" not in facts


def test_a_rest_of_frames_is_reported(zstack_file, capsys):
    assert main(["info", str(zstack_file), "--frames-per-slice=5"]) == 0
    assert "Warning: 12 frames are no multiple of 5" in capsys.readouterr().out


def test_a_result_that_may_not_be_read_is_no_folder_of_images(
    session_folder, tmp_path, monkeypatch, capsys
):
    folder = shutil.copytree(session_folder, tmp_path / "s")
    read_bytes = Path.read_bytes

    def refused(path):
        if path.name == "session.json":
            raise PermissionError(errno.EACCES, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert main(["info", str(folder)]) == 0
    said = capsys.readouterr().out
    assert said == f"{folder} has a session.json that can't be read (Permission denied).\n"
    for command in (
        ["traces", str(folder), "--rois=r.csv"],
        ["export", str(folder), "--out=v.tif"],
    ):
        (tmp_path / "r.csv").write_text("id,y,x,radius\n1,2,3,4\n")
        monkeypatch.chdir(tmp_path)
        assert main(command) == 2
        assert "session.json can't be read: Permission denied" in capsys.readouterr().err
