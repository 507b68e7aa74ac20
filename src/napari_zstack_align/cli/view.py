"""``zstack-align view``: open a stack or an alignment in napari."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.storage import load_alignment
from napari_zstack_align.cli.inputs import add_stack_arguments, open_from
from napari_zstack_align.errors import InputError
from napari_zstack_align.stack import Stack


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "view",
        help="open a stack or an alignment in napari",
        description="Open RUN.zalign, or a stack, in napari with the panel.",
    )
    add_stack_arguments(parser)
    parser.set_defaults(run=run_view)


def run_view(args: argparse.Namespace) -> bool:
    """Open napari and wait until it is closed."""
    open_napari(opened(args))
    return True


def opened(args: argparse.Namespace) -> Stack | Alignment:
    """Return what the arguments name."""
    if not _is_alignment(args.files[0]):
        return open_from(args)
    if len(args.files) > 1:
        raise InputError("Give one alignment at a time.")
    return load_alignment(args.files[0])


def open_napari(shown: Stack | Alignment) -> None:
    """Show a stack or an alignment in napari until its window is closed.

    Raises
    ------
    InputError
        Where napari isn't installed.
    """
    try:
        from napari_zstack_align.gui.open import show
    except ImportError as error:
        raise InputError(
            f"napari can't be opened ({error}): install it with "
            f"pip install 'napari-zstack-align[all]'."
        ) from error
    show(shown)


def _is_alignment(path: Path) -> bool:
    return path.suffix == ".zalign" or (path / "run.json").exists()
