"""``zstack-align blobs``."""

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cells import detect_cells, session_image, source_image, valid_in
from napari_zstack_align.cli.blobs import at_bounds, cut_by_border
from napari_zstack_align.cli.main import main


@pytest.fixture(scope="session")
def image_file(tmp_path_factory):
    """Two spots of sigma 1.6 px on noise."""
    y, x = np.indices((90, 100))
    image = np.random.default_rng(0).normal(100, 3, (90, 100))
    for cy, cx in ((30, 40), (60, 70)):
        image += 900 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 1.6**2))
    path = tmp_path_factory.mktemp("data") / "cells.tif"
    tifffile.imwrite(path, image.astype(np.uint16))
    return path


@pytest.fixture
def blobs(tmp_path, capsys):
    """Run the command: exit code, ROIs, what was printed."""

    def run(*arguments, out="rois.csv"):
        path = tmp_path / out
        code = main(["blobs", *map(str, arguments), f"--out={path}"])
        said = capsys.readouterr()
        return code, nza.load_rois(path) if code == 0 else None, said.out + said.err

    return run


@pytest.mark.parametrize("method", ["log", "dog", "doh"])
def test_an_image(blobs, image_file, method, tmp_path):
    code, rois, said = blobs(image_file, f"--method={method}")
    assert code == 0
    expected = nza.detect_blobs(tifffile.imread(image_file), nza.BlobParams(method=method))
    np.testing.assert_allclose(rois.circles, expected)
    radius = np.median(rois.circles[:, 2])
    assert said == (
        f"Wrote {tmp_path / 'rois.csv'} ({len(rois)} ROIs, median radius {radius:.1f} px)\n"
    )


def test_parameters_from_a_file_and_flags_on_top(blobs, image_file, tmp_path):
    nza.BlobParams(method="dog", threshold=0.1).to_file(tmp_path / "p.json")
    _, rois, _ = blobs(image_file, f"--params={tmp_path / 'p.json'}", "--overlap=0.9")
    params = nza.BlobParams(method="dog", threshold=0.1, overlap=0.9)
    expected = nza.detect_blobs(tifffile.imread(image_file), params)
    np.testing.assert_allclose(rois.circles, expected)


def test_nuclei_is_where_flags_begin_from(blobs, image_file):
    _, rois, _ = blobs(image_file, "--nuclei", "--min-sigma=1.5")
    params = nza.BlobParams.nuclei(min_sigma=1.5)
    np.testing.assert_allclose(rois.circles, nza.detect_blobs(tifffile.imread(image_file), params))


def test_mask_and_agreement(blobs, image_file, tmp_path):
    mask = np.zeros((90, 100), np.uint8)
    mask[50:] = 1
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    sizes = ("--min-sigma=1.2", "--max-sigma=2.5")
    _, rois, _ = blobs(image_file, "--agreement", f"--mask={tmp_path / 'mask.tif'}", *sizes)
    assert rois.circles[:, :2].tolist() == [[60, 70]]
    assert rois.features["agreement"].tolist() == [3]


def test_auto_threshold(blobs, image_file):
    _, rois, said = blobs(image_file, "--auto-threshold", "--exclude-border=0")
    assert "Threshold: 0." in said
    assert {(30, 40), (60, 70)} <= {tuple(row) for row in rois.circles[:, :2].tolist()}


def test_none_are_an_empty_table(blobs, image_file):
    code, rois, said = blobs(image_file, "--threshold=50")
    assert (code, len(rois)) == (0, 0)
    assert "Found no blobs" in said
    assert "(0 ROIs)" in said


@pytest.mark.parametrize("kind", ["mean", "max", "std", "correlation"])
def test_a_recording(blobs, recording_files, kind):
    _, rois, _ = blobs(recording_files[0], f"--image={kind}", "--frames", 5, 30)
    image = nza.run(source_image(nza.open_stack(recording_files[0]), kind, frames=(5, 30)))
    np.testing.assert_allclose(rois.circles, nza.detect_blobs(image))
    assert np.all(rois.slices == -1)


def test_a_session_tells_where_each_is_valid(blobs, session_folder):
    code, rois, said = blobs(session_folder)
    assert code == 0
    session = nza.load_alignment(session_folder)
    np.testing.assert_allclose(rois.circles, nza.detect_blobs(nza.run(session_image(session))))
    valid = valid_in(rois, session)
    assert f"Recording 1, rec1: {valid[:, 0].sum()} of {len(rois)} ROIs in view throughout" in said
    words = [str(text).split() for text in rois.features["valid_in"]]
    assert [["1"] * a + ["2"] * b for a, b in valid.tolist()] == words


def test_a_zstack_in_3d(blobs, aligned, zstack_file):
    _, rois, _ = blobs(aligned, "--min-slices=2")
    expected = nza.run(detect_cells(nza.load_alignment(aligned), min_slices=2))
    np.testing.assert_allclose(rois.circles, expected.circles)
    np.testing.assert_array_equal(rois.slices, expected.slices)
    assert np.all(rois.slices >= 0)
    _, raw, _ = blobs(zstack_file, "--frames-per-slice=4", out="raw.csv")
    assert np.all(raw.slices >= 0)


BAD = {
    "sigmas": (["--min-sigma=3", "--max-sigma=2"], "must not be above max_sigma"),
    "no such file": (["--mask=nowhere.tif"], "nowhere.tif"),
    "unknown method": (["--method=best"], "best"),
    "frames": (["--frames", "5", "2"], "Frames 5 to 2"),
    "channel": (["--channel=4"], "no channel 4"),
    "slices of an image": (["--min-slices=2"], "--min-slices is for z-stacks"),
    "constant": (["--image=std"], "Every pixel of the image is 0"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_sentence(blobs, image_file, arguments, said, tmp_path):
    code, _, printed = blobs(image_file, *arguments)
    assert code == 2
    assert said in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "rois.csv").exists()


@pytest.mark.parametrize(
    "arguments",
    [["--agreement"], ["--auto-threshold"], ["--frames", "0", "2"], ["--image", "max"]],
)
def test_what_is_not_for_zstacks(blobs, aligned, arguments):
    code, _, printed = blobs(aligned, *arguments)
    assert code == 2
    assert "not for a z-stack" in printed


def test_targets(blobs, image_file, tmp_path):
    (tmp_path / "there.csv").write_text("mine")
    assert blobs(image_file, out="there.csv")[0] == 2
    assert blobs(image_file, "--overwrite", out="there.csv")[0] == 2
    assert (tmp_path / "there.csv").read_text() == "mine"
    (tmp_path / "there.csv").write_text("id,y,x,radius\n1,2,3,4\n")
    assert blobs(image_file, "--overwrite", out="there.csv")[0] == 0
    code, _, printed = blobs(image_file, out="rois.xls")
    assert code == 2
    assert "ends in .csv" in printed


def test_the_default_name_is_that_of_the_input(image_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["blobs", str(image_file)]) == 0
    assert (tmp_path / "cells_rois.csv").exists()


# -- sizes -------------------------------------------------------------------------------------


def test_the_median_radius_is_told_in_px_and_um(blobs, image_file, tmp_path):
    _, rois, said = blobs(image_file)
    radius = np.median(rois.circles[:, 2])
    assert f"({len(rois)} ROIs, median radius {radius:.1f} px)" in said
    tifffile.imwrite(
        tmp_path / "um.ome.tif",
        tifffile.imread(image_file),
        metadata={"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
    )
    _, _, said = blobs(tmp_path / "um.ome.tif", out="um.csv")
    assert f"px ({radius / 2:.1f} µm))" in said


@pytest.mark.parametrize(
    ("sigmas", "word"),
    [
        ([1.2, 1.2, 1.6], "67 % of the ROIs have the smallest size"),
        ([2.0, 1.4, 1.4], "33 % of the ROIs have the largest size"),
        ([1.4, 1.5, 1.6], ""),
    ],
    ids=["smallest", "largest", "between"],
)
@pytest.mark.parametrize("method", ["log", "dog", "doh"])
def test_many_rois_at_a_bound_are_a_note(sigmas, word, method):
    params = nza.BlobParams(method=method, min_sigma=1.2, max_sigma=2.0)
    factor = 1.0 if method == "doh" else 2**0.5
    circles = [[20, 20 + 10 * i, factor * sigma] for i, sigma in enumerate(sigmas)]
    notes = at_bounds(nza.Rois.of(circles), params)
    assert (len(notes) == 1) == bool(word)
    assert all(note.startswith(word) and not note.is_warning for note in notes)
    if word:
        advice = "noise, raise --threshold-rel; if they are parts of smaller cells, lower --min-s"
        assert (advice if "smallest" in word else "cells, raise --max-sigma.") in notes[0]


@pytest.mark.parametrize(
    ("y", "n_cut"), [(0.0, 1), (2.0, 1), (4.0, 0), (36.0, 1), (20.0, 0)], ids=str
)
def test_rois_that_traces_cannot_read_at_the_border_are_counted(y, n_cut):
    notes = cut_by_border(nza.Rois.of([[20, 20, 4], [y, 20, 5.0]]), (38, 40))
    assert [note[:42] for note in notes] == n_cut * ["1 of 2 ROIs is cut by the border of the im"]
    stack = nza.Stack.from_array(np.random.default_rng(0).normal(900, 9, (20, 38, 40)))
    traces = nza.run(nza.extract_traces(stack, nza.Rois.of([[y, 20, 5.0]]), None))
    assert np.isnan(traces.F).all() == bool(n_cut)


def test_no_rois_and_a_single_size_need_no_note():
    assert at_bounds(nza.Rois.of([]), nza.BlobParams()) == ()
    one_size = nza.BlobParams(min_sigma=2.0, max_sigma=2.0)
    assert at_bounds(nza.Rois.of([[20, 20, 2 * 2**0.5]]), one_size) == ()


def test_a_repr_of_rois_is_one_short_line():
    rois = nza.Rois.of([[i, i, 3.14] for i in range(500)])
    assert repr(rois) == "<Rois: 500, median radius 3.1 px>"
    assert repr(nza.Rois.of([])) == "<Rois: none>"


# -- what can't be used ------------------------------------------------------------------------


def test_a_table_of_rois_is_no_image(blobs, image_file, tmp_path, capsys):
    blobs(image_file)
    assert main(["blobs", str(tmp_path / "rois.csv"), f"--out={tmp_path / 'b.csv'}"]) == 2
    err = capsys.readouterr().err
    assert "rois.csv is a table of ROIs: give what cells are to be found in" in err


def test_an_empty_mask_of_cells_speaks_of_cells(blobs, image_file, tmp_path):
    np.save(tmp_path / "mask.npy", np.zeros((90, 100), bool))
    code, _, said = blobs(image_file, f"--mask={tmp_path / 'mask.npy'}")
    assert code == 2
    assert "The mask is empty: paint where cells are looked for" in said


def test_a_mask_of_another_size_is_refused_before_frames_are_read(
    blobs, recording_files, tmp_path, monkeypatch
):
    np.save(tmp_path / "mask.npy", np.ones((9, 10), bool))
    monkeypatch.setattr("napari_zstack_align.cli.blobs.source_image", None)
    code, _, said = blobs(recording_files[0], f"--mask={tmp_path / 'mask.npy'}")
    assert code == 2
    assert "The mask has shape (9, 10), but the frames are" in said


def test_raw_frames_that_moved_are_given(blobs, aligned, zstack_file, tmp_path):
    code, _, said = blobs(image_of(zstack_file, tmp_path), f"--stack={zstack_file}")
    assert code == 2
    assert "--stack goes with RUN.zalign" in said
    code, rois, _ = blobs(aligned, f"--stack={zstack_file}", out="moved.csv")
    assert code == 0
    assert rois is not None


def image_of(file, folder):
    np.save(folder / "image.npy", tifffile.imread(file)[0])
    return folder / "image.npy"
