"""The generated recording's truth is true."""

import cv2
import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.samples import Detector, recording_with_motion

SMALL = {"n_frames": 40, "size": 128}
NOISELESS = Detector(counts_per_photon=1.0, dark_level=0.0, read_noise=0.0)


@pytest.fixture(scope="module")
def bright():
    return recording_with_motion(**SMALL, photons=20_000.0, bleaching=0.0, detector=NOISELESS)


def aligned(sample, t):
    frame = sample.stack.read(t, t + 1)[0, 0].astype(np.float32)
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]].astype(np.float32)
    dy, dx = sample.displacement(t)
    return cv2.remap(frame, x + dx, y + dy, cv2.INTER_CUBIC)


def test_truth_takes_the_background_back(bright):
    cells_y, cells_x, _ = bright.cells.T
    y, x = np.mgrid[:128, :128]
    distance = np.hypot(y[..., None] - cells_y, x[..., None] - cells_x).min(axis=2)
    quiet = distance > 10
    quiet[:8] = quiet[-8:] = quiet[:, :8] = quiet[:, -8:] = False
    raw = bright.stack.read(39, 40)[0, 0]
    error = (aligned(bright, 39) - bright.clean)[quiet].std()
    assert error < 0.1 * bright.clean[quiet].std()
    assert (raw - bright.clean)[quiet].std() > 0.3 * bright.clean[quiet].std()


def test_activity_shows_in_the_frames(bright):
    inside = ((bright.cells[:, :2] > 20) & (bright.cells[:, :2] < 108)).all(axis=1)
    loud = int(np.argmax(np.where(inside, bright.activity.max(axis=1), 0)))
    y, x = np.rint(bright.cells[loud, :2]).astype(int)
    trace = [aligned(bright, t)[y - 6 : y + 7, x - 6 : x + 7].mean() for t in range(40)]
    assert np.corrcoef(trace, bright.activity[loud])[0, 1] > 0.95


def test_motion_starts_at_rest_and_stays_small(bright):
    np.testing.assert_allclose(bright.affine[0], np.eye(3), atol=1e-12)
    largest = max(np.hypot(*bright.displacement(t)).max() for t in range(40))
    assert largest == pytest.approx(5.0, abs=1e-3)


def test_shapes_and_times(bright):
    assert bright.stack.shape == (40, 1, 128, 128)
    assert bright.stack.frames_per_slice is None
    assert bright.stack.frame_times_s[10] == pytest.approx(1.0)
    assert bright.activity.shape == (len(bright.cells), 40)


def test_same_seed_same_recording():
    small = {"n_frames": 5, "size": 64, "seed": 3}
    first, second = (recording_with_motion(**small).stack.read(0, 5) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_too_large_a_motion():
    with pytest.raises(InputError, match="max_displacement_px"):
        recording_with_motion(**SMALL, max_displacement_px=30.0)
