"""Names of units as microscopes write them, in µm and s."""

from __future__ import annotations

from math import isfinite
from typing import Any, TypeAlias

from napari_zstack_align.remark import Remark, as_warnings

Known: TypeAlias = tuple[float | None, tuple[Remark, ...]]
"""A value, None where it is unknown, and a remark where its unit is."""

LENGTHS_UM = {
    "pm": 1e-6,
    "picometer": 1e-6,
    "å": 1e-4,
    "angstrom": 1e-4,
    "ångström": 1e-4,
    "nm": 1e-3,
    "nanometer": 1e-3,
    "um": 1.0,
    "micron": 1.0,
    "micrometer": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "inch": 25400.0,
    "inches": 25400.0,
    "in": 25400.0,
}
TIMES_S = {
    "ns": 1e-9,
    "nsec": 1e-9,
    "nanosec": 1e-9,
    "nanosecond": 1e-9,
    "us": 1e-6,
    "usec": 1e-6,
    "microsec": 1e-6,
    "microsecond": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisec": 1e-3,
    "millisecond": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}
"""Singular, µ as u, in lower case; 'metre' is spelt 'meter'."""
SPELLINGS = {
    "\\u00b5": "u",
    "\\u03bc": "u",
    "âµ": "u",
    "\N{MICRO SIGN}": "u",
    "\N{GREEK SMALL LETTER MU}": "u",
    "metre": "meter",
}
"""The first ones are how ImageJ escapes µ, and UTF-8 read as Latin-1."""
MEGA = ("Mm", "Ms")
"""Told from mm and ms by the case alone: whether a writer kept it, nobody knows."""
NO_LENGTHS = ("", "pixel", "px", "reference frame", "none", "null")
"""Such images have no scale, and that is nothing odd."""


def length_um(unit: str) -> float | None:
    """µm in a unit of length, None for pixels and unknown names."""
    return None if _plain(unit) in TIMES_S else _in(LENGTHS_UM, unit)


def time_s(unit: str) -> float | None:
    """Seconds in a unit of time, None for unknown names."""
    return _in(TIMES_S, unit)


def length(value: Any, unit: Any, what: str) -> Known:
    """Return a length in µm, without its sign; ``what`` names it in the remark."""
    found, name = number(value), str(unit)
    scale = length_um(name)
    if found is not None and scale is not None:
        return abs(found) * scale, ()
    odd = found is not None and _singular(_plain(name), NO_LENGTHS) not in NO_LENGTHS
    return None, as_warnings(_unknown(name, what)) if odd else ()


def interval(value: Any, unit: Any) -> Known:
    """Return the time from frame to frame in s; None where it isn't above 0."""
    found, name = number(value), str(unit)
    if found is None or found < 0 or not name.strip():
        return None, ()
    scale = time_s(name)
    if scale is None:
        return None, as_warnings(_unknown(name, "frame interval"))
    return found * scale, ()


def number(value: Any) -> float | None:
    """Read a finite number other than 0, which means 'not set'; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if isfinite(found) and found else None


def _unknown(unit: str, what: str) -> str:
    return f"The file gives the {what} in '{unit.strip()}', an unknown unit: it is left out."


def _plain(unit: str) -> str:
    """Spell a unit in one way: lower case, u for µ, without the dot of an abbreviation."""
    name = unit.strip().strip("\0").lower().removesuffix(".")
    for spelling, usual in SPELLINGS.items():
        name = name.replace(spelling, usual)
    return name


def _singular(name: str, known: Any) -> str:
    return name if name in known else name.removesuffix("s")


def _in(units: dict[str, float], unit: str) -> float | None:
    name = _plain(unit)
    return None if unit.strip() in MEGA else units.get(_singular(name, units))
