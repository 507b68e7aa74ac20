"""``zstack-align batch``: one animal a row, one parameter file; a failed row stops no other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import origin_on_disk, subject_of
from napari_zstack_align.alignment.session import save_session
from napari_zstack_align.cli.apart import Output, Reads, Writes, inputs_of
from napari_zstack_align.cli.inputs import add_recording_arguments, open_recording, read_mask
from napari_zstack_align.cli.kept import forget_if_saved, leave, stopped
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.sessions import (
    about_session,
    check_session,
    drain_or_keep,
    is_done,
    tell_opened,
    tell_written,
)
from napari_zstack_align.cli.table import Row, read_rows
from napari_zstack_align.counting import counted
from napari_zstack_align.csv_text import csv_bytes
from napari_zstack_align.errors import Cancelled, InputError, ZstackAlignError
from napari_zstack_align.flags import are_flagged
from napari_zstack_align.parallel import checked_threads
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings import register_recordings
from napari_zstack_align.saved import (
    Journal,
    Kind,
    Occupant,
    Table,
    check_table,
    journal_folder,
    occupant_of,
    save_table,
    sentences_for,
    target_of,
)
from napari_zstack_align.saved.successors import listed_in, successors

RESULTS = "results.csv"


class Result(NamedTuple):
    """What became of a row; the columns of results.csv."""

    name: str
    state: str
    out: str
    recordings: int | None = 0
    frames: int | None = 0
    flagged: int | None = 0
    message: str = ""


RESULTS_TABLE = Table("table of results of this command", frozenset(Result._fields))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Register the recordings of many animals, one a row of a CSV table with the columns "
        "name, recordings (files separated by ';', patterns allowed, relative to the table), "
        "and, if need be, mask, out and any parameter by its name. A row that fails is told "
        f"of and stops no other; what became of each stands in {RESULTS}. Rows that are done "
        "already are skipped; one that was stopped goes on from where it was."
    )
    parser.add_argument("table", action=Reads, metavar="TABLE.csv")
    parser.add_argument(
        "--params", action=Reads, metavar="FILE.json", help="parameters of all rows from a file"
    )
    parser.add_argument(
        "--out",
        action=Writes,
        beside=True,
        metavar="FOLDER",
        help="where the sessions go [beside the table]",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="frames at once [all processors]")
    parser.add_argument("--overwrite", action="store_true", help="do finished rows again")
    add_recording_arguments(parser, "chunks of 10 s")
    parser.set_defaults(run=run_batch)


def run_batch(args: argparse.Namespace) -> bool:
    """Do every row; return whether all of them are done."""
    base = KeypointParams() if args.params is None else KeypointParams.from_file(args.params)
    folder = args.table.parent if args.out is None else args.out
    checked_threads(args.threads)
    rows = read_rows(args.table, folder, KeypointParams)
    _check_results(folder / RESULTS, args.table)
    results: list[Result] = []
    for number, row in enumerate(rows, start=1):
        print(f"[{number}/{len(rows)}] {row.name}", flush=True)
        result = _do(row, base, args)
        results.append(result)
        print(f"{row.name}: {result.message or result.state}", flush=True)
        _write_results(folder / RESULTS, results)
        if result.state == "cancelled":
            break
    print(f"Wrote {folder / RESULTS}")
    print(_counts(results, len(rows)))
    return all(result.state in ("done", "skipped") for result in results)


def _do(row: Row, base: KeypointParams, args: argparse.Namespace) -> Result:
    """Do one row; whatever goes wrong with it is a result too."""
    out = str(row.out)
    try:
        target_of(row.out, Kind.SESSION)
        if not args.overwrite and _is_done(row, args):
            forget_if_saved(row.out, Kind.SESSION)
            return _skipped(row)
        return _registered(row, base, args)
    except ZstackAlignError as error:
        return Result(row.name, "failed", out, message=str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Result(row.name, "failed", out, message=f"{where}{error.strerror or error}.")


def _is_done(row: Row, args: argparse.Namespace) -> bool:
    """Whether the session of a row is there whole, and every frame of it was run.

    One of other recordings isn't that of the row: what is done with it finds it in the way.

    Raises
    ------
    InputError
        Where it is complete, but files of it are missing.
    """
    there = occupant_of(row.out)
    session = there.manifest
    if there.kind is not Kind.SESSION or session is None or not session.complete:
        return False
    if not _is_of_row(there, row, args):
        return False
    for member in session.members:
        if not _is_whole(row.out / member.folder):
            raise InputError(
                f"{row.out / member.folder} is damaged or missing, though the session is complete: "
                f"restore it from a copy, or give --overwrite to do the row again."
            )
    return True


def _is_of_row(there: Occupant, row: Row, args: argparse.Namespace) -> bool:
    """Whether a session is of a row's recordings; files that haven't changed aren't opened."""
    try:
        paths = row.paths(args.table.parent)
    except InputError:  # they are gone since
        return True
    listed = listed_in(there)
    if len(listed) != len(paths):
        return False
    known = [each.subject.origin for each in listed.values()]
    given = map(origin_on_disk, paths)
    if all(was.is_unchanged(now) for was, now in zip(known, given, strict=True)):
        return True
    stacks = [open_recording(path, args) for path in paths]
    after = successors(listed, [subject_of(stack, 0) for stack in stacks])
    return None not in after.values()


def _skipped(row: Row) -> Result:
    """Result of a row that is done; what its manifest doesn't say is left empty."""
    session = occupant_of(row.out).manifest
    members = () if session is None else session.members
    frames = sum(member.frames for member in members)
    counts = (len(members) or None, frames or None, None)
    return Result(row.name, "skipped", str(row.out), *counts, message="done already")


def _is_whole(folder: Path) -> bool:
    """Whether the files of a result are there in their size; what they hold is not read."""
    manifest = occupant_of(folder).manifest
    files = [] if manifest is None else [(folder / f.name, f.size) for f in manifest.files.values()]
    return bool(files) and all(
        path.is_file() and size in (-1, path.stat().st_size) for path, size in files
    )


def _registered(row: Row, base: KeypointParams, args: argparse.Namespace) -> Result:
    params = row.params(base)
    paths = row.paths(args.table.parent)
    of_row = paths if row.mask is None else [*paths, row.mask]
    inputs_of(args, of_row).check(Output(row.out))
    stacks = [open_recording(path, args) for path in paths]
    mask = read_mask(row.mask)
    about = about_session(stacks, params, mask)
    overwrite = check_session(row.out, stacks, params, about, args.overwrite, make_parents=True)
    with Journal(journal_folder(row.out), about, stacks=stacks) as journal:
        job = register_recordings(stacks, params, mask, threads=args.threads, journal=journal)
        tell_opened(stacks)
        try:
            alignments = drain_or_keep(job)
        except Cancelled:
            return Result(row.name, "cancelled", str(row.out), message=str(stopped(journal)))
        written = save_session(alignments, row.out, overwrite=overwrite)
        tell_written(written, row.out)
        leave(journal, all(alignment.complete for alignment in alignments))
    tell(alignments)
    return _result(row, *_outcome(alignments), alignments, written)


def _outcome(alignments: list[Alignment]) -> tuple[str, str]:
    """State of a row, and a message."""
    unreadable = sum(alignment.n_unreadable for alignment in alignments)
    if unreadable and all(alignment.placed.all() for alignment in alignments):
        return "incomplete", f"{counted(unreadable, 'frame')} couldn't be read."
    if not all(alignment.complete for alignment in alignments):
        return "cancelled", "cancelled; what was done is kept."
    if not is_done(alignments):
        return "incomplete", "not every recording could be matched."
    return "done", ""


def _result(
    row: Row, state: str, message: str, alignments: list[Alignment], written: Path
) -> Result:
    flagged = sum(int(are_flagged(a.quality["flag"]).sum()) for a in alignments)
    frames = sum(alignment.stack.n_frames for alignment in alignments)
    return Result(row.name, state, str(written), len(alignments), frames, flagged, message)


def _check_results(path: Path, table: Path) -> None:
    if path.absolute() == table.absolute():
        raise InputError(
            f"The results would be written over the table {table}: give it another name."
        )
    with sentences_for(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    check_table(path, RESULTS_TABLE, overwrite=True)


def _write_results(path: Path, results: list[Result]) -> None:
    save_table(path, csv_bytes(Result._fields, results), RESULTS_TABLE, overwrite=True)


def _counts(results: list[Result], n_rows: int) -> str:
    states = [result.state for result in results]
    told = [f"{states.count(state)} {state}" for state in dict.fromkeys(states)]
    if left := n_rows - len(results):
        told.append(f"{left} not begun")
    return f"{counted(n_rows, 'row')}: {', '.join(told)}."
