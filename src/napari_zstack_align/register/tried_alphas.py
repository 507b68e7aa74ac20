"""A slice aligned with several alphas before the run: which predicts best what it didn't see.

How much the frames of a slice resemble one another tells nothing here: the smaller alpha is, the
better a field bends to the noise of its own frame, and the more alike they look. So the slice is
aligned twice more with each alpha, with half of the image hidden by the mask, in squares as on a
chessboard, and the frames are compared in the hidden half alone. What the field makes up in the
open squares is wrong in the hidden ones; what it misses is missed in both. This is cross-validation
in blocks (Roberts et al. 2017, Ecography 40:913), of neighbours that share a smooth field.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import (
    Compared,
    comparison_image,
    comparison_valid,
    leave_one_out_correlations,
    without_extremes,
)
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import AlignmentError, InputError
from napari_zstack_align.mask import as_weights
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Job, Progress, mapped
from napari_zstack_align.register.adaptive import align_adaptive
from napari_zstack_align.register.driving import driving_image
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

NAN = np.float32(np.nan)
STAGE = "Trying alphas"
ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Steps of about three: smaller ones hardly differ."""
SQUARE_PX = 32
FEWEST_SQUARES = 4
"""Along each axis of an image."""
FEWEST_REPEATS = 3
LEVEL = 2.0
"""An alpha is as good as the best within so many standard errors of their difference."""


@dataclass(frozen=True, eq=False)
class TriedAlpha:
    """A slice aligned with one alpha.

    Attributes
    ----------
    alpha : float
    image : numpy.ndarray
        (Y, X) float32 mean of the aligned repeats, of the channels that drive; NaN where none lies.
    correlations : numpy.ndarray
        (n,) of each repeat with the mean of the others, where the field was not fitted; NaN where
        it could not be aligned.
    alignment : Alignment
        Of the repeats of the slice, fitted to the whole image.
    """

    alpha: float
    image: Image
    correlations: npt.NDArray[np.float64]
    alignment: Alignment


@dataclass(frozen=True, eq=False)
class TriedAlphas:
    """A slice aligned with several alphas.

    Attributes
    ----------
    slice_index : int
    raw : numpy.ndarray
        (Y, X) float32 mean of the repeats as they are.
    raw_correlations : numpy.ndarray
        (n,) of each repeat with the mean of the others before the alignment.
    tried : tuple of TriedAlpha
        In the order that was asked for.
    """

    slice_index: int
    raw: Image
    raw_correlations: npt.NDArray[np.float64]
    tried: tuple[TriedAlpha, ...]

    @property
    def correlations(self) -> npt.NDArray[np.float64]:
        """(alphas,) mean over the repeats that could be aligned with every alpha."""
        return np.asarray(self._of_all.mean(axis=1))

    @property
    def raw_correlation(self) -> float:
        """Mean over the same repeats before the alignment."""
        return float(self.raw_correlations[self._in_all].mean())

    @property
    def best(self) -> int:
        """Which predicts the hidden parts best."""
        return int(np.argmax(self.correlations))

    @property
    def are_level(self) -> npt.NDArray[np.bool_]:
        """(alphas,) which are as good as the best, as far as these repeats tell."""
        behind = self._of_all[self.best] - self._of_all
        error = behind.std(axis=1, ddof=1) / np.sqrt(behind.shape[1])
        return np.asarray(behind.mean(axis=1) <= LEVEL * error)

    @cached_property
    def _in_all(self) -> Pixels:
        found = np.stack([each.correlations for each in self.tried])
        return np.asarray(np.isfinite(found).all(axis=0))

    @property
    def _of_all(self) -> npt.NDArray[np.float64]:
        return np.stack([each.correlations[self._in_all] for each in self.tried])


def try_alphas(
    stack: Stack,
    params: AdaptiveParams | None = None,
    mask: npt.ArrayLike | None = None,
    *,
    slice_index: int | None = None,
    alphas: Sequence[float] = ALPHAS,
    artefacts: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> Job[TriedAlphas]:
    """Align one slice with several alphas, and say which predicts best what it didn't see.

    Parameters
    ----------
    stack, params, mask, artefacts, threads
        As for `align_adaptive`; the alpha of ``params`` doesn't count.
    slice_index : int, optional
        Which slice, counted from 0; the middle one by default.
    alphas : sequence of float
        At least one. Half of the image is a harder task than all of it: of alphas that are level
        with the best, take the one next to 1.

    Returns
    -------
    generator of Progress
        Returns `TriedAlphas`; ``partial`` is one of the alphas tried so far.

    Raises
    ------
    InputError
        At the call, where the inputs don't fit together, or the slice has fewer than three
        repeats.
    AlignmentError
        At the end, where fewer than three repeats of the slice can be aligned.
    """
    params = AdaptiveParams.given(params)
    of_slice, z = _only(stack, slice_index)
    tried = [params.replace(alpha=alpha, start_slice=None) for alpha in alphas]
    if not tried:
        raise InputError("There is no alpha to try: give one or more numbers from 0.01 to 100.")
    shape = (stack.shape[2], stack.shape[3])
    weights = as_weights(mask, shape)
    open_half = _chessboard(shape)
    masks = [
        weights,
        *(
            np.where(half, 1.0 if weights is None else weights, 0)
            for half in (open_half, ~open_half)
        ),
    ]
    jobs = [
        [align_adaptive(of_slice, one, m, artefacts=artefacts, threads=threads) for m in masks]
        for one in tried
    ]
    counts = np.ones(shape, bool) if weights is None else np.asarray(weights) > 0
    return _tried(of_slice, z, tried, jobs, (open_half, ~open_half), counts)


def _only(stack: Stack, slice_index: int | None) -> tuple[Stack, int]:
    """Return a stack of one slice, and which it is."""
    if stack.frames_per_slice is None:
        raise InputError(
            f"{stack.name} has no frames_per_slice: say how many repeats each slice has."
        )
    z = stack.n_slices // 2 if slice_index is None else slice_index
    if not 0 <= z < stack.n_slices:
        raise InputError(
            f"{stack.name} has {counted(stack.n_slices, 'slice')}: there is no slice {z}."
        )
    frames = stack.frames_of_slice(z)
    if len(frames) < FEWEST_REPEATS:
        raise InputError(
            f"Slice {z} of {stack.name} has {counted(len(frames), 'repeat')}: at least "
            f"{FEWEST_REPEATS} are needed to compare alphas."
        )
    return stack.only(frames).replace(frames_per_slice=len(frames), order="repeats"), z


def _tried(
    stack: Stack,
    z: int,
    params: Sequence[AdaptiveParams],
    jobs: Sequence[Sequence[Job[Alignment]]],
    halves: Sequence[Pixels],
    counts: Pixels,
) -> Job[TriedAlphas]:
    frames = np.stack([driving_image(each, params[0]) for each in stack.read(0, stack.n_frames)])
    raw = np.asarray(frames.mean(axis=0), np.float32)
    raw_correlations = np.mean([_agreement(frames, None, half & counts) for half in halves], axis=0)
    tried: list[TriedAlpha] = []
    n_jobs = sum(map(len, jobs))
    for one, of_alpha in zip(params, jobs, strict=True):
        alignments: list[Alignment] = []
        for job in of_alpha:
            now = Progress(STAGE, 3 * len(tried) + len(alignments), n_jobs)
            alignments.append((yield from _said(job, now)))
        # Fitted to one half, judged in the other.
        judged = [
            _agreement(frames, each, half & counts)
            for each, half in zip(alignments[1:], halves[::-1], strict=True)
        ]
        alignment = alignments[0]
        tried.append(
            TriedAlpha(one.alpha, _mean(frames, alignment), np.mean(judged, axis=0), alignment)
        )
        found = TriedAlphas(z, raw, raw_correlations, tuple(tried))
        if found._in_all.sum() < FEWEST_REPEATS:
            raise AlignmentError(
                f"Fewer than {FEWEST_REPEATS} repeats of slice {z} of {stack.name} can be aligned "
                f"with alpha {one.alpha:g}: there is nothing to compare. Try another slice."
            )
        yield Progress(STAGE, 3 * len(tried), n_jobs, partial=found)
    return found


def _said(job: Job[Alignment], now: Progress) -> Job[Alignment]:
    """Run a job whose steps are one of another job."""
    return mapped(job, lambda _: now)


def _agreement(
    frames: Image, alignment: Alignment | None, where: Pixels
) -> npt.NDArray[np.float64]:
    """(n,) correlation of each frame with the mean of the others in some pixels (Y, X)."""
    used = np.ones(len(frames), bool) if alignment is None else alignment.quality["used"]
    compared = []
    for t, image in enumerate(frames):
        valid = np.isfinite(image)
        if alignment is not None:
            image, valid = alignment.resample_measured(image, t)
        seen = without_extremes(comparison_image(filled(np.where(valid, image, NAN))))
        compared.append(Compared(seen, seen, comparison_valid(valid)))
    weights = comparison_valid(where).astype(np.float32)
    _, found = leave_one_out_correlations(compared, used, weights)
    return np.where(used, found, np.nan).astype(np.float64)


def _mean(frames: Image, alignment: Alignment) -> Image:
    mean = RunningMean(alignment.transforms.shape)
    for t in np.flatnonzero(alignment.quality["used"]):
        mean.add(*alignment.resample_measured(frames[t], int(t)))
    return mean.image_or_nan()


def _chessboard(shape: tuple[int, int]) -> Pixels:
    """(Y, X) bool: every other square."""
    side = max(min(SQUARE_PX, min(shape) // FEWEST_SQUARES), 1)
    y, x = np.indices(shape) // side
    return np.asarray((y + x) % 2 == 0)
