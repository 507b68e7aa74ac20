"""napari's reader: images of the formats in ``READERS``, folders of them, and saved results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_zstack_align.errors import BrokenOffError
from napari_zstack_align.read import holds_frames, open_stack
from napari_zstack_align.saved import kind_of

NULL_LAYER: list[tuple[None]] = [(None,)]
"""Tells napari that the file was read and adds no layer by itself."""

Paths = str | list[str]


def get_reader(path: Paths) -> Callable[[Paths], list[Any]] | None:
    """Return a function that reads the path or paths; None for what isn't ours.

    Several paths are one stack along time. The heads of the files are looked at: pictures in
    colour, single images, labels and tables are left to others.
    """
    paths = path if isinstance(path, list) else [path]
    if len(paths) == 1:
        folder = Path(paths[0])
        if folder.is_dir() and kind_of(folder) is not None:
            return read_alignment
        return read_stack if holds_frames(folder) else None
    return read_stack if holds_frames(paths) else None


def read_stack(path: Paths) -> list[Any]:
    """Open files as one stack; several paths are one stack along time.

    Of a file that breaks off the panel says so, and offers its whole frames.
    """
    from napari import current_viewer

    from napari_zstack_align.gui.layer_data import layer_data

    try:
        return layer_data(open_stack(path))
    except BrokenOffError:
        viewer = current_viewer()
        if viewer is None:
            raise
    from napari_zstack_align.gui.open import open_panel

    paths = path if isinstance(path, list) else [path]
    open_panel(viewer, "Load").zstack.load_tab.open_paths([Path(each) for each in paths])
    return NULL_LAYER


def read_alignment(path: Paths) -> list[Any]:
    """Open the panel, which loads the alignment in its worker."""
    from napari import current_viewer

    from napari_zstack_align.gui.open import open_panel

    folder = Path(path[0] if isinstance(path, list) else path)
    open_panel(current_viewer()).open_saved(folder)
    return NULL_LAYER
