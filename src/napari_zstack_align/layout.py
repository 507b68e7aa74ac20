"""`Layout`: which slice each frame of a z-stack belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError

Order: TypeAlias = Literal["repeats", "slices", "up-and-down", "up-and-down-once"]
"""What runs fastest in acquisition order.

'repeats': all repeats of a slice follow one another. 'slices': whole volumes repeat.
'up-and-down': sweeps through the slices, there and back in turn; the slice at a turning point is
scanned twice in succession, or, for 'up-and-down-once', once.
"""

FramesPerSlice: TypeAlias = int | tuple[int, ...]
"""Repeats of every slice, or of each one by itself."""


@dataclass(frozen=True)
class Layout:
    """Which slice each frame belongs to, for any number of frames in acquisition order.

    Attributes
    ----------
    frames_per_slice : int or tuple of int
        Repeats of a slice: volumes for 'slices', sweeps for 'up-and-down'. One number for each
        slice where they vary, for 'repeats' alone.
    order : {'repeats', 'slices', 'up-and-down', 'up-and-down-once'}
        What runs fastest.
    in_turn : int
        Frames of a slice that follow one another in each volume of 'slices'.
    """

    frames_per_slice: FramesPerSlice
    order: Order = "repeats"
    in_turn: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames_per_slice", _checked_repeats(self.frames_per_slice))
        if self.order not in get_args(Order):
            orders = ", ".join(f"'{order}'" for order in get_args(Order))
            raise InputError(f"order must be one of {orders}, not {self.order!r}.")
        if isinstance(self.frames_per_slice, tuple) and self.order != "repeats":
            raise InputError(
                f"frames_per_slice can be a list only where the repeats of a slice follow one "
                f"another, not for order='{self.order}': give one number."
            )
        if self.in_turn < 1 or (self.in_turn > 1 and self.order != "slices"):
            raise InputError("Frames in turn need volumes: give order='slices'.")
        if self.in_turn > 1 and self.most_repeats % self.in_turn:
            raise InputError(
                f"{self.most_repeats} repeats of a slice are no multiple of the {self.in_turn} "
                f"that follow one another in each volume: give such a number."
            )

    @property
    def most_repeats(self) -> int:
        """Repeats of a slice, at most."""
        repeats = self.frames_per_slice
        return max(repeats) if isinstance(repeats, tuple) else repeats

    def check(self, n_frames: int, name: str) -> None:
        """Raise InputError where a stack of this name and so many frames can't have this layout."""
        repeats = self.frames_per_slice
        if isinstance(repeats, tuple):
            if sum(repeats) != n_frames:
                raise InputError(
                    f"frames_per_slice lists {counted(len(repeats), 'slice')} of "
                    f"{counted(sum(repeats), 'frame')} in all, but {name} has "
                    f"{counted(n_frames, 'frame')}: give numbers that add up to that."
                )
        elif repeats > n_frames:
            raise InputError(
                f"frames_per_slice is {repeats}, but {name} has only "
                f"{counted(n_frames, 'frame')}: give a smaller number."
            )

    def n_slices(self, n_frames: int) -> int:
        """Number of slices; a rest that fills no slice counts as a last, short one."""
        repeats = self.frames_per_slice
        if isinstance(repeats, tuple):
            return len(repeats)
        if self.order == "up-and-down-once":
            return -(-(n_frames - 1) // repeats) + 1
        if self.in_turn > 1:
            volumes = repeats // self.in_turn
            return -(-n_frames // (volumes * self.in_turn))
        return -(-n_frames // repeats)

    def slice_of_frame(self, n_frames: int) -> npt.NDArray[np.intp]:
        """(T,) index of the slice that each frame belongs to."""
        frames, repeats = np.arange(n_frames), self.frames_per_slice
        if isinstance(repeats, tuple):
            return np.repeat(np.arange(len(repeats)), repeats)
        n_slices = self.n_slices(n_frames)
        if self.order == "repeats":
            return frames // repeats
        if self.order == "slices":
            return frames // self.in_turn % n_slices
        once = int(self.order == "up-and-down-once")
        period = max(2 * (n_slices - once), 1)
        place = frames % period
        return np.where(place < n_slices, place, 2 * n_slices - 1 - once - place)


def layout_of_axes(axes: str, sizes: tuple[int, ...]) -> Layout | None:
    """Read a layout off axes, slowest first; None for a recording.

    Parameters
    ----------
    axes : str
        Letters, of which Z are slices, and T, V and R repeats of them.
    sizes : tuple of int
        Length of each.

    Raises
    ------
    InputError
        Where frames run along Z between several repeats in a way that can't be.
    """
    if "Z" not in axes:
        return None
    slower, faster = (
        prod(n for a, n in zip(part, lengths, strict=True) if a in REPEATS)
        for part, lengths in _around(axes, sizes)
    )
    if slower > 1 and faster > 1:
        return Layout(slower * faster, "slices", faster)
    return Layout(slower, "slices") if slower > 1 else Layout(faster)


REPEATS = "TVR"
"""Axes along which the same slice is recorded again: time, volumes, repeats."""


def _around(axes: str, sizes: tuple[int, ...]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The axes before Z and after it."""
    z = axes.index("Z")
    return (axes[:z], sizes[:z]), (axes[z + 1 :], sizes[z + 1 :])


def _checked_repeats(given: Any) -> FramesPerSlice:
    """Return whole numbers of at least 1; a list of equal ones stays a list."""
    if isinstance(given, list | tuple | np.ndarray) and np.ndim(given) == 1 and len(given):
        return tuple(_whole(each) for each in given)
    return _whole(given)


def _whole(given: Any) -> int:
    number = isinstance(given, int | float | np.number) and not isinstance(given, bool)
    if not number or not float(given).is_integer() or given < 1:
        raise InputError(
            f"frames_per_slice must be a whole number of at least 1, not {given!r}: give one, or "
            f"one for each slice."
        )
    return int(given)
