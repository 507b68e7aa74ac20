"""Run the alignment of a z-stack, and show how it grows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import jobs
from napari_zstack_align.gui.in_turns import InTurns
from napari_zstack_align.gui.lazy import GrowingVolume
from napari_zstack_align.gui.masks import pixels_of
from napari_zstack_align.gui.runs import has_result
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.unfinished.kept_run import KeptRun
from napari_zstack_align.gui.words import ended
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.adaptive import align_adaptive

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart

DRAW_INTERVAL_S = 0.3


@dataclass(eq=False)
class RunInProgress:
    """A run that goes on; it is listed, with a number, from its first result on."""

    shown: StackLayers
    volumes: list[GrowingVolume]
    started: datetime
    number: int | None = None

    @property
    def in_view(self) -> bool:
        """Whether it is the run that is shown of its stack."""
        run = self.shown.runs.shown
        return run is not None and run.number == self.number


class AlignRun:
    """What Run on the Align tab starts; results of before stay beside the new one.

    Parameters
    ----------
    part : ZStackPart
        Whose chosen stack and tabs are used.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._part = part
        self._bar = part.align_tab.run_bar
        self._running: StackLayers | None = None
        self.kept: KeptRun | None = None
        self._drawn_at = 0.0
        self._room = InTurns(part)

    def start(self) -> None:
        """Align the chosen stack in the worker."""
        part, bar = self._part, self._bar
        if not part.load_tab.apply():
            bar.say("Nothing was started: see the Load tab.")
            return
        shown = part.shown
        if shown is None:
            bar.say_error("There is no stack yet: load one on the Load tab.")
            return
        mask_layer = part.align_tab.mask_combo.layer
        try:
            mask = None if mask_layer is None else pixels_of(mask_layer)
            kept = part.workspace.kept_runs.begin([shown.stack], part.setup_of(shown))
            params = part.align_tab.form.values()
            job = align_adaptive(shown.stack, params, mask, journal=kept)
        except InputError as error:
            bar.say_error(str(error))
            return
        part.align_tab.settings_button.remember_run(params)
        part.trial.make_room()
        run = RunInProgress(shown, shown.new_volumes(), datetime.now().astimezone())
        self._running, self._drawn_at = shown, 0.0
        self.kept = kept
        self._room.begin(self._making_room(run))
        part.workspace.look()
        bar.start(
            partial(jobs.aligning, lambda: kept.followed(job), run.volumes),
            progress=partial(self._on_progress, run),
            returned=partial(self._on_returned, run),
            cancelled=partial(self._on_cancelled, run),
            failed=partial(self._on_failed, run),
        )

    def let_go(self) -> None:
        """The panel is closed: no layer is made any more."""
        self._room.drop()

    def is_of(self, shown: StackLayers) -> bool:
        """Whether a run of a stack goes on."""
        return self._running is shown

    def on_removed(self, shown: StackLayers, layer: Any) -> None:
        """A layer of a stack was removed from the viewer; without the stack the run ends."""
        if shown is self._running and not shown.raw:
            self._bar.cancel()
        elif shown is self._running:
            self._bar.say(f"'{layer.name}' was removed; the run goes on.")

    def _making_room(self, run: RunInProgress) -> Iterator[None]:
        """Add what results are shown in, one by one while the run begins; the view stays."""
        shown = run.shown
        n_layers = len(shown.layers())
        if shown.runs.shown is None:
            shown.look_at("raw")  # the volume is black until its first slice is done
        steps = shown.adding_results(run.volumes)
        while shown.raw and next(steps, self) is not self:
            yield
        if not shown.raw:
            return  # it was removed from napari
        if shown.runs.shown is not None and len(shown.layers()) > n_layers:
            self._part.runs.show_of(shown, shown.runs.shown.number)
        yield
        self._part.make_quality()

    # -- from the worker -----------------------------------------------------------------------

    def _on_progress(self, run: RunInProgress, progress: Progress) -> None:
        """Show the slices done so far, seldom enough to leave time for everything else."""
        if progress.partial is not None and time.monotonic() - self._drawn_at > DRAW_INTERVAL_S:
            self._room.finish()
            self._take(run, progress.partial, running=True)
            self._drawn_at = time.monotonic()

    def _on_returned(self, run: RunInProgress, alignment: Alignment) -> None:
        """Show the finished alignment, unless another run was chosen meanwhile."""
        self._room.finish()
        self._finish(run, alignment)
        shown = run.shown
        if not shown.raw:
            return  # it was said what became of it
        if run.in_view and self._part.viewer.dims.ndisplay == 2 and shown.mode == "":
            shown.look_at("volume")
        entry = None if run.number is None else shown.runs.get(run.number)
        where = "" if run.in_view or entry is None else f" It is '{entry.name}' under Runs."
        self._bar.say(f"{ended(alignment)}{where}")

    def _on_failed(self, run: RunInProgress, _: str) -> None:
        self._room.finish()
        self._keep(run, None)

    def _on_cancelled(self, run: RunInProgress, partial_result: Alignment | None) -> None:
        self._room.finish()
        kept, before = self._keep(run, partial_result), run.shown.runs.shown
        if not run.shown.raw:
            if kept is None:
                self._bar.say("The stack was removed from napari: the run is stopped.")
        elif kept is not None:
            self._bar.say(f"Cancelled. {ended(kept)}")
        elif before is not None:
            self._bar.say(f"Cancelled before a slice was finished: '{before.name}' is as it was.")

    def _keep(self, run: RunInProgress, partial_result: Alignment | None) -> Alignment | None:
        """Keep what a run that was cancelled or failed has finished, and all that was before."""
        newest, shown = partial_result or self._bar.last_partial, run.shown
        self._running = None
        if newest is not None and has_result([newest]):
            self._finish(run, newest)
            return newest
        if shown.runs.shown is None:
            shown.remove_results()
            shown.look_at("raw")
        if not shown.raw:
            self._part.keep(shown)
        return None

    def _finish(self, run: RunInProgress, alignment: Alignment) -> None:
        self._running = None
        self._take(run, alignment, running=False)
        if run.number is not None:
            run.shown.run_volumes.finish(run.number, run.volumes)
        if not run.shown.raw:
            self._part.keep(run.shown)
        self._part.workspace.alignments_changed.emit()

    def _take(self, run: RunInProgress, alignment: Alignment, *, running: bool) -> None:
        """Take an alignment, perhaps partial, for the result of a run; show it where it is seen."""
        shown, results = run.shown, {run.shown: alignment}
        if run.number is not None:
            shown.runs.update(run.number, results, running=running)
        elif not running or has_result([alignment]):
            self._list(run, alignment, running)
        if run.in_view:
            shown.show_alignment(alignment)
            if shown is self._part.shown:
                self._part.show_quality()
            self._part.workspace.look()
        if shown is self._part.shown:
            self._part.runs.refresh()

    def _list(self, run: RunInProgress, alignment: Alignment, running: bool) -> None:
        """List a run that has its first result, and show it."""
        shown = run.shown
        is_first = shown.runs.shown is None
        entry = shown.runs.add({shown: alignment}, started=run.started, running=running)
        run.number = entry.number
        shown.run_volumes.put(entry.number, run.volumes, growing=running)
        shown.show_run(entry.number)
        if is_first and self._part.viewer.dims.ndisplay == 2 and shown.mode == "raw":
            shown.look_at("volume")
