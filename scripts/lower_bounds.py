"""Print the lower bound of every direct dependency as a pip constraint: what we promise to run on.

usage: lower_bounds.py [GROUP...]   dependency groups to include besides the package's extras
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def requirements(config: dict[str, Any], groups: list[str]) -> Iterator[str]:
    """Yield the requirements of the package, its extras and the groups."""
    yield from config["project"]["dependencies"]
    for extra in config["project"]["optional-dependencies"].values():
        yield from extra
    for group in groups:
        yield from in_group(config["dependency-groups"], group)


def in_group(groups: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the requirements of a dependency group and of the groups it includes."""
    for entry in groups[name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from in_group(groups, entry["include-group"])


def constraints(config: dict[str, Any], groups: list[str]) -> list[str]:
    """Turn 'name[extra]>=1.2' into 'name==1.2'; our own name is left out."""
    pinned = set()
    for requirement in requirements(config, groups):
        name = re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]
        if name == config["project"]["name"]:
            continue
        bound = re.search(r">=\s*([\w.]+)", requirement)
        if bound is None:
            sys.exit(f"{requirement} in {PROJECT.name} has no lower bound: give it one.")
        pinned.add(f"{name}=={bound[1]}")
    return sorted(pinned)


if __name__ == "__main__":
    print("\n".join(constraints(tomllib.loads(PROJECT.read_text("utf-8")), sys.argv[1:])))
