"""What ROIs were made on: a table of circles fits the coordinates of one reference alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import origin_of
from napari_zstack_align.remark import Remark, as_notes, as_warnings
from napari_zstack_align.stack import Stack

REFERENCE, RAW = "reference", "raw"
DIGITS = 16
_MARK = re.compile(rf"({REFERENCE}|{RAW})-[0-9a-f]{{{DIGITS}}}")


def made_on(source: object) -> str | None:
    """Mark of the coordinates that ROIs of a source are in; None where nothing is known of it.

    It knows the pixels of the reference, or of some raw frames, so that files may be renamed and
    moved, and a run that is repeated to the same bits keeps it. The recordings of a session share
    one reference, and one mark.

    Parameters
    ----------
    source : Alignment, Stack or anything else
    """
    if isinstance(source, Alignment):
        image = np.ascontiguousarray(source.reference, "<f4")
        digest = hashlib.sha256(str(image.shape).encode())
        digest.update(image.tobytes())
        return f"{REFERENCE}-{digest.hexdigest()[:DIGITS]}"
    if isinstance(source, Stack) and (fingerprint := origin_of(source).fingerprint):
        return f"{RAW}-{fingerprint[:DIGITS]}"
    return None


def mark_in(values: Collection[str]) -> str:
    """Return the one mark in a column of a table; '' where there is none, or more than one.

    Rows that were added by hand may lack it.
    """
    found = set(values) - {""}
    mark = found.pop() if len(found) == 1 else ""
    return mark if _MARK.fullmatch(mark) else ""


def remarks_on_place(
    mark: str | None, stack: Stack, alignment: Alignment | None
) -> tuple[Remark, ...]:
    """Say where circles may not lie on the cells that they were made on.

    Parameters
    ----------
    mark : str, optional
        ``Rois.made_on``.
    stack : Stack
        The raw frames that are read.
    alignment : Alignment, optional
        Of them; None: circles stay where they are.
    """
    if alignment is None:
        return _on_raw_frames(mark, stack)
    if mark is None or mark == made_on(alignment):
        return ()
    if mark.startswith(REFERENCE):
        return as_warnings(
            f"The ROIs were made on the reference of another alignment, not on that of "
            f"{stack.name}: their circles may lie beside its cells. Give ROIs of this "
            f"alignment or session."
        )
    if mark and mark == made_on(stack):
        return as_warnings(
            f"The ROIs were made on the raw frames of {stack.name}, but are read as places on the "
            f"reference: their circles may lie beside the cells. Find cells on the alignment."
        )
    what = "were made on other frames" if mark else "come from a table that names no reference"
    return as_notes(
        f"The ROIs {what}: whether they fit the reference of {stack.name} can't be checked."
    )


def _on_raw_frames(mark: str | None, stack: Stack) -> tuple[Remark, ...]:
    if mark and mark.startswith(RAW) and mark == made_on(stack):
        return ()
    of_reference = bool(mark) and str(mark).startswith(REFERENCE)
    where = "The ROIs lie on an aligned reference, but no" if of_reference else "No"
    return as_warnings(
        f"{where} alignment of {stack.name} is given: circles stay where they are. If the sample "
        f"moves, give its `alignment`."
    )
