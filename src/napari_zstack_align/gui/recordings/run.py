"""Run: register all recordings in the worker, and show what is done so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.in_turns import InTurns
from napari_zstack_align.gui.layer_group import ALIGNED, RAW, flatten
from napari_zstack_align.gui.recordings.given import Given
from napari_zstack_align.gui.recordings.layers import OVERLAY
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.words import ended
from napari_zstack_align.gui.runs import has_result
from napari_zstack_align.gui.unfinished.kept_run import KeptRun
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register import recordings as engine
from napari_zstack_align.stack import Stack

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart

DRAW_INTERVAL_S = 0.7
"""Map, plot and frame are drawn anew: seldom enough to leave time for everything else."""
KEPT_IN_VIEW = (RAW, ALIGNED, OVERLAY)
"""Modes that show alignments of before, which are still right until there are new ones."""


@dataclass(eq=False)
class RunInProgress:
    """A run that goes on; it is listed, with a number, from its first result on."""

    chosen: list[Recording]
    """Recordings that are registered."""
    others: dict[Recording, Alignment]
    """Alignments of the recordings that those join; they belong to the new run, too."""
    started: datetime
    plane: str = ""
    """Which of several planes it is of."""
    number: int | None = None

    def results(self, alignments: Sequence[Alignment]) -> dict[Recording, Alignment]:
        """Alignments of all recordings."""
        return {**self.others, **dict(zip(self.chosen, alignments, strict=True))}


class SessionRun:
    """Registers a session's recordings, all or the new ones; runs of before stay beside it.

    Parameters
    ----------
    part : RecordingsPart
        Whose recordings, tab and layers are used.
    """

    def __init__(self, part: RecordingsPart) -> None:
        self._part = part
        self._bar = part.tab.run_bar
        self._drawn_at = 0.0
        self.kept: KeptRun | None = None
        self._plots = InTurns(part)

    def start(self) -> None:
        """Register the recordings with what the tab says."""
        part = self._part
        chosen, joined = self._chosen()
        try:
            given = part.trial.given(joined)
        except InputError as error:
            self._bar.say_error(str(error))
            return
        if part.busy:
            self._bar.say("Wait for what is running, or cancel it first.")
            return
        part.tab.settings_button.remember_run(given.params)
        together = part.together
        others = {r: r.alignment for r in together if r not in chosen and r.alignment}
        plane = f"plane {together[0].stack.said.plane}" if part.has_planes else ""
        run = RunInProgress(chosen, others, datetime.now().astimezone(), plane)
        stacks = [recording.stack for recording in together]
        self.kept = kept = part.workspace.kept_runs.begin(stacks, part.setup())
        self._make_room()
        self._plots.begin(part.plots.making())
        self._drawn_at = 0.0
        part.start(
            self._bar,
            partial(
                registering,
                given,
                [recording.stack for recording in chosen],
                [each.alignment for each in chosen] if part.tab.edits_box.isChecked() else [],
                kept,
            ),
            progress=partial(self._on_progress, run),
            returned=partial(self._on_returned, run),
            cancelled=partial(self._on_cancelled, run),
            failed=lambda _: self._keep(run, None),
        )

    def _make_room(self) -> None:
        """Show the frames, where something else is in view; what they show stays."""
        part = self._part
        part.trial.forget()
        part.trial.hide_background()
        flatten(part.viewer)
        part.layers.add_aligned()
        if part.layers.mode not in KEPT_IN_VIEW or not part.alignments:
            part.look_at(ALIGNED if part.alignments else RAW)
        part.refresh()

    def _chosen(self) -> tuple[list[Recording], Alignment | None]:
        """Recordings to run, and the alignment that they join."""
        recordings = self._part.together
        new = [r for r in recordings if r.alignment is None or not r.alignment.complete]
        done = [r.alignment for r in recordings if r not in new]
        joins = self._part.tab.join_box.isChecked() and new and done
        return (new, done[0]) if joins else (recordings, None)

    # -- from the worker -----------------------------------------------------------------------

    def _on_progress(self, run: RunInProgress, progress: Progress) -> None:
        if progress.partial is None or time.monotonic() - self._drawn_at < DRAW_INTERVAL_S:
            return
        if run.number is not None or has_result(progress.partial):
            self._take(run, progress.partial, running=True)
        self._drawn_at = time.monotonic()

    def _on_returned(self, run: RunInProgress, alignments: list[Alignment]) -> None:
        part = self._part
        self._take(run, alignments)
        part.trial.mark_masks(alignments[0])
        part.layers.add_aligned()  # someone may have removed them meanwhile
        if part.layers.mode not in (RAW, ALIGNED):
            part.look_at(ALIGNED)
        shown, entry = part.runs.shown, part.layers.runs.get(run.number or 0)
        elsewhere = shown is not None and entry is not None and shown is not entry
        where = f" It is '{entry.name}' under Runs." if elsewhere and entry is not None else ""
        for bar in part.run_bars:
            bar.say(f"{ended(alignments)}{where}")
        part.show_ended()

    def _on_cancelled(self, run: RunInProgress, partial_result: Any) -> None:
        kept, before = self._keep(run, partial_result), self._part.runs.shown
        if kept is not None:
            for bar in self._part.run_bars:  # what the other tab said is outdated
                bar.say(f"Cancelled. {ended(kept)}")
        elif before is not None:
            self._bar.say(
                f"Cancelled before anything was registered: '{before.name}' is as it was."
            )

    def _keep(self, run: RunInProgress, partial_result: Any) -> list[Alignment] | None:
        """Keep what a run that was cancelled or failed has done, and all that was before."""
        newest = partial_result or self._bar.last_partial
        if newest is not None and has_result(newest):
            self._take(run, newest)
            return list(newest)
        return None

    def _take(
        self, run: RunInProgress, alignments: Sequence[Alignment], *, running: bool = False
    ) -> None:
        """Take alignments, perhaps partial, for the results of a run, and show them."""
        part, results = self._part, run.results(alignments)
        if run.number is not None:
            part.runs.update(run.number, results, running=running)
            return
        is_first = not part.alignments
        entry = part.runs.add(results, started=run.started, running=running, note=run.plane)
        run.number = entry.number
        if is_first or part.layers.mode not in (RAW, ALIGNED):
            part.look_at(ALIGNED)


def registering(
    given: Given,
    stacks: Sequence[Stack],
    before: Sequence[Alignment | None],
    kept: KeptRun,
) -> Job[list[Alignment]]:
    """Register recordings, and do again what was decided about chunks before, in the worker."""
    mask = yield from given.placed_mask()
    job = engine.register_recordings(
        stacks, given.params, mask, reference=given.reference, journal=kept
    )
    alignments = yield from kept.followed(job)
    return (yield from engine.replay_all(alignments, before))
