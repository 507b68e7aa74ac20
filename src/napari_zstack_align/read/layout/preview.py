"""A look at a layout before anything is run: the ends of a slice, and the border to the next.

Where the layout is right, the frames of a slice show the same, and those beyond its border
something else. Pictures and two correlations say so, of a few frames of a single slice;
`check_layout` judges the whole stack.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read.layout.check_layout import check_layout
from napari_zstack_align.read.layout.pairs import SampledFrames
from napari_zstack_align.read.layout.report import LayoutReport
from napari_zstack_align.stack import Stack, check_is_stack

FRAMES_PER_SIDE = 4
"""Frames of each of the two slices that are compared; the pictures are among them."""
SIDE_PX = 256
"""Pictures have at most so many pixels a side."""
STAGE = "Previewing"
MOST_CHANNELS = 4
"""Pictures of further channels are left out."""


@dataclass(frozen=True, eq=False)
class PreviewImage:
    """One frame of a preview.

    Attributes
    ----------
    frame : int
        Its index in the stack.
    place, which : str
        What it is by the layout, such as 'slice 3' and 'first repeat'.
    pixels : numpy.ndarray, optional
        (C, Y, X) float32, reduced; None where it can't be read.
    problem : str
        Why it can't; else ''.
    """

    frame: int
    place: str
    which: str
    pixels: npt.NDArray[np.float32] | None = field(repr=False)
    problem: str = ""

    @property
    def caption(self) -> str:
        """What the frame is, in words."""
        return f"{self.place}: {self.which}" if self.place else self.which


@dataclass(frozen=True, eq=False)
class LayoutPreview:
    """The ends of a slice and the beginning of the next, by the layout of a stack.

    Attributes
    ----------
    images : tuple of PreviewImage
        Of a z-stack the first and last repeat of a slice, and the first of the next; of a recording
        its first two frames and the last.
    n_slices : int
        Slices of the stack; 0 for a recording.
    slice_index : int
        The slice that is looked at; 0 for a recording.
    within, across : float
        Mean correlation of frames of one slice, and of frames of the two slices, at their best over
        small shifts (see `SampledFrames`); of a recording that of its first two frames, and of the
        first and the last. NaN where there are none to compare.
    report : LayoutReport, optional
        What `check_layout` finds in frames of the whole stack; None before.
    """

    images: tuple[PreviewImage, ...]
    n_slices: int = 0
    slice_index: int = 0
    within: float = np.nan
    across: float = np.nan
    report: LayoutReport | None = None

    @property
    def words(self) -> str:
        """How alike the frames are, for people."""
        if self.n_slices:
            both = f"slices {self.slice_index} and {self.slice_index + 1}"
            own, border = f"within {both}", "across their border"
            if np.isnan(self.within):
                border = f"of {both}"
            elif np.isnan(self.across):
                own = f"within slice {self.slice_index}"
        else:
            own, border = "of the first two frames", "of the first and the last"
        parts = ((own, self.within), (border, self.across))
        known = [f"{decimal(value)} {what}" for what, value in parts if not np.isnan(value)]
        if not known and self._shows_nothing:
            return "Each of these frames has the same value everywhere: they show nothing."
        return f"Correlation: {', '.join(known)}." if known else ""

    @property
    def _shows_nothing(self) -> bool:
        read = [each.pixels for each in self.images if each.pixels is not None]
        return bool(read) and all(pixels.min() == pixels.max() for pixels in read)

    @property
    def warning(self) -> str:
        """What the layout looks like, where it may be wrong; else ''."""
        if self.report is None or not self.report.warning:
            return ""
        return self.report.headline


def preview_layout(stack: Stack, slice_index: int | None = None) -> Job[LayoutPreview]:
    """Read a few frames around the border of two slices, and compare them.

    Parameters
    ----------
    stack : Stack
    slice_index : int, optional
        Slice whose end is looked at; by default the middle one. One beyond the last but one is
        taken for that.

    Returns
    -------
    generator of Progress
        Returns a `LayoutPreview`; its pictures come before, as ``partial``.
    """
    check_is_stack(stack)
    return _preview(stack, slice_index)


def _preview(stack: Stack, slice_index: int | None) -> Job[LayoutPreview]:
    is_recording = stack.frames_per_slice is None
    found = yield from (_recording(stack) if is_recording else _slice(stack, slice_index))
    yield Progress(STAGE, 2, 3, partial=found)
    report = yield from check_layout(stack)
    return replace(found, report=report)


def _recording(stack: Stack) -> Job[LayoutPreview]:
    last = stack.n_frames - 1
    names = {0: "first frame", 1: "second frame"} | ({last: "last frame"} if last > 1 else {})
    shown = [t for t in names if t <= last]
    images = yield from _images(stack, [(t, "", names[t]) for t in shown])
    yield Progress(STAGE, 1, 3, partial=LayoutPreview(images))
    alike = yield from _compared(stack, [shown])
    within, across = _mean(alike[:1, 1:2]), _mean(alike[:1, 2:])
    return LayoutPreview(images, within=within, across=across)


def _slice(stack: Stack, slice_index: int | None) -> Job[LayoutPreview]:
    n_slices = stack.n_slices
    z = n_slices // 2 if slice_index is None else slice_index
    z = max(0, min(z, n_slices - 2))
    sides = [_with_pixels(stack, each) for each in range(z, min(z + 3, n_slices))]
    own, following = sides[0], sides[1] if len(sides) > 1 else []
    shown = [(own[0], f"slice {z}", "first repeat" if len(own) > 1 else "its frame")]
    if len(own) > 1:
        shown.append((own[-1], f"slice {z}", "last repeat"))
    if following:
        which = "first repeat" if len(following) > 1 else "its frame"
        shown.append((following[0], f"slice {z + 1}", which))
    if len(own) == 1 and len(sides) > 2:
        shown.append((sides[2][0], f"slice {z + 2}", "its frame"))
    images = yield from _images(stack, shown)
    yield Progress(STAGE, 1, 3, partial=LayoutPreview(images, n_slices, z))
    some = [_spread(side) for side in (own, following) if side]
    alike = yield from _compared(stack, some)
    is_own = np.arange(len(alike)) < len(some[0])
    same = is_own[:, np.newaxis] == is_own
    return LayoutPreview(images, n_slices, z, _mean(alike[same]), _mean(alike[~same]))


def _with_pixels(stack: Stack, z: int) -> list[int]:
    """Frames of a slice that weren't dropped; all of one that has no other."""
    frames = [int(t) for t in stack.frames_of_slice(z)]
    return [t for t in frames if t not in stack.dropped] or frames


def _spread(frames: list[int]) -> list[int]:
    """Some of the frames, the first and last among them."""
    chosen = np.linspace(0, len(frames) - 1, min(len(frames), FRAMES_PER_SIDE)).round().astype(int)
    return [frames[k] for k in chosen]


def _images(stack: Stack, shown: list[tuple[int, str, str]]) -> Job[tuple[PreviewImage, ...]]:
    images = []
    for done, (frame, place, which) in enumerate(shown):
        yield Progress(STAGE, done, len(shown))
        pixels, problem = None, ""
        try:
            pixels = _reduced(stack.read(frame, frame + 1)[0, :MOST_CHANNELS])
        except (OSError, InputError) as error:
            problem = str(error)
        images.append(PreviewImage(frame, place, which, pixels, problem))
    return tuple(images)


def _reduced(channels: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """(C, Y, X) at most `SIDE_PX` a side."""
    image = channels.astype(np.float32)
    factor = SIDE_PX / max(image.shape[1:])
    if factor >= 1:
        return image
    height, width = (max(1, round(n * factor)) for n in image.shape[1:])
    size = (width, height)
    small = [cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in image]
    return np.stack(small)


def _compared(stack: Stack, sides: list[list[int]]) -> Job[npt.NDArray[np.float32]]:
    """(n, n) how alike frames of the first channel are."""
    frames = np.array([t for side in sides for t in side], np.intp)
    if len(frames) < 2:
        return np.full((len(frames),) * 2, np.nan, np.float32)
    pairs = yield from SampledFrames(stack, 0).compare(frames[np.newaxis])
    return pairs.alike


def _mean(alike: npt.NDArray[np.float32]) -> float:
    known = alike[np.isfinite(alike)]
    return float(known.mean()) if known.size else np.nan


def channels_left_out(stack: Stack) -> str:
    """Say that further channels aren't pictured; '' where all are."""
    more = stack.shape[1] - MOST_CHANNELS
    return f"{counted(more, 'more channel')} not shown." if more > 0 else ""
