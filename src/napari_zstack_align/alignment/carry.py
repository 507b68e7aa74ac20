"""From one reference to another: through raw frames that the alignments to both know.

A reference is the mean of aligned frames, so a place on it is a place in each of them. Every frame
that two alignments share gives a way from the old reference to the new one: old ↦ raw ↦ new. The
ways differ by the errors of both transforms of that frame; the median over frames spread evenly
over all shared recordings is where the place went, and how far the frames scatter about it says how
well that is known. Nothing is read: transforms are tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.same_frames import are_same_frames
from napari_zstack_align.alignment.transforms import Points, Transforms
from napari_zstack_align.alignment.warp import EDGE_TOLERANCE_PX
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag

Values: TypeAlias = npt.NDArray[np.float64]
Chosen: TypeAlias = npt.NDArray[np.bool_]
Slices: TypeAlias = npt.NDArray[np.int64]
Session: TypeAlias = Alignment | Sequence[Alignment]
"""One alignment, or those of a session, in the coordinates of one reference."""

FRAMES = 60
"""So many frames of all recordings together are gone through ..."""
FEWEST_OF_RECORDING = 6
"""... but so many of each."""
FRAMES_OF_SLICE = 9
SPREAD_PART = 0.9
"""The spread is the distance from the median within which this part of the frames lies."""
GOOD, DOUBTFUL, UNKNOWN = 2, 1, 0
"""How far a frame's transform is trusted."""


class Mover(Protocol):
    """Takes (n, k) values, of which y and x come first, through the transform of one frame."""

    def __call__(self, values: Values, transforms: Transforms, t: int, /) -> Values:
        """(n, k) values on the other side; NaN where the transform has no inverse."""


@dataclass(frozen=True, eq=False)
class SharedFrames:
    """Frames of one recording or z-stack that were aligned to the old and to the new reference.

    Attributes
    ----------
    old, new : Alignment
    trust : numpy.ndarray
        (T,) `GOOD`, `DOUBTFUL` (used, but flagged, or of another plane) or `UNKNOWN`, in the
        alignment that trusts it less.
    """

    old: Alignment
    new: Alignment
    trust: npt.NDArray[np.int64]

    @property
    def is_z_stack(self) -> bool:
        """Whether the frames are repeats of slices, of which the reference shows the first."""
        repeats = self.old.stack.most_repeats
        by_slice = "slice" in (self.old.quality.dtype.names or ())
        return repeats > 1 or (repeats > 0 and by_slice)

    def best(self, frames: npt.NDArray[np.intp], at_most: int) -> npt.NDArray[np.intp]:
        """Those of some frames that are trusted most, evenly spread over them."""
        trust = self.trust[frames]
        best = frames[(trust == trust.max(initial=DOUBTFUL)) & (trust > UNKNOWN)]
        if len(best) <= at_most:
            return best
        return best[np.linspace(0, len(best) - 1, at_most).round().astype(int)]


@dataclass(frozen=True, eq=False)
class Carried:
    """Values in the coordinates of the new reference.

    Attributes
    ----------
    values : numpy.ndarray
        (N, k) median over the frames; NaN where no frame tells.
    spread_px : numpy.ndarray
        (N,) distance from that place within which 90 % of the frames put it; NaN as above.
    n_frames : numpy.ndarray
        (N,) frames gone through.
    seen : numpy.ndarray
        (N,) bool: inside any of these raw frames.
    """

    values: Values
    spread_px: npt.NDArray[np.float64]
    n_frames: npt.NDArray[np.int64]
    seen: Chosen

    def is_inside(self, shape: tuple[int, int]) -> Chosen:
        """(N,) bool: seen, and inside the new reference (Y, X)."""
        return self.seen & _inside(self.values[:, :2], shape)


def as_session(given: Session, which: str) -> tuple[Alignment, ...]:
    """Alignments of one reference, as a tuple.

    Raises
    ------
    InputError
        Where it is something else; the sentence names ``which``.
    """
    session = (given,) if isinstance(given, Alignment) else tuple(given)
    if not session or not all(isinstance(each, Alignment) for each in session):
        raise InputError(
            f"The {which} reference is that of an Alignment, or of the list of a session's: give "
            f"what register_recordings, align_adaptive or load_alignment returned."
        )
    if not all(_is_reference_of(each, session[0]) for each in session[1:]):
        raise InputError(
            f"The {which} alignments are not in the coordinates of one reference: give those of "
            f"one session."
        )
    return session


def have_one_reference(old: Sequence[Alignment], new: Sequence[Alignment]) -> bool:
    """Whether there is nothing to carry: both sessions lie on the same image."""
    return _is_reference_of(old[0], new[0])


def shared_frames(old: Sequence[Alignment], new: Sequence[Alignment]) -> tuple[SharedFrames, ...]:
    """Recordings that two sessions share, told by their raw frames, whatever their names.

    Raises
    ------
    InputError
        Where they share none, or no frame that both could align.
    """
    pairs = [(a, b) for a in old for b in new if are_same_frames(a, b)]
    if not pairs:
        raise InputError(
            "The old and the new reference have no raw frames in common, so nothing leads from one "
            "to the other: register a recording of the old session together with the new ones."
        )
    trusted = (SharedFrames(a, b, np.minimum(trust_in(a), trust_in(b))) for a, b in pairs)
    shared = [each for each in trusted if each.trust.any()]
    if not shared:
        raise InputError(
            "No frame that the old and the new reference have in common could be aligned to both: "
            "nothing leads from one to the other."
        )
    best = max(int(each.trust.max()) for each in shared)
    return tuple(each for each in shared if each.trust.max() == best)


def carry_points(
    points_yx: npt.ArrayLike, shared: Sequence[SharedFrames], slices: Slices | None = None
) -> Carried:
    """Carry points from the old to the new reference.

    Parameters
    ----------
    points_yx : array-like
        (N, 2) positions (y, x) in px on the old reference.
    shared : sequence of SharedFrames
        As `shared_frames` returns them.
    slices : numpy.ndarray, optional
        (N, 2) first and last slice of each, (-1, -1) for none; see `carry`.

    Returns
    -------
    Carried
        Its ``values`` are (N, 2) positions (y, x) on the new reference.
    """
    points = np.asarray(points_yx, np.float64).reshape(-1, 2)
    return carry(points, shared, _to_raw, _to_reference, slices)


def carry(
    values: Values,
    shared: Sequence[SharedFrames],
    to_raw: Mover,
    to_reference: Mover,
    slices: Slices | None = None,
) -> Carried:
    """Carry what lies on the old reference to the new one.

    Parameters
    ----------
    values : numpy.ndarray
        (N, k), of which y and x come first: points, or circles.
    shared : sequence of SharedFrames
        As `shared_frames` returns them.
    to_raw, to_reference : callable
        The way from a reference to a raw frame, and back.
    slices : numpy.ndarray, optional
        (N, 2) first and last slice (inclusive). Of a z-stack, values go through the frames of their
        slices; those of no slice lie on the reference, which shows the first slice that could be
        aligned.

    Returns
    -------
    Carried
    """
    steps = [
        (each, t, rows)
        for each, frames, rows in _ways(shared, len(values), slices)
        for t in frames.tolist()
    ]
    n_frames = np.zeros(len(values), np.int64)
    for _, _, rows in steps:
        n_frames[rows] += 1
    found = np.full((n_frames.max(initial=0), *values.shape), np.nan)
    seen = np.zeros(found.shape[:2], bool)
    filled = np.zeros(len(values), np.int64)
    for each, t, rows in steps:
        raw = to_raw(values[rows], each.old.transforms, t)
        found[filled[rows], rows] = to_reference(raw, each.new.transforms, t)
        seen[filled[rows], rows] = _inside(raw[:, :2], each.old.raw_shape)
        filled[rows] += 1
    return _median(found, seen)


# -- which frames --------------------------------------------------------------------------------


def trust_in(alignment: Alignment) -> npt.NDArray[np.int64]:
    """(T,) how far the transform of each frame is trusted."""
    quality = alignment.quality
    trust = np.full(len(quality), UNKNOWN, np.int64)
    trust[quality["used"] | (quality["flag"] == Flag.ANOTHER_PLANE)] = DOUBTFUL
    trust[quality["used"] & (quality["flag"] == Flag.GOOD)] = GOOD
    return trust


def _ways(
    shared: Sequence[SharedFrames], n: int, slices: Slices | None
) -> Iterator[tuple[SharedFrames, npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Yield frames and the rows of the values that go through them."""
    at_most = max(FRAMES // len(shared), FEWEST_OF_RECORDING)
    everything = np.arange(n)
    for each in shared:
        if each.is_z_stack:
            yield from _ways_by_slice(each, n, slices)
        else:
            yield each, each.best(np.arange(len(each.trust)), at_most), everything


def _ways_by_slice(
    shared: SharedFrames, n: int, slices: Slices | None
) -> Iterator[tuple[SharedFrames, npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    of_frame = shared.old.stack.slice_of_frame
    wanted = np.tile(-1, (n, 2)) if slices is None else slices.copy()
    if np.any(wanted >= 0) and not np.array_equal(of_frame, shared.new.stack.slice_of_frame):
        raise InputError(
            f"{shared.old.stack.name} has other slices in the new alignment than in the old one: "
            f"ROIs of slices can't be carried."
        )
    wanted[wanted[:, 0] < 0] = of_frame[shared.trust == shared.trust.max()].min()
    for z in np.unique(of_frame):
        rows = np.flatnonzero((wanted[:, 0] <= z) & (z <= wanted[:, 1]))
        if len(rows):
            frames = shared.best(np.flatnonzero(of_frame == z), FRAMES_OF_SLICE)
            yield shared, frames, rows


def _is_reference_of(alignment: Alignment, other: Alignment) -> bool:
    first, second = alignment.reference, other.reference
    return first is second or np.array_equal(first, second, equal_nan=True)


# -- one frame after the other -------------------------------------------------------------------


def _to_raw(values: Points, transforms: Transforms, t: int, /) -> Points:
    return transforms.to_raw(values, t)


def _to_reference(values: Points, transforms: Transforms, t: int, /) -> Points:
    return transforms.to_reference(values, t)


def _inside(points: Points, shape: tuple[int, int]) -> Chosen:
    """(n,) bool: which points lie inside a raw frame (Y', X')."""
    last = np.array(shape) - 1
    within = (points >= -EDGE_TOLERANCE_PX) & (points <= last + EDGE_TOLERANCE_PX)
    return np.asarray(within.all(axis=1))


def _median(found: npt.NDArray[Any], seen: Chosen) -> Carried:
    """Median of (F, N, k) over the frames, and how far they scatter.

    A frame that doesn't show the place counts only where none does: its transform is extrapolated
    there.
    """
    any_seen = seen.any(axis=0)
    known = np.isfinite(found).all(axis=2) & (seen | ~any_seen)
    found = np.where(known[..., np.newaxis], found, np.nan)
    n_frames = known.sum(axis=0)
    values = _ranked(found, n_frames, 0.5)
    apart = np.hypot(*np.moveaxis(found[..., :2] - values[:, :2], 2, 0))
    spread = _ranked(apart[..., np.newaxis], n_frames, SPREAD_PART)[:, 0]
    return Carried(values, spread, n_frames, any_seen & (n_frames > 0))


def _ranked(found: Values, n_frames: npt.NDArray[np.int64], part: float) -> Values:
    """(N, k) quantile of (F, N, k) over the finite ones, linear between ranks; NaN for none."""
    result = np.full(found.shape[1:], np.nan)
    some = np.flatnonzero(n_frames)
    if not len(some):
        return result
    in_order = np.sort(found[:, some], axis=0)  # NaN last
    rank = part * (n_frames[some] - 1)
    below, columns = np.floor(rank).astype(int), np.arange(len(some))
    low, high = in_order[below, columns], in_order[np.ceil(rank).astype(int), columns]
    result[some] = low + (rank - below)[:, np.newaxis] * (high - low)
    return result
