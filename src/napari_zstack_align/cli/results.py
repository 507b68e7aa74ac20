"""What a command says of its results at the end, and ``info`` later: one way for all kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from napari_zstack_align.alignment import summary as of_alignments
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces import summary as of_traces
from napari_zstack_align.counting import are, counted
from napari_zstack_align.flags import Codes, are_flagged
from napari_zstack_align.remark import Remark, n_warnings
from napari_zstack_align.zshift import ZShift

Result: TypeAlias = Alignment | Traces | ZShift


def tell(results: Sequence[Result], *, named: bool = True) -> None:
    """Print the summary of each result; where there are warnings, the last line says how many.

    Parameters
    ----------
    results : sequence of Alignment, Traces or ZShift
    named : bool
        Whether each summary follows the name of its recording or z-stack.
    """
    for result in results:
        print(f"{name_of(result)}: {result.summary()}" if named else result.summary())
    if line := last_line(results):
        print(line)


def last_line(results: Sequence[Result]) -> str:
    """'2 warnings above; 9 frames are flagged.'; '' without a warning."""
    number = sum(n_warnings(remarks_on(result)) for result in results)
    flagged = sum(int(are_flagged(_flags(result)).sum()) for result in results)
    if not number:
        return ""
    return (
        f"{counted(number, 'warning')} above; {counted(flagged, 'frame')} {are(flagged)} flagged."
    )


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
