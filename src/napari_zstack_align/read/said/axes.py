"""Planes of a file as frames and channels, by axes that a person names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import REPEATS, FramesPerSlice
from napari_zstack_align.read._facts import Opened
from napari_zstack_align.read._format import Wish
from napari_zstack_align.remark import RemarkCode, without
from napari_zstack_align.said import Said
from napari_zstack_align.sources import PlanesOf

LETTERS = "TVZRC"
NAMES = {"T": "time", "V": "volumes", "Z": "slices", "R": "repeats", "C": "channels"}


def checked_axes(given: str) -> str:
    """Return the letters of axes in capitals.

    Raises
    ------
    InputError
        Where they can't be.
    """
    axes = str(given).upper().replace(" ", "")
    odd = set(axes) - set(LETTERS) - {"Y", "X"}
    if odd or len(set(axes)) != len(axes) or "Y" not in axes or "X" not in axes:
        raise InputError(
            f"axes='{given}' can't be: give each of the file's axes a letter, slowest first, out "
            f"of T (time), V (volumes), Z (slices), R (repeats), C (channels), and Y and X once "
            f"each, such as 'ZRCYX'."
        )
    return axes


def as_said(open_files: Callable[[Wish], Opened], said: Said) -> Opened:
    """Open files with the axes and channels that were said, or as they say themselves.

    Parameters
    ----------
    open_files : callable
        Opens them with a wish.
    said : Said
    """
    channels = said.channels if said.axes is None else None
    plain = Wish(image=said.image, whole_frames=said.whole_frames, channels=channels)
    if said.axes is None:
        opened = open_files(plain)
        channels = opened.source.shape[1]
        if said.channels in (None, channels):
            return opened
    planes = open_files(replace(plain, axes=said.axes, as_planes=True))
    letters = (said.axes or "TCYX").replace("Y", "").replace("X", "")
    is_array = said.axes is not None and planes.facts.axes == letters and not planes.is_planes
    arranged = planes if is_array else _arranged(planes, letters, said)
    _check_channels(arranged, said)
    remarks = without(arranged.facts.remarks, RemarkCode.READ_AS)
    return replace(arranged, facts=replace(arranged.facts, remarks=remarks))


def _arranged(opened: Opened, letters: str, said: Said) -> Opened:
    """Put planes that lie one by one together to frames and channels, along axes."""
    source, name = opened.source, opened.paths[0].name
    if said.axes is not None and not said.axes.endswith("YX"):
        raise InputError(
            f"axes='{said.axes}' of {name} doesn't end in YX, as the images of a file lie one by "
            f"one: name the axes that they run along before Y and X."
        )
    if not opened.is_planes and source.shape[1] > 1:
        raise InputError(
            f"{name} tells its {source.shape[1]} channels apart by itself: leave out axes and "
            f"channels."
        )
    if "C" not in letters and (said.channels or 1) > 1:
        raise InputError(
            f"axes='{said.axes}' has no C, but channels={said.channels}: give both, or neither."
        )
    told = opened.facts.sizes if opened.facts.axes == letters else None
    sizes = told or sizes_of(letters, source.shape[0], said.frames_per_slice, said.channels, name)
    planes = frames_and_channels(letters, sizes)
    facts = replace(opened.facts, axes=letters, sizes=sizes, layout=None)
    is_alone = planes.shape[1] == 1
    arranged = source if is_alone else PlanesOf(source, planes)
    return Opened(arranged, opened.paths, facts)


def _check_channels(opened: Opened, said: Said) -> None:
    """Raise InputError where another number of channels was said than an array has."""
    found = opened.source.shape[1]
    if said.channels not in (None, found):
        raise InputError(
            f"With axes='{said.axes}', {opened.paths[0].name} has {counted(found, 'channel')}, "
            f"not {said.channels}: leave out channels, or check the axes."
        )


def sizes_of(
    axes: str, n_planes: int, repeats: FramesPerSlice | None, channels: int | None, name: str
) -> tuple[int, ...]:
    """Length of each axis of the planes of a file, without Y and X.

    At most one of them may follow from the number of planes; the others have to be said.

    Parameters
    ----------
    axes : str
        Slowest first, without Y and X.
    n_planes : int
        Images in the file.
    repeats : int, optional
        Repeats of a slice in all.
    channels : int, optional
    name : str
        Of the file.
    """
    known: dict[str, int] = {} if channels is None else {"C": channels}
    of_repeats = [a for a in axes if a in REPEATS]
    if isinstance(repeats, int) and "Z" in axes and len(of_repeats) == 1:
        known[of_repeats[0]] = repeats
    open_axes = [a for a in axes if a not in known]
    if len(open_axes) > 1:
        *some, last = (NAMES[a] for a in open_axes)
        missing = f"{', '.join(some)} and {last}"
        raise InputError(
            f"axes='{axes}YX' of {name} leaves open how many {missing} there are among its "
            f"{counted(n_planes, 'image')}: {_what_to_say(open_axes)}."
        )
    rest = prod(known[a] for a in axes if a in known)
    if n_planes % rest or (not open_axes and rest != n_planes):
        told = " × ".join(f"{known[a]} {NAMES[a]}" for a in axes if a in known)
        raise InputError(
            f"{name} holds {counted(n_planes, 'image')}, which isn't a multiple of {told}: check "
            f"axes, frames_per_slice and channels."
        )
    return tuple(known.get(a, n_planes // rest) for a in axes)


def frames_and_channels(axes: str, sizes: tuple[int, ...]) -> npt.NDArray[np.intp]:
    """(T, C) number of each plane, where planes lie along axes, slowest first."""
    planes = np.arange(prod(sizes)).reshape(sizes)
    if "C" not in axes:
        return planes.reshape(-1, 1)
    last = np.moveaxis(planes, axes.index("C"), -1)
    return last.reshape(-1, last.shape[-1])


def _what_to_say(open_axes: list[str]) -> str:
    if "C" in open_axes:
        return "give their number, `channels=2` for two channels"
    return (
        "give the repeats of a slice, `frames_per_slice=6`, or a letter less: volumes and repeats "
        "of a file of pages can't be told apart"
    )


def check_named(axes: str, shape: tuple[int, ...], path: Path) -> None:
    """Raise InputError where axes aren't those of an array in a file."""
    if len(axes) != len(shape):
        raise InputError(
            f"axes='{axes}' names {len(axes)} axes, but the array in {path} has the shape "
            f"{shape}: give one letter an axis."
        )
    if not axes.endswith("YX"):
        raise InputError(
            f"axes='{axes}' of {path} doesn't end in YX: give it to Stack.from_array, with the "
            f"array."
        )
