"""How the panel shows remarks: warnings with a sign, each said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from napari_zstack_align.remark import Remark

OfRecording = tuple[str, Sequence[Remark]]
"""Name of a recording, and the remarks on it."""
SIGN = "⚠"
"""Of a warning; a note has none."""


def marked(remark: Remark) -> str:
    """A remark with the sign of a warning where it is one."""
    return f"{SIGN} {remark}" if remark.is_warning else str(remark)


def around(words: str, remarks: Iterable[Remark]) -> str:
    """Put remarks around words, a line each: serious warnings before, the others after them."""
    each = sorted(dict.fromkeys(remarks), key=_order)
    serious = [marked(remark) for remark in each if remark.is_serious]
    others = [marked(remark) for remark in each if not remark.is_serious]
    return "\n".join([*serious, words, *others])


def by_remark(recordings: Iterable[OfRecording]) -> dict[Remark, str]:
    """Each remark once, the most serious first, and which recordings it is about."""
    recordings = list(recordings)
    names: dict[Remark, list[str]] = {}
    for name, remarks in recordings:
        for remark in remarks:
            names.setdefault(remark, []).append(name)
    every = len(recordings) if len(recordings) > 1 else 0
    return {
        remark: "all recordings" if len(whose) == every else ", ".join(whose)
        for remark, whose in sorted(names.items(), key=lambda item: _order(item[0]))
    }


def remark_lines(recordings: Iterable[OfRecording]) -> str:
    """Remarks as rich text, a line each; '' where there are none."""
    return "<br>".join(
        f"{SIGN if remark.is_warning else ''} <b>{escape(whose)}</b>: {escape(remark)}".lstrip()
        for remark, whose in by_remark(recordings).items()
    )


def _order(remark: Remark) -> tuple[bool, bool]:
    return not remark.is_serious, not remark.is_warning
