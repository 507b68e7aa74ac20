"""The registration mask: where the alignment has to be right."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.sources import as_array

Mask = npt.NDArray[np.float32]


def as_weights(mask: npt.ArrayLike | None, shape: tuple[int, int]) -> Mask | None:
    """Bring a mask to float weights.

    Parameters
    ----------
    mask : array-like, optional
        (Y, X) in reference coordinates: bool, float weights in [0, 1], or integer labels (> 0
        counts). None stands for everywhere.
    shape : tuple of int
        (Y, X) of the reference.

    Returns
    -------
    numpy.ndarray or None
        (Y, X) float32 in [0, 1].

    Raises
    ------
    InputError
        Where the mask has another shape, is empty, or has weights outside [0, 1].
    """
    if mask is None:
        return None
    values = as_array(mask, "A mask")
    if values.shape != tuple(shape):
        raise InputError(
            f"The mask has shape {values.shape}, but the frames are {tuple(shape)} (Y, X): paint "
            f"or choose a mask of that size."
        )
    if values.dtype.kind in "bui":
        weights = (values > 0).astype(np.float32)
    elif values.dtype.kind == "f":
        weights = values.astype(np.float32)
        if not np.all((weights >= 0) & (weights <= 1)):
            raise InputError("The mask's weights must lie between 0 and 1, without NaN.")
    else:
        raise InputError(f"A mask needs true/false, labels or weights, not {values.dtype}.")
    if not weights.any():
        raise InputError(
            "The mask is empty: paint where the alignment has to be right, or use no mask."
        )
    return weights
