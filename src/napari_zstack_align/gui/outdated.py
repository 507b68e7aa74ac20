"""Whether a result is still of the frames and alignments that there are now, and what if not."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import QWidget

from napari_zstack_align.gui.dataset import Movie
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.workspace import Workspace

ALIGNED_OTHERWISE = "{} is aligned otherwise now"


def movies_in(workspace: Workspace) -> list[Movie]:
    """All stacks and recordings that are open, with the alignments that are shown."""
    found = [Movie(each.stack, each.alignment) for each in workspace.session.recordings]
    return found + [Movie(each.stack, each.alignment) for each in workspace.stacks]


def closed_among(movies: Sequence[Movie], now: Sequence[Movie]) -> str:
    """Name of the first that isn't open any more; '' where all are."""
    return next((each.stack.name for each in movies if not _same_as(each, now)), "")


def realigned_among(movies: Sequence[Movie], now: Sequence[Movie]) -> str:
    """Name of the first that is open, but with another alignment; '' where none is."""
    for movie in movies:
        same = _same_as(movie, now)
        if same and all(each.alignment is not movie.alignment for each in same):
            return movie.stack.name
    return ""


def name_of(name: str, why: str) -> str:
    """Name that is proposed for the file of a result; ``why`` it is outdated, '' for not."""
    return f"outdated {name}" if why else name


def may_be_written(parent: QWidget, what: str, why: str) -> bool:
    """Ask whether a result is to be written though it is outdated; ``why``, '' for not.

    Parameters
    ----------
    parent : QWidget
        Over which the question opens.
    what : str
        What it is: 'traces'.
    why : str
        A sentence.
    """
    return not why or confirmed(
        parent, f"Write outdated {what}?", why, yes="Write them", no="Don't write"
    )


def _same_as(movie: Movie, now: Sequence[Movie]) -> list[Movie]:
    return [each for each in now if each.stack.source is movie.stack.source]
