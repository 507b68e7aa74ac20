"""What came of an alignment, in a few sentences that are the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.flags import Codes, Flag, count_by_flag
from napari_zstack_align.remark import Remark, as_serious, short_repr, with_remarks

if TYPE_CHECKING:
    from napari_zstack_align.alignment.alignment import Alignment

NOISE_LIMIT = "noise_limit"
"""Key of the provenance: the correlation after alignment that the frames' noise allows."""
APPLIED_FROM = "applied_from"
"""Key of the provenance: the name of the stack that the transforms were found on."""
UNFINISHED = "unfinished"
"""Key of the provenance: set where a run was stopped before its last stage."""
LIMIT_MARGIN = 0.15
"""By how much the limit is too low at most, in small images."""

MUCH_LESS = 0.25
"""So far below what noise allows, the frames differ by more than noise and small motion."""

SINGLE_FRAMES = "single_frames"
"""Key of the provenance: what motion of single frames within a chunk was followed."""
FOLLOWED_ONE_BY_ONE = ("translation", "rigid", "affine", "spline")
"""Values of it where each frame was compared for itself."""

MOSTLY_NOISE = 0.8
"""Below this limit, noise is a large part of a frame."""
LEAST_POSSIBLE = 0.02
"""By less than this, alignment couldn't improve the correlation: nothing shows whether it did."""
MOST_OF_IT = 0.7
"""Frames that were placed reach more than this part of what was possible."""


@dataclass(frozen=True)
class Counts:
    """Frames of an alignment, each counted once.

    Attributes
    ----------
    good : int
        Judged, with nothing the matter.
    not_judged : int
        Nothing the matter, but without a correlation; `reason_not_judged` says why.
    flagged, not_run : int
    """

    good: int
    not_judged: int
    flagged: int
    not_run: int


def count(quality: npt.NDArray[np.void]) -> Counts:
    """Count the frames of a quality table (T,)."""
    flags = quality["flag"]
    fine, not_run = flags == Flag.GOOD, flags == Flag.NOT_RUN
    judged = np.isfinite(quality["correlation_after"])
    return Counts(
        int(np.sum(fine & judged)),
        int(np.sum(fine & ~judged)),
        int(np.sum(~fine & ~not_run)),
        int(np.sum(not_run)),
    )


def none_judged(quality: npt.NDArray[np.void]) -> bool:
    """Whether a run that reached its end compared none of its frames with others.

    False of a z-shift, whose frames are compared with a reference.
    """
    if "correlation_after" not in (quality.dtype.names or ()):
        return False
    counts = count(quality)
    return bool(counts.not_judged) and not (counts.not_run or counts.good)


def median_correlations(quality: npt.NDArray[np.void]) -> tuple[float, float] | None:
    """Median correlation before and after of the frames used; None where none was judged."""
    pairs = [quality[name][quality["used"]] for name in ("correlation_before", "correlation_after")]
    both = np.isfinite(pairs[0]) & np.isfinite(pairs[1])
    if not both.any():
        return None
    before, after = (float(np.median(values[both])) for values in pairs)
    return before, after


def summary_of(alignment: Alignment) -> str:
    """Describe an alignment; see `Alignment.summary`."""
    quality, limit = alignment.quality, alignment.provenance.get(NOISE_LIMIT)
    sentences = [_frames(alignment), correlation_words(quality, limit)]
    return with_remarks(". ".join(filter(None, sentences)), remarks_on(alignment))


def remarks_on(alignment: Alignment) -> tuple[Remark, ...]:
    """What is to be known of an alignment, and that none of its frames was judged."""
    return (*alignment.remarks, *_of_judging(alignment), *_of_dim_frames(alignment))


def _of_judging(alignment: Alignment) -> tuple[Remark, ...]:
    """Warn where no frame at all could be compared with others; a stopped run still judges."""
    if not none_judged(alignment.quality) or APPLIED_FROM in alignment.provenance:
        return ()
    return as_serious(
        "None of the frames was judged, for there was nothing to compare them with: whether they "
        "are aligned is not known. Look at the aligned frames."
    )


def _of_dim_frames(alignment: Alignment) -> tuple[Remark, ...]:
    """Warn where single frames were moved, and are no more alike for it.

    Of a frame that is mostly noise, the place cannot be found. The others of the recording are its
    measure: had it come to its place, it would be as like them as its photon noise allows.
    """
    found, limit = median_correlations(alignment.quality), alignment.provenance.get(NOISE_LIMIT)
    moved_singly = alignment.provenance.get(SINGLE_FRAMES) in FOLLOWED_ONE_BY_ONE
    if found is None or not isinstance(limit, float) or not moved_singly:
        return ()
    before, after = found
    possible = limit - before
    if limit > MOSTLY_NOISE or possible < LEAST_POSSIBLE or after - before > MOST_OF_IT * possible:
        return ()
    return as_serious(
        f"Single frames are too dim to be placed: their correlation with the others went from "
        f"{decimal(before)} to {decimal(after)}, and could have come to {decimal(limit)}. Many may "
        f"be off by more than a pixel: average neighbouring frames first, or keep those of a chunk "
        f"together with `residual='none'`."
    )


def reason_not_judged(alignment: Alignment) -> str:
    """Why frames that were run have no correlation; a stopped run may not have come to that."""
    if APPLIED_FROM in alignment.provenance:
        return "the transforms are given"
    was_stopped = not alignment.placed.all() or alignment.provenance.get(UNFINISHED)
    return "the run was stopped before that" if was_stopped else "nothing to compare them with"


def repr_of(alignment: Alignment) -> str:
    """Describe an alignment in one short line."""
    facts = _groups(alignment), f"{count(alignment.quality).flagged} flagged"
    return short_repr(f"Alignment of {alignment.stack.name}", facts, remarks_on(alignment))


def correlation_words(quality: npt.NDArray[np.void], limit: Any = None) -> str:
    """Say how like the others the frames are, and how like they could be; '' if unknown."""
    found = median_correlations(quality)
    if found is None:
        return ""
    before, after = map(decimal, found)
    text = f"Median correlation with the others {before} before, {after} after"
    if not isinstance(limit, float):
        return text
    doubt = doubt_of_likeness(quality, limit)
    return f"{text}; {doubt or f'photon noise allows about {decimal(limit)}'}"


def doubt_of_likeness(quality: npt.NDArray[np.void], limit: Any) -> str:
    """Why aligned frames are more, or far less, alike than noise allows; '' where they aren't."""
    found = median_correlations(quality)
    if found is None or not isinstance(limit, float):
        return ""
    if found[1] > limit + LIMIT_MARGIN:
        what = "a pattern of single pixels is in all frames"
        return f"more than photon noise allows ({decimal(limit)}): {what}"
    if found[1] < limit - MUCH_LESS:
        what = "other tissue, motion within frames or changing light is in them"
        return f"much less than photon noise allows ({decimal(limit)}): {what}"
    return ""


def flagged_words(flags: Codes) -> str:
    """'3 flagged (1 saturated, 2 torn)'."""
    counts = count_by_flag(flags)
    each = ", ".join(f"{n} {flag}" for flag, n in counts.items())
    return f"{sum(counts.values())} flagged" + (f" ({each})" if each else "")


def _frames(alignment: Alignment) -> str:
    """Count the frames aligned, flagged, not judged and left out."""
    quality = alignment.quality
    counts, flags = count(quality), quality["flag"]
    text = f"{_groups(alignment)}: {flagged_words(flags)}"
    if counts.not_judged:
        text += f", {counts.not_judged} not judged ({reason_not_judged(alignment)})"
    left_out = int(np.sum(~quality["used"] & (flags != Flag.NOT_RUN)))
    is_zstack = alignment.stack.frames_per_slice is not None
    text += f", {left_out} left out of the {'volume' if is_zstack else 'means'}"
    return text + (f", {counts.not_run} not run" if counts.not_run else "")


def _groups(alignment: Alignment) -> str:
    """'54 frames in 6 slices', 'in 2 of 6 slices' of a run that was stopped."""
    quality, stack = alignment.quality, alignment.stack
    recording = stack.frames_per_slice is None
    group_of = quality["chunk"] if recording else stack.slice_of_frame
    was_run = quality["flag"] != Flag.NOT_RUN
    planned, run = len(np.unique(group_of)), len(np.unique(group_of[was_run]))
    words = counted(planned, "chunk" if recording else "slice")
    of = f"{run} of {words}" if run < planned else words
    return f"{counted(int(was_run.sum()), 'frame')} in {of}"
