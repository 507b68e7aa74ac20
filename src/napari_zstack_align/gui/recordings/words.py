"""What the panel says of a session."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import Flag, are_flagged
from napari_zstack_align.gui.recordings.recording import Recording


def ended(alignments: Sequence[Alignment]) -> str:
    """How a run ended: recordings done, chunks and frames flagged, correlation."""
    done = sum(alignment.complete for alignment in alignments)
    words = [f"{done} of {len(alignments)} recordings registered"]
    if done < len(alignments):
        words.append("what is done is kept and can be saved")
    chunks = sum(_flagged(a.chunks) for a in alignments if a.chunks is not None)
    frames = sum(_flagged(alignment.quality) for alignment in alignments)
    if chunks:
        words.append(f"{counted(chunks, 'chunk')} flagged (red crosses in the map)")
    if frames:
        words.append(f"{counted(frames, 'frame')} flagged")
    quality = np.concatenate([a.quality[a.quality["flag"] != Flag.NOT_RUN] for a in alignments])
    before, after = (
        float(np.nanmedian(quality[name])) if np.isfinite(quality[name]).any() else np.nan
        for name in ("correlation_before", "correlation_after")
    )
    if np.isfinite(before) and np.isfinite(after):
        words.append(f"median correlation {before:.2f} before, {after:.2f} after")
    return "; ".join(words) + "."


def remarks_of(recordings: Sequence[Recording]) -> str:
    """Remarks of all recordings as rich text, a line each; '' where there are none."""
    return "<br>".join(
        f"⚠ <b>{escape(recording.name)}</b>: {escape(remark)}"
        for recording in recordings
        if recording.alignment is not None
        for remark in recording.alignment.remarks
    )


def _flagged(table: np.ndarray) -> int:
    return int(np.sum(are_flagged(table["flag"])))
