"""What is the matter with a frame or a chunk: a short code, and a sentence for people.

Tables carry the code in the column ``flag``, for programs to compare and count, and the sentence in
the column ``detail``, for people to read. Tables saved before there was a ``detail`` hold the
sentence in ``flag``: `read_flags` takes it to its code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import DroppedFrameError, MissingFrameError

Codes: TypeAlias = npt.NDArray[np.str_]
Rows: TypeAlias = npt.NDArray[np.void] | np.void


class Flag(StrEnum):
    """Code of what is the matter with a frame or a chunk; '' = good."""

    GOOD = ""
    NOT_RUN = "not run"
    """Not reached yet, or not by a run that was cancelled."""

    # what a frame shows
    UNREADABLE = "unreadable"
    DROPPED = "dropped"
    """Left out by the person who opened the file."""
    SKIPPED = "missing in the file"
    """Skipped by the microscope, or in a file that is gone."""
    NO_SIGNAL = "no signal"
    SATURATED = "saturated"
    TORN = "torn"
    UNUSUAL_BRIGHTNESS = "unusual brightness"
    FAST_MOTION = "fast motion"
    LOW_CORRELATION = "low correlation"
    """Much less like the others than these are among themselves."""

    # why a transform was refused
    IMPLAUSIBLE = "implausible"
    TOO_FEW_KEYPOINTS = "too few keypoints"
    TOO_FEW_MATCHES = "too few matches"
    TOO_FEW_INLIERS = "too few inliers"
    NO_OVERLAP = "no overlap"
    NOT_IMPROVED = "not improved"
    UNLIKE_REFERENCE = "unlike reference"
    NO_FRAMES = "no usable frames"
    MARKED_BAD = "marked as bad"

    # where a transform comes from instead
    BRIDGED = "bridged"
    EXTRAPOLATED = "extrapolated"
    UNMATCHED = "unmatched recording"
    ANOTHER_PLANE = "another plane"

    # depths
    OUTSIDE = "outside the stack"
    BLANK = "blank"
    LOW_CONFIDENCE = "low confidence"

    OTHER = "other"
    """A fault that this version doesn't know: see its detail."""


WITHOUT_PIXELS = (Flag.UNREADABLE, Flag.DROPPED, Flag.SKIPPED)
"""Flags of frames that couldn't be read."""
CODE_LENGTH = 24
DETAIL_LENGTH = 160
"""Longest sentence that a table keeps; see `shortened`."""
FLAG_COLUMNS: list[tuple[str, str]] = [
    ("flag", f"U{CODE_LENGTH}"),
    ("detail", f"U{DETAIL_LENGTH}"),
]
"""The last columns of every table of frames or chunks."""


@dataclass(frozen=True)
class Fault:
    """What is the matter; None stands for nothing.

    Attributes
    ----------
    flag : Flag
        Never `Flag.GOOD`.
    detail : str
        Says it without the code beside it, with the numbers that led to it.
    """

    flag: Flag
    detail: str

    def __str__(self) -> str:
        return self.detail


# -- writing into tables -----------------------------------------------------------------------


def mark(rows: Rows, fault: Fault | None, where: npt.NDArray[Any] | None = None) -> None:
    """Write a fault into the rows of a table, in place; None makes them good.

    Parameters
    ----------
    rows : numpy.ndarray or numpy.void
        Table, or one row of it, with the columns ``flag`` and ``detail``.
    fault : Fault or None
    where : numpy.ndarray, optional
        Mask or indices of the rows of a table; all by default.
    """
    for name, text in zip(("flag", "detail"), _cells(fault), strict=True):
        if where is None:
            rows[name] = text
        else:
            rows[name][where] = text


def mark_each(rows: npt.NDArray[np.void], faults: Sequence[Fault | None]) -> None:
    """Write the fault of each row of a table, in place."""
    cells = [_cells(fault) for fault in faults]
    rows["flag"], rows["detail"] = [flag for flag, _ in cells], [detail for _, detail in cells]


def shortened(text: str) -> str:
    """Sentence on one line, its middle replaced by … where a table has no room for all of it.

    Messages of the system begin with what failed and end with the cause.
    """
    text = " ".join(text.split())
    if len(text) <= DETAIL_LENGTH:
        return text
    room = DETAIL_LENGTH - len(" … ")
    return f"{text[: room - room // 2]} … {text[-(room // 2) :]}"


def _cells(fault: Fault | None) -> tuple[str, str]:
    return (Flag.GOOD, "") if fault is None else (fault.flag, shortened(fault.detail))


# -- reading from tables -----------------------------------------------------------------------


def fault_of(row: np.void) -> Fault | None:
    """Return the fault of a row of a table; None where it is good."""
    flag = _known(str(row["flag"]))
    return None if flag is Flag.GOOD else Fault(flag, str(row["detail"]))


def unreadable(error: Exception) -> Fault:
    """Return the fault of frames that couldn't be read, for what reading raised."""
    if isinstance(error, DroppedFrameError):
        return Fault(Flag.DROPPED, "dropped when the file was opened")
    if isinstance(error, MissingFrameError):
        return Fault(Flag.SKIPPED, str(error).removesuffix("."))
    return Fault(Flag.UNREADABLE, f"unreadable: {str(error).removesuffix('.')}")


def shown(row: np.void) -> str:
    """What people read of a row: its detail, or its code where there is no more to say."""
    return str(row["detail"]) or str(row["flag"])


def are_flagged(flags: Codes) -> npt.NDArray[np.bool_]:
    """(n,) bool: rows that were run and have something the matter with them."""
    return np.asarray((flags != Flag.GOOD) & (flags != Flag.NOT_RUN), bool)


def count_by_flag(flags: Codes) -> dict[str, int]:
    """How many rows bear each code, in alphabetical order; good ones and 'not run' are left out."""
    codes, counts = np.unique(flags[are_flagged(flags)], return_counts=True)
    return dict(zip(codes.tolist(), counts.tolist(), strict=True))


# -- tables on disk ----------------------------------------------------------------------------

OLD_SENTENCES: dict[str, Flag] = {
    "unreadable": Flag.UNREADABLE,
    "no signal": Flag.NO_SIGNAL,
    "saturated": Flag.SATURATED,
    "torn": Flag.TORN,
    "left out": Flag.LOW_CORRELATION,
    "outlier": Flag.UNUSUAL_BRIGHTNESS,
    "outlier: a correlation": Flag.LOW_CORRELATION,
    "fast motion": Flag.FAST_MOTION,
    "implausible": Flag.IMPLAUSIBLE,
    "too few keypoints": Flag.TOO_FEW_KEYPOINTS,
    "too few matches": Flag.TOO_FEW_MATCHES,
    "too few inliers": Flag.TOO_FEW_INLIERS,
    "nothing to compare": Flag.NO_OVERLAP,
    "lower correlation after": Flag.NOT_IMPROVED,
    "no likeness to the reference": Flag.UNLIKE_REFERENCE,
    "a correlation of": Flag.LOW_CORRELATION,
    "no frames": Flag.NO_FRAMES,
    "bridged": Flag.BRIDGED,
    "beyond the last midpoint": Flag.EXTRAPOLATED,
    "no chunk of the recording could be matched": Flag.UNMATCHED,
    "probably another plane": Flag.ANOTHER_PLANE,
}
"""How the sentences began that ``flag`` held before there was ``detail``; the longest counts."""


def read_flags(
    flags: Iterable[str], details: Iterable[str] | None = None
) -> tuple[list[str], list[str]]:
    """Codes and details of a saved table of any version.

    Parameters
    ----------
    flags : iterable of str
        The column ``flag``.
    details : iterable of str, optional
        The column ``detail``; None: an old table, which holds sentences in ``flag``.

    Returns
    -------
    flags, details : list of str
        What this version doesn't know becomes 'other', and the detail keeps it.
    """
    if details is None:
        cells = [_of_sentence(text) for text in flags]
    else:
        cells = [_of_code(code, detail) for code, detail in zip(flags, details, strict=True)]
    return [flag for flag, _ in cells], [detail for _, detail in cells]


def _of_sentence(text: str) -> tuple[str, str]:
    """Code and detail of a sentence of an old table."""
    if text in (Flag.GOOD, Flag.NOT_RUN):
        return text, ""
    if (flag := _known(text)) is not Flag.OTHER:
        return flag, text
    beginnings = [beginning for beginning in OLD_SENTENCES if text.startswith(beginning)]
    return OLD_SENTENCES[max(beginnings, key=len)] if beginnings else Flag.OTHER, shortened(text)


def _of_code(code: str, detail: str) -> tuple[str, str]:
    """Code and detail as this version has them; a newer version may know more codes."""
    if (flag := _known(code)) is not Flag.OTHER:
        return flag, shortened(detail)
    return flag, shortened(detail or code)


def _known(code: str) -> Flag:
    try:
        return Flag(code)
    except ValueError:
        return Flag.OTHER
