"""Names of axes as programs write them."""

from __future__ import annotations

from collections.abc import Sequence

NAMES = {
    "T": ("t", "time", "times", "frame", "frames"),
    "Z": ("z", "depth", "slice", "slices", "plane", "planes"),
    "C": ("c", "channel", "channels", "color", "colour"),
    "Y": ("y", "row", "rows", "height"),
    "X": ("x", "col", "column", "columns", "width"),
}
LETTERS = {name: letter for letter, names in NAMES.items() for name in names}


def axes_of(names: Sequence[str]) -> str:
    """Return a letter for each name; '' where one is unknown or there twice, or Y or X lacks."""
    axes = "".join(LETTERS.get(name.strip().lower(), "?") for name in names)
    is_known = "?" not in axes and len(set(axes)) == len(axes) and {"Y", "X"} <= set(axes)
    return axes if is_known else ""
