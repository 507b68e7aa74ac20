"""Remarks on several recordings, each said once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

OfRecording = tuple[str, Sequence[str]]
"""Name of a recording, and the remarks on it."""


def by_remark(recordings: Iterable[OfRecording]) -> dict[str, str]:
    """Each remark once, and which recordings it is about."""
    recordings = list(recordings)
    names: dict[str, list[str]] = {}
    for name, remarks in recordings:
        for remark in remarks:
            names.setdefault(remark, []).append(name)
    every = len(recordings) if len(recordings) > 1 else 0
    return {
        remark: "all recordings" if len(whose) == every else ", ".join(whose)
        for remark, whose in names.items()
    }


def remark_lines(recordings: Iterable[OfRecording]) -> str:
    """Remarks as rich text, a line each; '' where there are none."""
    return "<br>".join(
        f"⚠ <b>{escape(whose)}</b>: {escape(remark)}"
        for remark, whose in by_remark(recordings).items()
    )
