"""``zstack-align keypoints``: register recordings of one field of view to one reference."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.session import load_saved, save_session
from napari_zstack_align.cli.align_by import add_align_by, aligned_by
from napari_zstack_align.cli.apart import Reads, Writes, check_output_apart
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import (
    completed,
    one_or_a_folder,
    open_recording,
    read_mask,
)
from napari_zstack_align.cli.kept import drain_or_keep, leave, saving, stopped
from napari_zstack_align.cli.lacking import lacking
from napari_zstack_align.cli.opening import ALL_PLANES, add_opening_arguments
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.sessions import (
    about_session,
    check_session,
    n_planes,
    n_recordings,
    read_reference,
    tell_opened,
    tell_written,
    with_all_planes,
)
from napari_zstack_align.cli.stopping import at_safe_moments
from napari_zstack_align.errors import InputError, SeveralPlanesError
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings import register_recordings
from napari_zstack_align.saved import (
    Journal,
    Kind,
    identity_of,
    journal_folder,
    occupant_of,
    target_of,
)
from napari_zstack_align.stack import Stack


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
    add_opening_arguments(parser, "chunks of 10 s", with_all_planes=True)
    add_align_by(parser)
    add_model_flags(parser, KeypointParams)
    parser.set_defaults(run=run_keypoints)


@dataclass(frozen=True)
class _Planned:
    """A session that can be written, and what it will be made of."""

    stacks: list[Stack]
    out: Path
    about: dict[str, Any]
    overwrite: bool


def run_keypoints(args: argparse.Namespace) -> bool:
    """Register and save; return whether all of it was done, and some of every recording judged.

    Several planes are several sessions, one after the other; all are checked before the first.
    """
    params = params_of(args, KeypointParams)
    sessions = _sessions(args)
    params = aligned_by(args, params, sessions[0][0][0])
    mask, reference = read_mask(args.mask), read_reference(args.reference)
    planned = []
    for stacks, out in sessions:
        check_output_apart(args, out)
        about = about_session(stacks, params, mask, reference)
        if args.plane == ALL_PLANES and not args.overwrite and _is_done(stacks, out, args, params):
            print(f"{out} is done already: --overwrite does it again")
            continue
        overwrite = check_session(out, stacks, params, about, args.overwrite)
        planned.append(_Planned(stacks, out, about, overwrite))
    done = [_register(each, args, params, mask, reference) for each in planned]
    return all(done)


def _sessions(args: argparse.Namespace) -> list[tuple[list[Stack], Path]]:
    """The recordings of each session, and where it goes: one, or one a plane."""
    if args.plane != ALL_PLANES:
        try:
            stacks = [open_recording(path, args) for path in args.files]
        except SeveralPlanesError as error:
            raise InputError(
                f"{error} '--plane {ALL_PLANES}' registers each plane, in a session of its own."
            ) from None
        return [(stacks, target_of(args.out or f"{stacks[0].name}_session", Kind.SESSION))]
    whole = with_all_planes(args.files, args)
    out = args.out or f"{whole[0].name}_session"
    sessions = []
    for plane in range(n_planes(whole)):
        here = argparse.Namespace(**{**vars(args), "plane": plane})
        stacks = [completed(stack.plane(plane), here) for stack in whole]
        sessions.append((stacks, target_of(f"{out}_plane{plane}", Kind.SESSION)))
    return sessions


def _is_done(
    stacks: Sequence[Stack], out: Path, args: argparse.Namespace, params: KeypointParams
) -> bool:
    """Whether an earlier call has registered a plane with all that is said now."""
    there = occupant_of(out)
    is_whole = there.manifest is not None and there.manifest.complete
    if there.kind is not Kind.SESSION or not is_whole or args.mask or args.reference:
        return False
    found = load_saved(out)
    saved = found if isinstance(found, list) else [found]
    same = [identity_of(each.stack) for each in saved] == [identity_of(each) for each in stacks]
    return same and all(each.params == params and each.mask is None for each in saved)


def _register(
    planned: _Planned, args: argparse.Namespace, params: KeypointParams, mask: Any, reference: Any
) -> bool:
    stacks, out = planned.stacks, planned.out
    with at_safe_moments(), Journal(journal_folder(out), planned.about, stacks=stacks) as journal:
        job = register_recordings(
            stacks, params, mask, reference=reference, threads=args.threads, journal=journal
        )
        tell_opened(stacks)
        outcome = drain_or_keep(job, journal)
        alignments = outcome.result
        with saving(journal):
            written = save_session(alignments, out, overwrite=planned.overwrite)
        tell_written(written, out, f" ({n_recordings(alignments)})")
        complete = all(alignment.complete for alignment in alignments)
        leave(journal, complete, outcome.was_stopped)
    tell(alignments)
    if outcome.was_stopped and not complete:
        raise stopped(journal, written)
    return complete and not lacking([alignment.quality for alignment in alignments])
