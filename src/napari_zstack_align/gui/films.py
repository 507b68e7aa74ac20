"""Films from the panel: a dialog for the name, and the job in the worker."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.gui.file_dialogs import ask_where_to_write
from napari_zstack_align.write.film import film

FILM = (
    "Film …",
    "Write a video (.mp4 or .gif, up to one minute) of raw and aligned frames side by side; each "
    "image averages up to 5 frames",
)
"""Words of a button, and its tooltip."""


def ask_film(tab: QWidget, name: str) -> Path | None:
    """Ask where a film is written; None: nowhere."""
    proposed = f"{name}{film.WRITER.suffix}"
    return ask_where_to_write(tab, "Write a film", proposed, [film.WRITER])


def film_to(path: Path, alignment: Alignment, cells: Traces | None = None) -> Any:
    """What starts the job; a film that is there already is replaced, which the dialog asked."""
    return partial(film.write_film, path, alignment, cells, overwrite=True)
