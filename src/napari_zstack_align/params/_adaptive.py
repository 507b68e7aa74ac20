"""Parameters of the alignment of a z-stack with repeats."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from napari_zstack_align.params._base import ChannelParams


class AdaptiveParams(ChannelParams):
    """How a z-stack with repeats is aligned to its adaptive reference."""

    strategy: Literal["direct"] = Field(
        "direct",
        description=(
            "How slices are chained. 'direct': the frames of the first slice are registered to "
            "their mean, those of each next slice to the reference, and the reference is updated "
            "from the registered mean of the slice."
        ),
    )
    alpha: float = Field(
        1.0,
        ge=0.01,
        le=100.0,
        description=(
            "Smoothness of the displacement field, as a factor (no unit): 1 suits most stacks; "
            "raise it when the field looks restless, lower it when local motion is left over."
        ),
        json_schema_extra={"unit": "×"},
    )
    grid_spacing_px: int = Field(
        48,
        ge=16,
        le=256,
        description=(
            "Distance of the control points of the displacement field, in pixels: the field can't "
            "bend on a smaller scale."
        ),
        json_schema_extra={"unit": "px"},
    )
    max_shift_px: float = Field(
        20.0,
        ge=0.0,
        le=500.0,
        description=(
            "Largest shift of a whole frame that is searched for before the fine registration, in "
            "pixels."
        ),
        json_schema_extra={"unit": "px"},
    )
    outlier_mad: float = Field(
        5.0,
        ge=0.0,
        le=100.0,
        description=(
            "A repeat is left out of its slice when its correlation lies this many median "
            "absolute deviations below the median of the slice; 0 keeps every repeat."
        ),
        json_schema_extra={"unit": "MAD"},
    )
