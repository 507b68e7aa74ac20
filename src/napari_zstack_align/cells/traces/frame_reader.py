"""Means over circles and neuropil rings in raw frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.areas import Patches, circle_patches, patch_size
from napari_zstack_align.cells.traces.ring_patterns import Ring
from napari_zstack_align.cells.traces.rings import Image, Rings
from napari_zstack_align.cells.traces.scratch import Scratch

Numbers = npt.NDArray[np.float64]

INSIDE_PART = 0.9
"""Part of a circle's area that must lie inside the frame."""
BLOCK_PIXELS = 2**18
"""Pixels in the patches of the circles that are worked on at once."""
SMALLEST_RADIUS_PX = 1e-3

INTEGRABLE = ("u1", "u2", "i2", "f4", "f8")
"""Pixels that OpenCV makes integral images of."""


class FrameReader:
    """Reads circles from frame after frame; for one thread.

    Parameters
    ----------
    largest_radius : float
        Of the circles in any frame, px.
    ring : Ring
    shape : tuple of int
        (Y, X) of the frames.
    """

    def __init__(self, largest_radius: float, ring: Ring, shape: tuple[int, int]) -> None:
        self._shape, self._ring = shape, ring
        self._largest = largest_radius
        self._scratch = Scratch()
        self._rings = Rings(ring, largest_radius, shape, self._scratch)

    def measure(
        self, frames: Iterable[npt.NDArray[Any] | None], circles: Numbers, blocks: list[slice]
    ) -> Iterator[tuple[Numbers, Numbers] | None]:
        """Mean of each circle, pixels counted by their area in it, and of its neuropil ring.

        Parameters
        ----------
        frames : iterable of numpy.ndarray
            n raw frames (C, Y, X), NaN for missing pixels; None for a frame to be left out.
        circles : numpy.ndarray
            (n, 3, N) y, x, radius in px of the frames.
        blocks : list of slice
            Circles to work on at once, see `blocks_of`.

        Yields
        ------
        inside, around : numpy.ndarray
            (C, N) float64 each, a frame at a time; NaN where less than 90 % of a circle is inside
            the frame, and where there is no ring. None for a frame left out.
        """
        placed = self._placed(circles)
        pixels = self._rings.pixels_of(placed)
        for i, frame in enumerate(frames):
            if frame is None:
                yield None
                continue
            images = [_image(channel) for channel in frame]
            inside = self._inside(images, placed[i], blocks)
            yield inside, self._rings.means(pixels.on(i), blocks, images)

    def _placed(self, circles: Numbers) -> Numbers:
        """Circles without NaN; those far outside the frame are brought just beyond its border."""
        placed = np.nan_to_num(circles, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        np.clip(placed[:, 2], SMALLEST_RADIUS_PX, self._largest, out=placed[:, 2])
        beyond = placed[:, 2:] + 2
        sizes = np.array(self._shape)[:, np.newaxis]
        np.clip(placed[:, :2], -beyond, sizes + beyond, out=placed[:, :2])
        return placed

    def _inside(self, images: list[Image], circles: Numbers, blocks: list[slice]) -> Numbers:
        """(C, N) means over circles."""
        inside = np.empty((len(images), circles.shape[1]))
        for block in blocks:
            some = circles[:, block]
            size = patch_size(some[2].max())
            patches = circle_patches(some, size, self._shape, self._scratch)
            for mean, image in zip(inside, images, strict=True):
                mean[block] = self._circle_means(image, patches, some[2])
        return inside

    def _circle_means(self, image: Image, patches: Patches, radius: Numbers) -> Numbers:
        areas, pixels = patches.areas, image.pixels.reshape(-1)
        if image.known is not None:
            areas = areas * image.known.reshape(-1).take(patches.places)
        # Around a value of the frame itself, float32 keeps small changes on a large offset.
        base = pixels[len(pixels) // 2].astype(np.float64)
        shifted = self._scratch.array("shifted", pixels.shape, np.float32)
        if pixels.dtype == np.float64:
            np.subtract(pixels, base, out=shifted, casting="same_kind")
        else:
            shifted[...] = pixels
            shifted -= np.float32(base)
        values = self._scratch.array("values", areas.shape, np.float32)
        shifted.take(patches.places, out=values, mode="clip")
        total = areas.sum(axis=(0, 1))
        mean = np.full(len(radius), np.nan)
        enough = total >= INSIDE_PART * np.pi * radius**2
        np.divide(np.einsum("ijn,ijn->n", areas, values), total, out=mean, where=enough)
        mean += base
        return mean


def blocks_of(radii: Numbers) -> list[slice]:
    """Cut circles, sorted by their radii, into blocks whose patches take bounded memory."""
    blocks, stop = [], len(radii)
    while stop:
        at_once = max(BLOCK_PIXELS // patch_size(radii[stop - 1]) ** 2, 1)
        blocks.append(slice(max(stop - at_once, 0), stop))
        stop = blocks[-1].start
    return blocks


def _image(pixels: npt.NDArray[Any]) -> Image:
    """Image of a type that OpenCV integrates, with 0 for NaN."""
    kind = f"{pixels.dtype.kind}{pixels.dtype.itemsize}"
    if kind not in INTEGRABLE or not pixels.dtype.isnative:
        pixels = pixels.astype(np.float64 if pixels.dtype.itemsize > 2 else np.float32)
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype.kind != "f" or (known := np.isfinite(pixels)).all():
        return Image(pixels, None)
    return Image(np.where(known, pixels, 0), known.view(np.uint8))
