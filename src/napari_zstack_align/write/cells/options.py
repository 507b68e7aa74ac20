"""What formats of ROIs and traces want to know besides."""

from __future__ import annotations

from dataclasses import dataclass

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.params import NwbParams
from napari_zstack_align.write.cells.field import FieldOfView


@dataclass(frozen=True, eq=False)
class CellOptions:
    """What formats of ROIs and traces want to know besides; each takes what it needs.

    Attributes
    ----------
    field : FieldOfView, optional
        What the ROIs lie in: size, image and scale.
    signal : {'dff', 'corrected', 'F', 'Fneu', 'dff_lowest_dark', 'dff_highest_dark'}
        What a table of one signal holds; the last two where the dark level is estimated.
    nwb : NwbParams, optional
        What NWB wants to know.
    """

    field: FieldOfView | None = None
    signal: str = "dff"
    nwb: NwbParams | None = None


def field_of(traces: Traces, options: CellOptions | None) -> FieldOfView:
    """Return what ROIs lie in; where it isn't given, what their traces know of it."""
    given = None if options is None else options.field
    return FieldOfView.of_traces(traces) if given is None else given
