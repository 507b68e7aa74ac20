"""What a person should know of a stack or a result as a whole: a sentence, and how serious it is.

What is the matter with single frames is a `Flag`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import ResultWarning


class Severity(StrEnum):
    """How serious a remark is."""

    NOTE = "note"
    """What was done, or what was assumed as usual: the numbers stand, nothing is to be done."""
    WARNING = "warning"
    """A number may be wrong, or is missing: look at it, or give what is asked for."""
    SERIOUS = "serious"
    """The whole result is probably wrong: a warning that stands before any figure."""


class RemarkCode(StrEnum):
    """What a remark is about, for programs: of those that are looked for among others."""

    NONE = ""
    SEVERAL_IMAGES = "several images"
    """A recording shows several images: planes or channels in turn, a scan, a z-stack."""
    OTHER_AXES = "other axes"
    """The axes of a recording seem to come in another order: time isn't the first."""
    LAYOUT_OPEN = "layout open"
    """The header of a file doesn't fit its frames, so that the layout has to be given."""
    RESAMPLED = "resampled"
    """Pixels were moved before the file was written: its lines aren't those of the scan."""
    UNIT_OPEN = "unit open"
    """A table of positions doesn't say whether they are in pixels or in µm."""
    IN_UM = "in µm"
    """The titles of a table of positions name µm, and nobody gave the size of a pixel."""
    STIMULI = "stimuli"
    """Which table of stimulus times traces have, and in which unit it is."""
    READ_AS = "read as"
    """What the frames are by the header of the file, as long as nobody says otherwise."""


OLD_SENTENCES = {
    " images in turn, such as ": RemarkCode.SEVERAL_IMAGES,
    ", not like a recording of one plane.": RemarkCode.SEVERAL_IMAGES,
}
"""Parts of the sentences in results that were saved before remarks had a code."""


class Remark(str):
    """A sentence with a severity and, where programs look for it, a code.

    It is a text, so that it is written and compared like one.

    Parameters
    ----------
    sentence : str
    severity : Severity
        A warning unless it is known to be less.
    code : RemarkCode
    """

    __slots__ = ("_code", "_severity")
    _severity: Severity
    _code: RemarkCode

    def __new__(
        cls,
        sentence: str,
        severity: Severity = Severity.WARNING,
        code: RemarkCode = RemarkCode.NONE,
    ) -> Remark:
        """Make it: a text can't be changed later."""
        made = super().__new__(cls, sentence)
        made._severity, made._code = severity, code
        return made

    @property
    def code(self) -> RemarkCode:
        """What it is about; '' where no program asks."""
        return self._code

    @property
    def severity(self) -> Severity:
        """Whether it is a note or a warning."""
        return self._severity

    @property
    def is_warning(self) -> bool:
        """Whether it is a warning, serious or not."""
        return self._severity is not Severity.NOTE

    @property
    def is_serious(self) -> bool:
        """Whether the whole result is probably wrong."""
        return self._severity is Severity.SERIOUS

    @property
    def labelled(self) -> str:
        """'Note: …' or 'Warning: …', for a line of its own."""
        return f"{'Warning' if self.is_warning else 'Note'}: {_ended(self)}"

    def facts(self) -> dict[str, str]:
        """Return it for JSON."""
        code = {"code": str(self._code)} if self._code else {}
        return {"severity": str(self._severity), **code, "text": str(self)}


def as_notes(*sentences: str, code: RemarkCode = RemarkCode.NONE) -> tuple[Remark, ...]:
    """Make a note of each sentence, without those that are empty."""
    return tuple(Remark(sentence, Severity.NOTE, code) for sentence in sentences if sentence)


def as_warnings(*sentences: str, code: RemarkCode = RemarkCode.NONE) -> tuple[Remark, ...]:
    """Make a warning of each sentence, without those that are empty."""
    return tuple(Remark(sentence, code=code) for sentence in sentences if sentence)


def as_serious(*sentences: str, code: RemarkCode = RemarkCode.NONE) -> tuple[Remark, ...]:
    """Make a serious warning of each sentence, without those that are empty."""
    return tuple(Remark(sentence, Severity.SERIOUS, code) for sentence in sentences if sentence)


def as_remarks(sentences: Iterable[str]) -> tuple[Remark, ...]:
    """Remarks as they are; plain sentences become warnings."""
    return tuple(each if isinstance(each, Remark) else Remark(each) for each in sentences)


def without(remarks: Iterable[Remark], *codes: RemarkCode) -> tuple[Remark, ...]:
    """Leave out the remarks of these codes."""
    return tuple(remark for remark in remarks if remark.code not in codes)


def remark_from(facts: Any) -> Remark:
    """Undo `Remark.facts`; a plain sentence, as results of earlier versions hold, is a warning.

    What this version doesn't know is a warning without a code.
    """
    if isinstance(facts, str):
        return Remark(facts, code=_code_of(facts))
    if not isinstance(facts, Mapping) or not isinstance(facts.get("text"), str):
        raise ValueError("it is no remark: a text, or a text with its severity")
    text, severity, code = facts["text"], facts.get("severity"), facts.get("code")
    return Remark(
        text,
        Severity(severity) if severity in tuple(Severity) else Severity.WARNING,
        RemarkCode(code) if code in tuple(RemarkCode) else _code_of(text),
    )


def _code_of(sentence: str) -> RemarkCode:
    """Code of a sentence of a result that was saved before there were codes."""
    found = (code for part, code in OLD_SENTENCES.items() if part in sentence)
    return next(found, RemarkCode.NONE)


def with_remarks(figures: str, remarks: Iterable[Remark]) -> str:
    """Put the remarks on a result around its figures, a line each.

    Parameters
    ----------
    figures : str
        What the result is, in one line.
    remarks : iterable of Remark

    Returns
    -------
    str
        Serious warnings, the figures, the other warnings and the notes. Every line after the first
        is indented, so that the first one can follow a name.
    """
    serious, others = ([each.labelled for each in part] for part in parted(remarks))
    return "\n  ".join([*serious, _ended(figures), *others])


def parted(remarks: Iterable[Remark]) -> tuple[list[Remark], list[Remark]]:
    """Those that stand before any figure, and those after it, warnings first; each once."""
    each = list(dict.fromkeys(remarks))
    others = [remark for remark in each if not remark.is_serious]
    others.sort(key=lambda remark: not remark.is_warning)
    return [remark for remark in each if remark.is_serious], others


def n_warnings(remarks: Iterable[Remark]) -> int:
    """Number of warnings, each counted once."""
    return len({remark for remark in remarks if remark.is_warning})


def counted_warnings(remarks: Iterable[Remark]) -> str:
    """'2 warnings', each counted once; '' for none."""
    number = n_warnings(remarks)
    return counted(number, "warning") if number else ""


def short_repr(kind: str, facts: Iterable[str], remarks: Iterable[Remark]) -> str:
    """'<Traces of day1: 3 ROIs, 900 frames; 2 warnings: see summary()>'."""
    number = counted_warnings(remarks)
    more = f"; {number}: see summary()" if number else ""
    return f"<{kind}: {', '.join(facts)}{more}>"


def warn_of(result: object, stacklevel: int) -> None:
    """Issue a `ResultWarning` for each serious remark on a result, or on each of several."""
    for each in result if isinstance(result, list) else [result]:
        for remark in getattr(each, "remarks", ()):
            if isinstance(remark, Remark) and remark.is_serious:
                warnings.warn(str(remark), ResultWarning, stacklevel=stacklevel + 1)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "!", "?")) else f"{sentence}."
