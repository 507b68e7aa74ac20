"""``zstack-align export``: write what an alignment, a session, traces or ROIs describe."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from napari_zstack_align.cli.apart import Reads, Writes
from napari_zstack_align.cli.export_alignments import export_alignments
from napari_zstack_align.cli.export_cells import export_cells, is_of_cells
from napari_zstack_align.cli.flags import add_model_flags
from napari_zstack_align.cli.inputs import check_exist
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import NwbParams
from napari_zstack_align.saved import Kind, kind_of, occupant_of
from napari_zstack_align.write.cells.wide_csv import WIDE_SIGNALS
from napari_zstack_align.write.export import What
from napari_zstack_align.write.writers import Takes, endings_in_words, names_of

OF_ALIGNMENTS = ("what", "crop", "transforms", "stack")
OF_CELLS = ("format", "signal", "alignment")
"""Arguments that only one kind of what is saved can do with."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Write the volume, the aligned frames or the transforms of an alignment, ROIs or "
        "traces, for other programs; of several recordings, a file each, "
        "NAME_RECORDING.ENDING, but one table for the traces of all."
    )
    parser.add_argument(
        "saved",
        nargs="+",
        action=Reads,
        metavar="RUN.zalign|SESSION|TRACES|ROIS.csv",
        help="what to export: one thing, or the traces of several recordings",
    )
    parser.add_argument(
        "--out",
        action=Writes,
        found_out_later=True,
        metavar="FILE",
        help="its ending chooses the format",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")
    _add_alignment_arguments(parser)
    _add_cell_arguments(parser)
    add_model_flags(parser, NwbParams, "what NWB wants to know")
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> bool:
    """Load and write; return whether every frame of what is saved had been run."""
    check_exist(args.saved)
    for path in args.saved:
        _check_kind(path)
    cells = all(is_of_cells(path) for path in args.saved)
    if not cells and len(args.saved) > 1:
        raise InputError("Several things can be exported at once only if all of them are traces.")
    useless = [name for name in (OF_ALIGNMENTS if cells else OF_CELLS) if getattr(args, name)]
    if useless:
        owner = "alignments" if cells else "ROIs and traces"
        raise InputError(f"--{useless[0]} is for {owner}, not for {args.saved[0]}.")
    return export_cells(args) if cells else export_alignments(args, args.saved[0])


def _check_kind(path: Path) -> None:
    """Raise InputError for results that no format takes, with where their numbers are."""
    if kind_of(path) is not Kind.ZSHIFT:
        return
    manifest = occupant_of(path).manifest
    listed = None if manifest is None else manifest.files.get("frames")
    table = "" if listed is None else f"; the depth of every frame is in {path / listed.name}"
    raise InputError(
        f"{path} {occupant_of(path).description}, which is not exported{table}. Movies made with "
        f"it are written by zshift, with --corrected or --simulated."
    )


def _add_alignment_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "alignments",
        f"--out of a volume {endings_in_words(Takes.VOLUME)}; of frames it "
        f"{endings_in_words(Takes.MOVIE)}.",
    )
    group.add_argument(
        "--what",
        choices=get_args(What),
        help="the mean of each slice, or every frame [volume of a z-stack, frames of a recording]",
    )
    group.add_argument(
        "--crop", action="store_true", help="only the field that every unflagged frame covers"
    )
    group.add_argument(
        "--transforms",
        action=Writes,
        found_out_later=True,
        metavar="FILE",
        help=f"the matrix of every frame; its name {endings_in_words(Takes.TRANSFORMS)}",
    )
    group.add_argument(
        "--stack", action=Reads, metavar="FILE", help="the raw frames, where they have moved"
    )


def _add_cell_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "ROIs and traces",
        f"--out of ROIs {endings_in_words(Takes.ROIS)}; of traces it "
        f"{endings_in_words(Takes.TRACES)}.",
    )
    group.add_argument(
        "--format",
        choices=names_of(Takes.ROIS, Takes.TRACES),
        help="where the ending isn't enough: tables of traces are tidy, wide or a summary [tidy]",
    )
    group.add_argument("--signal", choices=WIDE_SIGNALS, help="what a wide table holds [dff]")
    group.add_argument(
        "--alignment",
        action=Reads,
        metavar="RUN.zalign|SESSION",
        help="where the ROIs lie: size of labels, picture for Suite2p and NWB",
    )
