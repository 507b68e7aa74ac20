"""What a value of a parameter has to be, in plain words instead of the types of Python."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic.fields import FieldInfo

KINDS = {int: "whole number", float: "number", bool: "true or false", str: "text"}
COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}
OF_TYPE = {
    *("bool_parsing", "bool_type", "string_type", "string_unicode", "string_sub_type"),
    *("int_from_float", "int_parsing", "int_parsing_size", "int_type"),
    *("float_parsing", "float_type", "tuple_type", "number_not_bool"),
    *("too_short", "too_long", "missing"),
}
"""Faults of pydantic that say which type is wrong; the others speak of values."""


def what_is_wrong(name: str, info: FieldInfo | None, problem: Mapping[str, Any]) -> str:
    """Say what a parameter should be, and what it is.

    Parameters
    ----------
    name : str
    info : FieldInfo, optional
        Of the parameter.
    problem : mapping
        What pydantic says.
    """
    should = problem["msg"].removeprefix("Input ")
    if info is not None and problem["type"] in OF_TYPE:
        should = f"should be {wanted(info)}"
    inside = any(isinstance(part, int) for part in problem["loc"][1:])
    if problem["type"] == "missing":
        return f"{name} {should}, but has fewer"
    return f"{name} {should}, but {'has' if inside else 'is'} {problem['input']!r}"


def wanted(info: FieldInfo) -> str:
    """'a whole number', 'two numbers', 'a number, or a list of them'."""
    kind = _without_none(info.annotation)
    words = info.json_schema_extra.get("words") if isinstance(info.json_schema_extra, dict) else ()
    if get_origin(kind) is tuple:
        items = get_args(kind)
        item = KINDS[_plain(items[0])]
        if items[-1] is Ellipsis:
            return f"a {item}, or a list of them"
        return f"{COUNTS.get(len(items), len(items))} {item}s"
    name = KINDS.get(_plain(kind), "")
    if not name:
        return "one of " + ", ".join(map(repr, get_args(kind)))
    if isinstance(words, dict) and words:
        return f"a {name}, or " + " or ".join(map(repr, words))
    return name if kind is bool else f"a {name}"


def _plain(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    return next(kind for kind in get_args(annotation) if kind is not NoneType)
