"""``zstack-align export``: write what an alignment or a session describes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cli.bar import drain
from napari_zstack_align.cli.sessions import tell
from napari_zstack_align.cli.words import summary
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_stack
from napari_zstack_align.write.export import (
    WRITERS,
    What,
    export_alignment,
    export_session,
)
from napari_zstack_align.write.several import names_in_session
from napari_zstack_align.write.transforms import write_transforms


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "export",
        help="write the volume, the aligned frames or the transforms of an alignment",
        description=(
            "Write the volume, the aligned frames or the transforms of an alignment, for other "
            "programs; of a session, a file a recording, NAME_RECORDING.ENDING."
        ),
    )
    parser.add_argument("alignment", type=Path, metavar="RUN.zalign|SESSION")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"ends in {', '.join(WRITERS)} (.h5 for Caiman, .bin a folder for Suite2p)",
    )
    parser.add_argument(
        "--what",
        choices=get_args(What),
        help="the mean of each slice, or every frame [volume of a z-stack, frames of a recording]",
    )
    parser.add_argument(
        "--crop", action="store_true", help="only the field that every unflagged frame covers"
    )
    parser.add_argument(
        "--transforms", type=Path, metavar="FILE", help="the matrix of every frame: .csv or .npy"
    )
    parser.add_argument(
        "--stack", type=Path, metavar="FILE", help="the raw frames, where they have moved"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> bool:
    """Load and write; return whether every frame of the alignments had been run."""
    if args.out is None and args.transforms is None:
        raise InputError("Say what to write: give --out or --transforms.")
    stack = None if args.stack is None else open_stack(args.stack)
    saved = load_saved(args.alignment, stack)
    if isinstance(saved, Alignment):
        _one(args, saved)
        print(summary(saved))
        return saved.complete
    _session(args, saved)
    tell(saved)
    return all(alignment.complete for alignment in saved)


def _one(args: argparse.Namespace, alignment: Alignment) -> None:
    options = {"crop": args.crop, "overwrite": args.overwrite}
    job = args.out and export_alignment(args.out, alignment, args.what, **options)
    if args.transforms is not None:
        print(f"Wrote {write_transforms(args.transforms, alignment, overwrite=args.overwrite)}")
    if job:
        print(f"Wrote {drain(job)}")


def _session(args: argparse.Namespace, alignments: Sequence[Alignment]) -> None:
    if args.what == "volume":
        raise InputError(f"{args.alignment} is a session of recordings: they have no volume.")
    options = {"crop": args.crop, "overwrite": args.overwrite}
    job = args.out and export_session(args.out, alignments, **options)
    if args.transforms is not None:
        paths = names_in_session(
            args.transforms, args.transforms.suffix, [each.stack.name for each in alignments]
        )
        for path, alignment in zip(paths, alignments, strict=True):
            print(f"Wrote {write_transforms(path, alignment, overwrite=args.overwrite)}")
    for path in drain(job) if job else ():
        print(f"Wrote {path}")
