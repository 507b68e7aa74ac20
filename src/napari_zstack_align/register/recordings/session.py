"""The recordings of a session on their way through reading, matching and second pass."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import UNFINISHED, Alignment
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.errors import AlignmentError
from napari_zstack_align.flags import Flag, fault_of, mark, shown
from napari_zstack_align.parallel import ordered_map, worker_threads
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.between_midpoints import traced_motion
from napari_zstack_align.register.recordings.chunks import Range
from napari_zstack_align.register.recordings.consensus import (
    Consensus,
    chunk_correlations,
    offset_of,
    prepare,
    refine_chunk,
)
from napari_zstack_align.register.recordings.first_reference import (
    expected_map,
)
from napari_zstack_align.register.recordings.geometry import inverse
from napari_zstack_align.register.recordings.image_file import ImageFile
from napari_zstack_align.register.recordings.inputs import Inputs
from napari_zstack_align.register.recordings.matching import Match
from napari_zstack_align.register.recordings.planes import ANOTHER_PLANE, in_another_plane
from napari_zstack_align.register.recordings.reading import (
    final_ranges,
    mend_chunks,
    read_recording,
    why_without_image,
    windows_of,
)
from napari_zstack_align.register.recordings.recovery import match_chunk, rescue
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.residual import (
    FOLLOWED_AT_ONCE,
    Followed,
    FrameFollower,
    take_over,
    wanted,
)
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.register.recordings.table import drop_unlike, halved, write_match
from napari_zstack_align.register.recordings.waiting import until_done, with_progress
from napari_zstack_align.saved import now, provenance

Item = TypeVar("Item")
Result = TypeVar("Result")

SNAPSHOT_S = 1.0
STOPPED_EARLY = (
    "The run was stopped before the recordings were compared with one another: transforms may "
    "still be off by a pixel or more. Run it again to finish."
)
HALVINGS = 3
ROUNDS = 2
"""How often every chunk is registered to the mean of the others."""
MIN_CHUNKS_FOR_SHARED_TARGET = 16
"""From so many on, one chunk weighs too little in the mean to hold itself back."""
AFFINE_VOTES = 0.75
"""'auto' becomes affine where so many chunks are predicted better by it."""


class Session:
    """The recordings on their way through reading, matching, second pass and second reading."""

    def __init__(self, inputs: Inputs, n_threads: int) -> None:
        self._inputs, self.params = inputs, inputs.params
        self._n_threads = n_threads
        self._states: list[RecordingState] = []
        self._image: npt.NDArray[np.float32] | None = None
        self._total = sum(stack.n_frames for stack in inputs.stacks)
        self._done = 0
        self._last_snapshot = time.monotonic()
        self._started = now()

    def run(self) -> Job[list[Alignment]]:
        """Do all of it."""
        with worker_threads(self._n_threads) as self._pool:
            try:
                yield from self._make_reference()
                for state in self._states:
                    yield from self._read(state)
                if not any(state.matched for state in self._states):
                    raise AlignmentError(self._why_nothing_matched())
                yield from self._agree()
                for state in self._states:
                    yield from self._follow(state)
                return self._alignments()
            finally:
                self._pool.shutdown(wait=True, cancel_futures=True)
                for state in self._states:
                    state.images.close()

    # -- first pass ----------------------------------------------------------------------------

    def _make_reference(self) -> Generator[Progress, None, None]:
        task = self._pool.submit(self._inputs.make_reference)
        yield from until_done([task], Progress("Making the first reference", 0, 0))
        self._matcher = task.result()
        self._reference = self._matcher.reference
        self._image = self._reference.image
        for i, stack in enumerate(self._inputs.stacks):
            expected = expected_map(stack, self._reference.shape, self._inputs.pixel_size_um)
            images = ImageFile((stack.shape[2], stack.shape[3]))
            self._states.append(RecordingState(stack, i, expected, images))

    def _read(self, state: RecordingState) -> Generator[Progress, None, None]:
        """Read a recording, and match its chunks as they come."""
        pending: dict[int, Future[Match | None]] = {}

        def submit(chunk: int) -> None:
            pending[chunk] = self._pool.submit(match_chunk, state, chunk, self._matcher)

        stage = f"Reading {state.stack.name}"
        ahead = 2 * self._n_threads
        for n_frames in read_recording(state, self.params, self._pool, ahead, submit):
            self._done += n_frames
            note = self._settle(state, pending)
            yield Progress(stage, self._done, self._total, note, self._snapshot())
        yield from until_done(list(pending.values()), Progress(stage, self._done, self._total))
        self._settle(state, pending)
        yield from self._mend(state, final_ranges(state))
        yield from self._shorten(state)
        yield from self._rescue(state)

    def _settle(self, state: RecordingState, pending: dict[int, Future[Match | None]]) -> str:
        """Write down the matches that are ready; returns a remark where one failed."""
        note = ""
        for chunk in [c for c, task in pending.items() if task.done()]:
            note = self._note(state, chunk, pending.pop(chunk).result()) or note
        return note

    def _note(self, state: RecordingState, chunk: int, match: Match | None) -> str:
        """Write a match into the chunk table."""
        row = state.chunks[chunk]
        if match is None:
            part = state.frame_flags[row["start"] : row["stop"]]
            mark(row, why_without_image(part))
            row["method"] = "bridged"
        else:
            write_match(row, match, self.params.matcher)
        fault = fault_of(row)
        return f"{state.stack.name}, chunk {chunk}: {fault}" if fault else ""

    def _mend(self, state: RecordingState, ranges: list[Range]) -> Generator[Progress, None, None]:
        """Average and match anew the chunks that jumps cut, or that lose frames."""
        stage = f"Mending chunks of {state.stack.name}"
        mending = mend_chunks(state, self.params, ranges)
        changed = yield from with_progress(mending, Progress(stage, self._done, self._total))

        def match(chunk: int) -> Match | None:
            return match_chunk(state, chunk, self._matcher)

        for chunk, found in zip(changed, self._map(match, changed), strict=True):
            note = self._note(state, chunk, found)
            yield Progress(stage, self._done, self._total, note)

    def _shorten(self, state: RecordingState) -> Generator[Progress, None, None]:
        """Halve chunks that turn or grow too much for a linear interpolation."""
        for _ in range(HALVINGS):
            ranges = halved(state)
            if ranges is None:
                return
            yield from self._mend(state, ranges)

    def _rescue(self, state: RecordingState) -> Generator[Progress, None, None]:
        """Second chances for the chunks that failed; those near good ones first."""
        failed = np.flatnonzero(state.chunks["flag"] != Flag.GOOD)
        good = state.good
        if len(good):
            failed = failed[np.argsort([np.abs(good - c).min() for c in failed], kind="stable")]
        for chunk in map(int, failed):
            task = self._pool.submit(rescue, state, chunk, self._matcher)
            stage = Progress(f"Retrying chunks of {state.stack.name}", self._done, self._total)
            yield from until_done([task], stage)
            if (found := task.result()) is not None:
                method, match = found
                write_match(state.chunks[chunk], match, method)

    def _why_nothing_matched(self) -> str:
        chunks = np.concatenate([state.chunks for state in self._states])
        (most, _), *_ = Counter(chunks["flag"].tolist()).most_common(1)
        reason = shown(chunks[chunks["flag"] == most][0])
        return (
            f"Nothing could be matched to the reference; most often the reason was: {reason}. "
            f"{self._matcher.remedy}"
        )

    # -- second pass ---------------------------------------------------------------------------

    def _agree(self) -> Generator[Progress, None, None]:
        """Register every chunk to the mean of the others, and correlate it with that."""
        prefilter = Prefilter.for_image(self._reference.image)
        consensus = Consensus(self._reference, prefilter, fixed=self._inputs.given is not None)
        self._consensus = consensus
        yield from self._collect("Averaging the aligned chunks")
        chunks = list(self._good_chunks())
        if self.params.passes == 2:
            for number in range(1, ROUNDS + 1):
                yield from self._refine(chunks, number)
            if self._inputs.given is None:
                yield from self._keep_place(chunks)

        def compare(item: tuple[RecordingState, int]) -> tuple[float, float]:
            return chunk_correlations(consensus, *item)

        for done, (item, values) in enumerate(
            zip(chunks, self._map(compare, chunks), strict=True), 1
        ):
            row = item[0].chunks[item[1]]
            row["correlation_before"], row["correlation_after"] = values
            yield Progress("Comparing", done, len(chunks))
        if sum(drop_unlike(state) for state in self._states):
            yield from self._collect("Averaging the aligned chunks")
        yield from self._look_for_other_planes()
        if self.params.passes == 2 and self._inputs.given is None:
            self._image = Reference.of(consensus.image(), self._inputs.mask).image

    def _refine(
        self, chunks: list[tuple[RecordingState, int]], number: int
    ) -> Generator[Progress, None, None]:
        """Register every chunk to the mean of the others; after the first round, settle 'auto'."""
        shared = prepare(self._consensus) if len(chunks) >= MIN_CHUNKS_FOR_SHARED_TARGET else None

        def refine(item: tuple[RecordingState, int]) -> tuple[npt.NDArray[np.float64], float]:
            return refine_chunk(self._consensus, *item, self.params, shared, near=number > 1)

        refined = []
        for found in self._map(refine, chunks):
            refined.append(found)
            done = (number - 1) * len(chunks) + len(refined)
            yield Progress("Second pass", done, ROUNDS * len(chunks))
        for (state, chunk), (matrix, _) in zip(chunks, refined, strict=True):
            state.chunks["matrix"][chunk] = matrix
        votes = [helps > 0 for _, helps in refined if helps]
        if self._inputs.asked.transform == "auto" and votes and np.mean(votes) > AFFINE_VOTES:
            self.params = self.params.replace(transform="affine")
        yield from self._collect("Averaging the aligned chunks")

    def _keep_place(
        self, chunks: list[tuple[RecordingState, int]]
    ) -> Generator[Progress, None, None]:
        """Undo what the second pass moved all chunks together: the first reference stays in place.

        Each chunk was registered to all others, so nothing else holds them where they were.
        """
        moved = offset_of(self._reference, self._consensus, self.params)
        for state, chunk in chunks:
            state.chunks["matrix"][chunk] = state.chunks["matrix"][chunk] @ inverse(moved)
        yield from self._collect("Averaging the aligned chunks")

    def _look_for_other_planes(self) -> Generator[Progress, None, None]:
        """Flag recordings of another plane, and keep them out of the mean."""
        found = in_another_plane(self._states, self._consensus)
        for state, likeness in found:
            state.fault = ANOTHER_PLANE
            state.remarks.append(
                f"{ANOTHER_PLANE}: its mean correlates only by {likeness:.2f} with the others"
            )
            yield Progress("Comparing", 0, 0, f"{state.stack.name}: {ANOTHER_PLANE}")
        if found:
            yield from self._collect("Averaging the aligned chunks")

    def _collect(self, stage: str) -> Generator[Progress, None, None]:
        self._consensus.clear()
        chunks = list(self._good_chunks())
        for done, (state, chunk) in enumerate(chunks, 1):
            self._consensus.add(state, chunk)
            yield Progress(stage, done, len(chunks), partial=self._snapshot())

    def _good_chunks(self) -> Iterator[tuple[RecordingState, int]]:
        for state in self._states:
            for chunk in [] if state.fault else state.good:
                yield state, int(chunk)

    # -- second reading ------------------------------------------------------------------------

    def _follow(self, state: RecordingState) -> Generator[Progress, None, None]:
        """Find the motion of single frames, where it is asked for or shows."""
        kind = state.single_frames = wanted(state, self.params)
        if kind == "trace":
            state.extra = traced_motion(state)
        if kind in ("none", "trace"):
            return
        follower = FrameFollower(state, self._consensus, self.params, kind)
        ranges = [(int(r["start"]), int(r["stop"])) for r in state.chunks]
        shape = (state.stack.shape[2], state.stack.shape[3])
        parts: list[Followed] = []
        stage = f"Following single frames of {state.stack.name}"
        for part in self._map(follower.follow, windows_of(ranges, shape, FOLLOWED_AT_ONCE)):
            parts.append(part)
            yield Progress(stage, part.stop, state.stack.n_frames, partial=self._snapshot())
        take_over(state, follower, parts)

    # -- what is handed out --------------------------------------------------------------------

    def _snapshot(self) -> list[Alignment] | None:
        """What is done so far, at most once a second."""
        if time.monotonic() - self._last_snapshot < SNAPSHOT_S:
            return None
        # Frames that were not read yet say so themselves; once all are, the stage must say it.
        all_read = all(state.read == state.stack.n_frames for state in self._states)
        alignments = self._alignments(finished=not all_read)
        self._last_snapshot = time.monotonic()
        return alignments

    def _alignments(self, finished: bool = True) -> list[Alignment]:
        return [self._alignment(state, finished) for state in self._states]

    def _alignment(self, state: RecordingState, finished: bool) -> Alignment:
        """Immutable alignment of what is known of a recording."""
        assert self._image is not None
        shape = self._reference.shape
        return Alignment(
            state.stack,
            Transforms(shape, state.links()),
            self._image,
            state.quality(shape),
            self._inputs.asked,
            self._reference.mask,
            self._provenance(state, finished),
            state.chunks.copy(),
        )

    def _provenance(self, state: RecordingState, finished: bool) -> dict[str, object]:
        remarks = state.remarks if finished else [*state.remarks, STOPPED_EARLY]
        return provenance(
            "register_recordings",
            self._started,
            state.stack.paths,
            remarks,
            **({} if finished else {UNFINISHED: True}),
            recording=state.index,
            recordings=[stack.name for stack in self._inputs.stacks],
            expected=state.expected.tolist(),
            transform=self.params.transform,
            single_frames=state.single_frames,
            jitter_px=state.trace.jitter(state.stretches)[0],
            steps=list(state.steps),
        )

    def _map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        return ordered_map(self._pool, function, items, 2 * self._n_threads)
