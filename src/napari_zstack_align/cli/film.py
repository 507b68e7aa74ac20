"""``zstack-align film``: raw and aligned frames side by side, ROIs and traces, as a video."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.made_on import remarks_on_place
from napari_zstack_align.cells.roi_files import load_rois_of
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces.storage import load_session_traces
from napari_zstack_align.cli.apart import Reads, Writes, check_output_apart
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import check_exist
from napari_zstack_align.cli.writing import write
from napari_zstack_align.counting import are
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import FilmParams
from napari_zstack_align.read import open_stack
from napari_zstack_align.saved import Kind, kind_of
from napari_zstack_align.write.film.film import WRITER, write_film


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Write a film of an alignment: rolling means of raw and aligned frames side by side under "
        "one contrast, the ROIs on the raw frames, and their traces."
    )
    parser.add_argument("alignment", action=Reads, metavar="RUN.zalign")
    parser.add_argument(
        "--out",
        action=Writes,
        found_out_later=True,
        metavar="FILE",
        help="film, .mp4 or .gif [the alignment's name.mp4, in this folder]",
    )
    cells = parser.add_mutually_exclusive_group()
    cells.add_argument("--rois", action=Reads, metavar="FILE", help="ROIs that are drawn")
    cells.add_argument(
        "--traces", action=Reads, metavar="FOLDER", help="traces that are drawn, with their ROIs"
    )
    parser.add_argument(
        "--stack", action=Reads, metavar="FILE", help="the raw frames, where they have moved"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier film")
    add_model_flags(parser, FilmParams)
    parser.set_defaults(run=run_film)


def run_film(args: argparse.Namespace) -> bool:
    """Write the film; return whether every frame had been run."""
    params = params_of(args, FilmParams)
    alignment = _alignment_of(args)
    out = args.out or Path(f"{args.alignment.resolve().stem}{WRITER.suffix}")
    check_output_apart(args, out)
    cells = _cells_of(args, alignment)
    job = write_film(out, alignment, cells, params, overwrite=args.overwrite)
    print(f"Wrote {write(job, [out], overwrite=args.overwrite)}")
    for remark in _remarks(cells, alignment):
        print(f"  {remark}")
    return alignment.complete


def _alignment_of(args: argparse.Namespace) -> Alignment:
    check_exist([args.alignment])
    if kind_of(args.alignment) not in (Kind.ALIGNMENT, Kind.SESSION):
        raise InputError(
            f"{args.alignment} is no alignment, of which films are made: give RUN.zalign, as "
            f"'zstack-align adaptive' or 'keypoints' writes it."
        )
    saved = load_saved(args.alignment, None if args.stack is None else open_stack(args.stack))
    if isinstance(saved, Alignment):
        return saved
    if len(saved) > 1:
        raise InputError(
            f"{args.alignment} holds {len(saved)} recordings: give the .zalign of one of them, "
            f"which lies in that folder."
        )
    return saved[0]


def _cells_of(args: argparse.Namespace, alignment: Alignment) -> Rois | Traces | None:
    if args.traces is not None:
        return _traces_of(args.traces, alignment.stack.name)
    return None if args.rois is None else load_rois_of(args.rois, None, [alignment.stack])


def _traces_of(folder: Path, recording: str) -> Traces:
    """Load traces; of those of a session, the ones of this recording."""
    several = load_session_traces(folder)
    own = [each for each in several if each.recording == recording]
    if len(several) > 1 and len(own) != 1:
        raise InputError(
            f"{folder} holds the traces of {len(several)} recordings, of which "
            f"{len(own) or 'none'} {are(max(len(own), 1))} named {recording}: give the folder of "
            f"the right one, which lies in it."
        )
    return several[0] if len(several) == 1 else own[0]


def _remarks(cells: Rois | Traces | None, alignment: Alignment) -> list[str]:
    """What is the matter with the ROIs and their traces, a sentence each."""
    of_traces = cells.remarks if isinstance(cells, Traces) else ()
    rois = cells.rois if isinstance(cells, Traces) else cells
    if rois is None:
        return []
    on_place = remarks_on_place(rois.made_on, alignment.stack, alignment)
    return [remark.labelled for remark in (*of_traces, *rois.remarks, *on_place)]
