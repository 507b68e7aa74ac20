"""Which rows of ``zstack-align batch`` are done already, and whether as the table says now."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from napari_zstack_align.alignment.raw_frames import origin_on_disk, subject_of
from napari_zstack_align.alignment.storage import Made, load_alignment, read_made
from napari_zstack_align.cli.batch_results import Result, result_of
from napari_zstack_align.cli.inputs import open_recording, read_mask
from napari_zstack_align.cli.lacking import lacking
from napari_zstack_align.cli.opening import opening
from napari_zstack_align.cli.table import Row
from napari_zstack_align.counting import are
from napari_zstack_align.errors import InputError
from napari_zstack_align.mask import as_weights
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.read.said.drop import Dropped
from napari_zstack_align.read.said.line_phase import AUTO
from napari_zstack_align.saved import Kind, Occupant, Subject, occupant_of
from napari_zstack_align.saved.origin import Origin, share_a_place
from napari_zstack_align.saved.successors import Listed, listed_in, successors
from napari_zstack_align.stack import Stack

BRING_BACK = "where its frames are needed, give the file this name and place again"
AGAIN = "--overwrite does it again"


def found_done(row: Row, params: KeypointParams, args: argparse.Namespace) -> Result | None:
    """Return what became of a row whose session is there whole; None: it is to be done.

    A session of other recordings isn't that of the row: what is done with it finds it in the way.

    Parameters
    ----------
    row : Row
    params : KeypointParams
        With which it would be done now.
    args : argparse.Namespace
        Of the command.

    Raises
    ------
    InputError
        Where it is complete, but files of it are missing, its frames have changed, or its raw
        files have other names now.
    """
    there = occupant_of(row.out)
    if there.kind is not Kind.SESSION or there.manifest is None or not there.manifest.complete:
        return None
    listed = listed_in(there)
    recordings = _recordings_of(row, listed, args)
    if recordings is None:
        return None
    opened, gone = recordings
    _check_whole(there, listed)
    for folder, stack in opened.items():
        load_alignment(row.out / folder, stack)  # refuses other frames
    made = [read_made(row.out / folder) for folder in listed]
    others = [*dict.fromkeys(other for each in made for other in _others(row, params, each, args))]
    message = f"done already{', with ' if others else ''}{', '.join(others)}"
    message += f": {AGAIN}" if others else ""
    if gone:
        names = ", ".join(map(str, gone))
        message += f"; {names} {are(len(gone))} not there any more: {BRING_BACK}"
    qualities = [each.quality for each in made]
    if lacks := lacking(qualities):
        return result_of(row, "incomplete", f"{lacks} It is {message}", qualities, row.out)
    return result_of(row, "skipped", message, qualities, row.out)


def _recordings_of(
    row: Row, listed: Mapping[str, Listed], args: argparse.Namespace
) -> tuple[dict[str, Stack], list[Path]] | None:
    """Find the recordings of a row in a session; None where it isn't of them.

    Files that haven't changed aren't opened.

    Returns
    -------
    opened : dict of str to Stack
        Those whose files have changed, or lie elsewhere, by the folder of their member.
    gone : list of pathlib.Path
        Names in the table of those whose files aren't there any more.
    """
    paths, gone = row.found(args.table.parent)
    left = dict(listed)
    changed: list[Path] = []
    for path in paths:
        now = origin_on_disk(path)
        same = next((f for f, each in left.items() if each.subject.origin.is_unchanged(now)), None)
        if same is None:
            changed.append(path)
        else:
            del left[same]
    stacks = [open_recording(path, args) for path in changed]
    subjects = [subject_of(stack, 0) for stack in stacks]
    after = successors(left, subjects)
    opened = {
        folder: stack
        for folder, new in after.items()
        for stack, subject in zip(stacks, subjects, strict=True)
        if subject is new
    }
    lost = [each for folder, each in left.items() if folder not in opened]
    all_known = all(any(_may_be(name, each) for name in gone) for each in lost)
    all_there = all(any(_may_be(name, each) for each in lost) for name in gone)
    if len(opened) == len(stacks) and all_known and all_there:
        return opened, gone
    if not gone:
        _check_not_renamed(row, lost, dict(zip(changed, subjects, strict=True)))
    return None


def _check_not_renamed(row: Row, lost: Sequence[Listed], others: Mapping[Path, Subject]) -> None:
    """Raise InputError where raw files of members are gone, with files that hold their frames.

    Parameters
    ----------
    row : Row
    lost : sequence of Listed
        Members of which the row has no recording.
    others : mapping of pathlib.Path to Subject
        Recordings of the row that aren't of any member.
    """
    gone = [each.subject.origin for each in lost if _is_gone(each.subject.origin)]
    if not gone:
        return
    fingerprints = {origin.fingerprint for origin in gone} - {""}
    same = [path for path, subject in others.items() if subject.origin.fingerprint in fingerprints]
    holds = "holds its frames" if len(same) == 1 else "hold their frames"
    now = f" ({', '.join(map(str, same))} {holds})" if same else ""
    raise InputError(
        f"{row.out} was made of {', '.join(map(str, gone))}, which {are(len(gone))} not there any "
        f"more{now}: give the file its name and place again, choose another 'out', or give "
        f"--overwrite to do the row again."
    )


def _is_gone(origin: Origin) -> bool:
    """Whether no file of frames is in any of the places where it may be."""
    places = [place for file in origin.files for place in file]
    return bool(places) and not any(os.path.lexists(place) for place in places)


def _may_be(name: Path, member: Listed) -> bool:
    """Whether a member may be of the files that a name in the table stood for, or its pattern."""
    files = [place for places in member.subject.origin.files for place in places]
    places = [Path(os.path.abspath(place)) for file in files for place in (file, file.parent)]
    pattern = os.path.abspath(name)
    return share_a_place([name], places) or any(place.match(pattern) for place in places)


def _check_whole(there: Occupant, listed: Mapping[str, Listed]) -> None:
    for folder, each in listed.items():
        if not each.is_own or not _is_whole(each.inside):
            raise InputError(
                f"{there.path / folder} is damaged or missing, though the session is complete: "
                f"restore it from a copy, or give --overwrite to do the row again."
            )


def _is_whole(there: Occupant) -> bool:
    """Whether the files of a result are there in their size; what they hold is not read."""
    manifest = there.manifest
    files = (
        [] if manifest is None else [(there.path / f.name, f.size) for f in manifest.files.values()]
    )
    return bool(files) and all(
        path.is_file() and size in (-1, path.stat().st_size) for path, size in files
    )


def _others(
    row: Row, params: KeypointParams, made: Made, args: argparse.Namespace
) -> Iterator[str]:
    """What a recording was done with that the table, or the command, doesn't say now."""
    now, then = params.model_dump(), made.params.model_dump()
    for name, value in now.items():
        if name in then and then[name] != value:
            yield f"{name}={_shown(then[name])} ({_source(row, name, args)} {_shown(value)})"
    yield from _otherwise_read(made, args)
    yield from _other_mask(row, made)
    if args.pixel_size is not None and not _same(args.pixel_size, made.pixel_size_um):
        yield f"a pixel size of {_shown(made.pixel_size_um)} µm (now {_shown(args.pixel_size)})"
    if args.frame_rate is not None:
        times = made.frame_numbers / args.frame_rate
        if not _same(times, made.frame_times_s):
            yield f"other frame times (now {args.frame_rate:g} frames/s)"


def _otherwise_read(made: Made, args: argparse.Namespace) -> Iterator[str]:
    """What was said of its files that isn't now, or the other way round."""
    now = opening(args)
    if "axes" in now:
        now["axes"] = str(now["axes"]).upper()
    if "drop_frames" in now:
        now["drop_frames"] = Dropped.read(now["drop_frames"]).words
    then = {name: value for name, value in made.said.items() if name in now or name in ALONE}
    if now.get("line_phase") == AUTO:  # what was found then, or not, is what would be found now
        for said in (now, then):
            said.pop("line_phase", None)
            said.pop("line_phase_subpixel", None)
    for name in sorted({*now, *then}):
        if as_json(now.get(name)) != as_json(then.get(name)):
            had, has = (_shown(each.get(name, "as the files say")) for each in (then, now))
            yield f"{name}={had} (now {has})"


ALONE = (
    *("axes", "channels", "plane", "drop_frames", "image", "whole_frames"),
    *("line_phase", "line_phase_subpixel"),
)
"""What is kept only where it was said; a plane comes with its layout."""


def as_json(value: object) -> object:
    """A value as it is read back from JSON."""
    return list(value) if isinstance(value, tuple) else value


def _other_mask(row: Row, made: Made) -> Iterator[str]:
    mask = read_mask(row.mask)
    if mask is None:
        if made.mask is not None:
            yield "a mask (the table gives none)"
    elif made.mask is None:
        yield f"no mask (the table gives {row.mask})"
    elif not _same(as_weights(mask, mask.shape), made.mask):
        yield f"another mask than {row.mask}"


def _source(row: Row, name: str, args: argparse.Namespace) -> str:
    if name in row.cells:
        return "the table says"
    return "the default is" if args.params is None else f"{args.params} says"


def _same(one: object, other: object) -> bool:
    if other is None:
        return False
    mine, theirs = np.asarray(one, float), np.asarray(other, float)
    return mine.shape == theirs.shape and bool(np.allclose(mine, theirs))


def _shown(value: object) -> str:
    """A value as it stands in a table."""
    if isinstance(value, tuple):
        return " ".join(map(_shown, value))
    if isinstance(value, bool | None):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
