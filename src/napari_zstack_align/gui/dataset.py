"""`Dataset`: what a stack and a session in the viewer have in common, and what of it is in view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.counting import counted
from napari_zstack_align.stack import Stack


@dataclass(frozen=True, eq=False)
class FrameInView:
    """What the viewer shows, resolved once after each change.

    Attributes
    ----------
    layer : napari.layers.Image
        The image that is looked at; ROIs lie in its pixels.
    raw : bool
        Whether it is a raw frame; else it is in reference coordinates.
    dataset : Dataset, optional
        Whose frame it is; None for another image.
    position : tuple of int
        Where the sliders stand in the dataset.
    alignment : Alignment, optional
        Of the frames; None where they aren't aligned.
    recording : int
        Which recording of the session; 0 for a stack.
    frame : int, optional
        Frame of that recording, counted from 0; None where none is in view.
    slice : int, optional
        Slice of a z-stack; None for a recording.
    lost : bool
        Whether nothing is known of where ROIs lie on this frame: other recordings of its session
        are aligned, but not this one.
    """

    layer: Any
    raw: bool
    dataset: Dataset | None = None
    position: tuple[int, ...] = ()
    alignment: Alignment | None = None
    recording: int = 0
    frame: int | None = None
    slice: int | None = None
    lost: bool = False

    @cached_property
    def through(self) -> Alignment | None:
        """The alignment whose transforms take ROIs to what is in view; None: they stay."""
        return self.alignment if self.raw and self.frame is not None else None

    @cached_property
    def shape(self) -> tuple[int, int]:
        """(Y, X) of the frame."""
        if self.raw and self.alignment is not None:
            return self.alignment.raw_shape
        rows, columns = self.layer.data.shape[-2:]
        return int(rows), int(columns)


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


@runtime_checkable
class Looker(Protocol):
    """Owner of layers that knows what one of them shows."""

    def view_of(self, layer: Any) -> FrameInView | None:
        """What one of its layers shows at the sliders; None where that is no frame or image."""


@runtime_checkable
class Dataset(Looker, Protocol):
    """Frames in the viewer: a stack, or the recordings of a session."""

    @property
    def stacks(self) -> Sequence[Stack]:
        """The raw frames: one stack, or one of each recording."""

    def movies(self) -> list[Movie]:
        """The recordings that traces would be read from.

        Raises
        ------
        InputError
            Where there are none.
        """

    def words(self, view: FrameInView) -> str:
        """What frame that is, and what is the matter with it."""

    def go_to_frame(self, recording: int, frame: int) -> None:
        """Move the sliders to a frame of one of the recordings, 0 of a stack."""

    def toggle(self) -> None:
        """Switch between raw and aligned frames."""

    def name_sliders(self) -> None:
        """Let the sliders read what they stand for."""


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

    @classmethod
    def of(cls, view: FrameInView | None) -> Place | None:
        """Return the place of what is in view; None where that is no frame."""
        if view is None or view.frame is None or view.dataset is None:
            return None
        stack = view.dataset.stacks[view.recording]
        return cls(view.recording, stack.name, stack.n_frames, view.frame)

    def among(self, names: Sequence[str], lengths: Sequence[int]) -> int | None:
        """Index of the recording among others; None where it isn't there."""
        wanted = (self.recording, self.n_frames)
        found = [k for k, each in enumerate(zip(names, lengths, strict=True)) if each == wanted]
        return None if not found else self.index if self.index in found else found[0]

    def show_in(self, dataset: Dataset | None) -> bool:
        """Move the sliders there; False where the recording isn't in the dataset."""
        stacks = [] if dataset is None else dataset.stacks
        index = self.among([s.name for s in stacks], [s.n_frames for s in stacks])
        if dataset is None or index is None:
            return False
        dataset.go_to_frame(index, self.frame)
        return True


def what_words(movies: Sequence[Movie], n_rois: int) -> str:
    """What would be read, in a sentence."""
    names = movies[0].stack.name if len(movies) == 1 else counted(len(movies), "recording")
    frames = sum(movie.stack.n_frames for movie in movies)
    aligned = all(movie.alignment is not None for movie in movies)
    how = "" if aligned else ", not aligned: ROIs stay where they are"
    return f"{counted(n_rois, 'ROI')} in {names}, {counted(frames, 'frame')}{how}."
