"""The runs of the chosen stack: one is shown, its volume averaged where it isn't kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui import jobs
from napari_zstack_align.gui.lazy import GrowingVolume
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.runs_box import may_remove
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.words import ended
from napari_zstack_align.progress import Job, Progress, mapped

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart


@dataclass(frozen=True, eq=False)
class Filling:
    """How far the volume of a run is averaged."""

    shown: StackLayers
    number: int
    volumes: list[GrowingVolume]
    done: int = 0
    total: int = 0


class StackRuns:
    """Shows, renames and removes the runs of the chosen stack.

    Parameters
    ----------
    part : ZStackPart
        Whose chosen stack and Align tab are used.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._part = part
        self._box = part.align_tab.runs_box
        self._filling = Newest(part)
        self._filling.partial_answer.connect(self._on_slice)
        self._filling.answered.connect(self._on_filled)
        self._filling.failed.connect(part.align_tab.run_bar.say_error)
        self._filling.busy_changed.connect(self._on_busy)
        self._box.chosen.connect(self.show)
        self._box.renamed.connect(self._rename)
        self._box.remove_clicked.connect(self._remove)
        part.workspace.saved_runs.changed.connect(self.refresh)

    @property
    def busy(self) -> bool:
        """Whether a volume is being averaged."""
        return self._filling.busy

    def refresh(self) -> None:
        """List the runs that there are now."""
        shown = self._part.shown
        self._box.show_runs(None if shown is None else shown.runs)

    def show(self, number: int) -> None:
        """Show a run; view and sliders stay as they are."""
        shown = self._part.shown
        if shown is not None and shown.runs.get(number) is not None:
            self._part.trial.close()
            self.show_of(shown, number)
            self.tell()
            self._say(shown)

    def show_of(self, shown: StackLayers, number: int) -> None:
        """Show a run of a stack, and average its volume in the worker where it isn't kept."""
        shown.show_run(number)
        self.fill(shown)

    def fill(self, shown: StackLayers | None) -> None:
        """Average the volume of the run that is shown of a stack, where slices are missing."""
        run = None if shown is None else shown.runs.shown
        if shown is None or run is None or not shown.volume:
            return
        if shown.alignment is not None and shown.run_volumes.is_to_be_filled(run.number):
            volumes = shown.run_volumes.of(run.number, shown.alignment.transforms.shape)
            what = Filling(shown, run.number, volumes)
            self._filling.ask(partial(_filling, shown.alignment, what))

    def tell(self) -> None:
        """Another alignment is shown: the plot and everyone else who uses it takes it up."""
        self.refresh()
        self._part.workspace.alignments_changed.emit()

    def abandon(self) -> None:
        """Stop for good."""
        self._filling.abandon()

    def _rename(self, number: int, name: str) -> None:
        if self._part.shown is not None:
            self._part.shown.runs.rename(number, name)
        self.refresh()

    def _remove(self, number: int) -> None:
        """Remove a run that isn't the only one, and show another in its place."""
        shown = self._part.shown
        run = None if shown is None else shown.runs.get(number)
        if shown is None or run is None or len(shown.runs) < 2:
            return
        if not may_remove(self._box, self._part.workspace.saved_runs, run):
            return
        shown.runs.remove(number)
        shown.run_volumes.forget(number)
        if shown.runs.shown is not None:
            self.show_of(shown, shown.runs.shown.number)
        self.tell()
        self._say(shown)

    def _say(self, shown: StackLayers) -> None:
        """Say how the run went that is shown now, unless there is news of another one."""
        bar = self._part.align_tab.run_bar
        if not bar.busy and shown.alignment is not None:
            bar.say(ended(shown.alignment))

    # -- from the worker -----------------------------------------------------------------------

    def _on_slice(self, found: Filling) -> None:
        found.shown.refresh_volume()
        if found.shown is self._part.shown:
            run = found.shown.runs.get(found.number)
            name = "" if run is None else f" of '{run.name}'"
            self._box.words.setText(f"Averaging slices{name}: {found.done} of {found.total}")

    def _on_busy(self, busy: bool) -> None:
        if not busy:
            self._box.words.setText("")

    def _on_filled(self, found: Filling) -> None:
        found.shown.run_volumes.finish(found.number, found.volumes)
        found.shown.refresh_volume()


def _filling(alignment: Alignment, what: Filling) -> Job[Filling]:
    """Average the slices of a run, each of which is shown at once."""

    def with_filling(progress: Progress) -> Progress:
        return replace(progress, partial=replace(what, done=progress.done, total=progress.total))

    yield from mapped(jobs.filling(alignment, what.volumes), with_filling)
    return what
