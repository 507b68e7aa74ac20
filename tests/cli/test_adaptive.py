"""``zstack-align adaptive``: the same as from Python, kept when stopped."""

from contextlib import closing

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cli import adaptive
from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import endpoint_error


@pytest.fixture
def run(zstack_file, tmp_path, monkeypatch):
    """Call the command on the z-stack, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *flags: main(["adaptive", str(zstack_file), "--frames-per-slice=4", *flags])


def test_the_motion_is_found(aligned, sample):
    transforms = nza.load_alignment(aligned).transforms
    slices = sample.stack.slice_of_frame
    zero = endpoint_error(lambda t: 0 * sample.displacement(t), sample.displacement, slices)
    found = endpoint_error(transforms.displacement, sample.displacement, slices)
    assert found.mean < zero.mean / 2


def test_the_same_as_from_python(run, zstack_file, mask_file, tmp_path):
    assert run("--out=a.zalign", f"--mask={mask_file}", "--alpha=2", "--threads=1") == 0
    stack = nza.open_stack(zstack_file, frames_per_slice=4)
    params = nza.AdaptiveParams(alpha=2.0)
    expected = nza.run(nza.align_adaptive(stack, params, tifffile.imread(mask_file)))
    written = nza.load_alignment(tmp_path / "a.zalign")
    assert written.params == params
    np.testing.assert_array_equal(
        written.transforms.displacement(5), expected.transforms.displacement(5)
    )
    np.testing.assert_array_equal(written.mask, expected.mask)


def test_what_is_written_is_said_and_the_last_line_counts(run, tmp_path, capsys):
    assert run("--volume=v.ome.tif", "--z-step=2", "--pixel-size=0.8,0.5") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1:-1] == ["Wrote zstack.zalign", "Wrote v.ome.tif"]
    assert out[-1].startswith("12 frames in 3 slices: 0 flagged, 0 left out of the volume")
    with tifffile.TiffFile("v.ome.tif") as tif:
        assert tif.series[0].shape == (3, 96, 96)
        assert 'PhysicalSizeZ="2.0"' in tif.ome_metadata
        assert 'PhysicalSizeY="0.8"' in tif.ome_metadata


@pytest.mark.thorough
def test_a_parameter_file(run, tmp_path):
    nza.AdaptiveParams(alpha=3.0, grid_spacing_px=32).to_file("p.json")
    assert run("--params=p.json", "--alpha=2") == 0
    params = nza.load_alignment("zstack.zalign").params
    assert params == nza.AdaptiveParams(alpha=2.0, grid_spacing_px=32)


def test_repeats_unknown(zstack_file, tmp_path, capsys):
    assert main(["adaptive", str(zstack_file), f"--out={tmp_path / 'a.zalign'}"]) == 2
    assert "give --frames-per-slice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--out=there.zalign"], "there.zalign is a folder with 1 other file"),
        (["--out=there"], "there.zalign is a folder with 1 other file"),
        (["--out=no/where"], "there is no folder no"),
        (["--volume=v.png"], "must end in"),
        (["--volume=no/v.tif"], "there is no folder no"),
        (["--mask=two.tif"], "is no mask: it holds 2 images"),
        (["--mask=small.tif"], "The mask has shape"),
        (["--channel=1"], "no channel 1"),
        (["--threads=0"], "of at least 1, not 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_can_not_work_is_said_before_any_work(run, tmp_path, capsys, flags, said):
    (tmp_path / "there.zalign").mkdir()
    (tmp_path / "there.zalign" / "notes.txt").write_text("mine")
    tifffile.imwrite(tmp_path / "two.tif", np.ones((2, 96, 96), np.uint8))
    tifffile.imwrite(tmp_path / "small.tif", np.ones((9, 9), np.uint8))
    before = sorted(tmp_path.rglob("*"))
    assert run(*flags) == 2
    assert said in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_overwrite(run, tmp_path):
    assert run("--alpha=2") == 0
    assert run("--alpha=3") == 2
    assert run("--alpha=3", "--overwrite") == 0
    assert nza.load_alignment("zstack.zalign").params.alpha == 3


def stopping_after(n_slices, job_of):
    """Wrap ``align_adaptive``: Ctrl-C once so many slices are done."""

    def steps(*args, **kwargs):
        done = 0
        with closing(job_of(*args, **kwargs)) as job:
            for progress in job:
                if done == n_slices:
                    raise KeyboardInterrupt
                done += progress.partial is not None
                yield progress

    return steps


def test_ctrl_c_keeps_the_slices_done(run, monkeypatch, capsys):
    monkeypatch.setattr(adaptive, "align_adaptive", stopping_after(2, adaptive.align_adaptive))
    assert run("--volume=v.ome.tif") == 1
    quality = nza.load_alignment("zstack.zalign").quality
    assert (quality["flag"] == "not run").tolist() == [False] * 8 + [True] * 4
    out = capsys.readouterr().out.splitlines()
    assert out[1:3] == [
        "The run was stopped: what follows is of the partial result.",
        "Wrote zstack.zalign",
    ]
    assert ", 4 not run." in out[-1]


def test_ctrl_c_before_the_first_slice(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(adaptive, "align_adaptive", stopping_after(0, adaptive.align_adaptive))
    assert run() == 1
    assert "nothing was written" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_short_last_slice_and_left_out_frames_are_told(tmp_path, capsys):
    rng = np.random.default_rng(0)
    data = rng.poisson(rng.uniform(10, 90, (64, 80)), (10, 64, 80)).astype(np.uint16)
    data[2], data[6] = 0, 0
    path = tmp_path / "stack.npy"
    np.save(path, data)
    arguments = [
        "adaptive",
        str(path),
        "--frames-per-slice",
        "4",
        "--out",
        str(tmp_path / "a.zalign"),
    ]
    assert main(arguments) == 0
    out = capsys.readouterr().out.splitlines()
    assert "3 slices × 4 repeats (the last slice has only 2 repeats)" in out[0]
    counts = "10 frames in 3 slices: 2 flagged (2 no signal), 2 left out of the volume."
    (line,) = (n for n, line in enumerate(out) if counts in line)
    assert out[line + 1].startswith("  Warning: 10 frames are no multiple of 4: ")
    assert "the last 2 frames make a slice of their own" in out[line + 1]
    assert out[-1].endswith(" above; 2 frames are flagged.")


@pytest.mark.parametrize("link", [False, True])
def test_a_volume_is_never_written_over_the_raw_frames(link, zstack_file, tmp_path, capsys):
    raw = tmp_path / "raw.tif"
    raw.write_bytes(zstack_file.read_bytes())
    volume = tmp_path / "link.tif" if link else raw
    if link:
        volume.symlink_to("raw.tif")
    flags = ["--frames-per-slice=4", f"--out={tmp_path / 'run'}", "--overwrite"]
    assert main(["adaptive", str(raw), f"--volume={volume}", *flags]) == 2
    assert "is read by this command" in capsys.readouterr().err
    assert raw.read_bytes() == zstack_file.read_bytes()
    assert not list(tmp_path.glob("run*"))  # before the work


@pytest.mark.parametrize(("n_frames", "code"), [(1, 1), (2, 0)])
def test_a_stack_of_which_nothing_was_judged_is_not_done(n_frames, code, sample, tmp_path, capsys):
    """The exit code says what the last line says."""
    path = tmp_path / "few.tif"
    tifffile.imwrite(path, sample.stack.read(0, n_frames)[:, 0])
    arguments = ["adaptive", str(path), f"--frames-per-slice={n_frames}"]
    assert main([*arguments, f"--out={tmp_path / 'run'}"]) == code
    assert ("None of the frames was judged" in capsys.readouterr().out) == (code == 1)
