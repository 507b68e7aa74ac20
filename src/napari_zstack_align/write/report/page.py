"""HTML of a report: every text is escaped here, once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from typing import NewType

from napari_zstack_align._version import __version__

Html = NewType("Html", str)
"""Text whose special characters are escaped already."""


MARK = '<meta name="generator" content="napari-zstack-align report '
"""By which an earlier report is known from any other page."""


def text(words: object) -> Html:
    """Any value as text."""
    return Html(escape(str(words)))


def joined(parts: Iterable[Html]) -> Html:
    """Parts one below the other."""
    return Html("\n".join(parts))


def element(name: str, content: Html, **attributes: str) -> Html:
    """An element; an attribute's trailing underscore isn't part of its name."""
    said = "".join(f' {key.rstrip("_")}="{escape(value)}"' for key, value in attributes.items())
    return Html(f"<{name}{said}>{content}</{name}>")


def paragraph(words: str, kind: str = "") -> Html:
    """A paragraph of a kind that the style sheet knows."""
    return element("p", text(words), class_=kind) if kind else element("p", text(words))


def section(title: str, *content: Html) -> Html:
    """A part with a title; '' where it has no content."""
    if not any(content):
        return Html("")
    return element("section", joined([element("h2", text(title)), *filter(None, content)]))


def table(rows: Sequence[Sequence[object]], header: Sequence[str] = ()) -> Html:
    """A table; numbers are put in line by the style sheet."""
    head = _row("th", header) if header else Html("")
    return element("table", joined([head, *(_row("td", row) for row in rows)]))


def _row(cell: str, values: Iterable[object]) -> Html:
    return element("tr", Html("".join(element(cell, text(value)) for value in values)))


def page(title: str, parts: Iterable[Html]) -> str:
    """Return the whole file."""
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'{MARK}{escape(__version__)}">'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n"
        f"<body>\n{element('h1', text(title))}\n{joined(parts)}\n</body></html>\n"
    )
