"""Edits of one run, done again on another run of the same recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.edits import Edit, EditKind, edits_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register.recordings.correct import (
    STAGE,
    accept_chunk,
    reject_chunk,
    set_chunk_points,
)
from napari_zstack_align.remark import Remark, as_notes, as_serious

LEAST_OVERLAP = 0.5
"""Part of the frames of either chunk that both have."""


def replay_edits(
    alignment: Alignment, edits: Sequence[Edit], *, same_reference: bool = True
) -> Job[Alignment]:
    """Do what was decided about chunks of another run again.

    Parameters
    ----------
    alignment : Alignment
        Of the same recording, perhaps in other chunks.
    edits : sequence of Edit
        `edits_of` the other run's alignment.
    same_reference : bool, optional
        Whether that run had the same reference. Points lie on another one elsewhere, so that they
        aren't used again.

    Returns
    -------
    generator of Progress
        Returns the corrected Alignment, whose remarks say what was done again and what wasn't.
    """
    remarks: list[Remark] = []
    for edit in edits:
        try:
            chunk = _chunk_of(alignment, edit)
            if edit.kind == EditKind.POINTS and not same_reference:
                raise InputError("the points lie on another reference")
            if edit.kind == EditKind.GOOD and alignment.chunks["flag"][chunk] == "":  # type: ignore[index]
                continue
            alignment = yield from _job(alignment, chunk, edit)
        except InputError as error:
            reason = str(error).rstrip(".")
            remarks += as_serious(f"Not done again of the run before: {edit.words} ({reason}).")
        else:
            remarks += as_notes(f"Done again of the run before: {edit.words}.")
    return alignment.with_remarks(*remarks)


def replay_all(
    alignments: Sequence[Alignment], before: Sequence[Alignment | None]
) -> Job[list[Alignment]]:
    """Do the edits of another run of a session again on the alignments of this one.

    Parameters
    ----------
    alignments : sequence of Alignment
        Of each recording.
    before : sequence of Alignment or None
        Of the same recordings by the other run, where it has any.

    Returns
    -------
    generator of Progress
        Returns the Alignments, in the same order; those without edits are as they were.
    """
    found = list(alignments)
    for place, other in enumerate(before):
        if other is not None and (edits := edits_of(other)):
            yield Progress(STAGE, 0, 0, partial=list(found))
            same = np.array_equal(other.reference, found[place].reference, equal_nan=True)
            found[place] = yield from replay_edits(found[place], edits, same_reference=same)
    return found


def _job(alignment: Alignment, chunk: int, edit: Edit) -> Job[Alignment]:
    if edit.kind == EditKind.BAD:
        return reject_chunk(alignment, chunk)
    if edit.kind == EditKind.GOOD:
        return accept_chunk(alignment, chunk)
    return set_chunk_points(alignment, chunk, edit.raw_yx, edit.reference_yx)


def _chunk_of(alignment: Alignment, edit: Edit) -> int:
    """The chunk that has most frames of the one that was edited.

    Raises
    ------
    InputError
        Where the recording is cut into quite other chunks.
    """
    chunks = alignment.chunks
    if chunks is None or not len(chunks):
        raise InputError("the recording has no chunks")
    common = np.minimum(chunks["stop"], edit.stop) - np.maximum(chunks["start"], edit.start)
    chunk = int(np.argmax(common))
    longer = max(edit.stop - edit.start, int(chunks["stop"][chunk] - chunks["start"][chunk]))
    if common[chunk] < LEAST_OVERLAP * longer:
        raise InputError("the recording is cut into other chunks")
    return chunk
