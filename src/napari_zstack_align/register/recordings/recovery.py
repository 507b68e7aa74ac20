"""Second chances for a chunk that couldn't be matched, before it is bridged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from napari_zstack_align.alignment.warp import warp_affine
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.consensus import target_of
from napari_zstack_align.register.recordings.geometry import Matrix, inverse, translation
from napari_zstack_align.register.recordings.matchers import prepared
from napari_zstack_align.register.recordings.matching import (
    Match,
    Matcher,
    correlations_of,
    implausible,
    judged,
    match_image,
    misfit,
    model_of,
)
from napari_zstack_align.register.recordings.state import Image, RecordingState
from napari_zstack_align.register.translation import find_translation

LIKE_THE_OTHERS = 0.75
"""A rescued chunk must resemble the reference at least this much as the others of the recording."""
MOST_USUAL = 0.8
"""... which resemble it too much where the same cells are lit in all of them but the chunk."""
BY_PIXELS = "by pixels"
"""Method of a chunk for which rotations and shifts were tried: it must resemble the reference."""
LARGEST_TURN_DEG, TURN_STEP_DEG = 6.0, 1.5
"""Rotations that are tried; the refinement bridges half a step."""


def match_chunk(state: RecordingState, chunk: int, matcher: Matcher) -> Match | None:
    """Match a chunk's mean to the reference; None where it has no good frame."""
    image = state.image(chunk)
    if image is None:
        return None
    return match_image(matcher, image, state.expected, seed_of(state, chunk, matcher.params))


@dataclass(frozen=True)
class Surroundings:
    """A chunk that couldn't be matched, and what may help.

    Attributes
    ----------
    image : numpy.ndarray
        (Y, X) float32 mean of the chunk.
    longer : numpy.ndarray, optional
        (Y, X) float32 mean of it and those beside it in the same stretch.
    near : tuple of numpy.ndarray, optional
        Mean (Y, X) and matrix (3, 3) of the nearest good chunk.
    usual : float
        Correlation with the reference that the recording's good chunks have.
    expected : numpy.ndarray
        (3, 3) as of the recording.
    seed : tuple of int
        Of the robust fit.
    """

    image: Image
    longer: Image | None
    near: tuple[Image, Matrix] | None
    usual: float
    expected: Matrix
    seed: tuple[int, int, int]


def surroundings_of(
    state: RecordingState, chunk: int, params: KeypointParams
) -> Surroundings | None:
    """What is known around a chunk; None where it has no good frame."""
    image = state.image(chunk)
    if image is None:
        return None
    return Surroundings(
        image,
        _longer(state, chunk),
        _nearest_good(state, chunk),
        _usual(state),
        state.expected,
        seed_of(state, chunk, params),
    )


def rescue(chunk: Surroundings, matcher: Matcher) -> tuple[str, Match] | None:
    """Try again in the matcher's own ways, with more frames, and by way of a neighbour.

    Returns
    -------
    tuple of str and Match, or None
        How it worked, and the match; None where nothing did. Whatever the way, the chunk's own
        mean has to resemble the reference.
    """
    reference = matcher.reference
    for method, match in _attempts(chunk, matcher):
        if match.matrix is None or implausible(
            match.matrix, chunk.expected, reference.shape, matcher.params
        ):
            continue
        before, after = correlations_of(chunk.image, match.matrix, chunk.expected, reference)
        usual = MOST_USUAL if method == BY_PIXELS else min(chunk.usual, MOST_USUAL)
        if not misfit(before, after, reference) and after > usual * LIKE_THE_OTHERS:
            return method, replace(match, before=before, after=after, fault=None)
    return None


def seed_of(state: RecordingState, chunk: int, params: KeypointParams) -> tuple[int, int, int]:
    """Seed of a chunk's robust fit: the same, whatever was matched before it."""
    return params.seed, state.index, int(state.chunks["start"][chunk])


def _attempts(chunk: Surroundings, matcher: Matcher) -> Iterator[tuple[str, Match]]:
    reference, params, prior = matcher.reference, matcher.params, chunk.expected
    for method, found in matcher.retries(chunk.image, prior, chunk.seed):
        yield method, judged(matcher, found, chunk.image, prior)
    if chunk.longer is not None:
        first = matcher.match(chunk.longer, prior, chunk.seed)
        retries = (found for _, found in matcher.retries(chunk.longer, prior, chunk.seed))
        for found in itertools.chain((first,), retries):
            match = judged(matcher, found, chunk.longer, prior)
            yield "longer chunk", _with_own_place(match, chunk.image, matcher)
    if chunk.near is None:
        yield BY_PIXELS, _by_pixels(chunk.image, _turned(prior, reference.shape, params), matcher)
        return
    neighbour, there = chunk.near
    moved, valid = warp_affine(neighbour, there, reference.shape)
    bridge = prepared(np.where(valid, moved, np.float32(np.nan)), reference.mask, params)
    by_matcher = match_image(bridge, chunk.image, prior, chunk.seed)
    yield "via neighbour", by_matcher
    by_pixels = _by_pixels(chunk.image, [there], matcher)
    yield "via neighbour", replace(by_matcher, matrix=by_pixels.matrix)


def _with_own_place(match: Match, image: Image, matcher: Matcher) -> Match:
    """Refine a longer chunk's transform by the chunk itself: those beside it may outshine it."""
    if match.matrix is None:
        return match
    own = _by_pixels(image, [match.matrix], matcher).matrix
    assert own is not None
    before, after = correlations_of(image, own, match.matrix, matcher.reference)
    return replace(match, matrix=own) if after > before else match


def _turned(prior: Matrix, shape: tuple[int, int], params: KeypointParams) -> list[Matrix]:
    """Return the prior turned about the image's centre by all angles that are tried."""
    largest = min(params.max_rotation_deg, LARGEST_TURN_DEG)
    count = int(largest / TURN_STEP_DEG)
    centre = translation((np.array(shape) - 1) / 2)
    turned = []
    for angle in np.deg2rad(TURN_STEP_DEG * np.arange(-count, count + 1)):
        turn = np.eye(3)
        turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        turned.append(prior @ centre @ turn @ inverse(centre))
    return turned


def _by_pixels(image: Image, starts: list[Matrix], matcher: Matcher) -> Match:
    """Refine a start, shifted to where the chunk resembles the reference most; of many the best."""
    reference, params = matcher.reference, matcher.params
    prefilter = Prefilter.for_image(reference.image)
    target = target_of(reference, prefilter)
    level = target.levels[0]
    shifted = []
    for start in starts:
        moved, _ = warp_affine(image, start, reference.shape)
        shift = find_translation(
            prefilter(moved, level.factor), level.image, params.max_shift_px / level.factor
        )
        shifted.append(start @ translation(shift * level.factor))
    alike = [correlations_of(image, there, there, reference)[1] for there in shifted]
    best = shifted[int(np.argmax(np.nan_to_num(alike, nan=-1.0)))]
    return Match(target.refine(image, best, model_of(params)).matrix)


def _longer(state: RecordingState, chunk: int) -> Image | None:
    """Mean of a chunk and those beside it in the same stretch; None where there are none."""
    segment = state.chunks["segment"]
    beside = [
        c
        for c in (chunk - 1, chunk, chunk + 1)
        if 0 <= c < len(segment) and segment[c] == segment[chunk]
    ]
    images = [(state.image(c), int(state.chunks["n_frames"][c])) for c in beside]
    known = [(image, n) for image, n in images if image is not None]
    if len(known) < 2:
        return None
    total = sum(n for _, n in known)
    result: Image = sum(image * np.float32(n / total) for image, n in known)  # type: ignore[assignment]
    return result


def _nearest_good(state: RecordingState, chunk: int) -> tuple[Image, Matrix] | None:
    good = state.good
    if not len(good):
        return None
    near = int(good[np.abs(good - chunk).argmin()])
    image = state.image(near)
    return None if image is None else (image, state.chunks["matrix"][near].copy())


def _usual(state: RecordingState) -> float:
    """Correlation with the reference that the recording's good chunks have."""
    after = state.chunks["correlation_after"][state.good]
    known = after[np.isfinite(after)]
    return float(np.median(known)) if len(known) else 0.0
