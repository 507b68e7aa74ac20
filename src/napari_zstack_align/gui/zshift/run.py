"""Finding the depths in the worker."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_zstack_align.counting import counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Flag, count_by_flag
from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.zshift import jobs
from napari_zstack_align.gui.zshift.sources import RECORDING_AXES, SLICES_AXES, FramesAndAlignment
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.progress import Progress

if TYPE_CHECKING:
    from napari_zstack_align.gui.zshift.part import ZShiftPart

DRAW_INTERVAL_S = 1.0
NO_RECORDING = "There is no recording yet: open one on the Load or Recordings tab, or a file here."
NO_REFERENCE = "There is no reference yet: load a z-stack, or choose a file or a .zalign here."
AS_BEFORE = "Cancelled; the z-shift that was there before is as it was."
THE_SAME = "Recording and reference are the same: choose the z-stack that it was taken in."


class ZShiftRun:
    """What Run on the tab starts.

    Parameters
    ----------
    part : ZShiftPart
        Whose tab is used, and which shows what is found.
    """

    def __init__(self, part: ZShiftPart) -> None:
        self._part = part
        self._tab = part.tab
        self._bar = part.tab.run_bar
        self._before: ZShiftView | None = None
        self._movies: tuple[Movie, ...] = ()
        self._drawn_at = 0.0

    def start(self) -> None:
        """Look for the frames of the chosen recording in the chosen reference."""
        self._part.offer()
        try:
            recording, reference = self._given()
            params = self._tab.form.values()
        except InputError as error:
            self._bar.say_error(str(error))
            return
        self._tab.recording.keep()
        self._tab.reference.keep()
        self._before, self._movies = self._part.view, self._open_ones()
        self._part.show_dock(True)  # now, as it takes a moment, and not in the middle of the run
        self._bar.start(
            partial(jobs.estimating, recording, reference, self._tab.z_step_um, params),
            progress=self._on_progress,
            returned=self._on_returned,
            cancelled=self._on_cancelled,
            failed=lambda _: self._keep(self._bar.last_partial),
        )

    def _given(self) -> tuple[FramesAndAlignment, FramesAndAlignment]:
        recording, reference = self._tab.recording.source, self._tab.reference.source
        if recording is None:
            raise InputError(NO_RECORDING)
        if reference is None:
            raise InputError(NO_REFERENCE)
        if recording.owner == reference.owner:
            raise InputError(THE_SAME)
        return recording.opened(RECORDING_AXES), reference.opened(SLICES_AXES)

    def _open_ones(self) -> tuple[Movie, ...]:
        """What of recording and reference is open in the panel, where its alignment may change."""
        found = []
        for source in (self._tab.recording.source, self._tab.reference.source):
            if source is not None and isinstance(source.owner, Recording | StackLayers):
                found.append(Movie(source.owner.stack, source.alignment))
        return tuple(found)

    # -- from the worker -----------------------------------------------------------------------

    def _on_progress(self, progress: Progress) -> None:
        now = time.monotonic()
        due, found = now - self._drawn_at > DRAW_INTERVAL_S, progress.partial
        if found is not None and due and self._is_more(found):
            self._part.show_numbers(replace(found, movies=self._movies))
            self._drawn_at = now

    def _on_returned(self, view: ZShiftView) -> None:
        self._part.show(replace(view, movies=self._movies))
        self._bar.say(ended(view))

    def _on_cancelled(self, partial_result: ZShiftView | None) -> None:
        self._keep(partial_result)
        if self._before is not None and self._part.view is self._before:
            self._bar.say(AS_BEFORE)
        elif partial_result is not None:
            self._bar.say(f"Cancelled. {ended(partial_result)}")

    def _keep(self, partial_result: ZShiftView | None) -> None:
        """Show what was finished where it is more than before; what was complete stays."""
        if partial_result is not None and self._is_more(partial_result):
            self._part.show(replace(partial_result, movies=self._movies))
        elif self._before is None:
            self._part.show_dock(False)

    def _is_more(self, found: ZShiftView) -> bool:
        """Whether that is more than there was before."""
        if self._before is None:
            return True
        before = self._before.zshift
        return not before.complete and found.zshift.n_read > before.n_read


def ended(view: ZShiftView) -> str:
    """How a run ended: where the good frames were, and how many are flagged."""
    flags = view.zshift.flags
    waiting = flags == Flag.NOT_RUN
    n_run, used = int(np.count_nonzero(~waiting)), view.zshift.used
    words = [f"z of {counted(n_run, 'frame')}"]
    if used.any():
        z = view.z[used]
        words[0] += f": {z.min():.1f} to {z.max():.1f} {view.unit}".replace("-", "−")
    if counts := count_by_flag(flags):
        words.append("flagged: " + ", ".join(f"{n:,} {flag}" for flag, n in counts.items()))
    if waiting.any():
        left = int(np.count_nonzero(waiting))
        words.append(f"{counted(left, 'frame')} {were(left)} not run; what is there is kept")
    return "; ".join(words) + "."
