"""Numbers as people type them: a comma may separate them, or stand for the decimal point."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")
_UNCLEAR = re.compile(r"[+-]?\d+(,\d+)+")
"""Digits with commas alone between them: '1,5' is 1.5 in half of Europe, elsewhere 1 and 5."""


def number(text: str) -> float:
    """Return a number; ValueError with a sentence where the text is none."""
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a number{advice_on(text)}") from None


def numbers(
    text: str, fits: Callable[[Sequence[float]], bool] = lambda values: True
) -> tuple[float, ...]:
    """Return numbers between commas, semicolons or spaces.

    Parameters
    ----------
    text : str
    fits : callable, optional
        Whether numbers can be meant at all; by default any can.

    Raises
    ------
    ValueError
        With a sentence that names every reading of an unclear text, or the part that is no number.
    """
    pieces = [piece.strip(",") for piece in re.split(r"[;\s]+", text) if piece.strip(",")]
    parts = [part for piece in pieces for part in piece.split(",")]
    values = tuple(map(number, parts))
    if any(map(_UNCLEAR.fullmatch, pieces)):
        readings = [
            _with_decimal_commas(pieces),
            [f"{v:.1f}" if v % 1 == 0 else f"{v:g}" for v in values],
        ]
        meant = [",".join(each) for each in readings if each and fits([*map(float, each)])]
        if meant:
            raise ValueError(
                f"'{text}' isn't clear, as a comma may stand for the decimal point: write "
                f"{' or '.join(meant)}"
            )
    return values


def advice_on(text: str) -> str:
    """': write 0.8' for '0,8'; '' for other texts."""
    return f": write {text.replace(',', '.')}" if _DECIMAL_COMMA.fullmatch(text) else ""


def _with_decimal_commas(pieces: Sequence[str]) -> list[str]:
    """Numbers with points, where commas stand for those; none where that can't be."""
    found: list[str] = []
    for piece in pieces:
        parts = piece.split(",")
        if not _UNCLEAR.fullmatch(piece):
            found += parts
        elif len(parts) % 2:
            return []
        else:
            found += [f"{one}.{two}" for one, two in zip(parts[::2], parts[1::2], strict=True)]
    return found
