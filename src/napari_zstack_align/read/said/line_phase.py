"""The line phase that is said, or found: lines of an opened file moved back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.microscope import (
    LineShift,
    ShiftedLines,
    as_line_shift,
    estimate_line_phase,
    what_was_done,
)
from napari_zstack_align.read._facts import Opened
from napari_zstack_align.remark import Remark, as_notes
from napari_zstack_align.said import Said
from napari_zstack_align.stack import Stack

AUTO = "auto"


def said_of(line_phase: Any, subpixel: bool) -> dict[str, Any]:
    """What is said of the line phase, for `Said`; nothing while it is to be estimated.

    Raises
    ------
    InputError
        For anything but 'auto', a number of px, or three.
    """
    if subpixel and line_phase is None:
        raise InputError(
            "line_phase_subpixel needs a line phase: give `line_phase='auto'`, or a number of px."
        )
    if line_phase is None or _is_auto(line_phase):
        return {}
    shift = as_line_shift(line_phase, subpixel)
    return {} if shift is None else _facts(shift)


def with_line_phase(
    opened: Opened, stack: Stack, line_phase: Any, subpixel: bool
) -> tuple[Opened, Said, tuple[Remark, ...]]:
    """Move lines of an opened file as it is said, or as it is found.

    Parameters
    ----------
    opened : Opened
    stack : Stack
        What it is laid out to, without a line phase.
    line_phase : float, sequence of float or 'auto'
    subpixel : bool

    Returns
    -------
    opened : Opened
    said : Said
        With the line phase that was found.
    remarks : tuple of Remark
        On what was done.
    """
    if not _is_auto(line_phase):
        shift = as_line_shift(line_phase, subpixel)
        remarks = as_notes(_as_said(line_phase, shift))
    else:
        found = estimate_line_phase(stack)
        shift = None if found.value is None else as_line_shift(found.value, subpixel)
        remarks = what_was_done(found, shift)
    if shift is None:
        return opened, stack.said, remarks
    source = ShiftedLines(opened.source, shift)
    return replace(opened, source=source), stack.said.and_(**_facts(shift)), remarks


def _is_auto(line_phase: Any) -> bool:
    return isinstance(line_phase, str) and line_phase == AUTO


def _as_said(line_phase: Any, shift: LineShift | None) -> str:
    if shift is not None:
        return f"Lines were moved back: {shift.words}."
    if not np.any(line_phase):
        return ""
    return (
        f"A line phase of {line_phase} px is no whole pixel, so nothing was moved: for parts of a "
        f"pixel, say `line_phase_subpixel=True`."
    )


def _facts(shift: LineShift) -> dict[str, Any]:
    return {"line_phase": shift.px, "line_phase_subpixel": shift.subpixel}
