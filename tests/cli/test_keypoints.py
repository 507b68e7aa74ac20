"""``zstack-align keypoints``: the same as from Python, kept when stopped."""

import shutil
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli import keypoints
from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import recording_with_motion


@pytest.fixture
def run(recording_files, tmp_path, monkeypatch):
    """Call the command on both recordings, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    files = [str(path) for path in recording_files]
    return lambda *flags: main(["keypoints", *files, "--chunk-frames=20", *flags])


def test_the_same_as_from_python(session_folder, recording_files):
    stacks = [nza.open_stack(path) for path in recording_files]
    params = nza.KeypointParams(chunk_frames=20)
    expected = nza.run(nza.register_recordings(stacks, params))
    written = nza.load_alignment(session_folder)
    assert [each.stack.name for each in written] == ["rec1", "rec2"]
    for each, other in zip(written, expected, strict=True):
        assert each.params == params
        np.testing.assert_array_equal(each.transforms.matrices(), other.transforms.matrices())
        np.testing.assert_array_equal(each.chunks, other.chunks)


@pytest.mark.thorough
def test_what_is_written_is_said_a_line_a_recording(run, tmp_path, capsys):
    mask = np.zeros((128, 128), np.uint8)
    mask[8:120, 8:120] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    assert run("--out=larva/", "--mask=mask.tif", "--frame-rate=20", "--pixel-size=0.5") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("rec1: 40 frames, 128 × 128 pixels, 0.5 µm pixels, 20 Hz")
    assert out[2] == "Wrote larva (2 recordings)"
    assert out[3].startswith("rec1: 40 frames in 2 chunks: ")
    assert any(line.startswith("rec2: 40 frames in 2 chunks: ") for line in out[4:])
    loaded = nza.load_alignment(tmp_path / "larva")
    np.testing.assert_array_equal(loaded[1].mask, mask)
    np.testing.assert_allclose(np.diff(loaded[1].stack.frame_times_s), 0.05)
    assert loaded[1].stack.pixel_size_um == (0.5, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["session", "alignment", "image"])
def test_another_recording_joins(kind, session_folder, recording_files, tmp_path):
    first = nza.load_alignment(session_folder)[0]
    tifffile.imwrite(tmp_path / "image.tif", first.reference)
    given = {
        "session": session_folder,
        "alignment": session_folder / "rec1.zalign",
        "image": tmp_path / "image.tif",
    }[kind]
    out = tmp_path / "joined"
    arguments = [str(recording_files[1]), f"--reference={given}", f"--out={out}"]
    assert main(["keypoints", *arguments, "--chunk-frames=20"]) == 0
    (joined,) = nza.load_alignment(out)
    centre = np.array([[64.0, 64.0]])
    there = nza.load_alignment(session_folder)[1].transforms.to_raw(centre, 30)
    # Against the frame itself, which lies elsewhere, the tolerance fails.
    assert np.abs(joined.transforms.to_raw(centre, 30) - there).max() < 0.4
    assert np.abs(centre - there).max() > 0.8


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--out=there"], "there holds a damaged result (session) already"),
        (["--out=one.zalign"], "holds a damaged result (alignment), not a session"),
        (["--out=no/where"], "there is no folder no"),
        (["--mask=two.tif"], "is no mask: it holds 2 images"),
        (["--reference=two.tif"], "is no reference: it holds 2 images"),
        (["--reference=no.zalign"], "There is no alignment no.zalign"),
        (["--n-chunks=3"], "give chunk_frames or n_chunks, not both"),
        (["--frame-rate=0"], "'0' is no number above 0"),
        (["--frame-rate=fast"], "'fast' is not a number"),
        (["--threads=0"], "threads must be a whole number of at least 1"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_work_is_said_before_any_work(run, tmp_path, capsys, flags, said):
    for name, file in (("there", "session.json"), ("one.zalign", "run.json")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text('{"schema_version": 1}')
    tifffile.imwrite(tmp_path / "two.tif", np.ones((2, 128, 128), np.uint8))
    before = sorted(tmp_path.rglob("*"))
    assert run(*flags) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def not_run(alignment):
    quality = alignment.quality.copy()
    quality["flag"], quality["used"] = "not run", False
    return replace(alignment, quality=quality)


@pytest.mark.parametrize("done", [True, False], ids=["one was done", "nothing was done"])
def test_ctrl_c_keeps_what_is_done(run, tmp_path, session_folder, monkeypatch, capsys, done):
    first, second = nza.load_alignment(session_folder)
    partial = [first, not_run(second)] if done else None

    def stopped(*args, **kwargs):
        with closing(nza.register_recordings(*args, **kwargs)) as job:
            yield replace(next(job), partial=partial)
        raise KeyboardInterrupt

    monkeypatch.setattr(keypoints, "register_recordings", stopped)
    assert run("--out=larva") == 1
    if done:
        assert [each.complete for each in nza.load_alignment("larva")] == [True, False]
        assert ", 40 not run." in capsys.readouterr().out
    else:
        assert not (tmp_path / "larva").exists()
        assert "zstack-align: Cancelled: nothing was written; " in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.thorough
def test_overwrite_replaces_the_session(run, tmp_path):
    assert run("--out=larva") == 0
    assert run("--out=larva", "--overwrite", "--passes=1") == 0
    assert nza.load_alignment(tmp_path / "larva")[0].params.passes == 1


@pytest.mark.parametrize("size", [1, 4])
def test_chunks_that_are_too_short_to_match_are_refused(recording_files, tmp_path, capsys, size):
    out = tmp_path / "larva"
    assert (
        main(["keypoints", str(recording_files[0]), f"--chunk-frames={size}", f"--out={out}"]) == 2
    )
    assert "greater than or equal to 5" in capsys.readouterr().err
    assert main(["keypoints", str(recording_files[0]), "--n-chunks=30", f"--out={out}"]) == 2
    assert "too few for n_chunks=30: a chunk needs at least 5" in capsys.readouterr().err


def test_a_file_of_several_planes_is_refused_by_every_command_for_recordings(tmp_path, capsys):
    planes = np.random.default_rng(0).poisson(9, (60, 4, 64, 64)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "larva.tif", planes, imagej=True, metadata={"axes": "TZYX"})
    (tmp_path / "rois.csv").write_text("id,y,x,radius\n1,20,20,4\n")
    (tmp_path / "table.csv").write_text("name,recordings\none,larva.tif\n")
    larva, rois = str(tmp_path / "larva.tif"), str(tmp_path / "rois.csv")
    commands = (["keypoints", larva], ["traces", larva, f"--rois={rois}"])
    for command in (*commands, ["zshift", larva, f"--reference={larva}"]):
        assert main([*command, f"--out={tmp_path / 'out'}"]) == 2
        refused = capsys.readouterr().err
        assert "larva holds 4 planes × 60 volumes" in refused
        assert ("'--plane all'" in refused) == (command[0] == "keypoints")
    assert main(["batch", str(tmp_path / "table.csv")]) == 1
    assert "larva holds 4 planes × 60 volumes" in capsys.readouterr().out


@pytest.mark.thorough
def test_frames_with_time_last_are_found_and_incomplete(recording_files, tmp_path, capsys):
    """Nothing of them can be judged, so that the exit code isn't that of a registered recording."""
    frames = nza.open_stack(recording_files[0]).read(0, 40)[:, 0]
    np.save(tmp_path / "turned.npy", np.ascontiguousarray(np.moveaxis(frames, 0, -1)))
    out = str(tmp_path / "turned")
    assert main(["keypoints", str(tmp_path / "turned.npy"), "--out", out]) == 1
    said = capsys.readouterr()
    assert "with time as the last one" in said.out
    assert "numpy.moveaxis(frames, -1, 0)" in said.out
    early = said.err.index("with time as the last one")
    assert early < said.err.index("too few matches")


@pytest.fixture
def of_planes(tmp_path, monkeypatch):
    """Two recordings of two planes, and the command that registers each plane."""
    monkeypatch.chdir(tmp_path)
    movies = [recording_with_motion(n_frames=24, size=80, seed=k).stack for k in (1, 2)]
    frames = np.stack([movie.read(0, 24)[:, 0] for movie in movies], axis=1)
    for name, part in (("a", frames[:12]), ("b", frames[12:])):
        tifffile.imwrite(f"{name}.tif", part, imagej=True, metadata={"axes": "TZYX"})
    flags = ("--plane=all", "--chunk-frames=6", "--out=fish")
    return frames, lambda *more: main(["keypoints", "a.tif", "b.tif", *flags, *more])


@pytest.mark.thorough
@pytest.mark.slow
def test_all_planes_are_a_session_each(of_planes, tmp_path, capsys):
    frames, run = of_planes
    assert run() == 0
    assert sorted(path.name for path in tmp_path.glob("fish*")) == ["fish_plane0", "fish_plane1"]
    for z in range(2):
        alignments = nza.load_alignment(tmp_path / f"fish_plane{z}")
        assert [each.stack.name for each in alignments] == [f"a plane {z}", f"b plane {z}"]
        np.testing.assert_array_equal(alignments[1].stack.read(0, 12)[:, 0], frames[12:, z])
        alone = nza.register_recordings(
            [each.stack for each in alignments], nza.KeypointParams(chunk_frames=6)
        )
        for each, other in zip(alignments, nza.run(alone), strict=True):
            np.testing.assert_array_equal(each.transforms.matrices(), other.transforms.matrices())
    capsys.readouterr()
    assert run() == 0  # a call that was stopped goes on with the planes that are left
    assert "fish_plane0 is done already: --overwrite does it again" in capsys.readouterr().out
    shutil.rmtree(tmp_path / "fish_plane1")
    assert run() == 0
    said = capsys.readouterr().out
    assert "fish_plane0 is done already" in said
    assert "Wrote fish_plane1" in said
    assert run("--chunk-frames=5") == 2  # otherwise made: nothing is replaced unasked


def test_planes_that_are_not_known_or_differ_are_refused(of_planes, tmp_path, capsys):
    frames, run = of_planes
    tifffile.imwrite("b.tif", frames.reshape(12, 4, 80, 80), imagej=True, metadata={"axes": "TZYX"})
    assert run() == 2
    assert "a has 2 planes and b 4" in capsys.readouterr().err
    tifffile.imwrite("b.tif", frames[:, 0], photometric="minisblack", metadata=None)
    assert run() == 2
    assert "--frames-per-slice, and --order slices" in capsys.readouterr().err
    assert not list(tmp_path.glob("fish*"))
    assert run("--plane=first") == 2
    assert "'first' is no plane" in capsys.readouterr().err
