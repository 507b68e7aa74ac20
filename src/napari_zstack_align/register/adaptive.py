"""Alignment of a z-stack with repeats to a reference that is updated slice by slice."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from functools import partial
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from napari_zstack_align._version import __version__
from napari_zstack_align.alignment.alignment import NOT_RUN, Alignment
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import comparison_factor, comparison_image, empty_table
from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape
from napari_zstack_align.alignment.transforms import SplineLink, Transforms
from napari_zstack_align.alignment.warp import shrink, warp_with_valid
from napari_zstack_align.errors import AlignmentError, InputError
from napari_zstack_align.mask import Mask, as_weights
from napari_zstack_align.parallel import default_threads, ordered_map, worker_threads
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register.frames import (
    Image,
    RawFrame,
    check_channels,
    compare_frame,
    displacement_lengths,
    read_frame,
    register_frame,
    without_gaps,
)
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.repeats import Registered, Repeats, judge_repeats
from napari_zstack_align.register.template import Coefficients, Template
from napari_zstack_align.stack import Stack

Frames: TypeAlias = npt.NDArray[np.intp]
Item = TypeVar("Item")
Result = TypeVar("Result")

YIELD_S = 0.2
"""Longest time without a sign of life while a single piece of work goes on."""
FIRST_STAGE = "Making the first reference"
FIRST_PASSES = 2
"""How often the first slice is registered to its own mean, blurred by motion at first."""


def align_adaptive(
    stack: Stack,
    params: AdaptiveParams | None = None,
    mask: npt.ArrayLike | None = None,
    *,
    threads: int | None = None,
) -> Job[Alignment]:
    """Align a z-stack with repeats.

    The frames of the first slice are registered to their mean, those of each next slice to the
    reference, and the reference is updated from the registered mean of the slice. A frame that
    can't be aligned is flagged, bridged from the other repeats of its slice, and left out of the
    volume.

    Parameters
    ----------
    stack : Stack
        (T, C, Y, X) with ``frames_per_slice``.
    params : AdaptiveParams, optional
        Defaults to ``AdaptiveParams()``.
    mask : array-like, optional
        (Y, X) bool, labels or weights in [0, 1] in reference coordinates: where the alignment
        has to be right. Outside it the smoothness of the field alone carries it.
    threads : int, optional
        Frames worked on at once; the number of processors by default. The result doesn't
        depend on it.

    Returns
    -------
    generator of Progress
        Returns an `Alignment`; ``partial`` is an Alignment of the slices done, whose other
        frames are flagged 'not run'.

    Raises
    ------
    InputError
        At the call, where stack, parameters and mask don't fit together.
    AlignmentError
        At the end, where no slice shows anything to align.
    """
    params = params or AdaptiveParams()
    if stack.frames_per_slice is None:
        raise InputError(
            f"{stack.name} has no frames_per_slice: say how many repeats each slice has, or use "
            f"the registration for recordings."
        )
    check_channels(stack, params)
    if threads is not None and threads < 1:
        raise InputError(f"threads must be at least 1, not {threads}.")
    weights = as_weights(mask, (stack.shape[2], stack.shape[3]))
    return _align(stack, params, weights, threads or default_threads())


def _align(
    stack: Stack, params: AdaptiveParams, mask: Mask | None, n_threads: int
) -> Job[Alignment]:
    with worker_threads(n_threads) as pool:
        chain = _Chain(stack, params, mask, pool, ahead=2 * n_threads)
        for z in range(stack.n_slices):
            yield from chain.align_slice(z)
            yield chain.progress(snapshot=chain.snapshot())
        if not chain.found_signal:
            raise AlignmentError(
                f"Nothing in {stack.name} could be aligned: {chain.first_flag()}. Check that the "
                f"right channel and file were chosen."
            )
        return chain.snapshot()


class _Chain:
    """The reference as it moves through the slices, and the tables as they fill."""

    def __init__(
        self,
        stack: Stack,
        params: AdaptiveParams,
        mask: Mask | None,
        pool: ThreadPoolExecutor,
        ahead: int,
    ) -> None:
        self.stack, self.params, self.mask = stack, params, mask
        self._pool, self._ahead = pool, ahead
        self._shape = (stack.shape[2], stack.shape[3])
        self._compared_mask = None
        if mask is not None:
            self._compared_mask = shrink(mask, comparison_factor(self._shape))
        grid = grid_shape(self._shape, params.grid_spacing_px)
        self._coefficients = np.zeros((stack.n_frames, 2, *grid), np.float32)
        self._quality = empty_table(stack.n_frames, "slice")
        self._quality["slice"] = stack.slice_of_frame
        self._quality["flag"] = NOT_RUN
        self._start: Coefficients = np.zeros((2, *grid), np.float32)
        self._template: Template | None = None
        self._power: Image | None = None
        self._first_reference: Image | None = None
        self._done = 0
        self._started = _now()

    @property
    def found_signal(self) -> bool:
        """Whether any slice could serve as a reference."""
        return self._first_reference is not None

    def first_flag(self) -> str:
        """Flag of the first frame."""
        return str(self._quality["flag"][0])

    # -- one slice -----------------------------------------------------------------------------

    def align_slice(self, z: int) -> Generator[Progress, None, None]:
        """Register the repeats of a slice, fill its rows and update the reference."""
        frames = self.stack.frames_of_slice(z)
        is_first = self._template is None
        if is_first:
            yield from self._bootstrap(frames)
        mean = RunningMean(self._shape)
        registered = []
        for result, aligned, valid in self._map(self._register, frames):
            registered.append(result)
            if not result.flag:
                mean.add(aligned, valid)
            self._done += 1
            yield self.progress(
                note=f"frame {frames[len(registered) - 1]}: {result.flag}" if result.flag else ""
            )
        repeats = self._judge(registered)
        if is_first and repeats.has_signal:
            repeats = repeats.centred()
        if is_first or any(r.flag != f for r, f in zip(registered, repeats.flags, strict=True)):
            mean = yield from self._mean(frames[repeats.used], repeats.coefficients[repeats.used])
        self._fill(frames, repeats)
        yield from self._update(mean, repeats, registered)

    def _judge(self, registered: Sequence[Registered]) -> Repeats:
        reference = None
        if self._template is not None and self.found_signal:
            reference = comparison_image(self._template.image)
        return judge_repeats(
            registered, self._start, reference, self._compared_mask, self.params.outlier_mad
        )

    def _fill(self, frames: Frames, repeats: Repeats) -> None:
        """Write the rows of a slice."""
        rows = self._quality[frames]
        rows["correlation_before"], rows["correlation_after"] = repeats.before, repeats.after
        rows["used"], rows["flag"] = repeats.used, repeats.flags
        for row, field in zip(rows, repeats.coefficients, strict=True):
            lengths = displacement_lengths(field, self._shape, self.params.grid_spacing_px)
            row["mean_displacement_px"], row["max_displacement_px"] = lengths
        self._quality[frames] = rows
        self._coefficients[frames] = repeats.coefficients

    def _update(
        self, mean: RunningMean, repeats: Repeats, registered: Sequence[Registered]
    ) -> Generator[Progress, None, None]:
        """Make the registered mean of a slice the reference of the next one."""
        if not repeats.has_signal:
            if not self.found_signal:
                self._template = None
            return
        self._start = repeats.coefficients[repeats.used].mean(axis=0)
        assert self._template is not None
        image = mean.image(elsewhere=self._template.image)
        is_first = self._first_reference is None
        if is_first:
            self._first_reference = image
        pairs = zip(registered, repeats.used, strict=True)
        self._learn_power([r.power for r, used in pairs if used], own_mean=is_first)
        self._template = yield from self._build_template(image)

    # -- the first reference -------------------------------------------------------------------

    def _bootstrap(self, frames: Frames) -> Generator[Progress, None, None]:
        """Make the first template: the mean of a slice, registered to itself and averaged anew."""
        flags = []
        for raw in self._map(self._read, frames):
            flags.append(raw.flag)
            yield Progress(FIRST_STAGE, 0, len(frames))
        usable = frames[[flag == "" for flag in flags]]
        if not len(usable):
            return
        still = np.zeros((len(usable), *self._start.shape), np.float32)
        image = (yield from self._mean(usable, still)).image()
        draft = yield from self._build_template(image)
        powers = []
        for power in self._map(lambda t: self._residual_power(t, draft), usable):
            powers.append(power)
            yield Progress(FIRST_STAGE, len(powers), len(usable))
        self._learn_power(powers, own_mean=True)
        for _ in range(FIRST_PASSES - 1):
            self._template = yield from self._build_template(image)
            registered = []
            for result, _, _ in self._map(self._register, usable):
                registered.append(result)
                yield Progress(FIRST_STAGE, len(registered), len(usable))
            self._learn_power([result.power for result in registered], own_mean=True)
            fields = np.stack([result.coefficients for result in registered])
            image = (yield from self._mean(usable, fields - fields.mean(axis=0))).image()
        self._template = yield from self._build_template(image)

    def _residual_power(self, t: int, template: Template) -> Image:
        return template.residual_power(without_gaps(self._read(t), template), self._start)

    def _learn_power(self, powers: Sequence[Image | None], own_mean: bool = False) -> None:
        """Take over how large the residuals of registered frames are.

        Against the mean of n frames that contains them, residuals are smaller by (n - 1) / n; a
        frame's residual against itself says nothing.
        """
        known = [power for power in powers if power is not None]
        if own_mean and len(known) > 1:
            self._power = np.median(known, axis=0) * (len(known) / (len(known) - 1))
        elif known and not own_mean:
            self._power = np.median(known, axis=0)

    def _build_template(self, image: Image) -> Generator[Progress, None, Template]:
        """Prepare a reference; large ones take a second, during which the job can be cancelled."""
        build = partial(
            Template.build,
            image,
            Prefilter.for_image(image),
            spacing_px=self.params.grid_spacing_px,
            alpha=self.params.alpha,
            max_shift_px=self.params.max_shift_px,
            mask=self.mask,
            power=self._power,
        )
        future = self._pool.submit(build)
        while wait([future], timeout=YIELD_S).not_done:
            yield self.progress()
        return future.result()

    # -- work on single frames -----------------------------------------------------------------

    def _read(self, t: int) -> RawFrame:
        return read_frame(self.stack, int(t), self.params)

    def _register(self, t: int) -> tuple[Registered, Image, npt.NDArray[np.bool_]]:
        raw = self._read(t)
        found, flag = None, raw.flag
        if self._template is not None:
            found, flag = register_frame(raw, self._template, self._start)
        coefficients = self._start if found is None else found.coefficients
        aligned, valid = self._resample(raw, coefficients)
        compared = compare_frame(raw, aligned, valid)
        power = None if found is None else found.power
        return Registered(coefficients, compared, flag, power), aligned, valid

    def _resample(
        self, raw: RawFrame, coefficients: Coefficients
    ) -> tuple[Image, npt.NDArray[np.bool_]]:
        field = field_on_pixels(coefficients, self._shape, self.params.grid_spacing_px)
        return warp_with_valid(raw.image, field)

    def _mean(self, frames: Frames, fields: Coefficients) -> Generator[Progress, None, RunningMean]:
        """Mean of frames resampled through given fields."""
        mean = RunningMean(self._shape)
        tasks = zip(frames, fields, strict=True)
        resampled = self._map(lambda task: self._resample(self._read(task[0]), task[1]), tasks)
        for done, (aligned, valid) in enumerate(resampled, 1):
            mean.add(aligned, valid)
            first = Progress(FIRST_STAGE, done, len(frames))
            yield self.progress() if self._done else first
        return mean

    def _map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        return ordered_map(self._pool, function, items, self._ahead)

    # -- what is handed out --------------------------------------------------------------------

    def progress(self, note: str = "", snapshot: Alignment | None = None) -> Progress:
        """How far the run is."""
        return Progress("Aligning", self._done, self.stack.n_frames, note, snapshot)

    def snapshot(self) -> Alignment:
        """Immutable alignment of the slices done so far."""
        link = SplineLink(
            self._coefficients.copy(), float(self.params.grid_spacing_px), self._shape
        )
        reference = self._first_reference
        return Alignment(
            stack=self.stack,
            transforms=Transforms(self._shape, (link,)),
            reference=np.zeros(self._shape, np.float32) if reference is None else reference,
            quality=self._quality.copy(),
            params=self.params,
            mask=self.mask,
            provenance={
                "method": "adaptive",
                "version": __version__,
                "started": self._started,
                "finished": _now(),
            },
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
