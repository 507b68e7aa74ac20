"""``zstack-align batch``: one animal a row, one parameter file; a failed row stops no other."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from napari_zstack_align.alignment.session import save_session
from napari_zstack_align.cli.align_by import add_align_by, aligned_by
from napari_zstack_align.cli.apart import Output, Reads, Writes, inputs_of
from napari_zstack_align.cli.batch_results import (
    IN_USE,
    RESULTS,
    Result,
    check_results,
    counts_of,
    result_of,
    write_results,
)
from napari_zstack_align.cli.done_rows import found_done
from napari_zstack_align.cli.inputs import open_recording, read_mask
from napari_zstack_align.cli.kept import (
    Stopped,
    drain_or_keep,
    forget_if_saved,
    leave,
    saving,
    stopped,
    stopped_in_a_table,
)
from napari_zstack_align.cli.lacking import lacking
from napari_zstack_align.cli.opening import ALL_PLANES, add_opening_arguments, with_columns
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.sessions import (
    about_session,
    check_session,
    n_planes,
    tell_opened,
    tell_written,
    with_all_planes,
)
from napari_zstack_align.cli.stopping import at_safe_moments, was_asked
from napari_zstack_align.cli.table import Row, check_places, read_rows
from napari_zstack_align.errors import ZstackAlignError
from napari_zstack_align.parallel import checked_threads
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register.recordings import register_recordings
from napari_zstack_align.saved import (
    Journal,
    Kind,
    journal_folder,
    target_of,
)
from napari_zstack_align.saved.lock import InUseError
from napari_zstack_align.settings import in_flags

CANCELLED = "cancelled"
"""State of a row that was stopped."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Register the recordings of many animals, one a row of a CSV table (with commas, "
        "semicolons or tabs, as spreadsheet programs save it) with the columns "
        "name, recordings (files separated by ';', patterns allowed, relative to the table), "
        "and, if need be, mask, out, how its files are read (such as channels, plane or "
        "frame_rate_hz) and any parameter by its name. A row that fails is told "
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
    add_align_by(parser)
    add_opening_arguments(parser, "chunks of 10 s", with_all_planes=True)
    parser.set_defaults(run=run_batch)


def run_batch(args: argparse.Namespace) -> bool:
    """Do every row; return whether all of them are done."""
    base = KeypointParams() if args.params is None else KeypointParams.from_file(args.params)
    folder = args.table.parent if args.out is None else args.out
    checked_threads(args.threads)
    rows = _in_planes(read_rows(args.table, folder, KeypointParams), args)
    check_results(folder / RESULTS, args.table)
    results: list[tuple[Row, Result]] = []
    for number, row in enumerate(rows, start=1):
        print(f"[{number}/{len(rows)}] {row.name}", flush=True)
        with at_safe_moments():  # what becomes of a row is saved and listed whole
            result = _do(row, base, args)
            results.append((row, result))
            said = "" if result.state == CANCELLED else result.message  # said in the last line
            print(f"{row.name}: {said or result.state}", flush=True)
            write_results(folder / RESULTS, results)
            if was_asked() or result.state == CANCELLED:
                break
    print(f"Wrote {folder / RESULTS}")
    print(counts_of([result for _, result in results], len(rows)))
    done = [result.state in ("done", "skipped") for _, result in results]
    last = results[-1][1]
    if last.state == CANCELLED:
        raise Stopped(last.message)
    if len(done) < len(rows):
        raise stopped_in_a_table(folder / RESULTS)
    return all(done)


def _in_planes(rows: Sequence[Row], args: argparse.Namespace) -> list[Row]:
    """Give each plane a row of its own where all are asked for."""
    found: list[Row] = []
    for row in rows:
        try:
            found += row.in_planes(_count_planes(row, with_columns(args, row.said)))
        except (ZstackAlignError, OSError):
            found.append(row)  # doing it says what is the matter
    check_places(found, args.table)
    return found


def _count_planes(row: Row, args: argparse.Namespace) -> int:
    """Planes of a row's recordings; 0 where not all of them are asked for."""
    if args.plane != ALL_PLANES:
        return 0
    return n_planes(with_all_planes(row.paths(args.table.parent), args))


def _do(row: Row, base: KeypointParams, args: argparse.Namespace) -> Result:
    """Do one row; whatever goes wrong with it is a result too."""
    out = str(row.out)
    try:
        target_of(row.out, Kind.SESSION)
        args = with_columns(args, row.said)
        _count_planes(row, args)  # a row of all planes that is left can't be opened
        params = row.params(base)
        if args.align_by is not None:
            params = aligned_by(args, params, open_recording(row.paths(args.table.parent)[0], args))
        done = None if args.overwrite else found_done(row, params, args)
        if done is None:
            return _registered(row, params, args)
        forget_if_saved(row.out, Kind.SESSION)
        return done
    except ZstackAlignError as error:
        state = IN_USE if isinstance(error, InUseError) else "failed"
        return Result(row.name, state, out, message=in_flags(str(error)))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Result(row.name, "failed", out, message=f"{where}{error.strerror or error}.")


def _registered(row: Row, params: KeypointParams, args: argparse.Namespace) -> Result:
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
            outcome = drain_or_keep(job, journal)
        except Stopped as stop:
            return Result(row.name, CANCELLED, str(row.out), message=str(stop))
        alignments = outcome.result
        with saving(journal):
            written = save_session(alignments, row.out, overwrite=overwrite)
        tell_written(written, row.out)
        complete = all(alignment.complete for alignment in alignments)
        leave(journal, complete, outcome.was_stopped)
    tell(alignments)
    qualities = [alignment.quality for alignment in alignments]
    lacks = lacking(qualities)
    became = "incomplete" if lacks else "done", lacks
    if outcome.was_stopped and not complete:
        became = CANCELLED, str(stopped(journal, written))
    return result_of(row, *became, qualities, written)
