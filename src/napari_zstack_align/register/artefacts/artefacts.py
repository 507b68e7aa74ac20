"""`Artefacts`: what of a stack's frames doesn't come from tissue, and frames without it."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.artefact_rows import RowKind, RowKinds
from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.flags import Fault
from napari_zstack_align.register.artefacts.offset_steps import dark_level
from napari_zstack_align.register.artefacts.transients import Transients
from napari_zstack_align.remark import Remark

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

METHOD = "cleaned frames 5"
"""Of all that is made of cleaned frames: another number where they may change."""
WIDE = np.ones((5, 5), np.uint8)
"""Regions that hold so many pixels are too wide to be filled from their neighbours."""
MARGIN = np.ones((3, 3), np.uint8)
NAN = np.float32(np.nan)


class Cleaned(NamedTuple):
    """A frame without what doesn't come from tissue.

    Attributes
    ----------
    image : numpy.ndarray
        (Y, X) float32; NaN: missing.
    rows : numpy.ndarray, optional
        (Y,) `RowKind` of each row; None: all are tissue.
    """

    image: Image
    rows: RowKinds | None


@dataclass(frozen=True, eq=False)
class Artefacts:
    """What of a stack doesn't come from tissue.

    Attributes
    ----------
    offset : float
        Taken off every pixel before it becomes a float32.
    fixed : numpy.ndarray, optional
        (Y, X) bool, raw frames: pixels that are fixed to the detector.
    pattern : numpy.ndarray, optional
        (Y, X) float32 offsets of rows and columns of the detector.
    transients : Transients, optional
        Finds what single frames hold.
    level : float, optional
        Dark level that every frame is brought to; None: all have the same offset.
    remarks : tuple of Remark
        What was found, a sentence each.
    """

    offset: float = 0.0
    fixed: Pixels | None = None
    pattern: Image | None = None
    transients: Transients | None = None
    level: float | None = None
    remarks: tuple[Remark, ...] = field(default=())

    @property
    def parts(self) -> tuple[object, ...]:
        """All that cleaned frames depend on, for keys."""
        usual = None if self.transients is None else astuple(self.transients)
        return METHOD, self.offset, self.fixed, self.pattern, usual, self.level

    def step(self, image: Image) -> float:
        """How much larger the offset of a driving image (Y, X) is than that of most frames."""
        if self.level is None:
            return 0.0
        shown = image if self.fixed is None else np.where(self.fixed, NAN, image)
        return dark_level(filled(shown)) - self.level

    def flash(self, image: Image, rows: RowKinds | None = None) -> Fault | None:
        """Say that a driving image is far too bright to be used; None where it isn't.

        Rows (Y,) that aren't tissue don't count.
        """
        if self.transients is None:
            return None
        if self.fixed is None and rows is None:
            return self.transients.flash(image)
        counts = np.ones(image.shape, bool) if self.fixed is None else ~self.fixed
        if rows is not None:
            counts[rows != RowKind.TISSUE] = False
        return self.transients.flash(image[counts])

    def cleaned(self, image: Image) -> Cleaned:
        """Frame (Y, X) float32 without what doesn't come from tissue."""
        if self.pattern is not None:
            image = image - self.pattern
        if self.fixed is not None:
            image = filled(np.where(self.fixed, NAN, image))
        missing, rows = self.wide, None
        if self.transients is not None and np.isfinite(cv2.sumElems(image)[0]):
            alone, rows = self.transients.find(image)
            if alone is not None:
                image = filled(np.where(alone, NAN, image))
            if rows is not None:
                missing = np.zeros(image.shape, bool) if missing is None else missing.copy()
                missing[rows != RowKind.TISSUE] = True
        return Cleaned(image if missing is None else np.where(missing, NAN, image), rows)

    @cached_property
    def wide(self) -> Pixels | None:
        """(Y, X) bool: fixed pixels of regions too wide to be filled, and those beside them."""
        if self.fixed is None:
            return None
        wide = cv2.morphologyEx(self.fixed.astype(np.uint8), cv2.MORPH_OPEN, WIDE)
        return cv2.dilate(wide, MARGIN).astype(bool) if wide.any() else None


UNTOUCHED = Artefacts()
"""Frames as they are."""
