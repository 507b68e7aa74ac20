"""``zstack-align report``: what became of an alignment, as one page to look at and to keep."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cli.apart import Output, Reads, Writes, check_outputs_apart
from napari_zstack_align.cli.inputs import check_exist
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.writing import write
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_stack
from napari_zstack_align.saved import Kind, kind_of
from napari_zstack_align.write.report.report import ENDING, write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Write a report of RUN.zalign or of a session: one page with the verdict, images before "
        "and after, motion and correlation of every frame, parameters, and the command that makes "
        "the same again."
    )
    parser.add_argument("result", action=Reads, metavar="RUN.zalign|SESSION")
    parser.add_argument(
        "--out",
        action=Writes,
        found_out_later=True,
        metavar="FILE.html",
        help="page to write [the result's name.html, in this folder]",
    )
    parser.add_argument(
        "--stack", action=Reads, metavar="FILE", help="raw frames, where they have moved"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier report")
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> bool:
    """Write the report; return whether every frame had been run."""
    check_exist([args.result])
    if kind_of(args.result) not in (Kind.ALIGNMENT, Kind.SESSION):
        raise InputError(
            f"{args.result} is no alignment and no session, of which reports are made: give "
            f"RUN.zalign, or the folder of a session."
        )
    saved = load_saved(args.result, None if args.stack is None else open_stack(args.stack))
    out = args.out or Path(f"{args.result.resolve().stem}{ENDING}")
    check_outputs_apart(args, [Output(out, is_whole=True)])
    job = write_report(out, saved, overwrite=args.overwrite)
    print(f"Wrote {write(job, [out], overwrite=args.overwrite)}")
    each = [saved] if isinstance(saved, Alignment) else saved
    tell(each)
    if any(isinstance(alignment.stack.source, MissingSource) for alignment in each):
        print("Note: raw files are gone or have changed: the page lacks their images.")
    return all(alignment.complete for alignment in each)
