"""How the panel shows remarks: warnings with a sign, each said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from napari_zstack_align.remark import Remark, parted
from napari_zstack_align.settings import in_titles

OfRecording = tuple[str, Sequence[Remark]]
"""Name of a recording, and the remarks on it."""
SIGN = "⚠"
"""Of a warning; a note has none."""


def marked(remark: Remark) -> str:
    """A remark with the sign of a warning where it is one."""
    return in_titles(f"{SIGN} {remark}" if remark.is_warning else remark)


def around(words: str, remarks: Iterable[Remark]) -> str:
    """Put remarks around words, a line each: serious warnings before, the others after them."""
    serious, others = (map(marked, part) for part in parted(remarks))
    return "\n".join([*serious, words, *others])


def by_remark(recordings: Iterable[OfRecording]) -> dict[Remark, str]:
    """Each remark once, the most serious first, and which recordings it is about."""
    recordings = list(recordings)
    names: dict[Remark, list[str]] = {}
    for name, remarks in recordings:
        for remark in remarks:
            names.setdefault(remark, []).append(name)
    every = len(recordings) if len(recordings) > 1 else 0
    serious, others = parted(names)
    return {
        remark: "all recordings" if len(names[remark]) == every else ", ".join(names[remark])
        for remark in (*serious, *others)
    }


def remark_lines(recordings: Iterable[OfRecording]) -> str:
    """Remarks as rich text, a line each; '' where there are none."""
    return "<br>".join(
        f"{SIGN if remark.is_warning else ''} <b>{escape(whose)}</b>: {escape(text)}".lstrip()
        for remark, whose in by_remark(recordings).items()
        if (text := in_titles(remark))
    )
