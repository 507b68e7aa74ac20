"""The Cells tab and what it does to the viewer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy.typing as npt
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QWidget

from napari_zstack_align.cells import Rois
from napari_zstack_align.counting import counted
from napari_zstack_align.gui.cells import cell_jobs as jobs
from napari_zstack_align.gui.cells.blob_layers import TITLES, BlobLayers
from napari_zstack_align.gui.cells.cell_mask import new_cell_mask, painted
from napari_zstack_align.gui.cells.cells_tab import CellsTab
from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames
from napari_zstack_align.gui.cells.roi_actions import RoiActions
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.sources import (
    KINDS,
    OUTDATED,
    SLICE,
    ImagesEntry,
    slice_in_view,
    sources_of,
)
from napari_zstack_align.gui.cells.tuner import BlobTuner
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.in_place import InPlace
from napari_zstack_align.gui.layer_group import RAW
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.masks import MOVED, is_moved
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.project.opening import Opened
from napari_zstack_align.gui.project.snapshot import with_params, with_view
from napari_zstack_align.gui.recordings.layers import SessionLayers
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.params import BlobParams
from napari_zstack_align.project import Project
from napari_zstack_align.saved import Kind


class CellsPart(Part):
    """Finds blobs while sliders move, and keeps the ROIs; all of it belongs to the main thread.

    Parameters
    ----------
    workspace : Workspace
        Whose stacks and recordings are looked in.
    model : RoiModel
        The ROIs.
    on_frames : RoisOnFrames
        Shows them in the viewer.
    in_place : InPlace
        Says whether they lie on the reference there is now.
    """

    titles = ("Cells",)
    kinds = (Kind.ROIS,)

    def __init__(
        self,
        workspace: Workspace,
        model: RoiModel,
        on_frames: RoisOnFrames,
        in_place: InPlace,
    ) -> None:
        super().__init__(workspace)
        self.in_place = in_place
        self.workspace = workspace
        self.viewer = workspace.viewer
        self.model = model
        self.on_frames = on_frames
        self.tab = CellsTab(self.viewer, self.model)
        self.layers = BlobLayers(self.viewer)
        self.tuner = BlobTuner(self, self.layers.visible_region)
        self.rois = RoiActions(self, on_frames)
        self.source: ImagesEntry | None = None
        self._slices = Newest(self)
        self._offer_timer = QTimer(self)
        self._offer_timer.setSingleShot(True)
        self._offer_timer.setInterval(0)
        self._offer_timer.timeout.connect(self._look_again)
        self.outdated = False
        """Whether what the image is of has changed since it was made."""
        self._in_front = False
        self._listening = Listening()
        self._connect()

    # -- what the panel asks -------------------------------------------------------------------

    @property
    def tabs(self) -> tuple[QWidget, ...]:
        """The tab."""
        return (self.tab,)

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        return (self.tab.run_bar,)

    @property
    def combos(self) -> tuple[Any, ...]:
        """Choices that follow the viewer's layers."""
        return (self.tab.mask_combo,)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return any(each.busy for each in (self.rois, self._slices, self.tuner, self.tab.run_bar))

    def enter(self) -> None:
        """The tab is in front: offer what there is to look in."""
        self.offer_sources()
        if self._of_session:
            self.workspace.session.name_sliders()

    def show_tab(self, tab: QWidget) -> None:
        """Show image and blobs with the tab, and give the viewer back to the others."""
        if (tab is self.tab) == self._in_front:
            return
        self._in_front = tab is self.tab
        if not self._in_front:
            self.tab.methods.box.setChecked(False)
        if self.layers.there:
            self.layers.set_visible(self._in_front and not self.outdated)
            self._to_front()

    def follow(self, view: FrameInView | None) -> None:
        """A z-stack's image is that of the slice in view; over frames stand their own words."""
        if not self.layers.image_in_view:
            self.workspace.say_frame()
            return
        z = self._slice_in_view()
        shown = self.layers.slice if self.layers.there else None
        if self.source is not None and shown is not None and z != shown:
            self._slices.ask(self._image_job(self.source, z))
        self._caption()

    def toggle(self) -> None:
        """From the image of cells to the raw frames, and back."""
        self.tab.methods.box.setChecked(False)
        if not self.layers.there:
            return
        self.layers.set_visible(not self.layers.image_in_view)
        if not self.layers.image_in_view and self._of_session:
            self.workspace.session.look_at(RAW)
        elif not self.layers.image_in_view and isinstance(self._owner, StackLayers):
            self._owner.look_at(RAW)
        self.workspace.look()

    def open_saved(self, folder: Path) -> None:
        """Load saved ROIs."""
        self.tab_wanted.emit(self.tab)
        self.rois.load(folder)

    def collect(self, project: Project) -> Project:
        """Add the ROIs, and the parameters of each method."""
        for method, controls in self.tab.methods.controls.items():
            project = with_params(project, _form_of(method), partial(getattr, controls, "params"))
        name = next(iter(project.rois), "ROIs")
        rois = self.model.rois
        project = project.replace(rois={name: rois} if len(rois) else {})
        return with_view(project, method=self.tab.methods.method)

    def restore(self, opened: Opened) -> Iterator[None]:
        """Show the ROIs and the parameters of a project; the image is that of another one."""
        project = opened.project
        self.layers.remove()
        yield
        for method, controls in self.tab.methods.controls.items():
            if isinstance(params := project.params.get(_form_of(method)), BlobParams):
                controls.use(params)
        if project.view.get("method") in TITLES:
            self.tab.methods.choose(project.view["method"])
        self.model.begin(next(iter(project.rois.values()), Rois.of(())))

    def on_removed(self, layer: Any) -> None:
        """A layer was removed from the viewer; the ROIs stay."""
        self.layers.forget(layer)
        if not self.layers.there and self.tuner.image is not None:
            self.tuner.set_image(None)
            self.tab.methods.forget()
            self.tab.methods.box.setChecked(False)
        self._offer_later()

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self.tab.methods.set_theme(name)

    def let_go(self) -> None:
        """Stop, and disconnect from the viewer."""
        self._offer_timer.stop()
        self._listening.stop()
        for worker in (self.tuner, self.rois, self._slices):
            worker.abandon()

    # -- the image -----------------------------------------------------------------------------

    def offer_sources(self) -> None:
        """Offer what there is to look in now."""
        self.tab.source.offer(sources_of(self.workspace))

    def _look_again(self) -> None:
        self.offer_sources()
        if self._in_front and not self.layers.image_in_view:
            self.workspace.say_frame()  # the words may be about an image that was removed

    def _offer_later(self, _: Any = None) -> None:
        """Layers or recordings have changed; while another tab is in front nobody sees it."""
        if self._in_front:
            self._offer_timer.start()

    def find(self) -> None:
        """Make the chosen image in the worker, and look for blobs in it."""
        bar, source = self.tab.run_bar, self.tab.source.source
        if source is None:
            bar.say_error("There is nothing to look in yet: load a stack, or add recordings.")
            return
        self.layers.want_blobs()
        bar.start(
            self._image_job(source, self._slice_in_view(source)),
            returned=self._on_image,
        )

    def new_mask(self) -> None:
        """Add a mask over the image, ready to paint."""
        image, source = self.tuner.image, self.source
        if image is None:
            self.tab.run_bar.say_error("There is no image to paint on yet: press 'Find blobs'.")
            return
        layer = new_cell_mask(self.viewer, image.shape, source.pixels if source else None)
        self.tab.mask_combo.choose(layer)

    # -- from the workers ----------------------------------------------------------------------

    def _image_job(self, source: ImagesEntry, z: int | None) -> Any:
        box = self.tab.source
        made = (box.chosen_kind, box.chosen_channel, box.chosen_frames)
        return partial(_tagged_image, source, *made, z)

    def _on_image(self, answer: tuple[ImagesEntry, str, int | None, npt.NDArray[Any]]) -> None:
        source, kind, z, image = answer
        self.source, self.outdated = source, False
        if self.tab.run_bar.status.text() == OUTDATED:
            self.tab.run_bar.say("")
        self.layers.slice = z
        self.layers.show_image(image, source.pixels, _name_of(source, kind, z))
        self.layers.set_visible(self._in_front)
        self._to_front()
        self.tuner.set_image(image)
        self._on_mask()
        self.tab.rois.buttons["volume"].setVisible(source.n_slices > 1)
        self.workspace.look_soon()
        self._caption()

    def _on_found(self, method: str) -> None:
        result = self.tuner.results[method]
        self.layers.show_blobs(method, result)
        self.tab.methods.show_result(method, result)
        self._caption()

    def _on_failed(self, method: str, sentence: str) -> None:
        self.tab.methods.controls[method].forget()
        self.tab.run_bar.say_error(sentence)

    def _on_busy(self, method: str, busy: bool) -> None:
        if busy and method not in self.tuner.results:
            self.tab.methods.show_waiting(method)

    # -- what the user does --------------------------------------------------------------------

    def _on_params(self, params: BlobParams) -> None:
        self.tuner.set_params(params)
        self.layers.want_blobs(params.method)

    def _on_method(self, method: str) -> None:
        self.layers.look_at(method)
        if not self.layers.side_by_side:
            self.tuner.want((method,))
        self._caption()

    def _on_side_by_side(self, on: bool) -> None:
        self.tuner.want(tuple(TITLES) if on else (self.tab.methods.method,))
        self.layers.set_side_by_side(on)
        if not on:
            self._roi_layers_on_top()
        self._caption()

    def _on_mask(self) -> None:
        layer, image = self.tab.mask_combo.layer, self.tuner.image
        if image is None:
            return
        self.tuner.set_mask(painted(layer, image.shape))
        if layer is not None and is_moved(layer):
            self.tab.run_bar.say_error(MOVED.format(layer.name))
        elif layer is not None and tuple(layer.data.shape) != tuple(image.shape):
            sizes = [" × ".join(map(str, shape)) for shape in (layer.data.shape, image.shape)]
            words = f"'{layer.name}' is {sizes[0]} px, but the image {sizes[1]}: it doesn't count."
            self.tab.run_bar.say(f"{words} Add a new mask.", error=True)

    # -- inside --------------------------------------------------------------------------------

    def _connect(self) -> None:
        tab = self.tab
        tab.run_bar.run_clicked.connect(self.find)
        tab.new_mask_clicked.connect(self.new_mask)
        tab.mask_combo.currentIndexChanged.connect(self._on_mask_chosen)
        tab.mask_words.changed.connect(self._on_mask)
        tab.methods.params_changed.connect(self._on_params)
        tab.methods.method_changed.connect(self._on_method)
        tab.methods.side_by_side_toggled.connect(self._on_side_by_side)
        tab.methods.refused.connect(lambda words: tab.run_bar.say(words, error=True))
        self.tuner.found.connect(self._on_found)
        self.tuner.failed.connect(self._on_failed)
        self.tuner.busy_changed.connect(self._on_busy)
        self._slices.answered.connect(self._on_image)
        self._slices.failed.connect(tab.run_bar.say_error)
        self.model.changed.connect(self._caption)
        self.on_frames.failed.connect(tab.run_bar.say_error)
        self.workspace.alignments_changed.connect(self._on_session)
        self._listening.to(self.viewer.layers.events.inserted, self._offer_later)

    def _on_mask_chosen(self, _: int) -> None:
        self.tab.mask_words.follow(self.tab.mask_combo.layer)
        self._on_mask()

    def _on_session(self) -> None:
        self._offer_later()
        self._see_whether_outdated()
        self.rois.look_where_valid()

    def _see_whether_outdated(self) -> None:
        """ROIs are never seen over an image in other coordinates, as if they lay beside cells."""
        source = self.source
        if source is None or not self.layers.there:
            return
        before, found = self.outdated, sources_of(self.workspace)
        self.outdated = not any(source.is_like(each) for each in found)
        if self.outdated != before:
            self.tab.methods.box.setChecked(False)
            self.layers.mark_outdated(self.outdated)
            self.tab.run_bar.say(OUTDATED if self.outdated else "", error=self.outdated)
        now = next((each for each in found if each.owner is source.owner), None)
        if self.outdated and now is not None and SLICE in source.kinds and SLICE in now.kinds:
            self._slices.ask(self._image_job(now, self._slice_in_view(now)))  # takes a moment only

    @property
    def _owner(self) -> Any:
        """Whose frames the image is of, or would be."""
        source = self.source or self.tab.source.source
        return None if source is None else source.owner

    @property
    def _of_session(self) -> bool:
        return isinstance(self._owner, SessionLayers | Recording)

    def _slice_in_view(self, source: ImagesEntry | None = None) -> int | None:
        source = source or self.source
        return None if source is None else slice_in_view(source, self.viewer.dims)

    def _to_front(self) -> None:
        """Nothing that came later covers the image, and the image covers no mask or ROI."""
        mine = (self.tab.mask_combo.layer, self.on_frames.layer)
        layers, image = self.viewer.layers, self.layers.image_layer
        if not self._in_front or self.layers.side_by_side or image is None:
            return
        below = [x for x in mine if x is not None and layers.index(x) < layers.index(image)]
        if self.layers.to_front() or below:
            self._roi_layers_on_top()

    def _roi_layers_on_top(self) -> None:
        """Mask and ROIs were there before the image, perhaps, which would hide them."""
        for layer in (self.tab.mask_combo.layer, self.on_frames.layer):
            if layer is not None:
                index = self.viewer.layers.index(layer)
                self.viewer.layers.move(index, len(self.viewer.layers))

    def _caption(self) -> None:
        """Say in the viewer what is found; side by side the counts stand below the views."""
        if not self._in_front:
            return
        method = self.tab.methods.method
        result = self.tuner.results.get(method)
        words = "" if result is None else f"{TITLES[method]}: {counted(len(result), 'blob')}"
        if len(self.model.rois):
            words += f"{', ' if words else ''}{counted(len(self.model.rois), 'ROI')}"
        if self.layers.image_in_view:
            self.workspace.say("" if self.layers.side_by_side else words)


def _tagged_image(
    source: ImagesEntry, kind: str, channel: int, frames: tuple[int, int] | None, z: int | None
) -> Any:
    """The image with what it is of."""
    image = yield from jobs.make_image(source, kind, channel, frames, z or 0)
    return source, kind, z if kind == SLICE else None, image


def _form_of(method: str) -> str:
    """Name of a method's parameters in a project."""
    return f"Cells {TITLES[method]}"


def _name_of(source: ImagesEntry, kind: str, z: int | None) -> str:
    what = f"slice {z}" if kind == SLICE else KINDS[kind][0].lower()
    return f"{source.name}, {what}"
