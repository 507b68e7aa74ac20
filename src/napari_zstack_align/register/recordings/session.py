"""The recordings of a session on their way through reading, matching and second pass."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.summary import FOLLOWED_ONE_BY_ONE, UNFINISHED
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.errors import AlignmentError
from napari_zstack_align.flags import Flag, shown
from napari_zstack_align.parallel import worker_threads
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import remarks_on, several_images
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.kept_search import kept_search
from napari_zstack_align.register.closing import (
    averaged_in_session,
    with_noise_limit,
    with_worse_put_back,
)
from napari_zstack_align.register.copied_frames import with_copies_told
from napari_zstack_align.register.frames import TOO_MUCH_LIGHT
from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.between_midpoints import traced_motion
from napari_zstack_align.register.recordings.chunks import Range, windows_of
from napari_zstack_align.register.recordings.consensus import Consensus, offset_of, prepare
from napari_zstack_align.register.recordings.driving import paced_stacks
from napari_zstack_align.register.recordings.fast_drift import (
    with_fast_drift_told,
    with_lone_drift_told,
)
from napari_zstack_align.register.recordings.first_pass import FirstPass, Recording
from napari_zstack_align.register.recordings.first_reference import (
    expected_map,
    find_reference_frames,
)
from napari_zstack_align.register.recordings.geometry import Matrix, inverse
from napari_zstack_align.register.recordings.image_file import ImageFile
from napari_zstack_align.register.recordings.inputs import Inputs
from napari_zstack_align.register.recordings.kept_chunks import KeptChunks
from napari_zstack_align.register.recordings.kept_frames import KeptFrames
from napari_zstack_align.register.recordings.levels import level
from napari_zstack_align.register.recordings.planes import ANOTHER_PLANE, in_another_plane
from napari_zstack_align.register.recordings.reading import first_windows
from napari_zstack_align.register.recordings.reference import Reference
from napari_zstack_align.register.recordings.residual import (
    FOLLOWED_AT_ONCE,
    Followed,
    take_over,
)
from napari_zstack_align.register.recordings.state import RecordingState
from napari_zstack_align.register.recordings.table import drop_unlike
from napari_zstack_align.register.recordings.waiting import in_order, until_done
from napari_zstack_align.register.recordings.worse_chunks import drop_worse, keep_raw_places
from napari_zstack_align.remark import as_notes, as_serious, as_warnings
from napari_zstack_align.saved import (
    JournalPlace,
    Kind,
    Units,
    UnitStore,
    WatchedFrames,
    about_run,
    key_of,
    now,
    opened_journal,
    prefixes_of,
    provenance,
)
from napari_zstack_align.stack import Stack

Item = TypeVar("Item")
Result = TypeVar("Result")
Steps = Generator[Progress, None, None]
ChunkOf = tuple[Recording, int]

SNAPSHOT_S = 1.0
SNAPSHOT_SHARE = 20
"""The next snapshot is due after a second, or so many times what making the last one took."""
STOPPED_EARLY = (
    "The run was stopped before the recordings were compared with one another: transforms may "
    "still be off by a pixel or more. Run it again to finish."
)
STOPPED_BEFORE_FOLLOWING = (
    "The run was stopped before the motion of single frames was followed to the end: they may "
    "still be off by their own motion. Run it again to finish."
)
REFERENCE_MAY_BE_ODD = (
    "No other recording could be matched to this one, from which the reference was taken; most "
    "often the reason was: {reason}. {remedy}"
)
REFERENCE_ALONE = (
    "Of the other recordings none shows the same as this one, from which the reference was taken. "
    "{remedy}"
)
REMEDIES: Mapping[str, str] = {
    Flag.IMPLAUSIBLE: "Raise that bound where the field of view moved so far.",
    Flag.SATURATED: TOO_MUCH_LIGHT,
}
"""What helps where most chunks have a flag; another reference, or what the matcher says, if not."""
ANOTHER_REFERENCE = (
    "It may be the odd one (another plane, or most cells active): choose another reference with "
    "reference_recording or reference_frames."
)
STILLEST = "The reference is taken from this recording, chosen as still and sharp among {n}."
ROUNDS = 2
"""How often every chunk is registered to the mean of the others."""
MIN_CHUNKS_FOR_SHARED_TARGET = 16
"""From so many on, one chunk weighs too little in the mean to hold itself back."""
AFFINE_VOTES = 0.75
"""'auto' becomes affine where so many chunks are predicted better by it."""


class Session:
    """The recordings on their way through reading, matching, second pass and second reading."""

    def __init__(
        self,
        inputs: Inputs,
        n_threads: int,
        journal: UnitStore | JournalPlace | str | Path | None,
        artefacts: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self._artefacts = artefacts
        self._inputs, self.params, self._journal = inputs, inputs.params, journal
        self._n_threads, self._ahead = n_threads, 2 * n_threads
        self._recordings: list[Recording] = []
        self._raw_image: npt.NDArray[np.float32] | None = None
        self._total = sum(stack.n_frames for stack in inputs.stacks)
        self._done = 0
        self._rounds = 0
        self._is_compared = False
        self._next_snapshot = time.monotonic() + SNAPSHOT_S
        self._started = now()

    def run(self) -> Job[list[Alignment]]:
        """Do all of it."""
        given = {"mask": self._inputs.mask, "reference": self._inputs.given}
        about = about_run(
            "register_recordings",
            self._inputs.asked,
            *self._inputs.stacks,
            **given,
            artefacts=self._artefacts,
        )
        with (
            opened_journal(self._journal, Kind.SESSION, about, self._inputs.stacks) as self._store,
            ExitStack() as self._files,
            worker_threads(self._n_threads) as self._pool,
            paced_stacks(self._inputs.stacks) as stacks,
        ):
            prefixes = prefixes_of(self._store, stacks, _prefixes(stacks))
            units = [
                Units(self._store, WatchedFrames(stack), prefix)
                for stack, prefix in zip(stacks, prefixes, strict=True)
            ]
            for each in units:
                yield from each.check(self._pool, self._ahead)

            def look(i: int, offset: float | None) -> Generator[Progress, None, Artefacts]:
                given = self._artefacts
                return kept_search(units[i], self.params, self._pool, given=given, offset=offset)

            self._inputs = yield from self._inputs.without_artefacts(look)
            self.params = self._inputs.params
            kept = [
                KeptFrames(each, self.params, artefacts)
                for each, artefacts in zip(units, self._inputs.artefacts, strict=True)
            ]
            yield from self._make_reference(kept)
            for recording in self._recordings:
                found = yield from several_images(recording.frames.units, self.params.channel)
                recording.state.remarks += found
                for remark in found:
                    yield Progress("Comparing frames", 0, 0, remark)
            yield from self._first_pass()
            yield from self._agree()
            for recording in self._recordings:
                yield from self._follow(recording)
                for chunk in keep_raw_places(recording.state, self._consensus):
                    n_chunks = len(recording.state.chunks)
                    yield Progress("Comparing bridged chunks", chunk + 1, n_chunks)
            for each in units:
                each.frames.check_files()
            return (yield from self._closed())

    # -- first pass ----------------------------------------------------------------------------

    def _make_reference(self, kept: Sequence[KeptFrames]) -> Steps:
        def plain(recording: int, start: int, stop: int) -> npt.NDArray[np.float32] | None:
            return kept[recording].mean(np.arange(start, stop))

        def average(recording: int, start: int, stop: int) -> npt.NDArray[np.float32] | None:
            return kept[recording].still_mean((start, stop))

        choosing = self._pool.submit(self._inputs.with_reference_recording, plain)
        yield from until_done([choosing], Progress("Choosing the reference", 0, 0))
        self._inputs = choosing.result()
        self.params, number = self._inputs.params, self._inputs.params.reference_recording
        task = self._pool.submit(self._inputs.make_reference, average)
        yield from until_done([task], Progress("Making the first reference", 0, 0))
        self._matcher = task.result()
        self._reference = self._matcher.reference
        self._show(self._reference.image)
        for i, frames in enumerate(kept):
            stack = frames.units.frames.stack
            expected = expected_map(stack, self._reference.shape, self._inputs.pixel_size_um)
            images = ImageFile((stack.shape[2], stack.shape[3]))
            self._files.callback(images.close)
            state = RecordingState(stack, i, expected, images, artefacts=frames.artefacts)
            state.remarks += frames.artefacts.remarks
            if self._inputs.asked.reference_recording is None and i == number:
                state.remarks += as_notes(STILLEST.format(n=counted(len(kept), "recording")))
            chunks = KeptChunks(state, frames.units)
            self._recordings.append(Recording(state, frames, chunks))

    def _first_pass(self) -> Steps:
        if note := self._going_on():
            yield Progress("Reading", 0, self._total, note)
        first = FirstPass(self._matcher, self.params, self._pool, self._ahead, self._report)
        for recording in self._recordings:
            yield from first.run(recording)
        self._check_any_matched()
        self._look_for_odd_reference()

    def _check_any_matched(self) -> None:
        if not any(state.matched for state in self._states):
            raise AlignmentError(self._why_nothing_matched())

    def _look_for_odd_reference(self) -> None:
        """Remark where no recording can be matched to one that nobody chose."""
        number, others = self._first_reference()
        if self._is_chosen_by_default and others and not any(state.matched for state in others):
            most, reason = _commonest_reason(others)
            remedy = REMEDIES.get(most, ANOTHER_REFERENCE)
            self._states[number].remarks += as_serious(
                REFERENCE_MAY_BE_ODD.format(reason=reason, remedy=remedy)
            )

    def _first_reference(self) -> tuple[int, list[RecordingState]]:
        """Return the number of the recording that the reference is from, and the other ones."""
        number, _, _ = find_reference_frames(self._inputs.stacks, self.params)
        return number, [state for state in self._states if state.index != number]

    @property
    def _is_chosen_by_default(self) -> bool:
        asked = self._inputs.asked
        chosen = (self._inputs.given, asked.reference_recording, asked.reference_frames)
        return all(each is None for each in chosen)

    def _going_on(self) -> str:
        """Say how much of the first reading an earlier run has done; '' for nothing."""
        if not self._store.names():
            return ""
        windows = [
            (stop - start, each.frames.was_read((start, stop)))
            for each in self._recordings
            for start, stop in first_windows(each.state.stack, self.params)
        ]
        n_read = sum(n_frames for n_frames, was_read in windows if was_read)
        if not n_read:
            return ""
        of = counted(self._total, "frame")
        return f"Going on with {self._store.name}: {n_read} of {of} were read before."

    def _report(self, stage: str, n_frames: int, note: str) -> Progress:
        """How far the first pass is; a snapshot where frames were read."""
        self._done += n_frames
        partial = self._snapshot() if n_frames else None
        return Progress(stage, self._done, self._total, note, partial)

    def _why_nothing_matched(self) -> str:
        most, reason = _commonest_reason(self._states)
        remedy = REMEDIES.get(most, self._matcher.remedy)
        return (
            f"Nothing could be matched to the reference; most often the reason was: {reason}. "
            f"{remedy}"
        )

    # -- second pass ---------------------------------------------------------------------------

    def _agree(self) -> Steps:
        """Register every chunk to the mean of the others, and correlate it with that."""
        prefilter = Prefilter.for_image(self._reference.image)
        consensus = Consensus(self._reference, prefilter, fixed=self._inputs.given is not None)
        self._consensus = consensus
        level(self._states, self._reference)
        twice = self.params.passes == 2
        yield from self._collect("Averaging the aligned chunks", evened=twice)
        chunks = list(self._good_chunks())
        if twice:
            for number in range(1, ROUNDS + 1):
                yield from self._refine(chunks, number)
            if self._inputs.given is None:
                self._keep_place(chunks)
            yield from self._collect("Averaging the aligned chunks")

        def compare(item: ChunkOf) -> tuple[float, float]:
            recording, chunk = item
            return recording.chunks.compare(chunk, consensus)

        compared: list[tuple[float, float]] = []
        yield from self._each(
            compare,
            chunks,
            compared,
            lambda: Progress("Comparing", len(compared), len(chunks)),
        )
        for (recording, chunk), values in zip(chunks, compared, strict=True):
            row = recording.state.chunks[chunk]
            row["correlation_before"], row["correlation_after"] = values
        if sum(drop_worse(state) + drop_unlike(state) for state in self._states):
            self._check_any_matched()
            yield from self._collect("Averaging the aligned chunks")
        yield from self._look_for_other_planes()
        self._is_compared = True
        if self.params.passes == 2 and self._inputs.given is None:
            self._show(Reference.of(consensus.image(), self._inputs.mask).image)

    def _refine(self, chunks: list[ChunkOf], number: int) -> Steps:
        """Register every chunk to the mean of the others; after the first round, settle 'auto'."""
        shared = prepare(self._consensus) if len(chunks) >= MIN_CHUNKS_FOR_SHARED_TARGET else None

        def refine(item: ChunkOf) -> tuple[Matrix, float]:
            recording, chunk = item
            return recording.chunks.refine(chunk, self._consensus, self.params, shared, number)

        refined: list[tuple[Matrix, float]] = []
        done, total = (number - 1) * len(chunks), ROUNDS * len(chunks)
        yield from self._each(
            refine, chunks, refined, lambda: Progress("Second pass", done + len(refined), total)
        )
        for (recording, chunk), (matrix, _) in zip(chunks, refined, strict=True):
            recording.state.chunks["matrix"][chunk] = matrix
        votes = [helps > 0 for _, helps in refined if helps]
        if self._inputs.asked.transform == "auto" and votes and np.mean(votes) > AFFINE_VOTES:
            self.params = self.params.replace(transform="affine")
        self._rounds = number
        yield from self._collect("Averaging the aligned chunks", evened=True)

    def _keep_place(self, chunks: list[ChunkOf]) -> None:
        """Undo what the second pass moved all chunks together: the first reference stays in place.

        Each chunk was registered to all others, so nothing else holds them where they were.
        """
        moved = offset_of(self._reference, self._consensus, self.params)
        for recording, chunk in chunks:
            matrices = recording.state.chunks["matrix"]
            matrices[chunk] = matrices[chunk] @ inverse(moved)

    def _look_for_other_planes(self) -> Steps:
        """Flag recordings of another plane, and keep them out of the mean."""
        found = in_another_plane(self._states, self._consensus)
        for state, likeness in found:
            state.fault = ANOTHER_PLANE
            state.remarks += as_serious(
                f"{ANOTHER_PLANE}: its mean correlates only by {decimal(likeness)} with the others"
            )
            yield Progress("Comparing", 0, 0, f"{state.stack.name}: {ANOTHER_PLANE}")
        if found:
            yield from self._collect("Averaging the aligned chunks")
        number, others = self._first_reference()
        fits = [state for state in others if state.matched and not state.fault]
        if found and self._is_chosen_by_default and not fits:
            self._states[number].remarks += as_serious(
                REFERENCE_ALONE.format(remedy=ANOTHER_REFERENCE)
            )

    def _collect(self, stage: str, *, evened: bool = False) -> Steps:
        self._consensus.clear(evened=evened)
        chunks = list(self._good_chunks())
        for done, (recording, chunk) in enumerate(chunks, 1):
            self._consensus.add(recording.state, chunk)
            yield Progress(stage, done, len(chunks), partial=self._snapshot())

    def _good_chunks(self) -> Iterator[ChunkOf]:
        for recording in self._recordings:
            for chunk in [] if recording.state.fault else recording.state.good:
                yield recording, int(chunk)

    # -- second reading ------------------------------------------------------------------------

    def _follow(self, recording: Recording) -> Steps:
        """Find the motion of single frames, where it is asked for or shows."""
        state, kind = recording.state, self.params.residual
        if kind == "none" or not state.matched:
            state.single_frames = "none"
            return
        stage = f"Following single frames of {state.stack.name}"
        making = self._pool.submit(recording.chunks.follower, self._consensus, self.params, kind)
        yield from until_done([making], Progress(stage, 0, state.stack.n_frames))
        follower = making.result()
        state.single_frames, state.freedom = follower.kind, follower.described()
        state.remarks += as_notes(*follower.remarks())
        if follower.kind == "trace":
            state.extra = traced_motion(state)
            return
        shape = (state.stack.shape[2], state.stack.shape[3])
        ranges = [(int(r["start"]), int(r["stop"])) for r in state.chunks]

        def follow(frames: Range) -> Followed:
            return recording.chunks.follow(frames, follower, self._consensus)

        parts: list[Followed] = []

        def progress() -> Progress:
            done = parts[-1].stop if parts else 0
            return Progress(stage, done, state.stack.n_frames, partial=self._snapshot())

        windows = windows_of(ranges, shape, FOLLOWED_AT_ONCE)
        yield from self._each(follow, windows, parts, progress)
        take_over(state, follower, parts)

    def _each(
        self,
        function: Callable[[Item], Result],
        items: Iterable[Item],
        results: list[Result],
        progress: Callable[[], Progress],
    ) -> Steps:
        """Work on items in threads; their results are added in the order of the items."""

        def take(result: Result) -> Progress:
            results.append(result)
            return progress()

        yield from in_order(self._pool, function, items, self._ahead, take, progress())

    def _closed(self) -> Generator[Progress, None, list[Alignment]]:
        """Put back frames that were made worse, and measure what their noise allows."""
        alignments = self._alignments()
        for i, recording in enumerate(self._recordings):
            state = recording.state
            if state.single_frames in FOLLOWED_ONE_BY_ONE:
                alignments[i] = with_worse_put_back(alignments[i], state.expected)
        n_session = sum(int(alignment.quality["used"].sum()) for alignment in alignments)
        closed = []
        for alignment, state in zip(alignments, self._states, strict=True):
            averaged = averaged_in_session(alignment, n_session)
            limited = yield from with_noise_limit(
                alignment, state.stack, self.params, state.artefacts, averaged
            )
            told = with_fast_drift_told(limited)
            if self._inputs.asked.chunk_frames or self._inputs.asked.n_chunks:
                told = with_lone_drift_told(told, state.trace.shift, state.stretches)
            closed.append(with_copies_told(told))
        return closed

    # -- what is handed out --------------------------------------------------------------------

    @property
    def _states(self) -> list[RecordingState]:
        return [recording.state for recording in self._recordings]

    def _snapshot(self) -> list[Alignment] | None:
        """What is done so far, now and then."""
        begun = time.monotonic()
        if begun < self._next_snapshot:
            return None
        alignments = self._alignments(finished=False)
        end = time.monotonic()
        self._next_snapshot = end + max(SNAPSHOT_S, SNAPSHOT_SHARE * (end - begun))
        return alignments

    def _show(self, image: npt.NDArray[np.float32]) -> None:
        """Hand out an image as the reference, in the intensities of the raw frames."""
        offset = self._inputs.offset
        self._raw_image = image + np.float32(offset) if offset else image

    def _alignments(self, finished: bool = True) -> list[Alignment]:
        return [self._alignment(recording, finished) for recording in self._recordings]

    def _alignment(self, recording: Recording, finished: bool) -> Alignment:
        """Immutable alignment of what is known of a recording."""
        assert self._raw_image is not None
        state, shape = recording.state, self._reference.shape
        return Alignment(
            self._inputs.stacks[state.index],
            Transforms(shape, state.links()),
            self._raw_image,
            state.quality(shape),
            self._inputs.asked,
            self._reference.mask,
            self._provenance(state, finished),
            state.chunks.copy(),
            recording.frames.units.frames.seen(),
            artefacts=state.artefacts.fixed,
            artefact_rows=state.rows_found(),
        )

    def _provenance(self, state: RecordingState, finished: bool) -> dict[str, object]:
        stopped = STOPPED_BEFORE_FOLLOWING if self._is_compared else STOPPED_EARLY
        remarks = [*state.stack.remarks, *remarks_on(state.stack), *state.remarks]
        if not finished:
            remarks += as_warnings(stopped)
        return provenance(
            "register_recordings",
            self._started,
            state.stack.paths,
            remarks,
            **({} if finished else {UNFINISHED: True}),
            **({"journal": self._store.id} if self._store.id else {}),
            stages=self._stages(state, finished),
            recording=state.index,
            **self._inputs.reference_from,
            recordings=[stack.name for stack in self._inputs.stacks],
            expected=state.expected.tolist(),
            transform=self.params.transform,
            single_frames=state.single_frames,
            **({"freedom": state.freedom} if state.freedom else {}),
            jitter_px=state.trace.jitter(state.stretches)[0],
            steps=list(state.steps),
        )

    def _stages(self, state: RecordingState, finished: bool) -> dict[str, object]:
        """How far each stage is."""
        return {
            "first pass": {"frames": state.read, "of": state.stack.n_frames},
            "second pass": {
                "rounds": self._rounds,
                "of": ROUNDS if self.params.passes == 2 else 0,
            },
            "compared with one another": self._is_compared,
            "single frames": finished,
        }


def _prefixes(stacks: Sequence[Stack]) -> list[str]:
    """What the names of the units of each recording begin with: the same in other sessions."""
    names = [stack.name for stack in stacks]
    keys = [key_of("recording", name=n, number=names[:i].count(n)) for i, n in enumerate(names)]
    return [f"{key[:8]}-" for key in keys]


def _commonest_reason(states: Sequence[RecordingState]) -> tuple[str, str]:
    """Flag that most chunks have, and one of its sentences."""
    chunks = np.concatenate([state.chunks for state in states])
    (most, _), *_ = Counter(chunks["flag"].tolist()).most_common(1)
    return most, shown(chunks[chunks["flag"] == most][0])
