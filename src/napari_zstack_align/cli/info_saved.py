"""What ``zstack-align info`` says of a saved result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.raw_frames import MissingSource, places_of
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.made_on import REFERENCE
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cli.results import Result, last_line, name_of, remarks_on, said_once
from napari_zstack_align.counting import counted
from napari_zstack_align.fields import fields_of
from napari_zstack_align.loading import Loaded, load
from napari_zstack_align.params import Params
from napari_zstack_align.project import Project
from napari_zstack_align.remark import Remark
from napari_zstack_align.saved import Kind, occupant_of, title_of
from napari_zstack_align.saved.manifest import Manifest


@dataclass(frozen=True)
class About:
    """What is said of one result.

    Attributes
    ----------
    name : str
        Of the recording or z-stack; '' where it has none.
    summary : str
        As the command that made it ended, with the remarks.
    remarks : tuple of Remark
        The same ones, for programs.
    params : Params, optional
    complete : bool
    """

    name: str
    summary: str
    remarks: tuple[Remark, ...] = ()
    params: Params | None = None
    complete: bool = True

    def lines(self) -> list[str]:
        """Return it for people."""
        lines = [f"{self.name}: {self.summary}" if self.name else self.summary]
        if not self.complete:
            lines.append("  Not all of it was run.")
        return lines if self.params is None else [*lines, f"  {_changed(self.params)}"]

    def facts(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "name": self.name,
            "state": "complete" if self.complete else "incomplete",
            "summary": self.summary,
            "remarks": [remark.facts() for remark in self.remarks],
            "params": None if self.params is None else self.params.model_dump(mode="json"),
        }


def tell_saved(path: Path, kind: Kind, as_json: bool) -> None:
    """Say what a saved result is, how it came out, and with which parameters.

    What can't be opened is told by its manifest alone, before the error.
    """
    there = occupant_of(path)
    if not as_json:
        held = f"holds {title_of(kind)}" if there.is_file else there.description
        print(f"{path} {held}.")
    if there.obstacle and not there.is_file:
        return
    loaded = load(path)
    results = about(loaded)
    if not as_json:
        print("\n".join(said_once(_each(loaded), (each.lines() for each in results))))
        for line in filter(None, (last_line(_each(loaded)), _of_raw_files(_each(loaded)))):
            print(line)
        return
    manifest = there.manifest
    facts = {
        "kind": kind,
        "path": str(path),
        "state": None if manifest is None else manifest.facts.get("state"),
        "subject": None if manifest is None else _subject_of(manifest),
        "results": [each.facts() for each in results],
    }
    print(json.dumps(facts, indent=2, ensure_ascii=False))


def _subject_of(manifest: Manifest) -> dict[str, Any]:
    """What was worked on; of what consists of several, how many recordings that are."""
    facts = manifest.subject.model_dump()
    return {
        ("recordings" if manifest.members and name == "frames" else name): facts[name]
        for name in facts
    }


def about(loaded: Loaded) -> list[About]:
    """Describe a result of any kind, or each of several."""
    if isinstance(loaded, Rois):
        return [About("", f"{counted(len(loaded), 'ROI')}{_place_of(loaded)}.")]
    if isinstance(loaded, Project):
        return [About("", loaded.summary(), loaded.remarks)]
    return [_of(each) for each in _each(loaded)]


def _each(loaded: Loaded) -> Sequence[Result]:
    if isinstance(loaded, Rois | Project):
        return ()
    return loaded if isinstance(loaded, list) else [loaded]


def _place_of(rois: Rois) -> str:
    """What the ROIs were made on; '' where that isn't known."""
    if not rois.made_on:
        return ""
    where = "the reference of an alignment" if rois.made_on.startswith(REFERENCE) else "raw frames"
    return f", made on {where} (made_on: {rois.made_on})"


def _of_raw_files(results: Sequence[Result]) -> str:
    """Count the results whose raw frames can't be used; '' where all can, or none are needed."""
    sources = [each.stack.source for each in results if not isinstance(each, Traces)]
    missing = [source for source in sources if isinstance(source, MissingSource)]
    known = [source for source in missing if source.raw is not None and source.raw.inputs]
    there = [any(places_of(each.folder, each.raw.inputs)) for each in known if each.raw is not None]
    gone, changed = there.count(False), there.count(True)
    parts = [f"{gone} gone" if gone else "", f"{changed} changed" if changed else ""]
    if not missing or not any(parts):
        return ""
    return (
        f"Raw files of {counted(len(sources), 'result')}: {', '.join(filter(None, parts))}; until "
        f"they are back as they were, no pixels can be shown or exported."
    )


def _changed(params: Params) -> str:
    """Name the parameters that differ from their defaults."""
    model, changed = type(params), params.changed()
    words = {each.name: each.word_for for each in fields_of(model)}
    values = ", ".join(f"{name}={words[name](value)}" for name, value in changed.items())
    return f"Parameters other than the defaults of {model.__name__}: {values or 'none'}."


def _of(result: Result) -> About:
    said = remarks_on(result)
    of_files = result.stack.remarks if isinstance(result, Alignment) else ()
    more = tuple(remark for remark in of_files if remark not in said)
    lines = [result.summary(), *(f"  {remark.labelled}" for remark in more)]
    return About(name_of(result), "\n".join(lines), (*said, *more), result.params, result.complete)
