"""Motion of single frames: followed where there is evidence of it, and only there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import PARAMS, SHAPE, Scene, drift, errors_px, similarity, still
from scipy.ndimage import gaussian_filter, shift

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink
from napari_zstack_align.flags import Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.samples.recording import affine_displacement, recording_with_motion

N = 60
SLOW = drift(N, 0.5)


def register(stack, **changes) -> nza.Alignment:
    reference = changes.pop("reference")
    params = PARAMS.replace(**changes)
    return nza.run(nza.register_recordings([stack], params, reference=reference))[0]


@pytest.fixture(scope="module")
def jittering() -> np.ndarray:
    maps = still(N)
    maps[:, :2, 2] = np.random.default_rng(0).normal(0, 1.5, (N, 2))
    return SLOW @ maps


@pytest.fixture(scope="module")
def recordings(scene, jittering) -> dict[str, nza.Stack]:
    return {"jitter": scene.recording(jittering), "slow": scene.recording(SLOW)}


def test_jitter_is_found_by_itself_and_followed(scene, recordings, jittering):
    found = register(recordings["jitter"], reference=scene.counts)
    assert found.provenance["single_frames"] == "translation"
    assert found.provenance["jitter_px"] > 1
    assert "aligned by a shift: they move by more than 0.25 px" in found.summary()
    errors = errors_px(found, jittering).mean(axis=1)
    assert errors.mean() < 0.08
    assert errors.max() < 0.25
    without = register(recordings["jitter"], residual="none", reference=scene.counts)
    assert errors_px(without, jittering).mean() > 1
    assert len(without.transforms.links) == 1


def test_slow_drift_has_no_jitter(scene, recordings):
    found = register(recordings["slow"], reference=scene.counts)
    assert found.provenance["single_frames"] == "trace"
    assert found.provenance["jitter_px"] < 0.1
    assert "Single frames keep the motion interpolated between chunks" in found.summary()
    assert errors_px(found, SLOW).mean() < 0.06


def test_to_follow_frames_that_do_not_jitter_costs_little(scene, recordings):
    found = register(recordings["slow"], residual="translation", reference=scene.counts)
    assert found.provenance["single_frames"] == "translation"
    assert isinstance(found.transforms.links[1], AffineLink)
    assert errors_px(found, SLOW).mean() < 0.08


def test_frames_do_not_follow_their_noise():
    """Of a frame's measured shift counts what is motion; all of it would be 0.12 px of noise."""
    dim = Scene(photons=3.0)
    found = register(dim.recording(still(40)), residual="translation", reference=dim.counts)
    assert errors_px(found, still(40)).mean() < 0.06


@pytest.mark.thorough
def test_a_smooth_field_can_be_asked_for(scene, recordings, jittering):
    found = register(recordings["jitter"], residual="spline", reference=scene.counts)
    assert isinstance(found.transforms.links[1], SplineLink)
    errors = [
        np.hypot(*(found.transforms.displacement(t) - affine_displacement(m, SHAPE)))[
            16:-16, 16:-16
        ]
        for t, m in enumerate(jittering)
    ]
    assert np.mean(errors) < 0.15
    with pytest.raises(nza.InputError, match="smooth displacement fields"):
        found.transforms.matrices()


@pytest.mark.thorough
def test_what_bends_a_frame_is_found_by_the_smooth_field_only(scene):
    """Frames that are stretched in one corner for a moment."""
    maps = [similarity(0, 0)] * 30
    frames = scene.frames(np.array(maps)).astype(np.float32)
    y, x = np.indices(SHAPE, dtype=np.float32)
    bump = 2.5 * np.exp(-((y - 40) ** 2 + (x - 40) ** 2) / (2 * 25.0**2))
    bent = range(12, 18)
    for t in bent:
        frames[t] = cv2.remap(frames[t], x, y - bump, cv2.INTER_CUBIC)
    stack = nza.Stack.from_array(frames, "TYX")
    errors = {}
    for kind in ("spline", "translation"):
        found = register(stack, residual=kind, reference=scene.counts)
        dy = np.mean([found.transforms.displacement(t)[0, 40, 40] for t in bent])
        errors[kind] = abs(dy - bump[40, 40])
    assert errors["spline"] < 1.0
    assert errors["translation"] > 1.5


def test_a_still_movie_does_not_learn_to_resemble_its_mean(scene):
    """Each frame is compared with the mean of others: noise that is followed shows in none."""
    stack = Scene(photons=5).recording(still(40))
    found = register(stack, residual="translation", reference=None)
    gain = found.quality["correlation_after"] - found.quality["correlation_before"]
    assert abs(gain.mean()) < 0.01
    assert np.abs(found.transforms.matrices()[:, :2, 2]).max() < 0.5
    assert found.quality["correlation_after"].mean() > 0.3


def test_a_frame_of_another_place_is_told(scene, jittering):
    frames = scene.frames(jittering)
    frames[33] = Scene(seed=9).frames(still(1))[0]
    found = register(nza.Stack.from_array(frames, "TYX"), outlier_mad=0, reference=scene.counts)
    assert np.flatnonzero(found.quality["flag"]).tolist() == [33]
    assert found.quality["flag"][33] in (Flag.LOW_CORRELATION, Flag.FAST_MOTION)
    assert errors_px(found, jittering).mean(axis=1)[[32, 34]].max() < 0.3


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize(("photons", "too_dim"), [(0.02, True), (3.0, False)])
def test_frames_too_dim_to_be_placed_are_warned_of(photons, too_dim):
    rng = np.random.default_rng(11)
    tissue = gaussian_filter(rng.normal(size=(192, 192)), 2.5)
    tissue = np.exp(0.6 * tissue / tissue.std())
    tissue *= photons / tissue.mean()
    places = rng.normal(0, 2, (80, 2))
    frames = [rng.poisson(shift(tissue, d, order=1)[32:160, 32:160]) for d in places]
    stack = nza.Stack.from_array(np.array(frames, np.uint16))
    (alignment,) = nza.run(nza.register_recordings([stack], KeypointParams(residual="translation")))
    assert ("too dim to be placed" in alignment.summary()) == too_dim
    found = [alignment.transforms.to_raw(np.array([[64.0, 64.0]]), t)[0] - 64 for t in range(80)]
    off = np.hypot(*(found - places - np.median(found - places, axis=0)).T)
    assert (np.mean(off > 1) > 0.2) == too_dim
    # full size only misleads where so little is to be seen: 0.98 px instead of 0.73 px
    assert alignment.provenance["freedom"]["finest_size"] == (2 if too_dim else 1)
    assert np.median(off) < 0.85


def test_frames_of_noise_within_a_chunk_are_not_used():
    frames = recording_with_motion(size=128, n_frames=100, seed=1).stack.read(0, 100)[:, 0]
    shuffled = np.random.default_rng(5).permuted(frames[50:].reshape(50, -1), axis=1)
    frames[50:] = shuffled.reshape(-1, 128, 128)
    params = KeypointParams(chunk_frames=20)
    (found,) = nza.run(nza.register_recordings([nza.Stack.from_array(frames)], params))
    used = found.quality["used"]
    assert used[:50].all()
    assert not used[50:].any()


@pytest.mark.slow
def test_noise_that_is_compared_with_itself_tells_no_motion():
    noise = np.random.default_rng(0).poisson(20, (100, 128, 128)).astype(np.uint16)
    params = KeypointParams(chunk_frames=20)
    (found,) = nza.run(nza.register_recordings([nza.Stack.from_array(noise)], params))
    assert found.provenance["single_frames"] in ("none", "trace")


@pytest.mark.slow
def test_frames_out_of_the_plane_are_flagged_and_no_others(scene):
    """Also in a still recording, whose frames would not be looked at one by one."""
    frames, away = scene.frames(SLOW), np.arange(24, 36)
    frames[away] = Scene(seed=9).frames(still(len(away)))
    stack = nza.Stack.from_array(frames, "TYX")
    found = register(stack, outlier_mad=0, reference=scene.counts)
    assert np.flatnonzero(~found.quality["used"]).tolist() == away.tolist()
    errors = errors_px(found, SLOW).mean(axis=1)
    assert errors[found.quality["used"]].max() < 0.3


@pytest.mark.thorough
def test_fourteen_recordings_of_which_the_first_move_most(scene):
    """Every frame is aligned, or flagged."""
    rng, truth, stacks = np.random.default_rng(4), [], []
    for i in range(14):
        size = 4.0 * 0.75**i
        maps = drift(30, 1.5 * size) @ still(30)
        maps[:, :2, 2] += rng.normal(0, 0.3 * size, (30, 2)) + rng.normal(0, size, 2)
        truth.append(maps)
        stacks.append(scene.recording(maps))
    alignments = nza.run(nza.register_recordings(stacks, PARAMS))
    used = np.concatenate([each.quality["used"] for each in alignments])
    found = np.concatenate([each.transforms.matrices() for each in alignments])
    middle = np.array([*(np.array(SHAPE) - 1) / 2, 1.0])
    off = (found @ middle - np.concatenate(truth) @ middle)[:, :2]
    off = np.hypot(*(off - np.median(off[used], axis=0)).T)
    assert used.mean() > 0.9
    assert off[used].max() < 1.0
