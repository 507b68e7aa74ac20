"""Files for other programs: volumes and aligned frames as OME-TIFF and OME-Zarr."""
