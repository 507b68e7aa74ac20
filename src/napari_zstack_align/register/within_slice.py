"""Stage A: the repeats of one slice against their own mean.

Roughly by translation first, then at a quarter and half size, then at full size against the mean
of the *other* repeats: against a mean that holds it a frame is drawn to its own noise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import Compared
from napari_zstack_align.alignment.warp import enlarged, shrink
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.active_repeats import dimmed_cells, judge_active_repeats
from napari_zstack_align.register.calibration import FEWEST_FRAMES, MOST_FRAMES, calibrated
from napari_zstack_align.register.frames import (
    Image,
    compare_frame,
    filtered_frame,
    register_frame,
)
from napari_zstack_align.register.lit_cells import FEWEST_REPEATS, Dimmed
from napari_zstack_align.register.lost_repeats import ANOTHER_PLACE
from napari_zstack_align.register.prefilter import USUAL, Band, Prefilter
from napari_zstack_align.register.repeats import Registered, Repeats
from napari_zstack_align.register.slice_run import Frames, SliceRun, leave_own_out
from napari_zstack_align.register.slice_units import arrays_of_repeats, known, repeats_of_arrays
from napari_zstack_align.register.tears import RATIO, Strips, torn
from napari_zstack_align.register.template import (
    SMALLEST_LEVEL_PX,
    STOP_PX,
    Coefficients,
    Filtered,
    Registration,
    Template,
)
from napari_zstack_align.register.translation import shifts_to_mean
from napari_zstack_align.register.unusual_light import unusual_light
from napari_zstack_align.saved import Arrays

Valid: TypeAlias = npt.NDArray[np.bool_]


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
    iterations : int
        Steps a level.
    cap : float, optional
        Standard deviations that a residual counts at most.
    """

    band: Band
    factors: tuple[int, ...]
    smoothness: float
    among_others: bool
    iterations: int
    cap: float | None = None


COARSE = Pass(USUAL, (4, 2), 1.0, among_others=False, iterations=2)
FINE = Pass(Band(fine_px=0.8, coarse_px=8.0), (1,), 2.0, among_others=True, iterations=1, cap=3.0)
PASSES = (COARSE, FINE, FINE)
CALIBRATED_SLICES = 2
"""The first slices tell smoothness and noise; from then on slices are independent."""
LEAST_PART = 0.03
"""Repeats of whose differences the registration takes away a smaller part are left where they are:
it fitted their noise, and interpolation would only blur them."""
TORN = Fault(Flag.TORN, "torn: the sample jumped while the frame was scanned")
ROUGH_FACTOR = 4


@dataclass(frozen=True)
class Learned:
    """What the first slices tell all others.

    Attributes
    ----------
    noise : numpy.ndarray, optional
        Power of the residuals in the fine passes of the last of these slices; None where nothing
        was registered yet.
    factors : tuple of float
        Calibrated smoothness in the slices so far, as multiples of the standard one.
    errors : numpy.ndarray, optional
        (m, 2, gy, gx) fields of repeats that noise alone makes; None where too few frames tell.
    """

    noise: Image | None = None
    factors: tuple[float, ...] = ()
    errors: Coefficients | None = None

    @property
    def is_frozen(self) -> bool:
        """Whether enough was learned: the slices after it neither need nor change one another."""
        return len(self.factors) >= CALIBRATED_SLICES

    @property
    def smoothness(self) -> float:
        """Geometric mean of the calibrations."""
        return float(np.exp(np.mean(np.log(self.factors)))) if self.factors else 1.0


@dataclass
class FilteredFrames:
    """The frames of a slice as passes of one kind see them, so that each is filtered once.

    Filter and brightness stay those of the first pass: a frame that is filtered again in a later
    one, because there is no room to hold it, is the same to the last bit.

    Attributes
    ----------
    stage : Pass
    prefilter : Prefilter, optional
        None before the first pass.
    brightness : float
        Mean that frames are brought to.
    frames : dict of int to tuple
        Filtered frames, as many as may be held.
    """

    stage: Pass
    prefilter: Prefilter | None = None
    brightness: float = 0.0
    frames: dict[int, Filtered] = field(default_factory=dict)

    def begin(self, mean: Image) -> Prefilter:
        """Take filter and brightness from the mean (Y, X) of the first pass; return the filter."""
        if self.prefilter is None:
            self.prefilter = Prefilter.for_image(mean, self.stage.band)
            self.brightness = float(cv2.mean(mean)[0])
        return self.prefilter

    def frame(self, run: SliceRun, t: int, template: Template) -> Filtered:
        """Frame t, filtered."""
        filtered = self.frames.get(int(t)) or filtered_frame(run.read(t), template)
        if run.holds(t):
            self.frames[int(t)] = filtered
        return filtered


@dataclass(frozen=True)
class FrameResult:
    """Result of one pass for one frame.

    Attributes
    ----------
    registration : Registration, optional
        None where the frame can't be registered.
    fault : Fault, optional
        Why it can't be used; None where it can.
    step_px : float
        As of `Strips.largest_step`.
    """

    registration: Registration | None
    fault: Fault | None
    step_px: float = 0.0


@dataclass(frozen=True)
class SliceResult:
    """Result of a slice.

    Attributes
    ----------
    repeats : Repeats
        Fields of the repeats, whose mean over the used ones is zero, and the verdict on them.
    image : numpy.ndarray, optional
        (Y, X) float32 mean of the used repeats, registered; None without signal.
    learned : Learned
        Of the slices before and of this one.
    """

    repeats: Repeats
    image: Image | None
    learned: Learned

    def to_arrays(self, before: Learned) -> dict[str, npt.NDArray[np.generic]]:
        """Arrays to keep; what was learned ``before`` is known anyway."""
        arrays = {**arrays_of_repeats(self.repeats), **known(image=self.image)}
        if self.learned is before:
            return arrays
        arrays["factors"] = np.array(self.learned.factors)
        return {**arrays, **known(noise=self.learned.noise, errors=self.learned.errors)}

    @classmethod
    def of_arrays(cls, arrays: Arrays, before: Learned) -> SliceResult:
        """Undo `to_arrays`."""
        learned = before
        if "factors" in arrays:
            factors = tuple(arrays["factors"].tolist())
            learned = Learned(arrays.get("noise"), factors, arrays.get("errors"))
        return cls(repeats_of_arrays(arrays), arrays.get("image"), learned)


def align_within(
    run: SliceRun, frames: Frames, learned: Learned
) -> Generator[Progress, None, SliceResult]:
    """Register the repeats of a slice to their mean.

    Where some of them show another place, the mean was one of several places: the slice is
    registered anew without them.

    Parameters
    ----------
    run : SliceRun
        Gives frames, parameters and threads.
    frames : numpy.ndarray
        (n,) frames of the slice.
    learned : Learned
        In the slices before.
    """
    found = yield from _align_without(run, frames, learned, np.zeros(len(frames), bool))
    lost = np.array([fault == ANOTHER_PLACE for fault in found.repeats.faults])
    if lost.any():
        found = yield from _align_without(run, frames, learned, lost)
    return found


def _align_without(
    run: SliceRun, frames: Frames, learned: Learned, lost: Valid
) -> Generator[Progress, None, SliceResult]:
    """Register the repeats of a slice, those aside that show another place."""
    before = learned
    faults, fields = yield from _roughly(run, frames, lost)
    told: Future[Learned] | None = None
    usable = np.flatnonzero([fault is None for fault in faults])
    if len(usable) > 1:
        filtered = FilteredFrames(COARSE)
        stages, rough, looked = deque(passes_of(run.shape)), fields.copy(), False
        while stages:
            stage = stages.popleft()
            if stage is FINE and not looked:
                looked = True
                lit = yield from dimmed_cells(run, frames[usable], fields[usable])
                if lit:
                    run.dim(lit)
                    fields = rough
                    stages = deque(passes_of(run.shape))
                    filtered = FilteredFrames(COARSE)
                    continue
            filtered = filtered if filtered.stage is stage else FilteredFrames(stage)
            template, found = yield from _register(
                run, filtered, frames[usable], fields[usable], learned
            )
            for i, one in zip(usable, found, strict=True):
                faults[i] = one.fault
                fields[i] = fields[i] if one.registration is None else one.registration.coefficients
            usable = np.array([i for i in usable if faults[i] is None], int)
            if len(usable) < 2:
                break
            fields[usable] -= fields[usable].mean(axis=0)
            good = [one.registration for one in found if one.registration and not one.fault]
            if stage is FINE:
                learned = replace(learned, noise=np.median([one.power for one in good], axis=0))
        else:
            if not before.is_frozen and run.stack.n_slices > 1:
                told = run.begin(_calibrate, run, template, good, learned)
    repeats, mean = yield from _judge(run, frames, fields, faults)
    run.dim({})
    image = mean.image_or_nan() if repeats.has_signal else None
    if before.is_frozen:
        return SliceResult(repeats, image, before)
    return SliceResult(repeats, image, learned if told is None else (yield from run.result(told)))


def cells_that_light_up(
    run: SliceRun, frames: Frames
) -> Generator[Progress, None, dict[int, Dimmed]]:
    """What dims the cells of repeats that light up, told by a rough registration to their mean.

    Parameters are those of `align_within`; frames without such cells are left out.
    """
    faults, fields = yield from _roughly(run, frames)
    usable = np.flatnonzero([fault is None for fault in faults])
    if len(usable) < FEWEST_REPEATS:
        return {}
    if COARSE in passes_of(run.shape):
        filtered = FilteredFrames(COARSE)
        _, found = yield from _register(run, filtered, frames[usable], fields[usable], Learned())
        for i, one in zip(usable, found, strict=True):
            fields[i] = fields[i] if one.registration is None else one.registration.coefficients
    return (yield from dimmed_cells(run, frames[usable], fields[usable]))


def _roughly(
    run: SliceRun, frames: Frames, lost: Valid | None = None
) -> Generator[Progress, None, tuple[list[Fault | None], Coefficients]]:
    """Faults of the frames, and how those that can be used are shifted."""
    faults, small = yield from _look(run, frames, lost)
    fields = np.zeros((len(frames), 2, *run.grid), np.float32)
    usable = np.flatnonzero([fault is None for fault in faults])
    if len(usable) > 1:
        factor = _rough_factor(run.shape)
        reach = run.params.max_shift_px / factor
        shifts = yield from run.in_thread(_rough_shifts, np.stack(small), reach)
        fields[usable] += factor * shifts[:, :, np.newaxis, np.newaxis]
    return faults, fields


def _calibrate(
    run: SliceRun, template: Template, found: list[Registration], learned: Learned
) -> Learned:
    """Learn from the first slices how smooth the fields should be."""
    kept = [one for one in found if one.residual is not None]
    if run.stack.most_repeats < FEWEST_FRAMES:  # no slice tells: the standard holds
        return replace(learned, factors=(*learned.factors, 1.0))
    if len(kept) < FEWEST_FRAMES:
        return learned
    told = calibrated(
        template.levels[-1],
        np.stack([one.before for one in kept]),
        [one.residual for one in kept if one.residual is not None],
        run.shape,
        run.spacing_px,
        FINE.smoothness,
    )
    errors = [each for each in (learned.errors, told.errors) if each is not None]
    return replace(learned, factors=(*learned.factors, told.factor), errors=np.concatenate(errors))


def passes_of(shape: tuple[int, int]) -> list[Pass]:
    """Passes whose levels are large enough."""
    return [
        p for p in PASSES if p is not COARSE or min(shape) // p.factors[-1] >= SMALLEST_LEVEL_PX
    ]


def _look(
    run: SliceRun, frames: Frames, lost: Valid | None
) -> Generator[Progress, None, tuple[list[Fault | None], list[Image]]]:
    """Faults of the frames, and those that can be used, filtered at a quarter of their size."""

    def look(t: int) -> tuple[Fault | None, Image, float]:
        raw = run.read(t)
        return raw.fault, shrink(filled(raw.image), factor), raw.step

    factor = _rough_factor(run.shape)
    faults: list[Fault | None] = []
    small, steps = [], []
    for fault, image, step in run.map(look, frames):
        is_lost = lost is not None and lost[len(faults)]
        faults.append(ANOTHER_PLACE if is_lost else fault)
        small.append(image)
        steps.append(np.float32(step))
        yield run.progress()
    good = np.flatnonzero([fault is None for fault in faults])
    if len(good):
        z = int(run.stack.slice_of_frame[frames[0]])
        odd = yield from unusual_light(run, z, np.stack([small[i] + steps[i] for i in good]))
        for i, fault in zip(good, odd, strict=True):
            faults[i] = fault
    return faults, [image for image, fault in zip(small, faults, strict=True) if fault is None]


def _rough_factor(shape: tuple[int, int]) -> int:
    return min(ROUGH_FACTOR, *shape)


def _rough_shifts(small: Image, max_shift: float) -> npt.NDArray[np.float32]:
    """(n, 2) shifts of small frames, the mean taken off."""
    prefilter = Prefilter.for_image(small.mean(axis=0))
    shifts = shifts_to_mean(np.stack([prefilter(image, 1) for image in small]), max_shift)
    return (shifts - shifts.mean(axis=0)).astype(np.float32)


def _register(
    run: SliceRun, filtered: FilteredFrames, frames: Frames, starts: Coefficients, learned: Learned
) -> Generator[Progress, None, tuple[Template, list[FrameResult]]]:
    """Register frames to their mean, from where they lie in it."""
    stage = filtered.stage
    # Bilinear takes half the time, and what it blurs makes no difference here.
    mean = yield from run.mean(frames, starts, stage.factors[-1], cv2.INTER_LINEAR)
    image = mean.image()
    known = None if mean.known.all() else mean.known.astype(np.float32)
    if image.shape != run.shape:
        image = enlarged(image, stage.factors[-1], run.shape)
        known = None if known is None else enlarged(known, stage.factors[-1], run.shape)
    prefilter = filtered.begin(image)
    smooth = stage.smoothness * (1.0 if stage is COARSE else learned.smoothness)
    build = partial(
        Template.build,
        image,
        prefilter,
        brightness=filtered.brightness,
        spacing_px=run.spacing_px,
        alpha=smooth * run.params.alpha,
        max_shift_px=0.0,
        mask=run.mask if known is None else run.weights(known),
        factors=stage.factors,
        iterations=stage.iterations,
        cap=stage.cap,
    )
    # The rough residuals of the coarse pass keep it from overshooting.
    power = learned.noise if stage is FINE else None
    if power is None:
        template = yield from run.in_thread(build, power=None)
        powers = []
        for one in run.map(
            lambda i: template.residual_power(filtered.frame(run, frames[i], template), starts[i]),
            range(len(frames)),
        ):
            powers.append(one)
            yield run.progress()
        power = leave_own_out(powers)
    template = yield from run.in_thread(lambda: build(power=power).factorised())
    among = len(frames) if stage.among_others else None
    strips = Strips.of(template.levels[-1]) if stage is FINE else None

    n_residuals = 0 if learned.is_frozen else MOST_FRAMES

    def register(i: int) -> FrameResult:
        frame = filtered.frame(run, frames[i], template)
        one, fault = register_frame(frame, template, starts[i], among=among)
        if one is None or one.residual is None:
            return FrameResult(one, fault)
        step = 0.0 if strips is None else strips.largest_step(one.residual)
        return FrameResult(one if i < n_residuals else one.without_residual(), fault, step)

    found = []
    for result in run.map(register, range(len(frames))):
        found.append(result)
        yield run.progress()
    are_torn = torn([one.step_px for one in found], RATIO if strips is None else strips.ratio)
    return template, [
        replace(one, fault=one.fault or TORN) if is_torn else one
        for one, is_torn in zip(found, are_torn, strict=True)
    ]


def _judge(
    run: SliceRun, frames: Frames, fields: Coefficients, faults: list[Fault | None]
) -> Generator[Progress, None, tuple[Repeats, RunningMean]]:
    """Compare the registered repeats, and average those that belong together."""
    mean, registered = RunningMean(run.shape), []

    def resample(task: tuple[int, Coefficients]) -> tuple[Compared, Image, Valid]:
        raw = run.read(task[0])
        aligned, valid = run.resample(raw, task[1])
        return compare_frame(raw, aligned, valid), aligned, valid

    results = run.map(resample, zip(frames, fields, strict=True))
    for (compared, aligned, valid), one, fault in zip(results, fields, faults, strict=True):
        registered.append(Registered(one, compared, fault, None))
        if fault is None:
            mean.add(aligned, valid)
        yield run.progress()
    still = np.zeros_like(fields[0])
    repeats = yield from judge_active_repeats(run, frames, registered, still, None)
    if repeats.has_signal:
        repeats = repeats.still() if _gain_little(repeats) else repeats.centred()
    if np.abs(repeats.coefficients - fields)[repeats.used].max(initial=0) > STOP_PX or any(
        fault != before for fault, before in zip(repeats.faults, faults, strict=True)
    ):
        mean = yield from run.mean(frames[repeats.used], repeats.coefficients[repeats.used])
    return repeats, mean


def _gain_little(repeats: Repeats) -> bool:
    """Whether the registration makes the repeats hardly more alike, for what they differ by."""
    known = repeats.used & np.isfinite(repeats.after - repeats.before)
    gain = (repeats.after - repeats.before)[known]
    return bool(len(gain) and np.median(gain) < LEAST_PART * (1 - np.median(repeats.after[known])))
