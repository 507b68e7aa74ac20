"""The direct strategy: each frame is registered straight to the updated reference.

One stage for two problems, kept for comparison: noise within a slice and changed anatomy between
slices are weighed alike, and the error grows down the stack.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import comparison_image, without_extremes
from napari_zstack_align.alignment.transforms import Link, SplineLink
from napari_zstack_align.flags import mark_each
from napari_zstack_align.mask import Mask
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.active_repeats import judge_active_repeats
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.frames import (
    Image,
    compare_frame,
    displacement_lengths,
    filtered_frame,
    register_frame,
)
from napari_zstack_align.register.lost_repeats import ANOTHER_PLACE
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.repeats import Registered, Repeats
from napari_zstack_align.register.slice_run import Frames, SliceRun, leave_own_out
from napari_zstack_align.register.slice_steps import SliceStep, step_between
from napari_zstack_align.register.slice_units import known
from napari_zstack_align.register.template import Coefficients, Template
from napari_zstack_align.register.within_slice import cells_that_light_up
from napari_zstack_align.saved import Arrays, Units
from napari_zstack_align.stack import Stack

METHOD = "adaptive, direct 11"
"""Of the units: another number where a result may change."""
FIRST_STAGE = "Making the first reference"
FIRST_PASSES = 2
"""How often the first slice is registered to its own mean, blurred by motion at first."""


class DirectChain(SliceRun):
    """Every frame against the reference, as it moves through the slices."""

    STAGE = "direct"

    def __init__(
        self,
        stack: Stack,
        params: AdaptiveParams,
        mask: Mask | None,
        pool: ThreadPoolExecutor,
        ahead: int,
        units: Units,
        artefacts: Artefacts,
    ) -> None:
        super().__init__(stack, params, mask, pool, ahead, units, artefacts)
        self._start: Coefficients = np.zeros(self._coefficients.shape[1:], np.float32)
        self._image: Image | None = None
        self._template: Template | None = None
        self._power: Image | None = None

    # -- one slice -----------------------------------------------------------------------------

    def align_slice(self, z: int) -> Generator[Progress, None, None]:
        """Register the repeats of a slice, fill its rows and update the reference."""
        frames, key = self.stack.frames_of_slice(z), self._key()
        kept = self.kept_of_slice(_unit(z), key, z)
        if kept is not None:
            if "step" in kept:
                self.steps[z] = SliceStep.of_array(kept["step"])
            yield self._take_over(frames, kept)
            return
        step = yield from self._align_slice(frames)
        if step is not None:
            self.steps[z] = step
        arrays = known(
            image=self._image,
            start=self._start,
            power=self._power,
            step=None if step is None else step.to_array(),
        )
        arrays |= {"coefficients": self._coefficients[frames], **self.rows_to_keep(frames)}
        self.keep_of_slice(_unit(z), key, arrays, z)
        yield self.progress(snapshot=self.snapshot())

    def was_kept(self, z: int) -> bool:
        """Whether an earlier run finished a slice, if it is the next one."""
        return self.slice_was_kept(_unit(z), self._key(), z)

    def _key(self) -> str:
        """Key of the next slice: all that the slices before it left behind."""
        return self.key(
            METHOD,
            "alpha",
            "max_shift_px",
            "outlier_mad",
            image=self._image,
            start=self._start,
            power=self._power,
        )

    def _take_over(self, frames: Frames, kept: Arrays) -> Progress:
        """Go on from a slice that was finished before."""
        self._start, self._power = kept["start"], kept.get("power")
        self._image, self._template = kept.get("image"), None
        if self._first_reference is None:
            self._first_reference = self._image
        self._coefficients[frames] = kept["coefficients"]
        return self.restore(frames, kept)

    def _align_slice(self, frames: Frames) -> Generator[Progress, None, SliceStep | None]:
        self.hold(frames)
        if self._template is None and self._image is not None:
            self._template = yield from self._build_template(self._image)
        # A reference of other tissue doesn't show which cells are lit; the other repeats do.
        self.dim((yield from cells_that_light_up(self, frames)))
        is_first = self._template is None
        if is_first:
            yield from self._bootstrap(frames)
        mean, registered, repeats = yield from self._registered(frames)
        if is_first and ANOTHER_PLACE in repeats.faults:
            # The first reference was made of several places: now of the right one.
            right = frames[[fault != ANOTHER_PLACE for fault in repeats.faults]]
            self._template, self._power, self._done = None, None, self._done - len(frames)
            yield from self._bootstrap(right)
            mean, registered, repeats = yield from self._registered(frames)
        if is_first and repeats.has_signal:
            repeats = repeats.centred()
        if is_first or any(
            r.fault != fault for r, fault in zip(registered, repeats.faults, strict=True)
        ):
            mean = yield from self.mean(frames[repeats.used], repeats.coefficients[repeats.used])
        self._fill(frames, repeats)
        self.dim({})
        return (yield from self._update(mean, repeats, registered))

    def _registered(
        self, frames: Frames
    ) -> Generator[Progress, None, tuple[RunningMean, list[Registered], Repeats]]:
        """Frames against the reference: their mean, and the verdict on them."""
        mean = RunningMean(self.shape)
        registered = []
        for result, aligned, valid in self.map(self._register, frames):
            registered.append(result)
            if result.fault is None:
                mean.add(aligned, valid)
            self._done += 1
            yield self.progress(
                note=f"frame {frames[len(registered) - 1]}: {result.fault}" if result.fault else ""
            )
        repeats = yield from self._judge(frames, registered)
        return mean, registered, repeats

    def _judge(
        self, frames: Frames, registered: Sequence[Registered]
    ) -> Generator[Progress, None, Repeats]:
        reference = None
        if self._template is not None and self.found_signal:
            reference = without_extremes(comparison_image(self._template.image))
        return (yield from judge_active_repeats(self, frames, registered, self._start, reference))

    def _fill(self, frames: Frames, repeats: Repeats) -> None:
        """Write the rows of a slice."""
        rows = self._quality[frames]
        rows["correlation_before"], rows["correlation_after"] = repeats.before, repeats.after
        rows["used"] = repeats.used
        mark_each(rows, repeats.faults)
        for row, field in zip(rows, repeats.coefficients, strict=True):
            lengths = displacement_lengths(field, self.shape, self.spacing_px)
            row["mean_displacement_px"], row["max_displacement_px"] = lengths
        self._quality[frames] = rows
        self._coefficients[frames] = repeats.coefficients

    def _update(
        self, mean: RunningMean, repeats: Repeats, registered: Sequence[Registered]
    ) -> Generator[Progress, None, SliceStep | None]:
        """Make the registered mean of a slice the reference of the next one.

        Returns how it lies over the slice before.
        """
        if not repeats.has_signal:
            if not self.found_signal:
                self._template = None
            return None
        self._start = repeats.coefficients[repeats.used].mean(axis=0)
        assert self._template is not None
        image = mean.image(elsewhere=self._template.image)
        is_first, step = self._first_reference is None, None
        if is_first:
            self._first_reference = image
        else:
            before = self._template.image
            step = step_between(before, image, mean.known, self.compared_mask)
        pairs = zip(registered, repeats.used, strict=True)
        self._learn_power([r.power for r, used in pairs if used], own_mean=is_first)
        self._image = image
        self._template = yield from self._build_template(image)
        return step

    # -- the first reference -------------------------------------------------------------------

    def _bootstrap(self, frames: Frames) -> Generator[Progress, None, None]:
        """Make the first template: the mean of a slice, registered to itself and averaged anew."""
        good = []
        for raw in self.map(self.read, frames):
            good.append(raw.fault is None)
            yield Progress(FIRST_STAGE, 0, len(frames))
        usable = frames[good]
        if not len(usable):
            return
        still = np.zeros((len(usable), *self._start.shape), np.float32)
        image = (yield from self.mean(usable, still)).image()
        draft = yield from self._build_template(image)
        powers = []
        for power in self.map(lambda t: self._residual_power(t, draft), usable):
            powers.append(power)
            yield Progress(FIRST_STAGE, len(powers), len(usable))
        self._learn_power(powers, own_mean=True)
        for _ in range(FIRST_PASSES - 1):
            self._template = yield from self._build_template(image)
            registered = []
            for result, _, _ in self.map(self._register, usable):
                registered.append(result)
                yield Progress(FIRST_STAGE, len(registered), len(usable))
            self._learn_power([result.power for result in registered], own_mean=True)
            fields = np.stack([result.coefficients for result in registered])
            image = (yield from self.mean(usable, fields - fields.mean(axis=0))).image()
        self._template = yield from self._build_template(image)

    def _residual_power(self, t: int, template: Template) -> Image:
        return template.residual_power(filtered_frame(self.read(t), template), self._start)

    def _learn_power(self, powers: Sequence[Image | None], own_mean: bool = False) -> None:
        """Take over how large the residuals of registered frames are."""
        known = [power for power in powers if power is not None]
        if own_mean and len(known) > 1:
            self._power = leave_own_out(known)
        elif known and not own_mean:
            self._power = np.median(known, axis=0)

    def _build_template(self, image: Image) -> Generator[Progress, None, Template]:
        """Prepare a reference."""
        return (
            yield from self.in_thread(
                Template.build,
                image,
                Prefilter.for_image(image),
                spacing_px=self.spacing_px,
                alpha=self.params.alpha,
                max_shift_px=self.params.max_shift_px,
                mask=self.mask,
                power=self._power,
            )
        )

    # -- work on single frames -----------------------------------------------------------------

    def _register(self, t: int) -> tuple[Registered, Image, npt.NDArray[np.bool_]]:
        raw = self.read(t)
        found, fault = None, raw.fault
        if self._template is not None and fault is None:
            frame = filtered_frame(raw, self._template)
            found, fault = register_frame(frame, self._template, self._start)
        coefficients = self._start if found is None else found.coefficients
        aligned, valid = self.resample(raw, coefficients)
        compared = compare_frame(raw, aligned, valid)
        power = None if found is None else found.power
        return Registered(coefficients, compared, fault, power), aligned, valid

    def _links(self) -> tuple[Link, ...]:
        return (SplineLink(self._coefficients.copy(), self.spacing_px, self.shape),)


def _unit(z: int) -> str:
    return f"slice-{z:05}"
