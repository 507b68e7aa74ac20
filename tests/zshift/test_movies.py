"""Movies that follow from depths: simulated and corrected, lazy, and as files."""

from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import tifffile
from tissue import N_SLICES, SHAPE, drift, estimate, plane, record, volume

import napari_zstack_align as nza
from napari_zstack_align import stack as stack_module
from napari_zstack_align.errors import RunStopped
from napari_zstack_align.zshift.export import export_movie

DEPTHS = drift(24)


@pytest.fixture(scope="module")
def zshift() -> nza.ZShift:
    stack = nza.Stack.from_array(record(DEPTHS, photons=300), frame_times_s=np.arange(24) / 10)
    params = nza.ZShiftParams(patch_px=48, equalise_slices=False)
    return estimate(stack, nza.Stack.from_array(volume(), "ZYX", z_step_um=2.0), params)


def test_simulated_frames_are_planes_of_the_reference(zshift: nza.ZShift) -> None:
    movie = zshift.simulate()
    assert isinstance(movie, da.Array)
    assert movie.shape == (24, *SHAPE)
    assert movie.dtype == np.float32
    for t in (0, 5, 17):
        seen = movie[t].compute()
        truth = plane(DEPTHS[t])
        assert np.corrcoef(seen.ravel(), truth.ravel())[0, 1] > 0.97
        assert np.corrcoef(seen.ravel(), plane(5.0 if t else 8.0).ravel())[0, 1] < 0.9 or t == 0


def test_simulated_frames_at_whole_slices_are_those(zshift: nza.ZShift) -> None:
    flat = replace(zshift, patch_z=np.full_like(zshift.patch_z, 3.0))
    np.testing.assert_allclose(flat.simulate()[4].compute(), volume()[3], rtol=1e-5)
    halfway = replace(zshift, patch_z=np.full_like(zshift.patch_z, 3.5))
    expected = 0.5 * (volume()[3] + volume()[4])
    np.testing.assert_allclose(halfway.simulate()[4].compute(), expected, rtol=1e-4)


def test_beyond_the_stack_there_is_nothing(zshift: nza.ZShift) -> None:
    beyond = replace(zshift, patch_z=np.full_like(zshift.patch_z, N_SLICES + 1.0))
    assert np.isnan(beyond.simulate()[0].compute()).all()


def test_correction_takes_the_change_of_the_baseline_out(zshift: nza.ZShift) -> None:
    raw = zshift.stack.read(0, 24)[:, 0].astype(np.float32)
    movie = zshift.corrected().compute()
    assert movie.dtype == np.float32
    middle = (slice(None), slice(8, -8), slice(8, -8))
    change = [frames[middle].std(axis=0).mean() for frames in (raw, movie)]
    assert change[1] < 0.4 * change[0]
    anchor = 4000 * plane(round(zshift.anchor * 8) / 8) + 100
    spread = [np.abs(frames - anchor)[middle].mean() for frames in (raw, movie)]
    assert spread[1] < 0.4 * spread[0]


def test_the_change_is_taken_out_where_the_frame_shows_it() -> None:
    """A frame that lies elsewhere is corrected there."""
    shifts = np.tile([3.0, -2.0], (24, 1))
    frames = record(DEPTHS, photons=300, shifts=shifts)
    movie = estimate(frames).corrected().compute()
    middle = (slice(None), slice(12, -12), slice(12, -12))
    change = [each.astype(np.float32)[middle].std(axis=0).mean() for each in (frames, movie)]
    assert change[1] < 0.5 * change[0]


def test_movies_are_evaluated_frame_by_frame(zshift: nza.ZShift) -> None:
    whole = zshift.corrected().compute()
    np.testing.assert_array_equal(zshift.corrected()[11].compute(), whole[11])


def test_a_movie_of_another_channel() -> None:
    frames = record(DEPTHS)
    both = np.stack([frames, 3 * frames.astype(np.float32) + 20], axis=1)
    zshift = estimate(nza.Stack.from_array(both, "TCYX"))
    first, second = zshift.corrected(0).compute(), zshift.corrected(1).compute()
    assert np.abs(second - (3 * first + 20)).mean() < 0.05 * second.mean()
    with pytest.raises(nza.InputError, match="no channel 2"):
        zshift.corrected(2)


def test_laser_power_is_taken_out_of_the_slices() -> None:
    power = np.linspace(1, 2, N_SLICES, dtype=np.float32)
    zshift = estimate(record(DEPTHS), volume() * power[:, np.newaxis, np.newaxis])
    np.testing.assert_allclose(zshift.slice_gain, power / power.mean(), rtol=0.1)
    means = zshift.simulate().mean(axis=(1, 2)).compute()
    assert np.ptp(means) < 0.15 * means.mean()


@pytest.mark.parametrize("what", ["corrected", "simulated"])
def test_movies_as_ome_tiff(zshift: nza.ZShift, tmp_path, what: str) -> None:
    path = nza.run(export_movie(tmp_path / "movie.ome.tif", zshift, what))
    expected = zshift.corrected() if what == "corrected" else zshift.simulate()
    np.testing.assert_array_equal(tifffile.imread(path), expected.compute())
    label = {"corrected": "baseline only", "simulated": "z-shift only"}[what]
    assert label in tifffile.TiffFile(path).ome_metadata
    assert nza.open_stack(path).shape == (24, 1, *SHAPE)


def test_movies_as_ome_zarr(zshift: nza.ZShift, tmp_path) -> None:
    path = nza.run(export_movie(tmp_path / "movie.ome.zarr", zshift, "simulated"))
    written = nza.open_stack(path).read(0, 24)[:, 0]
    np.testing.assert_array_equal(written, zshift.simulate().compute())


def test_a_recording_that_goes_in_mid_movie_stops_it(
    zshift: nza.ZShift, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(stack_module, "CHUNK_BYTES", 1)
    raw = tmp_path / "raw.tif"
    tifffile.imwrite(raw, zshift.stack.read(0, 24)[:, 0], photometric="minisblack")
    job = export_movie(
        tmp_path / "movie.ome.tif", replace(zshift, stack=nza.open_stack(raw)), "corrected"
    )
    next(job)
    raw.write_bytes(raw.read_bytes()[:-100])
    with pytest.raises(RunStopped, match=r"raw.tif changed while it was read"):
        nza.run(job)
    assert [path.name for path in tmp_path.iterdir()] == ["raw.tif"]


def test_other_movies_are_refused(zshift: nza.ZShift, tmp_path) -> None:
    with pytest.raises(nza.InputError, match="corrected, simulated"):
        export_movie(tmp_path / "movie.ome.tif", zshift, "raw")
