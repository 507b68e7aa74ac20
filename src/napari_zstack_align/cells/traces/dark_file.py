"""Traces whose dark level was measured in a file of its own say so."""

from __future__ import annotations

from dataclasses import replace

from napari_zstack_align.cells.traces.traces import Traces
from napari_zstack_align.remark import as_notes


def with_dark_file(traces: Traces, name: str, n_channels: int) -> Traces:
    """Return traces that were given a dark level of `measured_dark_level`, with where it is from.

    Parameters
    ----------
    traces : Traces
    name : str
        Of the file without light.
    n_channels : int
        Channels of it: one counts for all of the recording's, which is noted.
    """
    dark = replace(traces.dark, source="dark frames")
    recorded = len(traces.channel_names)
    if n_channels >= recorded:
        return replace(traces, dark=dark)
    note = (
        f"{name} has one channel: its dark level is taken for all {recorded} channels of "
        f"{traces.recording}, though each detector may have its own. `dark_level` takes one number "
        f"a channel."
    )
    return replace(traces, dark=dark, remarks=(*traces.remarks, *as_notes(note)))
