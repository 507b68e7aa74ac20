"""One recording of a session, and what its row in the list says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.summary import remarks_on
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.recordings.unlike import pixel_words, rate_words
from napari_zstack_align.read.natural_order import in_natural_order
from napari_zstack_align.remark import Remark
from napari_zstack_align.stack import Stack


@dataclass(eq=False)
class Recording:
    """A recording, and its alignment once there is one; belongs to the main thread.

    Attributes
    ----------
    stack : Stack
        The raw frames.
    contrast : list of (float, float)
        Contrast limits of each channel.
    started : datetime, optional
        When it was started, where its file says it.
    alignment : Alignment, optional
        Perhaps partial.
    """

    stack: Stack = field(repr=False)
    contrast: list[Limits]
    started: datetime | None = None
    alignment: Alignment | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Name of the stack."""
        return self.stack.name

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is to be known of its file, and of its alignment."""
        aligned = () if self.alignment is None else remarks_on(self.alignment)
        return tuple(dict.fromkeys((*self.stack.remarks, *aligned)))


def in_order(recordings: list[Recording]) -> list[Recording]:
    """Sort by start time where every recording has one, else naturally by name."""
    ordered = in_natural_order(recordings, lambda recording: recording.name)
    if all(recording.started is not None for recording in recordings):
        ordered.sort(key=lambda recording: recording.started or datetime.min)
    return ordered


def row_words(recording: Recording) -> dict[str, str]:
    """What the list shows of a recording, by the titles of its columns."""
    stack = recording.stack
    step = stack.frame_interval_s
    rows, columns = stack.shape[2:]
    dropped = len(stack.dropped)
    pixel = "–" if stack.pixel_size_um is None else pixel_words(stack).removesuffix(" µm")
    return {
        "Recording": stack.name,
        "Frames": f"{stack.n_frames:,}",
        "Dropped": f"{dropped:,}" if dropped else "–",
        "Ch.": str(stack.shape[1]),
        "Pixels": f"{rows} × {columns}",
        "µm": pixel,
        "Hz": "–" if step is None else rate_words(stack).removesuffix(" Hz"),
    }
