"""What a command says of its results at the end, and ``info`` later: one way for all kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from napari_zstack_align.alignment import summary as of_alignments
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces import summary as of_traces
from napari_zstack_align.counting import are, counted
from napari_zstack_align.flags import Codes, are_flagged
from napari_zstack_align.remark import Remark, n_warnings, parted
from napari_zstack_align.settings import in_flags
from napari_zstack_align.zshift import ZShift

Result: TypeAlias = Alignment | Traces | ZShift

LOOKS_WRONG = "The result looks wrong as a whole: see its first warning. "
"""Where a remark is serious."""
DFF_IS_UNRELIABLE = "ΔF/F is unreliable: see its first warning. "
"""The same of traces: F is right whatever the matter is with their baseline."""


def tell(results: Sequence[Result], *, named: bool = True) -> None:
    """Print the summary of each result; where there are warnings, the last line says how many.

    Parameters
    ----------
    results : sequence of Alignment, Traces or ZShift
    named : bool
        Whether each summary follows the name of its recording or z-stack.
    """
    names = [f"{name_of(result)}: " if named else "" for result in results]
    shown = [[f"{name}{r.summary()}"] for name, r in zip(names, results, strict=True)]
    for line in said_once(results, shown):
        print(line)
    if line := last_line(results):
        print(line)


def said_once(results: Sequence[Result], shown: Iterable[Iterable[str]]) -> list[str]:
    """What is shown of each result, with the flags of the settings that it names.

    What is to be known of several of them is said once: before them where it is serious, else
    after them.

    Parameters
    ----------
    results : sequence of Alignment, Traces or ZShift
    shown : iterable of iterable of str
        Of each result, its summary and what follows it.
    """
    counts = Counter(remark for result in results for remark in dict.fromkeys(remarks_on(result)))
    shared = [remark for remark, number in counts.items() if number > 1]
    lines = [_without(text, shared) for texts in shown for text in texts]
    before, after = ([_of_several(each, results) for each in part] for part in parted(shared))
    return [in_flags(line) for line in (*before, *lines, *after)]


def _without(summary: str, remarks: Sequence[Remark]) -> str:
    """A summary without the lines of some remarks; the first line may begin with a name."""
    for remark in remarks:
        summary = summary.replace(f"\n  {remark.labelled}", "")
        summary = summary.replace(f"{remark.labelled}\n  ", "", 1)
    return summary


def _of_several(remark: Remark, results: Sequence[Result]) -> str:
    """A remark behind the names of the recordings that it is about."""
    names = [name_of(result) for result in results if remark in remarks_on(result)]
    return (
        f"{'All recordings' if len(names) == len(results) else ', '.join(names)}: {remark.labelled}"
    )


def last_line(results: Sequence[Result]) -> str:
    """'2 warnings above; 9 frames are flagged.'; '' without a warning.

    Whoever reads this line alone is told where a whole result is probably wrong.
    """
    remarks = [remark for result in results for remark in remarks_on(result)]
    number, wrong = n_warnings(remarks), any(remark.is_serious for remark in remarks)
    of_traces_alone = all(isinstance(result, Traces) for result in results)
    doubt = DFF_IS_UNRELIABLE if of_traces_alone else LOOKS_WRONG
    flagged = sum(int(are_flagged(_flags(result)).sum()) for result in results)
    if not number:
        return ""
    warnings, frames = counted(number, "warning"), counted(flagged, "frame")
    return f"{doubt if wrong else ''}{warnings} above; {frames} {are(flagged)} flagged."


def name_of(result: Result) -> str:
    """Name of the recording or z-stack."""
    return result.recording if isinstance(result, Traces) else result.stack.name


def remarks_on(result: Result) -> tuple[Remark, ...]:
    """All remarks that the summary holds."""
    if isinstance(result, Alignment):
        return of_alignments.remarks_on(result)
    return of_traces.remarks_on(result) if isinstance(result, Traces) else result.remarks


def _flags(result: Result) -> Codes:
    return result.quality["flag"] if isinstance(result, Alignment) else result.flags
