"""tifffile's log while reading: kept off the console, and told in one remark."""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tifffile

from napari_zstack_align.read._damage import is_ours
from napari_zstack_align.remark import Remark, as_notes

DAMAGE = (
    tifffile.TiffFileError,
    ArithmeticError,
    LookupError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What tifffile and imagecodecs raise on damaged or unknown files: they define no common base.

Only calls that do nothing but run their code may be guarded by it.
"""

OF_ITS_INSIDES = ("object", "argument", "NoneType", "<class", "unpack", "subscript", "recursion")
"""Words of a program's own faults, which tell a person nothing."""

DAMAGED_TAGS = (*DAMAGE, TypeError)
"""For calls that let tifffile read the tags of a page.

It computes with their values as they are: a damaged tag is a text, bytes or a tuple there, and the
arithmetic fails with a TypeError.
"""


class _Collect(logging.Filter):
    """Keep the warnings of the thread it was made in, and let those of others pass."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        if threading.get_ident() != self._thread:
            return True
        if record.levelno >= logging.WARNING:
            self.messages.append(record.getMessage())
        return False


@contextmanager
def quiet_tifffile() -> Iterator[list[str]]:
    """Collect what tifffile would log meanwhile."""
    collect = _Collect()
    logger = logging.getLogger("tifffile")
    logger.addFilter(collect)
    try:
        yield collect.messages
    finally:
        logger.removeFilter(collect)


def tags_of_first_page(path: Path, *names: str) -> tuple[str, ...]:
    """Texts of tags of the first page of a TIFF; '' for those that aren't there."""
    try:
        with quiet_tifffile(), tifffile.TiffFile(path) as tiff:
            tags = tiff.pages.first.tags
            return tuple(str(tags.valueof(name, "")) for name in names)
    except (OSError, *DAMAGED_TAGS) as error:
        if is_ours(error) and not isinstance(error, OSError):
            raise
        return ("",) * len(names)  # what is the matter with it is said when it is opened


def shortened(error: object, longest: int = 160) -> str:
    """What another program says of damage, as a part of a sentence; nothing of its own insides."""
    text = " ".join(str(error).split())
    if not text or any(mark in text for mark in OF_ITS_INSIDES):
        return "what it says of itself makes no sense"
    return text if len(text) <= longest else f"{text[:longest]}..."


def remark_of(messages: list[str]) -> tuple[Remark, ...]:
    """One sentence for all of them, or nothing."""
    if not messages:
        return ()
    first = " ".join(messages[0].split())[:160]
    more = f" (and {len(messages) - 1} more like it)" if len(messages) > 1 else ""
    return as_notes(f"The TIFF is not quite regular: {first}{more}.")
