"""Whole registrations: what is recovered, from what, and that nothing else changes it."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import (
    PARAMS,
    SHAPE,
    Scene,
    best_gauge,
    distances_px,
    drift,
    errors_px,
    session_maps,
    session_stacks,
    similarity,
    still,
)

import napari_zstack_align as nza
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings import find_reference_frames

SHEAR = np.array([[1.01, 0.015, -2.0], [-0.01, 0.98, 1.0], [0, 0, 1]])
SHIFTING = np.array([similarity(5 - 0.1 * t, -4 + 0.12 * t) for t in range(40)])
TURNING = np.array([similarity(5 - 0.1 * t, -4 + 0.12 * t, 3 - 0.1 * t) for t in range(40)])
GROWING = np.array([similarity(5 - 0.1 * t, -4, 3 - 0.1 * t, 0.98 + t / 1000) for t in range(40)])


def register(stacks, params=PARAMS, mask=None, **options) -> list[nza.Alignment]:
    return nza.run(nza.register_recordings(stacks, params, mask, **options))


def gauged(alignments: list[nza.Alignment], truths: list[np.ndarray]) -> np.ndarray:
    """(T, N) errors of all frames of all recordings, in one gauge."""
    estimates = [a.transforms.matrices() for a in alignments]
    gauge = best_gauge(estimates, truths)
    return np.concatenate([errors_px(a, t, gauge) for a, t in zip(alignments, truths, strict=True)])


# -- recovery ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "truth"),
    [
        ("translation", SHIFTING),
        ("rigid", TURNING),
        ("similarity", GROWING),
        ("affine", GROWING @ SHEAR),
    ],
    ids=["translation", "rigid", "similarity", "affine"],
)
def test_motion_that_is_linear_in_time_is_recovered_exactly(scene, model, truth):
    stack = scene.recording(truth, noise=False)
    params = PARAMS.replace(transform=model, chunk_frames=8)
    errors = errors_px(register([stack], params, reference=scene.counts)[0], truth)
    assert errors.mean() < 0.04
    assert errors.max() < 0.12
    assert distances_px(still(40), truth).mean() > 3  # what the identity would have


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "truth"),
    [("translation", TURNING), ("rigid", GROWING), ("similarity", GROWING @ SHEAR)],
    ids=["translation", "rigid", "similarity"],
)
def test_a_model_does_no_more_than_it_may(scene, model, truth):
    stack = scene.recording(truth, noise=False)
    params = PARAMS.replace(transform=model, chunk_frames=8)
    found = register([stack], params, reference=scene.counts)[0]
    linear = found.chunks["matrix"][:, :2, :2]
    size = np.sqrt(np.linalg.det(linear))
    expected = size[:, None, None] ** 2 * np.eye(2)
    np.testing.assert_allclose(linear @ linear.transpose(0, 2, 1), expected, atol=1e-9)
    if model != "similarity":
        np.testing.assert_allclose(size, 1, atol=1e-9)
    if model == "translation":
        np.testing.assert_allclose(linear, np.tile(np.eye(2), (len(linear), 1, 1)), atol=1e-12)


def test_a_noisy_recording_is_recovered(registered):
    errors = errors_px(registered, drift(60))
    assert errors.mean() < 0.1
    assert errors.mean(axis=1).max() < 0.4
    assert registered.complete
    assert (registered.quality["flag"] == "").all()
    assert registered.quality["used"].all()


def test_recordings_of_unequal_length_lie_in_one_coordinate_system(scene, session):
    truths = session_maps()
    assert [a.stack.n_frames for a in session] == [40, 55, 30]
    assert gauged(session, truths).mean() < 0.2
    assert gauged(session, truths).mean(axis=1).max() < 0.8
    assert all((a.quality["flag"] == "").all() for a in session)
    for other in session[1:]:
        np.testing.assert_array_equal(other.reference, session[0].reference)


def test_recordings_of_unequal_size_are_matched_centre_on_centre(scene):
    small = (112, 120)
    truth = drift(20) @ similarity(-8, -12)
    stacks = [scene.recording(still(20)), scene.recording(truth, shape=small, seed=1)]
    found = register(stacks, reference=scene.counts)
    assert found[1].raw_shape == small
    assert found[1].transforms.shape == SHAPE
    assert found[1].aligned().shape == (20, *SHAPE)
    assert errors_px(found[1], truth).mean() < 0.25


@pytest.mark.thorough
@pytest.mark.slow
def test_another_pixel_size_is_expected(scene):
    # 25 % larger: far beyond what a chunk may grow by without that being known
    truth = np.tile(similarity(2, -1, 0, 1.25), (20, 1, 1))
    large = {"pixel_size_um": (0.8, 0.8)}
    stacks = [
        scene.recording(still(20), pixel_size_um=(1.0, 1.0)),
        scene.recording(truth, seed=1, **large),
    ]
    found = register(stacks)
    estimates = [a.transforms.matrices() for a in found]
    assert gauged(found, [still(20), truth]).mean() < 0.1
    assert (found[1].quality["flag"] == "").all()
    assert abs(np.linalg.det(estimates[1][0, :2, :2]) - 1.25**2) < 0.02
    unknown = register([stacks[0], scene.recording(truth, seed=1)])
    assert (unknown[1].chunks["flag"] != "").all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_frames", "changes", "n_chunks"),
    [
        (12, {"n_chunks": 1}, 1),
        (12, {"chunk_frames": 500}, 1),
        (1, {"chunk_frames": 10}, 1),
        (25, {"n_chunks": 2}, 2),
        (29, {"chunk_frames": 10}, 2),
    ],
    ids=["one chunk", "longer than the recording", "one frame", "two chunks", "a rest"],
)
def test_few_of_everything(n_frames, changes, n_chunks):
    # bright, so that a single frame shows keypoints
    scene = Scene(photons=400)
    truth = np.tile(similarity(6, -4, 2), (n_frames, 1, 1))
    params = KeypointParams(**changes)
    found = register([scene.recording(truth)], params, reference=scene.counts)[0]
    assert len(found.chunks) == n_chunks
    assert found.chunks["stop"][-1] == n_frames
    assert errors_px(found, truth).mean() < 0.1
    assert (found.quality["flag"] == "").all()


@pytest.mark.slow
@pytest.mark.parametrize("photons", [3, 2])
@pytest.mark.thorough
def test_two_passes_are_better_than_one_on_noisy_data(photons):
    scene = Scene(photons=photons)
    truth = drift(80, 0.5)
    stack = scene.recording(truth)
    one, two = (
        gauged(register([stack], PARAMS.replace(passes=n, residual="none")), [truth]).mean()
        for n in (1, 2)
    )
    assert two < 0.6 * one
    assert two < 0.25


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["sift", "orb"])
def test_either_detector_will_do(scene, detector):
    truth = drift(30)
    params = PARAMS.replace(detector=detector, match_ratio=0.8)
    found = register([scene.recording(truth)], params, reference=scene.counts)[0]
    assert (found.chunks["method"] == "keypoints").all()
    assert errors_px(found, truth).mean() < 0.15


@pytest.mark.thorough
def test_chunks_that_turn_far_apart_are_shortened(scene):
    truth = np.array([similarity(0, 0, t / 8) for t in range(80)])
    params = PARAMS.replace(chunk_frames=40)
    found = register([scene.recording(truth)], params, reference=scene.counts)[0]
    assert np.diff(found.chunks["start"]).tolist() == [20, 20, 20]
    assert found.provenance["steps"] == []
    assert errors_px(found, truth).mean() < 0.3


# -- channels ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two_channels(scene):
    """Channel 0 shows other tissue at rest, channel 1 what moves."""
    truth = drift(30)
    other = Scene(seed=8).frames(still(30), seed=4)
    frames = np.stack([other, scene.frames(truth)], axis=1)
    return nza.Stack.from_array(frames, "TCYX"), truth


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes", [{"channel": 1}, {"channel_weights": (0.0, 1.0)}], ids=["channel", "weights"]
)
def test_one_channel_drives_and_all_follow(scene, two_channels, changes):
    stack, truth = two_channels
    params = PARAMS.replace(**changes)
    found = register([stack], params, reference=scene.counts)[0]
    assert errors_px(found, truth).mean() < 0.1
    assert found.aligned(0).shape == found.aligned(1).shape == (30, *SHAPE)
    at_rest = register([stack], PARAMS)[0]
    assert np.abs(at_rest.transforms.matrices() - np.eye(3)).max() < 0.2


# -- mask --------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_what_moves_outside_the_mask_does_not_count(scene):
    """The right part of the image goes its own way; the mask says to follow the left one."""
    truth, distractor = drift(30, 0.5), np.array([similarity(-5, 9)] * 30)
    left = np.zeros(SHAPE, bool)
    left[:, : SHAPE[1] // 2 - 4] = True
    frames = np.where(
        np.arange(SHAPE[1]) < SHAPE[1] // 2, scene.frames(truth), scene.frames(distractor, seed=1)
    )
    stack = nza.Stack.from_array(frames, "TYX")
    params = PARAMS.replace(transform="rigid")
    over_the_mask = np.s_[:, :28]
    found = {
        name: register([stack], params, mask, reference=scene.counts)[0]
        for name, mask in {"left": left, "right": ~left}.items()
    }
    assert errors_px(found["left"], truth)[over_the_mask].mean() < 0.6
    assert errors_px(found["right"], distractor).mean() < 0.6
    assert (found["left"].chunks["n_matches"] < found["left"].chunks["n_keypoints"]).all()
    np.testing.assert_array_equal(found["left"].mask, left)


def test_a_mask_lives_in_reference_coordinates(scene):
    """Motion larger than the mask: all raw keypoints lie outside where it was painted."""
    truth = np.tile(similarity(0, 36), (20, 1, 1))
    mask = np.zeros(SHAPE)
    mask[10:118, 20:54] = 1
    found = register([scene.recording(truth)], PARAMS, mask, reference=scene.counts)[0]
    assert (found.chunks["flag"] == "").all()
    assert (found.chunks["method"] == "keypoints").all()
    assert errors_px(found, truth)[:, :16].mean() < 1


# -- reference ---------------------------------------------------------------------------------


def test_a_further_recording_joins_a_saved_alignment(scene, session, tmp_path):
    truth = drift(30) @ similarity(-5, 8, 1.5)
    saved = nza.load_alignment(session[0].save(tmp_path / "one.zalign"))
    gauge = best_gauge([session[0].transforms.matrices()], [drift(40)])
    for reference in (saved, saved.reference):
        joined = register([scene.recording(truth, seed=9)], reference=reference)[0]
        np.testing.assert_array_equal(joined.reference, session[0].reference)
        assert errors_px(joined, truth, gauge).mean() < 0.2


def test_the_mask_of_a_saved_alignment_holds_on(scene):
    mask = np.zeros(SHAPE, np.float32)
    mask[16:-16, 16:-16] = 1
    stacks = [scene.recording(drift(20), seed=i) for i in range(2)]
    first = register(stacks[:1], PARAMS, mask)[0]
    joined = register(stacks[1:], PARAMS, reference=first)[0]
    np.testing.assert_array_equal(joined.mask, mask)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (1, 20, 30)),
        ({"reference_recording": 2}, (2, 10, 20)),
        ({"reference_frames": (5, 12)}, (1, 5, 12)),
        ({"reference_recording": 0, "reference_frames": (3, 4)}, (0, 3, 4)),
    ],
    ids=["middle of the middle", "recording", "frames", "both"],
)
def test_the_reference_is_what_the_parameters_say(scene, changes, expected):
    stacks = session_stacks(scene)
    params = PARAMS.replace(**changes)
    recording, start, stop = find_reference_frames(stacks, params)
    assert (recording, start, stop) == expected


@pytest.mark.thorough
def test_chosen_reference_frames_lie_at_rest(scene):
    """The first pass's reference has the coordinates of the frames it was averaged from."""
    truth = drift(40)
    for start in (0, 30):
        params = PARAMS.replace(reference_frames=(start, start + 10), passes=1)
        found = register([scene.recording(truth)], params)[0]
        middle = found.transforms.matrices()[start + 4 : start + 6].mean(axis=0)
        assert np.abs(middle - np.eye(3)).max() < 0.3
        ends = found.transforms.matrices()[[0, -1]]
        assert np.abs(ends - np.eye(3)).max() > 1


@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 20])
def test_the_second_pass_leaves_the_first_reference_in_place(start):
    """Chunks registered to each other alone move together, here by 0.12 px."""
    dim = Scene(photons=3.0)
    params = PARAMS.replace(reference_frames=(start, start + 10))
    found = register([dim.recording(drift(60))], params)[0]
    middle = found.transforms.matrices()[start + 4 : start + 6].mean(axis=0)
    assert distances_px(middle[np.newaxis], still(1)).mean() < 0.06


# -- nothing else counts -----------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.slow
def test_the_result_does_not_depend_on_the_number_of_threads(scene, session):
    jitter = drift(40) @ _jitter(40)
    stacks = [*session_stacks(scene)[:1], scene.recording(jitter, seed=3)]
    found = [register(stacks, threads=n) for n in (1, 2, 4)]
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            _same(a, b)


def test_the_same_run_gives_the_same_result(scene, registered):
    again = register([scene.recording(drift(60))], reference=scene.counts)[0]
    _same(registered, again)


def _jitter(n: int, size: float = 1.5) -> np.ndarray:
    maps = still(n)
    maps[:, :2, 2] = np.random.default_rng(0).normal(0, size, (n, 2))
    return maps


def _same(a: nza.Alignment, b: nza.Alignment) -> None:
    """Bit for bit."""
    np.testing.assert_array_equal(a.transforms.matrices(), b.transforms.matrices())
    np.testing.assert_array_equal(a.reference, b.reference)
    np.testing.assert_array_equal(a.quality, b.quality)
    np.testing.assert_array_equal(a.chunks, b.chunks)


@pytest.mark.slow
@pytest.mark.parametrize("first", [30, 4], ids=["within", "at the start"])
def test_a_cell_that_lights_up_moves_nothing(scene, first):
    truth = drift(60, 0.5)
    frames = scene.frames(truth)
    light = frames.copy()
    # The raw place of a cell: where the tissue is brightest, away from the border.
    inner = np.zeros(scene.shape, bool)
    inner[30:-30, 30:-30] = True
    cell = np.unravel_index(np.argmax(np.where(inner, scene.counts, 0)), scene.shape)
    y, x = np.indices(scene.shape)
    for t in range(first, first + 20):
        away = np.hypot(*(np.stack([y, x]) - (truth[t] @ (*cell, 1))[:2, np.newaxis, np.newaxis]))
        light[t] = frames[t] * (1 + 4 / (1 + np.exp(2 * (away - 5))))
    found = [register([nza.Stack.from_array(m)], KeypointParams()) for m in (frames, light)]
    for alignments in found:  # a registration that moves nothing would not be moved
        assert gauged(alignments, [truth]).mean() < 0.25
    before, after = (alignments[0].transforms.matrices() for alignments in found)
    grid = np.stack([y[8::16, 8::16].ravel(), x[8::16, 8::16].ravel(), np.ones(8 * 9)])
    moved = np.linalg.norm(((after - before) @ grid)[:, :2], axis=1)
    assert moved.max() < 0.2
