"""Memory that is used again for frame after frame."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt


class Scratch:
    """Arrays by name, whose contents last until the name is asked for again.

    The system hands out fresh memory page by page, which takes longer than the work in it.
    For one thread.
    """

    def __init__(self) -> None:
        self._flat: dict[str, npt.NDArray[Any]] = {}

    def array(
        self, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike = np.float64
    ) -> npt.NDArray[Any]:
        """Array of a shape, with what was left in it, and with zeros the first time."""
        flat, size = self._flat.get(name), prod(shape)
        if flat is None or flat.size < size or flat.dtype != dtype:
            flat = self._flat[name] = np.zeros(size, dtype)
        return flat[:size].reshape(shape)
