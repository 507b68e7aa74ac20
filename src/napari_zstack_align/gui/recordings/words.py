"""What the panel says of a session."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.summary import (
    NOISE_LIMIT,
    correlation_words,
    count,
    reason_not_judged,
    remarks_on,
)
from napari_zstack_align.counting import counted
from napari_zstack_align.flags import are_flagged
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.remarks import SIGN, by_remark, marked, remark_lines
from napari_zstack_align.remark import counted_warnings


def ended(alignments: Sequence[Alignment]) -> str:
    """How a run ended: recordings done, chunks and frames flagged, correlation."""
    whole = [alignment for alignment in alignments if alignment.complete]
    matched = [alignment for alignment in whole if np.any(alignment.quality["used"])]
    words = [f"{len(matched)} of {len(alignments)} recordings registered"]
    if len(matched) < len(whole):
        words.append(f"{counted(len(whole) - len(matched), 'recording')} without any match")
    if len(whole) < len(alignments):
        words.append("what is done is kept and can be saved")
    not_judged = sum(count(alignment.quality).not_judged for alignment in alignments)
    chunks = sum(_flagged(a.chunks) for a in alignments if a.chunks is not None)
    frames = sum(_flagged(alignment.quality) for alignment in alignments)
    if chunks:
        words.append(f"{counted(chunks, 'chunk')} flagged (red crosses in the map)")
    if frames:
        words.append(f"{counted(frames, 'frame')} flagged")
    if not_judged:
        without = [each for each in alignments if count(each.quality).not_judged]
        why = ", ".join(dict.fromkeys(map(reason_not_judged, without)))
        words.append(f"{counted(not_judged, 'frame')} not judged ({why})")
    limits = [a.provenance.get(NOISE_LIMIT) for a in alignments]
    known = [limit for limit in limits if isinstance(limit, float)]
    quality = np.concatenate([alignment.quality for alignment in alignments])
    text = correlation_words(quality, float(np.median(known)) if known else None)
    text = "; ".join([*words, *filter(None, [text[:1].lower() + text[1:]])]) + "."
    return "\n".join([*_serious(alignments), text, *_others(alignments)])


def _serious(alignments: Sequence[Alignment]) -> list[str]:
    """Warnings that make whole recordings doubtful, and which."""
    found = by_remark((each.stack.name, remarks_on(each)) for each in alignments)
    return [f"{marked(remark)} ({whose})" for remark, whose in found.items() if remark.is_serious]


def _others(alignments: Sequence[Alignment]) -> list[str]:
    """How many other warnings the tab 'Session' lists."""
    each = (remark for alignment in alignments for remark in remarks_on(alignment))
    number = counted_warnings(remark for remark in each if not remark.is_serious)
    return [f"{SIGN} {number} more on the tab 'Session'."] if number else []


def remarks_of(recordings: Sequence[Recording]) -> str:
    """Remarks on the aligned recordings as rich text; '' where there are none."""
    return remark_lines(
        (recording.name, remarks_on(recording.alignment))
        for recording in recordings
        if recording.alignment is not None
    )


def _flagged(table: np.ndarray) -> int:
    return int(np.sum(are_flagged(table["flag"])))
