"""Stage B: the mean of a slice against the slice before, as that lies in the reference.

Shot noise is averaged out here; what differs is the anatomy. A fine band nearly whitens that
change, data count by the inverse of what is left of it, and the field bends away as little as it
can from that of the slice before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled, safely_known
from napari_zstack_align.alignment.quality import (
    comparison_factor,
    comparison_image,
    comparison_valid,
    correlation,
)
from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape
from napari_zstack_align.alignment.warp import shrink, warp_with_valid
from napari_zstack_align.mask import Mask
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.register.agreement import (
    SMALLEST_PX,
    agreed_part,
    apart_px,
    checkerboard,
)
from napari_zstack_align.register.frames import Image, RawFrame, filtered_frame, folds
from napari_zstack_align.register.light import in_light_of, without_excess
from napari_zstack_align.register.prefilter import Band, Prefilter
from napari_zstack_align.register.slice_steps import SliceStep, step_between
from napari_zstack_align.register.slice_units import known
from napari_zstack_align.register.template import Coefficients, Filtered, Registration, Template
from napari_zstack_align.saved import Arrays

Known: TypeAlias = npt.NDArray[np.bool_] | None

LEAST_GAIN = 0.001
"""A slice that resembles the one before by less more is left in its place."""
FAR_PX, LEAST_FAR_GAIN = 8.0, 0.15
"""A slice that seems to lie so far from the last one is put there if it resembles that by so much
more than nearby: few cells fit others in many places, and tissue seldom moves far."""
MORE_ALIKE = 0.1
"""A slice that resembles the one two before by so much more than the one before is put over that: a
nearly empty slice, or one that was put wrong, is no reference."""
BAND = Band(fine_px=0.6, coarse_px=1.5, offset=0.05)
FACTORS = (8, 4, 2, 1)
SMOOTHNESS = 3.0
"""Times the standard strength of the prior, at alpha = 1."""
STIFF = 30.0
"""Times as stiff a field takes of a step only what all cells share."""
ALL = 0.999
"""Halves of an image that agree on more of a bend agree on all of it."""
SPACING_RATIO = 4 / 3
"""Control points lie this much farther apart than within slices."""


@dataclass(frozen=True)
class Placed:
    """A slice through a field.

    Attributes
    ----------
    field : numpy.ndarray
        (2, gy, gx).
    image : numpy.ndarray
        (Y, X) float32 in the reference.
    valid : numpy.ndarray
        (Y, X) bool: where that is of this slice.
    """

    field: Coefficients
    image: Image
    valid: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Halves:
    """What two halves of an image ask for.

    Attributes
    ----------
    fields : tuple of numpy.ndarray
        (2, gy, gx) each: steps from the slice before, of fields that may bend.
    apart_px : float
        How far apart they put the slice on the whole, where they agree or by stiff fields.
    """

    fields: tuple[Coefficients, Coefficients]
    apart_px: float


@dataclass(frozen=True)
class Chain:
    """The chain as far as it goes: the last slice in the reference, and how it got there.

    Attributes
    ----------
    shape : tuple of int
        (Y, X).
    spacing_px : float
        Distance of the control points.
    params : AdaptiveParams
    mask : numpy.ndarray, optional
    image : numpy.ndarray, optional
        (Y, X) float32 mean of the last slice, in the reference; None before the first one.
    change : numpy.ndarray, optional
        Power of what differed between the last two slices.
    known : numpy.ndarray, optional
        (Y, X) bool: where the image shows tissue; None: everywhere.
    step : SliceStep, optional
        How the last slice lies over the one before it; None for the first one.
    earlier : Chain, optional
        The chain without its last slice, which the next one may be put over instead.
    asked : numpy.ndarray, optional
        (2, gy, gx) step from the slice before that the images of the last one ask for, taken or
        not.
    halves : numpy.ndarray, optional
        (2, 2, gy, gx) what two halves of the image ask for on their own.
    """

    shape: tuple[int, int]
    spacing_px: float
    params: AdaptiveParams
    mask: Mask | None
    image: Image | None = None
    last: Coefficients | None = None
    change: Image | None = None
    known: Known = None
    step: SliceStep | None = None
    earlier: Chain | None = None
    asked: Coefficients | None = None
    halves: Coefficients | None = None

    @property
    def field(self) -> Coefficients:
        """(2, gy, gx) field of the last slice: reference to the mean of its repeats."""
        if self.last is None:
            return np.zeros((2, *grid_shape(self.shape, self.spacing_px)), np.float32)
        return self.last

    @property
    def in_reference(self) -> Image | None:
        """(Y, X) float32 last slice in the reference."""
        return self.image

    def to_keep(self) -> dict[str, npt.NDArray[np.generic]]:
        """Arrays of the chain as far as it goes; parameters and mask are the run's."""
        step = None if self.step is None else self.step.to_array()
        return known(
            image=self.image,
            last=self.last,
            change=self.change,
            known=self.known,
            step=step,
            asked=self.asked,
            halves=self.halves,
        )

    def state(self) -> tuple[npt.NDArray[np.generic] | None, ...]:
        """What the place of the next slice depends on."""
        own = (self.image, self.last, self.change, self.known)
        return own if self.earlier is None else (*own, *self.earlier.state())

    def as_kept(self, arrays: Arrays) -> Chain:
        """Return the chain with a slice that was finished before; without signal it stays."""
        if "image" not in arrays:
            return self
        step = SliceStep.of_array(arrays["step"]) if "step" in arrays else None
        under = self.earlier if step is not None and step.bridges else self
        assert under is not None
        followed = under._followed_by(
            arrays["image"],
            last=arrays.get("last"),
            change=arrays.get("change"),
            known=arrays.get("known"),
            step=step,
        )
        return replace(followed, asked=arrays.get("asked"), halves=arrays.get("halves"))

    def _followed_by(
        self,
        image: Image,
        last: Coefficients | None,
        change: Image | None,
        known: Known,
        step: SliceStep | None,
    ) -> Chain:
        earlier = None if self.image is None else replace(self, earlier=None)
        return replace(
            self,
            image=image,
            last=last,
            change=change,
            known=known,
            step=step,
            earlier=earlier,
        )

    def next(self, image: Image) -> Chain:
        """Go on to a slice's mean (Y, X) float32; the first one is the reference.

        Where it is NaN, the last slice goes on. All slices of the chain are brought to the light of
        the first one: what differs between two of them weighs the next step, and is anatomy, not
        light; and nothing of a slice dimmer than the one before is cut off as dark.
        """
        if self.image is None:
            shown = np.isfinite(image)
            return replace(self, image=filled(image), known=None if shown.all() else shown)
        image = in_light_of(self.image, image)
        before = without_excess(self.image, filled(image))
        image, chain = without_excess(image, self.image), replace(self, image=before)
        chosen, told, asked = chain._put(image, self.field), (0.0, False), self.field
        frame = filtered_frame(RawFrame(image), chain._template)
        for found, halves, is_far in chain._candidates(frame):
            field = self._restrained(found.coefficients)
            if np.isfinite(field).all() and not folds(field, self.shape, self.spacing_px):
                asked = asked if is_far else field
                put = chain._put(image, field)
                if chain._gain(chosen, put) > (LEAST_FAR_GAIN if is_far else LEAST_GAIN):
                    chosen, told, asked = put, (halves.apart_px, is_far), field
        if self.earlier is not None and self._is_more_like(self.earlier, chosen):
            bridged = self.earlier.next(image)
            assert bridged.step is not None
            return replace(bridged, step=replace(bridged.step, bridges=True))
        step = step_between(before, chosen.image, chosen.valid, self._compared_weights)
        followed = self._followed_by(
            chosen.image,
            last=chosen.field,
            change=found.power,
            known=None if self.known is None else self.known | chosen.valid,
            step=replace(step, halves_apart_px=told[0], is_far=told[1]),
        )
        return replace(followed, asked=asked - self.field, halves=np.stack(halves.fields))

    def _candidates(self, frame: Filtered) -> Iterator[tuple[Registration, Halves, bool]]:
        """Places of a slice, as of `_found`, and whether that is far from the last slice."""
        found, halves = self._found(frame)
        is_far = self._is_far(found)
        if is_far:
            near, near_halves = self._found(frame, shifted=False)
            if not self._is_far(near):  # else bent, with effort, to the same place
                yield near, near_halves, False
        yield found, halves, is_far

    def _is_far(self, found: Registration) -> bool:
        step = field_on_pixels(found.coefficients - self.field, self.shape, self.spacing_px)
        return float(np.hypot(*step.mean(axis=(1, 2)))) > FAR_PX

    def _found(self, frame: Filtered, *, shifted: bool = True) -> tuple[Registration, Halves]:
        """Field of a slice, and what two halves of the image ask for.

        Where the field rests on single cells it bends as little as a stiff one does. If it isn't
        ``shifted`` first, only a place near that of the last slice is found.
        """
        change = self._register(frame, None).power if self.change is None else self.change
        start = None if shifted else self.field
        found = self._register(frame, change, start=start)
        if min(self.shape) < SMALLEST_PX:
            step = found.coefficients - self.field
            return found, Halves((step, step), 0.0)
        halves = self._of_halves(frame, change, found)
        agreed = agreed_part(*halves, self.shape, self.spacing_px)
        if agreed.min() > ALL:
            return found, Halves(halves, apart_px(*halves, self.shape, self.spacing_px))
        fields = halves
        stiff = self._register(frame, change, stiffness=STIFF, start=start)
        halves = self._of_halves(frame, change, stiff, stiffness=STIFF)
        apart = apart_px(*halves, self.shape, self.spacing_px)
        bend = found.coefficients - stiff.coefficients
        most = found if agreed.mean() > 0.5 else stiff
        return replace(most, coefficients=stiff.coefficients + agreed * bend), Halves(fields, apart)

    def _of_halves(
        self, frame: Filtered, change: Image, found: Registration, stiffness: float = 1.0
    ) -> tuple[Coefficients, Coefficients]:
        """Steps from the last slice that two halves of the image take on their own."""
        first, second = (
            self._register(
                frame,
                change,
                stiffness=stiffness,
                start=found.coefficients,
                weights=half,
                n_levels=len(self._template.levels) - 1,
            ).coefficients
            - self.field
            for half in checkerboard(self.shape)
        )
        return first, second

    @cached_property
    def _template(self) -> Template:
        """The last slice; where and how its pixels count is left to `_register`."""
        assert self.image is not None
        return Template.build(
            self.image,
            Prefilter.for_image(self.image, BAND),
            spacing_px=self.spacing_px,
            alpha=SMOOTHNESS * self.params.alpha,
            max_shift_px=0.0,
            factors=FACTORS,
        )

    def _register(
        self,
        frame: Filtered,
        change: Image | None,
        *,
        stiffness: float = 1.0,
        start: Coefficients | None = None,
        weights: Image | None = None,
        n_levels: int = len(FACTORS),
    ) -> Registration:
        """Put a slice over the last one; from a field to start from it is not shifted first."""
        mask = self._weights if weights is None else weights
        if weights is not None and self._weights is not None:
            mask = weights * self._weights
        template = self._template.weighed(
            alpha=SMOOTHNESS * stiffness * self.params.alpha,
            max_shift_px=self.params.max_shift_px if start is None else 0.0,
            mask=mask,
            power=change,
            n_levels=n_levels,
        )
        begin = self.field if start is None else start
        return template.register(frame[:n_levels], begin, around=self.field)

    def _is_more_like(self, earlier: Chain, placed: Placed) -> bool:
        """Whether a slice resembles the one two before it more than the one before it."""
        here, there = (chain._likeness(placed, placed.valid) for chain in (self, earlier))
        return there - here > MORE_ALIKE

    def _put(self, image: Image, field: Coefficients) -> Placed:
        """Put a slice where a field says; outside it, the last slice goes on."""
        assert self.image is not None
        dense = field_on_pixels(field, self.shape, self.spacing_px)
        aligned, valid = warp_with_valid(image, dense)
        return Placed(field, np.where(valid, aligned, self.image), valid)

    def _gain(self, first: Placed, second: Placed) -> float:
        """By how much more the second resembles the slice before.

        Where either goes on with the slice before, it would be compared with itself: a place that
        shows less of the slice would seem the better one.
        """
        both = first.valid & second.valid
        return self._likeness(second, both) - self._likeness(first, both)

    def _likeness(self, placed: Placed, where: npt.NDArray[np.bool_]) -> float:
        """Correlation of a slice with the last one, over some of its pixels (Y, X)."""
        assert self.image is not None
        both = comparison_image(placed.image), comparison_image(self.image)
        return correlation(*both, self._compared_weights * comparison_valid(where))

    @property
    def _compared_weights(self) -> Image:
        weights = np.ones(self.shape, np.float32) if self.mask is None else self.mask
        return shrink(weights, comparison_factor(self.shape))

    @property
    def _weights(self) -> Mask | None:
        """Mask where the last slice, or one before it, showed tissue."""
        if self.known is None:
            return self.mask
        safe = safely_known(self.known)
        return safe if self.mask is None else self.mask * safe

    def _restrained(self, field: Coefficients) -> Coefficients:
        """Leave of the step from the last slice the translation and the part that is wanted."""
        strength = self.params.bend_between_slices
        if strength == 1:
            return field
        step = field - self.field
        shift = field_on_pixels(step, self.shape, self.spacing_px).mean(axis=(1, 2))
        shift = shift[:, np.newaxis, np.newaxis]
        return self.field + shift + np.float32(strength) * (step - shift)
