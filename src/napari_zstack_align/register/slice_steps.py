"""Whether a slice lies over the one before it.

Neighbouring slices show the same tissue, so their cross-correlation has a peak. Where the slice
lies right, it is at no shift; where a step was not taken, it is a few pixels away; where the stage
jumped farther than the alignment looks, it is elsewhere; and where the tissue is another, or was
turned, there is none. What shifts at random give
says how high a peak must be (normalised by the overlap: Lewis, Fast Template Matching, Vision
Interface 1995).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import correlate

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import (
    comparison_factor,
    comparison_image,
    comparison_valid,
    without_extremes,
)
from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.register.beside import detail, expected_error, peak_beside
from napari_zstack_align.remark import Remark, as_notes
from napari_zstack_align.spread import SD_PER_MAD

Image = npt.NDArray[np.float32]

NEAR_PX, FAR_PX = 2.0, 6.0
"""Shifts that are as good as none, and those that are others, in px of the compared images."""
LEAST_OVERLAP = 0.4
"""Of the slice's power: with less, a shift isn't looked at."""
LEAST_PEAK = 5.0
"""Of the spread of what shifts at random give; the highest of those is at 3 to 4.7."""
LEAST_ATTAINABLE = 2.0
"""Of the least peak: where even a perfect match would reach less, nothing can be told."""
LEAST_STEP_PX = 0.7
"""Of the raw frames: a slice that is put so far from its peak is off."""
LEAST_GAIN = 2.5
"""Of the spread of what so long a shift changes at random: the peak is higher by more."""
CLEARER = 1.5
"""A peak elsewhere is higher than that at the slice's place by this factor."""
DOUBTFUL_PX, LOST_PX = 0.35, 0.55
"""Expected errors of the peak, in px of the raw frames: from the one on slices may lie over a pixel
off, as finer detail is less alike; from the other on most do."""
FEW_CELLS_PX, FAR_BY_FEW_PX = 2.0, 1.0
"""Two halves of the image that put a slice farther apart than this see too few cells of it; a slice
that seems to lie far from the one before it has to be surer."""
MOST_SAID = 3
"""So many slices are named in a remark."""


@dataclass(frozen=True)
class SliceStep:
    """How a slice lies over the one before it.

    Attributes
    ----------
    here : float
        Peak of their cross-correlation where the slice was put, in spreads of what shifts at random
        give.
    elsewhere : float
        The highest peak at another shift.
    shift_px : tuple of float
        (y, x) in px: where that is, from where the slice was put.
    beside_px : tuple of float
        (y, x) in px: where the highest peak near the slice's place is.
    gain : float
        By how much it is higher there than at the place, in spreads of what so long a shift
        changes at random; 0 where that is no peak.
    bridges : bool
        The slice was put over the one two before it, as it resembles that more.
    likeness : float
        Correlation of the two where the slice was put.
    error_px : float
        Error of its place to be expected of what they have in common, in px.
    halves_apart_px : float
        How far apart two halves of the image put the slice.
    is_far : bool
        Whether the slice was put far from the one before it.
    """

    here: float
    elsewhere: float
    shift_px: tuple[float, float]
    beside_px: tuple[float, float] = (0.0, 0.0)
    gain: float = 0.0
    bridges: bool = False
    likeness: float = 1.0
    error_px: float = 0.0
    halves_apart_px: float = 0.0
    is_far: bool = False

    @property
    def jumped(self) -> bool:
        """Whether the slice fits elsewhere."""
        return self.elsewhere > max(LEAST_PEAK, CLEARER * self.here)

    @property
    def is_off(self) -> bool:
        """Whether the slice lies better over the one before it a few pixels away."""
        far = float(np.hypot(*self.beside_px)) > LEAST_STEP_PX
        return far and self.gain > LEAST_GAIN and not self.jumped

    @property
    def is_alike(self) -> bool:
        """Whether the slice resembles the one before it more than by chance."""
        return self.here >= LEAST_PEAK

    @property
    def is_lost(self) -> bool:
        """Whether the two have too little in common for the place to be right."""
        return self.error_px > LOST_PX or (self.is_far and self.halves_apart_px > FAR_BY_FEW_PX)

    @property
    def shows_few_cells(self) -> bool:
        """Whether the slice fits, but by so few cells that it could be off by a pixel or more."""
        return self.fits and self.halves_apart_px > FEW_CELLS_PX

    @property
    def fits(self) -> bool:
        """Whether the slice lies over the one before it."""
        return self.is_alike and not self.jumped and not self.is_off and not self.is_lost

    @property
    def is_doubtful(self) -> bool:
        """Whether the slice fits, but could be off by a pixel or more."""
        return self.fits and self.error_px > DOUBTFUL_PX

    def to_array(self) -> npt.NDArray[np.float64]:
        """(12,) for the journal."""
        shifts, told = (*self.shift_px, *self.beside_px), (self.likeness, self.error_px)
        halves = (self.halves_apart_px, self.is_far)
        return np.array(
            [self.here, self.elsewhere, *shifts, self.gain, self.bridges, *told, *halves]
        )

    @classmethod
    def of_array(cls, array: npt.NDArray[Any]) -> SliceStep:
        """Undo `to_array`."""
        here, elsewhere, y, x, beside_y, beside_x, gain, bridges, *rest = array.tolist()
        likeness, error_px, halves_apart_px, is_far = rest
        return cls(
            here,
            elsewhere,
            (y, x),
            (beside_y, beside_x),
            gain,
            bool(bridges),
            likeness,
            error_px,
            halves_apart_px,
            bool(is_far),
        )


CANNOT_TELL = SliceStep(np.inf, 0.0, (0.0, 0.0))
"""Of too few pixels, in a small mask for example: the slice is believed."""


def step_between(
    before: Image, image: Image, valid: npt.NDArray[np.bool_], weights: Image | None = None
) -> SliceStep:
    """Compare a slice, where it was put, with the one before it.

    Parameters
    ----------
    before, image : numpy.ndarray
        (Y, X) float32 means of the two slices, in the reference.
    valid : numpy.ndarray
        (Y, X) bool: where the image shows tissue.
    weights : numpy.ndarray, optional
        Mask of the image, at the size of the compared images.
    """
    fixed, moved = (without_extremes(comparison_image(each)) for each in (before, image))
    where = comparison_valid(valid).astype(np.float32)
    if weights is not None:
        where *= weights > 0
    details = [detail(image, where) for image in (fixed, moved)]
    moved *= where
    numerator, fixed_power, moved_power = (
        correlate(one, other, method="fft")
        for one, other in ((fixed, moved), (fixed**2, where), (np.ones_like(fixed), moved**2))
    )
    overlap = moved_power / (float(moved_power.max()) or np.inf)
    seen = (overlap >= LEAST_OVERLAP) & (fixed_power > 0)
    power = np.where(seen, fixed_power * moved_power, 1)
    # times the root of the overlap: the fewer pixels, the more alike they are by chance
    score = np.where(seen, numerator / np.sqrt(power) * np.sqrt(np.clip(overlap, 0, 1)), 0)
    y, x = (np.arange(size) - n + 1 for size, n in zip(score.shape, fixed.shape, strict=True))
    distance = np.hypot(y[:, np.newaxis], x)
    others = seen & (distance > FAR_PX)
    spread = SD_PER_MAD * float(np.median(np.abs(score[others]))) if others.any() else 0.0
    if spread == 0:
        return CANNOT_TELL
    factor = comparison_factor(before.shape)
    centre = fixed.shape[0] - 1, fixed.shape[1] - 1
    top = float(score[distance <= NEAR_PX].max())
    error_px = factor * expected_error(score, top, np.mean(details, axis=0), others)
    likeness = float(score[centre])
    if 1 / spread < LEAST_ATTAINABLE * LEAST_PEAK:  # what a perfect match would reach
        return replace(CANNOT_TELL, likeness=likeness, error_px=error_px)
    best = np.unravel_index(np.argmax(np.where(others, score, -1)), score.shape)
    beside = peak_beside(score, centre, int(FAR_PX), others)
    return SliceStep(
        top / spread,
        float(score[best] / spread),
        (float(factor * y[best[0]]), float(factor * x[best[1]])),
        (factor * beside.y, factor * beside.x),
        beside.clearer if beside.height >= LEAST_PEAK * spread else 0.0,
        likeness=likeness,
        error_px=error_px,
    )


def with_breaks(
    alignment: Alignment, steps: Mapping[int, SliceStep], start: int, max_shift_px: float
) -> Alignment:
    """Return the alignment with the slices flagged that lie over none before them.

    A slice lies in the reference through all those between; so what comes after it lies no better.
    A slice that the chain passed over is flagged alone.

    Parameters
    ----------
    alignment : Alignment
    steps : mapping
        From a slice to how it lies over the one before it in the chain.
    start : int
        Slice that the chain runs from, to both ends.
    max_shift_px : float
        Largest shift that was looked for.
    """
    if unknown := sum(np.isinf(step.here) for step in steps.values()):
        where = "small frames" if alignment.mask is None else "a small mask"
        what = f"{counted(unknown, 'slice')} {'lies' if unknown == 1 else 'lie'}"
        alignment = alignment.with_remarks(
            *as_notes(
                f"How {what} over the slice before was not judged: too few pixels count, in "
                f"{where} or where little is seen."
            )
        )
    passed = {
        _last_towards(start, z, steps): z for z, step in sorted(steps.items()) if step.bridges
    }
    if passed:
        alignment = _with_passed(alignment, steps, start, passed)
    if doubtful := {z: step for z, step in sorted(steps.items()) if step.is_doubtful}:
        alignment = alignment.with_remarks(_doubt(doubtful, start))
    few = {z: s for z, s in sorted(steps.items()) if s.shows_few_cells and not s.is_doubtful}
    if few:
        alignment = alignment.with_remarks(_few_cells(few, start))
    broken = {z: step for z, step in sorted(steps.items()) if not step.fits and z not in passed}
    if not broken:
        return alignment
    quality = alignment.quality.copy()
    for z in sorted(broken, key=lambda z: abs(z - start)):
        beyond = quality["slice"] >= z if z > start else quality["slice"] <= z
        fault = Fault(Flag.UNLIKE_REFERENCE, f"unlike reference: {_what(z, broken[z], start)}")
        mark(quality, fault, beyond & (quality["flag"] == Flag.GOOD))
    flagged = replace(alignment, quality=quality)
    return flagged.with_remarks(_remark(broken, start, max_shift_px))


def _with_passed(
    alignment: Alignment, steps: Mapping[int, SliceStep], start: int, passed: Mapping[int, int]
) -> Alignment:
    """Return the alignment with the slices flagged that the next one was not put over."""
    quality, said = alignment.quality.copy(), []
    for z, after in passed.items():
        under = _last_towards(start, z, steps)
        what = f"slice {after} resembles slice {under} more than slice {z}"
        fault = Fault(Flag.UNLIKE_REFERENCE, f"unlike reference: {what}")
        mark(quality, fault, (quality["slice"] == z) & (quality["flag"] == Flag.GOOD))
        said.append(f"{what[0].upper()}{what[1:]}, and was aligned to that")
    listed = said[:MOST_SAID]
    if len(said) > MOST_SAID:
        listed.append(f"{len(said) - MOST_SAID} more slices were passed over")
    which = "the slice passed over lies" if len(said) == 1 else "the slices passed over lie"
    remark = f"{'. '.join(listed)}. How {which} over the others is not known (too little light, or "
    remark += "another place): the frames are flagged."
    return replace(alignment, quality=quality).with_remarks(Remark(remark))


def _last_towards(start: int, z: int, steps: Mapping[int, SliceStep]) -> int:
    """Last slice of the chain before a slice; the start, where it is the first one."""
    between = [each for each in steps if min(start, z) < each < max(start, z)]
    return min(between, key=lambda each: abs(each - z)) if between else start


def _remark(broken: Mapping[int, SliceStep], start: int, max_shift_px: float) -> Remark:
    jumped = [_what(z, step, start) for z, step in broken.items() if step.jumped]
    what = jumped[:MOST_SAID]
    if len(jumped) > MOST_SAID:
        what.append(f"{len(jumped) - MOST_SAID} more fit elsewhere")
    off = [_what(z, step, start) for z, step in broken.items() if step.is_off]
    what += off[:MOST_SAID]
    if len(off) > MOST_SAID:
        what.append(f"{len(off) - MOST_SAID} more fit better a few px away")
    rest = {z: step for z, step in broken.items() if not step.jumped and not step.is_off}
    unlike = [z for z, step in rest.items() if not step.is_alike]
    what += [_unlike(side, start) for side in _sides(unlike, start)]
    lost = {z: step for z, step in rest.items() if step.is_alike}
    what += [_too_little(side, lost, start) for side in _sides(list(lost), start)]
    text = "; ".join(what)
    slices = "this slice" if len(broken) == 1 else "these slices"
    text = f"{text[0].upper()}{text[1:]}. How {slices} and those beyond lie over the others is not "
    text += "known: they are flagged"
    if jumped:
        text += ". Where the stage jumped, raise the largest shift that is looked for "
        text += f"(max_shift_px, {max_shift_px:g} now)"
    return Remark(f"{text}.")


def _sides(slices: Sequence[int], start: int) -> list[list[int]]:
    """Slices before the start and after it: they are compared with those on the other side."""
    sides = ([z for z in slices if z < start], [z for z in slices if z > start])
    return [side for side in sides if side]


def _what(z: int, step: SliceStep, start: int) -> str:
    if step.is_off:
        y, x = step.beside_px
        better = f"better {np.hypot(y, x):.1f} px away (at {y:+.1f} px in y, {x:+.1f} in x)"
        return f"slice {z} fits the slice {_towards(z, start)} it {better}"
    if not step.jumped:
        return _too_little([z], {z: step}, start) if step.is_alike else _unlike([z], start)
    y, x = step.shift_px
    at = f"at {y:+.0f} px in y, {x:+.0f} in x"
    return f"slice {z} fits the slice {_towards(z, start)} it elsewhere, {at}"


def _unlike(slices: Sequence[int], start: int) -> str:
    """What is said of slices on one side of the start that are unlike their neighbour there."""
    beside = _towards(slices[0], start)
    if len(slices) == 1:
        return f"slice {slices[0]} resembles the slice {beside} it no more than by chance"
    return f"slices {_listed(slices)} resemble the slice {beside} each no more than by chance"


def _too_little(slices: Sequence[int], steps: Mapping[int, SliceStep], start: int) -> str:
    """What is said of slices on one side of the start that lie anywhere within a few pixels."""
    by_few = [z for z in slices if steps[z].is_far and steps[z].error_px <= LOST_PX]
    if by_few == list(slices):
        return _far_by_few(slices, steps, start)
    likeness = min(steps[z].likeness for z in slices)
    beside, too = _towards(slices[0], start), "too little for its place to be right within a pixel"
    if len(slices) == 1:
        return f"slice {slices[0]} resembles the slice {beside} it by {decimal(likeness)}: {too}"
    each = f"resemble the slice {beside} each, the least by {decimal(likeness)}"
    return f"slices {_listed(slices)} {each}: {too.replace('its place', 'their places')}"


def _far_by_few(slices: Sequence[int], steps: Mapping[int, SliceStep], start: int) -> str:
    """What is said of slices on one side of the start that few cells put far away."""
    apart, beside = max(steps[z].halves_apart_px for z in slices), _towards(slices[0], start)
    halves = "and two halves of the image put"
    if len(slices) == 1:
        seems = f"slice {slices[0]} seems to lie far from the slice {beside} it"
        return f"{seems}, {halves} it {apart:.1f} px apart"
    seem = f"slices {_listed(slices)} seem to lie far from the slice {beside} each"
    return f"{seem}, {halves} them up to {apart:.1f} px apart"


def _doubt(doubtful: Mapping[int, SliceStep], start: int) -> Remark:
    """What is said of slices whose place could be wrong."""
    text = "; ".join(_could_be_off(side, doubtful, start) for side in _sides([*doubtful], start))
    text += ". Those beyond lie over the others no better. Smaller z-steps, or more repeats, would "
    return Remark(f"{text[0].upper()}{text[1:]}make neighbouring slices more alike.")


def _could_be_off(slices: Sequence[int], steps: Mapping[int, SliceStep], start: int) -> str:
    likeness, beside = min(steps[z].likeness for z in slices), _towards(slices[0], start)
    if len(slices) == 1:
        what = f"the place of slice {slices[0]} over the slice {beside} it could be off by a pixel "
        return f"{what}or more: they resemble each other by {decimal(likeness)}"
    what = f"the places of slices {_listed(slices)} over the slice {beside} each could be off by a "
    return f"{what}pixel or more: they resemble each other by {decimal(likeness)} at the least"


def _few_cells(few: Mapping[int, SliceStep], start: int) -> Remark:
    """What is said of slices whose place rests on a few cells."""
    apart = max(step.halves_apart_px for step in few.values())
    sides = [(side, _towards(side[0], start)) for side in _sides([*few], start)]
    which = "; ".join(
        f"slice {side[0]} over the slice {beside} it"
        if len(side) == 1
        else f"slices {_listed(side)} over the slice {beside} each"
        for side, beside in sides
    )
    one = len(few) == 1
    it, up_to, places = ("it", "", "place") if one else ("them", "up to ", "places")
    return Remark(
        f"Too few cells go on from slice to slice to judge the {places} of {which}: two halves of "
        f"the image put {it} {up_to}{apart:.1f} px apart. {'It' if one else 'They'}, and the "
        f"slices beyond, could be off by a pixel or more. Smaller z-steps, or a mask over what "
        f"goes on through the slices, would help."
    )


def _towards(z: int, start: int) -> str:
    """On which side the slice lies that a slice is compared with."""
    return "before" if z > start else "after"


def _listed(slices: Sequence[int]) -> str:
    """'1 and 2', or '1, 2, 3 and 7 more'."""
    first = [f"{z}" for z in slices[:MOST_SAID]]
    last = first.pop() if len(slices) <= MOST_SAID else f"{len(slices) - MOST_SAID} more"
    return f"{', '.join(first)} and {last}"
