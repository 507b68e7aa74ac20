"""Scale space of an image: its local maxima, found once, from which sliders choose."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.normalise import Range, as_image, missing_pixels, range_of
from napari_zstack_align.cells.responses import reach_px, responses, sigmas_of, unknown_scales
from napari_zstack_align.parallel import ordered_map, worker_threads
from napari_zstack_align.params import BlobParams
from napari_zstack_align.progress import Job, Progress

Region: TypeAlias = tuple[slice, slice]
Values = npt.NDArray[np.float64]

TILE_PX = 640
"""Larger images are done in tiles of this side, so that memory and the time of one are bounded."""

THREADS = 2

REACHES = 4
"""Tiles are at least so many times as large as what has an influence from outside."""


@dataclass(frozen=True, eq=False)
class ScaleSpace:
    """All local maxima of a detector's response over place and scale, the strongest first.

    Only the method and the scales (``min_sigma``, ``max_sigma``, ``num_sigma``, ``sigma_ratio``)
    are decided; thresholds, overlap and border choose from it in about a millisecond.

    Attributes
    ----------
    shape : tuple of int
        (Y, X) of the image.
    scales : tuple
        What it was built for: `scales_of` the parameters.
    y, x : numpy.ndarray
        (n,) int64 positions in px.
    sigma : numpy.ndarray
        (n,) float64 scales in px.
    strength : numpy.ndarray
        (n,) float64 responses, falling.
    largest : float
        The largest response anywhere, of which ``threshold_rel`` is a part; NaN where that part
        isn't defined (see `responses.unknown_scales`).
    region : tuple of slice
        The part of the image that was looked at; all of it by default.
    """

    shape: tuple[int, int]
    scales: tuple[Any, ...]
    y: npt.NDArray[np.int64] = field(repr=False)
    x: npt.NDArray[np.int64] = field(repr=False)
    sigma: Values = field(repr=False)
    strength: Values = field(repr=False)
    largest: float
    region: Region

    @classmethod
    def build(
        cls,
        image: npt.ArrayLike,
        params: BlobParams,
        region: Region | None = None,
        values: Range | None = None,
    ) -> ScaleSpace:
        """Look at an image, or at a region of it, at all scales.

        Parameters
        ----------
        image : array-like
            (Y, X) real numbers. Pixels that aren't finite count as the smallest value, and are
            never a blob.
        params : BlobParams
            Method and scales.
        region : tuple of slice, optional
            (rows, columns) to look at, such as what a viewer shows. Inside it the maxima are those
            of the whole image; ``largest`` is that of the region.
        values : Range, optional
            What becomes 0 and 1; the image's smallest and largest value by default.

        Returns
        -------
        ScaleSpace

        Raises
        ------
        InputError
            Where the image is empty, has one value everywhere or no finite one, or is no (Y, X).
        """
        pixels = as_image(image)
        values = values or range_of(pixels)
        chosen = _whole_region(region, pixels.shape)
        parts = [_look(pixels, params, tile, values) for tile in tiles_of(chosen, params)]
        return _joined(parts, pixels, params, chosen)

    def fits(self, params: BlobParams) -> bool:
        """Whether it serves these parameters: the same method and scales."""
        return self.scales == scales_of(params)

    @property
    def whole(self) -> bool:
        """Whether all of the image was looked at."""
        return self.region == _whole_region(None, self.shape)


def scales_of(params: BlobParams) -> tuple[Any, ...]:
    """What a scale space depends on: the method and the scales."""
    by_method = params.sigma_ratio if params.method == "dog" else params.num_sigma
    return params.method, params.min_sigma, params.max_sigma, by_method


def build_scale_space(
    image: npt.ArrayLike, params: BlobParams, visible: Region | None = None
) -> Job[ScaleSpace]:
    """Look at a large image in the background, what is visible of it first.

    Parameters
    ----------
    image : array-like
        (Y, X) as `ScaleSpace.build` takes it.
    params : BlobParams
        Method and scales.
    visible : tuple of slice, optional
        (rows, columns) that a viewer shows: done first, and given as ``partial``.

    Returns
    -------
    generator of Progress
        Returns the `ScaleSpace` of the whole image.
    """
    pixels = as_image(image)
    values = range_of(pixels)
    whole = _whole_region(None, pixels.shape)
    first = None if visible is None else _whole_region(visible, pixels.shape)
    return _build(pixels, params, values, whole, None if first == whole else first)


def _build(
    pixels: npt.NDArray[np.generic],
    params: BlobParams,
    values: Range,
    whole: Region,
    first: Region | None,
) -> Job[ScaleSpace]:
    tiles = tiles_of(whole, params)
    yield Progress("Looking for blobs", 0, len(tiles))
    if first is not None:
        part = yield from _build_region(pixels, params, values, first, len(tiles))
        yield Progress("Looking for blobs", 0, len(tiles), partial=part)
    parts = []
    for done, tile in enumerate(tiles, 1):
        parts.append(_look(pixels, params, tile, values))
        yield Progress("Looking for blobs", done, len(tiles))
    return _joined(parts, pixels, params, whole)


def _build_region(
    pixels: npt.NDArray[np.generic],
    params: BlobParams,
    values: Range,
    region: Region,
    total: int,
) -> Job[ScaleSpace]:
    parts = []
    for tile in tiles_of(region, params):
        parts.append(_look(pixels, params, tile, values))
        yield Progress("Looking for blobs", 0, total)
    return _joined(parts, pixels, params, region)


# -- tiles -------------------------------------------------------------------------------------

_Part: TypeAlias = tuple[float, list[npt.NDArray[Any]]]
"""Largest response, and y, x, index of the scale and strength of the maxima."""


def tiles_of(region: Region, params: BlobParams) -> list[Region]:
    """Cut a region into tiles of equal size."""
    side = max(TILE_PX, REACHES * reach_px(params))
    rows, columns = (_cut(part, side) for part in region)
    return [(row, column) for row in rows for column in columns]


def _cut(part: slice, side: int) -> list[slice]:
    pieces = max(ceil((part.stop - part.start) / side), 1)
    edges = np.linspace(part.start, part.stop, pieces + 1).astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(edges)]


def _look(
    pixels: npt.NDArray[np.generic], params: BlobParams, tile: Region, values: Range
) -> _Part:
    """Find the maxima inside a tile, which is looked at with what has an influence on it."""
    # The compiler is slow to import: not everybody looks for blobs.
    from napari_zstack_align.cells.maxima import Layer, local_maxima

    # Beyond what the responses reach, a pixel more: a maximum is compared with its neighbours.
    margin = reach_px(params) + 1
    around = _widened(tile[0], margin, pixels.shape[0]), _widened(tile[1], margin, pixels.shape[1])
    top, left = around[0].start, around[1].start
    inner = _moved(tile[0], -top), _moved(tile[1], -left)
    largest, found = -np.inf, []
    scales = responses(values.apply(pixels[around]), params)
    with worker_threads(THREADS) as pool:
        layers = ordered_map(pool, lambda response: Layer.of(response()), scales, ahead=THREADS + 1)
        for scale, maxima in enumerate(local_maxima(layers, inner)):
            largest = max(largest, maxima.largest)
            index = np.full(len(maxima.y), scale)
            found.append((maxima.y + top, maxima.x + left, index, maxima.strength))
    return largest, [np.concatenate(column) for column in zip(*found, strict=True)]


def _widened(part: slice, margin: int, size: int) -> slice:
    return slice(max(part.start - margin, 0), min(part.stop + margin, size))


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _joined(
    parts: list[_Part], pixels: npt.NDArray[np.generic], params: BlobParams, region: Region
) -> ScaleSpace:
    y, x, scale, strength = (
        np.concatenate(column) for column in zip(*(part[1] for part in parts), strict=True)
    )
    missing = missing_pixels(pixels)
    keep = np.ones(len(y), bool) if missing is None else ~missing[y, x]
    # scikit-image sorts by strength, and by place and scale where that is equal.
    place = (y * pixels.shape[1] + x) * (scale.max(initial=0) + 1) + scale
    order = np.lexsort((place, -strength))
    order = order[keep[order]]
    largest = np.nan if unknown_scales(params) else max(part[0] for part in parts)
    return ScaleSpace(
        shape=(pixels.shape[0], pixels.shape[1]),
        scales=scales_of(params),
        y=_fixed(y[order]),
        x=_fixed(x[order]),
        sigma=_fixed(sigmas_of(params)[scale[order]]),
        strength=_fixed(strength[order]),
        largest=float(largest),
        region=region,
    )


def _fixed(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.setflags(write=False)
    return array


def _whole_region(region: Region | None, shape: tuple[int, ...]) -> Region:
    rows, columns = region or (slice(None), slice(None))
    (top, bottom, _), (left, right, _) = rows.indices(shape[0]), columns.indices(shape[1])
    return slice(top, bottom), slice(left, right)
