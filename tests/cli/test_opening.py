"""How files are read, said in the cells of a table."""

from __future__ import annotations

import argparse

import pytest

from napari_zstack_align.cli.opening import add_opening_arguments, opening, with_columns
from napari_zstack_align.errors import InputError


@pytest.fixture
def args() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_opening_arguments(parser)
    return parser.parse_args([])


@pytest.mark.parametrize(("text", "value"), [("yes", True), ("TRUE", True), ("no", None)])
def test_switches(text: str, value: bool | None, args: argparse.Namespace) -> None:
    found = opening(with_columns(args, {"whole_frames": text}))
    assert found.get("whole_frames") in ((value,) if value else (None, False))


@pytest.mark.parametrize("text", ["ja", "2", "-", "yes please"])
def test_a_switch_of_another_word_is_refused(text: str, args: argparse.Namespace) -> None:
    with pytest.raises(InputError, match="write 'yes' or 'no'"):
        with_columns(args, {"line_phase_subpixel": text})


def test_a_cell_is_read_as_its_flag(args: argparse.Namespace) -> None:
    cells = {"channels": "2", "drop_frames": "3, 7-9", "line_phase": "auto", "plane": "1"}
    found = opening(with_columns(args, cells))
    assert found == {"channels": 2, "drop_frames": "3, 7-9", "line_phase": "auto", "plane": 1}
    with pytest.raises(InputError, match="channels is 'two'"):
        with_columns(args, {"channels": "two"})


@pytest.mark.parametrize(
    ("with_all", "text", "said"),
    [(False, "all", "'all' is no plane: give a whole number from 0$"), (True, "b", "or 'all'$")],
)
def test_a_plane_is_a_number(with_all: bool, text: str, said: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_opening_arguments(parser, with_all_planes=with_all)
    with pytest.raises(argparse.ArgumentError, match=said):
        parser.parse_args(["--plane", text])
