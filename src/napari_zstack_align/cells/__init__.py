"""Cells: blobs, ROIs on raw frames, traces."""
