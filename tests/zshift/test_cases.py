"""Recordings and references that are special, and what is to be said of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import zoom
from tissue import N_SLICES, SHAPE, drift, estimate, plane, record, volume

import napari_zstack_align as nza
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms


def test_a_drift_is_followed() -> None:
    depths = drift()
    zshift = estimate(record(depths))
    assert depths.std() > 1
    np.testing.assert_allclose(zshift.z, depths, atol=0.1)
    assert (zshift.flags == "").all()


def test_constant_depth_gives_no_drift() -> None:
    zshift = estimate(record([4.375] * 20))
    assert np.ptp(zshift.z) < 0.02
    np.testing.assert_allclose(zshift.z, 4.375, atol=0.06)


def test_own_plane_is_found() -> None:
    """The first and the last, too, and noisy ones."""
    noisy = record(range(N_SLICES), photons=3)
    for own in (volume(), noisy):
        zshift = estimate(own, own, nza.ZShiftParams(patch_px=48, smooth_time=False))
        np.testing.assert_allclose(zshift.z, np.arange(N_SLICES), atol=0.05)
        assert (zshift.flags == "").all()


@pytest.mark.slow
@pytest.mark.parametrize("gain", [0.2, 5.0])
@pytest.mark.parametrize("offset", [-300.0, 2000.0])
def test_gain_and_offset_don_t_matter(gain: float, offset: float) -> None:
    frames = record(drift(12)).astype(np.float32)
    expected = estimate(frames)
    changed = estimate(gain * frames + offset)
    np.testing.assert_allclose(changed.z, expected.z, atol=1e-3)
    np.testing.assert_allclose(changed.quality["gain"], gain * expected.quality["gain"], rtol=0.01)


def test_lateral_shifts_are_no_depth() -> None:
    rng = np.random.default_rng(3)
    depths, shifts = drift(), rng.uniform(-4, 4, (32, 2))
    zshift = estimate(record(depths, shifts=shifts))
    np.testing.assert_allclose(zshift.z, depths, atol=0.12)
    found = np.nanmedian(zshift.lateral, axis=(1, 2))
    np.testing.assert_allclose(found, shifts, atol=0.25)


def test_frames_beyond_the_stack_are_marked() -> None:
    depths = drift(40, reach=5.0)
    part = volume()[3:9]
    zshift = estimate(record(depths), part)
    inside = (depths >= 3) & (depths <= 8)
    far = (depths <= 2) | (depths >= 9)
    assert np.all(zshift.flags[far] != "")
    assert "outside the stack" in zshift.flags[far]
    assert zshift.confidence[far].max() < 0.5
    assert np.mean(zshift.flags[inside] == "") > 0.9
    np.testing.assert_allclose(zshift.z[inside] + 3, depths[inside], atol=0.25)


def test_another_place_has_no_confidence() -> None:
    zshift = estimate(record(drift(), seed=1))
    assert zshift.confidence.max() < 0.5
    assert np.all(zshift.flags != "")
    assert not zshift.used.any()


@pytest.mark.slow
@pytest.mark.parametrize("value", [0, 100, 65535])
def test_blank_frames_are_bridged(value: int) -> None:
    depths = drift()
    frames = record(depths)
    frames[[4, 5, 31]] = value
    zshift = estimate(frames)
    assert zshift.flags[[4, 5, 31]].tolist() == ["blank"] * 3
    assert zshift.confidence[[4, 5, 31]].max() == 0
    np.testing.assert_allclose(zshift.z, depths, atol=0.25)
    assert np.isnan(zshift.simulate()[4].compute()).all()


def test_frames_of_nan_are_blank() -> None:
    frames = record(drift(12)).astype(np.float32)
    frames[3] = np.nan
    frames[5, :40] = np.nan
    zshift = estimate(frames)
    assert zshift.flags.tolist() == ["", "", "", "blank", *[""] * 8]


def test_all_blank() -> None:
    zshift = estimate(np.zeros((5, *SHAPE), np.uint16))
    assert np.isnan(zshift.z).all()
    assert (zshift.flags == "blank").all()
    assert np.isnan(zshift.corrected().compute()).all()


@pytest.mark.parametrize("n_slices", [2, 3, 5])
def test_fewer_slices_than_the_window(n_slices: int) -> None:
    depths = np.tile([0.0, 0.5, 1.0, 0.75], 4)[:, np.newaxis].ravel()
    params = nza.ZShiftParams(patch_px=48, smooth_time=False)
    zshift = estimate(record(depths), volume()[:n_slices], params)
    np.testing.assert_allclose(zshift.z, depths, atol=0.3)


def test_frames_jump() -> None:
    depths = np.repeat([1.0, 9.0, 4.5, 7.25], 6)
    zshift = estimate(record(depths), params=nza.ZShiftParams(patch_px=48, window_slices=2))
    np.testing.assert_allclose(zshift.z, depths, atol=0.3)


def test_unknown_parts_of_the_reference_are_left_out() -> None:
    reference = volume()
    reference[4, :50] = np.nan
    depths = drift()
    zshift = estimate(record(depths), reference)
    assert zshift.patch_confidence[:, 0].max() == 0
    np.testing.assert_allclose(zshift.z, depths, atol=0.15)


@pytest.mark.thorough
def test_pixels_of_another_size_are_resampled() -> None:
    depths = drift()
    fine = nza.Stack.from_array(
        zoom(volume(), (1, 2, 2), order=3, grid_mode=True, mode="nearest"),
        "ZYX",
        pixel_size_um=(0.4, 0.4),
        z_step_um=2.0,
    )
    frames = nza.Stack.from_array(record(depths), pixel_size_um=(0.8, 0.8))
    zshift = estimate(frames, fine)
    assert zshift.reference.shape == (N_SLICES, 1, *SHAPE)
    np.testing.assert_allclose(zshift.z, depths, atol=0.12)
    assert any("brought to the pixels of the frames" in remark for remark in zshift.remarks)


def test_a_z_step_of_the_recording_is_told() -> None:
    frames = nza.Stack.from_array(record(drift(6)), z_step_um=5.0)
    zshift = estimate(frames, nza.Stack.from_array(volume(), "ZYX", z_step_um=2.0))
    assert any("5 µm" in remark for remark in zshift.remarks)
    np.testing.assert_allclose(zshift.z_um, 2 * zshift.z, rtol=1e-6)


@pytest.mark.parametrize("down", [1, -1])
def test_uneven_slices_tell_depths_by_their_positions(tmp_path, down: int) -> None:
    positions = down * np.cumsum(np.linspace(1, 4, N_SLICES))
    uneven = nza.Stack.from_array(volume(), "ZYX", z_positions_um=tuple(positions))
    zshift = estimate(record(drift(6)), uneven)
    deep = np.abs(positions - positions[0])
    np.testing.assert_allclose(
        zshift.z_um, np.interp(zshift.z, np.arange(N_SLICES), deep), rtol=1e-5, atol=1e-4
    )
    assert not any("z-step" in remark for remark in zshift.remarks)
    zshift.save(tmp_path / "x")
    again = (
        nza.load(tmp_path / "x.zalign")
        if not (tmp_path / "x").exists()
        else nza.load(tmp_path / "x")
    )
    np.testing.assert_array_equal(again.z_um, zshift.z_um)


def test_without_a_z_step_depths_are_slices_only() -> None:
    zshift = estimate(record(drift(6)))
    assert np.isnan(zshift.z_um).all()
    assert any("z-step of the reference is unknown" in remark for remark in zshift.remarks)
    assert "grows with the slice index" in zshift.direction


def alignment_of(stack: nza.Stack, shifts: np.ndarray) -> nza.Alignment:
    matrices = np.tile(np.eye(3), (len(shifts), 1, 1))
    matrices[:, :2, 2] = shifts
    quality = empty_table(len(shifts), "chunk")
    quality["used"] = True
    transforms = Transforms(SHAPE, (AffineLink(matrices),))
    return nza.Alignment(stack, transforms, plane(5.0), quality, nza.KeypointParams())


def test_aligned_frames_are_compared() -> None:
    """Shifts larger than the search allows: only the alignment can undo them."""
    depths = drift()
    shifts = 14 * np.stack([np.cos(np.arange(32.0)), np.sin(np.arange(32.0))], axis=1)
    stack = nza.Stack.from_array(record(depths, shifts=shifts))
    params = nza.ZShiftParams(patch_px=48, max_shift_px=3)
    zshift = estimate(stack, params=params, alignment=alignment_of(stack, shifts))
    assert (zshift.flags == "").all()
    np.testing.assert_allclose(zshift.z, depths, atol=0.15)
    assert np.abs(np.nanmedian(zshift.lateral, axis=(1, 2))).max() < 0.3
    assert (estimate(stack, params=params).flags != "").all()


def test_frames_dropped_at_the_alignment_stay_dropped() -> None:
    stack = nza.Stack.from_array(record(drift()))
    alignment = alignment_of(stack.without({3, 4}), np.zeros((32, 2)))
    zshift = estimate(stack, params=nza.ZShiftParams(patch_px=48), alignment=alignment)
    assert np.flatnonzero(zshift.flags).tolist() == [3, 4]
    for movie in (zshift.corrected(), zshift.simulate()):
        blank = np.isnan(movie.compute()).all(axis=(1, 2))
        assert np.flatnonzero(blank).tolist() == [3, 4]


def test_the_volume_of_an_alignment_is_a_reference(alignment: nza.Alignment) -> None:
    recording = nza.Stack.from_array(alignment.volume().compute())
    zshift = nza.run(nza.estimate_zshift(recording, alignment))
    np.testing.assert_allclose(zshift.z, np.arange(4), atol=0.3)
    assert zshift.z_step_um == alignment.stack.z_step_um


def test_zebrafish_before_and_after(shared_data) -> None:
    """Slices of the second stack in the first: monotone, with a constant offset."""
    folder = shared_data / "zebrafish_prepost_1"
    pre, post = (nza.open_stack(next(folder.glob(f"*{name}.tif"))) for name in ("pre", "post"))
    recording = post.replace(frames_per_slice=None)
    zshift = nza.run(nza.estimate_zshift(recording, pre.replace(z_step_um=5.0)))
    good = zshift.used
    assert good.sum() >= 39
    assert (np.diff(zshift.z[good]) > 0).all()
    frames = np.arange(len(good))[good]
    slope, _ = np.polyfit(frames, zshift.z[good], 1)
    assert slope == pytest.approx(1, abs=0.02)
    offset = zshift.z[good] - frames
    assert np.sqrt(np.mean((offset - np.median(offset)) ** 2)) < 0.2
    shift = np.nanmedian(zshift.lateral, axis=(0, 1, 2))
    np.testing.assert_allclose(shift, (0, -1.3), atol=0.25)


@pytest.mark.thorough
@pytest.mark.slow
def test_frames_of_a_real_stack_lie_at_their_own_slices(shared_data) -> None:
    """Planes of mouse brain that are nearly alike: correlations of 0.94, 0.92, 0.91, ..."""
    frames = nza.open_stack(shared_data / "zstack_repeats" / "stack.tif").read(0, 56)[:, 0]
    stack = nza.Stack.from_array(frames, frames_per_slice=7, order="repeats")
    zshift = nza.run(
        nza.estimate_zshift(nza.Stack.from_array(frames), nza.run(nza.align_adaptive(stack)))
    )
    wrong = np.where(zshift.used, zshift.z - np.arange(56) // 7, np.nan)
    assert zshift.used.mean() > 0.9
    assert np.abs(np.nanmean(wrong.reshape(8, 7), axis=1)).max() < 0.25
    assert np.nanmedian(np.abs(wrong)) < 0.1
    assert np.median(zshift.standard_error) > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("missing", [[3], [0], [N_SLICES - 1], [4, 5]])
def test_a_slice_without_numbers_is_left_out(missing: list[int]) -> None:
    """Depths beside it are found as before; within it they are told from its neighbours."""
    depths = drift()
    reference = volume().copy()
    reference[missing] = np.nan
    zshift = estimate(record(depths), reference)
    away = np.min(np.abs(depths[:, None] - missing), axis=1) > 1.5
    assert away.sum() > 5
    np.testing.assert_allclose(zshift.z[away], depths[away], atol=0.15)
    assert np.isfinite(zshift.z).all()
    assert np.isfinite(zshift.quality["gain"]).all()
    (remark,) = [text for text in zshift.remarks if "no numbers" in text]
    assert remark.startswith("Slice")
    assert ", ".join(map(str, missing)) in remark


def test_a_reference_of_which_one_slice_holds_numbers_is_none() -> None:
    reference = volume().copy()
    reference[1:] = np.nan
    with pytest.raises(nza.InputError, match="Only one slice"):
        estimate(record(drift(4)), reference)


@pytest.mark.slow
@pytest.mark.parametrize("times", [np.full(6, np.nan), np.zeros(6), np.arange(6.0)[::-1]])
def test_odd_frame_times_are_told_and_not_used(times: np.ndarray) -> None:
    steady = estimate(record(drift(6)))
    odd = estimate(nza.Stack.from_array(record(drift(6)), frame_times_s=times))
    np.testing.assert_array_equal(odd.z, steady.z)
    assert any("Frame times are odd" in remark for remark in odd.remarks)
