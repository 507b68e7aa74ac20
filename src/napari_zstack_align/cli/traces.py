"""``zstack-align traces``: read the traces of cells from raw recordings."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from napari_zstack_align import saved
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import MissingSource, origin_of
from napari_zstack_align.alignment.session import load_saved, unique_names
from napari_zstack_align.cells.roi_files import load_rois, load_rois_of
from napari_zstack_align.cells.roi_table import is_roi_table
from napari_zstack_align.cells.traces import (
    Stimuli,
    Traces,
    extract_session_traces,
    measured_dark_level,
    read_stimuli,
    with_stimuli,
)
from napari_zstack_align.cells.traces.dark import DarkLevel
from napari_zstack_align.cells.traces.dark_file import with_dark_file
from napari_zstack_align.cells.traces.inputs import about_traces
from napari_zstack_align.cells.traces.stimuli import Unit
from napari_zstack_align.cells.traces.storage import save_session_traces
from napari_zstack_align.cli.apart import Reads, Writes, check_output_apart
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import (
    check_exist,
    completed,
    open_recording,
)
from napari_zstack_align.cli.kept import (
    drain_or_keep,
    leave,
    make_parents,
    saving,
    stopped,
    was_saved,
)
from napari_zstack_align.cli.number_arguments import number_argument
from napari_zstack_align.cli.opening import add_opening_arguments, check_not_reopened
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.sessions import tell_written
from napari_zstack_align.cli.stopping import at_safe_moments
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import TraceParams
from napari_zstack_align.read import open_stack
from napari_zstack_align.saved import (
    Journal,
    Kind,
    Subject,
    journal_folder,
    kind_of,
    target_of,
)
from napari_zstack_align.stack import Stack

Recording = tuple[Stack, Alignment | None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Read the traces of ROIs from the raw frames of recordings, and make ΔF/F of them. "
        "Stopped, the same command goes on from where it was."
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        action=Reads,
        metavar="PATH",
        help="RUN.zalign or a session; or a recording that doesn't move, or has --alignment",
    )
    parser.add_argument(
        "--rois",
        action=Reads,
        required=True,
        metavar="FILE",
        help="ROIs in reference coordinates: a table (y, x, radius, in pixels), results of Fiji, "
        "a zip of ImageJ's ROI manager",
    )
    parser.add_argument(
        "--rois-pixel-size",
        type=number_argument,
        metavar="UM",
        help="size of a pixel in µm, where the table of ROIs is in µm",
    )
    parser.add_argument(
        "--alignment",
        action=Reads,
        metavar="RUN.zalign",
        help="alignment of the recording that is given",
    )
    parser.add_argument(
        "--out",
        action=Writes,
        kind=Kind.TRACES,
        metavar="FOLDER",
        help="folder of the traces; of several recordings, a folder each in it [NAME_traces]",
    )
    parser.add_argument(
        "--dark-file",
        action=Reads,
        metavar="FILE",
        help="recording without light (closed shutter) of the same detector, at the same offset "
        "and gain: its mean is the dark level",
    )
    parser.add_argument(
        "--stimuli",
        action=Reads,
        metavar="FILE",
        help="table of stimulus times to be kept with the traces: onset, and offset or duration; "
        "name and recording where there are any",
    )
    parser.add_argument(
        "--stimuli-unit",
        choices=get_args(Unit),
        help="of onsets and offsets: seconds since the start of the recording, numbers of raw "
        "frames from 0, or date and time [as the table says]",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="frames at once [all processors]")
    parser.add_argument("--overwrite", action="store_true", help="replace the traces there")
    add_opening_arguments(parser, "times and baselines")
    add_model_flags(parser, TraceParams)
    parser.set_defaults(run=run_traces)


def run_traces(args: argparse.Namespace) -> bool:
    """Read traces and save them; return whether all of it was done, and some frames count."""
    check_exist(args.inputs)
    _check_not_swapped(args)
    params = params_of(args, TraceParams)
    measured = _measured_dark(args, params)
    if measured is not None:
        params = params.replace(dark_level=tuple(measured.values.tolist()))
    load_rois(args.rois, pixel_size_um=args.rois_pixel_size)  # refused before frames are opened
    stimuli = _stimuli_of(args)
    recordings = _recordings(args)
    stacks = [stack for stack, _ in recordings]
    if stimuli is not None:
        stimuli.check_names([stack.name for stack in stacks])
        for stack in stacks:
            stimuli.check_fits(stack.name, stack.acquisition)
    kind = Kind.TRACES if len(stacks) == 1 else Kind.SESSION_TRACES
    out = target_of(args.out or f"{_name_of(args.inputs, stacks)}_traces", kind)
    check_output_apart(args, out)
    rois = load_rois_of(args.rois, args.rois_pixel_size, stacks)
    alignments = [alignment for _, alignment in recordings]
    about = about_traces(stacks, rois, alignments, params)
    overwrite = args.overwrite or was_saved(out, kind, about)
    _check_target(out, kind, stacks, overwrite)
    make_parents(out)
    saved.check_room(out, _bytes_needed(stacks, len(rois)))
    with at_safe_moments(), Journal(journal_folder(out), about, stacks=stacks) as journal:
        job = extract_session_traces(
            stacks, rois, alignments, params, threads=args.threads, journal=journal
        )
        outcome = drain_or_keep(job, journal)
        done = outcome.result if stimuli is None else with_stimuli(outcome.result, stimuli)
        if measured is not None:
            n_channels = len(measured.values)
            done = [with_dark_file(each, args.dark_file.name, n_channels) for each in done]
        with saving(journal):
            written = _save(done, out, kind, overwrite, len(stacks))
        tell_written(written, out)
        complete = len(done) == len(recordings) and all(traces.complete for traces in done)
        counts = all(traces.used.any() for traces in done)
        leave(journal, complete, outcome.was_stopped)
    tell(done)
    if outcome.was_stopped and not complete:
        raise stopped(journal, written)
    return complete and counts


def _stimuli_of(args: argparse.Namespace) -> Stimuli | None:
    """Table of stimuli, read before any work."""
    if args.stimuli is None and args.stimuli_unit is not None:
        raise InputError("--stimuli-unit goes with --stimuli: give the table, or leave it out.")
    return None if args.stimuli is None else read_stimuli(args.stimuli, args.stimuli_unit)


def _measured_dark(args: argparse.Namespace, params: TraceParams) -> DarkLevel | None:
    """Dark level of a file without light, where one is given."""
    if args.dark_file is None:
        return None
    if params.dark_level or params.dark_frames is not None:
        raise InputError("Give --dark-file, `dark_level` or `dark_frames`, only one of them.")
    level = measured_dark_level(open_stack(args.dark_file))
    print(
        f"{args.dark_file}: a dark level of {', '.join(f'{v:.2f}' for v in level.values)} counts."
    )
    return level


def _check_not_swapped(args: argparse.Namespace) -> None:
    """Raise InputError where a table of ROIs stands in the place of recordings."""
    tables = [path for path in args.inputs if is_roi_table(path)]
    if not tables:
        return
    if len(args.inputs) == 1 and not is_roi_table(Path(args.rois)) and Path(args.rois).exists():
        raise InputError(
            f"{tables[0]} is a table of ROIs, and {args.rois} is none: they look swapped. Give "
            f"zstack-align traces {args.rois} --rois {tables[0]}."
        )
    raise InputError(
        f"{tables[0]} is a table of ROIs: give it with --rois, and the recordings or alignments "
        f"before that."
    )


def _recordings(args: argparse.Namespace) -> list[Recording]:
    if args.alignment is not None:
        if len(args.inputs) > 1 or kind_of(args.inputs[0]):
            raise InputError("--alignment goes with one recording: give its file and nothing else.")
        stack = open_recording(args.inputs[0], args)
        aligned = load_saved(args.alignment, stack)
        if not isinstance(aligned, Alignment):
            raise InputError(f"{args.alignment} is a session: give the .zalign of the recording.")
        return [(stack, aligned)]
    recordings: list[Recording] = []
    for path in args.inputs:
        if kind_of(path) is None:
            recordings.append((open_recording(path, args), None))
            continue
        check_not_reopened(args, path.name)
        saved = load_saved(path)
        for alignment in [saved] if isinstance(saved, Alignment) else saved:
            if isinstance(alignment.stack.source, MissingSource):
                raise InputError(
                    f"{alignment.stack.source.why} For traces, give the file itself, and the "
                    f".zalign in {path} with --alignment."
                )
            recordings.append((completed(alignment.stack, args), alignment))
    return recordings


def _name_of(inputs: Sequence[Path], stacks: Sequence[Stack]) -> str:
    """Return the name of the session, if one is all that is given, or of the first recording."""
    session = inputs[0]
    if len(inputs) == 1 and kind_of(session) is Kind.SESSION:
        return target_of(session, Kind.SESSION).name  # '.' has one, too
    return stacks[0].name


def _check_target(out: Path, kind: Kind, stacks: Sequence[Stack], overwrite: bool) -> None:
    """Find out now, not after the work, whether traces can be written."""
    subjects = [
        Subject(name=stack.name, frames=stack.n_frames, origin=origin_of(stack)) for stack in stacks
    ]
    subject, members = subjects[0], None
    if kind is Kind.SESSION_TRACES:
        subject = subject.model_copy(update={"frames": len(stacks)})
        names = unique_names([stack.name for stack in stacks])
        members = dict(zip(names, subjects, strict=True))
    saved.check_target(out, kind, subject, members, overwrite=overwrite, make_parents=True)


def _bytes_needed(stacks: Sequence[Stack], n_rois: int) -> int:
    """Size of the result, four numbers for each ROI and frame, and of its journal, two."""
    return sum(6 * 4 * stack.shape[1] * stack.n_frames * n_rois for stack in stacks)


def _save(done: list[Traces], out: Path, kind: Kind, overwrite: bool, asked: int) -> Path:
    if kind is Kind.TRACES:
        return done[0].save(out, overwrite=overwrite)
    return save_session_traces(done, out, overwrite=overwrite, asked=asked)
