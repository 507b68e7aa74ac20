"""What a parameter model says about each of its fields, for flags, forms and docs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from napari_zstack_align.params import Params, flag_of

SUFFIXES = {"µm": "um", "°": "deg", "%": "percent"}
"""How a unit is written at the end of a parameter's name, where not as it is."""


@dataclass(frozen=True)
class ParamField:
    """One parameter: the only reading of its model that forms, flags and docs are made from.

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
        Number of items of a tuple; None for any number, and for other kinds.
    choices : tuple
        The only values allowed; empty: any within the bounds.
    lower, upper : float, optional
        Bounds, those of each item of a tuple; None: unbounded.
    open_lower, open_upper : bool
        Whether the bound itself is not allowed.
    unit : str
        '' for none.
    description : str
        Help text.
    words : dict
        Words that stand for values, and those.
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
    words: Mapping[str, Any] = field(default_factory=dict)

    @property
    def flag(self) -> str:
        """'--max-shift-px' for 'max_shift_px'."""
        return flag_of(self.name)

    @property
    def title(self) -> str:
        """Label for a person: 'grid_spacing_px' reads 'Grid spacing (px)'."""
        words = self.name.removesuffix("_" + SUFFIXES.get(self.unit, self.unit.lower()))
        words = f"number of {words[2:]}" if words.startswith("n_") else words
        return _with_unit(words.replace("_", " ").capitalize(), self.unit and f"({self.unit})")

    @property
    def allowed(self) -> str:
        """'16 to 256 px', 'above 0, at most 50 px', 'any, in counts', the choices, or ''."""
        if self.choices:
            return ", ".join(map(str, self.choices))
        low = "" if self.lower is None else in_words(self.lower)
        high = "" if self.upper is None else in_words(self.upper)
        if low and high and not (self.open_lower or self.open_upper):
            return _with_unit(f"{low} to {high}", self.unit)
        words = []
        if low:
            words.append(f"above {low}" if self.open_lower else f"at least {low}")
        if high:
            words.append(f"below {high}" if self.open_upper else f"at most {high}")
        if not words:
            return self.unit and f"any, in {self.unit}"
        return _with_unit(", ".join(words), self.unit)

    def default_in_words(self, separator: str = ", ") -> str:
        """'48 px', 'on', 'none'; the items of a tuple with the separator between them."""
        if self.default in (None, (), ""):
            return "none"
        if self.words:
            return self.word_for(self.default)
        return _with_unit(in_words(self.default, separator), self.unit)

    def word_for(self, value: Any) -> str:
        """Return the first word that stands for a value, or the value as a person writes it."""
        return next((word for word, v in self.words.items() if v == value), in_words(value))

    def value_of(self, text: str) -> Any:
        """Return an item's text as a value, or as one of the words; ValueError where it is none."""
        return text.lower() if text.lower() in self.words else self.item(text)


def in_words(value: Any, separator: str = ", ") -> str:
    """Write a value as a person would: 'on', '0.5, 99.8', and whole numbers with all digits."""
    if isinstance(value, tuple):
        return separator.join(in_words(item) for item in value)
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:.12g}" if isinstance(value, int | float) else str(value)


def fields_of(model: type[Params], **given: Any) -> tuple[ParamField, ...]:
    """Return the fields of a parameter model, in its order.

    ``given`` are values of fields that the defaults of others depend on, such as the method of
    `BlobParams`.
    """
    return tuple(_field(name, info, given) for name, info in model.model_fields.items())


def _field(name: str, info: FieldInfo, given: dict[str, Any]) -> ParamField:
    kind, optional = _without_none(info.annotation)
    choices: tuple[Any, ...] = ()
    length, rules = None, info.metadata
    if get_origin(kind) is Annotated:
        kind, *rules = get_args(kind)
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        kind = type(choices[0])
    item = kind
    if get_origin(kind) is tuple:
        items = get_args(kind)
        length = None if items[-1] is Ellipsis else len(items)
        kind, item = tuple, items[0]
        if get_origin(item) is Annotated:
            item, *rules = get_args(item)
    limits = _limits(rules)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return ParamField(
        name=name,
        kind=kind,
        default=info.get_default(call_default_factory=True, validated_data=given),
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
        words=_words(extra),
    )


def _words(extra: dict[str, Any]) -> dict[str, Any]:
    words = extra.get("words", {})
    return words if isinstance(words, dict) else {}


def _limits(rules: Iterable[Any]) -> dict[str, float]:
    """Bounds by their name in pydantic: ge, gt, le or lt."""
    found = {}
    for rule in rules:
        parts = rule.metadata if isinstance(rule, FieldInfo) else [rule]
        for part in parts:
            for bound in ("ge", "gt", "le", "lt"):
                if (value := getattr(part, bound, None)) is not None:
                    found[bound] = float(value)
    return found


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """``float | None`` -> (float, True)."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    return kinds[0], len(kinds) < len(get_args(annotation))


def _with_unit(text: str, unit: str) -> str:
    return f"{text} {unit}" if unit else text
