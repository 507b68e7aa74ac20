"""The panel 'Z-stack align': a tab a step, and what each step does to the viewer."""

from __future__ import annotations

import contextlib
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info
from psygnal import EmitLoopError
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.gui.align_run import AlignRun
from napari_zstack_align.gui.align_tab import AlignTab
from napari_zstack_align.gui.cells.cells_part import CellsPart
from napari_zstack_align.gui.cells.left_over import take_over
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.traces_part import TracesPart
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.load_tab import LoadTab
from napari_zstack_align.gui.mask_tab import MaskTab
from napari_zstack_align.gui.masks import hand_over, new_mask
from napari_zstack_align.gui.pages import page
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.plots import QualityPlot
from napari_zstack_align.gui.recordings.session import Session
from napari_zstack_align.gui.result import Result
from napari_zstack_align.gui.shown import KEY, Shown, every_shown, shown_of
from napari_zstack_align.gui.words import flag_words
from napari_zstack_align.gui.zshift.part import ZShiftPart
from napari_zstack_align.saved import Kind, kind_of
from napari_zstack_align.stack import Stack

MIN_WIDTH = 400


class Panel(QWidget):
    """The dock widget.

    Everything here runs in the main thread; jobs run in the tabs' run bars and get snapshots.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.load_tab = LoadTab(napari_viewer)
        self.mask_tab = MaskTab()
        self.align_tab = AlignTab(napari_viewer)
        self.stack_combo = LayerCombo(napari_viewer, stack_layers)
        self.stack_combo.setToolTip("The stack that all tabs are about")
        self.tabs = QTabWidget()
        self.session = Session(napari_viewer, self)
        self.rois = RoiModel(self)
        self.traces = TracesPart(self, self.rois)
        self.cells = CellsPart(self, self.rois, self.traces.on_frames)
        self.zshift = ZShiftPart(self)
        self.parts: tuple[Part, ...] = (self.session, self.cells, self.traces, self.zshift)
        own = (("Load", self.load_tab), ("Mask", self.mask_tab), ("Align", self.align_tab))
        for name, tab in (*own, *(named for part in self.parts for named in part.tabs)):
            self.tabs.addTab(page(tab), name)
        self.result = Result(self)
        self.align_run = AlignRun(self)
        self._listening = Listening()
        self._gone = False
        self._lay_out()
        left = take_over(napari_viewer)
        self._connect()
        self._adopt()
        if left is not None:
            self.rois.set(left)
        self._choose()

    # -- what is there -------------------------------------------------------------------------

    @property
    def shown(self) -> Shown | None:
        """The stack that is chosen."""
        return shown_of(self.stack_combo.layer)

    @cached_property
    def quality(self) -> QualityPlot:
        """Quality of the chosen stack, below the tabs; made for the first alignment."""
        plot = QualityPlot()
        plot.setVisible(False)
        plot.set_theme(self.viewer.theme)
        plot.frame_clicked.connect(self._on_frame_clicked)
        self._splitter.insertWidget(1, plot)
        return plot

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        of_parts = (bar for part in self.parts for bar in part.run_bars)
        return (self.load_tab.run_bar, self.align_tab.run_bar, *of_parts)

    @property
    def part_in_front(self) -> Part | None:
        """The part whose tab is in front; None where the tab is about the chosen stack."""
        name = self.tabs.tabText(self.tabs.currentIndex())
        return next((part for part in self.parts if name in dict(part.tabs)), None)

    def open_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        names = [self.tabs.tabText(i) for i in range(self.tabs.count())]
        self.tabs.setCurrentIndex(names.index(name))

    def add_stack(self, stack: Stack, contrast: list[Limits]) -> Shown:
        """Show a stack in new layers and choose it."""
        shown = Shown(self.viewer, stack, contrast)
        shown.add_raw()
        self._choose_shown(shown)
        return shown

    def load_stack(self, stack: Stack) -> None:
        """Show a stack that was opened elsewhere; its contrast is sampled in the worker."""
        self.load_tab.load(stack)

    def open_saved(self, folder: Path) -> None:
        """Open a saved result on the tab of its kind."""
        kind = kind_of(folder)
        if kind is Kind.ZSHIFT:
            self.zshift.open_saved(folder)
        elif kind is Kind.SESSION:
            self.session.results.open(folder)
        elif kind in (Kind.TRACES, Kind.SESSION_TRACES):
            self.open_tab("Traces")
            self.traces.files.load(folder)
        elif kind is Kind.ROIS:
            self.open_tab("Cells")
            self.cells.rois.load(folder)
        else:
            self.result.load(folder)

    # -- Load ----------------------------------------------------------------------------------

    def _on_edited(self, stack: Stack) -> None:
        """Show the chosen stack otherwise; another layout needs other layers."""
        old = self.shown
        if old is None:
            return
        same = (old.stack.frames_per_slice, old.stack.order) == (
            stack.frames_per_slice,
            stack.order,
        )
        if same:
            old.update_description(stack)
            hand_over(old, old)
            self.follow()
            return
        if old.alignment is not None:
            show_info("The layout has changed: the alignment of before was taken away.")
        old.remove()
        hand_over(old, self.add_stack(stack, old.contrast))

    # -- Mask ----------------------------------------------------------------------------------

    def new_mask(self) -> None:
        """Add a mask for the chosen stack, ready to paint."""
        if self.shown is None:
            self.mask_tab.words.setText("There is no stack yet: load one first.")
            return
        self.viewer.dims.ndisplay = 2
        self.align_tab.mask_combo.choose(new_mask(self.shown))

    # -- Align ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Align the chosen stack in the worker."""
        self.align_run.start()

    # -- following the viewer ------------------------------------------------------------------

    def _choose(self, _: Any = None) -> None:
        """Another stack was chosen, or there is none any more."""
        shown = self.shown
        self.load_tab.show_stack(None if shown is None else shown.stack)
        self._show_in_front()

    def _show_in_front(self, _: Any = None) -> None:
        """Sliders, overlay and plots are about the tab in front: the stack, or those of a part."""
        part = self.part_in_front
        self.header.setVisible(part is None)
        if part is not None:
            part.enter()
        elif self.shown is None:
            text_overlay(self.viewer).visible = False
        else:
            self.shown.name_sliders()
        for each in self.parts:
            each.show_tab(self.tabs.tabText(self.tabs.currentIndex()))
        self.show_quality()
        self.follow()

    def toggle(self) -> None:
        """Switch between raw and aligned frames of what the tab in front is about."""
        part = self.part_in_front
        if part is None:
            self.result.toggle()
        else:
            part.toggle()

    def _choose_shown(self, shown: Shown) -> None:
        self.stack_combo.refresh()  # its layer was added before it was known to be a stack's
        before = self.shown
        self.stack_combo.choose(shown.raw[0])
        if self.shown is before:
            self._choose()

    def follow(self, _: Any = None) -> None:
        """The sliders moved: overlay, arrows and the line in the plot go with them."""
        part = self.part_in_front
        if part is not None:
            part.follow()
            return
        shown = self.shown
        position = None if shown is None else shown.position()
        if shown is None or position is None:
            return
        frame = shown.grid.frame_at(position)
        words = shown.grid.words(position)
        overlay = text_overlay(self.viewer)
        overlay.text = words + flag_words(shown.alignment, frame)
        overlay.visible = True
        shown.update_arrows()
        if frame is not None and shown.alignment is not None:
            self.quality.go_to(frame)

    def show_quality(self) -> None:
        """Plot the quality of the chosen stack, where it has an alignment."""
        alignment = None if self.shown is None else self.shown.alignment
        self.align_tab.set_result(alignment is not None)
        if alignment is not None or "quality" in vars(self):
            self.quality.setVisible(alignment is not None and self.part_in_front is None)
        if alignment is not None:
            stack = alignment.stack
            period = stack.frames_per_slice if stack.order == "repeats" else None
            self.quality.show_quality(alignment.quality, period)

    def _adopt(self, _: Any = None) -> None:
        """Take over the layers that napari made of the reader's data."""
        by_stack: dict[int, list[Any]] = {}
        for layer in self.viewer.layers:
            if isinstance(layer.metadata.get(KEY), Stack):
                by_stack.setdefault(id(layer.metadata[KEY]), []).append(layer)
        for layers in by_stack.values():
            contrast = [tuple(layer.contrast_limits) for layer in layers]
            shown = Shown(self.viewer, layers[0].metadata[KEY], contrast)
            shown.adopt(layers)
            self._choose_shown(shown)

    def _on_inserted(self, _: Any = None) -> None:
        QTimer.singleShot(0, self._adopt)

    def _on_removed(self, event: Any) -> None:
        for part in self.parts:
            part.on_removed(event.value)
        if not self.viewer.layers:
            text_overlay(self.viewer).visible = False
        shown = shown_of(event.value)
        if shown is not None:
            shown.forget(event.value)
            self.align_run.on_removed(shown, event.value)

    # -- inside --------------------------------------------------------------------------------

    def _connect(self) -> None:
        self.load_tab.loaded.connect(self.add_stack)
        self.load_tab.edited.connect(self._on_edited)
        self.load_tab.alignment_chosen.connect(self.open_saved)
        self.mask_tab.new_mask_clicked.connect(self.new_mask)
        self.align_tab.run_bar.run_clicked.connect(self.run)
        self.align_tab.run_bar.busy_changed.connect(self._on_busy)
        self.align_tab.button_clicked.connect(self.result.do)
        self.align_tab.mask_combo.currentIndexChanged.connect(self._on_mask)
        self.stack_combo.currentIndexChanged.connect(self._choose)
        self.tabs.currentChanged.connect(self._show_in_front)
        self.session.changed.connect(self._show_in_front)
        for part in self.parts:
            part.tab_wanted.connect(self.open_tab)
        self.session.ran.connect(self._on_ran)
        self._listening.to(self.viewer.dims.events.current_step, self.follow)
        self._listening.to(self.viewer.layers.events.inserted, self._on_inserted)
        self._listening.to(self.viewer.layers.events.removed, self._on_removed)
        self._listening.to(self.viewer.events.theme, self._on_theme)
        self.destroyed.connect(partial(_let_go, self.run_bars, self._disconnect))
        self._on_theme()

    def event(self, event: Any) -> bool:
        """Where its dock was closed, napari has only taken it out: let go of the viewer now."""
        if event.type() == QEvent.Type.ParentChange and self.parent() is None:
            _let_go(self.run_bars, self._disconnect)
            self.deleteLater()
        return bool(super().event(event))

    def _disconnect(self) -> None:
        if self._gone:
            return
        self._gone = True
        self._listening.stop()
        combos = (self.stack_combo, self.align_tab.mask_combo, self.load_tab.layer_combo)
        for combo in (*combos, *(combo for part in self.parts for combo in part.combos)):
            combo.stop()
        for part in self.parts:
            part.let_go()
        with contextlib.suppress(EmitLoopError, RuntimeError):
            # of a window that is being closed, the canvas is gone already
            text_overlay(self.viewer).visible = False

    def _on_theme(self, _: Any = None) -> None:
        self.load_tab.plot.set_theme(self.viewer.theme)
        if "quality" in vars(self):
            self.quality.set_theme(self.viewer.theme)
        for part in self.parts:
            part.set_theme(self.viewer.theme)

    def _on_busy(self, busy: bool) -> None:
        """While a run goes on, its stack can't be described otherwise or exchanged."""
        self.load_tab.setEnabled(not busy)
        self.stack_combo.setEnabled(not busy)
        self.align_tab.set_result(self.shown is not None and self.shown.alignment is not None)

    def _on_ran(self) -> None:
        """Show the results of the recordings to whoever has waited for them."""
        if self.part_in_front is self.session:
            self.open_tab("Session")

    def _on_mask(self, _: Any = None) -> None:
        self.mask_tab.words.follow(self.align_tab.mask_combo.layer)

    def _on_frame_clicked(self, frame: int) -> None:
        if self.shown is not None:
            self.shown.go_to(frame)

    def _lay_out(self) -> None:
        self.header = QWidget()
        header = QHBoxLayout(self.header)
        header.setContentsMargins(0, 0, 0, 0)
        header.addWidget(QLabel("Stack"))
        header.addWidget(self.stack_combo, 1)
        self._splitter = splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.tabs)
        for part in self.parts:
            if part.below is not None:
                splitter.addWidget(part.below)
        splitter.setStretchFactor(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.header)
        layout.addWidget(splitter, 1)
        self.setMinimumWidth(MIN_WIDTH)


def stack_layers(layers: Any) -> list[Any]:
    """First layer of every stack that is shown."""
    return [next(layer for layer in layers if layer in s.raw) for s in every_shown(layers)]


def _let_go(run_bars: tuple[Any, ...], disconnect: Any, _: Any = None) -> None:
    """Stop what runs when the panel is destroyed; touches no widget."""
    for bar in run_bars:
        bar.abandon()
    disconnect()
