"""The two-stage strategy: repeats to the mean of their slice, and that mean to the slice before.

Within a slice frames differ by shot noise, between slices by changed anatomy. One set of weights
and one smoothness can't serve both: that is where a single stage loses, and its error grows down
the stack. The two fields stay apart in the chain of transforms, and pixels are interpolated once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.quality import (
    Compared,
    band_for_comparison,
    comparison_factor,
    comparison_image,
    without_extremes,
)
from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape
from napari_zstack_align.alignment.transforms import Link, SplineLink
from napari_zstack_align.alignment.warp import shrink, warp, warp_with_valid
from napari_zstack_align.flags import mark_each
from napari_zstack_align.mask import Mask
from napari_zstack_align.params import AUTO, AdaptiveParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.between_slices import SPACING_RATIO, Chain
from napari_zstack_align.register.chain.decisions import (
    Decision,
    described,
    of_one_repeat,
    verdict,
)
from napari_zstack_align.register.chain.modes import Matrix, Modes
from napari_zstack_align.register.chain.pairs import Pairs
from napari_zstack_align.register.chain.settled import Compared as ComparedSlice
from napari_zstack_align.register.chain.settled import Settled, settled, values_asked
from napari_zstack_align.register.frames import Image, RawFrame, lengths_of
from napari_zstack_align.register.repeats import Registered, Repeats, compare_repeats
from napari_zstack_align.register.slice_run import Frames, SliceRun
from napari_zstack_align.register.slice_units import arrays_of_repeats
from napari_zstack_align.register.template import Coefficients
from napari_zstack_align.register.within_slice import Learned, SliceResult, align_within
from napari_zstack_align.saved import Arrays, Units
from napari_zstack_align.stack import Stack

WITHIN, BETWEEN = "adaptive within a slice 10", "adaptive from slice to slice 12"
"""The methods of the units: another number where a result may change."""
LENGTHS_PX = 4
"""Fields are smooth: their lengths are taken at places so far apart."""


@dataclass(frozen=True)
class PendingSlice:
    """A slice whose repeats are registered, on its way into the chain.

    Attributes
    ----------
    z : int
        The slice.
    frames : numpy.ndarray
        (n,) its frames.
    repeats : Repeats
        What was found of them.
    key : str
        Of the unit that the rest makes up.
    kept : mapping, optional
        That unit, where it was finished before.
    step : Future, optional
        The chain with this slice in it; None for a slice without signal, or one that was kept.
    """

    z: int
    frames: Frames
    repeats: Repeats
    key: str
    kept: Arrays | None
    step: Future[Chain | Pairs] | None


class TwoStages(SliceRun):
    """Stage A within each slice, stage B from slice to slice.

    Each slice makes up two units: stage A, which depends on no other slice once `Learned` is
    frozen, and its place in the chain with its rows, which depends on the chain before it.
    """

    STAGE = "slice to slice"

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
        self._coarse_px = SPACING_RATIO * self.spacing_px
        grid = grid_shape(self.shape, self._coarse_px)
        self._between = np.zeros((stack.n_frames, 2, *grid), np.float32)
        self._asks_repeats = params.between_slices == AUTO and stack.most_repeats > 1
        self._chain: Chain | Pairs
        if self._asks_repeats:
            self._chain = Pairs(self.shape, self._coarse_px, params, mask)
        else:
            is_auto = params.between_slices == AUTO
            followed = params.replace(between_slices=0.0) if is_auto else params
            self._chain = Chain(self.shape, self._coarse_px, followed, mask)
        self._anchor = self._chain
        self._under = self._anchor_slice = -1
        self._compared_slices: dict[int, ComparedSlice] = {}
        self._decisions: tuple[Decision, ...] = ()
        self._learned = Learned()
        self._begun: dict[int, Future[tuple[SliceResult, dict[int, RawFrame | None]]]] = {}
        self._n_within = 0
        self._pending: PendingSlice | None = None

    def slices(self) -> Sequence[int]:
        """Slices from the start one to the end, then from it to the beginning."""
        start = self.params.start_slice or 0
        return [*range(start, self.stack.n_slices), *range(start - 1, -1, -1)]

    def align_slice(self, z: int) -> Generator[Progress, None, None]:
        """Register the repeats of a slice to their mean, and begin to put that into the chain.

        The next slice's repeats are registered meanwhile; they don't need it.
        """
        frames = self.stack.frames_of_slice(z)
        self.hold(
            frames if self._pending is None else np.concatenate([frames, self._pending.frames])
        )
        found = yield from self._within(z, frames)
        self._n_within += 1
        self._learned = found.learned
        yield from self.finish()
        if z == (self.params.start_slice or 0) - 1:
            self._chain, self._under = self._anchor, self._anchor_slice
        key = self._key_between(found)
        kept = self.units.get(_between(z), key, frames)
        step: Future[Chain | Pairs] | None = None
        if kept is None and found.image is not None:
            follow: Callable[[Image], Chain | Pairs] = self._chain.next
            step = self.begin(follow, found.image)
        self._pending = PendingSlice(z, frames, found.repeats, key, kept, step)

    def finish(self) -> Generator[Progress, None, None]:
        """Wait for the open slice to be in the chain, and write its rows."""
        pending, before = self._pending, self._chain
        if pending is None:
            return
        if pending.kept is not None:
            self._chain = self._chain.as_kept(pending.kept)
        elif pending.step is not None:
            self._chain = yield from self.result(pending.step)
        self._pending = None
        went_on = pending.step is not None or "image" in (pending.kept or {})
        if went_on and self._chain.step is not None:
            self.steps[pending.z] = self._chain.step
        if pending.repeats.has_signal and self._first_reference is None:
            self._first_reference = self._chain.image
            self._anchor, self._anchor_slice = self._chain, pending.z
        if went_on:
            self._remember(pending)
        frames, repeats = pending.frames, pending.repeats
        self._coefficients[frames], self._between[frames] = repeats.coefficients, self._chain.field
        if pending.kept is not None:
            yield self.restore(frames, pending.kept)
            return
        rows = yield from self._rows(frames, repeats, self._chain.field, before)
        self._quality[frames] = rows
        arrays = self.rows_to_keep(frames)
        if pending.step is not None:
            arrays |= self._chain.to_keep()
        self.units.put(_between(pending.z), pending.key, arrays, frames)
        yield self.progress(snapshot=self.snapshot())

    def was_kept(self, z: int) -> bool:
        """Whether an earlier run finished stage A of a slice."""
        return self.slice_was_kept(_within(z), self._key_within(), z)

    @property
    def is_independent(self) -> bool:
        """Whether stage A of the slices that follow depends on none before them."""
        return self._learned.is_frozen

    def _stages(self) -> dict[str, dict[str, int]]:
        within = {"slices": self._n_within, "of": self.stack.n_slices}
        return {"within slices": within, **super()._stages()}

    # -- stage A -------------------------------------------------------------------------------

    def _within(self, z: int, frames: Frames) -> Generator[Progress, None, SliceResult]:
        key = self._key_within()
        kept = self.kept_of_slice(_within(z), key, z)
        if kept is not None:
            return SliceResult.of_arrays(kept, self._learned)
        self._begin_beside(z, key)
        begun = self._begun.pop(z, None)
        if begun is None:
            found = yield from align_within(self, frames, self._learned)
        else:
            found, held = yield from self.result(begun)
            self.take_held(held)
        self.keep_of_slice(_within(z), key, found.to_arrays(self._learned), z)
        return found

    def _begin_beside(self, z: int, key: str) -> None:
        """Begin this slice and the next ones, as many as there are threads, once they may be.

        Too few of them would leave threads without work: then these share the frames.
        """
        learned = self._learned
        if not learned.is_frozen:
            return

        def align(run: SliceRun, frames: Frames) -> Generator[Progress, None, SliceResult]:
            return align_within(run, frames, learned)

        order = list(self.slices())
        rest = order[order.index(z) :]
        if len(rest) < self.n_threads and not self._begun:
            return
        for each in rest:
            if len(self._begun) >= self.n_threads:
                break
            if each in self._begun or not self.may_go_apart(each):
                continue
            if each == z or not self.slice_was_kept(_within(each), key, each):
                self._begun[each] = self.begin_apart(each, align)

    def _key_within(self) -> str:
        return self.key(
            WITHIN,
            "alpha",
            "max_shift_px",
            "outlier_mad",
            noise=self._learned.noise,
            factors=self._learned.factors,
        )

    # -- stage B and the rows ------------------------------------------------------------------

    def _key_between(self, found: SliceResult) -> str:
        return self.key(
            BETWEEN,
            "alpha",
            "max_shift_px",
            "between_slices",
            chain=self._chain.state(),
            repeats=arrays_of_repeats(found.repeats),
            image=found.image,
        )

    def _rows(
        self, frames: Frames, repeats: Repeats, field: Coefficients, before: Chain | Pairs
    ) -> Generator[Progress, None, npt.NDArray[np.void]]:
        """Rows of a slice: how its repeats resemble one another in the reference.

        A single one is compared with the slice before, which doesn't hold it.
        """
        compared = []
        rows = self._quality[frames]
        results = self.map(
            lambda i: self._compared(frames[i], repeats.coefficients[i], field), range(len(frames))
        )
        for row, fault, (registered, lengths) in zip(rows, repeats.faults, results, strict=True):
            compared.append(registered)
            row["mean_displacement_px"], row["max_displacement_px"] = lengths
            self._done += 1
            yield self.progress(f"frame {row['frame']}: {fault}" if fault else "")
        rows["used"] = repeats.used
        mark_each(rows, repeats.faults)
        image = before.in_reference if repeats.used.sum() <= 1 else None
        reference = None if image is None else without_extremes(comparison_image(image))
        values = compare_repeats(compared, repeats.used, reference, self.compared_mask)
        rows["correlation_before"], rows["correlation_after"] = values
        return rows

    def _compared(
        self, frame: int, within: Coefficients, between: Coefficients
    ) -> tuple[Registered, tuple[float, float]]:
        """Frame as it is and in the reference, at the size of the compared images."""
        raw = self.read(frame)
        factor = comparison_factor(self.shape)
        displacement = self._displacement(within, between, factor)
        small = shrink(raw.image, factor)
        aligned, valid = warp_with_valid(small, displacement / np.float32(factor))
        both = (filled(small), aligned)
        before, after = (without_extremes(band_for_comparison(image)) for image in both)
        compared = Compared(before, after, valid)
        lengths = lengths_of(displacement, 1)
        return Registered(np.zeros(0, np.float32), compared, raw.fault, None), lengths

    def _displacement(self, within: Coefficients, between: Coefficients, factor: int) -> Image:
        """(2, y, x) both fields as one, at the size of the compared images."""
        displacement = field_on_pixels(between, self.shape, self._coarse_px, factor)
        inner = field_on_pixels(within, self.shape, self.spacing_px, factor)
        step = displacement / np.float32(factor)
        displacement += [warp(component, step, cv2.INTER_LINEAR) for component in inner]
        return displacement

    # -- all slices together -------------------------------------------------------------------

    @cached_property
    def _modes(self) -> Modes:
        return Modes(self.shape)

    def _remember(self, pending: PendingSlice) -> None:
        """Keep what a slice says of the motion, and what the images ask for."""
        chain, used = self._chain, pending.repeats.used
        bridges = chain.step is not None and chain.step.bridges
        over = self._compared_slices[self._under].over if bridges else self._under
        if bridges:
            self._compared_slices[self._under] = self._compared_slices[self._under].passed()
        self._compared_slices[pending.z] = ComparedSlice(
            pending.frames[used].astype(np.float64),
            self._modes.values(pending.repeats.witness[used], self.spacing_px),
            over if chain.asked is not None else -1,
            chain.asked,
            chain.halves,
        )
        self._under = pending.z

    def settle(self) -> Generator[Progress, None, None]:
        """Move the slices against one another as far as their repeats make it likely."""
        if self.stack.most_repeats < 2:
            asked = values_asked(self._compared_slices, self._modes, self._coarse_px)
            is_auto = self.params.between_slices == AUTO
            self.remarks = (*self.remarks, *of_one_repeat(asked, is_auto=is_auto))
            return
        if self.params.bend_between_slices < 1:
            return
        found: Settled | None = yield from self.in_thread(
            settled,
            self._compared_slices,
            self._modes,
            self._coarse_px,
            noise=self._noise_of_repeats(),
            mask=self.mask,
        )
        if found is None:
            return
        self._decisions = found.decisions
        self.remarks = (*self.remarks, *verdict(found, followed=not self._asks_repeats))
        if self._asks_repeats:
            yield from self._put(found)

    def _noise_of_repeats(self) -> Matrix | None:
        """(K,) variance of the error of the values of a repeat; None where too few frames tell."""
        errors = self._learned.errors
        if errors is None or not len(errors):
            return None
        return np.square(self._modes.values(errors, self.spacing_px)).mean(axis=0)

    def _put(self, found: Settled) -> Generator[Progress, None, None]:
        """Place all frames where their slices were put."""
        factor, last = min(LENGTHS_PX, *self.shape), self._chain.field * 0
        for z in self.slices():
            if z == (self.params.start_slice or 0) - 1:
                last = self._chain.field * 0
            last = found.fields.get(z, last)
            frames = self.stack.frames_of_slice(z)
            self._between[frames] = last
            for t in frames:
                whole = self._displacement(self._coefficients[t], last, factor)
                row = self._quality[t : t + 1]
                row["mean_displacement_px"], row["max_displacement_px"] = lengths_of(whole, 1)
            yield self.progress()

    def _details(self) -> dict[str, Any]:
        return {"between_slices": described(self._decisions)} if self._decisions else {}

    def _links(self) -> tuple[Link, ...]:
        return self._links_of(np.arange(self.stack.n_frames))

    def _links_of(self, frames: Frames) -> tuple[Link, ...]:
        return (
            SplineLink(self._coefficients[frames], self.spacing_px, self.shape),
            SplineLink(self._between[frames], self._coarse_px, self.shape),
        )


def _within(z: int) -> str:
    return f"within-{z:05}"


def _between(z: int) -> str:
    return f"between-{z:05}"
