"""What is reckoned of the reference before the first frame comes."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.levels import above_lowest
from napari_zstack_align.parallel import patient_map
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.progress import Job, Progress, mapped
from napari_zstack_align.read import slices_sample
from napari_zstack_align.remark import Remark
from napari_zstack_align.saved import Units, key_of, values_of
from napari_zstack_align.zshift.axial import AxialModel
from napari_zstack_align.zshift.bands import BandPass
from napari_zstack_align.zshift.lateral import LateralSearch
from napari_zstack_align.zshift.noise import independent_pixels, noise_variance
from napari_zstack_align.zshift.patches import PatchGrid
from napari_zstack_align.zshift.reference import Reference
from napari_zstack_align.zshift.reference_check import check_reference

Image = npt.NDArray[np.float32]
Short = npt.NDArray[np.float32]
Counts = npt.NDArray[np.floating]

SLICE, TEMPLATES = "slice of the reference 2", "templates 2"
"""The methods of units: another number where a result may change."""
READING, COMPARING = "Reading the reference", "Comparing its slices"
STEPS = 16
"""Depths between two slices that frames are compared with."""
BEYOND = 0.5
"""How far beyond the first and last slice, in slices, depths are found."""
MOST_NOISE = 0.9
LEAST_SIGNAL = 0.2
"""Part of a plane's sum of squares that is no noise, at least: a patch in which there is nothing
but noise must not resemble everything."""
LEAST_KNOWN = 0.5
"""Part of a patch that the reference must know."""


@dataclass(frozen=True, eq=False)
class Templates:
    """The reference, band-passed and divided into blocks.

    Attributes
    ----------
    grid : PatchGrid
    band : BandPass
    pixels : numpy.ndarray
        (blocks, Z, pixels) float32 band-passed slices of unit variance.
    depths : numpy.ndarray
        (n,) depths that frames are compared with, `STEPS` a slice.
    weights : numpy.ndarray
        (n, Z) of the slices that predict the plane at each of them.
    energy : numpy.ndarray
        (patches, n) sum of squares of these planes in each patch, without noise.
    signal : numpy.ndarray
        (patches,) part of the planes' sum of squares that is no noise.
    slopes : numpy.ndarray
        (patches, Z, 3) sums of V_y², V_y V_x and V_x².
    known : numpy.ndarray
        (patches,) bool: enough of the reference is known.
    scale : numpy.ndarray
        (Z,) standard deviation of each band-passed slice, in counts.
    independent : float
        Independent values in a pixel.
    lateral : LateralSearch
    model : AxialModel
    left_out : tuple of int
        Slices without numbers, which nothing is compared with.
    remarks : tuple of Remark
        What was odd about the slices.
    """

    grid: PatchGrid
    band: BandPass
    pixels: Short
    depths: npt.NDArray[np.float64]
    weights: Short
    energy: Short
    signal: Short
    slopes: Short
    known: npt.NDArray[np.bool_]
    scale: Short
    independent: float
    lateral: LateralSearch
    model: AxialModel
    left_out: tuple[int, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return len(self.scale)


def make_templates(
    reference: Reference, params: ZShiftParams, units: Units, pool: ThreadPoolExecutor
) -> Generator[Progress, None, tuple[Counts, Templates]]:
    """Read the reference.

    Parameters
    ----------
    reference : Reference
    params : ZShiftParams
    units : Units
        Keeps its slices; its frames are read through it.
    pool : ThreadPoolExecutor
        Where that is done, so that it can be cancelled meanwhile.

    Returns
    -------
    volume : numpy.ndarray
        (Z, Y, X) float32 (float64 where that would cut its structure), NaN where unknown.
    templates : Templates

    Raises
    ------
    InputError
        Where there is nothing in the reference, or its images look like no slices.
    """
    slices = _Slices(reference, params)
    done, n_slices = 0, reference.n_slices
    sample = slices_sample(n_slices).tolist()
    order = sample + sorted(set(range(n_slices)) - set(sample))
    remarks: tuple[Remark, ...] = ()
    yield Progress(READING, done, n_slices)
    for image in patient_map(pool, partial(_slice, reference, units), order, 1):
        if image is not None:
            slices.add(order[done], image)
            done += 1
            if done == len(sample):
                remarks = yield from _checked(reference, slices.volume, done)
        yield Progress(READING, done, n_slices)
    if not slices.scale.any():
        raise InputError(
            f"The reference {reference.name} is blank: nothing of the frames can be found in it."
        )
    if slices.n_known < 2:
        raise InputError(
            f"Only one slice of the reference {reference.name} holds numbers: give a z-stack."
        )
    templates = yield from slices.templates()
    return slices.volume, replace(templates, remarks=remarks)


def _checked(reference: Reference, volume: Counts, n_read: int) -> Job[tuple[Remark, ...]]:
    """Look at the slices, a step of reading them: it takes a second or two."""
    here = Progress(READING, n_read, len(volume))
    return mapped(check_reference(reference, volume), lambda _: here)


def _slice(reference: Reference, units: Units, k: int) -> Counts:
    """Slice (Y, X) of the reference, made before or now."""
    stack, frames = units.frames.stack, reference.frames(k)
    key = key_of(
        SLICE, frame=(stack.shape[1:], stack.dtype.str), depends_on=reference.depends_on(k)
    )
    arrays = units.get(f"slice-{k:05}", key, frames)
    if arrays is None:
        try:
            arrays = {"image": reference.make(stack, k)}
        except OSError as error:
            raise InputError(
                f"Slice {k} of the reference {reference.name} can't be read: {error}."
            ) from error
        units.put(f"slice-{k:05}", key, arrays, frames)
    return arrays["image"]


def templates_key(volume: Counts, params: ZShiftParams) -> str:
    """Key of all that is reckoned of a reference (Z, Y, X)."""
    names = ("patch_px", "overlap", "fine_px", "coarse_px", "max_shift_px")
    return key_of(TEMPLATES, volume=volume, params=values_of(params, *names))


class _Slices:
    """Templates in the making, slice by slice."""

    def __init__(self, reference: Reference, params: ZShiftParams) -> None:
        n_slices, shape = reference.n_slices, reference.shape
        self.grid = PatchGrid.of(shape, params.patch_px, params.overlap)
        self.band = BandPass(params.fine_px, params.coarse_px)
        self._kernel = self.band.noise_kernel()
        n_blocks, n_pixels = int(np.prod(self.grid.n_blocks)), int(np.prod(self.grid.block))
        self.volume: Counts = np.zeros((n_slices, *shape), np.float32)
        self.scale = np.zeros(n_slices)
        self._noise = np.zeros(n_slices)
        self._there = np.ones(n_slices, bool)
        self._pixels = np.empty((n_blocks, n_slices, n_pixels), np.float32)
        self._slopes = np.empty((n_blocks, n_slices, 3), np.float32)
        self._known = np.ones(shape, bool)
        self._lateral = LateralSearch(shape, params.max_shift_px, n_slices)

    @property
    def n_known(self) -> int:
        """Slices that hold numbers, so far."""
        return int(np.count_nonzero(self._there))

    def add(self, k: int, counts: Counts) -> None:
        """Take a slice (Y, X), NaN where unknown; one without numbers is left out."""
        if counts.dtype.itemsize > self.volume.dtype.itemsize:
            self.volume = self.volume.astype(counts.dtype)
        self.volume[k] = counts
        image, _ = above_lowest(counts)
        valid = np.isfinite(image)
        if not valid.any():
            self._there[k] = False
            self._pixels[:, k] = self._slopes[:, k] = 0
            return
        self._known &= valid
        band = self.band(image, valid)
        total = float(np.mean(band**2, dtype=np.float64))
        if total > 0:
            band /= np.float32(np.sqrt(total))
            in_band = noise_variance(image) * float((self._kernel**2).sum())
            self._noise[k] = min(in_band / total, MOST_NOISE)
        self.scale[k] = np.sqrt(total)
        self._pixels[:, k] = self.grid.blocks(band)
        self._slopes[:, k] = _slopes(band, self.grid)
        self._lateral.add(k, band)

    def templates(self) -> Generator[Progress, None, Templates]:
        """All there is to reckon of all slices together."""
        grid, n_slices = self.grid, len(self.scale)
        gram = np.empty((len(self._pixels), n_slices, n_slices), np.float32)
        for b, block in enumerate(self._pixels):
            yield Progress(COMPARING, b, len(gram))
            gram[b] = block @ block.T
        there, noise = self._there, float(np.median(self._noise[self._there]))
        model = AxialModel.fit(_correlations(gram.sum(axis=0), there), noise)
        depths = np.arange(-BEYOND * STEPS, (n_slices - 1 + BEYOND) * STEPS + 1) / STEPS
        weights = model.weights(depths, there).astype(np.float32)
        within = (depths >= 0) & (depths <= n_slices - 1)
        whole, energy = _energy(grid.patch_sums(gram), weights, model.noise, within)
        return Templates(
            grid=grid,
            band=self.band,
            pixels=self._pixels,
            depths=depths,
            weights=weights,
            energy=energy,
            signal=(energy / whole).mean(axis=1),
            slopes=grid.patch_sums(self._slopes),
            known=_known(self._known, grid),
            scale=self.scale.astype(np.float32),
            independent=independent_pixels(self._pixels[:, there], grid, self._kernel),
            lateral=self._lateral,
            model=model,
            left_out=tuple(np.flatnonzero(~there).tolist()),
        )


def _slopes(image: Image, grid: PatchGrid) -> Short:
    """(blocks, 3) sums of V_y², V_y V_x and V_x²."""
    y, x = (grid.blocks(slope) for slope in slopes_of(image))
    return np.stack([(a * b).sum(axis=1) for a, b in ((y, y), (y, x), (x, x))], axis=1)


def slopes_of(image: Image) -> tuple[Image, Image]:
    """Central differences along y and x; 0 at the edges."""
    y, x = np.zeros_like(image), np.zeros_like(image)
    np.subtract(image[2:], image[:-2], out=y[1:-1])
    np.subtract(image[:, 2:], image[:, :-2], out=x[:, 1:-1])
    y *= 0.5
    x *= 0.5
    return y, x


def _correlations(gram: Short, there: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(n,) mean correlation of slices at distances of 1 to n, as far as there are any."""
    norm = np.sqrt(np.maximum(np.diag(gram), 1e-12))
    correlations = gram / np.outer(norm, norm)
    both = np.outer(there, there)
    lags = [np.diag(correlations, k)[np.diag(both, k)] for k in range(1, len(gram))]
    # A distance that no two slices have any more is told from the next shorter one.
    means: list[float] = []
    for values in lags:
        means.append(float(values.mean()) if len(values) else (means or [0.0])[-1])
    return np.array(means, np.float64)


def _energy(
    gram: Short, weights: Short, noise: float, within: npt.NDArray[np.bool_]
) -> tuple[Short, Short]:
    """(patches, depths) sum of squares of predicted planes, and that less the noise in them.

    Beyond the stack (not ``within``) the noise is a slice's part: prediction there multiplies it,
    and with all of that taken off, a frame of the last slice would seem to lie further out.
    """
    own = np.einsum("pii->pi", gram)
    whole = np.empty((len(gram), len(weights)), np.float32)
    for row, patch in zip(whole, gram, strict=True):
        row[:] = np.einsum("ij,ij->i", weights @ patch, weights)
    np.maximum(whole, np.float32(1e-6), out=whole)
    part = np.where(within, noise * (own @ (weights**2).T) / whole, noise)
    return whole, whole * np.maximum(1 - part, LEAST_SIGNAL).astype(np.float32)


def _known(known: npt.NDArray[np.bool_], grid: PatchGrid) -> npt.NDArray[np.bool_]:
    """(patches,) bool: the reference is known in most of the patch."""
    sums = grid.patch_sums(grid.blocks(known.astype(np.float32)).sum(axis=1))
    return np.asarray(sums >= LEAST_KNOWN * grid.pixels)
