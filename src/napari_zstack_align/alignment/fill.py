"""What stands where an aligned frame lies outside its raw frame.

Zero would be a value like any other: brighter than every cell where an offset was subtracted, black
far below the background where there is one. So integers get what the darkest tissue has, and floats
NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from napari_zstack_align.read import channel_offsets
from napari_zstack_align.stack import LOW_PERCENT, Stack

FillSource: TypeAlias = Literal["file", "darkest pixels", "not a number"]

WORDS: dict[FillSource, str] = {
    "file": "the dark level that the raw file gives",
    "darkest pixels": f"the {LOW_PERCENT:g}st percentile of some raw frames",
    "not a number": "not a number",
}


@dataclass(frozen=True)
class Fill:
    """Values outside the raw frames.

    Attributes
    ----------
    values : tuple of float
        One a channel, in counts; NaN for floats.
    source : {'file', 'darkest pixels', 'not a number'}
        Where they are from.
    """

    values: tuple[float, ...]
    source: FillSource

    @property
    def sentence(self) -> str:
        """For the metadata of files."""
        values = ", ".join(f"{value:g}" for value in self.values)
        what = "" if self.source == "not a number" else f" ({WORDS[self.source]})"
        return f"Pixels outside the raw frames are {values}{what}"


def fill_of(stack: Stack) -> Fill:
    """Decide on the fill of a stack; the same frames give the same one.

    The dark level where the file gives it, unless it lies above the darkest pixels, and else
    these.
    """
    n_channels = stack.shape[1]
    if stack.dtype.kind == "f":
        return Fill((float("nan"),) * n_channels, "not a number")
    low = np.rint(stack.low_levels)
    offsets = channel_offsets(stack.paths[0]) if stack.paths else None
    if offsets is not None and len(offsets) == n_channels and np.all(np.array(offsets) <= low):
        limits = np.iinfo(stack.dtype)
        known = np.clip(np.rint(offsets), limits.min, limits.max)
        return Fill(tuple(known.tolist()), "file")
    return Fill(tuple(low.tolist()), "darkest pixels")
