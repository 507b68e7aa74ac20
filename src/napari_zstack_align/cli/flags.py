"""Command-line flags made from a parameter model."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from napari_zstack_align.cli.apart import Reads
from napari_zstack_align.cli.number_arguments import number_argument
from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.params import Params
from napari_zstack_align.typed_numbers import advice_on

Model = TypeVar("Model", bound=Params)

PREFIX = "param_"
"""Keeps parameters apart from the command's other arguments."""


def add_model_flags(
    parser: argparse.ArgumentParser, model: type[Params], title: str = "parameters"
) -> None:
    """Add ``--params FILE`` and a flag for every field of the model."""
    group = parser.add_argument_group(title)
    group.add_argument(
        "--params",
        action=Reads,
        metavar="FILE.json",
        help="parameters from a file; the flags below go before it",
    )
    for field in fields_of(model):
        group.add_argument(
            field.flag,
            dest=PREFIX + field.name,
            default=argparse.SUPPRESS,
            help=_help(field),
            **_kind(field),
        )


def params_of(args: argparse.Namespace, model: type[Model], start: Model | None = None) -> Model:
    """Return the model with the values of ``--params`` and, on top, of single flags.

    ``start`` is what counts without ``--params``, instead of the defaults.

    Raises
    ------
    InputError
        Where a value is out of bounds, or the file can't be read.
    """
    params = start or model() if args.params is None else model.from_file(args.params)
    given = {
        name.removeprefix(PREFIX): tuple(value) if isinstance(value, list) else value
        for name, value in vars(args).items()
        if name.startswith(PREFIX)
    }
    return params.replace(**given)


def _kind(field: ParamField) -> dict[str, Any]:
    if field.kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    kind: dict[str, Any] = {"type": _number_or_word(field) if field.words else _type_of(field)}
    if field.choices:
        kind["choices"] = field.choices
    else:
        kind["metavar"] = {int: "N", float: "X", str: "TEXT"}[field.item]
    if field.kind is tuple:
        kind["nargs"] = "*" if field.length is None else field.length
    return kind


def _type_of(field: ParamField) -> Callable[[str], Any]:
    return number_argument if field.item is float else field.item


def _number_or_word(field: ParamField) -> Callable[[str], Any]:
    def value(text: str) -> Any:
        try:
            return field.value_of(text)
        except ValueError:
            words = ", ".join(map(repr, field.words))
            raise argparse.ArgumentTypeError(
                f"'{text}' is no number and none of {words}{advice_on(text)}"
            ) from None

    return value


def _help(field: ParamField) -> str:
    facts = [f"default {field.default_in_words(separator=' ')}"]
    if field.allowed and not field.choices:  # argparse lists the choices itself
        facts.append(field.allowed)
    # argparse takes % for a placeholder
    return f"{field.description} [{'; '.join(facts)}]".replace("%", "%%")
