"""Keys of units: a hash of everything that a unit's result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from napari_zstack_align._version import __version__
from napari_zstack_align.params import Params
from napari_zstack_align.saved.checksum import crc32c
from napari_zstack_align.saved.watched import states_of
from napari_zstack_align.stack import Stack


def key_of(version: str, **parts: Any) -> str:
    """Key of a unit.

    The frames that a unit reads don't belong into its key: `Units` keeps their digests beside it.

    Parameters
    ----------
    version : str
        Name and version of the method ('adaptive within a slice 1'): raise it with every change
        that may alter a number of the result. The version of the package counts too.
    **parts
        What the result depends on: numbers, texts, None, arrays, and tuples, lists and mappings
        of these. Neither threads nor anything else that leaves the result as it is.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    digest = hashlib.sha256()
    _add(digest, (__version__, version, parts))
    return digest.hexdigest()[:32]


def values_of(params: Params, *names: str) -> dict[str, Any]:
    """Those parameters that touch a unit, for its key."""
    values = params.model_dump(mode="json")
    return {name: values[name] for name in names}


def layout_of(stack: Stack) -> dict[str, Any]:
    """What a unit's result depends on of a stack beside the pixels of its frames, for its key."""
    return {
        "shape": stack.shape,
        "dtype": stack.dtype.str,
        "frames_per_slice": stack.frames_per_slice,
        "order": stack.order,
        **({"dropped": stack.dropped} if stack.dropped else {}),
        **({"missing": stack.missing} if stack.missing else {}),
        **({"in_turn": stack.frames_in_turn} if stack.frames_in_turn > 1 else {}),
        **_line_phase_of(stack),
    }


def _line_phase_of(stack: Stack) -> dict[str, Any]:
    """How lines were moved, which changes pixels; nothing where they weren't."""
    said = stack.said.arguments()
    names = ("line_phase", "line_phase_subpixel")
    return {name: said[name] for name in names if said.get("line_phase") and name in said}


def identity_of(stack: Stack) -> dict[str, Any]:
    """What tells a stack from another one without reading it: its files, as they are now."""
    return {
        "name": stack.name,
        "files": states_of(stack.paths),
        "layout": layout_of(stack),
        **({"said": said} if (said := stack.said.arguments()) else {}),
        "scales": (stack.frame_interval_s, stack.z_step_um, stack.pixel_size_um),
    }


def _add(digest: Any, value: Any) -> None:
    """Add a value with its type and length, so that no two values read alike."""
    if isinstance(value, np.ndarray):
        described = f"array {value.dtype.descr} {value.shape} {crc32c(value)}"
    elif isinstance(value, np.generic):
        _add(digest, value.item())
        return
    elif isinstance(value, Mapping):
        described = f"mapping {len(value)}"
    elif isinstance(value, tuple | list):
        described = f"sequence {len(value)}"
    elif value is None or isinstance(value, bool | int | float | str):
        described = f"{type(value).__name__} {value!r}"
    else:
        raise TypeError(f"a key can't be made of {type(value).__name__}")
    digest.update(f"{len(described)} {described}".encode())
    if isinstance(value, Mapping):
        for name in sorted(value):
            _add(digest, str(name))
            _add(digest, value[name])
    elif isinstance(value, tuple | list):
        for each in value:
            _add(digest, each)
