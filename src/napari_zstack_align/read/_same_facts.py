"""Several files that are opened as one stack must say the same of their frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read._facts import Facts, without_single_axes
from napari_zstack_align.remark import as_warnings

SCALES = {"pixel_size_um": "pixel size", "z_step_um": "z-step", "interval_s": "frame interval"}
"""What may differ: it is unknown then."""


def check_same_axes(first: Path, facts: Facts, path: Path, others: Facts) -> None:
    """Raise InputError where the planes of a later file are others than those of the first."""
    channels, of_others = _channels(facts), _channels(others)
    if channels != of_others:
        raise InputError(_other_channels(first.name, channels, path.name, others))
    axes, of_other = (without_single_axes(each.axes, each.sizes)[0] for each in (facts, others))
    if axes and of_other and ("Z" in axes) != ("Z" in of_other):
        what, before = ("slices", "none") if "Z" in of_other else ("no slices", "some")
        raise InputError(
            f"{path.name} holds {what}, and {first.name} {before}: open files of one kind together."
        )


def _other_channels(first: str, channels: int, name: str, others: Facts) -> str:
    """Say that a later file has other channels, or ends where none of its frames does."""
    n_planes, of_others = prod(others.sizes), _channels(others)
    if of_others == 1 and n_planes % channels:
        return (
            f"{name} holds {counted(n_planes, 'image')}, which is no whole number of frames of the "
            f"{channels} channels that {first} has: if it ends within a frame, leave out its last "
            f"{counted(n_planes % channels, 'image')}; if it is of another kind, open it by itself."
        )
    if of_others == 1 and others.remarks:  # its header is contradicted
        return (
            f"{name} doesn't hold the images that its header speaks of, so that its channels "
            f"aren't known, and {first} has {channels}: copy it anew, or leave it out."
        )
    return (
        f"{name} has {counted(of_others, 'channel')}, and {first} {channels}: open files of one "
        f"kind together."
    )


def without_contradicted(facts: Facts, first: Path, later: Iterable[tuple[Path, Facts]]) -> Facts:
    """Leave unknown, with a warning, what a later file gives otherwise than the first.

    Parameters
    ----------
    facts : Facts
        Those of the stack.
    first : pathlib.Path
        File that they are from.
    later : iterable of tuple
        The other files, and what they say.
    """
    later = list(later)
    for field, what in SCALES.items():
        known = getattr(facts, field)
        odd = next((path for path, each in later if _differs(known, getattr(each, field))), None)
        if odd is None:
            continue
        warning = as_warnings(
            f"{odd.name} gives another {what} than {first.name}: it was left unknown; open the "
            f"files one by one, or enter it by hand."
        )
        cleared: dict[str, Any] = {field: None}
        if field == "interval_s":
            cleared["frame_times_s"] = None
        facts = replace(facts, **cleared, remarks=(*facts.remarks, *warning))
    return facts


def _channels(facts: Facts) -> int:
    return dict(zip(facts.axes, facts.sizes, strict=True)).get("C", 1)


def _differs(a: Any, b: Any) -> bool:
    """Whether two known values differ by more than rounding."""
    return a is not None and b is not None and not np.allclose(a, b, rtol=1e-3, atol=0)
