"""Traces of several recordings up to schema 1, when no common manifest listed them."""

from __future__ import annotations

import re
from pathlib import Path

from napari_zstack_align.errors import InputError
from napari_zstack_align.saved.facts import MemberFacts, Subject
from napari_zstack_align.saved.kinds import OLD_TRACES, SESSION, Kind
from napari_zstack_align.saved.manifest import Manifest, read_manifest
from napari_zstack_align.saved.occupant import manifest_path, occupant_of

_NUMBERED = re.compile(r"[0-9]{3,}_(.+)")


def listing_of_old_traces(folder: Path) -> Manifest | None:
    """Make the list that a save up to schema 1 didn't write: its folders '001_NAME', '002_NAME'.

    Traces that somebody saved one by one under other names are not among them.
    """
    if manifest_path(folder) is not None or occupant_of(folder).kind is not Kind.SESSION_TRACES:
        return None
    members = [
        MemberFacts(name=name, folder=each.name)
        for each in sorted(folder.iterdir())
        if _NUMBERED.fullmatch(each.name) and (name := _recording_of(each)) is not None
    ]
    if not members:
        return None
    subject = Subject(name=members[0].name, frames=len(members))
    return Manifest(
        folder / SESSION, Kind.SESSION_TRACES, 1, True, subject, {}, b"", members=tuple(members)
    )


def _recording_of(folder: Path) -> str | None:
    """Name of the recording of old traces; None where there are none, or they are damaged."""
    try:
        return read_manifest(folder / OLD_TRACES).subject.name
    except (InputError, FileNotFoundError):
        return None
