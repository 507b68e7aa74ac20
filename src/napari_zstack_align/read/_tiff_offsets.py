"""The offset of each channel, where the TIFF of a microscope says it."""

from __future__ import annotations

import re
from pathlib import Path

from napari_zstack_align.read._quiet import tags_of_first_page

KEY = r"hChannels\.{}\s*=\s*([^\r\n]+)"
NUMBER = re.compile(r"true|false|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)

WORDS = {"true": 1.0, "false": 0.0}


def channel_offsets(path: Path) -> tuple[float, ...] | None:
    """Counts without light of each saved channel, as ScanImage wrote them into a TIFF.

    Returns
    -------
    tuple of float or None
        One a saved channel; 0 where the offset was subtracted already when the file was written.
        None where the file doesn't say it.
    """
    return _of_scanimage("\n".join(tags_of_first_page(path, "Software", "ImageDescription")))


def _of_scanimage(text: str) -> tuple[float, ...] | None:
    offsets, saved = _numbers(text, "channelOffset"), _numbers(text, "channelSave")
    subtracted = _numbers(text, "channelSubtractOffset")
    if not offsets or not subtracted:
        return None
    if len(subtracted) == 1:
        subtracted *= len(offsets)
    channels = [int(c) - 1 for c in saved] or list(range(len(offsets)))
    if len(subtracted) != len(offsets) or not all(0 <= c < len(offsets) for c in channels):
        return None
    return tuple(0.0 if subtracted[c] else offsets[c] for c in channels)


def _numbers(text: str, key: str) -> list[float]:
    """Numbers of a line like ``SI.hChannels.channelOffset = [-10 -8]``; empty without one."""
    found = re.search(KEY.format(key), text)
    if found is None:
        return []
    words = (word.lower() for word in NUMBER.findall(found[1]))
    return [float(WORDS.get(word, word)) for word in words]
