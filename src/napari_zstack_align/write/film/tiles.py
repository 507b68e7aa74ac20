"""One image of a picture: its title above, ROIs and a scale bar in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.write.film.lettering import (
    GREY,
    LINE_PX,
    SIZE_PX,
    WHITE,
    Colour,
    Picture,
    width_of,
    write_words,
)
from napari_zstack_align.write.grey import Image, in_grey

BAR_PART = 0.25
"""Of the width of an image, at most."""
ROUND_NUMBERS = (1, 2, 5)
MARGIN_PX = 10
SHIFT = 4
"""Circles are drawn to a part of 2**-SHIFT px."""


@dataclass(frozen=True, eq=False)
class Tile:
    """How the images of one kind are shown.

    Attributes
    ----------
    title : str
    shape : tuple of int
        (Y, X) of the images.
    limits : tuple of float
        Counts that are black and white.
    pixel_size_um : tuple of float, optional
        (y, x); None where unknown: no scale bar.
    largest_px : int
        Longer side of an image in the film; smaller ones are enlarged by a whole number.
    """

    title: str
    shape: tuple[int, int]
    limits: tuple[float, float]
    pixel_size_um: tuple[float, float] | None = None
    largest_px: int = 512

    @property
    def scale(self) -> float:
        """Pixels of the film that a pixel of the image takes."""
        part = self.largest_px / max(self.shape)
        return part if part < 1 else float(int(part))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in the film, with the title."""
        height, width = (max(round(n * self.scale), 1) for n in self.shape)
        return height + LINE_PX, max(width, width_of(self.title))

    def drawn(
        self,
        image: Image,
        circles: npt.NDArray[np.float64] | None = None,
        colours: Sequence[Colour] = (),
    ) -> Picture:
        """Draw an image.

        Parameters
        ----------
        image : numpy.ndarray
            (Y, X) float32; NaN is black.
        circles : numpy.ndarray, optional
            (N, 3) y, x, radius in px of the image.
        colours : sequence of tuple
            N colours of them.
        """
        picture = np.zeros((*self.size, 3), np.uint8)
        write_words(picture, self.title, 0, SIZE_PX + 2)
        grey = self._to_scale(in_grey(image, self.limits))
        height, width = grey.shape
        inside = np.ascontiguousarray(np.repeat(grey[:, :, np.newaxis], 3, axis=2))
        if circles is not None:
            self._draw_circles(inside, circles, colours)
        if self.pixel_size_um is not None:
            self._draw_bar(inside, self.pixel_size_um[1])
        picture[LINE_PX : LINE_PX + height, :width] = inside
        return picture

    def _to_scale(self, grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        size = [max(round(n * self.scale), 1) for n in grey.shape[::-1]]
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_NEAREST
        return np.asarray(cv2.resize(grey, size, interpolation=how))

    def _draw_circles(
        self, picture: Picture, circles: npt.NDArray[np.float64], colours: Sequence[Colour]
    ) -> None:
        for (y, x, radius), colour in zip(circles, colours, strict=True):
            if not np.isfinite((y, x, radius)).all():
                continue
            # Pixel centres lie at integers, in the image and in the film.
            centre = [round(((n + 0.5) * self.scale - 0.5) * 2**SHIFT) for n in (x, y)]
            length = round(radius * self.scale * 2**SHIFT)
            thickness = 1 if colour == GREY else 2
            cv2.circle(picture, centre, length, colour, thickness, cv2.LINE_AA, SHIFT)

    def _draw_bar(self, picture: Picture, pixel_um: float) -> None:
        height, width = picture.shape[:2]
        um = round_below(BAR_PART * width / self.scale * pixel_um)
        length = round(um / pixel_um * self.scale)
        right, bottom = width - MARGIN_PX, height - MARGIN_PX
        cv2.rectangle(picture, (right - length, bottom - 3), (right - 1, bottom), WHITE, cv2.FILLED)
        words = f"{um:g} µm"
        start = max(right - length + (length - width_of(words)) // 2, 0)
        start = min(start, width - width_of(words))
        write_words(picture, words, start, bottom - 9)


def round_below(number: float) -> float:
    """Largest of 1, 2, 5, 10, 20 … (or .1, .2 …) that isn't larger than a positive number."""
    power = 10.0 ** np.floor(np.log10(number))
    return float(max(n * power for n in ROUND_NUMBERS if n * power <= number * (1 + 1e-9)))
