"""Stage A: the repeats of one slice against their own mean.

Roughly by translation first, then at a quarter and half size, then at full size against the mean
of the *other* repeats: against a mean that holds it a frame is drawn to its own noise.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.calibration import FEWEST_FRAMES, MOST_FRAMES, calibrated
from napari_zstack_align.register.frames import Image, compare_frame, register_frame, without_gaps
from napari_zstack_align.register.prefilter import USUAL, Band, Prefilter
from napari_zstack_align.register.repeats import Registered, Repeats, judge_repeats
from napari_zstack_align.register.slice_run import Frames, SliceRun, leave_own_out
from napari_zstack_align.register.template import (
    SMALLEST_LEVEL_PX,
    Coefficients,
    Registration,
    Template,
)
from napari_zstack_align.register.translation import find_translations


@dataclass(frozen=True)
class Pass:
    """One registration of all repeats to their mean.

    Attributes
    ----------
    band : Band
        Scales that are compared.
    factors : tuple of int
        Levels, from coarse to fine.
    smoothness : float
        Times the standard strength of the prior, at alpha = 1.
    among_others : bool
        Whether each frame is taken out of the mean that it is registered to.
    """

    band: Band
    factors: tuple[int, ...]
    smoothness: float
    among_others: bool


COARSE = Pass(USUAL, (4, 2), 1.0, among_others=False)
FINE = Pass(Band(fine_px=0.8, coarse_px=8.0), (1,), 2.0, among_others=True)
PASSES = (COARSE, FINE, FINE)
CALIBRATED_SLICES = 4
"""Passes that tell the smoothness, two a slice; then it is frozen."""
LEAST_GAIN = 0.0055
"""Repeats whose correlation rises by a smaller part are left where they are: interpolation would
only blur them."""
ROUGH_FACTOR = 4
ROUGH_ROUNDS = 2


@dataclass(frozen=True)
class Learned:
    """What one slice tells the next.

    Attributes
    ----------
    noise : numpy.ndarray, optional
        Power of the residuals; None where nothing was registered yet.
    factors : tuple of float
        Calibrated smoothness in the slices so far, as multiples of the standard one.
    """

    noise: Image | None = None
    factors: tuple[float, ...] = ()

    @property
    def n_slices(self) -> int:
        """From how many passes over a slice the smoothness was told."""
        return len(self.factors)

    @property
    def smoothness(self) -> float:
        """Geometric mean of the calibrations."""
        return float(np.exp(np.mean(np.log(self.factors)))) if self.factors else 1.0


@dataclass(frozen=True)
class Slice:
    """What became of a slice.

    Attributes
    ----------
    repeats : Repeats
        Fields of the repeats, whose mean over the used ones is zero, and the verdict on them.
    mean : RunningMean
        Of the used repeats, registered.
    learned : Learned
        For the next slice.
    """

    repeats: Repeats
    mean: RunningMean
    learned: Learned


def align_within(
    run: SliceRun, frames: Frames, learned: Learned
) -> Generator[Progress, None, Slice]:
    """Register the repeats of a slice to their mean.

    Parameters
    ----------
    run : SliceRun
        Gives frames, parameters and threads.
    frames : numpy.ndarray
        (n,) frames of the slice.
    learned : Learned
        In the slices before.
    """
    flags, small = yield from _look(run, frames)
    fields = np.zeros((len(frames), 2, *run.grid), np.float32)
    usable = np.flatnonzero([flag == "" for flag in flags])
    if len(usable) > 1:
        factor = _rough_factor(run.shape)
        reach = run.params.max_shift_px / factor
        shifts = yield from run.in_thread(_rough_shifts, np.stack(small), reach)
        fields[usable] += factor * shifts[:, :, np.newaxis, np.newaxis]
        for stage in passes_of(run.shape):
            template, found = yield from _register(
                run, stage, frames[usable], fields[usable], learned
            )
            for i, (one, flag) in zip(usable, found, strict=True):
                flags[i] = flag
                fields[i] = fields[i] if one is None else one.coefficients
            fields[usable] -= fields[usable].mean(axis=0)
            if stage is FINE:
                good = [one for one, _ in found if one is not None]
                learned = yield from run.in_thread(_learn, run, template, good, learned)
    repeats = yield from _judge(run, frames, fields, flags)
    mean = yield from run.mean(frames[repeats.used], repeats.coefficients[repeats.used])
    return Slice(repeats, mean, learned)


def _learn(
    run: SliceRun, template: Template, found: list[Registration], learned: Learned
) -> Learned:
    """Noise of the frames, and from the first slices how smooth their fields should be."""
    if not found:
        return learned
    noise = np.median([one.power for one in found], axis=0)
    kept = [one for one in found if one.residual is not None]
    if learned.n_slices >= CALIBRATED_SLICES or len(kept) < FEWEST_FRAMES:
        return replace(learned, noise=noise)
    factor = calibrated(
        template.levels[-1],
        np.stack([one.coefficients for one in kept]),
        [one.residual for one in kept if one.residual is not None],
        run.shape,
        run.spacing_px,
        FINE.smoothness,
    )
    return Learned(noise, (*learned.factors, factor))


def passes_of(shape: tuple[int, int]) -> list[Pass]:
    """Passes whose levels are large enough."""
    return [
        p for p in PASSES if p is not COARSE or min(shape) // p.factors[-1] >= SMALLEST_LEVEL_PX
    ]


def _look(
    run: SliceRun, frames: Frames
) -> Generator[Progress, None, tuple[list[str], list[Image]]]:
    """Flags of the frames, and those that can be used, filtered at a quarter of their size."""

    def look(t: int) -> tuple[str, Image]:
        raw = run.read(t)
        known = np.nan_to_num(raw.image, nan=float(np.nanmean(raw.image)) if not raw.flag else 0)
        return raw.flag, shrink(known, factor)

    factor = _rough_factor(run.shape)
    flags, small = [], []
    for flag, image in run.map(look, frames):
        flags.append(flag)
        if not flag:
            small.append(image)
        yield run.progress()
    return flags, small


def _rough_factor(shape: tuple[int, int]) -> int:
    return min(ROUGH_FACTOR, *shape)


def _rough_shifts(small: Image, max_shift: float) -> npt.NDArray[np.float32]:
    """(n, 2) shifts of small frames, the mean taken off: against the middle one, then the mean."""
    prefilter = Prefilter.for_image(small.mean(axis=0))
    filtered = np.stack([prefilter(image, 1) for image in small])
    reference = filtered[len(filtered) // 2]
    for _ in range(ROUGH_ROUNDS):
        shifts = find_translations(filtered, reference, max_shift)
        whole = np.round(shifts).astype(int)
        moved = [np.roll(f, tuple(-s), axis=(0, 1)) for f, s in zip(filtered, whole, strict=True)]
        reference = np.mean(moved, axis=0)
    return (shifts - shifts.mean(axis=0)).astype(np.float32)


def _register(
    run: SliceRun, stage: Pass, frames: Frames, starts: Coefficients, learned: Learned
) -> Generator[Progress, None, tuple[Template, list[tuple[Registration | None, str]]]]:
    """Register frames to their mean, from where they lie in it."""
    image = (yield from run.mean(frames, starts)).image()
    build = partial(
        Template.build,
        image,
        Prefilter.for_image(image, stage.band),
        spacing_px=run.spacing_px,
        alpha=stage.smoothness * learned.smoothness * run.params.alpha,
        max_shift_px=0.0,
        mask=run.mask,
        factors=stage.factors,
    )
    power = learned.noise if stage is FINE else None
    template = yield from run.in_thread(build, power=power)
    if power is None:
        power = yield from _residual_power(run, template, frames, starts)
        template = yield from run.in_thread(build, power=power)

    def register(i: int) -> tuple[Registration | None, str]:
        among = len(frames) if stage.among_others else None
        one, flag = register_frame(run.read(frames[i]), template, starts[i], among=among)
        return (one.without_residual() if one and i >= MOST_FRAMES else one), flag

    found = []
    for one in run.map(register, range(len(frames))):
        found.append(one)
        yield run.progress()
    return template, found


def _residual_power(
    run: SliceRun, template: Template, frames: Frames, starts: Coefficients
) -> Generator[Progress, None, Image]:
    powers = []
    for power in run.map(
        lambda task: template.residual_power(without_gaps(run.read(task[0]), template), task[1]),
        zip(frames, starts, strict=True),
    ):
        powers.append(power)
        yield run.progress()
    return leave_own_out(powers)


def _judge(
    run: SliceRun, frames: Frames, fields: Coefficients, flags: list[str]
) -> Generator[Progress, None, Repeats]:
    """Compare the registered repeats, and set their mean displacement to zero."""

    def compare(task: tuple[int, Coefficients, str]) -> Registered:
        raw = run.read(task[0])
        aligned, valid = run.resample(raw, task[1])
        return Registered(task[1], compare_frame(raw, aligned, valid), task[2], None)

    registered = []
    for one in run.map(compare, zip(frames, fields, flags, strict=True)):
        registered.append(one)
        yield run.progress()
    still = np.zeros_like(fields[0])
    repeats = judge_repeats(registered, still, None, run.compared_mask, run.params.outlier_mad)
    if not repeats.has_signal:
        return repeats
    known = repeats.used & np.isfinite(repeats.after - repeats.before)
    gain = (repeats.after - repeats.before)[known]
    if len(gain) and np.median(gain) < LEAST_GAIN * np.median(repeats.after[known]):
        return repeats.still()
    return repeats.centred()
