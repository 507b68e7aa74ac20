"""``zstack-align adaptive``: align a z-stack with repeats."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align import saved
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_raw_files_stay
from napari_zstack_align.alignment.raw_frames import MissingSource, subject_of
from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.alignment.storage import load_alignment
from napari_zstack_align.cli.align_by import add_align_by, aligned_by
from napari_zstack_align.cli.apart import Reads, Writes, check_output_apart
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import add_stack_arguments, open_from, read_mask
from napari_zstack_align.cli.kept import (
    Outcome,
    drain_or_keep,
    leave,
    saving,
    stopped,
    was_saved,
    was_written,
)
from napari_zstack_align.cli.lacking import lacking
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.sessions import tell_written
from napari_zstack_align.cli.stopping import at_safe_moments
from napari_zstack_align.cli.writing import write
from napari_zstack_align.errors import InputError
from napari_zstack_align.mask import as_weights
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.read import describe
from napari_zstack_align.register.adaptive import align_adaptive
from napari_zstack_align.saved import Journal, Kind, about_run, journal_folder, target_of
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.export import check_export, export_alignment
from napari_zstack_align.write.writers import Takes, choose_writer, endings_in_words


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = "Align a z-stack with repeats to a reference that follows the slices."
    add_stack_arguments(parser)
    parser.add_argument(
        "--out",
        action=Writes,
        kind=Kind.ALIGNMENT,
        metavar="RUN.zalign",
        help="folder to write [the file's name.zalign]",
    )
    parser.add_argument(
        "--volume",
        action=Writes,
        metavar="FILE",
        help=f"write the volume too; its name {endings_in_words(Takes.VOLUME)}",
    )
    parser.add_argument(
        "--mask", action=Reads, metavar="FILE", help="image of weights or labels: where it must fit"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="frames at once [all processors]")
    parser.add_argument("--overwrite", action="store_true", help="replace what is there already")
    add_align_by(parser)
    add_model_flags(parser, AdaptiveParams)
    parser.set_defaults(run=run_adaptive)


def run_adaptive(args: argparse.Namespace) -> bool:
    """Align, save, and write the volume; return whether all of it was done."""
    params = params_of(args, AdaptiveParams)
    stack = open_from(args)
    params = aligned_by(args, params, stack)
    out = target_of(args.out or stack.name, Kind.ALIGNMENT)
    check_output_apart(args, out)
    _check_layout(stack)
    mask = read_mask(args.mask)
    weights = as_weights(mask, (stack.shape[2], stack.shape[3]))
    about = about_run("align_adaptive", params, stack, mask=weights)
    before = _saved_before(out, about)
    if before is None:
        _check_outputs(out, stack, params, args.volume, args.overwrite)
    with at_safe_moments(), Journal(journal_folder(out), about, stacks=[stack]) as journal:
        job = align_adaptive(stack, params, mask, threads=args.threads, journal=journal)
        print(f"{stack.name}: {describe(stack)}")
        outcome = drain_or_keep(job, journal) if before is None else Outcome(before)
        alignment, written = outcome.result, out
        if before is None:
            with saving(journal):
                written = alignment.save(out, overwrite=args.overwrite)
            tell_written(written, out)
        if args.volume is not None and alignment.placed.all():
            is_there = before is not None and not args.overwrite
            if not (is_there and was_written(_volume_target(args.volume), out)):
                _write_volume(args, alignment, out)
        leave(journal, alignment.complete, outcome.was_stopped)
    tell([alignment], named=False)
    if outcome.was_stopped and not alignment.complete:
        raise stopped(journal, written)
    return alignment.complete and not lacking([alignment.quality])


def _volume_target(path: Path) -> Path:
    return choose_writer(path, Takes.VOLUME).target(path)


def _write_volume(args: argparse.Namespace, alignment: Alignment, out: Path) -> None:
    job = export_alignment(args.volume, alignment, overwrite=args.overwrite)
    target = _volume_target(args.volume)
    written = write(job, [target], overwrite=args.overwrite, goes_on=True, before=[out])
    print(f"Wrote {written}")


def _saved_before(out: Path, about: Mapping[str, Any]) -> Alignment | None:
    """Return what this very command saved before it was killed at its end."""
    if not was_saved(out, Kind.ALIGNMENT, about):
        return None
    found = load_alignment(out)
    # else its frames are gone or have changed
    return None if isinstance(found.stack.source, MissingSource) else found


def _check_outputs(
    out: Path, stack: Stack, params: AdaptiveParams, volume: Path | None, overwrite: bool
) -> None:
    """Find out now, not after the work, what can't be written."""
    saved.check_target(out, Kind.ALIGNMENT, subject_of(stack, 0), overwrite=overwrite)
    saved.check_room(out, _bytes_needed(stack, params))
    if volume is not None:
        check_raw_files_stay(_volume_target(volume), stack.paths)
        channels = stack.shape[1:2] if stack.shape[1] > 1 else ()
        shape = (*channels, stack.n_slices, *stack.shape[2:])
        check_export(volume, shape, "CZYX"[-len(shape) :], overwrite)


def _bytes_needed(stack: Stack, params: AdaptiveParams) -> int:
    """Size of the result and of its journal: the fields of all frames, two images a slice."""
    shape = (stack.shape[2], stack.shape[3])
    field = 2 * int(np.prod(grid_shape(shape, float(params.grid_spacing_px))))
    image = shape[0] * shape[1]
    return 4 * (4 * stack.n_frames * field + 2 * stack.n_slices * image + 3 * image)


def _check_layout(stack: Stack) -> None:
    if stack.frames_per_slice is None:
        raise InputError(
            f"{stack.name} doesn't say how many repeats each slice has: give --frames-per-slice "
            f"('zstack-align info --propose' suggests a number). A recording of one plane goes to "
            f"'zstack-align keypoints'."
        )
