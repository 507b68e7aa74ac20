"""One sentence in the panel while a raw file of what is in view is gone, damaged or changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from qtpy.QtCore import QObject, QTimer

from napari_zstack_align.gui.drawn import DARK, DrawnImages, watchers
from napari_zstack_align.gui.layer_group import KEY
from napari_zstack_align.gui.lazy import SliderImages
from napari_zstack_align.gui.project.places import is_gone
from napari_zstack_align.gui.remarks import SIGN
from napari_zstack_align.gui.run_bar import StatusLine
from napari_zstack_align.gui.word_colours import give_meaning
from napari_zstack_align.gui.worker import JobWorker
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.saved.unit_file import FileStates
from napari_zstack_align.saved.watched import CHECK_PART, GONE, states_of
from napari_zstack_align.sources import FrameSource
from napari_zstack_align.stack import Stack

LOOK_EVERY_MS = 500
"""What couldn't be drawn is looked for so often."""
CHECK_EVERY_S = 3.0
"""The files are looked for so often, in a worker: a network drive may not answer."""
IS_GONE = (
    "{} is gone, or can't be reached any more: bring it back. Images that were not looked at "
    "before are dark until then."
)
HAS_CHANGED = (
    "{} has changed since it was opened, or another file has its name now: remove its layers, and "
    "open it again."
)

Drawn = tuple[DrawnImages, Any]
"""Images of which one couldn't be drawn, and its index."""


@dataclass(frozen=True)
class Checked:
    """What was found out about files and images.

    Attributes
    ----------
    states : list of (Stack, FileStates)
        How the files of each stack are now.
    there_again : list of DrawnImages
        Those that could be made now.
    seconds : float
        What it took.
    """

    states: list[tuple[Stack, FileStates]]
    there_again: list[DrawnImages]
    seconds: float


class RawFiles(QObject):
    """Watches the raw files of what is in view; main thread only.

    Parameters
    ----------
    workspace : Workspace
        Whose layers are looked at.
    parent : QObject
        Its owner.
    """

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.row = StatusLine()
        give_meaning(self.row, "error")
        self._opened: WeakKeyDictionary[FrameSource, FileStates] = WeakKeyDictionary()
        self._now: WeakKeyDictionary[FrameSource, FileStates] = WeakKeyDictionary()
        self._worker: JobWorker | None = None
        self._next_check = 0.0
        self._soon, self._timer = QTimer(self), QTimer(self)
        self._soon.setSingleShot(True)
        for timer, interval in ((self._soon, 0), (self._timer, LOOK_EVERY_MS)):
            timer.setInterval(interval)
            timer.timeout.connect(self._look)
        workspace.view_changed.connect(self._soon.start)
        self._timer.start()
        watchers.add(self)

    def let_go(self) -> None:
        """Stop watching."""
        watchers.discard(self)
        self._soon.stop()
        self._timer.stop()
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None

    # -- inside --------------------------------------------------------------------------------

    def _look(self) -> None:
        stacks, lost = self._in_view(), self._lost()
        self._say(stacks, lost)
        if self._worker is None and (stacks or lost) and time.monotonic() >= self._next_check:
            drawn = [(images, images.drawn) for images in lost]
            self._worker = worker = JobWorker(partial(_checking, stacks, drawn), processors=1)
            worker.returned.connect(self._on_checked)
            worker.launch()

    def _say(self, stacks: Sequence[Stack], lost: Sequence[DrawnImages]) -> None:
        """Show the first sentence, of the files before that of an image."""
        images = (DARK.format(each.problem) for each in lost)
        sentence = next(self._sentences(stacks), None) or next(images, "")
        words = f"{SIGN} {sentence}" if sentence else ""
        if words != self.row.text():
            self.row.setText(words)

    def _sentences(self, stacks: Sequence[Stack]) -> Iterator[str]:
        for stack in stacks:
            before, now = self._opened.get(stack.source, ()), self._now.get(stack.source, ())
            for path, first, last in zip(stack.paths, before, now, strict=False):
                if last == GONE:
                    yield IS_GONE.format(path)
                elif last != first:
                    yield HAS_CHANGED.format(path)

    def _on_checked(self, found: Checked) -> None:
        there_again = list(found.there_again)
        for stack, now in found.states:
            opened = self._opened.setdefault(stack.source, now)
            if now == opened != self._now.get(stack.source, now):
                there_again += self._forgotten(stack)
            self._now[stack.source] = now
        for layer in self._workspace.viewer.layers:
            if layer.visible and any(layer.data is images for images in there_again):
                layer.refresh(extent=False)
        self._worker = None
        self._next_check = time.monotonic() + max(CHECK_EVERY_S, found.seconds / CHECK_PART)
        self._say(self._in_view(), self._lost())

    def _in_view(self) -> list[Stack]:
        """The stacks with files of which a layer is visible."""
        layers = self._workspace.viewer.layers
        owners = {id(owner): owner for each in layers if each.visible and (owner := _owner(each))}
        stacks = (stack for owner in owners.values() for stack in owner.stacks)
        return [stack for stack in stacks if stack.paths and not is_gone(stack)]

    def _forgotten(self, stack: Stack) -> Iterator[DrawnImages]:
        """Forget the images of a stack that were made meanwhile: they may be of another file."""
        for layer in self._workspace.viewer.layers:
            owner = _owner(layer)
            is_own = owner is not None and any(each.source is stack.source for each in owner.stacks)
            if is_own and isinstance(layer.data, SliderImages):
                layer.data.forget()
                yield layer.data

    def _lost(self) -> list[DrawnImages]:
        """What is visible, but couldn't be drawn."""
        layers = self._workspace.viewer.layers
        images = (layer.data for layer in layers if layer.visible)
        return [each for each in images if isinstance(each, DrawnImages) and each.problem]


def _owner(layer: Any) -> Any:
    """The stack or session that a layer is of."""
    owner = layer.metadata.get(KEY)
    return owner if hasattr(owner, "stacks") else None


def _checking(stacks: Sequence[Stack], lost: Sequence[Drawn]) -> Job[Checked]:
    """Look how the files are now, and which of the images can be made again."""
    start = time.monotonic()
    states: list[tuple[Stack, FileStates]] = []
    for stack in stacks:
        yield Progress("Looking at the raw files", len(states), len(stacks))
        states.append((stack, states_of(stack.paths)))
    there_again = []
    for images, index in lost:
        yield Progress("Looking at the raw files", len(stacks), len(stacks))
        if _can_be_made(images, index):
            there_again.append(images)
    return Checked(states, there_again, time.monotonic() - start)


def _can_be_made(images: DrawnImages, index: Any) -> bool:
    try:
        images.images(index)
    except Exception:  # what it is was said when it was drawn
        return False
    return True
