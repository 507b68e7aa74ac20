"""Which recording a mask was painted over: known to the mask, and to the project it is saved in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.project.home import Home


@dataclass(frozen=True, eq=False)
class PaintedOver:
    """The recording whose mean a mask was painted over, before there was a run.

    Attributes
    ----------
    name : str
        Of the recording.
    recording : Recording, optional
        None: it isn't in the project that the mask comes from.
    """

    name: str
    recording: Recording | None

    def is_of(self, recording: Recording | None) -> bool:
        """Whether the mask was painted over this recording."""
        return recording is not None and self.recording is recording

    def facts(self, home: Home) -> dict[str, Any]:
        """What a project keeps of it."""
        key = None if self.recording is None else home.key_of(self.recording.stack)
        return {"name": self.name, "recording": key}

    @classmethod
    def from_facts(
        cls, facts: Mapping[str, Any], home: Home, recordings: Iterable[Recording]
    ) -> PaintedOver:
        """Return what a project kept, with the recording where it is among those shown."""
        key = facts.get("recording")
        like = (each for each in recordings if home.known_key(each.stack) == key is not None)
        return cls(str(facts.get("name")), next(like, None))
