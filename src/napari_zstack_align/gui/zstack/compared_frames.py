"""Means of the same raw and aligned frames, made in a worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.grid import FrameGrid
from napari_zstack_align.progress import Job
from napari_zstack_align.write.report.means import driving_channels, means_of

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Asked:
    """What is to be compared.

    Attributes
    ----------
    alignment : Alignment
    position : tuple of int
        Of the sliders.
    frames : tuple of int
        Those that are averaged.
    """

    alignment: Alignment
    position: tuple[int, ...]
    frames: tuple[int, ...]

    @property
    def channel(self) -> int:
        """The first channel that drove the registration."""
        return driving_channels(self.alignment)[0]

    def is_like(self, other: Asked | None) -> bool:
        """Whether the same images would come of another."""
        return (
            other is not None
            and self.alignment is other.alignment
            and (self.position, self.frames) == (other.position, other.frames)
        )


@dataclass(frozen=True, eq=False)
class ComparedFrames:
    """Raw and aligned image of one place.

    Attributes
    ----------
    asked : Asked
    before, after : numpy.ndarray
        (Y, X) float32, NaN where nothing is known.
    """

    asked: Asked
    before: Image
    after: Image


def asked_at(
    alignment: Alignment, grid: FrameGrid, position: tuple[int, ...], n_frames: int
) -> Asked | None:
    """Ask for the mean of up to so many repeats around a position of the sliders.

    In a recording, these are frames that follow each other. Frames that are left out of the volume
    count where they are in view alone.
    """
    in_view = grid.frame_at(position)
    if in_view is None:
        return None
    along = grid.shape[0]
    n_frames = min(n_frames, along)
    first = min(max(position[0] - (n_frames - 1) // 2, 0), along - n_frames)
    around = [grid.frame_at((k, *position[1:])) for k in range(first, first + n_frames)]
    used = alignment.quality["used"]
    frames = [t for t in around if t is not None and (used[t] or t == in_view)]
    return Asked(alignment, position, tuple(sorted(frames)))


def comparing(asked: Asked) -> Job[ComparedFrames]:
    """Average the raw frames, and the same ones aligned."""
    frames = np.array(asked.frames, np.intp)
    means = yield from means_of(asked.alignment, asked.channel, frames, 0, len(frames))
    return ComparedFrames(asked, *means)
