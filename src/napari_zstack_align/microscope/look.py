"""A look at a few means of a stack: what the microscope did to its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_zstack_align.microscope.bleed_through import ChannelPair, channel_pairs, on_channels
from napari_zstack_align.microscope.line_phase import LinePhase, phase_of
from napari_zstack_align.microscope.segments import mean_segments
from napari_zstack_align.progress import Job
from napari_zstack_align.remark import Remark
from napari_zstack_align.stack import Stack, check_is_stack


@dataclass(frozen=True)
class PixelsReport:
    """What shows on means of a few segments of frames.

    Attributes
    ----------
    line_phase : LinePhase
        How far every second line is displaced.
    channels : tuple of ChannelPair
        How alike channels are, of each two.
    channel_names : tuple of str
    """

    line_phase: LinePhase
    channels: tuple[ChannelPair, ...]
    channel_names: tuple[str, ...]

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is odd, and what to do about it."""
        return (*self.line_phase.remarks, *on_channels(self.channels, self.channel_names))

    def facts(self) -> dict[str, Any]:
        """Return it for JSON."""
        phase = self.line_phase
        return {
            "line_phase_px": _known(phase.px),
            "line_phase_error_px": _known(phase.error),
            "line_phase_to_apply": phase.value,
            "channel_pairs": [
                {
                    "channels": (pair.first, pair.second),
                    "correlation": _known(pair.correlation),
                    "slope": _known(pair.slope),
                }
                for pair in self.channels
            ],
        }


def check_pixels(stack: Stack) -> Job[PixelsReport]:
    """Look for a line phase, and for channels that show the same, on means of a few segments.

    Up to 150 frames are read; those that can't be read are left out.

    Parameters
    ----------
    stack : Stack

    Returns
    -------
    generator of Progress
        Returns a `PixelsReport`.
    """
    check_is_stack(stack)
    return _look(stack)


def glance_at_lines(stack: Stack) -> Job[LinePhase]:
    """Look for a line phase on the mean of up to 50 frames in the middle: a third of the reading.

    Parameters
    ----------
    stack : Stack

    Returns
    -------
    generator of Progress
        Returns a `LinePhase`.
    """
    segments = yield from mean_segments(stack, most=1)
    return (yield from phase_of(stack, segments))


def _look(stack: Stack) -> Job[PixelsReport]:
    segments = yield from mean_segments(stack)
    phase = yield from phase_of(stack, segments)
    return PixelsReport(phase, channel_pairs(segments), stack.channel_names)


def _known(value: float) -> float | None:
    return round(value, 4) if value == value else None
