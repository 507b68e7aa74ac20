"""What NWB wants to know that no recording tells."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from napari_zstack_align.params._base import Params, unit

DURATION = r"P(?=\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(/(P.*)?)?"
"""ISO 8601 in whole days or longer; NWB takes 'P5D/P7D' for a range."""


class NwbParams(Params):
    """What a file in NWB (Neurodata Without Borders) says of the experiment."""

    session_description: str = Field(
        "Two-photon calcium imaging", min_length=1, description="What was done, in a few words."
    )
    session_start: str = Field(
        "",
        description=(
            "Date and time at which the recording began, such as 2026-01-31T14:30:00+01:00; "
            "without the last part, in the time zone of this computer. Empty: the start that the "
            "microscope wrote, else 1900-01-01, and the file says that it is unknown."
        ),
    )
    identifier: str = Field(
        "", description="Name of the file that is unique worldwide; empty: a random one (UUID)."
    )
    device: str = Field(
        "Two-photon microscope", min_length=1, description="Name of the microscope."
    )
    indicator: str = Field(
        "unknown", min_length=1, description="What makes the cells light up, such as GCaMP6s."
    )
    location: str = Field("unknown", min_length=1, description="Brain area that was imaged.")
    excitation_nm: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="Wavelength of the laser; none: unknown, written as not a number.",
        json_schema_extra=unit("nm"),
    )
    emission_nm: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (),
        description=(
            "Wavelength that is detected, one number a channel; empty: unknown, written as not a "
            "number."
        ),
        json_schema_extra=unit("nm"),
    )
    subject_id: str = Field(
        "", description="Name of the animal, which archives ask for; empty: nothing is said of it."
    )
    species: str = Field("Danio rerio", min_length=1, description="Its species, in Latin.")
    sex: Literal["U", "F", "M", "O"] = Field(
        "U", description="Its sex: U (unknown), F, M or O (other)."
    )
    age: str = Field(
        "", description="Its age as an ISO 8601 duration, such as P7D for 7 days; empty: unknown."
    )
    frame_rate_hz: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="Frames a second, where the recording doesn't tell its frame times.",
        json_schema_extra=unit("Hz"),
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.age and not re.fullmatch(DURATION, self.age):
            raise ValueError(f"age must be a duration such as P7D or P12W, not {self.age!r}")
        try:
            self.start()
        except ValueError:
            raise ValueError(
                f"session_start must be a date and time such as 2026-01-31T14:30:00, not "
                f"{self.session_start!r}"
            ) from None
        return self

    def start(self) -> datetime | None:
        """Return when the session began, with its time zone; None where unknown."""
        if not self.session_start.strip():
            return None
        start = datetime.fromisoformat(self.session_start.strip())
        return start if start.tzinfo else start.astimezone()
