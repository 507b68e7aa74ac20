"""The folder that Suite2p's window opens. Its own loader is tried by scripts/check_suite2p.py."""

from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import extract_traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.cells.suite2p import FILES, write_suite2p_folder

IMAGE = np.random.default_rng(0).uniform(size=(40, 48)).astype(np.float32)
FIELD = FieldOfView((40, 48), IMAGE, pixel_size_um=(0.8, 0.4))


def written(folder, traces, field=FIELD, **options):
    """Write, and read (arrays by name, ops, last note)."""
    notes = []
    job = write_suite2p_folder(folder, [traces], CellOptions(field), **options)
    assert run(job, lambda p: notes.append(p)) == folder
    arrays = {path.stem: np.load(path, allow_pickle=True) for path in folder.glob("*.npy")}
    return arrays, arrays["ops"].item(), notes[-1].note


def test_the_files_hold_raw_traces(tmp_path, traces):
    arrays, ops, note = written(tmp_path / "plane0", traces)
    assert {f"{name}.npy" for name in arrays} == FILES
    known = np.isfinite(traces.F[0])
    for name in ("F", "Fneu"):
        assert arrays[name].dtype == np.float32
        np.testing.assert_array_equal(arrays[name][known], getattr(traces, name)[0][known])
    assert not arrays["spks"].any()
    assert arrays["spks"].shape == arrays["F"].shape
    assert (ops["spks"], ops["spikedetect"]) == ("not deconvolved", False)
    assert arrays["iscell"].tolist() == [[1, 1]] * 3
    assert (ops["Ly"], ops["Lx"], ops["nframes"], ops["fs"]) == (40, 48, 9, pytest.approx(10))
    assert (ops["neucoeff"], ops["aspect"], ops["diameter"]) == (0.7, 0.5, [6.0, 6.0])
    assert ops["roi_ids"].tolist() == [3, 7, 12]
    np.testing.assert_array_equal(ops["meanImg"], IMAGE)
    assert "spks.npy is zero" in note


def test_invalid_samples_are_interpolated_and_listed(tmp_path, traces):
    arrays, ops, note = written(tmp_path / "plane0", traces)
    assert all(np.isfinite(arrays[name]).all() for name in ("F", "Fneu", "spks"))
    # ROI 7 is out of view in frame 4; frame 2 has a flag
    between = traces.F[0, 1, [3, 5]].mean()
    assert arrays["F"][1, 4] == pytest.approx(between, rel=1e-6)
    assert np.flatnonzero(ops["badframes"]).tolist() == [2]
    assert ops["interpolated_samples"].tolist() == [0, 1, 0]
    assert "1 of 9 frames are in ops['badframes']" in note
    assert "Samples of 1 ROI were interpolated, at most 1 (ROI 7)" in note


def test_cells_at_the_edge_make_no_frame_bad_for_the_others(tmp_path, traces):
    traces.F[0, 1, 1:] = np.nan
    _, ops, note = written(tmp_path / "plane0", traces)
    assert np.flatnonzero(ops["badframes"]).tolist() == [2]
    assert ops["interpolated_samples"].tolist() == [0, 8, 0]
    assert "at most 8 (ROI 7)" in note


def test_a_frame_is_bad_where_most_rois_are_unknown(tmp_path, traces):
    traces.F[0, :2, 6], traces.Fneu[0, 1:, 7] = np.nan, np.nan
    traces.F[0, 0, 8] = np.nan
    _, ops, _ = written(tmp_path / "plane0", traces)
    assert np.flatnonzero(ops["badframes"]).tolist() == [2, 6, 7]


def test_a_frame_that_was_left_out_is_bad(tmp_path, traces):
    traces.frames["used"][5] = False
    _, ops, _ = written(tmp_path / "plane0", traces)
    assert np.flatnonzero(ops["badframes"]).tolist() == [2, 5]


def test_a_roi_that_was_never_seen_is_no_cell(tmp_path, traces):
    traces.F[0, 2] = np.nan
    arrays, ops, note = written(tmp_path / "plane0", traces)
    assert not arrays["F"][2].any()
    assert arrays["iscell"].tolist() == [[1, 1], [1, 1], [0, 0]]
    # and spoils no frame for the others
    assert np.flatnonzero(ops["badframes"]).tolist() == [2]
    assert "1 ROI never seen (12)" in note


def test_pixels_of_rois(tmp_path, traces):
    stat = written(tmp_path / "plane0", traces)[0]["stat"]
    assert [each["roi_id"] for each in stat] == [3, 7, 12]
    for each, (y, x, radius) in zip(stat, traces.rois.circles, strict=True):
        assert each["npix"] == len(each["ypix"]) == len(each["xpix"]) == len(each["lam"])
        assert each["lam"].sum() == pytest.approx(np.pi * radius**2, rel=1e-4)
        assert np.hypot(each["med"][0] - y, each["med"][1] - x) < 0.71
        assert each["radius"] == radius
    shared = [each["overlap"].sum() for each in stat]
    assert shared[0] == 0
    assert shared[1] == shared[2] > 0
    assert stat[0]["npix_norm"] == stat[0]["npix"] / np.median([each["npix"] for each in stat])


def test_what_motion_explains_is_left_out_where_unknown(tmp_path, traces):
    traces.motion_explained[0, 1] = np.nan
    stat = written(tmp_path / "plane0", traces)[0]["stat"]
    assert ["motion_explained" in each for each in stat] == [True, False, True]


def test_figures_are_those_of_the_trace(tmp_path, traces):
    traces.F[0, 0] = np.where(np.arange(9) == 5, 10.0, 1.0)
    traces.Fneu[0, 0] = 3.0
    stat = written(tmp_path / "plane0", traces)[0]["stat"]
    values = traces.F[0, 0].astype(float)  # the neuropil is constant
    assert stat[0]["std"] == pytest.approx(values.std())
    assert stat[0]["skew"] == pytest.approx(
        ((values - values.mean()) ** 3).mean() / values.std() ** 3
    )
    assert stat[0]["snr"] == pytest.approx(1 - 0.5 * np.diff(values).var() / values.var())


def test_constant_traces_have_no_figures(tmp_path, traces):
    traces.F[0, 0] = traces.Fneu[0, 0] = 3.0
    stat = written(tmp_path / "plane0", traces)[0]["stat"]
    assert [stat[0][name] for name in ("skew", "std", "snr")] == [0, 0, 0]


def test_further_channels(tmp_path, make_traces):
    traces = make_traces(n_channels=2)
    arrays, ops, _ = written(tmp_path / "plane0", traces)
    assert ops["nchannels"] == 2
    np.testing.assert_array_equal(arrays["F_chan2"][0], traces.F[1, 0])
    np.testing.assert_array_equal(arrays["Fneu_chan2"][2], traces.Fneu[1, 2])


def test_what_is_unknown_is_said(tmp_path, make_traces):
    bare = FieldOfView((40, 48))
    _, ops, note = written(tmp_path / "plane0", make_traces(times=False), bare)
    assert (ops["fs"], ops["frame_rate_known"], ops["aspect"]) == (1.0, False, 1.0)
    assert "frame rate is unknown" in note
    assert ops["meanImg"].shape == (40, 48)


def test_a_roi_outside_keeps_its_row(tmp_path, make_traces):
    rois = Rois.of([(10, 10, 3), (500, 20, 3)], ids=[4, 9])
    stat = written(tmp_path / "plane0", make_traces(rois=rois))[0]["stat"]
    assert (stat[1]["ypix"].tolist(), stat[1]["xpix"].tolist()) == ([39], [20])


def test_it_replaces_itself_and_nothing_else(tmp_path, traces):
    folder = tmp_path / "plane0"
    written(folder, traces)
    with pytest.raises(InputError, match="exists already"):
        write_suite2p_folder(folder, [traces], CellOptions(FIELD))
    changed = replace(traces, F=traces.F + 1)
    arrays, _, _ = written(folder, changed, overwrite=True)
    assert arrays["F"][0, 0] == changed.F[0, 0, 0]
    (folder / "data.bin").write_bytes(b"the registered movie")
    with pytest.raises(InputError, match="holds other files"):
        write_suite2p_folder(folder, [traces], CellOptions(FIELD), overwrite=True)


def test_a_cancel_leaves_nothing(tmp_path, traces, no_leftovers):
    job = write_suite2p_folder(tmp_path / "plane0", [traces], CellOptions(FIELD))
    next(job)
    next(job)
    job.close()
    assert no_leftovers() == []


def test_masks_times_pixels_are_the_traces(tmp_path):
    """Of a movie that stands still: rows, columns and weights are those that F was read with."""
    movie = np.random.default_rng(1).uniform(100, 900, (5, 40, 48)).astype(np.float32)
    rois = Rois.of([(10.0, 12.0, 3.0), (20.25, 30.6, 4.5), (0.2, 40.0, 2.0)])
    extracting = extract_traces(Stack.from_array(movie), rois, None)
    arrays, _, _ = written(tmp_path / "plane0", run(extracting))
    for each, trace in zip(arrays["stat"], arrays["F"], strict=True):
        if each["roi_id"] == 3:
            # beyond the border: unknown in every frame
            assert not trace.any()
            continue
        pixels = movie[:, each["ypix"], each["xpix"]]
        np.testing.assert_allclose(
            np.average(pixels, axis=1, weights=each["lam"]), trace, rtol=1e-5
        )
