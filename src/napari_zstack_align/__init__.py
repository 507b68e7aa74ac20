"""Align 2-photon z-stacks and recordings.

The flow is one way: read a `Stack`, register it to an `Alignment` (a small table of transforms,
never a second copy of the movie), then view, average and write what the alignment describes.
"""

from napari_zstack_align._version import __version__
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.apply import apply_transforms
from napari_zstack_align.alignment.session import load_saved as load_alignment
from napari_zstack_align.alignment.session import save_session
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.cells import Rois, detect_blobs, load_rois, transform_rois
from napari_zstack_align.cells.traces import (
    Traces,
    extract_session_traces,
    extract_traces,
    load_traces,
)
from napari_zstack_align.errors import AlignmentError, Cancelled, InputError, ZstackAlignError
from napari_zstack_align.params import (
    AdaptiveParams,
    BlobParams,
    KeypointParams,
    TraceParams,
    ZShiftParams,
)
from napari_zstack_align.progress import Progress, run
from napari_zstack_align.read import describe, open_stack, propose_frames_per_slice
from napari_zstack_align.register.adaptive import align_adaptive
from napari_zstack_align.register.recordings import register_recordings
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift import ZShift, estimate_zshift, load_zshift

__all__ = [
    "AdaptiveParams",
    "Alignment",
    "AlignmentError",
    "BlobParams",
    "Cancelled",
    "InputError",
    "KeypointParams",
    "Progress",
    "Rois",
    "Stack",
    "TraceParams",
    "Traces",
    "Transforms",
    "ZShift",
    "ZShiftParams",
    "ZstackAlignError",
    "__version__",
    "align_adaptive",
    "apply_transforms",
    "describe",
    "detect_blobs",
    "estimate_zshift",
    "extract_session_traces",
    "extract_traces",
    "load_alignment",
    "load_rois",
    "load_traces",
    "load_zshift",
    "open_stack",
    "propose_frames_per_slice",
    "register_recordings",
    "run",
    "save_session",
    "transform_rois",
]
