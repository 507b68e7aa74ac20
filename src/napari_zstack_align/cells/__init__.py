"""Cells: blobs, ROIs on raw frames, traces."""

from napari_zstack_align.cells.agreement import agreement, companions, detect_with_agreement
from napari_zstack_align.cells.blobs import BlobResult, detect, detect_blobs
from napari_zstack_align.cells.images import session_image, slice_image, source_image
from napari_zstack_align.cells.on_raw import (
    rois_to_reference,
    transform_rois,
    valid_in,
    valid_numbers,
)
from napari_zstack_align.cells.roi_files import load_rois
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.scale_space import ScaleSpace, build_scale_space, scales_of
from napari_zstack_align.cells.strength import Histogram, elbow, histogram
from napari_zstack_align.cells.volume import detect_cells

__all__ = [
    "BlobResult",
    "Histogram",
    "Rois",
    "ScaleSpace",
    "agreement",
    "build_scale_space",
    "companions",
    "detect",
    "detect_blobs",
    "detect_cells",
    "detect_with_agreement",
    "elbow",
    "histogram",
    "load_rois",
    "rois_to_reference",
    "scales_of",
    "session_image",
    "slice_image",
    "source_image",
    "transform_rois",
    "valid_in",
    "valid_numbers",
]
