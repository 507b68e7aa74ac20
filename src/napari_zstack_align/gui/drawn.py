"""Images that napari draws: one that can't be made is dark, with a sentence that says why.

An error that went through napari would end in the terminal, with a picture that is neither the
old nor the new one, and sliders that stand still. Whatever else reads the images gets the error.
"""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from types import FrameType
from typing import Any
from weakref import WeakSet

import numpy as np
from napari.utils.notifications import show_warning

from napari_zstack_align.errors import ZstackAlignError
from napari_zstack_align.lazy import Image, LazyImages, Position

logger = logging.getLogger(__name__)

DRAWS = "napari.layers"
"""Modules that ask for what is to be drawn."""
UNREADABLE = "{} can't be read ({}): check the disk or network."
UNEXPECTED = "An image can't be made (unexpected {}: {}; the log has the details)."
DARK = "{} The image is dark until it can be read."

watchers: WeakSet[Any] = WeakSet()
"""Those who show the sentences; without one, napari does."""

_problems: ContextVar[list[str] | None] = ContextVar("problems", default=None)
"""Sentences on what couldn't be made of the images that are being drawn; None: nobody draws."""


class DrawnImages(LazyImages):
    """Images for a layer of napari.

    Attributes
    ----------
    problem : str
        Why an image that was drawn last is dark; '' where none is.
    drawn : object
        The index that was drawn last.
    """

    problem = ""
    drawn: Any = None

    def __getitem__(self, index: Any) -> Image:
        """Make the images that an index asks for; where napari draws, dark ones for those lost."""
        if not _draws(sys._getframe(1)):
            return self.images(index)
        problems: list[str] = []
        token = _problems.set(problems)
        try:
            return self.images(index)
        finally:
            _problems.reset(token)
            self._note(index, problems[0] if problems else "")

    def images(self, index: Any) -> Image:
        """Make the images that an index asks for."""
        return super().__getitem__(index)

    def at(self, position: Position) -> Image:
        """Return one image, made or kept."""
        problems = _problems.get()
        if problems is None:
            return self.made(position)
        try:
            return self.made(position)
        except Exception as error:  # of any library that reads files, or of somebody's own array
            problems.append(_sentence(error))
        return np.zeros(self.image_shape, self.dtype)

    def made(self, position: Position) -> Image:
        """Do so; errors are those of the file."""
        return super().at(position)

    def _note(self, index: Any, problem: str) -> None:
        is_new = bool(problem) and problem != self.problem
        self.drawn, self.problem = index, problem
        if is_new and not watchers:
            show_warning(DARK.format(problem))


def _draws(caller: FrameType) -> bool:
    return str(caller.f_globals.get("__name__", "")).startswith(DRAWS)


def _sentence(error: Exception) -> str:
    """Say what the matter is; what nobody expects goes to the log as well."""
    if isinstance(error, ZstackAlignError):
        return str(error)
    if isinstance(error, OSError):
        return UNREADABLE.format(error.filename or "An image", error.strerror or error)
    logger.error("an image can't be made", exc_info=error)
    return UNEXPECTED.format(type(error).__name__, error)
