"""Chunks whose cells are lit: what is compared is the tissue, not its activity."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from scenes import DARK, PARAMS, SHAPE, Scene, distances_px, drift, similarity, still

import napari_zstack_align as nza
from napari_zstack_align.flags import Flag
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.evening import even_ground, evened
from napari_zstack_align.register.recordings.first_reference import choose_reference
from napari_zstack_align.register.recordings.matchers import prepared
from napari_zstack_align.register.recordings.photometry import normalised, shared_levels
from napari_zstack_align.register.recordings.recovery import Surroundings, rescue
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.state import RecordingState

SEED = (0, 0, 0)
NEVER_ENOUGH = PARAMS.replace(min_matches=1000)
"""No chunk is matched by keypoints."""


def lit_by(image: np.ndarray, times: float, part: float = 0.04) -> np.ndarray:
    """Factor (Y, X) that makes the brightest cells of an image several times as bright."""
    band = cv2.GaussianBlur(image, (0, 0), 1.5) - cv2.GaussianBlur(image, (0, 0), 8)
    cells = (band > np.quantile(band, 1 - part)).astype(np.float32)
    return 1 + (times - 1) * cv2.GaussianBlur(cells, (0, 0), 1.0)


@pytest.fixture(scope="module")
def lit(scene: Scene) -> np.ndarray:
    return DARK + (scene.counts - DARK) * lit_by(scene.counts, 8.0)


# -- the first reference -----------------------------------------------------------------------


def _chosen(scene: Scene, lit: np.ndarray, parts: list[float]) -> np.ndarray:
    """The reference of a recording of chunks that are lit for parts of their frames."""
    stack = nza.Stack.from_array(np.zeros((10 * len(parts), *SHAPE), np.uint16), "TYX")
    rng = np.random.default_rng(0)

    def average(recording: int, start: int, stop: int) -> np.ndarray:
        part = parts[start // 10]
        clean = part * lit + (1 - part) * scene.counts
        means = (clean + rng.normal(0, 5, SHAPE)).astype(np.float32)
        means[0, 0] = start
        return means

    return choose_reference([stack], PARAMS, None, average).reference.image


@pytest.mark.parametrize(
    ("chunks", "start"),
    [(set(), 40), ({3, 4, 5}, 10), ({4}, 10), ({0, 1, 2}, 40), (set(range(1, 9)), 40)],
    ids=["none", "middle", "middle chunk alone", "start", "nearly all"],
)
def test_the_reference_is_one_that_most_chunks_resemble(scene, lit, chunks, start):
    assert _chosen(scene, lit, [float(i in chunks) for i in range(10)])[0, 0] == start


@pytest.mark.parametrize(
    ("parts", "start"),
    [
        ([0, 0.5, 1, 0.5, 0], 0),
        ([0, 0.5, 1, 0.5, 0, 0], 0),
        ([0, 0, 0.5, 1, 0.5, 0, 0], 0),
        ([0, 0, 0, 0, 1], 20),
    ],
    ids=["five", "six", "seven", "last"],
)
def test_chunks_next_to_a_wave_do_not_speak_for_it(scene, lit, parts, start):
    assert _chosen(scene, lit, parts)[0, 0] == start


# -- levels that suit two images -----------------------------------------------------------------


def test_shared_levels_show_unlit_tissue_alike(scene, lit):
    dim = DARK + 0.4 * (lit - DARK)
    levels = shared_levels(scene.counts, dim.astype(np.float32), PARAMS)
    assert levels is not None
    one, other = (
        normalised(image, PARAMS.replace(intensity_range=between))
        for image, between in zip((scene.counts, dim), levels, strict=True)
    )
    unlit = lit_by(scene.counts, 8.0) < 1.02
    assert np.abs(one - other)[unlit].max() < 0.05
    assert normalised(dim, PARAMS)[unlit].mean() < 0.6 * one[unlit].mean()


def test_images_of_like_whites_need_no_shared_levels(scene):
    bleached = DARK + 0.4 * (scene.counts - DARK)
    assert shared_levels(scene.counts, bleached, PARAMS) is None
    fixed = PARAMS.replace(intensity_range=(0, 500))
    assert shared_levels(scene.counts, scene.counts * 9, fixed) is None


def test_a_lit_chunk_is_matched_between_shared_levels(scene, lit):
    matcher = prepared(scene.counts, None, PARAMS)
    found = dict(matcher.retries(lit.astype(np.float32), np.eye(3), SEED))
    more = found["shared levels"].n_inliers
    assert more > 1.5 * max(found["lower threshold"].n_inliers, 8)
    assert found["shared levels"].matrix == pytest.approx(np.eye(3), abs=0.2)


# -- without keypoints ---------------------------------------------------------------------------


def _rescued(scene: Scene, image: np.ndarray, usual: float = 0.0):
    matcher = prepared(scene.counts, None, NEVER_ENOUGH)
    return rescue(Surroundings(image, None, None, usual, np.eye(3), SEED), matcher)


def test_a_chunk_is_found_by_its_pixels(scene):
    moved = similarity(7, -6, 2.0)
    seen = scene.seen(moved)
    lit = (DARK + (seen - DARK) * lit_by(seen, 5.0)).astype(np.float32)
    method, match = _rescued(scene, lit)
    assert method == "by pixels"
    assert distances_px(match.matrix[np.newaxis], moved[np.newaxis]).mean() < 0.3


def test_foreign_tissue_is_not_found_by_its_pixels(scene):
    assert _rescued(scene, Scene(seed=9).counts) is None


def test_the_others_may_resemble_the_reference_by_what_is_lit_in_both(scene, lit):
    """The others correlate by 0.99, for the same cells are lit in them; the chunk is quiet."""
    matcher = prepared(lit.astype(np.float32), None, NEVER_ENOUGH)
    near = (lit.astype(np.float32), np.eye(3))
    rng = np.random.default_rng(1)
    quiet = (scene.counts + rng.normal(0, 260, SHAPE)).astype(np.float32)
    found = rescue(Surroundings(quiet, None, near, 0.99, np.eye(3), SEED), matcher)
    assert found is not None
    assert 0.6 < found[1].after < 0.99 * 0.75


# -- one brightness ------------------------------------------------------------------------------


def test_lit_cells_are_brought_to_the_brightness_of_the_reference(scene, lit):
    reference, prefilter = Reference.of(scene.counts, None), Prefilter.for_image(scene.counts)
    moved = similarity(3, -2, 1.0)
    seen = DARK + (scene.seen(moved) - DARK) * lit_by(scene.seen(moved), 8.0)
    even = evened(seen.astype(np.float32), moved, reference, prefilter)
    inner = np.s_[12:-12, 12:-12]
    before, after = (np.abs(i - scene.seen(moved))[inner].mean() for i in (seen, even))
    assert after < 0.3 * before


def test_what_is_not_lit_is_left_as_it_is(scene):
    reference, prefilter = Reference.of(scene.counts, None), Prefilter.for_image(scene.counts)
    image = (DARK + 0.6 * (scene.seen(similarity(0.4, 0.3)) - DARK)).astype(np.float32)
    assert evened(image, np.eye(3), reference, prefilter) is image


def test_pixels_at_the_edges_of_lit_cells_lose_weight():
    change = np.zeros((32, 32), np.float32)
    change[8:24, 8:24] = 1
    ground = even_ground(change, (64, 64))
    assert ground[:12].min() == ground[28:36, 28:36].min() == 1
    assert ground[15:17, 24:40].max() < 0.3


def test_the_mean_of_a_chunk_lies_where_its_bright_frames_lie(scene):
    state = RecordingState(nza.Stack.from_array(scene.frames(still(20)), "TYX"), 0, np.eye(3), None)
    state.set_ranges([(0, 20)])
    assert state.chunks["midpoint"][0] == 9.5
    state.trace.weight[10:] = 4
    state.place_midpoint(0)
    assert state.chunks["midpoint"][0] == pytest.approx(12.5)


# -- all of it -----------------------------------------------------------------------------------


@pytest.mark.thorough
@pytest.mark.slow
def test_a_wave_in_the_middle_is_aligned_like_the_rest(scene):
    truth = drift(100, 0.5) @ similarity(5, -4)
    frames = scene.frames(truth).astype(np.float32)
    for t in range(30, 60):
        seen = scene.seen(truth[t])
        frames[t] = DARK + (frames[t] - DARK) * lit_by(seen, 8.0)
    stacks = [nza.Stack.from_array(f.clip(0, 65535), "TYX") for f in (scene.frames(truth), frames)]
    plain, lit = (nza.run(nza.register_recordings([stack], PARAMS))[0] for stack in stacks)
    assert (lit.chunks["flag"] == Flag.GOOD).all()
    assert lit.quality["used"].all()
    clean, error = (
        np.linalg.norm(e - e.mean(axis=0), axis=-1).mean()
        for e in (_residuals(plain, truth), _residuals(lit, truth))
    )
    assert error < 1.3 * clean + 0.02


def _residuals(alignment: nza.Alignment, truth: np.ndarray) -> np.ndarray:
    """(T, N, 2) where the alignment puts points that the truth leaves in one place."""
    points = np.array([[y, x, 1.0] for y in (30, 64, 98) for x in (30, 72, 114)])
    found = np.linalg.inv(truth) @ alignment.transforms.matrices()
    return (points @ np.swapaxes(found, 1, 2))[..., :2]


@pytest.mark.thorough
@pytest.mark.slow
def test_a_wave_that_begins_within_a_chunk_does_not_move_its_moment(scene):
    """In chunks of 10 frames, cells are lit from frame 35 on; the tissue drifts all along."""
    truth = drift(60, 0.8)
    frames = scene.frames(truth).astype(np.float32)
    for t in range(35, 60):
        frames[t] = DARK + (frames[t] - DARK) * lit_by(scene.seen(truth[t]), 6.0, 0.15)
    stacks = [nza.Stack.from_array(f.clip(0, 65535), "TYX") for f in (scene.frames(truth), frames)]
    plain, lit = (nza.run(nza.register_recordings([stack], PARAMS))[0] for stack in stacks)
    assert plain.chunks["midpoint"][3] == 34.5
    assert lit.chunks["midpoint"][3] > 35.5
    off = _residuals(lit, truth)
    # taken for the middle of its frames, the chunk was 0.094 px off
    assert np.linalg.norm(off - off.mean(axis=0), axis=-1)[30:40].mean() < 0.07
