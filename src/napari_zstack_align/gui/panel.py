"""The panel 'Z-stack align': a shell around the parts, whose tabs it shows."""

from __future__ import annotations

import contextlib
import logging
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from napari.utils.notifications import show_info, show_warning
from psygnal import EmitLoopError
from qtpy.QtCore import QEvent, Qt
from qtpy.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from napari_zstack_align.gui.carrier import Carrier
from napari_zstack_align.gui.cells.cells_part import CellsPart
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.sources import OUTDATED
from napari_zstack_align.gui.cells.traces_part import TracesPart
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.pages import page
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.project.keeper import ProjectKeeper
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.recordings.part import RecordingsPart
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.gui.zshift.part import ZShiftPart
from napari_zstack_align.gui.zstack.part import ZStackPart
from napari_zstack_align.saved import Kind, kind_of

logger = logging.getLogger(__name__)

MIN_WIDTH = 400
STILL_RUNNING = (
    "A job is still running ({}). If napari is closed now, it stops, and what it has found so far "
    "is lost."
)
UNSURE = (
    "What isn't saved can't be found out (unexpected {}: {}; the log has the details): save what "
    "you need on its tab before you close napari."
)


class Panel(QWidget):
    """All tabs; a viewer has one panel, as long as its window is there.

    Everything here runs in the main thread; jobs run in the tabs' run bars and get snapshots.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to.
    """

    _window: Callable[[], QWidget | None] = staticmethod(lambda: None)

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.workspace = Workspace(self.viewer, self)
        self.rois = RoiModel(self)
        self.zstack = ZStackPart(self.workspace)
        self.recordings = RecordingsPart(self.workspace)
        self.traces = TracesPart(self.workspace, self.rois)
        self.cells = CellsPart(self.workspace, self.rois, self.traces.on_frames)
        self.zshift = ZShiftPart(self.workspace)
        self.parts: tuple[Part, ...] = (
            self.zstack,
            self.recordings,
            self.cells,
            self.traces,
            self.zshift,
        )
        self.carrier = Carrier(self.workspace, self.rois, self._registering, self)
        self.tabs = QTabWidget()
        self.keeper = ProjectKeeper(self)
        self._places = [(part, tab) for part in self.parts for _, tab in part.tabs]
        self.part_in_front: Part = self.zstack
        self._listening = Listening()
        self._gone = self._closing = False
        self._lay_out()
        self._connect()
        self.zstack.adopt()
        self._show_in_front()

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        of_parts = (bar for part in self.parts for bar in part.run_bars)
        return (*of_parts, self.keeper.bar.run_bar)

    def open_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        names = [self.tabs.tabText(i) for i in range(self.tabs.count())]
        self.tabs.setCurrentIndex(names.index(name))

    def open_saved(self, folder: Path) -> None:
        """Open a saved result on the tab of its kind; a project instead of what is shown."""
        kind = kind_of(folder)
        if kind is Kind.PROJECT:
            self.keeper.open(folder)
            return
        part = next((part for part in self.parts if kind in part.kinds), self.zstack)
        part.open_saved(folder)

    def toggle(self) -> None:
        """Switch between raw and aligned frames of what the tab in front is about."""
        self.part_in_front.toggle()

    # -- as long as napari's window is open ----------------------------------------------------

    def is_of(self, viewer: Any) -> bool:
        """Whether it is the panel of this viewer, and not about to go."""
        return self.viewer is viewer and not self._gone

    def stay_with(self, window: QWidget) -> None:
        """Belong to napari's window: ask before it is closed in mid-run."""
        if window is not self._window():
            self._window = weakref.ref(window)  # which goes as soon as napari drops it
            window.installEventFilter(self)

    def leave(self) -> None:
        """The dock is closed: wait in the window, out of sight, to be shown again."""
        self.hide()
        self.setParent(self._window())

    def end(self) -> None:
        """Stop what runs, let go of the viewer, and go; nothing is asked."""
        _let_go(self.run_bars, self._disconnect)
        self.deleteLater()

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        """Keep napari's window open where something would be lost that the person wants."""
        if (
            watched is self._window()
            and event.type() == QEvent.Type.Close
            and not self._may_close()
        ):
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))

    def _may_close(self) -> bool:
        running, window = self._tabs_that_run(), self._window()
        if self._closing or window is None or not _is_open(window):
            return True
        if running and not confirmed(
            window,
            "Close napari?",
            STILL_RUNNING.format(", ".join(running)),
            yes="Stop it and close",
            no="Keep it running",
        ):
            return False
        try:
            return self.keeper.make_safe("Close napari?", "Keep open", self._close)
        except Exception as error:  # of any part; Qt would go on, and close the window
            logger.exception("what is unsaved can't be found out")
            question = UNSURE.format(type(error).__name__, error)
            return confirmed(window, "Close napari?", question, yes="Close", no="Keep open")

    def _close(self) -> None:
        """Close napari's window: all that was to be saved is."""
        window = self._window()
        if window is not None:
            self._closing = True
            window.close()
            self._closing = False  # napari may have asked itself, and stayed open

    def _registering(self) -> bool:
        """Whether alignments are being made, which are not final yet."""
        return any(bar.busy for part in (self.zstack, self.recordings) for bar in part.run_bars)

    def _tabs_that_run(self) -> list[str]:
        """Names of the tabs whose jobs run; a run bar may stand in the page, below the tab."""
        busy = [bar for bar in self.run_bars if bar.busy]
        return [
            self.tabs.tabText(i)
            for i in range(self.tabs.count())
            if any(self.tabs.widget(i).isAncestorOf(bar) for bar in busy)
        ]

    # -- inside --------------------------------------------------------------------------------

    def _show_in_front(self, _: Any = None) -> None:
        """Sliders, overlay and plots are about the tab in front."""
        in_front, tab = self._places[self.tabs.currentIndex()]
        self.part_in_front = in_front
        for part in self.parts:
            if part.above is not None:
                part.above.setVisible(part is in_front)
        in_front.enter()
        for part in self.parts:
            part.show_tab(tab)
        self.workspace.look()

    def _follow(self, view: FrameInView | None) -> None:
        self.part_in_front.follow(view)

    def _on_wanted(self, tab: QWidget) -> None:
        self.tabs.setCurrentIndex([each for _, each in self._places].index(tab))

    def _on_removed(self, event: Any) -> None:
        for part in self.parts:
            part.on_removed(event.value)
        if not self.viewer.layers:
            self.workspace.say("")

    def _on_carried(self, words: str, to_check: bool) -> None:
        """Whatever tab is in front, ROIs that were carried are told of."""
        more = f" {OUTDATED}" if self.cells.outdated else ""
        self.cells.tab.run_bar.say(f"{words}{more}", error=to_check or self.cells.outdated)
        (show_warning if to_check else show_info)(words)

    def _on_mask_carried(self, old: Any, new: Any) -> None:
        """Wherever a mask was chosen, it is now the one on the new reference."""
        for combo in (combo for part in self.parts for combo in part.combos):
            if combo.layer is old:
                combo.choose(new)

    def _on_theme(self, _: Any = None) -> None:
        for part in self.parts:
            part.set_theme(self.viewer.theme)

    def _connect(self) -> None:
        self.tabs.currentChanged.connect(self._show_in_front)
        workspace = self.workspace
        workspace.view_changed.connect(self._follow)
        workspace.stack_chosen.connect(self._show_in_front)
        workspace.alignments_changed.connect(self._show_in_front)
        workspace.result_found.connect(self.open_saved)
        workspace.put_back.connect(self.keeper.bar.run_bar.say)
        self.carrier.said.connect(self._on_carried)
        self.carrier.failed.connect(self.cells.tab.run_bar.say_error)
        self.carrier.mask_carried.connect(self._on_mask_carried)
        for part in self.parts:
            part.tab_wanted.connect(self._on_wanted)
        self._listening.to(self.viewer.layers.events.removed, self._on_removed)
        self._listening.to(self.viewer.events.theme, self._on_theme)
        self.destroyed.connect(partial(_let_go, self.run_bars, self._disconnect))
        self._on_theme()

    def _disconnect(self) -> None:
        if self._gone:
            return
        self._gone = True
        if (window := self._window()) is not None:
            with contextlib.suppress(RuntimeError):  # the window is gone itself
                window.removeEventFilter(self)
        self._listening.stop()
        self.carrier.abandon()
        self.keeper.let_go()
        self.workspace.let_go()
        for part in self.parts:
            for combo in part.combos:
                combo.stop()
            part.let_go()
        with contextlib.suppress(EmitLoopError, RuntimeError):
            # of a window that is being closed, the canvas is gone already
            self.workspace.say("")

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.keeper.bar)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.tabs)
        for part in self.parts:
            for name, tab in part.tabs:
                self.tabs.addTab(page(tab), name)
            if part.above is not None:
                layout.addWidget(part.above)
            if part.below is not None:
                splitter.addWidget(part.below)
        splitter.setStretchFactor(0, 1)
        layout.addWidget(splitter, 1)
        self.setMinimumWidth(MIN_WIDTH)


def _is_open(window: Any) -> bool:
    """Whether a person looks at napari: a script's ``viewer.close()`` has closed the image before.

    To ask then would come too late, and would keep the script waiting.
    """
    image = window.centralWidget()
    return image is not None and any(
        child.isVisible() for child in image.children() if isinstance(child, QWidget)
    )


def _let_go(run_bars: tuple[Any, ...], disconnect: Any, _: Any = None) -> None:
    """Stop what runs when the panel is destroyed; touches no widget."""
    for bar in run_bars:
        bar.abandon()
    disconnect()
