"""What ``zstack-align info`` says of a journal: the finished parts of a run that isn't done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from napari_zstack_align.cli.info_found import Found
from napari_zstack_align.counting import are, counted
from napari_zstack_align.saved.finished_parts import (
    finished_words,
    is_worked_on,
    last_written,
    planned_slices,
    units_in,
)
from napari_zstack_align.saved.journal import HEAD, description_of, files_in, names_in
from napari_zstack_align.saved.names import UNFINISHED
from napari_zstack_align.saved.unit_file import read_unit

RUNS = {
    "align_adaptive": "an alignment of a z-stack (adaptive)",
    "register_recordings": "a registration of recordings (keypoints or batch)",
    "extract_traces": "reading traces (traces)",
    "estimate_zshift": "a search for the z-shift of a recording (zshift)",
}


def journal_at(path: Path) -> Found | None:
    """Describe a journal; None where there is none."""
    if path.suffix != UNFINISHED or path.name.startswith(".") or not path.is_dir():
        return None
    described = description_of(path)
    units = units_in(path)
    intact = [unit for unit in units if read_unit(unit) is not None]
    works = is_worked_on(path)
    written = _last_written(path)
    job = described.get("job")
    run = RUNS.get(str(job), f"a run of {job}") if job else ""
    files = files_in(described) or names_in(described)
    sentences = [
        f"{path} keeps the finished parts of {run or 'a run'}"
        + (f" of {', '.join(files)}" if files else "")
        + (f", last written {written}" if written else "")
        + ".",
        "" if run else f"Its {HEAD} is missing or damaged, so that the run isn't known.",
        _finished(described, intact),
        _damaged(len(units) - len(intact)),
        _goes_on(works, bool(intact)),
    ]
    facts = {
        "run": job,
        "files": files,
        "finished_parts": len(intact),
        "unusable_parts": len(units) - len(intact),
        "last_written": written,
        "is_being_worked_on": works,
    }
    return Found("journal", [" ".join(filter(None, sentences))], facts)


def _finished(described: Mapping[str, Any], intact: list[Path]) -> str:
    done, words = finished_words(described, intact)
    unknown = "" if planned_slices(described) else "; how many there will be isn't known"
    return f"{words} {are(done)} finished{unknown}."


def _damaged(number: int) -> str:
    if not number:
        return ""
    return (
        f"{counted(number, 'part')} {are(number)} damaged, or of another version, and will be "
        f"computed anew."
    )


def _goes_on(works: bool, has_parts: bool) -> str:
    if works:
        return "A run is working on it now: wait until it is done."
    if not has_parts:
        return "No run is working on it, and nothing in it can be used: it may be deleted."
    return (
        "No run is working on it now: the same command again goes on from there; to begin anew, "
        "delete this folder."
    )


def _last_written(folder: Path) -> str:
    """Local time of the newest file, to the minute; '' where there is none."""
    time = last_written(folder)
    return "" if time is None else f"{datetime.fromtimestamp(time):%Y-%m-%d %H:%M}"
