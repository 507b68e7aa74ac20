"""Pages of docs/ that are written from the code: write them, or see that they are up to date."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def write_or_check(name: str, text: str, source: str) -> None:
    """Write a page, or with --check compare it.

    Parameters
    ----------
    name : str
        Of the page in docs/.
    text : str
        What it has to be.
    source : str
        What it is made of, for the message.
    """
    page = DOCS / name
    if sys.argv[1:] != ["--check"]:
        page.write_text(text, encoding="utf-8")
        print(f"Wrote {page}")
    elif not page.exists() or page.read_text(encoding="utf-8") != text:
        sys.exit(f"docs/{name} is not what {source} say: run 'make docs'.")
