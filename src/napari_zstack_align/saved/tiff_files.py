"""TIFFs of a result, read without trust: what tifffile raises for damage becomes one kind."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy.typing as npt
import tifffile

from napari_zstack_align.saved.reading import UnfitContent

DAMAGE = (
    tifffile.TiffFileError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    AttributeError,
    AssertionError,
    MemoryError,
    struct.error,
)
"""tifffile defines no common base."""


def read_tiff(path: Path) -> npt.NDArray[Any]:
    """Read the image of a TIFF.

    Raises
    ------
    UnfitContent
        Where it holds no image of numbers.
    """
    try:
        with _quiet():
            image: npt.NDArray[Any] = tifffile.imread(path)
    except DAMAGE as error:
        raise UnfitContent(str(error)) from error
    if image.dtype.kind not in "uif" or not image.size:
        raise UnfitContent(f"it holds {image.dtype} of shape {image.shape}, no image")
    return image


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what tifffile logs off the console: what matters is raised."""
    logger = logging.getLogger("tifffile")
    before = logger.disabled
    logger.disabled = True
    try:
        yield
    finally:
        logger.disabled = before
