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
from qtpy.QtWidgets import QMainWindow, QSplitter, QTabWidget, QVBoxLayout, QWidget

from napari_zstack_align.gui.canvas_context import CanvasContext
from napari_zstack_align.gui.carrier import Carrier
from napari_zstack_align.gui.cells.cells_part import CellsPart
from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames
from napari_zstack_align.gui.cells.roi_model import RoiModel
from napari_zstack_align.gui.cells.sources import OUTDATED
from napari_zstack_align.gui.cells.traces_part import TracesPart
from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.in_place import InPlace
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.parts import Parts
from napari_zstack_align.gui.project.keeper import ProjectKeeper
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.raw_files import RawFiles
from napari_zstack_align.gui.recordings.part import RecordingsPart
from napari_zstack_align.gui.unfinished.offer import Offers
from napari_zstack_align.gui.wheel import WheelGuard
from napari_zstack_align.gui.word_colours import use_theme
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.gui.zshift.part import ZShiftPart
from napari_zstack_align.gui.zstack.part import ZStackPart
from napari_zstack_align.saved import Kind, kind_of

logger = logging.getLogger(__name__)

MIN_WIDTH = 456
"""What the widest tab needs in napari's own font: the panel grows with no tab that is opened."""
STILL_RUNNING = (
    "A job is still running ({}). If napari is closed now, it stops, and what it hasn't finished "
    "is lost."
)
CAN_GO_ON = (
    "A run is still going on ({}). If napari is closed now, it stops, and what is finished is "
    "kept: the next start offers to go on from there."
)
UNSURE = (
    "What isn't saved can't be found out (unexpected {}: {}; the log has the details): save what "
    "you need on its tab before you close napari."
)
LOOKING = "Looking whether what was saved is still there; then napari closes."
SAVING = "Saving the project; then napari closes."


class Panel(QWidget):
    """All tabs; a viewer has one panel, as long as its window is there.

    What stands in a tab is made when the tab is opened, or when its part is asked for: `Parts`.
    Everything here runs in the main thread; jobs run in the tabs' run bars and get snapshots.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it belongs to.
    """

    _window: Callable[[], QMainWindow | None] = staticmethod(lambda: None)
    _canvas_context: CanvasContext | None = None

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        use_theme(self.viewer.theme, self)
        self.workspace = Workspace(self.viewer, self)
        self.rois = RoiModel(self)
        self.on_frames = RoisOnFrames(self.workspace, self.rois, self)
        self.carrier = Carrier(self.workspace, self.rois, self._registering, self)
        self.in_place = InPlace(self.carrier, self)
        self.keeper = ProjectKeeper(self)
        self.offers = Offers(self)
        self.raw_files = RawFiles(self.workspace, self)
        self.tabs = QTabWidget()
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._layout = QVBoxLayout(self)
        self._lay_out()
        shared = (self.workspace, self.rois, self.on_frames, self.in_place)
        self.parts = Parts(
            self.tabs,
            {
                ZStackPart: lambda: ZStackPart(self.workspace),
                RecordingsPart: lambda: RecordingsPart(self.workspace),
                CellsPart: lambda: CellsPart(*shared),
                TracesPart: lambda: TracesPart(*shared),
                ZShiftPart: lambda: ZShiftPart(self.workspace),
            },
            self._on_made,
        )
        self.part_in_front: Part = self.zstack
        self._listening = Listening()
        self._gone = self._closing = self._looked = False
        self._connect()
        WheelGuard(self)
        self.zstack.adopt()
        self._show_in_front()

    @property
    def zstack(self) -> ZStackPart:
        """The tabs Load, Mask and Align."""
        return self.parts.of(ZStackPart)

    @property
    def recordings(self) -> RecordingsPart:
        """The tabs Recordings and Session."""
        return self.parts.of(RecordingsPart)

    @property
    def cells(self) -> CellsPart:
        """The tab Cells."""
        return self.parts.of(CellsPart)

    @property
    def traces(self) -> TracesPart:
        """The tab Traces."""
        return self.parts.of(TracesPart)

    @property
    def zshift(self) -> ZShiftPart:
        """The tab Z-shift."""
        return self.parts.of(ZShiftPart)

    @property
    def run_bars(self) -> tuple[Any, ...]:
        """Where jobs may run."""
        of_parts = (bar for part in self.parts.made for bar in part.run_bars)
        return (*of_parts, self.keeper.bar.run_bar, self.offers.row.run_bar)

    def open_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        names = [self.tabs.tabText(i) for i in range(self.tabs.count())]
        self.tabs.setCurrentIndex(names.index(name))

    def open_saved(self, folder: Path) -> None:
        """Open a saved result on the tab of its kind; a project instead of what is shown."""
        kind = kind_of(folder)
        if kind is Kind.PROJECT:
            opens = partial(self.keeper.open, folder)
            if self.workspace.saved_runs.look(then=opens):
                opens()
            return
        (self.parts.that_opens(kind) or self.zstack).open_saved(folder)

    def toggle(self) -> None:
        """Switch between raw and aligned frames of what the tab in front is about."""
        self.part_in_front.toggle()

    # -- as long as napari's window is open ----------------------------------------------------

    def is_of(self, viewer: Any) -> bool:
        """Whether it is the panel of this viewer, and not about to go."""
        return self.viewer is viewer and not self._gone

    def stay_with(self, window: QMainWindow) -> None:
        """Belong to napari's window: ask before it is closed in mid-run."""
        if window is not self._window():
            self._window = weakref.ref(window)  # which goes as soon as napari drops it
            window.installEventFilter(self)
            self._canvas_context = CanvasContext(self.viewer.layers, self._window)
        self.offers.look_soon()

    def leave(self) -> None:
        """The dock is closed: wait in the window, out of sight, to be shown again."""
        self.hide()
        self.setParent(self._window())

    def end(self) -> None:
        """Stop what runs, let go of the viewer, and go; nothing is asked."""
        _let_go(self)
        self.deleteLater()

    def eventFilter(self, watched: Any, event: Any) -> bool:  # noqa: N802 (Qt's name)
        """Keep napari's window open where something would be lost that the person wants."""
        if watched is self._window() and event.type() == QEvent.Type.Close:
            if not self._may_close():
                event.ignore()
                return True
            self.workspace.kept_runs.note_asked()
        return bool(super().eventFilter(watched, event))

    def _may_close(self) -> bool:
        running, window = self._what_runs(), self._window()
        if self._closing or window is None or not _is_open(window):
            return True
        try:
            if not (self._looked or self.workspace.saved_runs.look(then=self._close_once_looked)):
                self.viewer.status = LOOKING
                return False
            if running and not confirmed(
                window, "Close napari?", running, yes="Stop it and close", no="Keep it running"
            ):
                return False
            is_safe = self.keeper.make_safe("Close napari?", "Keep open", self._close)
            if self.keeper.waits:
                self.viewer.status = SAVING
            return is_safe
        except Exception as error:  # of any part; Qt would go on, and close the window
            logger.exception("what is unsaved can't be found out")
            question = UNSURE.format(type(error).__name__, error)
            return confirmed(window, "Close napari?", question, yes="Close", no="Keep open")

    def _close_once_looked(self) -> None:
        """Try again to close napari's window: it is known now which saved runs are there."""
        window = self._window()
        if window is not None:
            self._looked = True
            window.close()
            self._looked = False

    def _close(self) -> None:
        """Close napari's window: all that was to be saved is."""
        window = self._window()
        if window is not None:
            self._closing = True
            window.close()
            self._closing = False  # napari may have asked itself, and stayed open

    def _registering(self) -> bool:
        """Whether alignments are being made, which are not final yet."""
        return any(bar.busy for part in self.parts.made if part.registers for bar in part.run_bars)

    def _what_runs(self) -> str:
        """Sentences on what runs, and what becomes of it; '' where nothing does."""
        busy = [bar for bar in self.run_bars if bar.busy]
        kept = [bar for part in self.parts.made for bar in part.kept_bars if bar.busy]
        lost = [bar for bar in busy if bar not in kept]
        sentences = ((STILL_RUNNING, self._tabs_of(lost)), (CAN_GO_ON, self._tabs_of(kept)))
        return " ".join(words.format(", ".join(tabs)) for words, tabs in sentences if tabs)

    def _tabs_of(self, busy: list[Any]) -> list[str]:
        """Names of the tabs with some run bars; these may stand in the page, below the tab."""
        return [
            self.tabs.tabText(i)
            for i in range(self.tabs.count())
            if any(self.tabs.widget(i).isAncestorOf(bar) for bar in busy)
        ]

    # -- inside --------------------------------------------------------------------------------

    def _show_in_front(self, _: Any = None) -> None:
        """Sliders, overlay and plots are about the tab in front."""
        self.part_in_front, tab = self.parts.at(self.tabs.currentIndex())
        for part in self.parts.made:
            if part.above is not None:
                part.above.setVisible(part is self.part_in_front)
        self.part_in_front.enter()
        for part in self.parts.made:
            part.show_tab(tab)
        self.workspace.look()

    def _follow(self, view: FrameInView | None) -> None:
        self.part_in_front.follow(view)

    def _on_wanted(self, tab: QWidget) -> None:
        self.tabs.setCurrentIndex(self.parts.index_of(tab))

    def _on_made(self, part: Part) -> None:
        """Give a new part its places, and the theme."""
        if part.above is not None:
            self._layout.insertWidget(self._layout.indexOf(self._splitter), part.above)
        if part.below is not None:
            self._splitter.addWidget(part.below)
        part.tab_wanted.connect(self._on_wanted)
        part.set_theme(self.viewer.theme)

    def _on_rois_shown(self, _: Any) -> None:
        """From now on there are ROIs, and their parts look after them."""
        for part in (CellsPart, TracesPart):
            self.parts.of(part)

    def _on_recordings_found(self, *found: Any) -> None:
        self.recordings.results.show(*found)

    def _on_removed(self, event: Any) -> None:
        for part in self.parts.made:
            part.on_removed(event.value)
        if not self.viewer.layers:
            self.workspace.say("")

    def _on_carried(self, words: str, to_check: bool) -> None:
        """Whatever tab is in front, ROIs that were carried are told of."""
        more = f" {OUTDATED}" if self.cells.outdated else ""
        self.cells.tab.run_bar.say(f"{words}{more}", error=to_check or self.cells.outdated)
        (show_warning if to_check else show_info)(words)

    def _on_not_carried(self, sentence: str) -> None:
        self.cells.tab.run_bar.say_error(sentence)

    def _on_mask_carried(self, old: Any, new: Any) -> None:
        """Wherever a mask was chosen, it is now the one on the new reference."""
        for combo in (combo for part in self.parts.made for combo in part.combos):
            if combo.layer is old:
                combo.choose(new)

    def _on_theme(self, _: Any = None) -> None:
        use_theme(self.viewer.theme, self)
        for part in self.parts.made:
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
        self.carrier.failed.connect(self._on_not_carried)
        self.carrier.mask_carried.connect(self._on_mask_carried)
        workspace.recordings_found.connect(self._on_recordings_found)
        self.on_frames.made.connect(self._on_rois_shown)
        self._listening.to(self.viewer.layers.events.removed, self._on_removed)
        self._listening.to(self.viewer.events.theme, self._on_theme)
        self.destroyed.connect(partial(_let_go, self))

    def _disconnect(self) -> None:
        if self._gone:
            return
        self._gone = True
        if (window := self._window()) is not None:
            with contextlib.suppress(RuntimeError):  # the window is gone itself
                window.removeEventFilter(self)
        self._listening.stop()
        if self._canvas_context is not None:
            self._canvas_context.let_go()
        self.carrier.abandon()
        self.keeper.let_go()
        self.offers.let_go()
        self.raw_files.let_go()
        self.workspace.kept_runs.let_go()
        self.workspace.let_go()
        self.on_frames.stop()
        for part in self.parts.made:
            for combo in part.combos:
                combo.stop()
            part.let_go()
        with contextlib.suppress(EmitLoopError, RuntimeError):
            # of a window that is being closed, the canvas is gone already
            self.workspace.say("")

    def _lay_out(self) -> None:
        self._layout.setContentsMargins(4, 4, 4, 4)
        self._layout.addWidget(self.raw_files.row)
        self._layout.addWidget(self.offers.row)
        self._layout.addWidget(self.keeper.bar)
        self._splitter.addWidget(self.tabs)
        self._splitter.setStretchFactor(0, 1)
        self._layout.addWidget(self._splitter, 1)
        self._layout.addStrut(MIN_WIDTH)


def _is_open(window: Any) -> bool:
    """Whether a person looks at napari: a script's ``viewer.close()`` has closed the image before.

    To ask then would come too late, and would keep the script waiting.
    """
    image = window.centralWidget()
    return image is not None and any(
        child.isVisible() for child in image.children() if isinstance(child, QWidget)
    )


def _let_go(panel: Panel, _: Any = None) -> None:
    """Stop what runs when a panel is destroyed; touches no widget."""
    for bar in panel.run_bars:
        bar.abandon()
    panel._disconnect()
