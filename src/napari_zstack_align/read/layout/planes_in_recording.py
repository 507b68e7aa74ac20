"""Whether a recording looks like several planes: in turn, scanned up and down, or one by one.

The arrangements of `check_layout` are asked first. Activity that repeats in step with the frames
(stimulation) and regular jumps there and back are explained by an arrangement, too, but show the
same image in many of its planes. So hardly any two planes may be alike, neighbours neither.
"""

from __future__ import annotations

import numpy as np

from napari_zstack_align.layout import Order
from napari_zstack_align.progress import Job
from napari_zstack_align.read.layout.arrangements import Arrangement
from napari_zstack_align.read.layout.pairs import FramePairs
from napari_zstack_align.read.layout.report import LayoutReport
from napari_zstack_align.read.layout.scores import scored
from napari_zstack_align.read.layout.two_kinds import likeness_of_planes
from napari_zstack_align.read.layout.verdict import judge
from napari_zstack_align.read.said.sayable import how_to_open_planes, how_to_say

FEWEST_PLANES = 3
ALIKE = 0.98
"""Two planes are the same image where they are as alike by this part of what noise allows: 0.94 on
average of real planes 5 µm apart."""
MOST_ALIKE, MOST_NEIGHBOURS_ALIKE = 0.1, 0.2
"""Part of all pairs of planes, and of neighbours, that may be alike: planes without signal are.
Where tissue is lit every few frames, half of the pairs are, and more."""

PLANES = {
    "slices": ("{n} planes in turn", "{open_} or align it as a z-stack (adaptive): {said}."),
    "up-and-down": (
        "an up-and-down scan of {n} planes",
        "{open_} or align it as a z-stack: {said}.",
    ),
    "repeats": (
        "a z-stack of {n} repeats of each slice",
        "Align it as one (adaptive): give `frames_per_slice={n}`.",
    ),
}
"""What a recording may look like that is none, and what to do."""


def planes_in_recording(pairs: FramePairs) -> Job[LayoutReport | None]:
    """Return what a recording looks like by a sample; None where it may be one of one plane."""
    scores = yield from scored(pairs, ())
    report, best = judge(pairs, scores, None), scores.best()
    if report.verdict != "wrong" or report.length is None or best is None:
        return None
    return report if _are_planes(pairs, Arrangement(best.kind, report.length)) else None


def planes_sentence(name: str, n_frames: int, report: LayoutReport) -> str:
    """What is to be known of a recording of this name that looks like several planes."""
    n = report.length or 0
    order: Order = report.order or "slices"
    planes = how_to_open_planes(n, n_frames, order)
    said = how_to_say(order, n, n_frames) or f"`frames_per_slice`, and `order='{order}'`"
    parts: dict[str, object] = {"n": n, "open_": f"{planes[0].upper()}{planes[1:]};", "said": said}
    what, advice = (each.format(**parts) for each in PLANES[report.looks_like])
    return f"{name} looks like {what}, not like a recording of one plane. {report.reason} {advice}"


def _are_planes(pairs: FramePairs, arrangement: Arrangement) -> bool:
    """Whether hardly any two planes of an arrangement show the same image."""
    alike = likeness_of_planes(pairs, arrangement)
    own = np.where(alike.diagonal() > 0, alike.diagonal(), np.nan)
    parts = alike / np.sqrt(np.outer(own, own))
    apart = np.abs(np.subtract.outer(np.arange(len(own)), np.arange(len(own))))
    seen = np.isfinite(parts)
    every, beside = parts[seen & (apart > 0)], parts[seen & (apart == 1)]
    if np.count_nonzero(np.isfinite(own)) < FEWEST_PLANES or not len(beside):
        return False
    few = (every > ALIKE).mean() <= MOST_ALIKE
    return bool(few and (beside > ALIKE).mean() <= MOST_NEIGHBOURS_ALIKE)
