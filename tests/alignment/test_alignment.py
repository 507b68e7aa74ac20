import dask.array as da
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.errors import InputError


def _shifted(data: np.ndarray, shifts: list[tuple[float, float]], axes: str = "TYX", **kw):
    stack = nza.Stack.from_array(data, axes, frames_per_slice=2, **kw)
    matrices = np.tile(np.eye(3), (stack.n_frames, 1, 1))
    matrices[:, :2, 2] = shifts
    quality = empty_table(stack.n_frames, "slice")
    quality["slice"], quality["used"] = stack.slice_of_frame, True
    shape = stack.shape[2:]
    return Alignment(
        stack,
        Transforms(shape, (AffineLink(matrices),)),
        np.zeros(shape, np.float32),
        quality,
        nza.AdaptiveParams(),
    )


def _ramp(n: int, dtype: str = "uint16") -> np.ndarray:
    frame = np.add.outer(100 * np.arange(20), np.arange(24))
    return np.stack([frame] * n).astype(dtype)


def test_aligned_follows_the_documented_direction():
    ali = _shifted(_ramp(2), [(0, 0), (2, 3)])
    raw = _ramp(2)[1]
    aligned = ali.aligned()
    assert isinstance(aligned, da.Array)
    assert aligned.dtype == np.uint16
    np.testing.assert_array_equal(aligned[1, 5:10, 5:10].compute(), raw[7:12, 8:13])
    np.testing.assert_array_equal(aligned.compute()[1], ali.aligned_frame(1))


def test_valid_marks_what_the_raw_frame_saw():
    ali = _shifted(_ramp(2), [(0, 0), (2, -3)])
    valid = ali.valid().compute()
    assert valid[0].all()
    assert valid[1].sum() == (20 - 2) * (24 - 3)
    assert not valid[1][-2:].any()
    assert (ali.aligned().compute()[1][~valid[1]] == ali.fill.values[0]).all()
    np.testing.assert_array_equal(ali.common_fov(), valid[1])


def test_flagged_frames_do_not_shrink_the_common_field():
    ali = _shifted(_ramp(2), [(0, 0), (2, -3)])
    ali.quality["flag"][1] = "low correlation"
    assert ali.common_fov().all()


def test_invalid_pixels_of_floats_are_nan():
    ali = _shifted(_ramp(2, "float32"), [(0, 0), (0, 4)])
    aligned = ali.aligned().compute()
    assert np.isnan(aligned[1][:, -4:]).all()
    assert np.isfinite(aligned[1][:, :-4]).all()


def test_bicubic_overshoot_is_clipped():
    data = np.zeros((2, 16, 16), np.uint8)
    data[:, :, 8:] = 255
    aligned = _shifted(data, [(0, 0.5), (0, 0.5)]).aligned().compute()[0]
    row = aligned[8].astype(int)
    assert (row[:6] == 0).all()
    assert (row[9:15] == 255).all()


def test_the_volume_is_the_mean_over_valid_used_repeats():
    data = np.zeros((4, 16, 16), np.uint16)
    data += np.array([10, 20, 30, 50], np.uint16)[:, None, None]
    ali = _shifted(data, [(0, 0), (0, 4), (0, 0), (0, 0)])
    ali.quality["used"][3] = False
    volume = ali.volume()
    assert isinstance(volume, da.Array)
    assert volume.dtype == np.float32
    values = volume.compute()
    assert values.shape == (2, 16, 16)
    assert (values[0, :, :12] == 15).all()
    assert (values[0, :, 12:] == 10).all()
    assert (values[1] == 30).all()


def test_the_volume_is_nan_where_there_is_nothing():
    ali = _shifted(_ramp(4), [(0, 4), (0, 4), (0, 0), (0, 0)])
    ali.quality["used"][2:] = False
    volume = ali.volume().compute()
    assert np.isnan(volume[0, :, -4:]).all()
    assert np.isfinite(volume[0, :, :-4]).all()
    assert np.isnan(volume[1]).all()


def test_all_channels_share_the_transforms():
    data = np.stack([_ramp(2), 2 * _ramp(2)], axis=1)
    ali = _shifted(data, [(0, 0), (1, 2)], "TCYX")
    first, second = (np.where(ali.valid(), ali.aligned(c), 0).astype(int) for c in (0, 1))
    np.testing.assert_array_equal(second, 2 * first)
    with pytest.raises(InputError, match="no channel 2"):
        ali.aligned(2)


def test_frames_are_evaluated_only_when_asked_for():
    class Counting:
        shape, dtype, reads = (40, 1, 512, 512), np.dtype("uint16"), 0

        def read(self, start, stop):
            self.reads += stop - start
            return np.zeros((stop - start, *self.shape[1:]), self.dtype)

    source = Counting()
    stack = nza.Stack(source, frames_per_slice=2)
    quality = empty_table(40, "slice")
    quality["used"] = True
    from napari_zstack_align.alignment.transforms import identity

    ali = Alignment(
        stack, identity(40, (512, 512)), np.zeros((512, 512)), quality, nza.AdaptiveParams()
    )
    aligned, volume = ali.aligned(), ali.volume()
    assert source.reads == 0
    volume[3].compute()
    assert source.reads == 2
    aligned[5].compute()
    assert source.reads <= 2 + aligned.chunksize[0]


def test_another_stack_is_refused():
    ali = _shifted(_ramp(4), [(0, 0)] * 4)
    with pytest.raises(InputError, match="another"):
        ali.with_stack(nza.Stack.from_array(_ramp(6), frames_per_slice=2))
