"""The verdict on a layout: whether another arrangement explains the frames much better."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.read.layout.arrangements import Arrangement, Explained, Kind
from napari_zstack_align.read.layout.borders import (
    ClearBorders,
    Following,
    clear_borders,
    inner_borders,
)
from napari_zstack_align.read.layout.no_slices import (
    may_be_one_plane,
    of_recording,
    without_slices,
)
from napari_zstack_align.read.layout.pairs import FramePairs, parts_of
from napari_zstack_align.read.layout.report import (
    LayoutReport,
    in_words,
    own_in_words,
    part_in_words,
)
from napari_zstack_align.read.layout.scores import LEAST_OTHER_SCORE, Scores, level_above_chance
from napari_zstack_align.read.layout.two_kinds import are_of_two_kinds
from napari_zstack_align.spread import spread_of

FEWEST_FRAMES = 6
TIMES_MORE = 2.0
"""Another arrangement is believed where it explains so many times as much variance."""
LEAST_DIFFERENCE, LEAST_DIFFERENCE_OF_TWO = 0.05, 0.2
"""Part by which frames of other planes are less alike than those of one, above chance."""
MAY_BE_ANOTHER = 0.6
"""Score from which on volumes or a scan are named that explain much more, though the planes differ
too little to be sure."""
MIN_SLICES = 4
N_PARTS = 4
"""Borders between other numbers of repeats have to be seen in all parts of the sample but one."""
BRIGHTNESS_PART = 0.2
"""Two images in turn differ by this part of a frame's own spread at least, or of its mean."""
BRIGHTNESS_SPREADS = 4.0


def judge(pairs: FramePairs, scores: Scores, layout: Arrangement | None) -> LayoutReport:
    """Compare a layout with every other arrangement, and look for borders inside its slices."""
    if alternate := _alternating_brightness(pairs, layout):
        return LayoutReport("wrong", "two images in turn", alternate)
    other = scores.best(without=layout)
    is_believed = other is not None and _is_believed(pairs, scores, other, layout)
    if is_believed and other is not None and other.kind is not Kind.REPEATS:
        return _another(scores, other, layout)
    runs = Following.blocks_of(pairs)
    if layout is not None and layout.kind is Kind.REPEATS:
        if inner := inner_borders(runs, layout.length, pairs.by_chance):
            return _several_slices_in_one(scores, layout, inner)
        clear = clear_borders(runs, layout.length, pairs.by_chance)
        if clear is not None and clear.number >= MIN_SLICES - 1:
            return _clear(scores, layout, other, clear)
    if other is not None and other.kind is Kind.REPEATS:
        smaller = inner_borders(runs, other.length, pairs.by_chance)
        other = other if smaller is None else Arrangement(Kind.REPEATS, smaller.length)
    if is_believed and other is not None:
        return _another(scores, other, layout)
    own, theirs = scores.at(layout), scores.at(other)
    if layout is None:
        return of_recording(pairs, other, theirs)
    if own > scores.by_chance(layout):
        return _explained(pairs, scores, layout, other)
    explains = other is not None and theirs > max(scores.by_chance(other), LEAST_OTHER_SCORE)
    return without_slices(pairs, layout, own, other if explains else None)


def _is_believed(
    pairs: FramePairs, scores: Scores, other: Arrangement, layout: Arrangement | None
) -> bool:
    own, theirs = scores.at(layout), scores.at(other)
    is_foreign = bool(scores.lengths) and other.length not in scores.lengths
    if is_foreign and other.kind is not Kind.REPEATS:
        # Of so many lengths that the layout says nothing of, one may fit by chance.
        own *= np.sqrt(TIMES_MORE)
    if layout is None and other.kind is not Kind.REPEATS and are_of_two_kinds(pairs, other):
        return False  # a recording in which every few frames are struck by light, say
    return (
        _explains_more(theirs, own)
        and theirs > scores.by_chance(other)
        and _differ_enough(pairs, other)
        and (_is_volumes(other, layout) or _throughout(pairs, other, layout, theirs, own))
    )


def _another(scores: Scores, other: Arrangement, layout: Arrangement | None) -> LayoutReport:
    """Report that the frames look like another arrangement."""
    looks, what = in_words(other)
    own = own_in_words(layout, scores.at(layout))
    reason = (
        f"{what} account for {part_in_words(scores.at(other))} of the differences in how alike "
        f"frames are, {own}."
    )
    return LayoutReport("wrong", looks, reason, other.length, order=other.order)


def _several_slices_in_one(
    scores: Scores, layout: Arrangement, inner: ClearBorders
) -> LayoutReport:
    """Report that what the layout takes for a slice consists of several."""
    looks, what = in_words(layout)
    reason = (
        f"{what} account for {part_in_words(scores.at(layout))} of the differences in how alike "
        f"frames are, but inside such a slice another one seems to begin every {inner.length} "
        f"frames: there the next frame is less alike ({inner.dropping} of {inner.number} times)."
    )
    return LayoutReport("wrong", looks, reason, inner.length)


def _clear(
    scores: Scores, layout: Arrangement, other: Arrangement | None, clear: ClearBorders
) -> LayoutReport:
    """Report that the layout is right, though another may explain more by a few borders."""
    looks, what = in_words(layout)
    own, theirs = scores.at(layout), scores.at(other)
    reason = (
        f"{what} account for {part_in_words(own)} of the differences in how alike frames are, and "
        f"where a new slice begins, every {clear.length} frames, the next frame is less alike "
        f"({clear.dropping} of {clear.number} times)"
    )
    if other is not None and theirs > own:
        what = in_words(other)[1]
        reason += f"; some of these stand out, so that {what[0].lower()}{what[1:]} account for "
        reason += f"{part_in_words(theirs)}"
    return LayoutReport("plausible", looks, f"{reason}.", layout.length)


def _explained(
    pairs: FramePairs, scores: Scores, layout: Arrangement, other: Arrangement | None
) -> LayoutReport:
    """Report on a layout that explains more than chance, beside the best other one."""
    own, theirs = scores.at(layout), scores.at(other)
    looks, what = in_words(layout)
    reason = f"{what} account for {part_in_words(own)} of the differences in how alike frames are"
    if own < LEAST_OTHER_SCORE and may_be_one_plane(pairs, layout):
        return LayoutReport("cannot tell", "no slices", f"{reason}.")
    if other is None:
        return LayoutReport("plausible", looks, f"{reason}.", layout.length)
    what = in_words(other)[1]
    what = f"{what[0].lower()}{what[1:]}"
    if _explains_more(theirs, own):
        reason += f"; {what} {part_in_words(theirs)}."
        if theirs > MAY_BE_ANOTHER and other.kind is not Kind.REPEATS:
            looks = in_words(other)[0]
            return LayoutReport("cannot tell", looks, reason, other.length, order=other.order)
        return LayoutReport("cannot tell", "", reason)
    if theirs > own:
        reason += f"; {what} {part_in_words(theirs)}, too little more to be believed instead."
    else:
        reason += f", the best other layout {part_in_words(theirs)}."
    return LayoutReport("plausible", looks, reason, layout.length)


def _is_volumes(other: Arrangement, layout: Arrangement | None) -> bool:
    """Whether whole volumes are told from repeats, one way or the other.

    Between numbers of repeats, a single border where the tissue ends can decide.
    """
    return other.kind is not Kind.REPEATS or (layout is not None and layout.kind is Kind.SLICES)


def _explains_more(theirs: float, own: float) -> bool:
    return theirs > LEAST_OTHER_SCORE and theirs**2 > TIMES_MORE * own**2


def _differ_enough(pairs: FramePairs, other: Arrangement) -> bool:
    """Whether planes differ by more than even and odd frames of one plane do.

    A detector's fixed pattern that alternates explains much of the little by which the frames of
    a still recording differ.
    """
    plane = other.plane_of(pairs.frames.ravel())
    same = plane[:, np.newaxis] == plane
    level, rest = level_above_chance(pairs, same), float(np.nanmean(pairs.alike[~same]))
    if level is None:
        return False
    rest -= float(np.nanmean(pairs.by_chance))
    return 1 - rest / level > (LEAST_DIFFERENCE_OF_TWO if other.length == 2 else LEAST_DIFFERENCE)


def _throughout(
    pairs: FramePairs, other: Arrangement, layout: Arrangement | None, theirs: float, own: float
) -> bool:
    """Whether borders of slices stand out all over the sample: where the tissue ends is one too."""
    if theirs**2 < TIMES_MORE**2 * own**2 or pairs.frames.size < MIN_SLICES * other.length:
        return False
    stands_out = 0
    for part in parts_of(pairs, N_PARTS):
        explained = Explained(part)
        own = 0.0 if layout is None else explained.score(layout)
        stands_out += _explains_more(explained.score(other), own)
    return stands_out >= N_PARTS - 1


def _alternating_brightness(pairs: FramePairs, layout: Arrangement | None) -> str:
    """Sentence about two images of different brightness in turn; '' where there are none."""
    length = pairs.frames.shape[1] // 2
    planes_may_differ = layout is not None and layout.kind is Kind.SLICES and layout.length % 2 == 0
    one_a_slice = layout is not None and layout.length == 1
    if planes_may_differ or one_a_slice or length * len(pairs.frames) < FEWEST_FRAMES:
        return ""
    # Where a block begins on an odd frame, the images come the other way round.
    swapped = np.repeat(pairs.frames[:, 0] % 2 == 1, length)
    for what, values in (("mean", pairs.mean), ("spread", pairs.spread)):
        first, second = values.reshape(pairs.frames.shape)[:, : 2 * length].reshape(-1, 2).T
        even, odd = np.where(swapped, second, first), np.where(swapped, first, second)
        step = odd - even
        middle = float(np.median(step))
        least = BRIGHTNESS_PART * float(np.median(pairs.spread))
        if abs(middle) > max(least, BRIGHTNESS_SPREADS * spread_of(step)):
            levels = f"{np.median(even):.4g} and {np.median(odd):.4g}"
            return (
                f"The {what} brightness of even and odd frames alternates between {levels}: by two "
                f"channels, or by a light that flickers, where the layout may be right."
            )
    return ""
