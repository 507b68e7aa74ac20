"""Run the alignment of a z-stack, and show how it grows."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import jobs
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.words import ended
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.adaptive import align_adaptive

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart

DRAW_INTERVAL_S = 0.3


class AlignRun:
    """What Run on the Align tab starts.

    Parameters
    ----------
    part : ZStackPart
        Whose chosen stack and tabs are used.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._part = part
        self._bar = part.align_tab.run_bar
        self._running: StackLayers | None = None
        self._drawn_at = 0.0

    def start(self) -> None:
        """Align the chosen stack in the worker."""
        part, bar = self._part, self._bar
        if not part.load_tab.apply():
            return
        shown = part.shown
        if shown is None:
            bar.say_error("There is no stack yet: load one on the Load tab.")
            return
        mask_layer = part.align_tab.mask_combo.layer
        mask = None if mask_layer is None else np.array(mask_layer.data)
        try:
            job = align_adaptive(shown.stack, part.align_tab.form.values(), mask)
        except InputError as error:
            bar.say_error(str(error))
            return
        shown.alignment = None
        shown.add_results()
        shown.look_at("raw")  # the volume is black until its first slice is done
        self._running = shown
        part.workspace.look()
        bar.start(
            partial(jobs.aligning, lambda: job, shown.volumes),
            progress=partial(self._on_progress, shown),
            returned=partial(self.on_aligned, shown),
            cancelled=partial(self._on_stopped, shown),
            failed=lambda _: self._on_stopped(shown, None),
        )

    def on_aligned(self, shown: StackLayers, alignment: Alignment, *, loaded: bool = False) -> None:
        """Show a finished or loaded alignment, and say how it went."""
        self._display(shown, alignment)
        self._running = None
        if self._part.viewer.dims.ndisplay == 2 and shown.mode == "":
            shown.look_at("volume")
        self._bar.say(ended(alignment, loaded=loaded))

    def on_removed(self, shown: StackLayers, layer: Any) -> None:
        """A layer of a stack was removed from the viewer; without the stack the run ends."""
        if shown is self._running and not shown.raw:
            self._bar.cancel()
        elif shown is self._running:
            self._bar.say(f"'{layer.name}' was removed; the run goes on.")

    def _on_progress(self, shown: StackLayers, progress: Progress) -> None:
        """Show the slices done so far, seldom enough to leave time for everything else."""
        if progress.partial is not None and time.monotonic() - self._drawn_at > DRAW_INTERVAL_S:
            self._display(shown, progress.partial)
            self._drawn_at = time.monotonic()

    def _on_stopped(self, shown: StackLayers, partial_result: Alignment | None) -> None:
        """Keep what was finished when a run was cancelled or failed."""
        newest = partial_result or self._bar.last_partial
        kept = shown.alignment if newest is None else newest
        self._running = None
        if not shown.raw:
            self._bar.say("The stack was removed from napari: the run is stopped.")
        elif kept is None:
            shown.remove_results()
            shown.look_at("raw")
        else:
            self._display(shown, kept)
        if shown.raw and partial_result is not None:
            self._bar.say(f"Cancelled. {ended(partial_result)}")

    def _display(self, shown: StackLayers, alignment: Alignment) -> None:
        """Evaluate an alignment, perhaps partial, in the layers and the plot."""
        is_first = shown.alignment is None
        shown.show_alignment(alignment)
        if is_first and self._part.viewer.dims.ndisplay == 2 and shown.mode == "raw":
            shown.look_at("volume")
        if shown is self._part.shown:
            self._part.show_quality()
        self._part.workspace.look()
