"""Parameters of films."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from napari_zstack_align.params._base import Params, unit

PICTURES_PER_S = 20
"""Of every film."""
LONGEST_S = 60
"""How long a film is at most where nobody says how fast it runs."""


class FilmParams(Params):
    """What a film shows of an alignment, and how fast."""

    frames_per_mean: int = Field(
        5,
        ge=1,
        le=1000,
        description=(
            "Number of frames averaged per image, centred on its time; in a z-stack, only "
            "repeats of the same slice. Single dim frames show little. 1: single frames."
        ),
        json_schema_extra=unit("frames"),
    )
    speed: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description=(
            f"How many times as fast as it was recorded. None: as it was, or so fast that the film "
            f"takes {LONGEST_S} s."
        ),
        json_schema_extra=unit("×"),
    )
    channel: int = Field(0, ge=0, description="Channel that is shown, counted from 0.")
    first_frame: int = Field(0, ge=0, description="Where the film begins, counted from 0.")
    last_frame: int | None = Field(
        None, ge=0, description="Where it ends, counted from 0. None: at the last frame."
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last_frame is not None and self.last_frame < self.first_frame:
            raise ValueError(
                f"last_frame ({self.last_frame}) lies before first_frame ({self.first_frame}): "
                f"swap them"
            )
        return self
