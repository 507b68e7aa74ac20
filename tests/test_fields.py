"""Fields of a model of every kind of parameter, as flags, forms and docs see them."""

from dataclasses import replace
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.params import MODELS, BlobParams, Params
from napari_zstack_align.params._blobs import METHODS

Share = Annotated[float, Field(ge=0, le=100)]


class Model(Params):
    switch: bool = Field(True, description="A switch.")
    count: int = Field(3, ge=1, le=9)
    size: float = Field(1.5, gt=0, json_schema_extra={"unit": "µm"})
    share: float = Field(0.5, ge=0, lt=1)
    limit: float | None = Field(None, le=4)
    way: Literal["up", "down"] = "up"
    pair: tuple[float, float] = (1.0, 2.0)
    some: tuple[int, ...] = ()
    shares: tuple[Share, Share] = Field((0.5, 99.8), json_schema_extra={"unit": "%"})
    range: tuple[int, ...] = Field((), json_schema_extra={"unit": "counts"})
    seed: int = Field(0, ge=0, le=2**31 - 1)


FIELDS = {field.name: field for field in fields_of(Model)}


@pytest.mark.parametrize(
    ("name", "kind", "item", "length", "allowed"),
    [
        ("switch", bool, bool, None, ""),
        ("count", int, int, None, "1 to 9"),
        ("size", float, float, None, "above 0 µm"),
        ("share", float, float, None, "at least 0, below 1"),
        ("limit", float, float, None, "at most 4"),
        ("way", str, str, None, "up, down"),
        ("pair", tuple, float, 2, ""),
        ("some", tuple, int, None, ""),
        ("shares", tuple, float, 2, "0 to 100 %"),
        ("range", tuple, int, None, "any, in counts"),
        ("seed", int, int, None, "0 to 2147483647"),
    ],
)
def test_type_and_what_is_allowed(name, kind, item, length, allowed):
    field = FIELDS[name]
    assert (field.kind, field.item, field.length, field.allowed) == (kind, item, length, allowed)
    assert field.default == Model.model_fields[name].default
    assert field.optional == (name == "limit")


def test_words():
    assert FIELDS["size"].unit == "µm"
    assert FIELDS["switch"].description == "A switch."
    assert [field.name for field in fields_of(Model)] == list(Model.model_fields)


@pytest.mark.parametrize(
    ("name", "title", "default"),
    [
        ("size", "Size (µm)", "1.5 µm"),
        ("switch", "Switch", "on"),
        ("shares", "Shares (%)", "0.5, 99.8 %"),
        ("some", "Some", "none"),
        ("limit", "Limit", "none"),
    ],
)
def test_title_and_default(name, title, default):
    assert (FIELDS[name].title, FIELDS[name].default_in_words()) == (title, default)


@pytest.mark.parametrize(
    ("name", "unit", "title"),
    [
        ("grid_spacing_px", "px", "Grid spacing (px)"),
        ("width_um", "µm", "Width (µm)"),
        ("max_rotation_deg", "°", "Max rotation (°)"),
        ("outlier_mad", "MAD", "Outlier (MAD)"),
        ("n_chunks", "", "Number of chunks"),
    ],
)
def test_a_title_names_its_unit_once(name, unit, title):
    assert replace(FIELDS["size"], name=name, unit=unit).title == title


def test_a_default_that_depends_on_another_field():
    defaults = [
        {f.name: f.default for f in fields_of(BlobParams, method=method)} for method in METHODS
    ]
    models = [BlobParams(method=method).model_dump() for method in METHODS]
    assert [each["threshold"] for each in defaults] == [each["threshold"] for each in models]


EVERY = [
    pytest.param(model, field, id=f"{model.__name__}-{field.name}")
    for model in MODELS
    for field in fields_of(model)
]


@pytest.mark.parametrize(("model", "field"), EVERY)
def test_bounds_are_those_that_the_model_keeps(model, field):
    """Each bound itself is taken unless it is open, and what lies beyond it never is."""
    step = 1 if field.item is int else 1e-6
    for bound, outwards, is_open in (
        (field.lower, -step, field.open_lower),
        (field.upper, step, field.open_upper),
    ):
        if bound is not None:
            assert _takes(model, field, bound) is not is_open
            assert not _takes(model, field, bound + outwards)


@pytest.mark.parametrize(("model", "field"), EVERY)
def test_every_parameter_is_explained(model, field):
    assert field.description.endswith(".")
    assert not field.optional or field.default is None
    for ending, unit in (("_px", "px"), ("_um", "µm"), ("_s", "s"), ("_hz", "Hz"), ("_nm", "nm")):
        assert not field.name.endswith(ending) or field.unit == unit


def _takes(model: type[Params], field: ParamField, number: float) -> bool:
    """Whether the model's own rule for the field takes a number (or a tuple of it)."""
    info = model.model_fields[field.name]
    rule: Any = Annotated[info.annotation, *(info.metadata or ("no rule",))]
    value = field.item(number)
    try:
        TypeAdapter(rule).validate_python(
            (value,) * (field.length or 1) if field.kind is tuple else value
        )
    except ValidationError:
        return False
    return True
