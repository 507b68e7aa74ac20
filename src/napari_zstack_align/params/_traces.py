"""Parameters of the traces of cells."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from napari_zstack_align.params._base import LARGEST_COUNT, FrameIndex, Params, unit


class TraceParams(Params):
    """How the traces of cells are read from the raw frames, and ΔF/F made of them."""

    # -- neuropil ------------------------------------------------------------------------------
    neuropil_gap_px: float = Field(
        2.0,
        ge=0.0,
        le=100.0,
        description="Gap between a cell's circle and its neuropil ring, which light of the cell "
        "still reaches.",
        json_schema_extra=unit("px"),
    )
    neuropil_width_um: float = Field(
        10.0,
        gt=0.0,
        le=1000.0,
        description=(
            "Width of the neuropil ring, in µm; where the pixel size is unknown, the number is "
            "taken as pixels. Pixels of other cells are left out."
        ),
        json_schema_extra=unit("µm"),
    )
    neuropil_factor: float = Field(
        0.7,
        ge=0.0,
        le=2.0,
        description=(
            "Part r of the neuropil's change that is subtracted from a cell: "
            "F - r (Fneu - median Fneu); 0: no correction."
        ),
    )
    # -- baseline ------------------------------------------------------------------------------
    baseline_percentile: float = Field(
        8.0,
        ge=0.0,
        le=100.0,
        description="Percentile of the corrected trace that is the baseline F₀ of a window.",
        json_schema_extra=unit("%"),
    )
    baseline_window_s: float = Field(
        60.0,
        gt=0.0,
        le=100_000.0,
        description=(
            "Length of the window that slides along a trace for the baseline, in s; where the "
            "frame times are unknown, 10 frames per second are assumed. It slides across pauses "
            "that are shorter than itself, and never across longer ones."
        ),
        json_schema_extra=unit("s"),
    )
    pause_intervals: float = Field(
        5.0,
        gt=1.0,
        le=1e6,
        description="Time between two frames, in frame intervals, from which it counts as a pause "
        "of the recording; only one that is longer than the window separates baselines.",
    )
    noise_floor: float = Field(
        1.0,
        ge=0.0,
        le=100.0,
        description=(
            "Least baseline F₀ above the dark level, in standard deviations of a trace's noise "
            "from frame to frame; below it ΔF/F is NaN."
        ),
        json_schema_extra=unit("SD"),
    )
    # -- dark level ----------------------------------------------------------------------------
    dark_level: tuple[float, ...] = Field(
        (),
        description=(
            "Counts without light, one number for all channels or one a channel; empty: what the "
            "file says, or 'dark_frames'."
        ),
        json_schema_extra=unit("counts"),
    )
    dark_frames: tuple[FrameIndex, FrameIndex] | None = Field(
        None,
        description="First frame and end (exclusive) of frames without light, whose mean is the "
        "dark level.",
        json_schema_extra=unit("frames"),
    )
    accept_estimate: bool = Field(
        False,
        description=(
            "Where nothing else tells the dark level, subtract the estimate from the darkest "
            "pixels. Look at it first: where no pixel is dark it is too high, and so is ΔF/F."
        ),
    )

    same_detector: bool = Field(
        False,
        description=(
            "All recordings were made with one detector at the same offset and gain: one estimate "
            "of the dark level, the lowest, counts for all of them."
        ),
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.dark_frames is not None and not (self.dark_frames[0] < self.dark_frames[1]):
            raise ValueError("dark_frames must be a first frame and a larger end, counted from 0")
        if self.dark_level and self.dark_frames is not None:
            raise ValueError("give dark_level or dark_frames, not both")
        if any(abs(level) > LARGEST_COUNT for level in self.dark_level):
            raise ValueError(
                f"dark_level must lie between -{LARGEST_COUNT:g} and {LARGEST_COUNT:g}"
            )
        return self
