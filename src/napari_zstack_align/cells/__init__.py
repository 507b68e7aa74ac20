"""Cells: blobs, ROIs on raw frames, traces."""

from napari_zstack_align.cells.on_raw import rois_to_reference, transform_rois, valid_in
from napari_zstack_align.cells.roi_table import load_rois
from napari_zstack_align.cells.rois import Rois

__all__ = ["Rois", "load_rois", "rois_to_reference", "transform_rois", "valid_in"]
