"""The registration mask: where the alignment has to be right."""

from __future__ import annotations

from os import PathLike

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.sources import as_array

Mask = npt.NDArray[np.float32]

FOR_ALIGNMENT, FOR_CELLS = "the alignment has to be right", "cells are looked for"
"""What a mask is for: it is painted where ..."""


def as_weights(
    mask: npt.ArrayLike | None,
    shape: tuple[int, int],
    purpose: str = FOR_ALIGNMENT,
) -> Mask | None:
    """Bring a mask to float weights.

    Parameters
    ----------
    mask : array-like, optional
        (Y, X) in reference coordinates: bool, float weights in [0, 1], or integer labels (> 0
        counts). None stands for everywhere.
    shape : tuple of int
        (Y, X) of the reference.
    purpose : str
        `FOR_ALIGNMENT` or `FOR_CELLS`.

    Returns
    -------
    numpy.ndarray or None
        (Y, X) float32 in [0, 1].

    Raises
    ------
    InputError
        Where the mask has another shape, is empty, has weights outside [0, 1], or several labels
        of which none is 0.
    """
    if mask is None:
        return None
    if isinstance(mask, str | PathLike):
        raise InputError(
            f"The mask is the name of a file, {mask}: load the image first (tifffile.imread or "
            f"numpy.load), and give the array."
        )
    values = as_array(mask, "A mask")
    if values.shape != tuple(shape):
        raise InputError(
            f"The mask has shape {values.shape}, but the frames are {tuple(shape)} (Y, X): paint "
            f"or choose a mask of that size."
        )
    if values.dtype.kind in "bui":
        if 0 < values.min() < values.max():
            least = values.min()
            raise InputError(
                f"Every pixel of the mask has a label above 0, so all would count: if {least} is "
                f"the background, give mask > {least}; for the whole image, use no mask."
            )
        weights = (values > 0).astype(np.float32)
    elif values.dtype.kind == "f":
        weights = values.astype(np.float32)
        if not np.all((weights >= 0) & (weights <= 1)):
            raise InputError("The mask's weights must lie between 0 and 1, without NaN.")
    else:
        raise InputError(f"A mask needs true/false, labels or weights, not {values.dtype}.")
    if not weights.any():
        raise InputError(f"The mask is empty: paint where {purpose}, or use no mask.")
    return weights
