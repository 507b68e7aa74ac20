"""Second pass: every chunk against the mean of all the others, by all its pixels.

Against a mean that holds it a chunk would find itself, and not move: it is taken out first. The
same mean, without the chunk, is what the correlations of the quality table are with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import safely_known
from napari_zstack_align.alignment.warp import warp_affine
from napari_zstack_align.mask import Mask
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.evening import (
    changed_by,
    even_ground,
    evened,
    lit_change,
)
from napari_zstack_align.register.recordings.geometry import Matrix
from napari_zstack_align.register.recordings.matching import (
    WORSE_BY,
    correlations_of,
    implausible,
    model_of,
)
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.refine import BRIGHT_PERCENTILE, Target
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.saved import key_of

Image = npt.NDArray[np.float32]

EVENINGS = 2
"""A chunk with lit cells is evened, and registered, so often: it has to lie well to be evened."""
FEWEST_FRAMES = 0.5
"""Pixels that less than one frame shows are unknown (weights are sums of float32)."""


@dataclass(frozen=True)
class _Sum:
    """Weighted sum of images and sum of the weights, (Y, X) float32 each."""

    total: Image
    weight: Image

    @classmethod
    def nothing(cls, shape: tuple[int, int]) -> _Sum:
        return cls(np.zeros(shape, np.float32), np.zeros(shape, np.float32))

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(self.total + other.total, self.weight + other.weight)

    def __sub__(self, other: _Sum) -> _Sum:
        return _Sum(self.total - other.total, self.weight - other.weight)

    def mean(self) -> Image:
        """(Y, X), NaN where nothing is known."""
        mean = np.full(self.total.shape, np.nan, np.float32)
        np.divide(self.total, self.weight, out=mean, where=self.weight > FEWEST_FRAMES)
        return mean


class Consensus:
    """Sum of aligned chunk means, each brought to the same brightness.

    Parameters
    ----------
    first : Reference
        The reference of the first pass, whose coordinates and brightness hold.
    prefilter : Prefilter
        Tells dark from light.
    fixed : bool
        Whether the first reference stays the reference, as where it is another session's.
    """

    def __init__(self, first: Reference, prefilter: Prefilter, fixed: bool) -> None:
        self.first, self.prefilter, self.fixed = first, prefilter, fixed
        self._is_evened = False
        self._bright = float(np.percentile(first.image, BRIGHT_PERCENTILE))
        self._level = self._brightness(first.image)
        self.clear()

    def clear(self, *, evened: bool = False) -> None:
        """Forget all chunks; ``evened``: the next ones are added with their lit cells evened."""
        self._key, self._is_evened = "", evened
        self._all = _Sum.nothing(self.first.shape)
        self._of_recording: dict[int, _Sum] = {}

    @property
    def key(self) -> str:
        """Key of what `image` depends on beside a chunk that is left out, a part of other keys."""
        if not self._key:
            first, everything = self.first, (self._all.total, self._all.weight)
            self._key = key_of(
                "consensus 1",
                first=(first.image, first.known, first.mask),
                mean=None if self.fixed else everything,
            )
        return self._key

    def add(self, state: RecordingState, chunk: int) -> None:
        """Add a chunk at its transform."""
        self._key = ""
        share = self._share(state, chunk)
        nothing = _Sum.nothing(self.first.shape)
        self._all = self._all + share
        self._of_recording[state.index] = self._of_recording.get(state.index, nothing) + share

    def image(self, without: tuple[RecordingState, int] | None = None) -> Image:
        """Mean of the chunks, without one of them; NaN where none shows anything."""
        if self.fixed:
            return np.where(self.first.known, self.first.image, np.float32(np.nan))
        if without is not None and without[1] in without[0].good:
            return (self._all - self._share(*without)).mean()
        return self._all.mean()

    def of_recording(
        self, state: RecordingState, without: Sequence[RecordingState] = ()
    ) -> tuple[Image, Image]:
        """Mean of a recording's chunks, and of those of all others but some; NaN where unknown."""
        own = self._sum_of(state)
        others = self._all - own
        for each in without:
            others = others - self._sum_of(each)
        return own.mean(), self.image() if self.fixed else others.mean()

    def _sum_of(self, state: RecordingState) -> _Sum:
        return self._of_recording.get(state.index, _Sum.nothing(self.first.shape))

    def _brightness(self, image: Image) -> float:
        """Mean of an image, its brightest cells apart."""
        return cv2.mean(cv2.min(image, self._bright))[0]

    def _share(self, state: RecordingState, chunk: int) -> _Sum:
        image = state.image(chunk)
        assert image is not None
        row = state.chunks[chunk]
        if self._is_evened:
            image = evened(image, row["matrix"], self.first, self.prefilter)
        aligned, valid = warp_affine(image, row["matrix"], self.first.shape)
        dark = np.float32(self.prefilter.dark)
        gain = self.prefilter.gain(self._brightness(image), self._level)
        weight = valid * np.float32(row["n_frames"])
        return _Sum(((aligned - dark) * np.float32(gain) + dark) * weight, weight)


def prepare(
    consensus: Consensus, without: tuple[RecordingState, int] | None = None
) -> tuple[Reference, Target] | None:
    """Mean of the chunks, ready for registration to it; None where it shows nothing."""
    mean = consensus.image(without)
    if not np.isfinite(mean).any():
        return None
    reference = Reference.of(mean, consensus.first.mask)
    return reference, target_of(reference, consensus.prefilter)


def refine_chunk(
    consensus: Consensus,
    state: RecordingState,
    chunk: int,
    params: KeypointParams,
    shared: tuple[Reference, Target] | None = None,
    *,
    near: bool = False,
) -> tuple[Matrix, float]:
    """Refine a chunk's transform against the mean of the others, or a mean shared by all chunks.

    ``near``: it was refined before.

    Returns
    -------
    matrix : numpy.ndarray
        (3, 3); the old one where the new one is implausible or resembles the others less.
    affine_helps : float
        How much better an affine map predicts held-out parts of the image; negative where
        worse.
    """
    image = state.image(chunk)
    start = state.chunks["matrix"][chunk]
    prepared = shared or prepare(consensus, (state, chunk))
    if image is None or prepared is None:
        return start, 0.0
    reference, target = prepared
    found = target.refine(image, start, model_of(params), near=near)
    for _ in range(EVENINGS):
        matrix, prefilter = found.matrix, consensus.prefilter
        change = lit_change(image, matrix, consensus.first, prefilter)
        if change is None:
            break
        even = changed_by(image, matrix, change, prefilter)
        ground = target_of(reference, prefilter, even_ground(change, reference.shape))
        found = ground.refine(even, matrix, model_of(params), near=True)
    if implausible(found.matrix, state.expected, reference.shape, params):
        return start, 0.0
    was, now = correlations_of(image, found.matrix, start, reference)
    return (start if now < was - WORSE_BY else found.matrix), found.affine_helps


def offset_of(reference: Reference, consensus: Consensus, params: KeypointParams) -> Matrix:
    """(3, 3) map from the mean of the chunks to the first reference."""
    mean = Reference.of(consensus.image(), reference.mask)
    target = target_of(mean, consensus.prefilter)
    found = target.refine(reference.image, np.eye(3), model_of(params)).matrix
    return np.eye(3) if implausible(found, np.eye(3), reference.shape, params) else found


def chunk_correlations(
    consensus: Consensus, state: RecordingState, chunk: int, place: Matrix | None = None
) -> tuple[float, float]:
    """Correlation of a chunk with the mean of the others before and after.

    ``place`` is where it lies, (3, 3); None: at its own transform.
    """
    image = state.image(chunk)
    others = consensus.image(without=(state, chunk))
    if image is None or not np.isfinite(others).any():
        return float("nan"), float("nan")
    reference = Reference.of(others, consensus.first.mask)
    matrix = state.chunks["matrix"][chunk] if place is None else place
    return correlations_of(image, matrix, state.expected, reference)


def target_of(reference: Reference, prefilter: Prefilter, ground: Image | None = None) -> Target:
    """Prepare a reference for refinement, silent where it shows nothing or the mask is 0.

    ``ground`` is further weights (Y, X) of its pixels.
    """
    return Target.build(reference.image, prefilter, weights_of(reference, ground))


def weights_of(reference: Reference, ground: Image | None = None) -> Image | None:
    """(Y, X) float32 how much the pixels of a reference count; None: all alike."""
    weights: Mask | None = reference.mask
    if ground is not None:
        weights = ground if weights is None else weights * ground
    if not reference.known.all():
        safe = safely_known(reference.known)
        weights = safe if weights is None else weights * safe
    return weights
