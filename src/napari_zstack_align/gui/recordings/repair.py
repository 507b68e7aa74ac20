"""Repair of one chunk: mark it as bad, or fit it to points set by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.layer_group import ALIGNED, flatten
from napari_zstack_align.gui.layer_look import IMAGE_AXES, geometry
from napari_zstack_align.gui.recordings.layers import POINTS
from napari_zstack_align.gui.recordings.point_pairs import MIN_POINTS
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.session_tab import HINT
from napari_zstack_align.gui.recordings.side_by_side import offset_of
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register import recordings as engine

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart


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
        self.chosen: ChunkOf | None = None
        part.layers.points.changed = self._on_points

    def choose(self, recording: int, chunk: int) -> None:
        """Take up the chunk that the slider stands in or that was clicked in the map."""
        chosen = self._part.recordings[recording]
        alignment = chosen.alignment
        self.chosen = None
        if alignment is not None and alignment.chunks is not None and chunk < len(alignment.chunks):
            self.chosen = ChunkOf(chosen, alignment, chunk)
        if self._picked is None:
            words = HINT if self.chosen is None else f"{self.chosen.words} is chosen."
            self._tab.chunk_words.setText(words[0].upper() + words[1:])

    def reject(self) -> None:
        """Mark the chosen chunk as bad."""
        chosen = self.chosen
        if chosen is None:
            self._bar.say_error(HINT)
            return
        self._solve(
            chosen,
            partial(engine.reject_chunk, chosen.alignment, chosen.chunk),
            f"Marked {chosen.words} as bad; its neighbourhood was solved again.",
        )

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
            done=self.end_points,
        )

    def end_points(self) -> None:
        """Put the points away, and go back to the frames."""
        self._picked = None
        self._bar.say("")
        self._tab.set_picking(False)
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
        self._tab.set_picking(True)
        self._on_points(0, 0)

    def _on_points(self, left: int, right: int) -> None:
        if self._picked is None:
            return
        self._bar.say(
            f"Click the same {MIN_POINTS} or more places in the reference (left) and in "
            f"{self._picked.words} (right), in the same order: {left} left, {right} right so far."
        )

    # -- inside --------------------------------------------------------------------------------

    def _solve(
        self,
        chosen: ChunkOf,
        job: Callable[[], Job[Alignment]],
        words: str,
        done: Callable[[], object] = lambda: None,
    ) -> None:
        run = self._part.runs.shown

        def returned(alignment: Any) -> None:
            done()
            self._part.set_alignment(run, chosen.recording, alignment)
            self._bar.say(words)

        self._part.start(self._bar, job, returned=returned)


def averaging(alignment: Alignment, chunk: int) -> Job[npt.NDArray[np.float32]]:
    """Mean of a chunk's raw frames, in the worker."""
    yield Progress("Averaging the chunk", 0, 1)
    return engine.chunk_mean(alignment, chunk)
