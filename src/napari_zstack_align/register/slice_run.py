"""What every run over the slices of a z-stack shares: tables, frames, work in threads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from copy import copy
from dataclasses import replace
from threading import Event
from typing import Any, ClassVar, Self, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.artefact_rows import (
    NO_ROWS,
    Table,
    joined_rows,
    rows_of_frame,
)
from napari_zstack_align.alignment.filling import safely_known
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import comparison_factor, empty_table
from napari_zstack_align.alignment.spline import grid_shape, write_positions
from napari_zstack_align.alignment.transforms import Link, Transforms
from napari_zstack_align.alignment.warp import sampled, shrink
from napari_zstack_align.flags import Flag, shown
from napari_zstack_align.mask import Mask
from napari_zstack_align.parallel import ordered_map
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Progress, unless_stopped
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.frames import Image, RawFrame, read_frame
from napari_zstack_align.register.lit_cells import Dimmed
from napari_zstack_align.register.slice_steps import SliceStep
from napari_zstack_align.register.template import Coefficients
from napari_zstack_align.remark import Remark
from napari_zstack_align.saved import Arrays, Units, key_of, now, provenance, values_of
from napari_zstack_align.scratch import scratch
from napari_zstack_align.stack import Stack

Frames: TypeAlias = npt.NDArray[np.intp]
Item = TypeVar("Item")
Result = TypeVar("Result")

HELD_BYTES = 128 * 2**20
"""Frames of a slice are looked at several times: so much of them is read only once."""
MOST_APART_BYTES = 64 * 2**20
"""A slice whose frames take more isn't worked on beside others: its frames are, one by one."""
SLICES_BESIDE = 4
"""At most so many slices on either side say which of a slice's repeats show the right place."""
UNDECIDED = "undecided"
YIELD_S = 0.2
"""Longest time without a sign of life while a single piece of work goes on."""


class SliceRun(ABC):
    """A run over the slices, and the tables as they fill.

    Parameters
    ----------
    stack : Stack
        With ``frames_per_slice``.
    params : AdaptiveParams
    mask : numpy.ndarray, optional
        (Y, X) float32 weights.
    pool : ThreadPoolExecutor
        Where the work on single frames is done.
    ahead : int
        How many frames are in work or waiting at once.
    units : Units
        Finished slices, and the frames under watch.
    artefacts : Artefacts
        What of the frames doesn't come from tissue.

    Attributes
    ----------
    steps : dict
        From a slice to how it lies over the one before it in the chain.
    undecided : set of int
        Slices whose repeats show several places, of which nothing says which is right.
    """

    STAGE: ClassVar[str]
    """What is done with a slice last."""

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
        self.units = units
        self.stack, self.params, self.mask = stack, params, mask
        self.artefacts = artefacts
        self._pool, self._ahead = pool, ahead
        self.n_threads = max(ahead // 2, 1)
        self._is_apart = False
        self._stopped = Event()
        self.shape = (stack.shape[2], stack.shape[3])
        self.spacing_px = float(params.grid_spacing_px)
        self.compared_mask = None
        if mask is not None:
            self.compared_mask = shrink(mask, comparison_factor(self.shape))
        self.grid = grid_shape(self.shape, self.spacing_px)
        self._coefficients = np.zeros((stack.n_frames, 2, *self.grid), np.float32)
        self._quality = empty_table(stack.n_frames, "slice")
        self._quality["slice"] = stack.slice_of_frame
        self._quality["flag"] = Flag.NOT_RUN
        self._first_reference: Image | None = None
        self.steps: dict[int, SliceStep] = {}
        self._held: dict[int, RawFrame | None] = {}
        self._dimmed: dict[int, Dimmed] = {}
        self._looked_beside: set[int] = set()
        self.undecided: set[int] = set()
        self._artefact_rows: dict[int, Table] = {}
        self._done = 0
        self._started = now()
        self.remarks: tuple[Remark, ...] = ()

    @abstractmethod
    def align_slice(self, z: int) -> Generator[Progress, None, None]:
        """Register the repeats of a slice and fill its rows, at once or with the next slice.

        A slice whose rows are filled is told with a snapshot.
        """

    def finish(self) -> Generator[Progress, None, None]:
        """Complete what the last slice left open."""
        yield from ()

    def settle(self) -> Generator[Progress, None, None]:
        """Decide what only all slices together can tell."""
        yield from ()

    def _details(self) -> dict[str, Any]:
        """What else the result keeps of how it was found; for JSON."""
        return {}

    def _stages(self) -> dict[str, dict[str, int]]:
        """How many slices each stage has finished."""
        done = np.unique(self.stack.slice_of_frame[self._quality["flag"] != Flag.NOT_RUN])
        return {self.STAGE: {"slices": len(done), "of": self.stack.n_slices}}

    @abstractmethod
    def _links(self) -> tuple[Link, ...]:
        """Chain of transforms of all frames, as far as it is known."""

    @property
    def found_signal(self) -> bool:
        """Whether any slice could serve as a reference."""
        return self._first_reference is not None

    @abstractmethod
    def was_kept(self, z: int) -> bool:
        """Whether an earlier run finished a slice; so far as can be known now, unless it is next.

        See `is_independent`.
        """

    @property
    def is_independent(self) -> bool:
        """Whether the slices that follow depend on none before them."""
        return False

    def slices(self) -> Sequence[int]:
        """Return the slices in the order of work."""
        return range(self.stack.n_slices)

    def first_fault(self) -> str:
        """What is the matter with the first frame."""
        return shown(self._quality[0])

    @property
    def is_saturated(self) -> bool:
        """Whether the first frame holds more light than the detector can tell."""
        return bool(self._quality["flag"][0] == Flag.SATURATED)

    # -- what is kept --------------------------------------------------------------------------

    def key(self, method: str, *parameters: str, **parts: Any) -> str:
        """Key of a unit that depends on some of the parameters, on the mask and on more parts."""
        names = ("channel", "channel_weights", "grid_spacing_px", *parameters)
        return key_of(
            method,
            params=values_of(self.params, *names),
            frame=(*self.stack.shape[1:], self.stack.dtype.str, self.stack.frames_per_slice),
            mask=self.mask,
            artefacts=self.artefacts.parts,
            **parts,
        )

    def slices_beside(self, z: int, reach: int) -> list[int]:
        """Slices up to ``reach`` from a slice, that its result depends on from now on."""
        self._looked_beside.add(z)
        near = range(z - reach, z + reach + 1)
        return [each for each in near if each != z and 0 <= each < self.stack.n_slices]

    def kept_of_slice(self, name: str, key: str, z: int) -> Arrays | None:
        """Return a finished unit of a slice, whether or not it looked at the slices beside."""
        kept = self.units.get(name, key, self.stack.frames_of_slice(z))
        if kept is None:
            kept = self.units.get(name, key, self._around(z))
        if kept is not None and UNDECIDED in kept:
            self.undecided.add(z)
        return kept

    def slice_was_kept(self, name: str, key: str, z: int) -> bool:
        """Whether an earlier run finished a unit of a slice."""
        frames = self.stack.frames_of_slice(z)
        return self.units.was_kept(name, key, frames) or self.units.was_kept(
            name, key, self._around(z)
        )

    def keep_of_slice(self, name: str, key: str, arrays: Arrays, z: int) -> None:
        """Keep a finished unit of a slice, with the frames that it depends on."""
        beside = z in self._looked_beside
        frames = self._around(z) if beside else self.stack.frames_of_slice(z)
        marks = {UNDECIDED: np.ones(1, bool)} if z in self.undecided else {}
        self.units.put(name, key, {**arrays, **marks}, frames)

    def _around(self, z: int) -> Frames:
        """Frames of a slice and of those beside it."""
        near = range(max(z - SLICES_BESIDE, 0), min(z + SLICES_BESIDE + 1, self.stack.n_slices))
        return np.concatenate([self.stack.frames_of_slice(each) for each in near])

    def rows_to_keep(self, frames: Frames) -> dict[str, npt.NDArray[Any]]:
        """What is written of the frames of a finished slice, once all of them were read."""
        artefacts = joined_rows(self._artefact_rows.get(int(t), NO_ROWS) for t in frames)
        return {"rows": self._quality[frames], "artefact_rows": artefacts}

    def restore(self, frames: Frames, kept: Arrays) -> Progress:
        """Take over the rows of a slice that was finished before."""
        self._quality[frames], artefacts = kept["rows"], kept["artefact_rows"]
        for t in np.unique(artefacts["frame"]):
            self._artefact_rows[int(t)] = artefacts[artefacts["frame"] == t]
        self._done += len(frames)
        return self.progress(snapshot=self.snapshot())

    # -- slices beside one another -------------------------------------------------------------

    def may_go_apart(self, z: int) -> bool:
        """Whether the frames of a slice are few and small enough."""
        pixels = len(self.stack.frames_of_slice(z)) * self.shape[0] * self.shape[1]
        return 4 * pixels <= MOST_APART_BYTES

    def apart(self) -> Self:
        """Run that does its work in the thread that asks for it, and holds frames of its own.

        The tables are those of this run. Nothing waits for other threads: as many slices as there
        are threads are worked on side by side.
        """
        one = copy(self)
        one._is_apart, one._held, one._dimmed = True, {}, {}
        return one

    def begin_apart(
        self, z: int, job: Callable[[Self, Frames], Generator[Progress, None, Result]]
    ) -> Future[tuple[Result, dict[int, RawFrame | None]]]:
        """Have the whole work on a slice done by one thread; returns its frames as well."""
        frames = self.stack.frames_of_slice(z)

        def work() -> tuple[Result, dict[int, RawFrame | None]]:
            one = self.apart()
            one.hold(frames)
            return unless_stopped(job(one, frames), self._stopped), one._held

        return self.begin(work)

    def take_held(self, frames: Mapping[int, RawFrame | None]) -> None:
        """Keep frames that were read for a slice, of those that are to be held."""
        self._held |= {t: raw for t, raw in frames.items() if t in self._held}

    def stop(self) -> None:
        """Have slices that are worked on given up."""
        self._stopped.set()

    # -- work on frames ------------------------------------------------------------------------

    def hold(self, frames: Frames) -> None:
        """Keep the frames of a slice once they are read, as many as `HELD_BYTES` allow.

        Of those held before, the ones that are among them stay.
        """
        frame_bytes = 4 * self.shape[0] * self.shape[1]
        kept = map(int, frames[: HELD_BYTES // frame_bytes])
        self._held = {t: self._held.get(t) for t in kept}

    def holds(self, t: int) -> bool:
        """Whether there is room to keep what is made of a frame."""
        return int(t) in self._held and not self._is_apart

    def read(self, t: int) -> RawFrame:
        """Driving image of a frame."""
        raw = self._held.get(int(t))
        if raw is None:
            raw = read_frame(self.units.frames.stack, int(t), self.params, self.artefacts)
            if raw.rows is not None:
                self._artefact_rows[int(t)] = rows_of_frame(int(t), raw.rows)
            if int(t) in self._held:
                self._held[int(t)] = raw
        dimmed = self._dimmed.get(int(t))
        return raw if dimmed is None else replace(raw, image=dimmed(raw.image))

    def dim(self, cells: Mapping[int, Dimmed]) -> None:
        """From now on the cells that light up in some frames are dimmed, and no others."""
        self._dimmed = dict(cells)

    def resample(
        self,
        raw: RawFrame,
        coefficients: Coefficients,
        factor: int = 1,
        interpolation: int = cv2.INTER_CUBIC,
    ) -> tuple[Image, npt.NDArray[np.bool_]]:
        """Frame through a field, at a fraction of the size: (Y, X) and which pixels are valid."""
        height, width = (size // factor for size in self.shape)
        positions = scratch("positions", 2, height, width)
        write_positions(coefficients, self.shape, self.spacing_px, positions, factor)
        farthest = float(np.abs(coefficients).max()) / factor
        return sampled(shrink(raw.image, factor), positions, interpolation, farthest)

    def mean(
        self,
        frames: Frames,
        fields: Coefficients,
        factor: int = 1,
        interpolation: int = cv2.INTER_CUBIC,
    ) -> Generator[Progress, None, RunningMean]:
        """Mean of frames resampled through given fields, at a fraction of the size."""
        mean = RunningMean((self.shape[0] // factor, self.shape[1] // factor))
        tasks = zip(frames, fields, strict=True)
        for aligned, valid in self.map(
            lambda task: self.resample(self.read(task[0]), task[1], factor, interpolation), tasks
        ):
            mean.add(aligned, valid)
            yield self.progress()
        return mean

    def weights(self, known: Image) -> Image:
        """Mask (Y, X) where a mean is known (1), and 0 near where it isn't (below 1)."""
        safe = safely_known(known)
        return safe if self.mask is None else self.mask * safe

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Results in the order of the items, worked out in threads."""
        if self._is_apart:
            return map(function, items)
        return ordered_map(self._pool, function, items, self._ahead)

    def in_thread(
        self, work: Callable[..., Result], *arguments: Any, **options: Any
    ) -> Generator[Progress, None, Result]:
        """Do a piece of work that may take a second, during which the job can be cancelled."""
        return (yield from self.result(self.begin(work, *arguments, **options)))

    def begin(self, work: Callable[..., Result], *arguments: Any, **options: Any) -> Future[Result]:
        """Have a piece of work done beside what comes next."""
        if self._is_apart:
            done: Future[Result] = Future()
            done.set_result(work(*arguments, **options))
            return done
        return self._pool.submit(work, *arguments, **options)

    def result(self, future: Future[Result]) -> Generator[Progress, None, Result]:
        """Wait for it, with signs of life."""
        while wait([future], timeout=YIELD_S).not_done:
            yield self.progress()
        return future.result()

    # -- what is handed out --------------------------------------------------------------------

    def progress(self, note: str = "", snapshot: Alignment | None = None) -> Progress:
        """How far the run is."""
        return Progress("Aligning", self._done, self.stack.n_frames, note, snapshot)

    def snapshot(self) -> Alignment:
        """Immutable alignment of the slices done so far."""
        reference = self._first_reference
        return Alignment(
            stack=self.stack,
            transforms=Transforms(self.shape, self._links()),
            reference=self._as_raw(reference),
            quality=self._quality.copy(),
            params=self.params,
            mask=self.mask,
            provenance=provenance(
                "align_adaptive",
                self._started,
                self.stack.paths,
                self.remarks,
                strategy=self.params.strategy,
                stages=self._stages(),
                **self._details(),
                **({"journal": journal} if (journal := self.units.journal.id) else {}),
            ),
            frame_digests=self.units.frames.seen(),
            artefacts=self.artefacts.fixed,
            artefact_rows=self._rows_found(),
        )

    def _rows_found(self) -> Table | None:
        """Rows of single frames that aren't tissue; None where they weren't looked for."""
        if self.artefacts.transients is None:
            return None
        return joined_rows(dict(self._artefact_rows).values())

    def _as_raw(self, reference: Image | None) -> Image:
        """Reference in the intensities of the raw frames."""
        if reference is None:
            return np.zeros(self.shape, np.float32)
        return reference + np.float32(self.artefacts.offset) if self.artefacts.offset else reference


def leave_own_out(powers: Sequence[Image]) -> Image:
    """Power of the residuals of n frames against their own mean.

    They are smaller by (n - 1) / n than against a mean that doesn't hold the frame; a frame's
    residual against itself says nothing.
    """
    n = len(powers)
    median: Image = np.median(powers, axis=0)
    return median * np.float32(n / (n - 1)) if n > 1 else median
