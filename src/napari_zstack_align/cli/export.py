"""``zstack-align export``: write the volume or the aligned frames of an alignment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, get_args

from napari_zstack_align.alignment.storage import load_alignment
from napari_zstack_align.cli.bar import drain
from napari_zstack_align.cli.words import summary
from napari_zstack_align.read import open_stack
from napari_zstack_align.write.export import What, export_alignment


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        help="write the volume or the aligned frames of an alignment",
        description="Write the volume or the aligned frames of an alignment, for other programs.",
    )
    parser.add_argument("alignment", type=Path, metavar="RUN.zalign")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", required=True, help="ends in .ome.tif or .ome.zarr"
    )
    parser.add_argument(
        "--what",
        choices=get_args(What),
        default="volume",
        help="the mean of each slice, or every frame [%(default)s]",
    )
    parser.add_argument(
        "--stack", type=Path, metavar="FILE", help="the raw frames, where they have moved"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> bool:
    """Load and write; return whether every frame of the alignment had been run."""
    stack = None if args.stack is None else open_stack(args.stack)
    alignment = load_alignment(args.alignment, stack)
    path = drain(export_alignment(args.out, alignment, args.what, overwrite=args.overwrite))
    print(f"Wrote {path}")
    print(summary(alignment))
    return alignment.complete
