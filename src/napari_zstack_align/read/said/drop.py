"""What `drop_frames` says: frames that are left without pixels, or that leave every volume."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted, ranges
from napari_zstack_align.errors import InputError
from napari_zstack_align.read.said.bad_frames import is_list_file, read_bad_frames

PATTERN = re.compile(r"(first|last)\s+(\d+)\s+of\s+(\d+)", re.IGNORECASE)
RANGE = re.compile(r"(\d+)(?:\s*(?:-|–|:|to)\s*(\d+))?")
HOW = (
    "give the numbers of frames, counted from 0 ('3, 17, 40-44'), or a pattern ('last 2 of 12') "
    "for frames that leave every volume, or a file that lists them (.npy, .csv, .txt)"
)


@dataclass(frozen=True)
class Dropped:
    """Frames to drop.

    Attributes
    ----------
    frames : tuple of int
        Stay in place and time, without pixels.
    n_frames : int, optional
        Frames of the recording, where a list has a value for each.
    flyback : str
        'first' or 'last' where some frames of each volume leave; '' for none.
    count, of : int
        How many frames leave each volume, of how many.
    """

    frames: tuple[int, ...] = ()
    flyback: str = ""
    count: int = 0
    of: int = 1
    n_frames: int | None = None

    @classmethod
    def read(cls, given: Any) -> Dropped:
        """Read what a person gave.

        Raises
        ------
        InputError
            For anything but frame numbers and patterns.
        """
        if is_list_file(given):
            frames, n_frames = read_bad_frames(given)
            return cls(frames=frames, n_frames=n_frames)
        if isinstance(given, str):
            return _of_words(given)
        numbers = list(given) if isinstance(given, Iterable) else [given]
        if not all(_is_number(each) for each in numbers):
            raise InputError(f"drop_frames is {given!r}: {HOW}.")
        return cls(frames=tuple(sorted({int(each) for each in numbers})))

    @property
    def words(self) -> str:
        """The same as a text, which reads as this again."""
        if self.flyback:
            return f"{self.flyback} {self.count} of {self.of}"
        return ranges(self.frames)

    def staying(self, n_frames: int) -> npt.NDArray[np.intp]:
        """Indices of the frames that don't leave."""
        place = np.arange(n_frames) % self.of
        leaves = place < self.count if self.flyback == "first" else place >= self.of - self.count
        return np.flatnonzero(~leaves) if self.flyback else np.arange(n_frames)

    def said(self, n_frames: int) -> str:
        """Say what leaves a stack of so many frames."""
        gone = n_frames - len(self.staying(n_frames))
        which = "1 frame" if self.count == 1 else f"{self.count} frames"
        return (
            f"The {self.flyback} {which} of every {self.of} left the stack "
            f"({counted(gone, 'frame')} in all); the others keep their times."
        )


def _of_words(given: str) -> Dropped:
    text = given.strip()
    if pattern := PATTERN.fullmatch(text):
        which, count, of = pattern[1].lower(), int(pattern[2]), int(pattern[3])
        if not 0 < count < of:
            raise InputError(f"drop_frames is {given!r}, which leaves no frames, or all: {HOW}.")
        return Dropped(flyback=which, count=count, of=of)
    frames: set[int] = set()
    for part in re.split(r"[,;\s]+(?![-–:]|to\b)", text) if text else []:
        if not (found := RANGE.fullmatch(part)):
            raise InputError(f"drop_frames is {given!r}: {HOW}.")
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first or last - first > 10**7:
            raise InputError(f"drop_frames has {part!r}, which isn't a range of frames: {HOW}.")
        frames |= set(range(first, last + 1))
    if not frames:
        raise InputError(f"drop_frames is empty: {HOW}.")
    return Dropped(frames=tuple(sorted(frames)))


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return number and value >= 0
