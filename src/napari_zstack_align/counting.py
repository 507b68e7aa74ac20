"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """'1 frame', '2 frames', '27,000 frames'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
