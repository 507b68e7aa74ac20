"""Write the tables of docs/formats.md from READERS, OTHERS and WRITERS, or --check them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from generated_page import DOCS, write_or_check

from napari_zstack_align.read._others import OTHERS
from napari_zstack_align.read.readers import READERS
from napari_zstack_align.write.writers import WRITERS, Writer

PAGE = "formats.md"
TABLE = r"(<!-- {name}: written by 'make docs' -->\n).*?(<!-- end -->)"
"""Between these lines of the page stands a table; the rest of it is written by hand."""


def page() -> str:
    """Return the whole page with its tables as they have to be."""
    text = (DOCS / PAGE).read_text(encoding="utf-8")
    for name, lines in (
        ("READERS", readers()),
        ("OTHERS", others()),
        ("WRITERS", writers()),
    ):
        table = "\n".join(lines)
        pattern = re.compile(TABLE.format(name=name), re.DOTALL)
        text, count = pattern.subn(lambda m, table=table: f"{m[1]}{table}\n{m[2]}", text)
        if count != 1:
            raise SystemExit(f"docs/{PAGE} has {count} places for the table of {name}.")
    return text


def readers() -> list[str]:
    """Return the lines of the table of what can be opened."""
    head = ("format", "usual endings", "what it says besides the frames", "extra")
    rows = ((r.title, _endings(r.suffixes), r.gives, _code(r.extra)) for r in READERS)
    return _table(head, rows)


def others() -> list[str]:
    """Return the lines of the table of what is recognised and can't be opened."""
    rows = ((o.what, _endings(o.endings), o.way_out) for o in OTHERS if o.way_out)
    return _table(("file", "endings", "what to do"), rows)


def writers() -> list[str]:
    """Return the lines of the table of what can be exported."""
    head = ("format", "endings", "of", "name", "for", "extra")
    return _table(head, map(_of_writer, WRITERS))


def _of_writer(row: Writer) -> tuple[str, ...]:
    takes = ", ".join(row.takes)
    return row.title, _endings(row.suffixes), takes, _code(row.name), row.program, _code(row.extra)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [_line(head), "|" + "---|" * len(head), *map(_line, rows)]


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _endings(suffixes: tuple[str, ...]) -> str:
    return ", ".join(_code(suffix) or "a folder" for suffix in suffixes)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


if __name__ == "__main__":
    write_or_check(PAGE, page(), "READERS, OTHERS and WRITERS")
