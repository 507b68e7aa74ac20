"""A slice aligned with several alphas before the run: which predicts best what it didn't see.

How much the frames of a slice resemble one another tells nothing here: the smaller alpha is, the
better a field bends to the noise of its own frame, and the more alike they look. So the slice is
aligned twice more with each alpha, with half of the image hidden by the mask, in squares as on a
chessboard, and the frames are compared in the hidden half alone. What the field makes up in the
open squares is wrong in the hidden ones; what it misses is missed in both. This is cross-validation
in blocks (Roberts et al. 2017, Ecography 40, 913), of neighbours that share a smooth field.

Frames are compared as the run sees them, without what doesn't come from tissue: pixels fixed to the
detector are most alike where nothing is moved.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_frames_at_hand
from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import (
    Compared,
    comparison_factor,
    comparison_image,
    comparison_valid,
    leave_one_out_correlations,
    without_extremes,
)
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import AlignmentError, InputError
from napari_zstack_align.mask import Mask, as_weights
from napari_zstack_align.parallel import checked_threads, patient_map, worker_threads
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Job, Progress, mapped
from napari_zstack_align.register.adaptive import STRATEGIES, all_slices
from napari_zstack_align.register.agreement import BLOCK_PX, SMALLEST_PX, checkerboard
from napari_zstack_align.register.artefacts.search import checked_pixels, search
from napari_zstack_align.register.frames import check_channels, read_frame
from napari_zstack_align.saved import NoJournal, Units, WatchedFrames
from napari_zstack_align.stack import Stack

Result = TypeVar("Result")
Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

NAN = np.float32(np.nan)
STAGE = "Trying alphas"
ALPHAS = (0.1, 0.3, 1.0, 3.0, 10.0)
"""Steps of about three: smaller ones hardly differ."""
LEAST_HALF = 0.25
"""Part of a mask that either half has to be."""
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
    frames : numpy.ndarray
        (n,) frames of the stack that were compared.
    raw : numpy.ndarray
        (Y, X) float32 mean of these repeats as they are.
    raw_correlations : numpy.ndarray
        (n,) of each repeat with the mean of the others before the alignment.
    tried : tuple of TriedAlpha
        In the order that was asked for.
    """

    slice_index: int
    frames: npt.NDArray[np.intp]
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
        """Which of ``tried`` predicts the hidden parts best, counted from 0."""
        return int(np.argmax(self.correlations))

    @property
    def alpha(self) -> float:
        """The alpha to take: of those that are level with the best, the one next to 1."""
        level = [
            each.alpha for each, is_so in zip(self.tried, self.are_level, strict=True) if is_so
        ]
        return min(level, key=lambda alpha: abs(np.log(alpha)))

    def summary(self) -> str:
        """What was found, for people: a line an alpha, and which to take."""
        of = counted(len(self.raw_correlations), "repeat")
        lines = [
            f"Slice {self.slice_index}: held-out correlation, mean over "
            f"{self.n_compared} of {of}; {self.raw_correlation:.4f} before the alignment"
        ]
        for each, correlation, is_level in zip(
            self.tried, self.correlations, self.are_level, strict=True
        ):
            words = "  as good as the best" if is_level else ""
            lines.append(f"  alpha {each.alpha:<6g}{correlation:.4f}{words}")
        if self.correlations.max() <= self.raw_correlation:
            lines.append("None of them is better than no alignment: nothing tells which to take.")
        else:
            lines.append(f"Take alpha {self.alpha:g}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        """The alphas, and which to take."""
        alphas = ", ".join(f"{each.alpha:g}" for each in self.tried)
        return f"<TriedAlphas of slice {self.slice_index}: {alphas}; take {self.alpha:g}>"

    @property
    def are_level(self) -> npt.NDArray[np.bool_]:
        """(alphas,) which are as good as the best, as far as these repeats tell."""
        behind = self._of_all[self.best] - self._of_all
        error = behind.std(axis=1, ddof=1) / np.sqrt(behind.shape[1])
        return np.asarray(behind.mean(axis=1) <= LEVEL * error)

    @property
    def n_compared(self) -> int:
        """How many repeats could be aligned with every alpha."""
        return int(self._in_all.sum())

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
    most_repeats: int | None = None,
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
        At least one.
    most_repeats : int, optional
        Of more repeats only so many are taken, evenly spread, which takes less time; all by
        default.

    Returns
    -------
    generator of Progress
        For `run`. Returns `TriedAlphas`; ``partial`` is one of the alphas tried so far.

    Raises
    ------
    InputError
        At the call, where the inputs don't fit together, or the slice has fewer than three
        repeats.
    AlignmentError
        At the end, where fewer than three repeats of the slice can be aligned.
    """
    check_frames_at_hand(stack)
    params = AdaptiveParams.given(params)
    check_channels(stack, params)
    frames, z = _frames_of(stack, slice_index, most_repeats)
    tried = [params.replace(alpha=alpha, start_slice=None) for alpha in alphas]
    if not tried:
        raise InputError("There is no alpha to try: give one or more numbers from 0.01 to 100.")
    shape = (stack.shape[2], stack.shape[3])
    given = checked_pixels(artefacts, shape)
    halves = _halves(as_weights(mask, shape), shape)
    return _tried(stack, frames, z, tried, as_weights(mask, shape), halves, given, threads)


def _halves(mask: Mask | None, shape: tuple[int, int]) -> tuple[Mask, Mask]:
    """Two halves of a mask, or of the image."""
    if min(shape) < SMALLEST_PX:
        raise InputError(
            f"The frames are {shape[0]} × {shape[1]} px: at least {SMALLEST_PX} × {SMALLEST_PX} "
            f"are needed to hide half of them."
        )
    first, second = checkerboard(shape)
    if mask is None:
        return first, second
    halves = first * mask, second * mask
    if min(half.sum() for half in halves) < LEAST_HALF * float(np.sum(mask)):
        raise InputError(
            f"The mask lies in so few squares of {BLOCK_PX} px that no half of it can be hidden: "
            f"paint a larger one."
        )
    return halves


def _frames_of(
    stack: Stack, slice_index: int | None, most: int | None
) -> tuple[npt.NDArray[np.intp], int]:
    """Return the frames of a slice, or ``most`` of them, and which slice it is."""
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
            f"{FEWEST_REPEATS} are needed to judge an alignment by held-out parts."
        )
    if most is None or len(frames) <= most:
        return frames, z
    if most < FEWEST_REPEATS:
        raise InputError(
            f"most_repeats is {most}: at least {FEWEST_REPEATS} are needed to compare alphas."
        )
    return frames[np.linspace(0, len(frames) - 1, most).round().astype(int)], z


def _tried(
    stack: Stack,
    of_slice: npt.NDArray[np.intp],
    z: int,
    params: Sequence[AdaptiveParams],
    mask: Mask | None,
    halves: tuple[Mask, Mask],
    given: Pixels | None,
    threads: int | None,
) -> Job[TriedAlphas]:
    n_threads, n_runs = checked_threads(threads), 3 * len(params)
    one_slice = stack.only(of_slice).replace(frames_per_slice=len(of_slice), order="repeats")
    with worker_threads(n_threads) as pool:
        found = yield from _said(search(stack, params[0], pool, given=given), 0, n_runs)
        frames = [read_frame(one_slice, t, params[0], found) for t in range(one_slice.n_frames)]
        usable = np.array([frame.fault is None for frame in frames])
        images = np.stack([frame.image for frame in frames])
        judged = partial(_agreement, pool, images, halves)
        mean = _mean(images, usable, None)
        raw = yield from _said(judged(usable, ()), 0, n_runs)
        tried: list[TriedAlpha] = []
        for one in params:
            alignments: list[Alignment] = []
            for weights in (mask, *halves):
                units = Units(NoJournal(), WatchedFrames(one_slice))
                run = STRATEGIES[one.strategy](
                    one_slice, one, weights, pool, 2 * n_threads, units, found
                )
                done = 3 * len(tried) + len(alignments)
                yield from _said(all_slices(run), done, n_runs)
                alignments.append(run.snapshot())
            whole, *fitted = alignments
            shown = pool.submit(_mean, images, whole.quality["used"], whole)
            correlations = yield from _said(judged(usable, fitted), 3 * len(tried) + 2, n_runs)
            tried.append(TriedAlpha(one.alpha, shown.result(), correlations, whole))
            so_far = TriedAlphas(z, of_slice, mean, raw, tuple(tried))
            if so_far.n_compared < FEWEST_REPEATS:
                raise AlignmentError(
                    f"Fewer than {FEWEST_REPEATS} repeats of slice {z} of {stack.name} can be "
                    f"aligned with alpha {one.alpha:g}: there is nothing to compare. Try another "
                    f"slice."
                )
            yield Progress(STAGE, 3 * len(tried), n_runs, partial=so_far)
    return so_far


def _said(job: Generator[Progress, None, Result], done: int, total: int) -> Job[Result]:
    """Run a job whose steps are one of another job."""
    return mapped(job, lambda _: Progress(STAGE, done, total))


def _agreement(
    pool: ThreadPoolExecutor,
    images: Image,
    halves: Sequence[Mask],
    usable: Pixels,
    fitted: Sequence[Alignment],
) -> Job[npt.NDArray[np.float64]]:
    """(n,) correlation of each frame with the mean of the others, mean over both halves.

    Of two alignments, each fitted to one half, that half is compared to which it was not fitted;
    without any, the frames are compared as they are.
    """
    compared: list[Compared] = []
    found = []
    for alignment, half in zip(fitted or (None, None), reversed(halves), strict=True):
        if alignment is not None or not compared:
            compared = yield from _all_compared(pool, images, alignment)
        used = usable if alignment is None else alignment.quality["used"]
        weights = shrink(half, comparison_factor(half.shape))
        _, each = leave_one_out_correlations(compared, used, weights)
        found.append(np.where(used, each, np.nan))
    return np.asarray(np.mean(found, axis=0), np.float64)


def _all_compared(
    pool: ThreadPoolExecutor, images: Image, alignment: Alignment | None
) -> Job[list[Compared]]:
    found: list[Compared] = []
    compare, frames = partial(_compared, images, alignment), range(len(images))
    for one in patient_map(pool, compare, frames, len(images)):
        if one is None:
            yield Progress(STAGE, 0, 0)
        else:
            found.append(one)
    return found


def _compared(images: Image, alignment: Alignment | None, t: int) -> Compared:
    image, valid = _lying(images[t], t, alignment)
    if not valid.any():
        nothing = comparison_image(np.zeros_like(image))
        return Compared(nothing, nothing, comparison_valid(valid))
    seen = without_extremes(comparison_image(filled(np.where(valid, image, NAN))))
    return Compared(seen, seen, comparison_valid(valid))


def _mean(images: Image, used: Pixels, alignment: Alignment | None) -> Image:
    """(Y, X) mean of the frames that are used, aligned or as they are."""
    mean = RunningMean(images.shape[1:])
    for t in np.flatnonzero(used).tolist():
        mean.add(*_lying(images[t], t, alignment))
    return mean.image_or_nan()


def _lying(image: Image, t: int, alignment: Alignment | None) -> tuple[Image, Pixels]:
    """Frame t (Y, X), aligned or as it is, and which of its pixels are known."""
    if alignment is None:
        return image, np.isfinite(image)
    return alignment.resample_measured(image, t)
