"""PNG pictures, which hold masks that were drawn in other programs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError
from napari_zstack_align.read._damage import damage
from napari_zstack_align.read._files import readable
from napari_zstack_align.sources import ArraySource

START = b"\x89PNG"
MOST_PIXELS = 2**28
"""Beyond that a head is damaged: a mask has the size of a frame."""


def open_png(path: Path) -> ArraySource:
    """Open a picture in shades of gray as one frame.

    Raises
    ------
    InputError
        Where it is damaged, or holds colours.
    """
    with readable(path):
        content = path.read_bytes()
    size = np.frombuffer(content[16:24], ">u4").astype(np.int64)
    if len(size) < 2 or not 0 < size.prod() <= MOST_PIXELS:
        raise _damaged(path, "its size can't be")
    with damage((RuntimeError, ValueError, MemoryError), partial(_damaged, path)):
        picture = np.asarray(imagecodecs.png_decode(content))
    return ArraySource(_gray(picture, path)[np.newaxis], "TYX")


def _gray(picture: npt.NDArray[Any], path: Path) -> npt.NDArray[Any]:
    """Picture (Y, X) of gray values; how solid its pixels are doesn't count."""
    if picture.ndim == 2:
        return picture
    colours = picture[..., :3] if picture.shape[-1] > 2 else picture[..., :1]
    if np.any(colours != colours[..., :1]):
        raise InputError(f"{path} holds colours, not a mask: save it as grayscale.")
    return np.ascontiguousarray(colours[..., 0])


def _damaged(path: Path, why: object) -> InputError:
    return InputError(f"{path} can't be read as PNG ({why}): it may be damaged, save it again.")
