"""Write docs/parameters.md from the parameter models, or with --check see that it is up to date."""

from __future__ import annotations

from generated_page import write_or_check

from napari_zstack_align.fields import ParamField, fields_of
from napari_zstack_align.params import MODELS, Params

HEAD = """\
# Parameters

The same names stand in the form in napari (with spaces), on the command line (`--max-shift-px` for
`max_shift_px`), in the models in Python (`AdaptiveParams(max_shift_px=10)`) and in parameter files
(`--params file.json`). A value out of bounds or an unknown name is an error, never ignored.

This page is written by `make docs` from the models: change it there.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD, *(section(model) for model in MODELS)])


def section(model: type[Params]) -> str:
    """Return heading, first line and table of one model."""
    summary = (model.__doc__ or "").strip().splitlines()[0]
    rows = [row(field) for field in fields_of(model)]
    head = ["| parameter | default | allowed | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {model.__name__}", "", summary, "", *head, *rows, ""])


def row(field: ParamField) -> str:
    """Return a line of the table."""
    default = field.default_in_words()
    if isinstance(field.default, str) and field.default:
        default = f"`{default}`"
    cells = [f"`{field.name}`", default, field.allowed, field.description]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    write_or_check("parameters.md", page(), "the parameter models")
