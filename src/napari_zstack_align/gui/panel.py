"""The panel 'Z-stack align': a tab a step, and what each step does to the viewer."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.notifications import show_info
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import is_session
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import jobs
from napari_zstack_align.gui.align_tab import TOGGLE_KEY, AlignTab
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.load_tab import LoadTab
from napari_zstack_align.gui.mask_tab import MaskTab
from napari_zstack_align.gui.masks import hand_over, new_mask
from napari_zstack_align.gui.plots import QualityPlot
from napari_zstack_align.gui.recordings.recordings_tab import RecordingsTab
from napari_zstack_align.gui.recordings.session import Session
from napari_zstack_align.gui.recordings.session_tab import SessionTab
from napari_zstack_align.gui.result import Result
from napari_zstack_align.gui.shown import KEY, Shown, shown_of
from napari_zstack_align.gui.words import ended, flag_words
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.adaptive import align_adaptive
from napari_zstack_align.stack import Stack

DRAW_INTERVAL_S = 0.3
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
        for name, tab in (
            ("Load", self.load_tab),
            ("Mask", self.mask_tab),
            ("Align", self.align_tab),
            *self.session.tabs,
        ):
            self.tabs.addTab(_page(tab), name)
        self.quality = QualityPlot()
        self.quality.setVisible(False)
        self.result = Result(self)
        self._running: Shown | None = None
        self._drawn_at = 0.0
        self._lay_out()
        self._connect()
        self._adopt()
        self._choose()

    # -- what is there -------------------------------------------------------------------------

    @property
    def shown(self) -> Shown | None:
        """The stack that is chosen."""
        return shown_of(self.stack_combo.layer)

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        return (self.load_tab.run_bar, self.align_tab.run_bar, *self.session.run_bars)

    @property
    def session_in_front(self) -> bool:
        """Whether a tab of recordings is in front, and the viewer is read for those."""
        return self.tabs.tabText(self.tabs.currentIndex()) in dict(self.session.tabs)

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
        """Open a saved alignment or session."""
        if is_session(folder):
            self.session.results.open(folder)
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
            self._follow()
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
        if not self.load_tab.apply():
            return
        bar = self.align_tab.run_bar
        shown = self.shown
        if shown is None:
            bar.say_error("There is no stack yet: load one on the Load tab.")
            return
        mask_layer = self.align_tab.mask_combo.layer
        mask = None if mask_layer is None else np.array(mask_layer.data)
        try:
            job = align_adaptive(shown.stack, self.align_tab.form.values(), mask)
        except InputError as error:
            bar.say_error(str(error))
            return
        shown.alignment = None
        shown.add_results()
        shown.look_at("raw")  # the volume is black until its first slice is done
        self._running = shown
        self._follow()
        bar.start(
            partial(jobs.aligning, lambda: job, shown.volumes),
            progress=partial(self._on_progress, shown),
            returned=partial(self.on_aligned, shown),
            cancelled=partial(self._on_stopped, shown),
            failed=lambda _: self._on_stopped(shown, None),
        )

    def _on_progress(self, shown: Shown, progress: Progress) -> None:
        """Show the slices done so far, seldom enough to leave time for everything else."""
        if progress.partial is not None and time.monotonic() - self._drawn_at > DRAW_INTERVAL_S:
            self.display(shown, progress.partial)
            self._drawn_at = time.monotonic()

    def on_aligned(self, shown: Shown, alignment: Alignment) -> None:
        """Show a finished alignment, and say how it went."""
        self.display(shown, alignment)
        self._end_run(shown)
        if self.viewer.dims.ndisplay == 2 and shown.looked_at == "":
            shown.look_at("volume")
        self.align_tab.run_bar.say(ended(alignment))

    def _on_stopped(self, shown: Shown, partial_result: Alignment | None) -> None:
        """Keep what was finished when a run was cancelled or failed."""
        newest = partial_result or self.align_tab.run_bar.last_partial
        kept = shown.alignment if newest is None else newest
        self._end_run(shown)
        if not shown.raw:
            self.align_tab.run_bar.say("The stack was removed from napari: the run is stopped.")
        elif kept is None:
            shown.remove_results()
            shown.look_at("raw")
        else:
            self.display(shown, kept)
        if shown.raw and partial_result is not None:
            self.align_tab.run_bar.say(f"Cancelled. {ended(partial_result)}")

    def _end_run(self, shown: Shown) -> None:
        self._running = None

    def display(self, shown: Shown, alignment: Alignment) -> None:
        """Evaluate an alignment, perhaps partial, in the layers and the plot."""
        is_first = shown.alignment is None
        shown.show_alignment(alignment)
        if is_first and self.viewer.dims.ndisplay == 2 and shown.looked_at == "raw":
            shown.look_at("volume")
        if shown is self.shown:
            self._show_quality()
            self._follow()

    # -- following the viewer ------------------------------------------------------------------

    def _choose(self, _: Any = None) -> None:
        """Another stack was chosen, or there is none any more."""
        shown = self.shown
        self.load_tab.show_stack(None if shown is None else shown.stack)
        self._show_in_front()

    def _show_in_front(self, _: Any = None) -> None:
        """Sliders, overlay and plots are about the tab in front: a stack, or the recordings."""
        self.header.setVisible(not self.session_in_front)
        if self.session_in_front:
            self.session.layers.name_sliders()
        elif self.shown is None:
            text_overlay(self.viewer).visible = False
        else:
            self.shown.name_sliders()
        self.session.show_tab(self.tabs.tabText(self.tabs.currentIndex()))
        self._show_quality()
        self._follow()

    def _toggle(self, _: Any = None) -> None:
        if self.session_in_front:
            self.session.toggle()
        else:
            self.result.toggle()

    def _choose_shown(self, shown: Shown) -> None:
        self.stack_combo.refresh()  # its layer was added before it was known to be a stack's
        before = self.shown
        self.stack_combo.choose(shown.raw[0])
        if self.shown is before:
            self._choose()

    def _follow(self, _: Any = None) -> None:
        """The sliders moved: overlay, arrows and the line in the plot go with them."""
        if self.session_in_front:
            self.session.follow()
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
        if frame is not None:
            self.quality.go_to(frame)

    def _show_quality(self) -> None:
        alignment = None if self.shown is None else self.shown.alignment
        self.align_tab.set_result(alignment is not None)
        self.quality.setVisible(alignment is not None and not self.session_in_front)
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
        self.session.on_removed(event.value)
        shown = shown_of(event.value)
        if shown is None:
            return
        shown.forget(event.value)
        if shown is self._running and not shown.raw:
            self.align_tab.run_bar.cancel()
        elif shown is self._running:
            self.align_tab.run_bar.say(f"'{event.value.name}' was removed; the run goes on.")

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
        self.session.tab_wanted.connect(self.open_tab)
        self.session.ran.connect(self._on_ran)
        self.quality.frame_clicked.connect(self._on_frame_clicked)
        self.viewer.dims.events.current_step.connect(self._follow)
        self.viewer.layers.events.inserted.connect(self._on_inserted)
        self.viewer.layers.events.removed.connect(self._on_removed)
        self.viewer.events.theme.connect(self._on_theme)
        self.viewer.bind_key(TOGGLE_KEY, self._toggle, overwrite=True)
        self.destroyed.connect(partial(_let_go, self.run_bars, self._disconnect))
        self._on_theme()

    def _disconnect(self) -> None:
        text_overlay(self.viewer).visible = False
        self.viewer.dims.events.current_step.disconnect(self._follow)
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.events.theme.disconnect(self._on_theme)
        self.viewer.bind_key(TOGGLE_KEY, None, overwrite=True)
        combos = (self.stack_combo, self.align_tab.mask_combo, self.load_tab.layer_combo)
        for combo in (*combos, *self.session.combos):
            combo.stop()

    def _on_theme(self, _: Any = None) -> None:
        for plot in (self.quality, self.load_tab.plot, self.session.plots):
            plot.set_theme(self.viewer.theme)

    def _on_busy(self, busy: bool) -> None:
        """While a run goes on, its stack can't be described otherwise or exchanged."""
        self.load_tab.setEnabled(not busy)
        self.stack_combo.setEnabled(not busy)
        self.align_tab.set_result(self.shown is not None and self.shown.alignment is not None)

    def _on_ran(self) -> None:
        """Show the results of the recordings to whoever has waited for them."""
        if self.session_in_front:
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
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.tabs)
        splitter.addWidget(self.quality)
        splitter.addWidget(self.session.plots)
        splitter.setStretchFactor(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.header)
        layout.addWidget(splitter, 1)
        self.setMinimumWidth(MIN_WIDTH)


def stack_layers(layers: Any) -> list[Any]:
    """First layer of every stack that is shown."""
    firsts: dict[int, Any] = {}
    for layer in layers:
        shown = shown_of(layer)
        if shown is not None and layer in shown.raw:
            firsts.setdefault(id(shown), layer)
    return list(firsts.values())


def _page(tab: QWidget) -> QWidget:
    """A tab that scrolls; the run bar of a long one stays in view below it."""
    area = _scrolling(tab)
    footer = tab.run_bar if isinstance(tab, (RecordingsTab, SessionTab)) else None
    if footer is None:
        return area
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(area, 1)
    layout.addWidget(footer)
    footer.setContentsMargins(8, 0, 8, 4)
    return page


def _scrolling(tab: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(tab)
    bar = area.verticalScrollBar().sizeHint().width()
    area.setMinimumWidth(tab.minimumSizeHint().width() + bar)
    return area


def _let_go(run_bars: tuple[Any, ...], disconnect: Any, _: Any = None) -> None:
    """Stop what runs when the panel is destroyed; touches no widget."""
    for bar in run_bars:
        bar.abandon()
    disconnect()
