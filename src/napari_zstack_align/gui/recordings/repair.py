"""Repair of one chunk: mark it as bad or good, fit it to points set by hand, take that back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.edits import EditKind, edit_of_chunk, edits_of
from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.gui.layer_group import ALIGNED, flatten
from napari_zstack_align.gui.layer_look import IMAGE_AXES, geometry
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.recordings.layers import POINTS
from napari_zstack_align.gui.recordings.point_pairs import MIN_POINTS
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.repair_box import HINT, EditRow
from napari_zstack_align.gui.recordings.side_by_side import offset_of
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register import recordings as engine

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart


WORSE_BY = 0.01
"""Points that lower a chunk's correlation by more than this are questioned."""


@dataclass(frozen=True, eq=False)
class Step:
    """A repair that can be taken back: the alignment of a recording in a run, before and after."""

    run: int
    recording: Recording
    before: Alignment
    after: Alignment

    @property
    def is_newest(self) -> bool:
        """Whether nothing has changed since."""
        return self.recording.alignment is self.after


@dataclass(frozen=True, eq=False)
class ChunkOf:
    """A chunk of a recording, and the alignment whose table it is in."""

    recording: Recording
    alignment: Alignment
    chunk: int

    @property
    def words(self) -> str:
        """'chunk 3 of recording_2 (frames 60–79)'."""
        row = self.alignment.chunks[self.chunk]  # type: ignore[index]
        frames = f"frames {row['start']}–{row['stop'] - 1}"
        return f"chunk {self.chunk} of {self.recording.name} ({frames})"


class Repair:
    """What a person can do about a chunk; only its alignment is replaced.

    Parameters
    ----------
    part : RecordingsPart
        Whose map, tab and layers are used.
    """

    def __init__(self, part: RecordingsPart) -> None:
        self._part = part
        self._tab = part.results_tab
        self._bar = part.results_tab.run_bar
        self._picked: ChunkOf | None = None
        self._steps: list[Step] = []
        self.chosen: ChunkOf | None = None
        part.layers.points.changed = self._on_points
        self._box = part.results_tab.repair_box
        self._box.edit_clicked.connect(part.go_to_chunk)

    def choose(self, recording: int, chunk: int) -> None:
        """Take up the chunk that the slider stands in or that was clicked in the map."""
        chosen = self._part.recordings[recording]
        alignment = chosen.alignment
        self.chosen = None
        if alignment is not None and alignment.chunks is not None and chunk < len(alignment.chunks):
            self.chosen = ChunkOf(chosen, alignment, chunk)
        if self._picked is None:
            self._say_chosen()

    def _say_chosen(self) -> None:
        words = HINT if self.chosen is None else f"{self.chosen.words} is chosen."
        self._box.chunk_words.setText(words[0].upper() + words[1:])

    def show_edits(self) -> None:
        """List what was decided about chunks of the run that is shown."""
        if self.chosen is not None and self.chosen.recording not in self._part.recordings:
            self.chosen = None
            self._say_chosen()
        rows = [
            EditRow(
                place, _chunk_at(recording.alignment, edit.start), f"{recording.name}, {edit.words}"
            )
            for place, recording in enumerate(self._part.recordings)
            if recording.alignment is not None
            for edit in edits_of(recording.alignment)
        ]
        self._box.show_edits(rows)
        self._part.tab.edits_box.setVisible(bool(rows))
        self._part.tab.edits_box.setText(f"Do the {counted(len(rows), 'repair')} of this run again")

    def reject(self) -> None:
        """Mark the chosen chunk as bad."""
        self._decide(engine.reject_chunk, "Marked {} as bad; its neighbourhood was solved again.")

    def accept(self) -> None:
        """Mark the chosen chunk as good, where it lies."""
        self._decide(engine.accept_chunk, "Marked {} as good: its frames count where they lie.")

    def to_automatic(self) -> None:
        """Take back what was decided about the chosen chunk."""
        words = "Took back what was decided about {}; its neighbourhood was solved again."
        self._decide(engine.back_to_automatic, words)

    def undo(self) -> None:
        """Take back the last repair of the run that is shown, whatever it was."""
        run = self._part.runs.shown
        own = [step for step in self._steps if run is not None and step.run == run.number]
        step = next((each for each in reversed(own) if each.is_newest), None)
        if step is None:
            self._bar.say("There is no repair of this run to take back.")
            return
        self._steps.remove(step)
        self._part.set_alignment(run, step.recording, step.before)
        self._bar.say(f"Took back the last repair of {step.recording.name}.")

    # -- points by hand ------------------------------------------------------------------------

    def begin_points(self) -> None:
        """Show reference and chunk beside each other, ready to click."""
        chosen = self.chosen
        if chosen is None:
            self._bar.say_error(HINT)
            return
        self._part.start(
            self._bar,
            partial(averaging, chosen.alignment, chosen.chunk),
            returned=partial(self._on_mean, chosen),
        )

    def apply_points(self) -> None:
        """Fit the chunk to the points."""
        picked = self._picked
        reference, raw = self._part.layers.points.pairs()
        if picked is None:
            return
        if len(reference) != len(raw) or len(raw) < MIN_POINTS:
            self._bar.say_error(
                f"There are {len(reference)} points in the reference and {len(raw)} in the chunk: "
                f"set at least {MIN_POINTS} in each, and as many in one as in the other."
            )
            return
        self._solve(
            picked,
            partial(engine.set_chunk_points, picked.alignment, picked.chunk, raw, reference),
            f"Fitted {picked.words} to {len(raw)} points; its neighbourhood was solved again.",
            wanted=partial(self._are_points_wanted, picked.chunk),
            done=self.end_points,
        )

    def _are_points_wanted(self, chunk: int, alignment: Alignment) -> bool:
        """Ask whether points are to be used that lower the chunk's correlation."""
        assert alignment.chunks is not None
        edit = edit_of_chunk(alignment, alignment.chunks[chunk])
        if edit is None or edit.kind != EditKind.POINTS or edit.correlations is None:
            return True
        was, now = edit.correlations
        if now >= was - WORSE_BY:
            return True
        return confirmed(
            self._tab,
            "Use these points?",
            f"With the points, the chunk resembles the reference less than before: its "
            f"correlation falls from {decimal(was)} to {decimal(now)}.",
            yes="Use the points",
            no="Change the points",
        )

    def end_points(self) -> None:
        """Put the points away, and go back to the frames."""
        self._picked = None
        self._bar.say("")
        self._box.set_picking(False)
        self._part.look_at(ALIGNED)

    def give_up(self) -> None:
        """Another alignment is shown: points that are being set for the one before are put away."""
        if (
            self._picked is not None
            and self._picked.recording.alignment is not self._picked.alignment
        ):
            self.end_points()

    def _on_mean(self, chosen: ChunkOf, mean: npt.NDArray[np.float32]) -> None:
        part, place = self._part, geometry(chosen.recording.stack, IMAGE_AXES)
        flatten(part.viewer)
        self._picked = chosen
        part.layers.match.show_images(chosen.alignment.reference, mean, place)
        part.layers.points.begin(offset_of(chosen.alignment.reference), place)
        part.layers.caption = f"reference | {chosen.words}"
        part.look_at(POINTS)
        self._box.set_picking(True)
        self._on_points(0, 0)

    def _on_points(self, left: int, right: int) -> None:
        if self._picked is None:
            return
        self._bar.say(
            f"Click the same {MIN_POINTS} or more places in the reference (left) and in "
            f"{self._picked.words} (right), in the same order: {left} left, {right} right so far."
        )

    # -- inside --------------------------------------------------------------------------------

    def _decide(self, job: Callable[[Alignment, int], Job[Alignment]], words: str) -> None:
        chosen = self.chosen
        if chosen is None:
            self._bar.say_error(HINT)
            return
        work = partial(job, chosen.alignment, chosen.chunk)
        self._solve(chosen, work, words.format(chosen.words))

    def _solve(
        self,
        chosen: ChunkOf,
        job: Callable[[], Job[Alignment]],
        words: str,
        wanted: Callable[[Alignment], bool] = lambda _: True,
        done: Callable[[], object] = lambda: None,
    ) -> None:
        run = self._part.runs.shown

        def returned(alignment: Any) -> None:
            if not wanted(alignment):
                self._bar.say("The chunk is as it was.")
                return
            done()
            if run is not None:
                self._steps.append(Step(run.number, chosen.recording, chosen.alignment, alignment))
            self._part.set_alignment(run, chosen.recording, alignment)
            self._bar.say(words)

        self._part.start(self._bar, job, returned=returned)


def _chunk_at(alignment: Alignment, start: int) -> int:
    """The chunk that begins at a frame."""
    assert alignment.chunks is not None
    return int(np.searchsorted(alignment.chunks["start"], start))


def averaging(alignment: Alignment, chunk: int) -> Job[npt.NDArray[np.float32]]:
    """Mean of a chunk's raw frames, in the worker."""
    yield Progress("Averaging the chunk", 0, 1)
    return engine.chunk_mean(alignment, chunk)
