"""What one band-passed frame says of the depth of each patch, by itself.

Normalised correlation with the plane at each depth: whatever gain and offset a patch has, the
correlation is the same. With N independent values, a correlation of r speaks for a depth with a
log-likelihood of -N/2 log(1 - r²). A small lateral error of each patch is solved for at the same
time (Gauss-Newton, Lucas & Kanade 1981), so that it isn't read as depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.zshift.likelihood import WITHIN, confidence_at, log_likelihood, vertex
from napari_zstack_align.zshift.shifts import slopes_at, solve_shift
from napari_zstack_align.zshift.templates import STEPS, Templates, slopes_of

Image = npt.NDArray[np.float32]
Short = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]

LEAST_VALID = 0.5
"""Part of a patch that a frame must show."""
GAUSSIAN_KURTOSIS = 3.0
DISPUTED_FROM, DISPUTED = 0.75, 0.3
"""Confidence that is left to a depth this many slices from the whole slice that is most alike."""
FEWEST = 4.0
"""Independent values a patch has at least."""


@dataclass(frozen=True)
class Evidence:
    """What a frame says of each patch.

    Attributes
    ----------
    z : numpy.ndarray
        (patches,) depth in slices; NaN where it was refused.
    error : numpy.ndarray
        (patches,) standard error of it; infinite where it was refused.
    confidence : numpy.ndarray
        (patches,) probability that it is right to within a slice.
    shift : numpy.ndarray
        (patches, 2) lateral error (dy, dx) that was left, px.
    amplitude : numpy.ndarray
        (patches,) counts of the frame in one of the templates.
    correlation : float
        Of the whole frame with the reference, at the patches' depths.
    centre : float
        Depth at which the whole frame is most alike.
    beyond : float
        Part of the evidence that is for a depth beyond the first or last slice.
    at_edge : bool
        Whether ``centre`` is at the edge of the window, where there is more of the stack.
    """

    z: Numbers
    error: Numbers
    confidence: Numbers
    shift: Numbers
    amplitude: Numbers
    correlation: float
    centre: float
    beyond: float
    at_edge: bool


def evidence_of(
    frame: Image, valid: Image | None, templates: Templates, around: float, window: int
) -> Evidence:
    """Compare a frame with the slices about a depth.

    Parameters
    ----------
    frame : numpy.ndarray
        (Y, X) float32, band-passed and shifted onto the reference; 0 where it isn't valid.
    valid : numpy.ndarray, optional
        (Y, X) float32, 1 where it is valid; None: everywhere.
    templates : Templates
    around : float
        Depth in slices.
    window : int
        Slices on either side.
    """
    depths, slices = _window(templates, around, window)
    sums, energy, spread = _sums(frame, templates, slices)
    along = np.matmul(templates.weights[depths, slices], sums)
    power, z_of = templates.energy[:, depths], templates.depths[depths]
    pixels, shown = _pixels(valid, templates)
    # Chance correlates with the planes' noise, too, which is not in their energy.
    number = np.maximum(pixels * templates.independent * templates.signal, FEWEST)
    dy, dx = solve_shift(along, power, energy / number, slopes_at(templates, z_of))
    product = along[..., 0] + 0.5 * (along[..., 1] * dy + along[..., 2] * dx)
    usable = templates.known & shown & (energy > 0)
    total = np.sqrt(np.where(usable, energy, np.inf))[:, np.newaxis]
    likelihood = log_likelihood(product / np.sqrt(power) / total, number)
    rows, peak = np.arange(len(power)), likelihood.argmax(axis=1)
    offset, error = vertex(likelihood, peak)
    refused = ~usable | (peak == 0) | (peak == len(z_of) - 1) | ~(error < WITHIN)
    at_ends = (z_of[peak] <= templates.depths[0]) | (z_of[peak] >= templates.depths[-1])
    weight, centre = likelihood[rows, peak], int(likelihood.sum(axis=0).argmax())
    sure = confidence_at(likelihood * spread[:, np.newaxis], peak, templates.n_slices)
    whole = np.flatnonzero(z_of == np.rint(z_of))
    alike = z_of[whole][likelihood[:, whole].argmax(axis=1)]
    sure = np.where(np.abs(z_of[peak] - alike) < DISPUTED_FROM, sure, np.minimum(sure, DISPUTED))
    best, length = product[rows, peak], np.sqrt(power[rows, peak])
    return Evidence(
        z=np.where(refused, np.nan, z_of[peak] + offset / STEPS),
        error=np.where(refused, np.inf, error),
        confidence=np.where(refused, 0.0, sure),
        shift=np.stack([dy[rows, peak], dx[rows, peak]], axis=1).astype(np.float64),
        amplitude=best / length**2,
        correlation=float(best / length @ np.sqrt(energy)) / max(float(energy.sum()), 1e-12),
        centre=float(z_of[centre]),
        beyond=float(weight[at_ends].sum() / max(weight.sum(), 1e-12)),
        at_edge=bool(centre in (0, len(z_of) - 1) and 0 < z_of[centre] < templates.n_slices - 1),
    )


def _window(templates: Templates, around: float, window: int) -> tuple[slice, slice]:
    """Depths about a depth, and the slices that predict the planes there."""
    last = len(templates.depths) - 1
    middle = round((around - templates.depths[0]) * STEPS)
    middle = int(np.clip(middle, 0, last))
    depths = slice(max(middle - window * STEPS, 0), min(middle + window * STEPS, last) + 1)
    used = np.flatnonzero(templates.weights[depths].any(axis=0))
    return depths, slice(int(used[0]), int(used[-1]) + 1)


def _sums(frame: Image, templates: Templates, slices: slice) -> tuple[Short, Short, Short]:
    """(patches, slices, 3) products with frame and slopes, and (patches,) its energy and spread.

    The spread is 1 where the energy is spread over the pixels like that of noise (or more
    evenly), and less where few pixels have it all: a handful of photons resembles much by chance.
    """
    grid = templates.grid
    images = np.stack([grid.blocks(image) for image in (frame, *slopes_of(frame))], axis=2)
    sums = np.matmul(templates.pixels[:, slices], images)
    square = images[..., 0] ** 2
    energy = grid.patch_sums(square.sum(axis=1))
    fourth = grid.patch_sums(np.einsum("bp,bp->b", square, square))
    even = GAUSSIAN_KURTOSIS * energy**2 / np.maximum(fourth * grid.pixels, np.float32(1e-12))
    return grid.patch_sums(sums), energy, np.minimum(even, np.float32(1))


def _pixels(
    valid: Image | None, templates: Templates
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """(patches,) number of valid pixels, and whether they are enough."""
    grid = templates.grid
    if valid is None:
        number = np.full(len(templates.known), float(grid.pixels))
    else:
        number = np.asarray(grid.patch_sums(grid.blocks(valid).sum(axis=1)), np.float64)
    return number, number >= LEAST_VALID * grid.pixels
