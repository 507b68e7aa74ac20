"""Which recordings are in view, and which would be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.frame_in_view import FrameInView, frame_in_view
from napari_zstack_align.gui.recordings.layers import SessionLayers
from napari_zstack_align.gui.shown import KEY, Shown
from napari_zstack_align.stack import Stack

if TYPE_CHECKING:
    from napari_zstack_align.gui.panel import Panel


@dataclass(frozen=True, eq=False)
class Movie:
    """A recording to read, and how it is aligned, if it is.

    Attributes
    ----------
    stack : Stack
        Its raw frames.
    alignment : Alignment, optional
        None: the ROIs stay where they are.
    """

    stack: Stack
    alignment: Alignment | None = None


@dataclass(frozen=True)
class Place:
    """A frame of a recording, known by its name and length.

    Attributes
    ----------
    index : int
        Which recording it is; of several with the same name and length, that one is meant.
    recording : str
        Name of its stack.
    n_frames : int
        Frames of it.
    frame : int
        Counted from 0.
    """

    index: int
    recording: str
    n_frames: int
    frame: int

    def among(self, names: Sequence[str], lengths: Sequence[int]) -> int | None:
        """Index of the recording among others; None where it isn't there."""
        wanted = (self.recording, self.n_frames)
        found = [k for k, each in enumerate(zip(names, lengths, strict=True)) if each == wanted]
        return None if not found else self.index if self.index in found else found[0]


class InView:
    """What of the panel's stacks and recordings is in view.

    Parameters
    ----------
    panel : Panel
        Whose viewer is looked at.
    """

    def __init__(self, panel: Panel) -> None:
        self._panel = panel

    def look(self) -> FrameInView | None:
        """The frame in view."""
        return frame_in_view(self._panel)

    @property
    def owner(self) -> Shown | SessionLayers | None:
        """Whose frames are in view, or would be."""
        view = self.look()
        owner = None if view is None else view.layer.metadata[KEY]
        if isinstance(owner, Shown | SessionLayers):
            return owner
        layers = self._panel.session.layers
        return layers if layers.recordings else self._panel.shown

    def movies(self) -> list[Movie]:
        """The recordings that would be read: those of the session, or the stack in view.

        Where some recordings of a session are aligned, the others are left out.

        Raises
        ------
        InputError
            Where there are none, or the stack is none.
        """
        owner = self.owner
        if isinstance(owner, SessionLayers):
            found = [Movie(r.stack, r.alignment) for r in owner.recordings]
            return [movie for movie in found if movie.alignment is not None] or found
        if owner is None:
            raise InputError("There are no frames yet: add recordings, or load a stack, first.")
        if owner.grid.is_zstack:
            raise InputError(
                f"{owner.stack.name} is a z-stack: traces are read from recordings (on the Load "
                f"tab, Repeats per slice: none)."
            )
        return [Movie(owner.stack, owner.alignment)]

    def place(self) -> Place | None:
        """The recording and frame in view."""
        view, owner = self.look(), self.owner
        if view is None or view.frame is None or owner is None:
            return None
        if isinstance(owner, SessionLayers):
            stack = owner.recordings[view.recording].stack
        else:
            stack = owner.stack
        return Place(view.recording, stack.name, stack.n_frames, view.frame)

    def go_to(self, place: Place) -> bool:
        """Move the viewer to a frame; False where its recording isn't there."""
        owner = self.owner
        stacks = [owner.stack] if isinstance(owner, Shown) else []
        if isinstance(owner, SessionLayers):
            stacks = [recording.stack for recording in owner.recordings]
        index = place.among([s.name for s in stacks], [s.n_frames for s in stacks])
        if index is None:
            return False
        if isinstance(owner, Shown):
            owner.go_to(place.frame)
        else:
            self._panel.session.go_to(index, place.frame)
        return True

    def toggle(self) -> None:
        """Switch between raw and aligned frames."""
        if isinstance(self.owner, SessionLayers):
            self._panel.session.toggle()
        else:
            self._panel.result.toggle()


def what_words(movies: Sequence[Movie], n_rois: int) -> str:
    """What would be read, in a sentence."""
    names = movies[0].stack.name if len(movies) == 1 else counted(len(movies), "recording")
    frames = sum(movie.stack.n_frames for movie in movies)
    aligned = all(movie.alignment is not None for movie in movies)
    how = "" if aligned else ", not aligned: ROIs stay where they are"
    return f"{counted(n_rois, 'ROI')} in {names}, {counted(frames, 'frame')}{how}."
