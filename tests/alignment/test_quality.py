import numpy as np
import pytest

from napari_zstack_align.alignment.quality import (
    Compared,
    comparison_image,
    comparison_valid,
    leave_one_out_correlations,
    noise_spread,
)
from napari_zstack_align.alignment.warp import warp_with_valid
from napari_zstack_align.samples import zstack_with_repeats


def _still(n: int = 8) -> np.ndarray:
    """(n, 192, 192) float32 repeats of one plane, with nothing but shot noise between them."""
    clean = zstack_with_repeats(n_slices=1, n_repeats=1, size=192, seed=3).clean[0]
    return np.random.default_rng(0).poisson(clean, (n, *clean.shape)).astype(np.float32)


def _compared(raw: np.ndarray, shift: tuple[float, float]) -> Compared:
    field = np.broadcast_to(np.array(shift, np.float32)[:, None, None], (2, *raw.shape)).copy()
    aligned, valid = warp_with_valid(raw, field)
    return Compared(comparison_image(raw), comparison_image(aligned), comparison_valid(valid))


def _correlations(frames: list[Compared]) -> tuple[np.ndarray, np.ndarray]:
    return leave_one_out_correlations(frames, np.ones(len(frames), bool), None)


def test_a_still_frame_reads_the_same_before_and_after():
    before, after = _correlations([_compared(raw, (0, 0)) for raw in _still()])
    np.testing.assert_array_equal(before, after)
    assert before.min() > 0.3


@pytest.mark.parametrize("shift", [(0.5, 0.5), (0.5, 0.0), (0.25, -0.5)])
def test_a_wrong_sub_pixel_shift_of_one_frame_does_not_raise_it(shift: tuple[float, float]):
    frames = _still()
    still = _correlations([_compared(raw, (0, 0)) for raw in frames])[1][3]
    moved = [_compared(raw, shift if i == 3 else (0, 0)) for i, raw in enumerate(frames)]
    before, after = _correlations(moved)
    assert after[3] < still
    assert after[3] < before[3]


def test_wrong_sub_pixel_shifts_of_all_frames_do_not_raise_it():
    frames = _still()
    _, still = _correlations([_compared(raw, (0, 0)) for raw in frames])
    shifts = np.random.default_rng(1).choice([-0.5, 0.5], (len(frames), 2))
    pairs = zip(frames, shifts, strict=True)
    _, after = _correlations([_compared(raw, tuple(shift)) for raw, shift in pairs])
    assert after.mean() < still.mean()


def test_a_mean_that_contains_the_frame_would_flatter_it():
    noise = np.random.default_rng(2).normal(size=(6, 128, 128)).astype(np.float32)
    frames = [_compared(raw, (0, 0)) for raw in noise]
    _, honest = _correlations(frames)
    contained = np.corrcoef(
        frames[0].aligned.ravel(), np.mean([f.aligned for f in frames], axis=0).ravel()
    )[0, 1]
    assert contained > 0.3
    assert np.abs(honest).max() < 4 * noise_spread(frames[0].valid.size)


def test_only_the_mask_counts():
    still = _still(5)
    still[:, :, 96:] = np.random.default_rng(4).poisson(5, still[:, :, 96:].shape)
    frames = [_compared(raw, (0, 0)) for raw in still]
    mask = np.zeros(frames[0].valid.shape, np.float32)
    mask[:, : mask.shape[1] // 2 - 8] = 1
    used = np.ones(5, bool)
    inside = leave_one_out_correlations(frames, used, mask)[1]
    outside = leave_one_out_correlations(frames, used, 1 - mask)[1]
    assert inside.min() > outside.max()


def test_a_single_repeat_has_nothing_to_be_compared_with():
    before, after = _correlations([_compared(_still(1)[0], (0, 0))])
    assert np.isnan(before).all()
    assert np.isnan(after).all()
