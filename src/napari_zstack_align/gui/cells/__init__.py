"""The tabs for cells: blobs tuned live, ROIs edited by hand, their traces."""
