"""The generated z-stack's truth is true."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.samples import Detector, zstack_with_repeats

SMALL = {"n_slices": 3, "n_repeats": 4, "size": (160, 200)}
NOISELESS = Detector(counts_per_photon=1.0, dark_level=0.0, read_noise=0.0)
INNER = np.s_[8:-8, 8:-8]


def difference_from_clean(sample, t, displacement):
    """Relative RMS of a frame, moved back by a displacement, against the clean plane."""
    frame = sample.stack.read(t, t + 1)[0, 0].astype(np.float32)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    moved = cv2.remap(frame, x + displacement[1], y + displacement[0], cv2.INTER_CUBIC)
    clean = sample.clean[sample.stack.slice_of_frame[t]]
    return np.sqrt(np.mean((moved - clean)[INNER] ** 2)) / clean[INNER].std()


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra",
    [{}, {"drift_px": 8.0}, {"rotation_deg": 1.0}, {"order": "slices"}],
    ids=["motion", "drift", "rotation", "slices fastest"],
)
def test_truth_takes_frames_back_to_the_clean_plane(extra):
    # At 20,000 photons shot noise is 1 % of the signal.
    sample = zstack_with_repeats(**SMALL, photons=20_000.0, detector=NOISELESS, **extra)
    for t in (1, 6, 11):
        truth = sample.displacement(t)
        assert difference_from_clean(sample, t, truth) < 0.05
        assert difference_from_clean(sample, t, np.zeros_like(truth)) > 0.15


def test_a_tenth_of_a_pixel_off_the_truth_is_seen():
    sample = zstack_with_repeats(**SMALL, photons=20_000.0, detector=NOISELESS)
    truth = sample.displacement(7)
    at_truth = difference_from_clean(sample, 7, truth)
    for dy, dx in [(0.15, 0), (-0.15, 0), (0, 0.15), (0, -0.15)]:
        off = truth + np.array([dy, dx], np.float32)[:, None, None]
        assert difference_from_clean(sample, 7, off) > 1.2 * at_truth


def test_displacement_says_where_a_point_lies_in_the_raw_frame():
    sample = zstack_with_repeats(**SMALL, max_displacement_px=0.0, drift_px=10.0)
    last = sample.displacement(11)
    # The drift runs on from the mean of the first slice's four frames.
    length = 10.0 * (11 - 1.5) / 11
    assert np.hypot(*last) == pytest.approx(np.full((160, 200), length), abs=1e-3)
    dy, dx = np.rint(last[:, 0, 0]).astype(int)
    frame = sample.stack.read(11, 12)[0, 0].astype(float)
    moved_back = np.roll(frame, (-dy, -dx), axis=(0, 1))[12:-12, 12:-12]
    moved_on = np.roll(frame, (dy, dx), axis=(0, 1))[12:-12, 12:-12]
    clean = sample.clean[-1][12:-12, 12:-12]
    matches = [np.corrcoef(m.ravel(), clean.ravel())[0, 1] for m in (moved_back, moved_on)]
    assert matches[0] > matches[1] + 0.2


def test_first_slice_has_no_mean_displacement():
    sample = zstack_with_repeats(**SMALL)
    fields = np.stack([sample.displacement(t) for t in range(12)])
    assert abs(fields[:4].mean(axis=0)).max() < 1e-5
    assert abs(fields[4:8].mean(axis=0)).max() > 0.3
    assert 3.0 < np.hypot(fields[:, 0], fields[:, 1]).max() < 5.01


def test_slices_jump_and_turn_back_and_forth():
    sample = zstack_with_repeats(
        n_slices=4, n_repeats=2, size=160, max_displacement_px=0.0, jump_px=12.0, turn_deg=3.0
    )
    fields = [sample.displacement(2 * z) for z in range(4)]
    steps = [np.hypot(*(b - a)) for a, b in pairwise(fields)]
    assert all(12.0 <= np.median(step) < 15.5 for step in steps)
    turns = [np.rad2deg(field[0, 80, 120] - field[0, 80, 40]) / 80 for field in fields]
    assert all(1.0 < abs(b - a) <= 3.1 for a, b in pairwise(turns))


def test_same_seed_same_stack():
    first, second = (zstack_with_repeats(**SMALL, seed=4) for _ in range(2))
    other = zstack_with_repeats(**SMALL, seed=5)
    np.testing.assert_array_equal(first.stack.read(0, 12), second.stack.read(0, 12))
    np.testing.assert_array_equal(first.displacement(9), second.displacement(9))
    assert abs(first.displacement(9) - other.displacement(9)).max() > 0.5


def test_what_the_stack_says_of_itself():
    stack = zstack_with_repeats(**SMALL, order="slices", z_step_um=3.0).stack
    assert (stack.shape, stack.dtype) == ((12, 1, 160, 200), np.uint16)
    assert (stack.frames_per_slice, stack.order, stack.z_step_um) == (4, "slices", 3.0)
    assert stack.pixel_size_um == (0.8, 0.8)
    assert list(stack.slice_of_frame[:4]) == [0, 1, 2, 0]


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.94, 0.885, 0.75])
def test_neighbouring_planes_correlate_as_asked(correlation):
    clean = zstack_with_repeats(
        n_slices=6, n_repeats=1, size=256, slice_correlation=correlation
    ).clean.reshape(6, -1)
    neighbours = [np.corrcoef(a, b)[0, 1] for a, b in pairwise(clean)]
    assert np.mean(neighbours) == pytest.approx(correlation, abs=0.025)


def test_photons_gain_and_noise():
    sample = zstack_with_repeats(
        **SMALL, photons=50.0, max_displacement_px=0.0, detector=Detector(30.0, 200.0, 0.0)
    )
    assert np.percentile(sample.clean, 99.5) == pytest.approx(50.0, rel=1e-3)
    frames = sample.stack.read(0, 4)[:, 0].astype(float)
    photons = (frames - 200.0) / 30.0 - sample.clean[0]
    assert photons.mean() == pytest.approx(0.0, abs=0.03)
    assert photons.var() == pytest.approx(sample.clean[0].mean(), rel=0.03)


def test_bleaching_dims_the_last_frame():
    sample = zstack_with_repeats(
        **SMALL, max_displacement_px=0.0, bleaching=0.5, photons=200.0, detector=NOISELESS
    )
    means = sample.stack.read(0, 12)[:, 0].mean(axis=(1, 2))
    assert means[0] / sample.clean[0].mean() == pytest.approx(1.0, rel=0.01)
    assert means[11] / sample.clean[2].mean() == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"max_displacement_px": 15.0, "drift_px": 16.0}, "motion, drift and jumps"),
        ({"slice_correlation": 0.2}, "slice_correlation"),
    ],
    ids=["motion", "correlation"],
)
def test_what_cannot_be_made(bad, says):
    with pytest.raises(InputError, match=says):
        zstack_with_repeats(**SMALL, **bad)
