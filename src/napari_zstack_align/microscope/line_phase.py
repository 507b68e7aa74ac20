"""Line phase of bidirectional scanning: what is found, and whether it is to be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.microscope.line_shift import LineShift, Px
from napari_zstack_align.microscope.odd_lines import (
    Displacement,
    Lines,
    along_x,
    displacement_of,
    lines_of,
    together,
)
from napari_zstack_align.microscope.segments import FRAMES, Segment, mean_segments
from napari_zstack_align.progress import Job, Progress, run
from napari_zstack_align.remark import Remark, RemarkCode, as_notes, as_warnings
from napari_zstack_align.stack import Stack, check_is_stack

Floats = npt.NDArray[np.float64]

ERRORS, LEAST_PX = 3.0, 0.2
"""What isn't above both is no line phase."""
LEAST_LEAD = 3.0
"""By so many errors no other displacement explains the lines as well."""
REACH_PX, LEAST_RANGE_PX, LEAST_GAIN = 4.0, 0.5, 25.0
"""Of a phase that varies along x: how far, how much at least, and how much better χ² has to be."""
DECIMALS = 2


@dataclass(frozen=True)
class SegmentPhase:
    """Line phase of a segment of frames.

    Attributes
    ----------
    start, stop : int
        First frame and end (exclusive).
    n_frames : int
        Frames that were averaged.
    px, error : float
        Displacement of every second line to the right and its standard error, px; NaN where it
        can't be found.
    """

    start: int
    stop: int
    n_frames: int
    px: float
    error: float


@dataclass(frozen=True)
class LinePhase:
    """How far every second line (1, 3, 5 ... from 0) is displaced along x.

    Attributes
    ----------
    px, error : float
        Displacement to the right and its standard error in px, of all segments together; NaN where
        it can't be found.
    segments : tuple of SegmentPhase
        The same of each segment.
    along_x : tuple of float, optional
        Displacement in px at the left edge, in the centre and at the right edge, where it varies;
        None where one number describes it.
    doubt : str
        A sentence on why it isn't to be corrected although there may be one; '' for none.
    is_distinct : bool
        Whether no other displacement explains the lines nearly as well.
    """

    px: float
    error: float
    segments: tuple[SegmentPhase, ...]
    along_x: tuple[float, float, float] | None = None
    doubt: str = ""
    is_distinct: bool = True

    @property
    def is_clear(self) -> bool:
        """Whether it exceeds three standard errors and 0.2 px, and nothing speaks against it."""
        return self.is_told and _is_clear(self.px, self.error)

    @property
    def is_told(self) -> bool:
        """Whether the frames tell where lines lie at all."""
        return not self.doubt and self.is_distinct and bool(np.isfinite(self.error))

    @property
    def value(self) -> Px | None:
        """What to give `open_stack` as ``line_phase``; None where there is nothing to correct."""
        if not self.is_clear:
            return None
        if self.along_x is not None:
            left, centre, right = (round(each, DECIMALS) for each in self.along_x)
            return left, centre, right
        return round(self.px, DECIMALS)

    @property
    def figures(self) -> str:
        """'2.9 ± 0.1 px'."""
        return f"{self.px:.2f} ± {max(self.error, 0.01):.2f} px"

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        if self.doubt:
            return self.doubt
        if not self.is_told:
            return "Whether every second line is displaced can't be told from the frames."
        if not _is_clear(self.px, self.error):
            return f"Every second line lies where it should, within {self._within:.2g} px."
        side = "right" if self.px > 0 else "left"
        what = (
            f"Every second line is shifted to the {side} by {abs(self.px):.2f} ± "
            f"{max(self.error, 0.01):.2f} px (line phase of bidirectional scanning)"
        )
        if self.along_x is not None:
            left, centre, right = (f"{each:.1f}" for each in self.along_x)
            what += f", by {left} px at the left edge, {centre} in the centre, {right} at the right"
        return f"{what}."

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """The offer to correct it, or why it isn't offered; none where there is none."""
        if self.doubt:
            return as_notes(self.doubt)
        if not self.is_clear:
            return ()
        return as_warnings(
            f"{self.sentence} To correct it, open the file with `line_phase='auto'`."
        )

    @property
    def drifts(self) -> bool:
        """Whether segments differ by more than half a px and their errors."""
        known = [each for each in self.segments if np.isfinite(each.error)]
        if len(known) < 2:
            return False
        low, high = (pick(known, key=lambda each: each.px) for pick in (min, max))
        apart = high.px - low.px
        return apart > max(0.5, ERRORS * np.hypot(low.error, high.error))

    @property
    def _within(self) -> float:
        return max(abs(self.px) + ERRORS * self.error, 0.05)


def estimate_line_phase(stack: Stack) -> LinePhase:
    """Estimate how far every second line is displaced, as bidirectional scanning may leave it.

    Means of up to 50 frames at the start, in the middle and at the end are compared; of a z-stack,
    frames of one slice alone are averaged. Frames that can't be read are left out. A line phase
    that `open_stack` corrected already doesn't show.

    Parameters
    ----------
    stack : Stack

    Returns
    -------
    LinePhase
        ``px`` and ``error`` are those of all ``segments`` together.
    """
    check_is_stack(stack)
    return run(_estimate(stack))


def _estimate(stack: Stack) -> Job[LinePhase]:
    segments = yield from mean_segments(stack)
    return (yield from phase_of(stack, segments))


def phase_of(stack: Stack, segments: Sequence[Segment]) -> Job[LinePhase]:
    """Line phase of segments of a stack, which were averaged before."""
    total = len(segments) + 1
    parts: list[Lines | None] = []
    each: list[SegmentPhase] = []
    for done, segment in enumerate(segments):
        parts.append(_lines(segment))
        each.append(_of_segment(segment, parts[-1]))
        yield Progress("Comparing lines", done + 1, total, stack.name)
    lines = together(parts)
    found = displacement_of(lines)
    yield Progress("Comparing lines", total, total, stack.name)
    of_each = tuple(each)
    if why := _not_raw(stack):
        return LinePhase(found.px, found.error, of_each, doubt=why)
    if not _shows(found) and segments and _shows(turned := _turned(segments)):
        doubt = (
            f"Every second column is shifted along Y by {turned.px:.2f} ± "
            f"{max(turned.error, 0.01):.2f} px: the lines of the scan run along Y, as in an image "
            f"that was turned. Turn the frames back before the line phase is corrected."
        )
        return LinePhase(found.px, found.error, of_each, doubt=doubt)
    varies = None if lines is None or not _shows(found) else _varying(lines, found)
    return LinePhase(found.px, found.error, of_each, varies, is_distinct=found.lead >= LEAST_LEAD)


def _turned(segments: Sequence[Segment]) -> Displacement:
    """Displacement of every second column along Y, in one of the segments."""
    return displacement_of(_lines(segments[len(segments) // 2], turned=True))


def _of_segment(segment: Segment, lines: Lines | None) -> SegmentPhase:
    found = displacement_of(lines)
    px, error = (found.px, found.error) if found.lead >= LEAST_LEAD else (np.nan, np.nan)
    return SegmentPhase(segment.start, segment.stop, segment.n_frames, px, error)


def _lines(segment: Segment, turned: bool = False) -> Lines | None:
    return lines_of(
        (shows, image.T if turned else image)
        for shows, channels in zip(segment.slices, segment.means, strict=True)
        for image in channels
    )


def _shows(found: Displacement) -> bool:
    return found.lead >= LEAST_LEAD and _is_clear(found.px, found.error)


def _is_clear(px: float, error: float) -> bool:
    return abs(px) > max(ERRORS * error, LEAST_PX) if np.isfinite(error) else False


def _not_raw(stack: Stack) -> str:
    """Say why lines aren't raw any more, as far as the file says it; '' where they may be."""
    for remark in stack.remarks:
        if remark.code is RemarkCode.RESAMPLED:
            return f"{remark} Their lines aren't those of the scan: no line phase is corrected."
    return ""


def _varying(lines: Lines, found: Displacement) -> tuple[float, float, float] | None:
    """Displacement at the edges and in the centre; None where the evidence is for one number.

    A resonant mirror is fastest in the centre, where the same delay makes a larger displacement: a
    parabola, fitted to windows along x, is compared with a constant.
    """
    places, px, errors = along_x(lines, found.px, REACH_PX)
    if len(places) < 4:
        return None
    centre = (lines.n_columns - 1) / 2
    u, weight = places / centre - 1, 1 / np.maximum(errors, 0.01)
    parabola = np.polyfit(u, px, 2, w=weight)
    constant = np.average(px, weights=weight**2)
    edges = np.polyval(parabola, [-1, 0, 1])
    gain = _chi_squared(px - constant, weight) - _chi_squared(px - np.polyval(parabola, u), weight)
    inside = np.polyval(parabola, u)
    if gain < LEAST_GAIN or np.ptp(inside) < LEAST_RANGE_PX:
        return None
    left, middle, right = edges.tolist()
    return left, middle, right


def _chi_squared(rest: Floats, weight: Floats) -> float:
    return float(np.sum((rest * weight) ** 2))


def what_was_done(found: LinePhase, shift: LineShift | None) -> tuple[Remark, ...]:
    """Say what was found, and what was done about it."""
    few = min((each.n_frames for each in found.segments), default=0)
    of_few = f" It was found on {counted(few, 'frame')}." if few < FRAMES else ""
    if found.value is None:
        figures = f" ({found.figures} were found)" if found.is_told else ""
        what = found.sentence.rstrip(".")
        return as_notes(f"{what}{figures}: no line phase was corrected.{of_few}")
    if shift is None:
        return as_notes(
            f"{found.sentence} That is no whole pixel, so nothing was corrected: for parts of a "
            f"pixel, say `line_phase_subpixel=True`.{of_few}"
        )
    remarks = as_notes(f"{found.sentence} Lines were moved back: {shift.words}.{of_few}")
    if found.drifts:
        each = ", ".join(f"{one.px:.1f}" for one in found.segments if np.isfinite(one.px))
        remarks += as_warnings(
            f"The line phase changes from the start to the end ({each} px): one correction doesn't "
            f"fit all frames."
        )
    return remarks
