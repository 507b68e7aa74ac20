"""Movies that follow from depths, a frame at a time: corrected, and simulated."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import Any

import dask.array as da
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import to_dtype, warp
from napari_zstack_align.lazy import LazyFrames
from napari_zstack_align.levels import counts_dtype
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.dense import field_of
from napari_zstack_align.zshift.zshift import WITHOUT_DEPTH, ZShift

Image = npt.NDArray[np.float32]
Counts = npt.NDArray[np.floating]

BEYOND = 0.5
"""So far beyond the first and last slice, in slices, these stand for what is there."""
KEPT_SLICES = 16
DARK_SLICES, DARK_PERCENTILE = 8, 0.5


class Volume:
    """Reference with its slices brought to a common gain, sampled at a depth for each pixel.

    Parameters
    ----------
    reference : Stack
        (Z, 1, Y, X) float32 or float64.
    slice_gain : numpy.ndarray
        (Z,)
    """

    def __init__(self, reference: Stack, slice_gain: npt.NDArray[np.float32]) -> None:
        self._reference, self._gain = reference, slice_gain
        self._kept: OrderedDict[int, Image] = OrderedDict()
        self._lock = Lock()

    @cached_property
    def dark(self) -> float:
        """Intensity of the darkest pixels of the reference, as far as some slices show."""
        last = self._reference.n_frames - 1
        some = np.unique(np.linspace(0, last, DARK_SLICES).round().astype(int))
        images = [self._reference.read(int(k), int(k) + 1)[0, 0] for k in some]
        known = [image[np.isfinite(image)] for image in images]
        low = [np.percentile(values, DARK_PERCENTILE) for values in known if values.size]
        return float(min(low, default=0.0))

    def at(self, depth: npt.NDArray[np.floating]) -> Image:
        """(Y, X) float32 above `dark`, between the two nearest slices, linearly.

        NaN beyond the stack.
        """
        last = self._reference.n_frames - 1
        inside = np.clip(depth, 0, last).astype(np.float32)
        image = np.zeros(depth.shape, np.float32)
        for k in range(int(np.floor(inside.min())), int(np.ceil(inside.max())) + 1):
            weight = 1 - np.abs(inside - np.float32(k))
            np.add(image, weight * self._slice(k), out=image, where=weight > 0)
        image[np.abs(depth - inside) > BEYOND] = np.nan
        return image

    def _slice(self, k: int) -> Image:
        with self._lock:
            if k not in self._kept:
                image = self._reference.read(k, k + 1)[0, 0]
                # About dark: what a detector adds to every pixel has no gain, and digits that it
                # takes are missing elsewhere.
                above = (image - image.dtype.type(self.dark)).astype(np.float32)
                self._kept[k] = above / self._gain[k]
            self._kept.move_to_end(k)
            while len(self._kept) > KEPT_SLICES:
                self._kept.popitem(last=False)
            return self._kept[k]


def simulated_movie(zshift: ZShift) -> da.Array:
    """See `ZShift.simulate`."""
    volume, dtype = Volume(zshift.reference, zshift.slice_gain), zshift.reference.dtype

    def frame(t: int) -> Counts:
        return volume.at(zshift.field(t)) + dtype.type(volume.dark)

    return _movie(zshift, frame, dtype)


def corrected_movie(zshift: ZShift, channel: int) -> da.Array:
    """See `ZShift.corrected`."""
    stack = zshift.stack
    stack.checked_channel(channel)
    volume = Volume(zshift.reference, zshift.slice_gain)
    anchor = volume.at(np.full(zshift.frame_shape, zshift.anchor))
    own = channel == zshift.params.channel

    def frame(t: int) -> Counts:
        image = compared_frame(zshift, t, channel)
        lateral = [
            -field_of(zshift.lateral[t, ..., i], zshift.centres, zshift.frame_shape) for i in (0, 1)
        ]
        there = volume.at(zshift.field(t))
        change = _moved(anchor - there, lateral)
        gain = zshift.quality["gain"][t] if own else _gain(image, _moved(there, lateral))
        return image + np.float32(gain) * change

    return _movie(zshift, frame, counts_dtype(stack.dtype))


def compared_frame(zshift: ZShift, t: int, channel: int) -> Counts:
    """(Y, X) frame, aligned where there is an alignment; NaN where unknown.

    float32, or float64 of pixels that it can't hold.
    """
    raw: npt.NDArray[Any] = zshift.stack.read(t, t + 1)[0, channel]
    dtype = counts_dtype(raw.dtype)
    if zshift.transforms is None:
        return raw.astype(dtype)
    return to_dtype(*zshift.transforms.resample(raw, t), dtype, np.nan)


def _movie(zshift: ZShift, frame: Callable[[int], Counts], dtype: np.dtype[Any]) -> da.Array:
    """Lazy (T, Y, X); NaN in frames without a depth."""
    shape = zshift.frame_shape
    known = ~np.isin(zshift.flags, WITHOUT_DEPTH) & np.isfinite(zshift.z)

    def block(start: int, stop: int) -> Counts:
        blank = np.full(shape, np.nan, dtype)
        return np.stack([frame(t) if known[t] else blank for t in range(start, stop)])

    lazy = LazyFrames(block, (len(zshift.z), *shape), dtype)
    return lazy.as_dask(zshift.stack.frames_per_chunk)


def _moved(image: Image, displacement: list[Image]) -> Image:
    """Image of the reference's coordinates in those of the frame; NaN stays where it was."""
    known = np.isfinite(image)
    moved = warp(np.where(known, image, np.float32(0)), np.stack(displacement))
    return np.where(known, moved, np.float32(np.nan))


def _gain(image: Counts, there: Image) -> float:
    """Slope of a frame on the reference's plane."""
    known = np.isfinite(image) & np.isfinite(there)
    x, y = there[known].astype(np.float64), image[known].astype(np.float64)
    if not x.size:
        return 0.0
    x -= x.mean()
    y -= y.mean()
    return float(x @ y) / max(float(x @ x), 1e-30)
