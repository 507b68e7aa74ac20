"""What a parameter model says about each of its fields, for flags, forms and docs."""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from napari_zstack_align.params import Params


@dataclass(frozen=True)
class ParamField:
    """One parameter, as its model tells it.

    Attributes
    ----------
    name : str
        Name in the model; ``flag`` is the one on the command line.
    kind : type
        bool, int, float, str or tuple.
    default : object
        Value where none is given; None only where ``optional``.
    optional : bool
        Whether None is allowed.
    item : type
        Type of the items of a tuple, else the same as ``kind``.
    length : int, optional
        Number of items of a tuple; None where any number will do, or where it is no tuple.
    choices : tuple
        The values allowed; empty where there is no list of them.
    lower, upper : float, optional
        Bounds; None where there is none.
    open_lower, open_upper : bool
        Whether the bound itself is not allowed.
    unit : str
        '' for none.
    description : str
        Help text.
    """

    name: str
    kind: type
    default: Any
    optional: bool
    item: type
    length: int | None
    choices: tuple[Any, ...]
    lower: float | None
    upper: float | None
    open_lower: bool
    open_upper: bool
    unit: str
    description: str

    @property
    def flag(self) -> str:
        """'--max-shift-px' for 'max_shift_px'."""
        return "--" + self.name.replace("_", "-")

    @property
    def bounds(self) -> str:
        """'0.01 to 100', 'above 0', the choices, or '' where everything is allowed."""
        if self.choices:
            return ", ".join(map(str, self.choices))
        low = "" if self.lower is None else f"{self.lower:g}"
        high = "" if self.upper is None else f"{self.upper:g}"
        if low and high and not (self.open_lower or self.open_upper):
            return f"{low} to {high}"
        words = []
        if low:
            words.append(f"above {low}" if self.open_lower else f"{low} or more")
        if high:
            words.append(f"below {high}" if self.open_upper else f"{high} or less")
        return ", ".join(words)


def fields_of(model: type[Params]) -> tuple[ParamField, ...]:
    """Return the fields of a parameter model, in its order."""
    return tuple(_field(name, info) for name, info in model.model_fields.items())


def _field(name: str, info: FieldInfo) -> ParamField:
    kind, optional = _without_none(info.annotation)
    choices: tuple[Any, ...] = ()
    length = None
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        kind = type(choices[0])
    item = kind
    if get_origin(kind) is tuple:
        items = get_args(kind)
        length = None if items[-1] is Ellipsis else len(items)
        kind, item = tuple, items[0]
    limits = {
        bound: float(getattr(part, bound))
        for part in info.metadata
        for bound in ("ge", "gt", "le", "lt")
        if getattr(part, bound, None) is not None
    }
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return ParamField(
        name=name,
        kind=kind,
        default=info.get_default(call_default_factory=True, validated_data={}),
        optional=optional,
        item=item,
        length=length,
        choices=choices,
        lower=limits.get("ge", limits.get("gt")),
        upper=limits.get("le", limits.get("lt")),
        open_lower="gt" in limits,
        open_upper="lt" in limits,
        unit=str(extra.get("unit", "")),
        description=info.description or "",
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """``float | None`` -> (float, True)."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0], len(kinds) < len(get_args(annotation))
