"""What a file says about its frames, in one form for all formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import Layout, layout_of_axes
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.remark import Remark
from napari_zstack_align.sources import FrameSource


@dataclass(frozen=True)
class Facts:
    """Axes and units as the file gives them; None where it doesn't.

    Attributes
    ----------
    axes : str
        A letter for each axis that planes run along, slowest first, without Y and X: T, Z, C.
    sizes : tuple of int
        Planes along each of ``axes``.
    pixel_size_um : tuple of float, optional
        (y, x) in µm.
    z_step_um : float, optional
        Distance of slices in µm.
    interval_s : float, optional
        Time from one index of T to the next, in s.
    frame_times_s : numpy.ndarray, optional
        (T,) time of every frame in acquisition order, in s; goes before ``interval_s``.
    channel_names : tuple of str
        Empty where the file gives none.
    layout : Layout, optional
        Where axes can't say it (repeats that vary); goes before them.
    flyback : Dropped, optional
        Frames that leave every volume; ``axes`` and ``layout`` are those of the frames that stay,
        times those of all.
    missing : tuple of int
        Frames that keep their place among all frames, but have no pixels in the file: reading one
        of them raises MissingFrameError.
    numbers : numpy.ndarray, optional
        (T,) number of each frame in the file, where others of it aren't among them.
    z_positions_um : tuple of float, optional
        Depth of each slice, in µm.
    started_at : datetime.datetime, optional
        What the clock showed at time 0 of the frame times.
    images : tuple of str
        Names of all images in the file, where there are several to choose from.
    remarks : tuple of Remark
        What was odd, a sentence each.
    """

    axes: str = "T"
    sizes: tuple[int, ...] = (1,)
    pixel_size_um: tuple[float, float] | None = None
    z_step_um: float | None = None
    interval_s: float | None = None
    frame_times_s: npt.NDArray[np.float64] | None = field(default=None, repr=False)
    channel_names: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    layout: Layout | None = None
    flyback: Dropped | None = None
    missing: tuple[int, ...] = ()
    numbers: npt.NDArray[np.intp] | None = field(default=None, repr=False)
    z_positions_um: tuple[float, ...] | None = None
    started_at: datetime | None = None
    images: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opened:
    """A source with the facts of its file, before what the caller says is put on top.

    Attributes
    ----------
    source : FrameSource
    paths : tuple of pathlib.Path
    facts : Facts
    is_planes : bool
        Whether the source holds the images one by one as they lie in the file, in one channel; as
        it was wished for where the caller says how they run.
    """

    source: FrameSource
    paths: tuple[Path, ...]
    facts: Facts = field(default_factory=Facts)
    is_planes: bool = False


def check_no_colours(shape: tuple[int, ...], path: Path, array: str) -> None:
    """Refuse an array without named axes that has the shape of pictures in colour, RGB or RGBA.

    Frames of 3 or 4 pixels' width are opened from ``array``, the code that reads it.
    """
    if len(shape) >= 3 and shape[-1] in (3, 4) and min(shape[-3:-1]) > shape[-1]:
        raise InputError(
            f"{path} holds RGB colours (shape {shape}), not intensities: save it as grayscale. If "
            f"its frames are {shape[-1]} pixels wide, open it with Stack.from_array({array}, "
            f"axes=...)."
        )


def without_single_axes(axes: str, sizes: tuple[int, ...]) -> tuple[str, tuple[int, ...]]:
    """Leave out axes of one plane: they say nothing about how the planes run."""
    kept = [(a, n) for a, n in zip(axes, sizes, strict=True) if n > 1]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


def frame_axes(facts: Facts) -> tuple[str, tuple[int, ...]]:
    """Axes and sizes that frames run along: those of the planes without C and single ones."""
    axes, sizes = without_single_axes(facts.axes, facts.sizes)
    kept = [(a, n) for a, n in zip(axes, sizes, strict=True) if a != "C"]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


def layout(facts: Facts) -> Layout | None:
    """Layout as the file gives it; None for a recording."""
    return facts.layout or layout_of_axes(*frame_axes(facts))


def times(facts: Facts, n_frames: int) -> npt.NDArray[np.float64] | None:
    """Time of each frame in s, or None where the file doesn't say enough.

    In volumes that repeat, the planes are spread evenly over the time of a volume. Where every
    slice is repeated in turn, the interval tells nothing of the time between slices.
    """
    if facts.frame_times_s is not None and len(facts.frame_times_s) == n_frames:
        return facts.frame_times_s
    if facts.interval_s is None:
        return None
    axes, sizes = frame_axes(facts)
    if "T" in axes and "Z" in axes and axes.index("Z") < axes.index("T"):
        return None
    step = facts.interval_s
    if "T" in axes:
        step /= prod(sizes[axes.rindex("T") + 1 :])
    return np.arange(n_frames, dtype=np.float64) * step
