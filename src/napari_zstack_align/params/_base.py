"""Base of the parameter models: frozen, checked, saved and read back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeAlias, get_args, get_origin

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from napari_zstack_align.errors import InputError
from napari_zstack_align.params._wanted import what_is_wrong
from napari_zstack_align.plain_files import check_is_file

FrameIndex: TypeAlias = Annotated[int, Field(ge=0)]
"""A frame of a recording, counted from 0."""

LARGEST_COUNT = 1e30
"""Of numbers that stand beside those of pixels: float32 holds their products with others."""


def unit(name: str) -> dict[str, Any]:
    """Give a field its unit: ``Field(..., json_schema_extra=unit("px"))``."""
    return {"unit": name}


def flag_of(name: str) -> str:
    """Return the flag of a field on the command line."""
    return f"--{name.replace('_', '-')}"


class Params(BaseModel):
    """Base of all parameter models: frozen, and a name it doesn't know is an error.

    Raises
    ------
    InputError
        Where a value is out of bounds or a name is unknown; the message names each one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise InputError(_sentence(type(self), error)) from None

    @field_validator("*", mode="before")
    @classmethod
    def _number_is_not_bool(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and false where a number is asked for: pydantic takes them for 1 and 0."""
        values = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(each, bool | np.bool_) for each in values):
            types = set(_types_in(cls.model_fields[info.field_name or ""].annotation))
            if types & {int, float} and bool not in types:
                raise PydanticCustomError("number_not_bool", "Input should be a number")
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _one_for_all(cls, value: Any, info: ValidationInfo) -> Any:
        """Take a number alone for a list of one, where any number of them may be given."""
        if isinstance(value, np.ndarray):
            value = value.tolist()
        is_number = isinstance(value, int | float | np.number)
        takes = cls.model_fields[info.field_name or ""].annotation
        if is_number and get_origin(takes) is tuple and get_args(takes)[-1] is Ellipsis:
            return (value,)
        return value

    @classmethod
    def given(cls, params: Self | None) -> Self:
        """Return the parameters that a step was given, the defaults for None.

        Raises
        ------
        InputError
            For parameters of another step.
        """
        if params is None:
            return cls()
        if not isinstance(params, cls):
            raise InputError(
                f"The parameters must be {cls.__name__}, not {type(params).__name__}: give those, "
                f"or none."
            )
        return params

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some values changed, checked like new ones.

        Values that were never given stay defaults, also where these depend on a changed value.
        """
        return type(self)(**{**self.model_dump(exclude_unset=True), **changes})

    def to_file(self, path: str | Path) -> None:
        """Write all values to a JSON file."""
        Path(path).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read values from a JSON file; those it doesn't name keep their defaults."""
        try:
            check_is_file(Path(path))
            text = Path(path).read_text(encoding="utf-8")
            values = json.loads(text, object_pairs_hook=_without_repetition)
        except FileNotFoundError:
            raise InputError(f"There is no parameter file {path}.") from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"{path} can't be read as a JSON parameter file: {error}.") from None
        except _RepeatedError as error:
            raise InputError(
                f"{path} gives '{error}' more than once: leave one value for it."
            ) from None
        if not isinstance(values, dict):
            raise InputError(f"{path} must hold a JSON object of parameter names and values.")
        return cls(**values)

    def changed(self) -> dict[str, Any]:
        """Return what differs from the defaults."""
        return {name: value for name, value in self if value != self._default(name)}

    def __repr__(self) -> str:
        """Show only what differs from the defaults."""
        inside = ", ".join(f"{name}={value!r}" for name, value in self.changed().items())
        return f"{type(self).__name__}({inside})"

    __str__ = __repr__

    def _higher_or_lower(self, low: str, high: str) -> str:
        """Say which of two bounds to change where they cross: the one that wasn't given."""
        if high not in self.model_fields_set:
            return f"raise `{high}`, which is at its default"
        if low not in self.model_fields_set:
            return f"lower `{low}`, which is at its default"
        return ""

    def _default(self, name: str) -> Any:
        """Default of a field; it may depend on the fields before it."""
        info = type(self).model_fields[name]
        return info.get_default(call_default_factory=True, validated_data=self.__dict__)


ALL = "all"
"""What stands for all channels where one is chosen to align by."""


class ChannelParams(Params):
    """Which channels drive a registration; all channels follow it."""

    channel: int = Field(
        0,
        ge=0,
        le=63,
        description="Channel that drives the registration, counted from 0; all channels follow it.",
    )
    channel_weights: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (),
        description=(
            "Weights of the channels when a sum of several drives the registration, one number a "
            "channel, of which only the ratios count; empty: 'channel' alone drives it."
        ),
    )

    find_artefacts: bool = Field(
        True,
        description=(
            "Look for what doesn't come from tissue: pixels fixed to the detector (hot pixels and "
            "columns, overlays, stripes; only where the tissue moves by more than a pixel), and "
            "single pixels and rows of single frames. It is left out of the alignment; the raw "
            "frames stay as they are."
        ),
    )

    @model_validator(mode="after")
    def _weights_count(self) -> Self:
        if self.channel_weights and not any(self.channel_weights):
            raise ValueError("channel_weights must have at least one above 0")
        return self

    def aligned_by(self, which: int | str, channel_names: Sequence[str]) -> Self:
        """Return the parameters with another choice of what drives the alignment.

        Parameters
        ----------
        which : int or str
            A channel, by its number from 0 or by its name: it drives, all others follow. Or 'all':
            the sum of all channels drives.
        channel_names : sequence of str
            Of the stack.

        Raises
        ------
        InputError
            Where there is no such channel.
        """
        names, n_channels = list(channel_names), len(channel_names)
        if which == ALL:
            return self.replace(channel=0, channel_weights=(1.0,) * n_channels * (n_channels > 1))
        is_number = isinstance(which, int | np.integer) or str(which).isdecimal()
        if which in names:
            channel = names.index(str(which))
        elif is_number and not isinstance(which, bool) and 0 <= int(which) < n_channels:
            channel = int(which)
        else:
            known = ", ".join(f"{c} ({name})" for c, name in enumerate(names))
            raise InputError(
                f"There is no channel {which!r} to align by: there are {known}, or '{ALL}'."
            )
        return self.replace(channel=channel, channel_weights=())

    def drives(self, channel: int) -> bool:
        """Whether a channel, counted from 0, has a part in the image that is registered."""
        if self.channel_weights:
            return self.channel_weights[channel] > 0
        return channel == self.channel


class _RepeatedError(Exception):
    """A name is given twice."""


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict of the names and values of a JSON object, each of which is given once."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise _RepeatedError(name)
        values[name] = value
    return values


def _types_in(annotation: Any) -> Iterator[Any]:
    """Yield a type and those that it is made of: of ``tuple[int, ...] | None``, int too."""
    yield annotation
    for part in get_args(annotation):
        yield from _types_in(part)


def _sentence(model: type[Params], error: ValidationError) -> str:
    """One sentence for all that is wrong with the values given to a model."""
    problems = []
    for problem in error.errors():
        if problem["type"] == "default_factory_not_called":
            continue  # a default that waits for a field which is wrong itself
        if problem["type"] == "literal_error" and len(problem["loc"]) > 1:
            continue  # a word that could stand for a number, which is named already
        name = str(problem["loc"][0]) if problem["loc"] else ""
        if problem["type"] == "extra_forbidden":
            known = ", ".join(model.model_fields)
            problems.append(f"'{name}' is not a parameter (there are {known})")
        elif name:
            problems.append(what_is_wrong(name, model.model_fields.get(name), problem))
        else:
            problems.append(problem["msg"].removeprefix("Value error, "))
    return f"{model.__name__}: {'; '.join(problems)}."
