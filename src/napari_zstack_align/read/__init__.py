"""Read: files to a lazy `Stack`, and what the frames tell about its layout."""

from napari_zstack_align.read._describe import describe
from napari_zstack_align.read._offset import channel_offsets
from napari_zstack_align.read._open import open_stack
from napari_zstack_align.read._propose import (
    LayoutProposal,
    neighbour_correlation,
    propose_frames_per_slice,
    propose_layout,
)
from napari_zstack_align.read._started import started_at

__all__ = [
    "LayoutProposal",
    "channel_offsets",
    "describe",
    "neighbour_correlation",
    "open_stack",
    "propose_frames_per_slice",
    "propose_layout",
    "started_at",
]
