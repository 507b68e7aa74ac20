"""napari's reader: TIFF, .npy, folders of images, ``.zalign`` and session folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.session import is_session
from napari_zstack_align.gui.layer_data import layer_data
from napari_zstack_align.read import open_stack

ENDINGS = (".tif", ".tiff", ".btf", ".tf8", ".npy")
NULL_LAYER: list[tuple[None]] = [(None,)]
"""Tells napari that the file was read and adds no layer by itself."""

Paths = str | list[str]


def get_reader(path: Paths) -> Callable[[Paths], list[Any]] | None:
    """Return a function that reads the path or paths; None for what isn't ours."""
    first = Path(path[0] if isinstance(path, list) else path)
    if first.is_dir():
        saved = (first / "run.json").exists() or is_session(first)
        return read_alignment if saved else read_stack
    return read_stack if first.suffix.lower() in ENDINGS else None


def read_stack(path: Paths) -> list[Any]:
    """Open files as one stack; several paths are one stack along time."""
    return layer_data(open_stack(path))


def read_alignment(path: Paths) -> list[Any]:
    """Open the panel, which loads the alignment in its worker."""
    from napari import current_viewer

    from napari_zstack_align.gui.open import open_panel

    folder = Path(path[0] if isinstance(path, list) else path)
    open_panel(current_viewer()).open_saved(folder)
    return NULL_LAYER
