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

from napari_zstack_align.zshift.templates import STEPS, Templates, slopes_of

Image = npt.NDArray[np.float32]
Short = npt.NDArray[np.float32]

SHIFT_SPREAD_PX = 0.5
"""Expected lateral error of a patch after the shift of the whole frame."""
CLOSE = 0.95
"""Squared correlation from which the log-likelihood rises in a straight line: noise that frame and
reference have in common can lift it above 1."""
BEND_STEPS = STEPS // 4
"""Depths on either side of the peak that tell how sharp it is."""
NOWHERE = 7.0
"""Log-likelihood that a depth must exceed, a slice: about what chance alone finds."""
WITHIN = 1.0
"""Confidence is the probability of an error smaller than this, in slices."""
LEAST_VALID = 0.5
"""Part of a patch that a frame must show."""


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

    z: npt.NDArray[np.float64]
    error: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64]
    shift: npt.NDArray[np.float64]
    amplitude: npt.NDArray[np.float64]
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
    weights = templates.weights[depths, slices]
    sums, energy = _sums(frame, templates, slices)
    along = np.einsum("dk,pkc->pdc", weights, sums)
    power = templates.energy[:, depths]
    pixels, shown = _pixels(valid, templates)
    number = np.maximum(pixels * templates.independent, 4.0)
    along[..., 0] += _gain_by_shift(along, power, energy, number, templates, depths)
    correlation = along[..., 0] / np.sqrt(power * np.maximum(energy, 1e-12)[:, np.newaxis])
    likelihood = _likelihood(correlation, number)
    rows = np.arange(len(likelihood))
    usable = templates.known & shown & (energy > 0)
    likelihood[~usable] = 0
    peak = likelihood.argmax(axis=1)
    z_of = templates.depths[depths]
    inside = (peak > 0) & (peak < len(z_of) - 1)
    offset, error = _vertex(likelihood, peak)
    refused = ~usable | ~inside | ~(error < WITHIN)
    z = np.where(refused, np.nan, z_of[peak] + offset / STEPS)
    total = likelihood.sum(axis=0)
    centre = int(total.argmax())
    weight = likelihood[rows, peak]
    at_ends = (z_of[peak] <= templates.depths[0]) | (z_of[peak] >= templates.depths[-1])
    best = along[rows, peak]
    return Evidence(
        z,
        np.where(refused, np.inf, error),
        np.where(refused, 0.0, _confidence(likelihood, peak, templates.n_slices)),
        _shift(best, power[rows, peak], energy, number, templates, z_of[peak]),
        best[:, 0] / power[rows, peak],
        float(
            (best[:, 0] / np.sqrt(power[rows, peak])) @ np.sqrt(energy) / max(energy.sum(), 1e-12)
        ),
        float(z_of[centre]),
        float(weight[at_ends].sum() / max(weight.sum(), 1e-12)),
        bool(centre in (0, len(z_of) - 1) and 0 < z_of[centre] < templates.n_slices - 1),
    )


def _window(templates: Templates, around: float, window: int) -> tuple[slice, slice]:
    """Depths about a depth, and the slices that predict the planes there."""
    last = len(templates.depths) - 1
    middle = round((around - templates.depths[0]) * STEPS)
    middle = int(np.clip(middle, 0, last))
    depths = slice(max(middle - window * STEPS, 0), min(middle + window * STEPS, last) + 1)
    used = np.flatnonzero(templates.weights[depths].any(axis=0))
    return depths, slice(int(used[0]), int(used[-1]) + 1)


def _sums(frame: Image, templates: Templates, slices: slice) -> tuple[Short, Short]:
    """(patches, slices, 3) products with frame and its slopes, and (patches,) its energy."""
    grid = templates.grid
    images = np.stack([grid.blocks(image) for image in (frame, *slopes_of(frame))], axis=2)
    sums = np.matmul(templates.pixels[:, slices], images)
    energy = np.einsum("bp,bp->b", images[..., 0], images[..., 0])
    return grid.patch_sums(sums), grid.patch_sums(energy)


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


def _gain_by_shift(
    along: Short,
    power: Short,
    energy: Short,
    number: npt.NDArray[np.float64],
    templates: Templates,
    depths: slice,
) -> Short:
    """(patches, depths) what the best lateral shift adds to the product with the plane."""
    amplitude = np.maximum(along[..., 0], 0) / power
    slopes = _slopes_at(templates, templates.depths[depths])
    hessian = _hessian(slopes, amplitude, energy, number, templates)
    y, x = along[..., 1], along[..., 2]
    a, b, c = hessian
    determinant = np.maximum(a * c - b * b, 1e-12)
    return np.asarray(0.5 * (c * y * y - 2 * b * y * x + a * x * x) / determinant, np.float32)


def _hessian(
    slopes: Short,
    amplitude: npt.NDArray[np.floating],
    energy: Short,
    number: npt.NDArray[np.float64],
    templates: Templates,
) -> tuple[Short, Short, Short]:
    """Second derivatives of the product by the shift, with what is expected of shifts."""
    variance: Short = energy / number.astype(np.float32)
    known: Short = np.maximum(amplitude, 1e-6).astype(np.float32)
    if known.ndim == 2:
        variance = variance[:, np.newaxis]
    prior = variance / known / np.float32(SHIFT_SPREAD_PX**2)
    return (
        known * slopes[..., 0] + prior,
        known * slopes[..., 1],
        known * slopes[..., 2] + prior,
    )


def _slopes_at(templates: Templates, depths: npt.NDArray[np.float64]) -> Short:
    """(patches, depths, 3) sums of squares of slopes, those of the nearest slice."""
    nearest = np.clip(np.rint(depths), 0, templates.n_slices - 1).astype(int)
    return templates.slopes[:, nearest]


def _shift(
    best: Short,
    power: Short,
    energy: Short,
    number: npt.NDArray[np.float64],
    templates: Templates,
    z: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """(patches, 2) lateral shift at each patch's own depth."""
    nearest = np.clip(np.rint(z), 0, templates.n_slices - 1).astype(int)
    slopes = templates.slopes[np.arange(len(z)), nearest]
    amplitude = np.maximum(best[:, 0], 0) / power
    a, b, c = _hessian(slopes, amplitude, energy, number, templates)
    determinant = np.maximum(a * c - b * b, 1e-12)
    y, x = best[:, 1], best[:, 2]
    shift = np.stack([(c * y - b * x) / determinant, (a * x - b * y) / determinant], axis=1)
    return np.clip(shift, -2, 2).astype(np.float64)


def _likelihood(correlation: Short, number: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(patches, depths) log-likelihood against no resemblance."""
    square = np.maximum(correlation, 0).astype(np.float64) ** 2
    close = np.minimum(square, CLOSE)
    rise = -np.log1p(-close) + (square - close) / (1 - CLOSE)
    return np.asarray(0.5 * number[:, np.newaxis] * rise)


def _vertex(
    likelihood: npt.NDArray[np.float64], peak: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Place of the peak between depths, in steps, and its standard error in slices."""
    rows, last = np.arange(len(peak)), likelihood.shape[1] - 1
    at = np.clip(peak, 1, last - 1)
    before, here, after = (likelihood[rows, at + step] for step in (-1, 0, 1))
    bend = before - 2 * here + after
    offset = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0.0)
    wide = min(BEND_STEPS, last // 2)
    at = np.clip(peak, wide, last - wide)
    before, here, after = (likelihood[rows, at + step] for step in (-wide, 0, wide))
    curvature = (2 * here - before - after) * (STEPS / max(wide, 1)) ** 2
    with np.errstate(divide="ignore"):
        error = np.where(curvature > 0, 1 / np.sqrt(np.maximum(curvature, 1e-12)), np.inf)
    return np.clip(offset, -1, 1), error


def _confidence(
    likelihood: npt.NDArray[np.float64], peak: npt.NDArray[np.intp], n_slices: int
) -> npt.NDArray[np.float64]:
    """(patches,) posterior probability of a depth within a slice of the peak's.

    Against the other depths of the window, and against the frame lying nowhere in the stack.
    """
    rows = np.arange(len(peak))
    relative = np.exp(likelihood - likelihood[rows, peak][:, np.newaxis]) / STEPS
    near = np.abs(np.arange(likelihood.shape[1]) - peak[:, np.newaxis]) <= WITHIN * STEPS
    nowhere = n_slices * np.exp(np.minimum(NOWHERE - likelihood[rows, peak], 50.0))
    return np.asarray((relative * near).sum(axis=1) / (relative.sum(axis=1) + nowhere))
