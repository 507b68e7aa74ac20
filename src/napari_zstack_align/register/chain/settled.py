"""From what the images ask for, slice by slice, to where the slices are put."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from napari_zstack_align.alignment.spline import field_on_pixels
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.mask import Mask
from napari_zstack_align.register.chain.decisions import Decision
from napari_zstack_align.register.chain.modes import SHIFT, Matrix, Modes
from napari_zstack_align.register.chain.motion import Schedule
from napari_zstack_align.register.chain.steps import Evidence, likely_steps
from napari_zstack_align.register.template import Coefficients

LOOKED_AT_PX = 8
"""Fields are measured at every so many pixels."""
COARSE = 2
"""What is finer than the modes is followed by that part by which bends up to this bin are."""


@dataclass(frozen=True)
class Compared:
    """A slice, as its repeats and the slice that it was put over show it.

    Attributes
    ----------
    frames : numpy.ndarray
        (n,) used frames.
    repeats : numpy.ndarray
        (n, K) values of the modes of their fields.
    over : int
        Slice that it was put over; -1 for the first one.
    asked : numpy.ndarray, optional
        (2, gy, gx) step from there that the images ask for.
    halves : numpy.ndarray, optional
        (2, 2, gy, gx) what two halves of the image ask for.
    is_passed : bool
        The chain goes on without it.
    """

    frames: Matrix
    repeats: Matrix
    over: int
    asked: Coefficients | None
    halves: Coefficients | None
    is_passed: bool = False

    def passed(self) -> Compared:
        """The chain goes on without it."""
        return replace(self, is_passed=True)


@dataclass(frozen=True)
class Settled:
    """Where slices are put.

    Attributes
    ----------
    fields : dict
        From a slice to its field (2, gy, gx).
    decisions : tuple of Decision
        What was decided, for each step.
    asked_px : float
        How far apart the images would have the ends of the stack.
    left_px : float
        How far the ends of the stack lie from where the images would have them.
    left_shift_px : float
        The same, of the translation alone.
    """

    fields: dict[int, Coefficients]
    decisions: tuple[Decision, ...]
    asked_px: float
    left_px: float
    left_shift_px: float


def settled(
    slices: Mapping[int, Compared],
    modes: Modes,
    spacing_px: float,
    *,
    noise: Matrix | None = None,
    mask: Mask | None = None,
) -> Settled | None:
    """Put the slices as far from one another as their repeats make it likely.

    Parameters
    ----------
    slices : mapping
        From a slice to what is known of it.
    modes : Modes
        That the values are of.
    spacing_px : float
        Distance of the control points of the steps.
    noise : numpy.ndarray, optional
        (K,) variance of the error of the values of a repeat.
    mask : numpy.ndarray, optional
        Where it counts how far the ends are from where the images would have them: elsewhere these
        say nothing, and the fields are as smooth as may be.

    Returns
    -------
    Settled or None
        None of fewer than two slices.
    """
    line = _line(slices)
    if len(line) < 2:
        return None
    asked = _asked(slices, line)
    halves = np.stack([_between(slices, a, b, "halves") for a, b in pairwise(line)])
    values = modes.values(asked, spacing_px)
    evidence = Evidence(
        Schedule.of_frames([slices[z].frames for z in line]),
        tuple(slices[z].repeats for z in line),
        values,
        np.stack([modes.values(halves[:, i], spacing_px) for i in (0, 1)]),
        modes.bins,
        np.zeros(len(modes.bins)) if noise is None else noise,
    )
    likely = likely_steps(evidence)
    coarse = (modes.bins != SHIFT) & (modes.bins <= COARSE)
    followed = _part(likely.taken[:, coarse], values[:, coarse])[:, np.newaxis, np.newaxis]
    fine = asked - modes.splines(values, spacing_px)
    steps = modes.splines(likely.taken, spacing_px) + followed[..., np.newaxis] * fine
    places = np.concatenate([np.zeros((1, *steps.shape[1:])), np.cumsum(steps, axis=0)])
    first = next(i for i, z in enumerate(line) if slices[z].over < 0)
    fields = dict(zip(line, (places - places[first]).astype(np.float32), strict=True))
    for z in sorted(set(slices) - set(line)):
        under, own = fields.get(slices[z].over), slices[z].asked
        if under is not None and own is not None:
            fields[z] = under + own
    decisions = tuple(
        Decision.of(pair, *parts)
        for pair, *parts in zip(
            pairwise(line), values, likely.motion, likely.jump, likely.slant, strict=True
        )
    )
    end_to_end = np.stack([values.sum(axis=0), (values - likely.taken).sum(axis=0)])
    whole, left = modes.splines(end_to_end, spacing_px).astype(np.float32)
    asked_px, _ = _lengths(whole, modes, spacing_px, mask)
    return Settled(fields, decisions, asked_px, *_lengths(left, modes, spacing_px, mask))


def values_asked(slices: Mapping[int, Compared], modes: Modes, spacing_px: float) -> Matrix:
    """(Z - 1, K) values of the steps that the images ask for."""
    line = _line(slices)
    if len(line) < 2:
        return np.zeros((0, len(modes.bins)))
    return modes.values(_asked(slices, line), spacing_px)


def _line(slices: Mapping[int, Compared]) -> list[int]:
    return [z for z in sorted(slices) if not slices[z].is_passed]


def _asked(slices: Mapping[int, Compared], line: Sequence[int]) -> Coefficients:
    return np.stack([_between(slices, a, b, "asked") for a, b in pairwise(line)])


def _lengths(
    field: Coefficients, modes: Modes, spacing_px: float, mask: Mask | None
) -> tuple[float, float]:
    """Length in px of a field where it counts, root mean square, and of its shift there."""
    factor = min(LOOKED_AT_PX, *modes.shape)
    dense = field_on_pixels(field, modes.shape, spacing_px, factor)
    weights = np.ones(dense.shape[1:], np.float32) if mask is None else shrink(mask, factor)
    if not weights.any():
        weights = np.ones_like(weights)
    shift = np.array([np.average(component, weights=weights) for component in dense])
    whole = np.average(np.square(dense).sum(axis=0), weights=weights)
    return float(np.sqrt(whole)), float(np.linalg.norm(shift))


def _between(slices: Mapping[int, Compared], first: int, second: int, name: str) -> Coefficients:
    """Step from a slice to the next one along z, whichever was put over the other."""
    forward = slices[second].over == first
    step: Coefficients | None = getattr(slices[second if forward else first], name)
    assert step is not None
    return step if forward else -step


def _part(taken: Matrix, asked: Matrix) -> Matrix:
    """(Z - 1,) part of the steps that was taken, 0 to 1."""
    whole = (asked**2).sum(axis=1)
    part = np.divide((taken * asked).sum(axis=1), whole, out=np.zeros(len(whole)), where=whole > 0)
    return np.asarray(np.clip(part, 0, 1))
