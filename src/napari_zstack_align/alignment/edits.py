"""What a person decided about chunks of a recording, in place of what was found."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.chunks import CHUNK_DTYPE
from napari_zstack_align.errors import InputError

EDITS = "edits"
"""Key of the provenance: the edits, in the order in which they were made."""

Points = tuple[tuple[float, float], ...]


class EditKind(StrEnum):
    """What was decided about a chunk."""

    BAD = "bad"
    GOOD = "good"
    POINTS = "points"


class Edit(BaseModel):
    """A decision about one chunk, and what had been found of it.

    Attributes
    ----------
    kind : EditKind
        'bad': left out and bridged; 'good': right where it lies, whatever its flag was;
        'points': fitted to points set by hand.
    start, stop : int
        Frames of the chunk, ``stop`` exclusive: runs may cut a recording into other chunks.
    raw_yx, reference_yx : tuple of (float, float)
        Points (y, x) in the chunk's raw mean and in the reference, px.
    found : dict
        The chunk's row of the table (`CHUNK_DTYPE`) as it was found, to go back to.
    correlations : (float, float), optional
        Of the chunk's mean with the reference where it lay, and where it lies since; None where
        that wasn't compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: EditKind
    start: int
    stop: int
    raw_yx: Points = ()
    reference_yx: Points = ()
    found: dict[str, Any] = {}
    correlations: tuple[float, float] | None = None

    @property
    def words(self) -> str:
        """'frames 60–79: marked as bad'."""
        done = {
            EditKind.BAD: "marked as bad",
            EditKind.GOOD: "marked as good",
            EditKind.POINTS: f"fitted to {len(self.raw_yx)} points",
        }
        return f"frames {self.start}–{self.stop - 1}: {done[self.kind]}"


def edits_of(alignment: Alignment) -> tuple[Edit, ...]:
    """Edits of an alignment, at most one of a chunk, in the order in which they were made.

    Raises
    ------
    InputError
        Where what was read of them isn't what this program writes.
    """
    written = alignment.provenance.get(EDITS, [])
    try:
        return tuple(Edit.model_validate(each) for each in written)
    except (ValidationError, TypeError) as error:
        raise InputError(
            f"The edits saved with {alignment.stack.name} can't be read: they were changed. "
            f"Register the recording again."
        ) from error


def with_edits(alignment: Alignment, edits: Iterable[Edit]) -> Alignment:
    """Alignment that says of itself that these are its edits."""
    written = [edit.model_dump(mode="json") for edit in edits]
    others = {key: value for key, value in alignment.provenance.items() if key != EDITS}
    return dataclasses.replace(
        alignment, provenance={**others, **({EDITS: written} if written else {})}
    )


def edit_of_chunk(alignment: Alignment, row: np.void) -> Edit | None:
    """The edit of a chunk, by its row of the table; None where it is as it was found."""
    frames = int(row["start"]), int(row["stop"])
    return next((each for each in edits_of(alignment) if (each.start, each.stop) == frames), None)


def row_facts(row: np.void) -> dict[str, Any]:
    """A row of the chunk table for JSON; numbers that aren't known become null."""
    values = {name: row[name].tolist() for name in CHUNK_DTYPE.names or ()}
    return {name: None if value != value else value for name, value in values.items()}


def fill_row(row: np.void | npt.NDArray[np.void], facts: dict[str, Any]) -> None:
    """Write what `row_facts` returned into a row of a chunk table."""
    for name in CHUNK_DTYPE.names or ():
        value = facts[name]
        row[name] = np.nan if value is None else value
