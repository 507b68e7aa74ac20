"""Flags that say how raw files are to be read: those of `open_stack`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np

from napari_zstack_align.cli.number_arguments import number_argument, said_by_parser
from napari_zstack_align.errors import InputError
from napari_zstack_align.layout import Order
from napari_zstack_align.typed_numbers import numbers

FRAMES = (
    *("axes", "frames_per_slice", "order", "channels", "plane", "drop_frames"),
    *("line_phase", "line_phase_subpixel"),
)
"""Flags that decide which pixels a frame consists of."""

ALL_PLANES = "all"
"""As '--plane': each of them, by itself."""


def add_opening_arguments(
    parser: argparse.ArgumentParser,
    rate_is_for: str = "times",
    *,
    image_flag: str = "--image",
    with_z_step: bool = True,
    with_all_planes: bool = False,
) -> None:
    """Add the flags that complete, or correct, what raw files say of themselves.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    rate_is_for : str
        What the frame rate is taken for.
    image_flag : str
        Flag that chooses an image of a file, where the command has another '--image'.
    with_z_step : bool
        Whether the command has no '--z-step' of its own.
    with_all_planes : bool
        Whether the command does each plane of a recording by itself for '--plane all'.
    """
    group = parser.add_argument_group("what the files don't say, or say wrongly")
    add_layout_arguments(group)
    group.add_argument(
        "--channels", type=int, metavar="N", help="channels, whose images follow one another"
    )
    group.add_argument(
        "--plane",
        type=_plane_or_all if with_all_planes else _plane,
        metavar="Z",
        help="open one slice of volumes as a recording, from 0"
        + ("; 'all': a session for each, OUT_plane0 and so on" if with_all_planes else ""),
    )
    group.add_argument(
        "--drop-frames",
        metavar="FRAMES",
        help="frames without use: '3, 17, 40-44' (from 0; they keep their place), a file that "
        "lists them (bad_frames.npy, a table), or 'last 2 of 12' for flyback, which leaves every "
        "volume",
    )
    group.add_argument(
        "--pixel-size",
        type=_pixel_size,
        metavar="UM[,UM]",
        help="pixel size in µm, or height,width, such as 0.8,0.5",
    )
    if with_z_step:
        group.add_argument(
            "--z-step", type=number_argument, metavar="UM", help="distance of slices in µm"
        )
    group.add_argument(
        "--z-positions", type=_depths, metavar="UM,UM,...", help="depth of each slice in µm"
    )
    group.add_argument(
        "--frame-rate",
        type=_rate,
        metavar="HZ",
        help=f"frames a second, those of all planes counted, for {rate_is_for}",
    )
    group.add_argument(
        image_flag,
        dest="image_in_file",
        type=_image,
        metavar="I",
        help="which image of a file, from 0, or its name [0]",
    )
    group.add_argument(
        "--line-phase",
        type=_line_phase,
        metavar="PX|auto",
        help="how far every second line lies to the right, in px, as bidirectional scanning may "
        "leave it; three numbers (left,centre,right) where it varies along x; 'auto' looks for it",
    )
    group.add_argument(
        "--line-phase-subpixel",
        action="store_true",
        default=None,
        help="move lines by parts of a pixel, all by half of it [every second one, whole pixels]",
    )
    group.add_argument(
        "--whole-frames", action="store_true", help="open what is whole of a file that breaks off"
    )


def add_layout_arguments(group: Any, prefix: str = "", of: str = "") -> None:
    """Add the flags of a layout, which may be those of another stack, as ``prefix`` has it."""
    group.add_argument(
        f"--{prefix}axes",
        metavar="AXES",
        help=f"the file's axes{of}, slowest first: T time, V volumes, Z slices, R repeats, C "
        "channels, Y, X; such as ZRCYX",
    )
    group.add_argument(
        f"--{prefix}frames-per-slice",
        type=_repeats,
        metavar="N[,N...]",
        help=f"repeats of each slice{of}: volumes or sweeps where --{prefix}order says so; a list "
        "where they vary",
    )
    group.add_argument(
        f"--{prefix}order", choices=get_args(Order), help=f"what runs fastest{of} [repeats]"
    )


def opening(args: argparse.Namespace, prefix: str = "") -> dict[str, Any]:
    """Arguments of `open_stack` that the flags give."""
    names = {name: getattr(args, f"{prefix}{name}", None) for name in FRAMES}
    if not prefix:
        names["image"] = args.image_in_file
    given = {name: value for name, value in names.items() if value is not None}
    if not prefix and getattr(args, "whole_frames", False):
        given["whole_frames"] = True
    return given


def opening_columns() -> tuple[str, ...]:
    """Names of what can be said of files, as columns of a table: as `open_stack` takes them."""
    return tuple(_COLUMNS)


def with_columns(args: argparse.Namespace, cells: Mapping[str, str]) -> argparse.Namespace:
    """Return the arguments with what the cells of a row say in place of the flags.

    Parameters
    ----------
    args : argparse.Namespace
    cells : mapping of str to str
        Texts by the names of `opening_columns`.

    Raises
    ------
    InputError
        For a text that the flag would refuse, too.
    """
    parser = argparse.ArgumentParser(exit_on_error=False, add_help=False)
    add_opening_arguments(parser, with_all_planes=True)
    said = vars(args).copy()
    for name, text in cells.items():
        if name in SWITCHES:
            if text.lower() not in (*YES, *NO):
                raise InputError(f"{name} is '{text}': write 'yes' or 'no'.")
            said[name] = text.lower() in YES
            continue
        flag, held = _COLUMNS[name]
        try:
            said[held] = getattr(parser.parse_args([f"{flag}={text}"]), held)
        except argparse.ArgumentError as error:
            raise InputError(f"{name} is '{text}': {error.message}.") from None
    return argparse.Namespace(**said)


SWITCHES = ("whole_frames", "line_phase_subpixel")
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")
_COLUMNS = {
    **{name: (f"--{name.replace('_', '-')}", name) for name in FRAMES},
    "image": ("--image", "image_in_file"),
    "whole_frames": ("--whole-frames", "whole_frames"),
    "pixel_size_um": ("--pixel-size", "pixel_size"),
    "frame_rate_hz": ("--frame-rate", "frame_rate"),
}
"""The flag of each column, and where that is held."""


def sizes(args: argparse.Namespace) -> dict[str, Any]:
    """Sizes and times that the flags give, as `open_stack` takes them."""
    given = {
        "pixel_size_um": args.pixel_size,
        "z_step_um": getattr(args, "z_step", None),
        "z_positions_um": args.z_positions,
        "frame_rate_hz": args.frame_rate,
    }
    return {name: value for name, value in given.items() if value is not None}


def check_not_reopened(args: argparse.Namespace, what: str) -> None:
    """Raise InputError where flags say how a saved result's frames are to be read: it knows."""
    if given := opening(args):
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(f"{what} knows how its frames were read: leave out {flags}.")


def _repeats(text: str) -> int | tuple[int, ...]:
    parts = [part for part in text.replace(";", ",").split(",") if part.strip()]
    try:
        repeats = tuple(int(part) for part in parts)
    except ValueError:
        repeats = ()
    if not repeats:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number, nor a list such as 5,5,7")
    return repeats[0] if len(repeats) == 1 else repeats


def _depths(text: str) -> tuple[float, ...]:
    """Depths between commas, or between semicolons, where a comma may be decimal."""
    parts = text.replace(",", ".").split(";") if ";" in text else text.split(",")
    return tuple(number_argument(part.strip()) for part in parts if part.strip())


def _line_phase(text: str) -> float | tuple[float, ...] | str:
    if text.strip().lower() == "auto":
        return "auto"
    found = said_by_parser(numbers, text, lambda px: len(px) in (1, 3))
    if len(found) not in (1, 3):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not 'auto', nor one number of px or three (left,centre,right)"
        )
    return found[0] if len(found) == 1 else tuple(found)


def _plane_or_all(text: str) -> int | str:
    return ALL_PLANES if text.lower() == ALL_PLANES else _plane(text, f", or '{ALL_PLANES}'")


def _plane(text: str, otherwise: str = "") -> int:
    try:
        return int(text)
    except ValueError:
        message = f"'{text}' is no plane: give a whole number from 0{otherwise}"
        raise argparse.ArgumentTypeError(message) from None


def _image(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _rate(text: str) -> float:
    rate = number_argument(text)
    if not 0 < rate < np.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return rate


def _pixel_size(text: str) -> tuple[float, float]:
    found = said_by_parser(numbers, text, _may_be_pixel)
    if len(found) not in (1, 2):
        raise argparse.ArgumentTypeError(f"'{text}' is not one number or two (y,x)")
    return found[0], found[-1]


def _may_be_pixel(sizes: Sequence[float]) -> bool:
    return len(sizes) in (1, 2) and min(sizes) > 0
