"""Fields of a model of every kind of parameter, as flags, forms and docs see them."""

from typing import Literal

import pytest
from pydantic import Field

from napari_zstack_align.fields import fields_of
from napari_zstack_align.params import AdaptiveParams, Params


class Model(Params):
    switch: bool = Field(True, description="A switch.")
    count: int = Field(3, ge=1, le=9)
    size: float = Field(1.5, gt=0, json_schema_extra={"unit": "µm"})
    share: float = Field(0.5, ge=0, lt=1)
    limit: float | None = Field(None, le=4)
    way: Literal["up", "down"] = "up"
    pair: tuple[float, float] = (1.0, 2.0)
    some: tuple[int, ...] = ()


FIELDS = {field.name: field for field in fields_of(Model)}


@pytest.mark.parametrize(
    ("name", "kind", "item", "length", "bounds"),
    [
        ("switch", bool, bool, None, ""),
        ("count", int, int, None, "1 to 9"),
        ("size", float, float, None, "above 0"),
        ("share", float, float, None, "0 or more, below 1"),
        ("limit", float, float, None, "4 or less"),
        ("way", str, str, None, "up, down"),
        ("pair", tuple, float, 2, ""),
        ("some", tuple, int, None, ""),
    ],
)
def test_type_and_bounds(name, kind, item, length, bounds):
    field = FIELDS[name]
    assert (field.kind, field.item, field.length, field.bounds) == (kind, item, length, bounds)
    assert field.default == Model.model_fields[name].default
    assert field.optional == (name == "limit")


def test_words():
    assert FIELDS["size"].unit == "µm"
    assert FIELDS["switch"].description == "A switch."
    assert [field.name for field in fields_of(Model)] == list(Model.model_fields)


@pytest.mark.parametrize("model", [AdaptiveParams])
def test_every_parameter_is_explained(model):
    for field in fields_of(model):
        assert field.description.endswith("."), field.name
        assert field.kind is not float or field.unit, f"{field.name} has no unit"
        assert not field.optional or field.default is None
