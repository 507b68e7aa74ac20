"""Which variants of a test are tried each time, and which by ``make test-thorough`` alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first(n: int, values: Iterable[Any]) -> list[Any]:
    """Values of a test's parameter of which the first n are tried each time."""
    return [
        value if k < n else pytest.param(value, marks=pytest.mark.thorough)
        for k, value in enumerate(values)
    ]
