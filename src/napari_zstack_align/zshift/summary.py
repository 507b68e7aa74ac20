"""What came of finding depths, in a few lines that are the same everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_zstack_align.alignment.summary import flagged_words
from napari_zstack_align.counting import counted, decimal
from napari_zstack_align.flags import Flag, are_flagged
from napari_zstack_align.remark import short_repr, with_remarks

if TYPE_CHECKING:
    from napari_zstack_align.zshift.zshift import ZShift


def summary_of(zshift: ZShift) -> str:
    """Count the frames, and tell where the good ones were; see `ZShift.summary`."""
    flags = zshift.flags
    text = f"{_frames(zshift)}: "
    z = zshift.z[zshift.used]
    if len(z):
        text += f"z from {decimal(z.min())} to {decimal(z.max())} slices"
        z_um = zshift.z_um[zshift.used]
        if np.all(np.isfinite(z_um)):
            text += f" ({decimal(z_um.min(), 1)} to {decimal(z_um.max(), 1)} µm)"
        text += "; "
    text += flagged_words(flags)
    not_run = int(np.count_nonzero(flags == Flag.NOT_RUN))
    return with_remarks(text + (f", {not_run} not run" if not_run else ""), zshift.remarks)


def repr_of(zshift: ZShift) -> str:
    """Describe a z-shift in one short line."""
    facts = _frames(zshift), f"{np.count_nonzero(are_flagged(zshift.flags))} flagged"
    return short_repr(f"ZShift of {zshift.stack.name}", facts, zshift.remarks)


def _frames(zshift: ZShift) -> str:
    """'900 frames': those that were run."""
    return counted(int(np.count_nonzero(zshift.flags != Flag.NOT_RUN)), "frame")
