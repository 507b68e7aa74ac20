"""Numbers of things, in words."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, noun: str) -> str:
    """'1 frame', '2 frames', '27,000 frames'."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def are(number: int) -> str:
    """'is' for one thing, else 'are'."""
    return "is" if number == 1 else "are"


def were(number: int) -> str:
    """'was' for one thing, else 'were'."""
    return "was" if number == 1 else "were"


def ordinal(number: int) -> str:
    """'1st', '2nd', '3rd', '4th', '11th', '21st'."""
    last = 0 if number % 100 in (11, 12, 13) else number % 10
    ending = {1: "st", 2: "nd", 3: "rd"}.get(last, "th")
    return f"{number:,}{ending}"


def decimal(value: float, digits: int = 2) -> str:
    """'0.86', '−0.02' with a minus sign, '0.00' without one, for sentences; not for tables."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def duration(seconds: float) -> str:
    """'62 s', '2.5 min', '3 h'."""
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def ranges(numbers: Iterable[int]) -> str:
    """'3, 17, 40-44' of ascending whole numbers."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


def numbers_in(text: str, most: int) -> list[int] | None:
    """Undo `ranges`, for at most so many numbers; None for anything else."""
    numbers: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()):
            return None
        start, stop = int(first), int(last or first)
        if not start <= stop < start + most - len(numbers):
            return None
        numbers.extend(range(start, stop + 1))
    return numbers
