"""Every field of every parameter model: out of its bounds, no number, of another type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from refusing import each, refused

from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.params import MODELS, Params


def bad_values(field: ParamField) -> Iterator[tuple[str, Any]]:
    """Values that a field can't have."""
    yield "an object", {"a": 1}
    yield "bytes", b"\xff\xfe"
    if not field.optional:
        yield "nothing", None
    if field.choices:
        yield "no choice", "no such choice"
        yield "a number", 3.25
        return
    if field.kind is str:
        yield "a number", 3.25
        return
    if field.kind is bool:
        yield "a word", "perhaps"
        yield "a number", 3.25
        return
    yield "a word", "wide"
    wrong = [("NaN", float("nan")), ("infinity", float("inf")), ("-infinity", float("-inf"))]
    if field.lower is not None:
        below = field.lower if field.open_lower else field.lower - 1
        wrong.append(("below", field.item(below)))
    if field.upper is not None:
        wrong.append(("above", field.item(field.upper if field.open_upper else field.upper + 1)))
    if field.item is int:
        wrong.append(("a fraction", 1.5))
    length = 1 if field.length is None else field.length
    for name, value in wrong:
        yield name, (value,) * length if field.kind is tuple else value
    if field.length is not None:
        yield "too many", (field.lower or 0.0,) * (field.length + 1)


PYTHON_TYPES = re.compile(
    r"\b(valid|tuple|integer|dictionary|dict|list type|boolean|string|float)\b"
)
"""Words that say what Python wants, not what a person is to give."""


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_values_that_cannot_be(model: type[Params]) -> None:
    def check(name: str, value: Any) -> None:
        text = refused(lambda: model(**{name: value}))
        assert name in text
        assert not PYTHON_TYPES.search(text.split(", but ")[0]), text
        assert text == refused(lambda: model().replace(**{name: value}))

    each(
        (f"{field.name}: {name}", partial(check, field.name, value))
        for field in fields_of(model)
        for name, value in bad_values(field)
    )


BAD_FILES = {
    "nothing": b"",
    "no JSON": b"{alpha: 1}",
    "cut off": b'{"alpha": 1.0, "ord',
    "a list": b"[1, 2]",
    "a number": b"3",
    "null": b"null",
    "not UTF-8": '{"alpha": "\xe9"}'.encode("latin-1"),
    "UTF-16": '{"alpha": 1}'.encode("utf-16"),
    "an image": b"\x93NUMPY\x01\x00" + bytes(100),
    "too deep": b"[" * 100_000,
    "a name twice over": b'{"alhpa": 1}',
    "NaN": b'{"alpha": NaN}',
    "a number of a million digits": b'{"alpha": ' + b"9" * 1_000_000 + b"}",
    "an unknown name": b'{"": 1}',
    "a name with a line break": json.dumps({"al\npha": 1}).encode(),
    "half a surrogate": b'{"\\ud800": 1}',
}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_parameter_files_that_are_none(model: type[Params], tmp_path) -> None:
    path = tmp_path / "params.json"

    def check(content: bytes) -> None:
        path.write_bytes(content)
        refused(lambda: model.from_file(path))

    each((name, partial(check, content)) for name, content in BAD_FILES.items())


@pytest.mark.parametrize("value", [3, "fast", {"alpha": 1}, np.zeros(3), MODELS[1]()], ids=str)
def test_parameters_of_no_kind(value: Any) -> None:
    refused(lambda: MODELS[0].given(value))
