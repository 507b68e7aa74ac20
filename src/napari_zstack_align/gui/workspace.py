"""`Workspace`: the datasets in a viewer, the chosen stack, and what is in view."""

from __future__ import annotations

from textwrap import fill
from typing import Any

from napari.layers import Image
from napari.utils.notifications import show_info
from qtpy.QtCore import QObject, QTimer, Signal

from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.dataset import Dataset, FrameInView, Looker, Movie
from napari_zstack_align.gui.flat_view import FlatView
from napari_zstack_align.gui.in_files import InFiles
from napari_zstack_align.gui.kept_masks import KeptMasks
from napari_zstack_align.gui.layer_group import KEY, flatten
from napari_zstack_align.gui.lazy import is_in_time
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.recordings.layers import SessionLayers
from napari_zstack_align.gui.runs import Runs
from napari_zstack_align.gui.saved_runs import SavedRuns
from napari_zstack_align.gui.stack_layers import StackLayers, every_stack
from napari_zstack_align.gui.unfinished.kept_run import KeptRuns
from napari_zstack_align.project import Project

WIDTH = 50
"""Characters of a line over the image: napari cuts off what is wider than the canvas."""
NO_VOLUME = "Frames of a recording make no volume: they are shown in 2-D."
NO_FRAMES = "There are no frames yet: add recordings, or load a stack, first."


class Workspace(QObject):
    """What the parts of the panel share; all of it belongs to the main thread.

    It alone listens to the sliders. What is in view is resolved once after each change: parts take
    it from ``view_changed``, or ask for `in_view`.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are looked at.
    parent : QObject, optional
        Its owner.
    """

    view_changed = Signal(object)
    """Something else is in view, a `FrameInView` or None: sliders or layers have changed."""
    stack_chosen = Signal()
    """Another stack is chosen, or none."""
    alignments_changed = Signal()
    """Recordings, or their alignments, are others than before."""
    put_back = Signal(str)
    """A sentence: frames of the project that were missing are there again."""
    result_found = Signal(object)
    """Path of a saved result that was chosen where something else was asked for."""
    recordings_found = Signal(object, object)
    """Alignments of recordings that were opened where one of a z-stack was asked for, and the
    folder that they are from, or None."""

    def __init__(self, viewer: Any, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.session = SessionLayers(viewer)
        self.stack: StackLayers | None = None
        self.kept: list[StackLayers] = []
        """Stacks whose layers were removed in napari while runs are in no file."""
        self.kept_masks = KeptMasks(viewer.layers, self)
        self.left = Project()
        """What of the open project isn't shown, and is kept: the frames aren't there."""
        self.in_files = InFiles()
        """Results that were saved or loaded one by one."""
        self.kept_runs = KeptRuns()
        self.saved_runs = SavedRuns(self._run_lists, self.in_files, self)
        self._in_view: FrameInView | None = None
        self._known = False
        self._flat_view = FlatView(viewer)
        self._listening = Listening()
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self.look)
        self.alignments_changed.connect(self._forget)
        dims, layers = viewer.dims.events, viewer.layers.events
        self._listening.to(dims.ndisplay, self._on_layers)
        self._listening.to(dims.current_step, self.look)
        self._listening.to(layers.inserted, self._on_inserted)
        for event in (layers.removed, layers.reordered):
            self._listening.to(event, self.look_soon)
        for layer in viewer.layers:
            self._listening.to(layer.events.visible, self._on_layers)

    # -- what is there -------------------------------------------------------------------------

    @property
    def stacks(self) -> list[StackLayers]:
        """The stacks that have layers."""
        return every_stack(self.viewer.layers)

    @property
    def dataset(self) -> Dataset | None:
        """Whose frames are in view; where none are, the recordings, or else the chosen stack."""
        view = self.in_view
        if view is not None and view.dataset is not None:
            return view.dataset
        return self.session if self.session.recordings else self.stack

    def movies(self) -> list[Movie]:
        """The recordings that traces would be read from.

        Raises
        ------
        InputError
            Where there are none, or the stack is none.
        """
        dataset = self.dataset
        if dataset is None:
            raise InputError(NO_FRAMES)
        return dataset.movies()

    def choose(self, stack: StackLayers | None) -> None:
        """Choose the stack that the tabs are about."""
        self.stack = stack
        self.stack_chosen.emit()

    # -- what is in view -----------------------------------------------------------------------

    @property
    def in_view(self) -> FrameInView | None:
        """Frame, or image of cells, that the uppermost visible layer of ours shows."""
        if not self._known:
            self._in_view, self._known = self._resolved(), True
        return self._in_view

    def look(self, _: Any = None) -> None:
        """Resolve what is in view, and tell."""
        self._later.stop()
        self._in_view, self._known = self._resolved(), True
        self.view_changed.emit(self._in_view)

    def look_soon(self, _: Any = None) -> None:
        """Look once the event loop turns: several layers may be shown and hidden at once."""
        self._known = False
        self._later.start()

    def say(self, words: str) -> None:
        """Write words over the image, in lines that fit into a small window; '' for none."""
        overlay = text_overlay(self.viewer)
        overlay.text = "\n".join(fill(line, WIDTH) for line in words.split("\n"))
        overlay.visible = bool(words)

    def say_frame(self) -> None:
        """Write over the image which frame it is."""
        view = self.in_view
        self.say("" if view is None or view.dataset is None else view.dataset.words(view))

    def let_go(self) -> None:
        """Disconnect from the viewer."""
        self.kept_masks.let_go()
        self._later.stop()
        self._listening.stop()
        self._flat_view.let_go()
        self.saved_runs.let_go()

    # -- inside --------------------------------------------------------------------------------

    def _run_lists(self) -> list[Runs]:
        return [self.session.runs, *(each.runs for each in (*self.stacks, *self.kept))]

    def _resolved(self) -> FrameInView | None:
        for layer in reversed(self.viewer.layers):
            if not layer.visible or layer.ndim > self.viewer.dims.ndim:
                continue
            owner = layer.metadata.get(KEY)
            found = None
            if isinstance(owner, Looker):
                found = owner.view_of(layer)
            elif owner is not None and isinstance(layer, Image):
                found = FrameInView(layer, raw=False)  # an image made of aligned frames
            if found is not None:
                return found
        return None

    def _forget(self) -> None:
        self._known = False

    def _on_inserted(self, event: Any) -> None:
        self._listening.to(event.value.events.visible, self._on_layers)
        self._on_layers()

    def _on_layers(self, _: Any = None) -> None:
        """Look soon; frames of a recording in view are shown in 2-D."""
        if self.viewer.dims.ndisplay == 3 and any(
            layer.visible and is_in_time(layer) for layer in self.viewer.layers
        ):
            show_info(NO_VOLUME)
            flatten(self.viewer)
        self.look_soon()
