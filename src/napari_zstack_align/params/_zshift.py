"""Parameters of the z-shift."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from napari_zstack_align.params._base import Params, unit


class ZShiftParams(Params):
    """How the depth of each frame of a recording is found in a reference z-stack."""

    channel: int = Field(
        0, ge=0, le=63, description="Channel of the recording that is compared, counted from 0."
    )
    reference_channel: int = Field(
        0, ge=0, le=63, description="Channel of the reference that it is compared with."
    )
    # -- patches -------------------------------------------------------------------------------
    patch_px: int = Field(
        128,
        ge=16,
        le=4096,
        description="Side of the patches whose depth is found, at most that of the frame.",
        json_schema_extra=unit("px"),
    )
    overlap: float = Field(
        0.5, ge=0.0, le=0.875, description="Part of a patch that its neighbour shares."
    )
    # -- similarity ----------------------------------------------------------------------------
    fine_px: float = Field(
        1.0,
        ge=0.3,
        le=50.0,
        description="Standard deviation of the blur against noise, before images are compared.",
        json_schema_extra=unit("px"),
    )
    coarse_px: float = Field(
        6.0,
        ge=0.6,
        le=500.0,
        description="Standard deviation of the blur that is subtracted: uneven light and offsets.",
        json_schema_extra=unit("px"),
    )
    window_slices: int = Field(
        4,
        ge=2,
        le=100,
        description="Slices on either side of the last frame's that a frame is compared with; "
        "where it isn't found there, with all.",
        json_schema_extra=unit("slices"),
    )
    max_shift_px: float = Field(
        10.0,
        ge=0.0,
        le=200.0,
        description="Largest lateral shift between frame and reference.",
        json_schema_extra=unit("px"),
    )
    # -- smoothing -----------------------------------------------------------------------------
    smooth_time: bool = Field(
        True,
        description="Smooth over time, as much as noise and drift of the recording suggest.",
    )
    bending: float = Field(
        0.05,
        gt=0.0,
        le=10.0,
        description="Expected bending of the plane from patch to patch (second difference), over "
        "which depths are smoothed; a tilt is never smoothed.",
        json_schema_extra=unit("slices"),
    )
    min_confidence: float = Field(
        0.5, ge=0.0, le=1.0, description="Frames of less confidence are flagged."
    )
    # -- movies --------------------------------------------------------------------------------
    equalise_slices: bool = Field(
        True,
        description="Bring the slices to a common gain before movies are made: laser power "
        "changes with depth.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.coarse_px < 2 * self.fine_px:
            what_to_do = self._higher_or_lower("fine_px", "coarse_px")
            raise ValueError(
                f"coarse_px ({self.coarse_px:g}) must be at least twice fine_px "
                f"({self.fine_px:g})" + (what_to_do and f": {what_to_do}")
            )
        return self
