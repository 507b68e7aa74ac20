"""Read: files to a lazy `Stack`, and what the frames tell about its layout."""

from napari_zstack_align.read._beside_frames import channel_offsets, detector_settings, started_at
from napari_zstack_align.read._describe import describe
from napari_zstack_align.read._files import collect, images_in
from napari_zstack_align.read._looking import holds_frames
from napari_zstack_align.read._open import open_plane, open_stack
from napari_zstack_align.read._remarks import remarks_on
from napari_zstack_align.read.layout.check_layout import (
    check_layout,
    checked_frames,
    layout_samples,
)
from napari_zstack_align.read.layout.check_slices import SlicesReport, check_slices, slices_sample
from napari_zstack_align.read.layout.pairs import SampledFrames
from napari_zstack_align.read.layout.preview import LayoutPreview, preview_layout
from napari_zstack_align.read.layout.propose import (
    LayoutProposal,
    neighbour_correlation,
    propose_frames_per_slice,
    propose_layout,
)
from napari_zstack_align.read.layout.report import LayoutReport
from napari_zstack_align.read.layout.report import from_arrays as report_from
from napari_zstack_align.read.layout.report import to_arrays as report_to_arrays
from napari_zstack_align.read.layout.scores import level_above_chance
from napari_zstack_align.read.layout.several_images import UNIT as SEVERAL_IMAGES
from napari_zstack_align.read.layout.several_images import several_images
from napari_zstack_align.read.own_exports import ALIGNED, MADE_BY, WITHOUT_PIXELS
from napari_zstack_align.read.said.layout import with_sizes
from napari_zstack_align.read.said.sayable import how_to_open_planes

__all__ = [
    "ALIGNED",
    "MADE_BY",
    "SEVERAL_IMAGES",
    "WITHOUT_PIXELS",
    "LayoutPreview",
    "LayoutProposal",
    "LayoutReport",
    "SampledFrames",
    "SlicesReport",
    "channel_offsets",
    "check_layout",
    "check_slices",
    "checked_frames",
    "collect",
    "describe",
    "detector_settings",
    "holds_frames",
    "how_to_open_planes",
    "images_in",
    "layout_samples",
    "level_above_chance",
    "neighbour_correlation",
    "open_plane",
    "open_stack",
    "preview_layout",
    "propose_frames_per_slice",
    "propose_layout",
    "remarks_on",
    "report_from",
    "report_to_arrays",
    "several_images",
    "slices_sample",
    "started_at",
    "with_sizes",
]
