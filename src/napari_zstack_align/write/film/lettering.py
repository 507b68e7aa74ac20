"""Words on pictures."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]

SIZE_PX = 16
LINE_PX = 26
"""Height of a line of words."""
WHITE, GREY, WARNING = (255, 255, 255), (190, 190, 190), (230, 159, 0)


def write_words(
    picture: Picture, words: str, x: int, baseline: int, colour: Colour = WHITE
) -> None:
    """Write into a picture (H, W, 3), from x to the right."""
    cv2.putText(picture, words, (x, baseline), colour, _font(), SIZE_PX)


def width_of(words: str) -> int:
    """Width of words in px."""
    _, _, width, _ = cv2.getTextSize((0, 0), words, (0, 0), _font(), SIZE_PX)
    return int(width)


@cache
def _font() -> Any:
    return cv2.FontFace("sans")
