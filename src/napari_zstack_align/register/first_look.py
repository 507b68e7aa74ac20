"""What is looked at before slices are aligned: the layout of the stack, and artefacts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.progress import Job, Progress, unless_stopped
from napari_zstack_align.read import LayoutReport, checked_frames
from napari_zstack_align.register.artefacts.artefacts import Artefacts, Pixels
from napari_zstack_align.register.artefacts.kept_search import kept_search
from napari_zstack_align.register.kept_layout import keep_report, kept_report
from napari_zstack_align.saved import Units

STAGE = "Checking the layout"
WRONG = "wrong"
YIELD_S = 0.2


def first_look(
    units: Units, params: AdaptiveParams, pool: ThreadPoolExecutor, given: Pixels | None
) -> Job[tuple[LayoutReport, Artefacts]]:
    """Check the layout and search for artefacts, the one beside the other.

    The search takes it that the frames of a slice show the same tissue. Where the layout turns out
    to be wrong, it is done again without that.

    Parameters
    ----------
    units : Units
        Of the run; the frames are read through them.
    params : AdaptiveParams
    pool : ThreadPoolExecutor
        Where the frames are examined.
    given : numpy.ndarray, optional
        As of `search`.
    """
    stack, stopped = units.frames.stack, Event()
    report = kept_report(units, params.channel)
    begun = None
    if report is None:
        begun = pool.submit(unless_stopped, checked_frames(stack, params.channel), stopped)
    try:
        known = report is None or report.verdict != WRONG
        found = yield from kept_search(units, params, pool, given=given, slices_known=known)
        if begun is not None:
            while wait([begun], timeout=YIELD_S).not_done:
                yield Progress(STAGE, 0, stack.n_frames)
            report, frames = begun.result()
            keep_report(units, params.channel, report, frames)
    finally:
        stopped.set()
    assert report is not None
    if known and report.verdict == WRONG:
        found = yield from kept_search(units, params, pool, given=given, slices_known=False)
    return report, found
