"""The generated session's truth is true, across recordings and steps."""

import cv2
import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.samples import Detector, session_with_motion

SMALL = {"n_frames": 45, "size": 128, "offset_px": 6.0, "drift_px": 3.0}
NOISELESS = Detector(counts_per_photon=1.0, dark_level=0.0, read_noise=0.0)
INNER = np.s_[16:-16, 16:-16]


@pytest.fixture(scope="module")
def session():
    return session_with_motion(
        3, **SMALL, n_steps=1, step_px=5.0, photons=5000.0, detector=NOISELESS, seed=2
    )


def likeness(sample, frames, off=(0.0, 0.0)):
    """Correlation with the clean plane of the darkest of frames moved back; cells flicker."""
    y, x = np.mgrid[:128, :128].astype(np.float32)
    moved = []
    for t in frames:
        dy, dx = sample.displacement(t)
        raw = sample.stack.read(t, t + 1)[0, 0].astype(np.float32)
        moved.append(cv2.remap(raw, x + dx + off[1], y + dy + off[0], cv2.INTER_CUBIC))
    return np.corrcoef(np.min(moved, axis=0)[INNER].ravel(), sample.clean[INNER].ravel())[0, 1]


@pytest.mark.parametrize("k", [0, 1, 2])
def test_truth_takes_every_recording_to_one_frame(session, k):
    at_truth = likeness(session[k], range(0, 45, 5))
    assert at_truth > 0.95
    for off in [(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)]:
        assert likeness(session[k], range(0, 45, 5), off) < at_truth - 0.01


def test_recordings_lie_apart_and_their_reference_is_the_first(session):
    centre = np.array([63.5, 63.5, 1.0])
    shifts = [np.hypot(*(sample.affine[0] @ centre - centre)[:2]) for sample in session]
    np.testing.assert_allclose(session[0].affine[0], np.eye(3), atol=1e-12)
    assert all(3.0 <= shift <= 6.0 for shift in shifts[1:])
    np.testing.assert_array_equal(session[0].clean, session[2].clean)


def test_a_step_is_a_jump_between_two_frames(session):
    for sample in session:
        (step,) = sample.steps
        moves = np.diff(np.array([sample.displacement(t)[:, 64, 64] for t in range(45)]), axis=0)
        lengths = np.hypot(*moves.T)
        assert lengths[step - 1] == pytest.approx(5.0, abs=0.5)
        assert np.delete(lengths, step - 1).max() < 0.6


def test_recordings_have_their_own_lengths_and_a_gap_between_them():
    first, second = session_with_motion(2, n_frames=(10, 20), size=64, offset_px=3.0, gap_s=30.0)
    assert (first.stack.n_frames, second.stack.n_frames) == (10, 20)
    assert second.stack.frame_times_s[0] == pytest.approx(31.0)
    assert len({first.stack.name, second.stack.name}) == 2


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"offset_px": 40.0}, "tissue around it"),
        ({"n_steps": 4}, "steps need 100 frames"),
        ({"n_frames": (10, 20)}, "2 entries for 3 recordings"),
    ],
    ids=["offset", "steps", "lengths"],
)
def test_what_cannot_be_made(bad, says):
    with pytest.raises(InputError, match=says):
        session_with_motion(3, **SMALL | bad)
