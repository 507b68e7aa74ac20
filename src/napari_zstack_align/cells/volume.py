"""Cells in 3-D: blobs found slice by slice, and those of neighbouring slices made one cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.blobs import BlobResult, detect
from napari_zstack_align.cells.images import slice_image, stack_of
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cells.matching import match
from napari_zstack_align.cells.normalise import Range, finite_range
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.scale_space import ScaleSpace
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import BlobParams
from napari_zstack_align.progress import Job, Progress, mapped
from napari_zstack_align.sources import with_checked_chunks
from napari_zstack_align.stack import Stack

VALLEY = 0.7
"""Blobs above one another are two cells where the strength between them falls below this part of
the weaker one's."""

KEPT_BYTES = 256 * 2**20
"""Slices are kept between the two passes as long as they need no more memory than this."""


class Volume(Protocol):
    """Slices (Z, Y, X): numpy, dask or zarr."""

    shape: tuple[int, ...]

    def __getitem__(self, z: int) -> Any:
        """One slice."""


Planes: TypeAlias = "Alignment | Stack | Volume"


def detect_cells(
    volume: Planes,
    params: BlobParams | None = None,
    mask: npt.ArrayLike | None = None,
    *,
    channel: int = 0,
    min_slices: int = 1,
) -> Job[Rois]:
    """Find cells in a z-stack.

    Blobs are looked for in every slice, as `detect_blobs` does but for one thing: the slices are
    normalised by the smallest and largest value of the whole volume. Blobs of neighbouring slices
    whose centres lie inside each other (within the larger radius, one to one, the nearest first)
    are one cell, unless the strength has a valley between them.

    Parameters
    ----------
    volume : Alignment, Stack or array
        An alignment of a z-stack (the mean of the used, aligned repeats of each slice), a z-stack
        (the mean of the raw repeats) or (Z, Y, X) slices, lazy or not. One slice at a time is in
        memory, and as many as 256 MB hold, so that they needn't be made a second time.
    params : BlobParams, optional
        Method, scales and thresholds.
    mask : array-like, optional
        (Y, X), for all slices; see `detect_blobs`.
    channel : int
        Channel of a stack or alignment, counted from 0.
    min_slices : int
        A cell found in fewer slices is dropped.

    Returns
    -------
    generator of Progress
        Returns `Rois`, sorted by first slice, y, x: place and radius of the strongest blob,
        ``slices`` the first and last one, and the features ``strength`` and ``z`` (the slices'
        mean, weighted by strength). ``partial`` holds the cells of the slices done.

    Raises
    ------
    InputError
        Where the volume is empty, has one value everywhere or no finite one, or is no (Z, Y, X),
        or the mask has another shape or is empty.
    """
    if min_slices < 1:
        raise InputError(f"min_slices must be at least 1, not {min_slices}.")
    slices = _slices_of(volume, channel)
    return _detect(slices, BlobParams.given(params), mask, min_slices, volume)


# -- slices ------------------------------------------------------------------------------------


class _Slices:
    """Slices of a volume, each made when it is asked for and kept if there is room."""

    def __init__(self, count: int, make: Callable[[int], Job[Any]]) -> None:
        self.count, self._make = count, make
        self._kept: dict[int, npt.NDArray[np.generic]] = {}
        self._bytes = 0

    def get(self, z: int, steps: tuple[int, int]) -> Job[npt.NDArray[np.generic]]:
        """Slice z; ``steps`` says how much of the work is done, of how much."""
        if z in self._kept:
            return self._kept[z]
        step = Progress("Looking for cells", *steps)
        image = yield from mapped(self._make(z), lambda _: step)
        if self._bytes + image.nbytes <= KEPT_BYTES:
            self._kept[z] = image
            self._bytes += image.nbytes
        return image


def _slices_of(volume: Planes, channel: int) -> _Slices:
    if isinstance(volume, Alignment | Stack):
        stack = stack_of(volume)
        if stack.frames_per_slice is None:
            raise InputError(
                f"{stack.name} is a recording without slices: say how many repeats each slice "
                f"has, or look for cells in one image of it."
            )
        slice_image(volume, 0, channel=channel).close()
        return _Slices(stack.n_slices, partial(slice_image, volume, channel=channel))
    if not hasattr(volume, "shape"):
        raise InputError("A volume must be an array of slices (Z, Y, X).")
    shape = tuple(volume.shape)
    if len(shape) != 3 or 0 in shape:
        raise InputError(f"A volume must be slices (Z, Y, X) with pixels, not of shape {shape}.")
    return _Slices(shape[0], partial(_array_slice, with_checked_chunks(volume)))


def _array_slice(volume: Volume, z: int) -> Job[npt.NDArray[np.generic]]:
    yield Progress("Reading", z, 0)
    return np.asarray(volume[z])


def _detect(
    slices: _Slices,
    params: BlobParams,
    mask: npt.ArrayLike | None,
    min_slices: int,
    volume: Planes,
) -> Job[Rois]:
    total = 2 * slices.count
    values: Range | None = None
    for z in range(slices.count):
        image = yield from slices.get(z, (z, total))
        found = finite_range(image)
        values = values if found is None else found.joined(values)
    if values is None or values.low == values.high:
        raise InputError(
            "The volume has one and the same value everywhere, or no finite one: there is nothing "
            "to find in it."
        )
    cells = _Cells(made_on(volume))
    for z in range(slices.count):
        done = slices.count + z
        image = yield from slices.get(z, (done, total))
        cells.add(z, detect(ScaleSpace.build(image, params, values=values), params, mask))
        yield Progress("Looking for cells", done + 1, total, partial=cells.rois(min_slices))
    return cells.rois(min_slices)


# -- cells over slices -------------------------------------------------------------------------


@dataclass
class _Chain:
    """Blobs of neighbouring slices, one above the other."""

    first: int
    circles: list[npt.NDArray[np.float64]] = field(default_factory=list)
    strengths: list[float] = field(default_factory=list)

    def append(self, circle: npt.NDArray[np.float64], strength: float) -> None:
        self.circles.append(circle)
        self.strengths.append(strength)


class _Cells:
    """Chains that grow slice by slice."""

    def __init__(self, mark: str | None) -> None:
        self._mark = mark
        self._ended: list[_Chain] = []
        self._open: list[_Chain] = []

    def add(self, z: int, blobs: BlobResult) -> None:
        """Take the blobs of the next slice."""
        last = np.array([chain.circles[-1] for chain in self._open]).reshape(-1, 3)
        before, now = _one_above_the_other(last, blobs.circles)
        going_on = dict(zip(now.tolist(), before.tolist(), strict=True))
        self._ended += [c for row, c in enumerate(self._open) if row not in set(before.tolist())]
        chains = []
        for row, (circle, strength) in enumerate(zip(blobs.circles, blobs.strengths, strict=True)):
            chain = self._open[going_on[row]] if row in going_on else _Chain(z)
            chain.append(circle, float(strength))
            chains.append(chain)
        self._open = chains

    def rois(self, min_slices: int) -> Rois:
        """Cells so far."""
        rows = [
            _row(chain, part)
            for chain in [*self._ended, *self._open]
            for part in _parts(np.array(chain.strengths))
            if part.stop - part.start >= min_slices
        ]
        table = np.array(sorted(rows), np.float64).reshape(-1, 7)
        return Rois.of(
            table[:, 1:4],
            slices=table[:, [0, 4]].astype(np.int64),
            features={"strength": table[:, 5], "z": table[:, 6]},
            made_on=self._mark,
        )


def _one_above_the_other(
    last: npt.NDArray[np.float64], now: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Rows of the blobs that are one cell in two neighbouring slices."""
    largest = max(last[:, 2].max(initial=0), now[:, 2].max(initial=0))
    rows, columns = match(last[:, :2], now[:, :2], largest)
    apart = np.linalg.norm(last[rows, :2] - now[columns, :2], axis=1)
    inside = apart <= np.maximum(last[rows, 2], now[columns, 2])
    return rows[inside], columns[inside]


def _parts(strengths: npt.NDArray[np.float64]) -> Iterator[slice]:
    """Cut a chain at the valleys of its strength; a valley belongs to the cell after it."""
    start = 0
    while start < len(strengths):
        stop = _end_of_cell(strengths, start)
        yield slice(start, stop)
        start = stop


def _end_of_cell(strengths: npt.NDArray[np.float64], start: int) -> int:
    peak, lowest = start, start
    for i in range(start + 1, len(strengths)):
        if strengths[i] < strengths[lowest] or lowest == peak:
            lowest = i
        if strengths[lowest] < VALLEY * min(strengths[peak], strengths[i]):
            return lowest
        if strengths[i] > strengths[peak]:
            peak = lowest = i
    return len(strengths)


def _row(chain: _Chain, part: slice) -> tuple[float, ...]:
    """First slice, y, x, radius, last slice, strength, mean slice."""
    strengths = np.array(chain.strengths[part])
    y, x, radius = chain.circles[part][int(strengths.argmax())]
    slices = chain.first + np.arange(part.start, part.stop)
    middle = float(np.average(slices, weights=strengths))
    return (slices[0], y, x, radius, slices[-1], strengths.max(), middle)
