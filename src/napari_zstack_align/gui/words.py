"""What the panel says of an alignment."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.summary import (
    NOISE_LIMIT,
    correlation_words,
    count,
    reason_not_judged,
    remarks_on,
)
from napari_zstack_align.counting import are, counted
from napari_zstack_align.flags import Flag, are_flagged, shown
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.remarks import around


def ended(alignment: Alignment, *, loaded: bool = False) -> str:
    """How a run ended, or what was loaded: slices done, frames flagged or not judged, remarks."""
    table = alignment.quality
    waiting = table["flag"] == Flag.NOT_RUN
    n_slices = alignment.stack.n_slices
    done = n_slices - len(np.unique(table["slice"][waiting]))
    words = [f"{done} of {n_slices} slices aligned"]
    if done < n_slices:
        words.append(
            "the loaded result is incomplete" if loaded else "they are kept and can be saved"
        )
    flagged = int(np.sum(are_flagged(table["flag"])))
    if flagged:
        words.append(
            f"{counted(flagged, 'frame')} {are(flagged)} flagged (red crosses in the plot)"
        )
    if not_judged := count(table).not_judged:
        words.append(f"{counted(not_judged, 'frame')} not judged ({reason_not_judged(alignment)})")
    text = correlation_words(table, alignment.provenance.get(NOISE_LIMIT))
    if text:
        words.append(text[:1].lower() + text[1:])
    return around("; ".join(words) + ".", remarks_on(alignment))


def flag_words(alignment: Alignment | None, frame: int | None) -> str:
    """What to add to a frame's name in the viewer; '' for a good frame."""
    if frame is None:
        return ": no such repeat"
    if alignment is None:
        return ""
    row = alignment.quality[frame]
    if row["flag"] == Flag.NOT_RUN:
        return ": not aligned yet"
    if not row["used"]:
        return f": left out ({shown(row)})" if row["flag"] else ": left out"
    return f": {shown(row)}" if row["flag"] else ""


def raw_or_aligned(view: FrameInView) -> str:
    """The line over a frame's name in the viewer; '' while there is nothing but raw frames."""
    if view.alignment is None:
        return ""
    return "RAW\n" if view.raw else "ALIGNED\n"
