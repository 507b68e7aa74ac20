"""What the quality and chunk tables of a result say."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, SHAPE, Scene, distances_px, drift, still

import napari_zstack_align as nza
from napari_zstack_align.alignment.chunks import CHUNK_DTYPE
from napari_zstack_align.alignment.warp import affine_displacement
from napari_zstack_align.register.recordings.interpolate import LARGEST_EXTRAPOLATION_PX
from napari_zstack_align.register.recordings.state import HELD


def test_there_is_a_row_a_frame_with_its_chunk(registered):
    quality, chunks = registered.quality, registered.chunks
    assert quality["frame"].tolist() == list(range(60))
    assert quality["chunk"].tolist() == [t // 10 for t in range(60)]
    assert chunks.dtype == CHUNK_DTYPE
    np.testing.assert_array_equal(quality["inliers"], chunks["n_inliers"][quality["chunk"]])
    np.testing.assert_allclose(quality["midpoint_distance_frames"][:5], [4.5, 3.5, 2.5, 1.5, 0.5])
    assert (quality["residual_px"] < 1).all()


def test_the_chunk_table_counts(registered):
    chunks = registered.chunks
    assert chunks["midpoint"].tolist() == [4.5 + 10 * i for i in range(6)]
    assert chunks["n_frames"].tolist() == [10] * 6
    assert (chunks["n_inliers"] >= PARAMS.min_matches).all()
    assert (chunks["n_inliers"] <= chunks["n_matches"]).all()
    assert (chunks["n_matches"] <= chunks["n_keypoints"]).all()
    assert (chunks["coverage"] > 0.5).all()
    assert (chunks["residual_px"] < 1).all()
    assert set(chunks["method"]) == {"keypoints"}


def test_registration_raises_the_correlation(registered):
    # the first frames hardly moved
    moved = registered.quality["mean_displacement_px"] > 2
    before, after = (registered.quality[f"correlation_{w}"][moved] for w in ("before", "after"))
    assert moved.sum() > 20
    assert (after > before + 0.02).all()
    assert after.mean() > before.mean() + 0.2
    assert (registered.quality["correlation_after"] > 0.9).all()
    assert (registered.quality["correlation_after"] <= 1).all()


def test_displacements_are_those_of_the_transforms(registered):
    for t in (0, 25, 59):
        length = np.hypot(*affine_displacement(registered.transforms.matrix(t), SHAPE))
        row = registered.quality[t]
        assert row["max_displacement_px"] == pytest.approx(length.max(), rel=1e-3)
        assert row["mean_displacement_px"] == pytest.approx(length.mean(), rel=0.05)
    truth = distances_px(still(60), drift(60)).mean(axis=1)
    np.testing.assert_allclose(
        registered.quality["mean_displacement_px"], truth, rtol=0.3, atol=0.3
    )


@pytest.mark.slow
@pytest.mark.parametrize("residual", ["none", "translation"])
def test_noisy_frames_resemble_the_others_less(scene, residual):
    frames = scene.frames(drift(40)).astype(np.float32)
    frames[20:30] += np.random.default_rng(0).normal(0, 300, (10, *SHAPE))
    stack = nza.Stack.from_array(frames, "TYX")
    params = PARAMS.replace(residual=residual, outlier_mad=0)
    found = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    after = found.quality["correlation_after"]
    assert after[20:30].max() < after[:20].min() - 0.01


@pytest.mark.thorough
def test_trends_beyond_the_bound_are_said_in_the_table(scene):
    """A drift of 0.3 px a frame, and chunks of 30: 4.5 px beyond the last midpoint."""
    truth = still(120)
    truth[:, 0, 2] = 0.3 * np.arange(120) - 18
    params = PARAMS.replace(chunk_frames=30, residual="none", detect_steps=False)
    stack = scene.recording(truth)
    found = nza.run(nza.register_recordings([stack], params, reference=scene.counts))[0]
    reach = LARGEST_EXTRAPOLATION_PX / 0.3
    frames = np.arange(120)
    outside = (frames < 14.5 - reach - 1) | (frames > 104.5 + reach + 1)
    assert (found.quality["flag"][outside] == HELD.flag).all()
    assert (found.quality["flag"][20:100] == "").all()
    assert found.quality["used"].all()
    ends = found.transforms.matrices()[[0, -1], 0, 2] - found.chunks["matrix"][[0, -1], 0, 2]
    np.testing.assert_allclose(np.abs(ends), LARGEST_EXTRAPOLATION_PX, atol=0.1)


def test_provenance_tells_the_run(registered, session):
    told = registered.provenance
    assert told["job"] == "register_recordings"
    assert told["single_frames"] in ("trace", "translation", "rigid", "affine")
    assert set(told["freedom"]["gains_percent"]) == {"translation", "rigid", "affine", "spline"}
    assert told["steps"] == []
    assert np.array(told["expected"]).shape == (3, 3)
    assert session[1].provenance["recording"] == 1
    assert session[1].provenance["recordings"] == [f"recording {i}" for i in range(3)]


@pytest.mark.thorough
@pytest.mark.slow
def test_the_common_reference_is_sharper_than_one_chunk(scene):
    """The mean of all aligned chunks has less noise than the first reference."""
    scene = Scene(photons=4)
    stack = scene.recording(drift(60, 0.5))
    one, two = (
        nza.run(nza.register_recordings([stack], PARAMS.replace(passes=n)))[0] for n in (1, 2)
    )

    def noise(image: np.ndarray) -> float:
        inner = image[16:-16, 16:-16]
        return float(np.std(inner - (np.roll(inner, 1, 0) + np.roll(inner, 1, 1)) / 2))

    assert two.reference.dtype == np.float32
    assert np.isfinite(two.reference).all()
    assert noise(two.reference) < 0.8 * noise(one.reference)
