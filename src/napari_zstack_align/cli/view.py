"""``zstack-align view``: open a stack or a result in napari."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cli.display import has_display
from napari_zstack_align.cli.inputs import add_stack_arguments, open_from
from napari_zstack_align.cli.stopping import stopped_by_the_system
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import Kind, kind_of
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift import ZShift, load_zshift

_LOAD_THEM = "which have no frames: view the recording, and load them on the panel's tab"
_NOT_SHOWN = {
    Kind.ROIS: f"holds ROIs, {_LOAD_THEM} 'Cells'.",
    Kind.TRACES: f"holds traces, {_LOAD_THEM} 'Traces'.",
    Kind.SESSION_TRACES: f"holds traces, {_LOAD_THEM} 'Traces'.",
}
Shown: TypeAlias = Stack | Alignment | ZShift | Sequence[Alignment] | Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Open RUN.zalign, a session, NAME.zproject, or a stack, in napari with the panel."
    )
    add_stack_arguments(parser)
    parser.set_defaults(run=run_view)


def run_view(args: argparse.Namespace) -> bool:
    """Open napari and wait until it is closed."""
    open_napari(opened(args))
    return True


def opened(args: argparse.Namespace) -> Shown:
    """Return what the arguments name."""
    path = args.files[0]
    kind = kind_of(path)
    if kind is None:
        return open_from(args)
    if len(args.files) > 1:
        raise InputError("Give one alignment or session at a time.")
    if kind is Kind.PROJECT:
        return Path(path)  # the panel opens it, to save it
    if kind not in (Kind.ALIGNMENT, Kind.SESSION, Kind.ZSHIFT):
        raise InputError(f"{path} {_NOT_SHOWN[kind]}")
    return load_zshift(path) if kind is Kind.ZSHIFT else load_saved(path)


def open_napari(shown: Shown) -> None:
    """Show a stack, a result or a project in napari until its window is closed.

    Raises
    ------
    InputError
        Where napari isn't installed, or no window can be shown.
    """
    try:
        from napari_zstack_align.gui.open import show
    except ImportError as error:
        raise InputError(
            f"napari can't be opened ({error}): install it with "
            f"pip install 'napari-zstack-align[all]'."
        ) from error
    _check_display()
    with stopped_by_the_system():
        show(shown)


def _check_display() -> None:
    """Raise InputError where no window can be shown: Qt would abort the program."""
    if not has_display():
        raise InputError(
            "There is no display to open napari on: run this on a computer with a screen, log in "
            "with ssh -X, or write the result to a file with 'zstack-align export'."
        )
