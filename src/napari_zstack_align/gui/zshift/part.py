"""The tab 'Z-shift', its dock below the images, and its layers: what ties them together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_zstack_align.gui.dataset import FrameInView
from napari_zstack_align.gui.dock_below import hide_below, show_below, take_away
from napari_zstack_align.gui.listening import Listening
from napari_zstack_align.gui.outdated import ALIGNED_OTHERWISE, movies_in, realigned_among
from napari_zstack_align.gui.part import Part
from napari_zstack_align.gui.project.opening import Opened
from napari_zstack_align.gui.project.snapshot import read_from, with_params, with_view
from napari_zstack_align.gui.remarks import around
from napari_zstack_align.gui.workspace import Workspace
from napari_zstack_align.gui.zshift.dock import ZShiftDock
from napari_zstack_align.gui.zshift.files import ZShiftFiles
from napari_zstack_align.gui.zshift.layers import CORRECTED, FRAMES, ZShiftLayers
from napari_zstack_align.gui.zshift.run import ZShiftRun
from napari_zstack_align.gui.zshift.source_row import SourceRow
from napari_zstack_align.gui.zshift.sources import opening, recordings_of, references_of
from napari_zstack_align.gui.zshift.tab import ZShiftTab
from napari_zstack_align.gui.zshift.view import ZShiftView
from napari_zstack_align.gui.zshift.words import source_words
from napari_zstack_align.project import Project
from napari_zstack_align.saved import Kind
from napari_zstack_align.zshift import ZShift

DOCK = "z over time"
OUTDATED = "This z-shift is outdated: {}. Find the depths again."


class ZShiftPart(Part):
    """Finds, shows, saves and exports at which depth of a reference frames were taken.

    Parameters
    ----------
    workspace : Workspace
        Whose stacks, recordings and viewer are used.
    """

    titles = ("Z-shift",)
    kinds = (Kind.ZSHIFT,)

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace)
        self.workspace = workspace
        self.viewer = workspace.viewer
        self.tab = ZShiftTab()
        self.layers = ZShiftLayers(self.viewer)
        self.view: ZShiftView | None = None
        self.run, self.files = ZShiftRun(self), ZShiftFiles(self)
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

    @cached_property
    def dock(self) -> ZShiftDock:
        """Plot and map below the images; made when there is a z-shift, as that takes time."""
        dock = ZShiftDock()
        dock.set_theme(self.viewer.theme)
        dock.frame_clicked.connect(self._go_to)
        return dock

    @property
    def _has_dock(self) -> bool:
        return "dock" in vars(self)

    def show_tab(self, tab: QWidget) -> None:
        """Take the viewer with the tab, and give it back to the others."""
        on = tab is self.tab
        if on == self.layers.in_front:
            return
        if on:
            self.offer()
            self.layers.enter()
        else:
            self.layers.leave()
        self.show_dock(on and self.view is not None)

    def follow(self, view: FrameInView | None) -> None:
        """Plot, map and the words over the images go with the slider."""
        frame = self.layers.position()
        if frame is None or self.view is None:
            self.workspace.say("")
            return
        self.dock.go_to(frame)
        stack = self.view.zshift.stack
        what = f"{stack.name}, {stack.acquisition.words(frame)}"
        self.workspace.say(f"{what}\n{self.view.words(frame)}")

    def toggle(self) -> None:
        """Switch between frames and corrected frames."""
        if self.view is not None:
            self.look_at(CORRECTED if self.layers.left == FRAMES else FRAMES)

    def collect(self, project: Project) -> Project:
        """Add the z-shift and the parameters."""
        project = with_params(project, "Z-shift", self.tab.form.values)
        found = {}
        if self.view is not None:
            zshift = self.view.zshift
            found[next(iter(project.zshifts), f"{zshift.stack.name} z-shift")] = zshift
        project = with_view(project.replace(zshifts=found), z_step_um=self.tab.z_step_um)
        if self.view is None:
            return project
        return with_view(project, zshift=read_from(project, self.view, self.outdated))

    def restore(self, opened: Opened) -> Iterator[None]:
        """Show the z-shift and the parameters of a project."""
        self.tab.form.take(opened.project.params.get("Z-shift"))
        yield
        if opened.zshift is not None:
            self.show(opened.zshift)
        elif self.view is not None:
            self.layers.remove()
            self.view = None
            self.tab.remarks.setText("")
            self.tab.set_result(there=False)
            self.show_dock(False)
        self.offer()
        self.tab.z_step.setValue(opened.project.view.get("z_step_um") or 0)

    def on_removed(self, layer: Any) -> None:
        """A layer was removed from the viewer."""
        self.layers.forget(layer)
        self.offer()

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        if self._has_dock:
            self.dock.set_theme(name)

    def let_go(self) -> None:
        """Disconnect from the viewer, and take dock and layers away."""
        self._listening.stop()
        with contextlib.suppress(LookupError, RuntimeError, AttributeError):
            # of a window that is being closed, parts are gone already
            self.layers.remove()
            if self._has_dock:
                take_away(self.viewer, self.dock)

    @property
    def outdated(self) -> str:
        """Why the z-shift is outdated, a sentence; '' where it isn't."""
        if self.view is None or self.view.outdated:
            return "" if self.view is None else self.view.outdated
        other = realigned_among(self.view.movies, movies_in(self.workspace))
        return OUTDATED.format(ALIGNED_OTHERWISE.format(other)) if other else ""

    # -- showing -------------------------------------------------------------------------------

    def offer(self, _: Any = None) -> None:
        """Offer what there is now as recording and reference."""
        recording, reference = self.tab.recording, self.tab.reference
        recording.offer(recordings_of(self.workspace))
        reference.offer(references_of(self.workspace), other=recording.source)
        self._say_what()

    def show(self, view: ZShiftView) -> None:
        """Show a z-shift in the dock and in the layers."""
        is_first = self.view is None
        self.show_numbers(view)
        self.layers.show_view(view)
        self.tab.set_result(there=True)
        self.tab.remarks.setText(around(view.zshift.direction, view.zshift.remarks))
        if is_first:
            self.layers.go_to(0)
        self.workspace.look()

    def show_numbers(self, view: ZShiftView) -> None:
        """Show a z-shift, perhaps partial, in the dock alone."""
        self.view = view
        self.dock.show_view(view)
        self._warn()
        self.show_dock(self.layers.in_front)

    def show_dock(self, on: bool) -> None:
        """Show or hide the dock below the images."""
        if on:
            show_below(self.viewer, self.dock, DOCK, tabify=True)
        elif self._has_dock:
            hide_below(self.dock)

    def open_saved(self, folder: Path) -> None:
        """Open a saved z-shift."""
        self.tab_wanted.emit(self.tab)
        self.files.open(folder)

    def open(self, zshift: ZShift) -> None:
        """Show a z-shift that is in memory."""
        self.tab_wanted.emit(self.tab)
        self.files.take(zshift)

    def open_source(self, row: SourceRow, path: Path) -> None:
        """Open a file in the worker, and choose it in a row of the tab."""
        self.tab.run_bar.start(partial(opening, path), returned=row.add)

    def look_at(self, what: str) -> None:
        """Choose what is seen on its side."""
        self.layers.look_at(what)
        self.tab.show_looked_at(self.layers.left, self.layers.right)
        self.workspace.look()

    # -- inside --------------------------------------------------------------------------------

    def _connect(self) -> None:
        actions: dict[str, Callable[[], object]] = {
            "save": self.files.ask_save,
            "open": self.files.ask_open,
            "corrected": partial(self.files.ask_export, "corrected"),
            "simulated": partial(self.files.ask_export, "simulated"),
        }
        self.tab.button_clicked.connect(lambda name: actions[name]())
        self.tab.view_chosen.connect(self.look_at)
        self.tab.run_bar.run_clicked.connect(self.run.start)
        self.tab.run_bar.busy_changed.connect(lambda _: self.tab.update_busy())
        for row in (self.tab.recording, self.tab.reference):
            row.changed.connect(self._say_what)
            row.path_chosen.connect(partial(self.open_source, row))
        self.tab.z_step.valueChanged.connect(lambda _: self._say_what())
        self.tab.reference.changed.connect(lambda: self.tab.z_step.setValue(0))
        self.tab.recording.changed.connect(self.offer)
        self.workspace.alignments_changed.connect(self.offer)
        self.workspace.alignments_changed.connect(self._warn)
        events = self.viewer.layers.events
        for event in (events.inserted, events.reordered):
            self._listening.to(event, self.offer)

    def _go_to(self, frame: int) -> None:
        """Move the viewer to a frame."""
        self.layers.arrange()  # a layer may have been removed
        self.layers.go_to(frame)

    def _warn(self) -> None:
        """Say where recording or reference are aligned otherwise than when it was made."""
        if self.view is not None:
            self.dock.call_outdated(self.outdated)

    def _say_what(self) -> None:
        """Say what would be looked for, and where."""
        self.tab.what.setText(
            source_words(self.tab.recording.source, self.tab.reference.source, self.tab.z_step_um)
        )
