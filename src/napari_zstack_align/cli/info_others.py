"""What ``zstack-align info`` says of Suite2p folders, tables of traces, and folders of results."""

from __future__ import annotations

import csv
import os
import stat
from pathlib import Path

import numpy as np

from napari_zstack_align.atomic import mode_of
from napari_zstack_align.cli.info_exports import export_at
from napari_zstack_align.cli.info_found import Found
from napari_zstack_align.cli.info_unfinished import journal_at
from napari_zstack_align.counting import counted
from napari_zstack_align.csv_text import csv_header
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import describe, open_stack
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.read.readers import file_suffixes, folder_reader
from napari_zstack_align.read.suite2p.names import FILES, PER_ROI, is_plane
from napari_zstack_align.saved import UnfitContent, kind_of, occupant_of, read_npy, shape_of_npy
from napari_zstack_align.write.cells import summary_csv, tidy_csv, wide_csv

TABLES = {
    "tidy table of traces": tidy_csv.COLUMNS,
    "table that sums up traces": summary_csv.COLUMNS,
    "wide table of traces": wide_csv.COLUMNS,
}
"""In the order in which they are looked for: a tidy one has the columns of a wide one too."""


def other_at(path: Path) -> Found | None:
    """Describe what is no image and can't be loaded; None where it is nothing of the kind."""
    try:
        mode = mode_of(path)
    except (OSError, ValueError):  # opening it as an image says why
        return None
    if stat.S_ISREG(mode):
        return export_at(path) or (_table(path) if path.suffix.lower() == ".csv" else None)
    if not stat.S_ISDIR(mode):
        return None
    return journal_at(path) or _suite2p(path) or _folder_without_images(path)


def _table(path: Path) -> Found | None:
    columns = set(csv_header(path))
    title = next((title for title, known in TABLES.items() if columns.issuperset(known)), None)
    if title is None:
        return None
    rows = 0
    names: dict[str, set[str]] = {"recording": set(), "roi": set(), "frame": set()}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if None in row or None in row.values():
                    raise InputError(
                        f"{path} is damaged: row {rows + 2} hasn't as many cells as the table has "
                        f"columns. Export it again."
                    )
                rows += 1
                for name, values in names.items():
                    if name in row:
                        values.add(row[name])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} can't be read as a CSV table: {error}.") from error
    n_rois = sum(name.startswith("roi_") for name in columns) or len(names["roi"])
    facts = {
        "rows": rows,
        "recordings": len(names["recording"]),
        "rois": n_rois,
        "frames": len(names["frame"]) if "frame" in columns else None,
    }
    parts = [counted(rows, "row"), counted(facts["recordings"] or 0, "recording")]
    parts.append(counted(n_rois, "ROI"))
    if facts["frames"] is not None:
        parts.append(f"frame numbers up to {max(map(_number, names['frame']), default=0)}")
    held = ", ".join(parts) if rows else "it has no rows"
    words = f"{path} is a {title}: {held}. It was exported: 'zstack-align info' of the folder of "
    return Found(title, [f"{words}traces says how they were read."], facts)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _suite2p(path: Path) -> Found | None:
    """Describe a folder of Suite2p, or one that holds such as plane0, plane1, ..."""
    if is_plane(path):
        text, facts = _plane(path)
        return Found(
            "Suite2p",
            [f"{path} is a folder of Suite2p: {text} {_HOW}", *_frames_in(path)],
            {"planes": [facts]},
        )
    planes = in_natural_order(each for each in path.glob("plane*") if is_plane(each))
    if not planes or any(each.suffix.lower() in file_suffixes() for each in path.iterdir()):
        return None
    found = [_plane(each) for each in planes]
    lines = [f"{path} is a folder of Suite2p with {counted(len(planes), 'plane')}. {_HOW}"]
    lines += [f"  {each.name}: {text}" for each, (text, _) in zip(planes, found, strict=True)]
    return Found("Suite2p", lines, {"planes": [facts for _, facts in found]})


_HOW = "Suite2p opens it by its stat.npy; of such folders, this program opens the frames alone."


def _frames_in(path: Path) -> list[str]:
    """Describe the frames in a plane's folder; nothing where it holds ROIs and traces alone."""
    if folder_reader(path) is None:
        return []
    try:
        return [f"Its frames: {describe(open_stack(path))}."]
    except InputError as error:
        return [f"Its frames can't be opened: {error}"]


def _plane(path: Path) -> tuple[str, dict[str, object]]:
    there = [name for name in FILES if (path / name).is_file()]
    shapes = {name: shape_of_npy(path / name) for name in PER_ROI if name in there}
    damaged = [name for name, shape in shapes.items() if len(shape) != PER_ROI[name]]
    counts = {name: shape[0] for name, shape in shapes.items() if name not in damaged}
    frames = [shapes[name][1] for name in ("F.npy", "Fneu.npy") if name in counts]
    n_rois = next(iter(counts.values()), None)
    cells = _n_cells(path / "iscell.npy") if "iscell.npy" in counts else None
    parts = [] if n_rois is None else [counted(n_rois, "ROI")]
    parts += [] if cells is None else [f"{cells} of them taken for cells"]
    parts += [] if not frames else [counted(frames[0], "frame")]
    text = f"{', '.join(parts) or 'ROIs unknown'} ({', '.join(there)})."
    if damaged:
        text += f" Damaged or empty: {', '.join(damaged)}."
    if len(set(counts.values())) > 1:
        each = ", ".join(f"{name} {number}" for name, number in counts.items())
        text += f" Its files are of different runs, as their numbers of ROIs differ: {each}."
    facts = {"folder": str(path), "files": there, "rois": n_rois, "cells": cells}
    return text, {**facts, "frames": frames[0] if frames else None, "damaged": damaged}


def _n_cells(path: Path) -> int | None:
    try:
        return int(np.count_nonzero(read_npy(path)[:, 0] > 0))
    except (OSError, UnfitContent, IndexError):
        return None


def _folder_without_images(path: Path) -> Found | None:
    if any(each.is_file() and each.suffix.lower() in file_suffixes() for each in path.iterdir()):
        return None
    return folder_of_results(path)


def folder_of_results(path: Path, of_images: str = "") -> Found | None:
    """List the results and journals in a folder; None where it is none or has none.

    Parameters
    ----------
    path : pathlib.Path
    of_images : str
        Why its images can't be opened as one stack.
    """
    if not os.path.isdir(path):  # nor is a name that no folder can have
        return None
    inside = in_natural_order(each for each in path.iterdir() if not each.name.startswith("."))
    kinds = {each: kind_of(each) for each in inside}
    results = [each for each, kind in kinds.items() if kind is not None]
    journals = {each: found for each in inside if (found := journal_at(each))}
    if not results and not journals:
        return None
    lines = [f"{path} is a folder with {counted(len(results), 'result')}:"]
    for each in results:
        there = occupant_of(each)
        is_whole = there.kind is not None
        lines.append(f"  {each.name} {there.description if is_whole else f'holds {kinds[each]}'}.")
    lines += [f"  {each.name} keeps the finished parts of a run." for each in journals]
    if of_images:
        lines.append(f"Its images are no stack that can be opened as one: {of_images}")
    lines.append(f"For more of one, give its place: zstack-align info {[*results, *journals][0]}")
    facts = {
        "results": [{"path": str(each), "kind": kinds[each]} for each in results],
        "journals": [{"path": str(each), **found.facts} for each, found in journals.items()],
    }
    return Found("folder of results", lines, facts)
