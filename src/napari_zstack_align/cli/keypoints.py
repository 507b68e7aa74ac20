"""``zstack-align keypoints``: register recordings of one field of view to one reference."""

from __future__ import annotations

import argparse

from napari_zstack_align.alignment.session import save_session
from napari_zstack_align.cli.align_by import add_align_by, aligned_by
from napari_zstack_align.cli.apart import Reads, Writes, check_output_apart
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import (
    one_or_a_folder,
    open_recording,
    read_mask,
)
from napari_zstack_align.cli.kept import drain_or_keep, leave, saving, stopped
from napari_zstack_align.cli.lacking import lacking
from napari_zstack_align.cli.opening import add_opening_arguments
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.sessions import (
    about_session,
    check_session,
    n_recordings,
    read_reference,
    tell_opened,
    tell_written,
)
from napari_zstack_align.cli.stopping import at_safe_moments
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings import register_recordings
from napari_zstack_align.saved import Journal, Kind, journal_folder, target_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Register recordings of one field of view to one reference, by the keypoints of "
        "chunks of frames. Stopped, the same command goes on from where it was."
    )
    parser.add_argument(
        "files",
        nargs="+",
        action=Reads,
        metavar="FILE",
        help=f"{one_or_a_folder()}: one recording each",
    )
    parser.add_argument(
        "--out",
        action=Writes,
        kind=Kind.SESSION,
        metavar="FOLDER",
        help="folder of the session [NAME_session]",
    )
    parser.add_argument(
        "--mask",
        action=Reads,
        metavar="FILE",
        help="image of weights or labels: where keypoints count",
    )
    parser.add_argument(
        "--reference",
        action=Reads,
        metavar="PATH",
        help="what to join: a session, RUN.zalign, or an image",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="frames at once [all processors]")
    parser.add_argument("--overwrite", action="store_true", help="replace the session there")
    add_opening_arguments(parser, "chunks of 10 s")
    add_align_by(parser)
    add_model_flags(parser, KeypointParams)
    parser.set_defaults(run=run_keypoints)


def run_keypoints(args: argparse.Namespace) -> bool:
    """Register and save; return whether all of it was done, and some of every recording judged."""
    params = params_of(args, KeypointParams)
    stacks = [open_recording(path, args) for path in args.files]
    params = aligned_by(args, params, stacks[0])
    out = target_of(args.out or f"{stacks[0].name}_session", Kind.SESSION)
    check_output_apart(args, out)
    mask, reference = read_mask(args.mask), read_reference(args.reference)
    about = about_session(stacks, params, mask, reference)
    overwrite = check_session(out, stacks, params, about, args.overwrite)
    with at_safe_moments(), Journal(journal_folder(out), about, stacks=stacks) as journal:
        job = register_recordings(
            stacks, params, mask, reference=reference, threads=args.threads, journal=journal
        )
        tell_opened(stacks)
        outcome = drain_or_keep(job, journal)
        alignments = outcome.result
        with saving(journal):
            written = save_session(alignments, out, overwrite=overwrite)
        tell_written(written, out, f" ({n_recordings(alignments)})")
        complete = all(alignment.complete for alignment in alignments)
        leave(journal, complete, outcome.was_stopped)
    tell(alignments)
    if outcome.was_stopped and not complete:
        raise stopped(journal, written)
    return complete and not lacking([alignment.quality for alignment in alignments])
