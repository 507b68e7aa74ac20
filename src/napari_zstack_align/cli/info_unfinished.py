"""What ``zstack-align info`` says of a journal: the finished parts of a run that isn't done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from napari_zstack_align.cli.info_found import Found
from napari_zstack_align.counting import are, counted
from napari_zstack_align.saved.journal import HEAD, SUFFIX, description_of, files_in, names_in
from napari_zstack_align.saved.lock import is_held
from napari_zstack_align.saved.names import LOCK, UNFINISHED
from napari_zstack_align.saved.unit_file import read_unit

RUNS = {
    "align_adaptive": "an alignment of a z-stack (adaptive)",
    "register_recordings": "a registration of recordings (keypoints or batch)",
    "extract_traces": "reading traces (traces)",
    "estimate_zshift": "a search for the z-shift of a recording (zshift)",
}
OF_A_SLICE = ("within-", "slice-")
"""How the names of units begin that are of one slice each."""


def journal_at(path: Path) -> Found | None:
    """Describe a journal; None where there is none."""
    if path.suffix != UNFINISHED or path.name.startswith(".") or not path.is_dir():
        return None
    described = description_of(path)
    units = sorted(path.glob(f"*{SUFFIX}"))
    intact = [unit for unit in units if read_unit(unit) is not None]
    works = any(is_held(lock) for lock in path.glob(f"{LOCK}*"))
    written = _last_written([*units, path / HEAD])
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
    if planned := _planned_slices(described):
        done = sum(unit.name.startswith(OF_A_SLICE) for unit in intact)
        return f"{min(done, planned)} of {counted(planned, 'slice')} {are(done)} finished."
    number = len(intact)
    return f"{counted(number, 'part')} {are(number)} finished; how many there will be isn't known."


def _planned_slices(described: Mapping[str, Any]) -> int:
    """How many slices the run has; 0 where that isn't known, or its units are others."""
    try:
        (stack,) = described["stacks"]
        per_slice, n_frames = int(stack["frames_per_slice"]), int(stack["shape"][0])
    except (LookupError, TypeError, ValueError):
        return 0
    is_of_slices = described.get("job") == "align_adaptive" and per_slice > 0
    return -(-n_frames // per_slice) if is_of_slices else 0


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


def _last_written(paths: list[Path]) -> str:
    """Local time of the newest file, to the minute; '' where there is none."""
    times = [path.stat().st_mtime for path in paths if path.is_file()]
    return f"{datetime.fromtimestamp(max(times)):%Y-%m-%d %H:%M}" if times else ""
