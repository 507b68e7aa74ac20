"""What a person should know of a stack or a result as a whole: a sentence, and how serious it is.

What is the matter with single frames is a `Flag`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How serious a remark is."""

    NOTE = "note"
    """What was done, or what was assumed as usual: the numbers stand, nothing is to be done."""
    WARNING = "warning"
    """A number may be wrong, or is missing: look at it, or give what is asked for."""


class Remark(str):
    """A sentence with a severity.

    It is a text, so that it is written and compared like one.

    Parameters
    ----------
    sentence : str
    severity : Severity
        A warning unless it is known to be less.
    """

    __slots__ = ("_severity",)
    _severity: Severity

    def __new__(cls, sentence: str, severity: Severity = Severity.WARNING) -> Remark:
        """Make it: a text can't be changed later."""
        made = super().__new__(cls, sentence)
        made._severity = severity
        return made

    @property
    def severity(self) -> Severity:
        """Whether it is a note or a warning."""
        return self._severity

    @property
    def is_warning(self) -> bool:
        """Whether it is a warning."""
        return self._severity is Severity.WARNING

    @property
    def labelled(self) -> str:
        """'Note: …' or 'Warning: …', for a line of its own."""
        return f"{self._severity.capitalize()}: {self}"

    def facts(self) -> dict[str, str]:
        """Return it for JSON."""
        return {"severity": str(self._severity), "text": str(self)}


def as_notes(*sentences: str) -> tuple[Remark, ...]:
    """Make a note of each sentence, without those that are empty."""
    return tuple(Remark(sentence, Severity.NOTE) for sentence in sentences if sentence)


def as_warnings(*sentences: str) -> tuple[Remark, ...]:
    """Make a warning of each sentence, without those that are empty."""
    return tuple(Remark(sentence) for sentence in sentences if sentence)


def as_remarks(sentences: Iterable[str]) -> tuple[Remark, ...]:
    """Remarks as they are; plain sentences become warnings."""
    return tuple(each if isinstance(each, Remark) else Remark(each) for each in sentences)


def remark_from(facts: Any) -> Remark:
    """Undo `Remark.facts`; a plain sentence, as results of earlier versions hold, is a warning."""
    if isinstance(facts, str):
        return Remark(facts)
    if not isinstance(facts, Mapping) or not isinstance(facts.get("text"), str):
        raise ValueError("it is no remark: a text, or a text with its severity")
    is_note = facts.get("severity") == Severity.NOTE
    return Remark(facts["text"], Severity.NOTE if is_note else Severity.WARNING)
