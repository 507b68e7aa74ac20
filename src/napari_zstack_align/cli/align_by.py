"""``--align-by``: one choice of which channel drives an alignment."""

from __future__ import annotations

import argparse
from typing import TypeVar

from napari_zstack_align.cli.flags import PREFIX
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import ChannelParams
from napari_zstack_align.stack import Stack

Model = TypeVar("Model", bound=ChannelParams)


def add_align_by(parser: argparse.ArgumentParser) -> None:
    """Add the flag."""
    parser.add_argument(
        "--align-by",
        metavar="CHANNEL|all",
        help="what drives the alignment, while all channels follow it: a channel, by its name or "
        "its number from 0, or 'all' for their sum [0]",
    )


def aligned_by(args: argparse.Namespace, params: Model, stack: Stack) -> Model:
    """Return the parameters with the choice that the flag makes, where it is given.

    Raises
    ------
    InputError
        Where a stack has no such channel, or another flag says so too.
    """
    if args.align_by is None:
        return params
    given = [name for name in ("channel", "channel_weights") if PREFIX + name in vars(args)]
    if given:
        raise InputError(f"Give --align-by or `{given[0]}`, not both.")
    return params.aligned_by(args.align_by, stack.channel_names)
