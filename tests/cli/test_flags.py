"""Flags of every kind of parameter, and files underneath them."""

import argparse
from typing import Literal

import pytest
from pydantic import Field

from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import Params


class Model(Params):
    switch: bool = Field(True, description="A switch.")
    count: int = Field(3, ge=1, le=9, description="How many, 100 % of them.")
    size: float = Field(1.5, gt=0, json_schema_extra={"unit": "µm"})
    limit: float | None = None
    way: Literal["up", "down"] = "up"
    pair: tuple[float, float] = (1.0, 2.0)
    some: tuple[int, ...] = ()


@pytest.fixture
def parser():
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_model_flags(parser, Model)
    return parser


@pytest.mark.parametrize(
    ("flags", "values"),
    [
        ([], {}),
        (["--no-switch"], {"switch": False}),
        (["--count", "5", "--size=2.5"], {"count": 5, "size": 2.5}),
        (["--limit", "-4"], {"limit": -4.0}),
        (["--way", "down"], {"way": "down"}),
        (["--pair", "3", "4"], {"pair": (3.0, 4.0)}),
        (["--some", "1", "2", "3"], {"some": (1, 2, 3)}),
        (["--some"], {"some": ()}),
    ],
    ids=str,
)
def test_flags_become_values(parser, flags, values):
    assert params_of(parser.parse_args(flags), Model) == Model(**values)


def test_flags_go_before_the_file(parser, tmp_path):
    path = tmp_path / "params.json"
    Model(count=5, size=4.0).to_file(path)
    args = parser.parse_args(["--params", str(path), "--count", "7"])
    assert params_of(args, Model) == Model(count=7, size=4.0)


def test_a_default_on_the_command_line_goes_before_the_file_too(parser, tmp_path):
    path = tmp_path / "params.json"
    Model(count=5).to_file(path)
    args = parser.parse_args(["--params", str(path), "--count", "3"])
    assert params_of(args, Model) == Model()


def test_bounds_are_those_of_the_model(parser):
    with pytest.raises(InputError, match="count should be less than or equal to 9"):
        params_of(parser.parse_args(["--count", "10"]), Model)


def test_help_tells_default_bounds_and_unit(parser):
    text = " ".join(parser.format_help().split())
    assert "How many, 100 % of them. [default 3; 1 to 9]" in text
    assert "[default 1.5 µm; above 0 µm]" in text
    assert "--way {up,down}" in text
    assert "[default 1 2]" in text
