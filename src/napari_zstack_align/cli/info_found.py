"""What ``zstack-align info`` found that is neither images nor a result that can be loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Found:
    """Something that is described but not opened.

    Attributes
    ----------
    kind : str
    lines : list of str
        For people.
    facts : dict
        For programs.
    """

    kind: str
    lines: list[str]
    facts: dict[str, Any] = field(default_factory=dict)
