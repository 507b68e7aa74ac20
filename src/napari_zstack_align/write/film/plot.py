"""The traces below the images: drawn once, with a line that moves along."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.write.film.lettering import (
    GREY,
    LINE_PX,
    SIZE_PX,
    WARNING,
    WHITE,
    Colour,
    Picture,
    width_of,
    write_words,
)
from napari_zstack_align.write.film.tiles import round_below

MOST_TRACES = 6
COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (213, 94, 0),
    (204, 121, 167),
)
"""That people who see few colours tell apart (Okabe and Ito), without the ones lost on black."""
TRACE_PX = 30
"""From one trace to the next."""
LARGEST_PX = 2 * TRACE_PX
"""The largest rise of all."""
BAR_PX = 70
"""Room for the scale on the left."""
DOUBT_APART_PX = 24
SHIFT = 4


@dataclass(frozen=True, eq=False)
class Shown:
    """Traces that are shown.

    Attributes
    ----------
    ids : numpy.ndarray
        (N,) of their ROIs.
    values : numpy.ndarray
        (N, T) float32; NaN where there is none.
    words : str
        What they are.
    doubt : str
        Why they can't be relied on; '' where they can.
    """

    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]
    words: str
    doubt: str

    @classmethod
    def of(cls, traces: Traces, channel: int, first: int, last: int) -> Shown:
        """The traces that rise most between two frames, ΔF/F where there is any."""
        values, words = traces.dff[channel], "ΔF/F"
        doubt = traces.dff_doubt and f"unreliable: {traces.dff_doubt}"
        if not np.isfinite(values[:, first : last + 1]).any():
            words, doubt = "F (counts)", "there is no ΔF/F"
            values = traces.corrected[channel]
        rises = [_rise(each[first : last + 1]) for each in values]
        rows = [row for row in np.argsort(rises)[::-1][:MOST_TRACES] if rises[row] > 0]
        which = "" if len(rows) == len(values) else f" of the {len(rows)} most active ROIs"
        which = which if rows else ": no ROI is active"
        return cls(traces.ids[rows], values[rows], words + which, doubt)

    def colours(self, ids: Sequence[int] | npt.NDArray[np.int64]) -> list[Colour]:
        """Colours of ROIs: those of their traces, grey without."""
        known = {int(i): COLOURS[k % len(COLOURS)] for k, i in enumerate(self.ids)}
        return [known.get(int(i), GREY) for i in ids]


def _rise(values: npt.NDArray[np.float32]) -> float:
    known = values[np.isfinite(values)]
    return float(known.max() - np.median(known)) if known.size else 0.0


class Plot:
    """Traces over the frames of a film.

    Parameters
    ----------
    shown : Shown
    first, last : int
        Frames at its ends.
    width : int
        In px.
    """

    def __init__(self, shown: Shown, first: int, last: int, width: int) -> None:
        self._first, self._n, self._width = first, last + 1 - first, width
        self._drawn = np.zeros((self.height_of(len(shown.ids)), width, 3), np.uint8)
        write_words(self._drawn, shown.words, 0, SIZE_PX + 2)
        if shown.doubt:
            at = width_of(shown.words) + DOUBT_APART_PX
            write_words(self._drawn, shown.doubt, at, SIZE_PX + 2, WARNING)
        values = shown.values[:, first : last + 1]
        rise = max(map(_rise, values), default=0.0)
        if not rise:
            return
        scale = LARGEST_PX / rise
        for row, each in enumerate(values):
            base = LINE_PX + LARGEST_PX + row * TRACE_PX
            self._draw(each, base, scale, COLOURS[row % len(COLOURS)])
        bar = round_below(rise)
        bottom = LINE_PX + LARGEST_PX
        cv2.line(self._drawn, (4, bottom), (4, bottom - round(bar * scale)), WHITE, 2)
        write_words(self._drawn, f"{bar:g}", 10, bottom)

    @staticmethod
    def height_of(n_traces: int) -> int:
        """In px, with the title."""
        return LINE_PX + LARGEST_PX + max(n_traces, 1) * TRACE_PX

    def at(self, t: int) -> Picture:
        """The plot with the line at frame t."""
        picture = self._drawn.copy()
        x = round(float(self._x(np.float64(t - self._first))))
        cv2.line(picture, (x, LINE_PX), (x, len(picture) - 1), GREY, 1)
        return picture

    def _x(self, frame: npt.NDArray[np.float64] | np.float64) -> npt.NDArray[np.float64]:
        return np.asarray(BAR_PX + frame / max(self._n - 1, 1) * (self._width - BAR_PX - 1))

    def _draw(
        self, values: npt.NDArray[np.float32], base: int, scale: float, colour: Colour
    ) -> None:
        """Draw one trace, with gaps where it has no values; its median lies on the base."""
        known = np.isfinite(values)
        if not known.any():
            return
        y = base - (values - np.median(values[known])) * scale
        y = np.minimum(y, len(self._drawn) - 1)
        points = np.column_stack([self._x(np.arange(len(values), dtype=np.float64)), y])
        ends = np.flatnonzero(np.diff(known.astype(int))) + 1
        for piece, is_known in zip(np.split(points, ends), np.split(known, ends), strict=True):
            if is_known[0]:
                line = np.rint(piece * 2**SHIFT).astype(np.int32)
                cv2.polylines(self._drawn, [line], False, colour, 1, cv2.LINE_AA, SHIFT)
