"""Parameters of the alignment of a z-stack with repeats."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from napari_zstack_align.params._base import ChannelParams, unit

AUTO: Literal["auto"] = "auto"
BETWEEN_SLICES: dict[str, Any] = {
    AUTO: AUTO,
    "follow": 1.0,
    "stiff": 0.0,
    "full": 1.0,
    "translation": 0.0,
}
"""Words for how far slices are moved against one another; those of earlier versions last."""


class AdaptiveParams(ChannelParams):
    """How a z-stack with repeats is aligned to its adaptive reference."""

    strategy: Literal["two_stage", "direct"] = Field(
        "two_stage",
        description=(
            "'two_stage': the repeats of a slice are registered to their mean, and that mean to "
            "the slice before, as it lies in the reference. 'direct': each frame is registered "
            "straight to the reference, the mean of the slice before; less exact."
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
        json_schema_extra=unit("×"),
    )
    grid_spacing_px: int = Field(
        48,
        ge=16,
        le=256,
        description=(
            "Distance of the control points of the displacement field, in pixels: the field can't "
            "bend on a smaller scale."
        ),
        json_schema_extra=unit("px"),
    )
    max_shift_px: float = Field(
        32.0,
        ge=0.0,
        le=500.0,
        description=(
            "Largest shift of a whole frame that is searched for before the fine registration, in "
            "pixels."
        ),
        json_schema_extra=unit("px"),
    )
    outlier_mad: float = Field(
        5.0,
        ge=0.0,
        le=100.0,
        description=(
            "A repeat is left out of its slice when its correlation lies this many median "
            "absolute deviations below the median of the slice; 0 keeps every repeat."
        ),
        json_schema_extra=unit("MAD"),
    )
    start_slice: int | None = Field(
        None,
        ge=0,
        le=100_000,
        description=(
            "Slice whose place holds for all, counted from 0: the alignment runs from it to both "
            "ends. None: the first slice that shows enough. Not for 'direct'."
        ),
    )
    between_slices: Annotated[float, Field(ge=0.0, le=1.0)] | Literal["auto"] = Field(
        AUTO,
        description=(
            "How far the slices are moved against one another. 'auto': as far as the motion of the "
            "repeats makes it likely; a slant of the anatomy through z is left as it is. 'follow' "
            "(or 1): as far as the images ask for; a slant looks like drift, and is followed. "
            "'stiff' (or 0): they only shift. A number between: bends are followed by that part. "
            "With one repeat 'auto' is 'stiff'. Not for 'direct'."
        ),
        json_schema_extra={**unit("×"), "words": BETWEEN_SLICES},
    )

    @property
    def bend_between_slices(self) -> float:
        """By which part bends are followed, 0 to 1; 'auto' shrinks them later, by the repeats."""
        return 1.0 if isinstance(self.between_slices, str) else self.between_slices

    @field_validator("between_slices", mode="before")
    @classmethod
    def _between_slices_in_words(cls, value: Any) -> Any:
        return BETWEEN_SLICES.get(value.lower(), value) if isinstance(value, str) else value
