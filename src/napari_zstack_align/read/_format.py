"""What the module of a format provides as its ``FORMAT``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from napari_zstack_align.read._facts import Opened


@dataclass(frozen=True)
class Glance:
    """What the head of a file shows, before its frames are looked for.

    Attributes
    ----------
    frame : tuple of int
        (C, Y, X) of a frame.
    dtype : numpy.dtype
        Of a pixel.
    several : bool
        Whether there is more than one frame.
    """

    frame: tuple[int, int, int]
    dtype: np.dtype[Any]
    several: bool

    @classmethod
    def of(cls, opened: Opened) -> Glance:
        """Return what an opened file shows, for formats that open in a moment."""
        n_frames, *frame = opened.source.shape
        n_channels, n_rows, n_columns = frame
        return cls((n_channels, n_rows, n_columns), opened.source.dtype, n_frames > 1)


@dataclass(frozen=True)
class Wish:
    """What the caller wants to have of a file.

    Attributes
    ----------
    image : int or str
        Which of several images, by number from 0 or by name.
    whole_frames : bool
        Whether the whole frames of a file that breaks off will do.
    axes : str, optional
        Letters of the file's axes, slowest first, with Y and X: arrays take them for their own.
    as_planes : bool
        Whether files of pages are to be opened page by page, whatever they say of their order; the
        answer is `Opened.is_planes`.
    channels : int, optional
        Channels that were said: a format whose file doesn't tell them takes as many, with all else
        that it knows, or leaves them.
    """

    image: int | str = 0
    whole_frames: bool = False
    axes: str | None = None
    as_planes: bool = False
    channels: int | None = None


PLAIN = Wish()
Settings: TypeAlias = tuple[tuple[float, ...], tuple[float, ...]]


def _unknown(_: Path) -> None:
    """Return None: the format doesn't say it."""


@dataclass(frozen=True)
class Format:
    """How files of one format are opened. All raise InputError for what they can't open.

    Attributes
    ----------
    open_files : callable
        Opens files of this format, and what is wished for of them, as one source, one behind the
        other: ``open_files(paths, wish)``, plainly without a wish.
    glance : callable
        Looks at the head of a file, in a few ms; no pixel is read.
    started_at : callable
        When the recording was started; None where the file doesn't say it.
    channel_offsets : callable
        Counts without light of each channel; None where the file doesn't say it.
    detector_settings : callable
        Offsets and gains of the detector, whatever was subtracted; None where the file doesn't say
        them.
    describes : callable
        Names of the files beside it that a file without pixels describes.
    has_images : bool
        Whether a file may hold several images, of which `Wish.image` chooses one.
    """

    open_files: Callable[..., Opened]
    glance: Callable[[Path], Glance]
    started_at: Callable[[Path], datetime | None] = _unknown
    channel_offsets: Callable[[Path], tuple[float, ...] | None] = _unknown
    detector_settings: Callable[[Path], Settings | None] = _unknown
    describes: Callable[[Path], frozenset[str]] = lambda _: frozenset()
    has_images: bool = False
