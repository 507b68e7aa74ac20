"""What ScanImage writes at each page: the number of its frame, its acquisition and its time.

Tens of thousands of descriptions are read one behind the other and searched as one text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read._files import readable
from napari_zstack_align.read.tiff.pages import Pages
from napari_zstack_align.read.tiff.tags import pread

LONGEST = 1024
"""Bytes of a description that are read: numbers and times stand at its start."""
BETWEEN = b"\0\n"
VALUE = rb"\"?[ \t]*[=:][ \t]*([^\r\n\0,]*)"
NUMBER = (b"frameNumbers", b"Frame Number")
NUMBER_IN_ACQUISITION = (b"frameNumberAcquisition",)
ACQUISITION = (b"acquisitionNumbers",)
TIME = (b"frameTimestamps_sec", b"Frame Timestamp(s)")
"""Names of a value in several versions. A pattern that begins with one of them is found ten times
as fast as one with alternatives."""


@dataclass(frozen=True)
class PageTexts:
    """Of each page, NaN where it isn't said.

    Attributes
    ----------
    number : numpy.ndarray
        (N,) float64 of its frame, counted from 1; channels of a frame share it.
    number_in_acquisition : numpy.ndarray
        (N,) float64, the same from the start of the acquisition.
    acquisition : numpy.ndarray
        (N,) float64.
    time_s : numpy.ndarray
        (N,) float64.
    """

    number: npt.NDArray[np.float64]
    number_in_acquisition: npt.NDArray[np.float64]
    acquisition: npt.NDArray[np.float64]
    time_s: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[np.intp]) -> PageTexts:
        """Return those of some pages."""
        return PageTexts(
            self.number[rows],
            self.number_in_acquisition[rows],
            self.acquisition[rows],
            self.time_s[rows],
        )


def read_texts(pages: Pages) -> PageTexts:
    """Read the descriptions of all pages."""
    texts: list[bytes] = []
    borders = np.cumsum([0, *pages.per_file]).tolist()
    for path, start, stop in zip(pages.paths, borders, borders[1:], strict=False):
        texts += _texts(path, pages.text[start:stop], pages.text_bytes[start:stop])
    whole = BETWEEN.join(texts)
    keys = (NUMBER, NUMBER_IN_ACQUISITION, ACQUISITION, TIME)
    return PageTexts(*(_numbers(key, whole, texts) for key in keys))


def _texts(
    path: Path, positions: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> list[bytes]:
    """Descriptions of the pages of a file; b'' for those without one."""
    with readable(path), path.open("rb", buffering=0) as file:
        return [
            pread(file, position, length) if length else b""
            for position, length in zip(
                positions.tolist(), np.clip(lengths, 0, LONGEST).tolist(), strict=True
            )
        ]


def _numbers(names: tuple[bytes, ...], whole: bytes, texts: list[bytes]) -> npt.NDArray[np.float64]:
    """Value of a key in each of the texts, of which the whole consists."""
    name = next((name for name in names if name in whole), names[0])
    key = re.compile(re.escape(name) + VALUE)
    values = key.findall(whole)
    if not values:
        return np.full(len(texts), np.nan)
    if len(values) != len(texts) or not all(name in text for text in texts):
        values = [match[1] if (match := key.search(text)) else b"" for text in texts]
    try:
        numbers = np.array(values).astype(np.float64)
    except ValueError:
        numbers = np.array([_number(value) for value in values])
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _number(value: bytes) -> float:
    try:
        return float(value)
    except ValueError:
        return np.nan
