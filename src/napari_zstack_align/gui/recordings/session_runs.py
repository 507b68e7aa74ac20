"""The runs of a session: all recordings show the alignments of one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui.recordings.layers import OVERLAY
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.recordings.words import ended
from napari_zstack_align.gui.runs import Results, Run, same_frames
from napari_zstack_align.gui.runs_box import may_lose, may_remove

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart


class SessionRuns:
    """Shows, renames and removes the runs of the recordings.

    Parameters
    ----------
    part : RecordingsPart
        Whose recordings, layers and Session tab are used.
    """

    def __init__(self, part: RecordingsPart) -> None:
        self._part = part
        self._runs = part.layers.runs
        self._box = part.results_tab.runs_box
        self._box.chosen.connect(self.show)
        self._box.renamed.connect(self._rename)
        self._box.remove_clicked.connect(self._remove)
        part.workspace.saved_runs.changed.connect(self.refresh)

    @property
    def shown(self) -> Run | None:
        """The run whose alignments the recordings show."""
        return self._runs.shown

    def refresh(self) -> None:
        """List the runs that there are now."""
        self._box.show_runs(self._runs)

    def show(self, number: int) -> None:
        """Show a run; view and slider stay as they are."""
        if self._runs.get(number) is not None:
            self._runs.show(number)
            self.take_up()
            self._say()

    def add(self, results: Results, **described: Any) -> Run:
        """List a run, and show it; ``described`` as in `Runs.add`."""
        run = self._runs.add(results, **described)
        self.take_up()
        self._say()
        return run

    def update(self, number: int, results: Results, *, running: bool = False) -> None:
        """Give a run newer results, and show them where it is the one that is shown."""
        self._runs.update(number, results, running=running)
        if self.shown is not None and self.shown.number == number:
            self.take_up()
        else:
            self.refresh()

    def take_up(self) -> None:
        """Show the alignments of the run that is shown; those of others are nowhere to be seen."""
        part, results = self._part, {} if self.shown is None else self.shown.results
        for recording in part.recordings:
            recording.alignment = results.get(recording)
        part.results.repair.give_up()
        part.refresh()
        if part.layers.mode == OVERLAY:
            part.results.overlay_again()

    def keep_of(self, recordings: Sequence[Recording]) -> None:
        """Drop the results of recordings that aren't in the list any more."""
        before = self.shown
        self._runs.keep_of(recordings)
        if self.shown is not None and before is not None and self.shown.number != before.number:
            self.take_up()

    def may_lose(self, recordings: Sequence[Recording], title: str, *, yes: str, no: str) -> bool:
        """Ask before alignments of these recordings are dropped that are in no file."""
        names = ", ".join(recording.name for recording in recordings)
        saved, tab = self._part.workspace.saved_runs, self._part.tab
        lost = saved.would_lose(self._runs.listed, tab, of=recordings, whose=names)
        return may_lose(tab, lost, title, yes=yes, no=no)

    def open_ones(self, alignments: Sequence[Alignment]) -> list[Recording] | None:
        """Recordings in the list that have the frames of some alignments; None: not all do."""
        found: list[Recording] = []
        for alignment in alignments:
            like = (
                recording
                for recording in self._part.recordings
                if recording not in found and same_frames(recording.stack, alignment.stack)
            )
            recording = next(like, None)
            if recording is None:
                return None
            found.append(recording)
        return found

    def _rename(self, number: int, name: str) -> None:
        self._runs.rename(number, name)
        self.refresh()

    def _remove(self, number: int) -> None:
        """Remove a run that isn't the only one, and show another in its place."""
        run = self._runs.get(number)
        if run is None or len(self._runs) < 2:
            return
        if may_remove(self._box, self._part.workspace.saved_runs, run):
            self._runs.remove(number)
            self.take_up()
            self._say()

    def _say(self) -> None:
        """Say how the run went that is shown now; of one that goes on, the other tab tells."""
        bar, run = self._part.results_tab.run_bar, self.shown
        if not bar.busy and run is not None:
            bar.say("" if run.running else ended(list(run.results.values())))
