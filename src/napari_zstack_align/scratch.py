"""Arrays that a thread uses again and again.

To ask the system for a new megabyte costs as much as filling it.
"""

from __future__ import annotations

from math import prod
from threading import local

import numpy as np
import numpy.typing as npt

MOST_BYTES = 64 * 2**20
"""A thread keeps so much at most; larger arrays are made anew."""


class _Kept(local):
    def __init__(self) -> None:
        self.arrays: dict[str, npt.NDArray[np.float32]] = {}


_kept = _Kept()


def scratch(name: str, *shape: int) -> npt.NDArray[np.float32]:
    """Float32 array to write into, the same one at each call in a thread.

    Parameters
    ----------
    name : str
        What for: arrays of other names are in use at the same time.
    shape : int
        Lengths of its axes.

    Returns
    -------
    numpy.ndarray
        With anything in it. It must not be handed on, or kept beyond the call of the caller.
    """
    size = prod(shape)
    array = _kept.arrays.get(name)
    if array is None or array.size < size:
        _kept.arrays.pop(name, None)
        array = np.empty(size, np.float32)
        if array.nbytes + sum(each.nbytes for each in _kept.arrays.values()) <= MOST_BYTES:
            _kept.arrays[name] = array
    return array[:size].reshape(shape)
