"""``zstack-align zshift``: at which depth of a z-stack each frame of a recording was taken."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from napari_zstack_align import saved
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_raw_files_stay
from napari_zstack_align.alignment.raw_frames import subject_of
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cli.apart import Reads, Writes, check_output_apart
from napari_zstack_align.cli.bar import drain
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import completed, open_recording
from napari_zstack_align.cli.kept import (
    leave,
    make_parents,
    saving,
    stopped,
    was_saved,
    was_written,
)
from napari_zstack_align.cli.lacking import lacking
from napari_zstack_align.cli.number_arguments import number_argument
from napari_zstack_align.cli.opening import (
    add_layout_arguments,
    add_opening_arguments,
    check_not_reopened,
    opening,
)
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.sessions import tell_written
from napari_zstack_align.cli.stopping import at_safe_moments
from napari_zstack_align.cli.writing import write
from napari_zstack_align.errors import Cancelled, InputError
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.progress import Job
from napari_zstack_align.read import open_stack
from napari_zstack_align.read.readers import known_formats
from napari_zstack_align.saved import (
    Journal,
    Kind,
    journal_folder,
    kind_of,
    target_of,
)
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.export import check_export
from napari_zstack_align.write.writers import Takes, choose_writer, endings_in_words
from napari_zstack_align.zshift import ZShift, estimate_zshift
from napari_zstack_align.zshift.export import Movie, export_movie
from napari_zstack_align.zshift.inputs import about_zshift
from napari_zstack_align.zshift.patches import PatchGrid

MOVIES: tuple[Movie, ...] = get_args(Movie)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Find the depth in a reference z-stack at which each frame of a recording was taken, "
        "and each patch of it. Stopped, the same command goes on from where it was."
    )
    parser.add_argument(
        "recording", action=Reads, metavar="PATH", help="a recording, or its RUN.zalign"
    )
    parser.add_argument(
        "--reference",
        action=Reads,
        required=True,
        metavar="PATH",
        help=f"a volume ({known_formats()}), or RUN.zalign of a z-stack",
    )
    parser.add_argument(
        "--alignment", action=Reads, metavar="RUN.zalign", help="alignment of the recording"
    )
    parser.add_argument(
        "--out",
        action=Writes,
        kind=Kind.ZSHIFT,
        metavar="RUN.zalign",
        help="folder to write [NAME_zshift.zalign]",
    )
    parser.add_argument(
        "--corrected",
        action=Writes,
        metavar="FILE",
        help="write the movie with the baseline's change by z taken out; its name "
        + endings_in_words(Takes.MOVIE),
    )
    parser.add_argument(
        "--simulated",
        action=Writes,
        metavar="FILE",
        help="write what the recording would look like if only z had changed",
    )
    parser.add_argument(
        "--z-step",
        dest="reference_z_step",
        type=number_argument,
        metavar="UM",
        help="distance of slices of the reference in µm",
    )
    add_layout_arguments(parser, "reference-", " of the reference")
    parser.add_argument("--threads", type=int, metavar="N", help="frames at once [all processors]")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")
    add_opening_arguments(parser, with_z_step=False)
    add_model_flags(parser, ZShiftParams)
    parser.set_defaults(run=run_zshift)


def run_zshift(args: argparse.Namespace) -> bool:
    """Find depths, save them, write movies; return whether all of it was done."""
    params = params_of(args, ZShiftParams)
    stack, alignment = _recording(args)
    out = target_of(args.out or f"{stack.name}_zshift", Kind.ZSHIFT)
    check_output_apart(args, out)
    reference = _reference(args)
    about = about_zshift(stack, reference, params, alignment)
    slices = reference.stack if isinstance(reference, Alignment) else reference
    again = not args.overwrite and was_saved(out, Kind.ZSHIFT, about)
    overwrite = args.overwrite or again
    _check_targets(args, out, stack, slices, overwrite)
    make_parents(out)
    saved.check_room(out, _bytes_needed(stack, alignment, reference, params))
    with at_safe_moments(), Journal(journal_folder(out), about, stacks=[stack, slices]) as journal:
        job = estimate_zshift(
            stack, reference, params, alignment, threads=args.threads, journal=journal
        )
        zshift = _found(job, journal)
        with saving(journal):
            tell_written(zshift.save(out, overwrite=overwrite), out)
        _write_movies(args, zshift, out, again)
        leave(journal, zshift.complete)
    print(zshift.direction)
    tell([zshift], named=False)
    return zshift.complete and not lacking([zshift.quality])


def _write_movies(args: argparse.Namespace, zshift: ZShift, out: Path, again: bool) -> None:
    """Write movies; where it saved ``again`` after a kill, not those that it had written."""
    before = [out]
    for what in MOVIES:
        path = getattr(args, what)
        is_there = path is not None and again and was_written(_movie_target(path), out)
        if path is not None and not is_there:
            overwrite = args.overwrite
            movie = export_movie(
                path, zshift, what, channel=zshift.params.channel, overwrite=overwrite
            )
            target = _movie_target(path)
            written = write(movie, [target], overwrite=overwrite, goes_on=True, before=before)
            print(f"Wrote {written}")
            before.append(target)


def _movie_target(path: Path) -> Path:
    return choose_writer(path, Takes.MOVIE).target(path)


def _recording(args: argparse.Namespace) -> tuple[Stack, Alignment | None]:
    if kind_of(args.recording):
        if args.alignment is not None:
            raise InputError("--alignment goes with the file of a recording.")
        check_not_reopened(args, args.recording.name)
        saved = _one_alignment(args.recording)
        return completed(saved.stack, args), saved
    stack = open_recording(args.recording, args)
    if args.alignment is None:
        return stack, None
    return stack, _one_alignment(args.alignment, stack)


def _reference(args: argparse.Namespace) -> Alignment | Stack:
    given: Alignment | Stack
    layout = opening(args, "reference_")
    if kind_of(args.reference):
        if layout:
            flags = " and ".join(f"--reference-{name.replace('_', '-')}" for name in layout)
            raise InputError(f"{args.reference} knows its slices: leave out {flags}.")
        given = _one_alignment(args.reference)
        if args.reference_z_step is not None:
            given = given.with_stack(given.stack.replace(z_step_um=args.reference_z_step))
        return given
    given = open_stack(args.reference, **layout)
    return (
        given if args.reference_z_step is None else given.replace(z_step_um=args.reference_z_step)
    )


def _one_alignment(path: Path, stack: Stack | None = None) -> Alignment:
    saved = load_saved(path, stack)
    if not isinstance(saved, Alignment):
        raise InputError(f"{path} is a session: give one .zalign of it.")
    return saved


def _check_targets(
    args: argparse.Namespace, out: Path, stack: Stack, slices: Stack, overwrite: bool
) -> None:
    """Find out now, not after the work, whether all can be written."""
    saved.check_target(
        out, Kind.ZSHIFT, subject_of(stack, 0), overwrite=overwrite, make_parents=True
    )
    for what in MOVIES:
        path = getattr(args, what)
        if path is not None:
            check_raw_files_stay(_movie_target(path), (*stack.paths, *slices.paths))
            check_export(path, (stack.n_frames, *stack.shape[2:]), "TYX", overwrite)


def _bytes_needed(
    stack: Stack, alignment: Alignment | None, reference: Alignment | Stack, params: ZShiftParams
) -> int:
    """Size of the result and its journal: six numbers a patch each, and the reference in both."""
    shape = stack.shape[2:] if alignment is None else alignment.transforms.shape
    patches = PatchGrid.of(shape, params.patch_px, params.overlap).n_patches
    slices = reference.stack if isinstance(reference, Alignment) else reference
    n_slices = slices.n_frames if slices.frames_per_slice is None else slices.n_slices
    return 4 * (12 * stack.n_frames * patches + 2 * n_slices * shape[0] * shape[1])


def _found(job: Job[ZShift], journal: Journal) -> ZShift:
    """Run the search; when it is stopped, what was found is kept in the journal."""
    try:
        return drain(job)
    except Cancelled:
        raise stopped(journal) from None
