"""Images in a report: means of raw and of aligned frames, and sections through a volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.progress import Job, Progress

Image = npt.NDArray[np.float32]

MOST_FRAMES = 200
"""Frames of a recording that are averaged, spread over all of it."""
SHOWN_SLICES = 3
SLAB_PX = 5
"""Rows, or columns, that a section through a volume averages."""
STAGE = "Averaging"


@dataclass(frozen=True)
class Pair:
    """The same place in raw and in aligned frames.

    Attributes
    ----------
    title : str
    before, after : numpy.ndarray
        (Y, X) float32; NaN where nothing is known.
    """

    title: str
    before: Image
    after: Image


def pairs_of(alignment: Alignment) -> Job[list[Pair]]:
    """Images of an alignment, raw and aligned, from one pass over the frames.

    Raises
    ------
    InputError
        Where a raw frame can't be read.
    """
    of_one = _of_recording if alignment.stack.frames_per_slice is None else _of_slices
    pairs: list[Pair] = []
    for channel in driving_channels(alignment):
        pairs += yield from of_one(alignment, channel)
    return pairs


def driving_channels(alignment: Alignment) -> list[int]:
    """Channels that drove the registration; the first where the stack hasn't got them."""
    weights = getattr(alignment.params, "channel_weights", ())
    driving = [c for c, weight in enumerate(weights) if weight]
    driving = driving or [getattr(alignment.params, "channel", 0)]
    return [c for c in driving if c < alignment.stack.shape[1]] or [0]


def _named(title: str, alignment: Alignment, channel: int) -> str:
    """A title with the channel, where there are several."""
    names = alignment.stack.channel_names
    return title if len(names) < 2 else f"{title}, {names[channel]}"


def _of_recording(alignment: Alignment, channel: int) -> Job[list[Pair]]:
    used = np.flatnonzero(alignment.quality["used"])
    if not len(used):
        return []
    places = np.unique(np.linspace(0, len(used) - 1, MOST_FRAMES).astype(int))
    before, after = yield from means_of(alignment, channel, used[places], 0, len(places))
    which = f"of {len(places)} frames" if len(places) < len(used) else "of all frames used"
    return [Pair(_named(f"Mean {which}", alignment, channel), before, after)]


def _of_slices(alignment: Alignment, channel: int) -> Job[list[Pair]]:
    stack, used = alignment.stack, alignment.quality["used"]
    frames = [each[used[each]] for each in map(stack.frames_of_slice, range(stack.n_slices))]
    known = [z for z, each in enumerate(frames) if len(each)]
    if not known:
        return []
    shown = {known[k] for k in np.linspace(0, len(known) - 1, SHOWN_SLICES).astype(int)}
    pairs, sections = [], Sections(stack.n_slices, alignment.transforms.shape)
    done, total = 0, sum(map(len, frames))
    for z in known:
        means = yield from means_of(alignment, channel, frames[z], done, total)
        done += len(frames[z])
        sections.add(z, *means)
        if z in shown:
            pairs.append(Pair(_named(f"Mean of slice {z}", alignment, channel), *means))
    return [*pairs, *sections.pairs(pixels_a_slice_of(alignment))] if len(known) > 1 else pairs


def means_of(
    alignment: Alignment, channel: int, frames: npt.NDArray[np.intp], done: int, total: int
) -> Job[tuple[Image, Image]]:
    """Mean of some frames as they are, and aligned; both in the size of the reference."""
    before, after = RunningMean(alignment.raw_shape), RunningMean(alignment.transforms.shape)
    for k, (t, raw) in enumerate(alignment.raw_frames(frames, channel)):
        before.add(raw, np.isfinite(raw))
        after.add(*alignment.resample_measured(raw, t))
        yield Progress(STAGE, done + k + 1, total)
    return before.image_or_nan(), after.image_or_nan()


class Sections:
    """Sections along z through the middle of raw and of aligned slices, as they come."""

    def __init__(self, n_slices: int, shape: tuple[int, int]) -> None:
        self._at = [slice(max(n // 2 - SLAB_PX // 2, 0), n // 2 + SLAB_PX // 2 + 1) for n in shape]
        self._images = {
            (axis, when): np.full((n_slices, shape[1 - axis]), np.nan, np.float32)
            for axis in (0, 1)
            for when in ("before", "after")
        }

    def add(self, z: int, before: Image, after: Image) -> None:
        """Take in the means of a slice."""
        for when, mean in (("before", before), ("after", after)):
            for axis in (0, 1):
                slab = mean[self._at[0]] if axis == 0 else mean[:, self._at[1]]
                self._images[axis, when][z] = slab.mean(axis=axis)

    def pairs(self, pixels_a_slice: float | None) -> list[Pair]:
        """x-z and y-z sections, z downwards and to scale where that is known."""
        factor = 4.0 if pixels_a_slice is None else pixels_a_slice
        scale = "z to scale" if pixels_a_slice is not None else "z-step or pixel size unknown"
        return [
            Pair(
                f"{name} section through the middle ({scale})",
                *(_tall(self._images[axis, when], factor) for when in ("before", "after")),
            )
            for axis, name in ((0, "x–z"), (1, "y–z"))
        ]


def _tall(section: Image, factor: float) -> Image:
    """A section (Z, N) whose slices are as thick as ``factor`` pixels."""
    rows = np.arange(max(round(len(section) * factor), 1)) / factor
    return section[np.minimum(rows.astype(int), len(section) - 1)]


def pixels_a_slice_of(alignment: Alignment) -> float | None:
    """How many pixels the slices lie apart; None where that isn't known."""
    step, size = alignment.stack.z_step_um, alignment.stack.pixel_size_um
    if not step or size is None or not min(size) > 0:
        return None
    return abs(step) / float(np.mean(size))
