"""``.npy`` files."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._broken_off import whole_frames_of
from napari_zstack_align.read._facts import Facts, Opened, check_no_colours
from napari_zstack_align.read._files import readable
from napari_zstack_align.read._format import PLAIN, Format, Glance, Wish
from napari_zstack_align.read._quiet import shortened
from napari_zstack_align.read._raw_source import RawSource
from napari_zstack_align.read._sequence import in_sequence
from napari_zstack_align.read._unnamed_axes import as_channels
from napari_zstack_align.read.said.axes import check_named
from napari_zstack_align.read.suite2p.names import check_holds_frames
from napari_zstack_align.read.tiff.pages import truncated
from napari_zstack_align.remark import Remark

MOST_CHANNELS = 7
"""An array of four axes may have so many channels."""
READ_HEADER = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): np.lib.format.read_array_header_2_0,
}
DAMAGE = (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError)
"""What numpy raises for headers: it takes one that it can't parse for one of Python 2."""
HINT = "open it with Stack.from_array(np.load(path, mmap_mode='r'), axes=...)"


def open_npy(path: Path, wish: Wish = PLAIN) -> Opened:
    """Open a ``.npy`` file of (Y, X), (T, Y, X) or (T, C, Y, X) without reading its numbers.

    Raises
    ------
    InputError
        If it is damaged, truncated, or its axes can't be told.
    """
    with readable(path):
        check_holds_frames(path)
    with readable(path), path.open("rb") as file:
        shape, fortran, stored = _header(file, path)
        offset = file.tell()
        size = file.seek(0, 2)
    full, facts = _as_wished(shape, stored, path, wish)
    if fortran and sum(n > 1 for n in shape) > 1:
        raise InputError(f"{path} is stored in Fortran order, frames last: {HINT}.")
    frame_bytes = prod(full[1:]) * stored.itemsize
    whole = (size - offset) // max(frame_bytes, 1)
    if whole < full[0] and frame_bytes:  # what is empty is described by the stack
        full, facts = _broken_off(path, whole, full, facts, wish)
    return Opened(RawSource(path, offset, stored, full), (path,), facts, wish.as_planes)


def _broken_off(
    path: Path, whole: int, full: tuple[int, int, int, int], facts: Facts, wish: Wish
) -> tuple[tuple[int, int, int, int], Facts]:
    """Shape and facts of an array that breaks off: what is whole along its slowest axis."""
    first, *others = facts.sizes or full[:1]
    kept = whole // max(prod(others), 1)
    if first * prod(others) != full[0] or not kept:
        raise truncated(path, 0, full[0])
    n_frames = kept * prod(others)
    remarks = whole_frames_of(path, n_frames, full[0], wish)
    facts = replace(facts, sizes=(kept, *others), remarks=(*facts.remarks, *remarks))
    return (n_frames, *full[1:]), facts


def _header(file: BinaryIO, path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = np.lib.format.read_magic(file)
        if version not in READ_HEADER:
            raise ValueError(f"its version is {version}")
        shape, fortran, stored = READ_HEADER[version](file)
        if any(type(size) is not int or size < 0 for size in shape):
            raise ValueError(f"its shape is {shape}")
    except DAMAGE as error:
        raise InputError(
            f"{path} is not a whole .npy file ({shortened(error)}): copy it again."
        ) from None
    return shape, fortran, stored


def _tcyx(shape: tuple[int, ...], stored: np.dtype[Any], path: Path) -> tuple[int, int, int, int]:
    """Tell the axes of a bare array."""
    if stored.hasobject:
        raise InputError(f"{path} holds Python objects, not an image: save a plain array.")
    check_no_colours(shape, path, "np.load(path)")
    if len(shape) == 2:
        return 1, 1, shape[0], shape[1]
    if len(shape) == 3:
        return shape[0], 1, shape[1], shape[2]
    if len(shape) == 4 and shape[1] <= MOST_CHANNELS:
        return shape[0], shape[1], shape[2], shape[3]
    raise InputError(
        f"{path} has the shape {shape}, whose axes can't be told (expected (T, Y, X), or "
        f"(T, C, Y, X) of up to {MOST_CHANNELS} channels): say what they are, such as "
        f"`axes='ZRYX'` for slices of several repeats."
    )


def _as_wished(
    shape: tuple[int, ...], stored: np.dtype[Any], path: Path, wish: Wish
) -> tuple[tuple[int, int, int, int], Facts]:
    """Shape (T, C, Y, X) and facts of an array: by its own axes, or one image after the other."""
    if wish.as_planes and len(shape) > 1:
        *slower, n_rows, n_columns = shape
        planes = (prod(slower), 1, n_rows, n_columns)
        if wish.axes is None:
            return planes, Facts(sizes=planes[:1])
        check_named(wish.axes, shape, path)
        return planes, Facts(wish.axes[:-2] or "T", tuple(slower) or (1,))
    full = _tcyx(shape, stored, path)
    return full, Facts(sizes=full[:1], remarks=_of_four(shape))


def _of_four(shape: tuple[int, ...]) -> tuple[Remark, ...]:
    """Say what an array of four axes is taken for: it names none of them."""
    return as_channels(shape, "say so: `axes='ZRYX'`.")


FORMAT = Format(
    open_files=lambda paths, wish=PLAIN: in_sequence([open_npy(path, wish) for path in paths]),
    glance=lambda path: Glance.of(open_npy(path)),
)
