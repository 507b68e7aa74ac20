"""What ROIs lie in: the size of the reference, its image and its scale."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.made_on import REFERENCE, made_on
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.errors import InputError


@dataclass(frozen=True, eq=False)
class FieldOfView:
    """The reference that ROIs lie in, as far as a format wants to know it.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of the reference in px.
    image : numpy.ndarray, optional
        (Y, X) picture of it.
    n_slices : int, optional
        Slices of the z-stack; None where it is a recording.
    pixel_size_um : tuple of float, optional
        (y, x) in µm; None where unknown, like the next one.
    z_step_um : float, optional
        Distance of slices in µm.
    raw_paths : tuple of pathlib.Path
        Files of the raw frames, which no export may replace.
    made_on : str, optional
        Mark of the reference, as of ``Rois.made_on``; None where it isn't known.
    """

    shape: tuple[int, int]
    image: npt.NDArray[Any] | None = field(default=None, repr=False)
    n_slices: int | None = None
    pixel_size_um: tuple[float, float] | None = None
    z_step_um: float | None = None
    raw_paths: tuple[Path, ...] = ()
    made_on: str | None = None

    def __post_init__(self) -> None:
        if len(self.shape) != 2 or min(self.shape) < 1:
            raise InputError(f"The field of view needs a size (Y, X) in px, not {self.shape}.")
        if self.image is not None and np.shape(self.image) != tuple(self.shape):
            raise InputError(
                f"The image of the field of view has shape {np.shape(self.image)}, but its size "
                f"is {tuple(self.shape)}."
            )

    @classmethod
    def of(cls, alignment: Alignment, *others: Alignment) -> FieldOfView:
        """The reference of an alignment, and of others that share it."""
        stack = alignment.stack
        return cls(
            alignment.transforms.shape,
            alignment.reference,
            None if stack.frames_per_slice is None else stack.n_slices,
            stack.pixel_size_um,
            stack.z_step_um,
            tuple(path for each in (alignment, *others) for path in each.stack.paths),
            made_on(alignment),
        )

    def holds(self, rois: Rois) -> bool:
        """Whether ROIs lie in it, as far as is known of both."""
        mark = rois.made_on or ""
        return self.made_on is None or not mark.startswith(REFERENCE) or mark == self.made_on

    @classmethod
    def of_traces(cls, traces: Traces) -> FieldOfView:
        """What traces know of it: no image, and the size of a raw frame for the reference's."""
        return cls(
            traces.frame_shape,
            pixel_size_um=traces.pixel_size_um,
        )
