"""Whether a disk has room for an export, before the work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from napari_zstack_align.saved.room import check_free
from napari_zstack_align.write.image import Image

LEAST_PART = 0.1
"""Of their bytes that images take at least when they are packed, as in Zarr."""


def check_space(paths: Sequence[Path], images: Sequence[Image]) -> None:
    """Raise InputError where the images surely don't fit on the disk.

    Cropped or packed, they take less than their bytes: what can't be known is left to the work.
    """
    packed = paths[0].suffix.lower() == ".zarr"
    needed = sum(image.nbytes for image in images) * (LEAST_PART if packed else 1.0)
    check_free(paths[0], math.ceil(needed))
