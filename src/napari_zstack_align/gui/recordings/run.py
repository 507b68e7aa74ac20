"""Run: register all recordings in the worker, and show what is done so far."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag
from napari_zstack_align.gui.layer_group import ALIGNED, RAW, flatten
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.words import ended
from napari_zstack_align.progress import Progress
from napari_zstack_align.register import recordings as engine

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart

DRAW_INTERVAL_S = 0.7
"""Map, plot and frame are drawn anew: seldom enough to leave time for everything else."""


class SessionRun:
    """Runs the registration of a session's recordings, all or the new ones.

    Parameters
    ----------
    part : RecordingsPart
        Whose recordings, tab and layers are used.
    """

    def __init__(self, part: RecordingsPart) -> None:
        self._part = part
        self._bar = part.tab.run_bar
        self._drawn_at = 0.0
        self._before: dict[int, Alignment | None] = {}

    def start(self) -> None:
        """Register the recordings with what the tab says."""
        part = self._part
        try:
            _, params, mask, reference = part.trial.given()
            part.trial.check_mask()
        except InputError as error:
            self._bar.say_error(str(error))
            return
        if part.busy:
            self._bar.say("Wait for what is running, or cancel it first.")
            return
        chosen, joined = self._chosen()
        stacks = [recording.stack for recording in chosen]
        self._before = {id(recording): recording.alignment for recording in chosen}
        for recording in chosen:
            recording.alignment = None
        part.trial.forget()
        part.trial.hide_background()
        flatten(part.viewer)
        part.layers.add_aligned()
        part.look_at(RAW)
        part.refresh()
        part.start(
            self._bar,
            partial(
                engine.register_recordings, stacks, params, mask, reference=joined or reference
            ),
            progress=partial(self._on_progress, chosen),
            returned=partial(self._on_returned, chosen),
            cancelled=partial(self._on_cancelled, chosen),
            failed=lambda _: self._on_failed(chosen),
        )

    def _chosen(self) -> tuple[list[Recording], Alignment | None]:
        """Recordings to run, and the alignment that they join."""
        recordings = self._part.recordings
        new = [r for r in recordings if r.alignment is None or not r.alignment.complete]
        done = [r.alignment for r in recordings if r not in new]
        joins = self._part.tab.join_box.isChecked() and new and done
        return (new, done[0]) if joins else (recordings, None)

    # -- from the worker -----------------------------------------------------------------------

    def _on_progress(self, chosen: list[Recording], progress: Progress) -> None:
        if progress.partial is None or time.monotonic() - self._drawn_at < DRAW_INTERVAL_S:
            return
        self._take(chosen, progress.partial)
        self._drawn_at = time.monotonic()

    def _on_returned(self, chosen: list[Recording], alignments: list[Alignment]) -> None:
        self._take(chosen, alignments)
        self._part.trial.mark_masks(alignments[0])
        self._part.layers.add_aligned()  # someone may have removed them meanwhile
        self._part.look_at(ALIGNED)
        for bar in self._part.run_bars:
            bar.say(ended(alignments))
        self._part.show_ended()

    def _on_cancelled(self, chosen: list[Recording], partial_result: Any) -> None:
        if partial_result is None:
            self._on_failed(chosen)
            return
        self._take(chosen, partial_result)
        for bar in self._part.run_bars:  # what the other tab said is outdated
            bar.say(f"Cancelled. {ended(partial_result)}")

    def _on_failed(self, chosen: list[Recording]) -> None:
        """Keep what was done before it failed; where that is nothing, what was there before."""
        newest = self._bar.last_partial
        if newest is not None:
            self._take(chosen, newest)
            return
        for recording in chosen:
            recording.alignment = self._before.get(id(recording))
        self._part.refresh()
        if not self._part.alignments:
            self._part.look_at(RAW)

    def _take(self, chosen: list[Recording], alignments: list[Alignment]) -> None:
        first = all(recording.alignment is None for recording in chosen)
        for recording, alignment in zip(chosen, alignments, strict=True):
            recording.alignment = alignment
        if first and any((a.quality["flag"] != Flag.NOT_RUN).any() for a in alignments):
            self._part.look_at(ALIGNED)
        self._part.refresh()
