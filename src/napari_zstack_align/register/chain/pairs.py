"""Each slice against the one before it, both as they are: what the images ask for.

A pair depends on no other slice, and nothing adds up in it; composed, the pairs say how each slice
lies in the reference if the images are believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.spline import (
    basis_matrix,
    field_at_points,
    field_on_pixels,
    grid_shape,
)
from napari_zstack_align.alignment.warp import warp, warp_with_valid
from napari_zstack_align.mask import Mask
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.register.between_slices import MORE_ALIKE, Chain, Known
from napari_zstack_align.register.frames import Image
from napari_zstack_align.register.slice_steps import SliceStep
from napari_zstack_align.register.slice_units import known
from napari_zstack_align.register.template import Coefficients
from napari_zstack_align.saved import Arrays

PLACES_PX = 8
"""Fields are composed at places so far apart."""


@dataclass(frozen=True)
class Pairs:
    """The slices as far as they were compared, with the interface of a `Chain`.

    Attributes
    ----------
    shape : tuple of int
        (Y, X).
    spacing_px : float
        Distance of the control points.
    params : AdaptiveParams
    mask : numpy.ndarray, optional
        In the reference.
    image : numpy.ndarray, optional
        (Y, X) float32 mean of the last slice, as it is; None before the first one.
    known : numpy.ndarray, optional
        (Y, X) bool: where it shows tissue; None: everywhere.
    last : numpy.ndarray, optional
        (2, gy, gx) its field, all pairs composed; None for the first slice, which lies still.
    step : SliceStep, optional
        How it lies over the slice before it.
    asked : numpy.ndarray, optional
        (2, gy, gx) step from the slice before, in the reference.
    halves : numpy.ndarray, optional
        (2, 2, gy, gx) what two halves of the image ask for.
    earlier : Pairs, optional
        Without the last slice.
    """

    shape: tuple[int, int]
    spacing_px: float
    params: AdaptiveParams
    mask: Mask | None
    image: Image | None = None
    known: Known = None
    last: Coefficients | None = None
    step: SliceStep | None = None
    asked: Coefficients | None = None
    halves: Coefficients | None = None
    earlier: Pairs | None = None

    @property
    def field(self) -> Coefficients:
        """(2, gy, gx) field of the last slice, if the images are believed."""
        if self.last is None:
            return np.zeros((2, *grid_shape(self.shape, self.spacing_px)), np.float32)
        return self.last

    @property
    def in_reference(self) -> Image | None:
        """(Y, X) float32 last slice in the reference, if the images are believed."""
        if self.image is None:
            return None
        aligned, valid = warp_with_valid(self.image, self._dense())
        return np.where(valid, aligned, self.image)

    def to_keep(self) -> dict[str, npt.NDArray[np.generic]]:
        """Arrays of the last slice; parameters and mask are the run's."""
        step = None if self.step is None else self.step.to_array()
        return known(
            image=self.image,
            known=self.known,
            last=self.last,
            step=step,
            asked=self.asked,
            halves=self.halves,
        )

    def state(self) -> tuple[npt.NDArray[np.generic] | None, ...]:
        """What the place of the next slice depends on."""
        own = (self.image, self.known, self.last)
        return own if self.earlier is None else (*own, *self.earlier.state())

    def as_kept(self, arrays: Arrays) -> Pairs:
        """Return the pairs with a slice that was finished before; without signal they stay."""
        if "image" not in arrays:
            return self
        step = SliceStep.of_array(arrays["step"]) if "step" in arrays else None
        under = self.earlier if step is not None and step.bridges else self
        assert under is not None
        return replace(
            under,
            image=arrays["image"],
            known=arrays.get("known"),
            last=arrays.get("last"),
            step=step,
            asked=arrays.get("asked"),
            halves=arrays.get("halves"),
            earlier=under._without_earlier(),
        )

    def next(self, image: Image) -> Pairs:
        """Compare the next slice's mean (Y, X) float32 with the last one."""
        shown = np.isfinite(image)
        first = replace(self, image=filled(image), known=None if shown.all() else shown)
        if self.image is None:
            return first
        pair = self._pair(image)
        assert pair.step is not None
        if self.earlier is not None and not pair.step.fits:
            over = self.earlier._pair(image)
            assert over.step is not None
            if over.step.likeness - pair.step.likeness > MORE_ALIKE:
                step = replace(over.step, bridges=True)
                return self.earlier._followed_by(first, replace(over, step=step))
        return self._followed_by(first, pair)

    def _pair(self, image: Image) -> Chain:
        """Put a slice over the last one, as that is."""
        params = self.params.replace(between_slices=1.0)
        chain = Chain(self.shape, self.spacing_px, params, self._mask_here())
        return replace(chain, image=self.image, known=self.known).next(image)

    def _followed_by(self, slice_: Pairs, pair: Chain) -> Pairs:
        assert pair.asked is not None
        assert pair.halves is not None
        step, asked, *halves = self._in_reference(pair.field, pair.asked, *pair.halves)
        return replace(
            slice_,
            last=self.field + step,
            step=pair.step,
            asked=asked,
            halves=np.stack(halves),
            earlier=self._without_earlier(),
        )

    def _without_earlier(self) -> Pairs | None:
        return None if self.image is None else replace(self, earlier=None)

    def _in_reference(self, *steps: Coefficients) -> list[Coefficients]:
        """Fields on the last slice, at the places of the reference that lie there."""
        rows, columns = (np.linspace(0, n - 1, max(n // PLACES_PX, 2)) for n in self.shape)
        bases = [
            basis_matrix(places, n, self.spacing_px).astype(np.float64)
            for places, n in zip((rows, columns), self.shape, strict=True)
        ]
        field = bases[0] @ self.field.astype(np.float64) @ bases[1].T
        points = np.stack(np.meshgrid(rows, columns, indexing="ij")) + field
        fit = [np.linalg.pinv(basis) for basis in bases]
        found = []
        for step in steps:
            flat = np.moveaxis(points, 0, -1).reshape(-1, 2)
            there = field_at_points(step, flat, self.shape, self.spacing_px)
            values = there.T.reshape(2, len(rows), len(columns))
            found.append((fit[0] @ values @ fit[1].T).astype(np.float32))
        return found

    def _mask_here(self) -> Mask | None:
        """Mask where its places lie on the last slice; its field is smooth enough for that."""
        if self.mask is None:
            return None
        return np.asarray(warp(self.mask, -self._dense(), cv2.INTER_LINEAR))

    def _dense(self) -> Image:
        return field_on_pixels(self.field, self.shape, self.spacing_px)
