"""Types of arguments that are numbers: what is wrong with one is said by the parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

from napari_zstack_align.typed_numbers import number

T = TypeVar("T")


def said_by_parser(read: Callable[..., T], *given: Any) -> T:
    """Call what reads a text; its ValueError becomes a sentence about the argument."""
    try:
        return read(*given)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def number_argument(text: str) -> float:
    """Type of an argument that is a number."""
    return said_by_parser(number, text)
