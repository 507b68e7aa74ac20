"""The generated z-shift: its truth is what was rendered."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.samples.zshift import SampleZShift, recording_with_zshift


def make(**how) -> SampleZShift:
    small = {"n_frames": 6, "n_slices": 7, "size": (64, 80), "drift_slices": 2.0, "seed": 3}
    return recording_with_zshift(**{**small, **how})


def test_shapes_and_units() -> None:
    made = make()
    assert made.recording.shape == (6, 1, 64, 80)
    assert made.reference.shape == (7, 1, 64, 80)
    assert made.recording.dtype == np.uint16
    assert made.reference.z_step_um == 2.0
    assert made.reference.frames_per_slice == 1
    assert made.recording.pixel_size_um == made.reference.pixel_size_um
    assert made.field(0).shape == (64, 80)


def test_same_seed_same_data() -> None:
    one, two = make(), make()
    np.testing.assert_array_equal(one.recording.read(0, 6), two.recording.read(0, 6))
    np.testing.assert_array_equal(one.reference.read(0, 7), two.reference.read(0, 7))


@pytest.mark.parametrize("drift", [2.0, 3.0])
def test_drift_and_tilt_reach_as_far_as_asked(drift: float) -> None:
    made = make(drift_slices=drift, n_frames=40, size=32)
    assert np.abs(made.z - 3).max() == pytest.approx(drift)
    assert np.abs(made.tilt).max() == pytest.approx(0.5)
    field = made.field(4)
    assert field.mean() == pytest.approx(made.z[4])
    assert field[-1, 0] - field[0, 0] == pytest.approx(made.tilt[4, 0])
    assert field[0, -1] - field[0, 0] == pytest.approx(made.tilt[4, 1])


def test_a_frame_at_rest_is_its_slice() -> None:
    made = make(z=[3.0, 5.0], tilt_slices=0.0, jitter_px=0.0, photons=2000.0)
    for t, k in enumerate((3, 5)):
        frame = made.recording.read(t, t + 1)[0, 0].astype(float)
        likeness = [np.corrcoef(frame.ravel(), clean.ravel())[0, 1] for clean in made.clean]
        assert np.argmax(likeness) == k
        assert max(likeness) > 0.99


def test_gain_and_bleaching() -> None:
    made = make(gain=0.5, bleaching=0.4, z=[3.0] * 3, tilt_slices=0.0, jitter_px=0.0, photons=500.0)
    means = made.recording.read(0, 3).mean(axis=(1, 2, 3)) - 100
    expected = 0.5 * 40 * made.clean[3].mean() * np.array([1, np.sqrt(0.6), 0.6])
    np.testing.assert_allclose(means, expected, rtol=0.02)


@pytest.mark.thorough
@pytest.mark.slow
def test_planes_differ_by_their_distance_in_um() -> None:
    """Two slices 1 µm apart are as far as one of 2 µm."""
    fine = likeness(make(z_step_um=1.0, n_slices=9, size=128), 2)
    coarse = likeness(make(z_step_um=2.0, n_slices=9, size=128), 1)
    assert fine == pytest.approx(coarse, abs=0.1)
    assert likeness(make(z_step_um=5.0, n_slices=5, size=128), 1) < coarse - 0.1


def likeness(made: SampleZShift, lag: int) -> float:
    pairs = zip(made.clean[:-lag], made.clean[lag:], strict=True)
    return float(np.mean([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in pairs]))


def test_too_much_jitter_is_refused() -> None:
    with pytest.raises(nza.InputError, match="jitter_px"):
        make(jitter_px=20.0)
