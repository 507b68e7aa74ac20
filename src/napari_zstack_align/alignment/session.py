"""A session on disk: a folder with ``session.json`` and one ``.zalign`` per recording."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.storage import (
    SCHEMA_VERSION,
    SUFFIX,
    WRITTEN_BY,
    load_alignment,
    make_folder,
    read_facts,
    save_alignment,
    write_bytes,
)
from napari_zstack_align.errors import InputError
from napari_zstack_align.stack import Stack

FILE = "session.json"


def save_session(alignments: Sequence[Alignment], folder: str | Path) -> Path:
    """Write the alignments of a session, in their order.

    Parameters
    ----------
    alignments : sequence of Alignment
        One a recording, complete or partial.
    folder : str or pathlib.Path
        A new folder, or an earlier session, whose place this one takes; other files in it stay.

    Returns
    -------
    pathlib.Path
        The folder. Its ``session.json`` is written last: what it names is there.

    Raises
    ------
    InputError
        Where there is no alignment, or the folder can't be written.
    """
    folder = Path(folder)
    if not alignments:
        raise InputError("There is nothing to save: the session has no recordings.")
    if (folder / "run.json").exists():
        raise InputError(f"{folder} is the alignment of one recording: choose another folder.")
    make_folder(folder)
    before = _earlier_parts(folder)
    names = unique_names([alignment.stack.name for alignment in alignments])
    recordings = [
        {
            "name": alignment.stack.name,
            "folder": save_alignment(alignment, folder / (name + SUFFIX)).name,
            "frames": alignment.stack.n_frames,
        }
        for alignment, name in zip(alignments, names, strict=True)
    ]
    facts = {
        "schema_version": SCHEMA_VERSION,
        "state": "complete" if all(each.complete for each in alignments) else "incomplete",
        "written_by": WRITTEN_BY,
        "recordings": recordings,
    }
    write_bytes(folder / FILE, json.dumps(facts, indent=2, ensure_ascii=False).encode())
    for path in set(before) - set(_parts(folder)):
        shutil.rmtree(path, ignore_errors=True)
    return folder


def load_session(folder: str | Path) -> list[Alignment]:
    """Read the alignments of a session, in their order.

    Raises
    ------
    InputError
        Where the folder is no session, or one of its alignments is missing or damaged.
    """
    folder = Path(folder)
    return [load_alignment(path) for path in _parts(folder)]


def load_saved(folder: str | Path, stack: Stack | None = None) -> Alignment | list[Alignment]:
    """Read an alignment (``NAME.zalign``), or all those of a session (a folder of them).

    Parameters
    ----------
    folder : str or pathlib.Path
        What ``Alignment.save`` or ``save_session`` wrote.
    stack : Stack, optional
        The raw frames of one alignment; by default they are opened from where they were. Where
        they are gone, the transforms and the quality table can be used all the same, and asking
        for pixels says what is missing.

    Returns
    -------
    Alignment or list of Alignment

    Raises
    ------
    InputError
        Where the folder is neither, is damaged, or ``stack`` is not the one that was aligned.
    """
    if not is_session(folder):
        return load_alignment(folder, stack)
    if stack is not None:
        raise InputError(f"{folder} is a session: give a stack to one of its alignments alone.")
    return load_session(folder)


def is_session(folder: str | Path) -> bool:
    """Whether a session is saved in a folder."""
    return (Path(folder) / FILE).exists()


def is_complete_session(folder: str | Path) -> bool:
    """Whether a folder holds a session of which every frame was run."""
    return is_session(folder) and _facts(Path(folder)).get("state") == "complete"


def unique_names(names: Sequence[str]) -> list[str]:
    """Names for files: what a file system refuses becomes '_', and a clash gets _2, _3, ..."""
    unique: list[str] = []
    taken: set[str] = set()
    for name in names:
        stem = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .") or "recording"
        number, candidate = 1, stem
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{stem}_{number}"
        taken.add(candidate.casefold())
        unique.append(candidate)
    return unique


def _facts(folder: Path) -> dict[str, Any]:
    return read_facts(folder / FILE, f"{folder} is no session: it has no {FILE}.")


def _parts(folder: Path) -> list[Path]:
    """Folders of the alignments, in order."""
    facts = _facts(folder)
    try:
        names = [Path(recording["folder"]).name for recording in facts["recordings"]]
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / FILE} is damaged and can't be read: {error}.") from None
    # A session names nothing outside its own folder.
    if not names or not all(name.endswith(SUFFIX) for name in names):
        raise InputError(f"{folder / FILE} is damaged: it must name {SUFFIX} folders beside it.")
    return [folder / name for name in names]


def _earlier_parts(folder: Path) -> list[Path]:
    """Folders that an earlier session here named; none where it can't be read."""
    try:
        return _parts(folder)
    except InputError:
        return []
