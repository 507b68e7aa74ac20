"""Regular patterns that are fixed to the detector and may be stronger than the tissue.

In the mean of the sampled frames a pattern is sharp, and tissue that moves is blurred. What stands
out among the spatial frequencies of the mean, as few waves where that is possible, is taken off on
trial, and the tissue is followed again. Then two explanations of the frames are compared:

- tissue alone, which moves as it seems to with the pattern in the frames, or as without it;
- the pattern, and tissue that moves as it does without the pattern.

Each is learned from one half of the frames and predicts the other half. The pattern counts where
the second explanation predicts better, by a large part of what the motion of the tissue changes,
in each quarter of the image. Where nothing stands out, nothing more is done.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from napari_zstack_align.register.artefacts.constant import constant_pixels, largest_moves
from napari_zstack_align.register.artefacts.explained import Frames, Judged, moved, tissue_of
from napari_zstack_align.register.artefacts.frequencies import (
    TAPER,
    lying_in,
    lying_in_middle,
    power_of,
    standing_out,
)
from napari_zstack_align.register.artefacts.movement import MOVED_PX, Movement
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.waves import waves_of

Image = npt.NDArray[np.float32]

LEAST_POWER = 0.1
"""Less of the mean's contrast can't hold an alignment."""
STEPS = 2
"""How often the tissue is followed anew, and what it doesn't explain is looked through."""
EVIDENT = 0.1
"""Frames are predicted better by so much of what the tissue's motion changes in them ..."""
EVIDENT_ANYWHERE = 0.05
"""... and by so much in each quarter of the image."""
COME_TRUE = 0.5
"""So much of the changes that motion predicts is seen: else it is noise that seems to move."""
LEAST_MOVED_PX = 0.25
"""Of few waves hardly any is tissue, and less motion of the tissue tells."""
FEWEST_FRAMES = 2
"""Of a group: fewer don't tell what motion changes."""


@dataclass(frozen=True)
class Regular:
    """A regular pattern, or none.

    Attributes
    ----------
    image : numpy.ndarray, optional
        (Y, X) float32, what is added to every frame; None unless it was found.
    movement : Movement, optional
        How the tissue moves without it.
    is_doubtful : bool
        Whether there is one that explains the frames better, though not all over the image.
    """

    image: Image | None = None
    movement: Movement | None = None
    is_doubtful: bool = False


def find_regular(
    frames: Frames, seems: Movement | None, noise_of: Callable[[Image], Noise]
) -> Regular:
    """Find a regular pattern that is added to every frame.

    Parameters
    ----------
    frames : Frames
    seems : Movement, optional
        How the tissue seems to move with the pattern in the frames, where that is known.
    noise_of : callable
        Noise of frames (n, Y, X) like these.

    Returns
    -------
    Regular
    """
    if np.unique(frames.groups, return_counts=True)[1].max() <= FEWEST_FRAMES:
        return Regular()
    mean = _mean(frames, noise_of)
    part = standing_out(mean)
    if power_of(part, mean) < LEAST_POWER:
        return Regular()
    waves = waves_of(mean, part)
    if waves is not None:
        waves = waves.staying(frames.images, frames.groups)
        if not len(waves.frequencies):
            return Regular()
    pattern = lying_in(part, mean) if waves is None else waves.lying_in(mean)
    frames, judged = _judged_without(frames, pattern, noise_of)
    moves = frames.without(pattern)
    least = MOVED_PX if waves is None else LEAST_MOVED_PX
    if np.median(largest_moves(moves)) < least:
        return Regular()
    in_middle = partial(lying_in_middle, part) if waves is None else waves.lying_in
    better = _better(frames, in_middle, seems or frames.without(None), moves, judged)
    if better.mean() < EVIDENT:
        return Regular()
    if better.min() < EVIDENT_ANYWHERE:
        return Regular(is_doubtful=True)
    pattern = _refined(frames, pattern)
    return Regular(pattern, frames.without(pattern))


def _mean(frames: Frames, noise_of: Callable[[Image], Noise]) -> Image:
    """(Y, X) mean, in which pixels are filled that are constant whatever lies under a pattern."""
    if not frames.constant.any():
        return frames.mean
    noise = noise_of(frames.images)
    never = constant_pixels(frames.images, noise, are_as_bright=False)
    return replace(frames, constant=frames.constant & never).mean


def _judged_without(
    frames: Frames, pattern: Image, noise_of: Callable[[Image], Noise]
) -> tuple[Frames, Judged]:
    """Frames with only those constant pixels that are it without a pattern, and in its noise.

    Dim tissue under a bright stripe has the noise of dim tissue, and seemed constant.
    """
    without = frames.images - pattern
    noise = noise_of(without)
    constant = frames.constant & constant_pixels(without, noise)
    frames = replace(frames, constant=constant)
    return frames, Judged.of(frames, noise, pattern)


def _refined(frames: Frames, pattern: Image) -> Image:
    """(Y, X) pattern of frames, and what stands out where tissue is taken off as well."""
    for _ in range(STEPS):
        left = _unexplained(frames, frames.without(pattern), pattern)
        more = standing_out(left)
        if not more.any():
            break
        pattern = pattern + _lying_in(more, left)
    return pattern


def _lying_in(part: Image, image: Image) -> Image:
    """(Y, X) what stands out of an image: its waves where these are few, else its frequencies."""
    waves = waves_of(image, part)
    return lying_in(part, image) if waves is None else waves.lying_in(image)


def _unexplained(frames: Frames, moves: Movement, pattern: Image) -> Image:
    """(Y, X) mean of what neither a pattern nor tissue that moves explains."""
    total = np.zeros_like(pattern)
    for group in np.unique(frames.groups):
        chosen = np.flatnonzero(frames.groups == group)
        tissue = tissue_of(frames.images, chosen, moves, pattern)
        for t in chosen:
            total += frames.images[t] - pattern - moved(tissue, moves, t)
    return frames.known(total / np.float32(len(frames.images)))


# -- the evidence ------------------------------------------------------------------------------


def _better(
    frames: Frames,
    pattern_in: Callable[[Image], Image],
    seems: Movement,
    moves: Movement,
    judged: Judged,
) -> npt.NDArray[np.float64]:
    """(2, 2) by how much a pattern predicts frames better, over the quarters of the image.

    In units of the variance of a pixel that the motion of the tissue makes. ``pattern_in`` finds
    the pattern in a mean of frames.
    """
    images = judged.images
    nothing = np.zeros_like(images[0])
    alone = [(nothing, seems), (nothing, moves)]
    misfits = np.zeros((3, *nothing.shape))
    explained = predicted_changes = 0.0
    inner = _inner(nothing.shape)
    for learned in frames.halves:
        pattern = judged.as_judged(pattern_in(frames.some(learned).mean))
        for group in np.unique(frames.groups):
            mine, others = (
                np.flatnonzero(some & (frames.groups == group)) for some in (learned, ~learned)
            )
            if not len(mine) or len(others) < FEWEST_FRAMES:
                continue
            for misfit, (fixed, motion) in zip(misfits, [*alone, (pattern, moves)], strict=True):
                tissue = tissue_of(images, mine, motion, fixed)
                predicted = np.stack([moved(tissue, motion, t) for t in others])
                rest = images[others] - fixed
                misfit += np.square(rest - predicted).sum(axis=0)
            # Of the last one, the pattern with tissue.
            changing = predicted - predicted.mean(axis=0)
            changes = (rest - rest.mean(axis=0)) * changing
            explained += float(changes[:, *inner].mean(axis=(1, 2)).sum())
            predicted_changes += float(np.square(changing[:, *inner]).mean(axis=(1, 2)).sum())
    if explained <= COME_TRUE * predicted_changes:
        return np.zeros((2, 2))
    without = min(misfits[:2], key=lambda misfit: float(misfit[inner].sum()))
    return _of_quarters((without - misfits[2])[inner]) / explained


def _inner(shape: tuple[int, ...]) -> tuple[slice, ...]:
    """The image without its borders, where a pattern is known less well."""
    return tuple(slice(int(TAPER * n) + 1, n - int(TAPER * n) - 1) for n in shape)


def _of_quarters(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(2, 2) means over the quarters of an image."""
    rows = np.array_split(image, 2)
    return np.array([[part.mean() for part in np.array_split(row, 2, axis=1)] for row in rows])
