"""What is found out about a layout, and its sentences."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

import numpy as np

from napari_zstack_align.counting import counted
from napari_zstack_align.layout import Order
from napari_zstack_align.read.layout.arrangements import Arrangement, Kind
from napari_zstack_align.saved import Arrays
from napari_zstack_align.saved.provenance import json_bytes

Verdict: TypeAlias = Literal["plausible", "wrong", "cannot tell"]
Looks: TypeAlias = Literal[
    "repeats", "slices", "up-and-down", "two images in turn", "no slices", ""
]


@dataclass(frozen=True)
class LayoutReport:
    """Whether the frames look like the layout that a stack has.

    Attributes
    ----------
    verdict : {'plausible', 'wrong', 'cannot tell'}
        'cannot tell' where the frames are too few, show nothing, or neighbouring slices are too
        much alike; with 'no slices' where nothing tells the slices apart (a recording of one plane,
        or slices closer together than the microscope resolves), and with another arrangement where
        that one explains much more, but the planes hardly differ.
    looks_like : {'repeats', 'slices', 'up-and-down', 'two images in turn', 'no slices', ''}
        What they look like: the repeats of a slice after one another, the slices of a volume after
        one another, volumes scanned up and down in turn, two channels or places in turn, one plane
        all the time. '' where that isn't clear.
    reason : str
        A sentence with the figures behind the verdict.
    length : int, optional
        Repeats of a slice where it looks like 'repeats', planes where it looks like 'slices' or
        'up-and-down'; else None.
    other_axes : str
        A sentence where time seems to run along another axis of the array; else ''.
    order : str, optional
        How a stack says the arrangement that it looks like, `layout.Order`.
    """

    verdict: Verdict
    looks_like: Looks
    reason: str
    length: int | None = None
    other_axes: str = ""
    order: Order | None = None

    @property
    def warning(self) -> str:
        """What it looks like and what to do, where the layout is, or may be, wrong; else ''."""
        if self.other_axes:
            return self.other_axes
        if self.verdict == "plausible" or not self.looks_like:
            return ""
        advice = WARNINGS[self.looks_like][1].format(length=self.length, order=self.order)
        return f"{self.headline} {self.reason} {advice}"

    @property
    def headline(self) -> str:
        """First sentence of the warning."""
        if self.other_axes:
            return self.other_axes.partition(":")[0] + "."
        looks = "looks wrong" if self.verdict == "wrong" else "may be wrong"
        if self.looks_like == "no slices":
            return f"The layout {looks}: {NOTHING_TELLS_APART}."
        what = WARNINGS[self.looks_like][0].format(length=self.length)
        return f"The layout {looks}: the frames look like {what}."

    @property
    def note(self) -> str:
        """That the layout couldn't be checked, and why; else ''."""
        open_ = self.verdict == "cannot tell" and not self.warning
        return f"The layout couldn't be checked. {self.reason}" if open_ else ""


def to_arrays(report: LayoutReport) -> Arrays:
    """Report as a unit of a run keeps it."""
    return {"report": np.frombuffer(json_bytes(asdict(report)), np.uint8)}


def from_arrays(arrays: Arrays) -> LayoutReport:
    """Undo `to_arrays`."""
    return LayoutReport(**json.loads(arrays["report"].tobytes()))


NOTHING_TELLS_APART = (
    "frames of neighbouring slices resemble one another as much as those of one slice, as in a "
    "recording of one plane"
)
WARNINGS: dict[str, tuple[str, str]] = {
    "repeats": (
        "slices of {length} repeats after one another",
        "Give `frames_per_slice={length}, order='repeats'`.",
    ),
    "slices": (
        "volumes of {length} slices after one another",
        "Give the number of volumes as `frames_per_slice`, and `order='slices'`.",
    ),
    "up-and-down": (
        "an up-and-down scan of {length} slices",
        "Give the number of sweeps as `frames_per_slice`, and `order='{order}'`.",
    ),
    "two images in turn": (
        "two images in turn, such as two channels",
        "If they are channels, give `channels=2`.",
    ),
    "no slices": (
        "one plane, without slices",
        "If it is a z-stack, look for another layout ('zstack-align info --propose', 'Propose' on "
        "the Load tab), or carry on only if the slices really lie that close together. Register a "
        "recording of one plane with keypoints ('zstack-align keypoints', the tab 'Recordings').",
    ),
}
"""What each looks like, and what to do."""


def in_words(arrangement: Arrangement) -> tuple[Looks, str]:
    """What an arrangement looks like, and its description."""
    n = arrangement.length
    if arrangement.kind is Kind.REPEATS:
        return "repeats", f"{counted(n, 'repeat')} of each slice after one another"
    if arrangement.kind is Kind.SLICES:
        if n == 2:
            return "two images in turn", "Two images in turn"
        return "slices", f"Volumes of {n} slices after one another"
    ends = ", their ends once" if arrangement.kind is Kind.TURNING else ""
    return "up-and-down", f"Volumes of {n} slices scanned up and down in turn{ends}"


def part_in_words(score: float) -> str:
    """How much of how alike the frames are an arrangement explains: '97 %'."""
    return f"{100 * score**2:.0f} %"


def own_in_words(layout: Arrangement | None, own: float) -> str:
    """How much the layout itself explains."""
    if layout is None:
        return "one plane for none of them"
    what = in_words(layout)[1]
    return f"the layout given ({what[0].lower()}{what[1:]}) for {part_in_words(own)}"
