"""Commands, flags and files that the docs quote are there, as they are printed."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from napari_zstack_align.cli.main import COMMANDS, make_parser

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
OF_OTHERS = {"--python", "--version"}
"""Flags of every program."""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def quoted(text: str) -> Iterator[str]:
    """Lines of code blocks, continued lines joined, and code within sentences; no comments."""
    block = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)
    for lines in (lines for language, lines in block.findall(text) if language in ("", "sh")):
        for line in re.sub(r"\\\n\s*", "", lines).splitlines():
            yield re.sub(r"\s#.*", "", line).strip()
    for code in re.findall(r"`([^`]+)`", block.sub("", text)):
        yield " ".join(code.split())


def commands(text: str, *start: str) -> list[list[str]]:
    """Quoted commands that begin so, as lists of words without these."""
    words = [shlex.split(line) for line in quoted(text) if line.startswith(start[0])]
    return [line[len(start) :] for line in words if line[: len(start)] == list(start)]


@cache
def known_flags() -> set[str]:
    """Flags of all commands of zstack-align."""
    known = set(OF_OTHERS)
    for command in COMMANDS:
        for action in make_parser(command)._actions:
            if isinstance(action, argparse._SubParsersAction):
                known |= {*action.choices[command]._option_string_actions}
    return known


def test_commands_are_found():
    """After a block of another language, too, and on continued lines."""
    text = (
        "```python\nx\n```\na `zstack-align info\nx.tif`\n"
        "```sh\nzstack-align view a \\\n   b  # c\n```\n"
    )
    assert sorted(commands(text, "zstack-align")) == [["info", "x.tif"], ["view", "a", "b"]]


@each_page
def test_commands_of_zstack_align_are_understood(page: Path):
    for words in commands(page.read_text("utf-8"), "zstack-align"):
        if len(words) > 1:
            make_parser(words[0]).parse_args(words)
        elif words:  # a sentence names the command
            assert words[0] in COMMANDS


@each_page
def test_commands_of_python_have_their_file_and_flags(page: Path):
    for path, *words in commands(page.read_text("utf-8"), "python"):
        program = (ROOT / path).read_text("utf-8")
        for flag in (word for word in words if word.startswith("--")):
            assert f'"{flag}"' in program, f"{path} {flag}"


@each_page
def test_commands_of_pytest_select_a_test(page: Path):
    for path, *words in commands(page.read_text("utf-8"), "pytest"):
        tests = (ROOT / path).read_text("utf-8")
        if "-k" in words:
            assert re.search(rf"def test_\w*{words[words.index('-k') + 1]}", tests), words


@each_page
def test_targets_of_make_are_there(page: Path):
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for words in commands(page.read_text("utf-8"), "make"):
        if words:
            assert re.search(rf"^{words[0]}:", makefile, re.M), words[0]


@each_page
def test_files_of_this_project_are_there(page: Path):
    names = re.findall(r"\b(?:benchmarks|tests|scripts|src)/[\w/]+\.\w+", page.read_text("utf-8"))
    assert not [name for name in names if not (ROOT / name).is_file()]


@each_page
def test_flags_are_there(page: Path):
    sources = "".join(
        path.read_text("utf-8") for path in sorted((ROOT / "benchmarks").glob("*.py"))
    )
    for code in quoted(page.read_text("utf-8")):
        if code.startswith("-"):
            flag = code.split()[0].split("=")[0]
            assert flag in known_flags() or f'"{flag}"' in sources, flag
