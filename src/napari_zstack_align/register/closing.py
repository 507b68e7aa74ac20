"""The end of an alignment: frames that it made worse go back, and the noise is measured."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.noise_limit import power_of
from napari_zstack_align.alignment.quality import comparison_factor, noise_spread
from napari_zstack_align.alignment.summary import FOLLOWED_ONE_BY_ONE, NOISE_LIMIT, SINGLE_FRAMES
from napari_zstack_align.alignment.transforms import AffineLink, Link, SplineLink, Transforms
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.counting import decimal
from napari_zstack_align.flags import Flag
from napari_zstack_align.params import ChannelParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.frames import read_frame
from napari_zstack_align.stack import Stack

Numbers = npt.NDArray[np.floating]

LIMIT_FRAMES = 24
"""Frames, spread over the stack, whose noise is looked at."""
WORSE_BY = 0.05
"""A frame whose correlation falls by more than this was made worse; see `worse_than_before`."""
NOISE_SPREADS = 3.0


class Averaged(Protocol):
    """How many frames went into the two images that a frame's correlation is of."""

    def __call__(self, t: int) -> tuple[float, float]:
        """Return the number of its own frames, and of others."""


def worse_than_before(before: Numbers, after: Numbers, n_pixels: int) -> npt.NDArray[np.bool_]:
    """(n,) bool: frames that resemble the others less than before, by more than noise.

    Parameters
    ----------
    before, after : numpy.ndarray
        (n,) correlations; NaN is not worse.
    n_pixels : int
        Compared pixels.
    """
    least = max(WORSE_BY, NOISE_SPREADS * noise_spread(n_pixels))
    return np.asarray(after < before - least)


def with_worse_put_back(
    alignment: Alignment, raw_place: npt.NDArray[np.float64] | None = None
) -> Alignment:
    """Return the alignment with the raw place for each used frame that it made worse, flagged.

    Parameters
    ----------
    alignment : Alignment
        Whose correlations are those of single frames.
    raw_place : numpy.ndarray, optional
        (3, 3) map, reference to raw, of what lies where it is expected; the identity by default.
    """
    quality = alignment.quality.copy()
    rows, columns = (size // comparison_factor(alignment.raw_shape) for size in alignment.raw_shape)
    before, after = quality["correlation_before"], quality["correlation_after"]
    worse = np.flatnonzero(quality["used"] & worse_than_before(before, after, rows * columns))
    if not len(worse):
        return alignment
    for t in worse:
        row = quality[t]
        row["flag"], row["used"] = Flag.NOT_IMPROVED, False
        row["detail"] = (
            f"not improved: correlation {decimal(after[t])} after, {decimal(before[t])} before: "
            f"it keeps its raw place"
        )
        row["correlation_after"] = before[t]
        row["mean_displacement_px"] = row["max_displacement_px"] = 0
    first, *others = alignment.transforms.links
    links = (with_place(first, worse, raw_place), *(with_place(link, worse) for link in others))
    return replace(
        alignment, transforms=Transforms(alignment.transforms.shape, links), quality=quality
    )


def with_place(
    link: Link, frames: npt.NDArray[np.intp], place: npt.NDArray[np.float64] | None = None
) -> Link:
    """Return a link that is the identity in some frames, or the given matrix."""
    if not len(frames):
        return link
    if isinstance(link, SplineLink):
        coefficients = link.coefficients.copy()
        coefficients[frames] = 0
        return replace(link, coefficients=coefficients)
    matrices = link.matrices.copy()
    matrices[frames] = np.eye(3) if place is None else place
    return AffineLink(matrices)


def with_noise_limit(
    alignment: Alignment,
    stack: Stack,
    params: ChannelParams,
    artefacts: Artefacts,
    averaged: Averaged,
) -> Generator[Progress, None, Alignment]:
    """Return the alignment with the correlation that the noise of its frames allows.

    Parameters
    ----------
    alignment : Alignment
    stack : Stack
        Its frames, under watch.
    params : ChannelParams
        Which channel drives the alignment.
    artefacts : Artefacts
        What was left out of the frames: they are no noise.
    averaged : callable
        Called with a frame: how many frames its correlation is of.
    """
    factor = comparison_factor(alignment.raw_shape)
    mask = None if alignment.mask is None else shrink(alignment.mask, factor)
    if mask is not None and mask.shape != tuple(size // factor for size in alignment.raw_shape):
        mask = None  # of a reference of another size
    judged = alignment.quality["used"] & np.isfinite(alignment.quality["correlation_after"])
    frames = _spread(np.flatnonzero(judged))
    limits = []
    for done, t in enumerate(map(int, frames), start=1):
        raw, (n_own, n_others) = read_frame(stack, t, params, artefacts), averaged(t)
        if raw.fault is None and n_others > 0:
            power = power_of(filled(raw.image), mask)
            limits.append(power.expected_correlation(n_own, n_others))
        yield Progress("Measuring the noise", done, len(frames))
    limit = round(float(np.median(limits)), 4) if limits else None
    return replace(alignment, provenance={**alignment.provenance, NOISE_LIMIT: limit})


def averaged_in_session(alignment: Alignment, n_session: int) -> Averaged:
    """Each frame, or the mean of its chunk, with all other frames of the session."""
    one_by_one = alignment.provenance.get(SINGLE_FRAMES) in FOLLOWED_ONE_BY_ONE
    in_chunk = np.bincount(alignment.quality["chunk"][alignment.quality["used"]], minlength=1)

    def averaged(t: int) -> tuple[float, float]:
        own = int(in_chunk[alignment.quality["chunk"][t]])
        return (1.0 if one_by_one else float(own)), float(n_session - own)

    return averaged


def _spread(frames: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return some frames, spread over all of them."""
    if len(frames) <= LIMIT_FRAMES:
        return frames
    return frames[np.linspace(0, len(frames) - 1, LIMIT_FRAMES).astype(int)]


def averaged_in_slices(alignment: Alignment) -> Averaged:
    """Each frame with the other used repeats of its slice, or with the slice before."""
    used, slices = alignment.quality["used"], alignment.stack.slice_of_frame

    def averaged(t: int) -> tuple[float, float]:
        return 1.0, float(max(np.sum(used & (slices == slices[t])) - 1, 1))

    return averaged
