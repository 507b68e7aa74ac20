"""Names of units as microscopes write them, in µm and s."""

from __future__ import annotations

from math import isfinite
from typing import Any

LENGTHS_UM = {
    "nm": 1e-3,
    "nanometer": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "μm": 1.0,
    "\\u00b5m": 1.0,
    "micron": 1.0,
    "microns": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "mm": 1e3,
    "millimeter": 1e3,
    "cm": 1e4,
    "centimeter": 1e4,
    "m": 1e6,
    "meter": 1e6,
    "inch": 25400.0,
    "in": 25400.0,
}
TIMES_S = {
    "ns": 1e-9,
    "nanosecond": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "microsecond": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
}


def length_um(unit: str) -> float | None:
    """µm in a unit of length, None for pixels and unknown names."""
    return LENGTHS_UM.get(unit.strip().lower())


def time_s(unit: str) -> float | None:
    """Seconds in a unit of time, None for unknown names."""
    return TIMES_S.get(unit.strip().lower())


def number(value: Any) -> float | None:
    """Read a finite number other than 0, which means 'not set'; None for anything else."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if isfinite(found) and found else None
