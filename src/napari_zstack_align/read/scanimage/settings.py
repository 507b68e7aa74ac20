"""Settings that ScanImage writes as text: ``SI.key = value``, ``state.key=value``, or JSON.

Values are MATLAB's literals. What can't be read is as if it weren't there: a damaged header says
less, never something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

KEY = re.compile(r"(?:scanimage\.)?(?:SI[45]?|(?P<old>state))\.(?P<key>[\w.]+)")
"""Before the '=': of version 5 and later, of version 4, and of version 3."""
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|true|false", re.IGNORECASE)
TEXT = re.compile(r"'([^']*)'|\"([^\"]*)\"")
WORDS = {"true": 1.0, "false": 0.0}
LONGEST_VALUE = 20_000
"""Characters of a value that are looked at: tables of photostimulation are longer."""
MOST = 10**9
"""Larger counts are damage."""


@dataclass(frozen=True)
class Settings:
    """Settings by their keys, without 'SI.' or 'state.'.

    Each question takes several keys, as versions name one thing differently: the first that can be
    read answers.
    """

    values: Mapping[str, str]
    is_old: bool = False

    @classmethod
    def read(cls, text: str) -> Settings:
        """Read the lines of a text that are settings."""
        if text.lstrip().startswith("{"):
            return cls(_of_json(text))
        values: dict[str, str] = {}
        is_old = False
        for line in re.split(r"[\r\n\0]+", text):
            key, equals, value = line.partition("=")
            if equals and (found := KEY.fullmatch(key.strip())):
                values.setdefault(found["key"], value.strip()[:LONGEST_VALUE])
                is_old = is_old or found["old"] is not None
        return cls(values, is_old)

    def __bool__(self) -> bool:
        return bool(self.values)

    def text(self, *keys: str) -> str:
        """Text without quotation marks; '' for none."""
        return next((v.strip("'\" ") for key in keys if (v := self.values.get(key, ""))), "")

    def texts(self, *keys: str) -> tuple[str, ...]:
        """Texts of a list."""
        for key in keys:
            if found := TEXT.findall(self.values.get(key, "")):
                return tuple(a or b for a, b in found)
        return ()

    def numbers(self, *keys: str) -> tuple[float, ...]:
        """Finite numbers of a list or table, row by row; true is 1."""
        for key in keys:
            words = NUMBER.findall(TEXT.sub("", self.values.get(key, "")))
            numbers = tuple(_number(word) for word in words)
            if numbers and all(map(isfinite, numbers)):
                return numbers
        return ()

    def number(self, *keys: str) -> float | None:
        """Return the only number of a value."""
        for key in keys:
            if len(found := self.numbers(key)) == 1:
                return found[0]
        return None

    def count(self, *keys: str) -> int | None:
        """Return a whole number of at least 1."""
        for key in keys:
            value = self.number(key)
            if value is not None and 1 <= value <= MOST and value.is_integer():
                return int(value)
        return None

    def positive(self, *keys: str) -> float | None:
        """Return a number above 0."""
        return next((v for key in keys if (v := self.number(key)) is not None and v > 0), None)

    def flag(self, *keys: str) -> bool | None:
        """Return whether something is on; None where nothing is said."""
        found = self.number(*keys)
        return None if found is None else bool(found)


def _number(word: str) -> float:
    return WORDS[word.lower()] if word.lower() in WORDS else float(word)


def _of_json(text: str) -> dict[str, str]:
    """Settings of a header in JSON, as version 2016 wrote it."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    values: dict[str, str] = {}
    _flatten(tree.get("SI") if isinstance(tree, dict) else None, "", values, 0)
    return values


def _flatten(node: Any, prefix: str, values: dict[str, str], depth: int) -> None:
    if isinstance(node, dict) and depth < 8:
        for key, below in node.items():
            _flatten(below, f"{prefix}.{key}" if prefix else str(key), values, depth + 1)
    elif prefix:
        values[prefix] = json.dumps(node)[:LONGEST_VALUE]
