"""The row at the top of the panel that offers to go on with runs that were interrupted."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from napari_zstack_align.gui.buttons import button
from napari_zstack_align.gui.question import confirmed
from napari_zstack_align.gui.run_bar import RunBar, StatusLine
from napari_zstack_align.gui.unfinished.found import (
    Interrupted,
    Setup,
    forgetting,
    looking,
    opening,
)
from napari_zstack_align.gui.worker import JobWorker

if TYPE_CHECKING:
    from napari_zstack_align.gui.panel import Panel

LOOK_AFTER_MS = 300
"""The panel is shown before anything is looked for."""
WAIT = "Wait for what is running, or cancel it first."
GO_ON, KEEP = "Go on with the run?", "Keep these"
INSTEAD = (
    "The recordings of the interrupted run take the place of those in the list ({}). {}No file is "
    "touched, and the run stays offered if you keep these."
)
FORGET = "{} What it has found goes, and can't be brought back; no file of yours is touched."
IS_SAVED = "{}, which is open, is saved and closed first. "


class OfferRow(QFrame):
    """Names one interrupted run, with buttons to go on with it and to forget it."""

    def __init__(self) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.StyledPanel)
        self.words = StatusLine()
        self.count = StatusLine()
        self.go_on_button = button(
            "Go on",
            "Open its files, with parameters and mask as they were, and run what isn't finished",
        )
        self.forget_button = button(
            "Forget", "Remove what is kept of this run; no file of yours is touched"
        )
        self.run_bar = RunBar()
        buttons = QHBoxLayout()
        buttons.addWidget(self.count)
        buttons.addStretch(1)
        buttons.addWidget(self.go_on_button)
        buttons.addWidget(self.forget_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 4)
        layout.setSpacing(2)
        layout.addWidget(self.words)
        layout.addLayout(buttons)
        layout.addWidget(self.run_bar)
        self.show_first(())
        self.run_bar.busy_changed.connect(self._on_busy)

    def show_first(self, found: Sequence[Interrupted]) -> None:
        """Offer the first of some runs."""
        self.words.setText(found[0].sentence if found else "")
        self.count.setText(f"1 of {len(found)}" if len(found) > 1 else "")
        self.setVisible(bool(found))

    def _on_busy(self, busy: bool) -> None:
        self.go_on_button.setEnabled(not busy)
        self.forget_button.setEnabled(not busy)


class Offers(QObject):
    """Looks for interrupted runs once the panel is shown, and goes on with them; main thread only.

    Parameters
    ----------
    panel : Panel
        In which they go on.
    """

    def __init__(self, panel: Panel) -> None:
        super().__init__(panel)
        self._panel = panel
        self.row = OfferRow()
        self.found: list[Interrupted] = []
        self._worker: JobWorker | None = None
        self._has_looked = False
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(LOOK_AFTER_MS)
        self._later.timeout.connect(self._look)
        self.row.go_on_button.clicked.connect(lambda _: self.go_on())
        self.row.forget_button.clicked.connect(lambda _: self.forget())

    def look_soon(self) -> None:
        """Look for interrupted runs, once."""
        if not self._has_looked:
            self._has_looked = True
            self._later.start()

    def go_on(self) -> None:
        """Go on with the run that is offered."""
        if self._is_busy():
            self.row.run_bar.say(WAIT)
            return
        interrupted = self.found[0]
        self.row.run_bar.start(
            partial(opening, interrupted.folder), returned=partial(self._on_opened, interrupted)
        )

    def forget(self) -> None:
        """Remove what is kept of the run that is offered, if that is wanted."""
        interrupted = self.found[0]
        question = FORGET.format(interrupted.sentence)
        window = self._panel.window()
        if confirmed(window, "Forget this run?", question, yes="Forget", no="Keep it"):
            JobWorker(partial(forgetting, interrupted.folder)).launch()
            self._drop(interrupted)

    def let_go(self) -> None:
        """Stop looking."""
        self._later.stop()
        self.row.run_bar.abandon()
        if self._worker is not None:
            self._worker.abandon()
            self._worker = None

    # -- inside --------------------------------------------------------------------------------

    def _look(self) -> None:
        self._worker = worker = JobWorker(looking, processors=1)
        worker.returned.connect(self._on_found)
        worker.launch()

    def _on_found(self, found: list[Interrupted]) -> None:
        if self._worker is None:
            return
        self._worker, self.found = None, found
        self.row.show_first(found)

    def _on_opened(self, interrupted: Interrupted, setup: Setup) -> None:
        if interrupted.folder.is_in_use or self._is_busy():
            self.row.run_bar.say(WAIT)
            return
        if not setup.opened.recordings or not self._panel.recordings.makes_way(setup):
            self._start(interrupted, setup)
        elif self._may_take_the_place():
            start = partial(self._start_instead, interrupted, setup)
            if self._panel.keeper.make_safe(GO_ON, KEEP, start):
                start()

    def _may_take_the_place(self) -> bool:
        """Ask before the recordings in the list make way for those of a run."""
        names = [recording.name for recording in self._panel.recordings.recordings]
        path = self._panel.keeper.path
        return confirmed(
            self._panel.window(),
            GO_ON,
            INSTEAD.format(
                f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''}",
                "" if path is None else IS_SAVED.format(path.name),
            ),
            yes="Go on",
            no=KEEP,
        )

    def _start_instead(self, interrupted: Interrupted, setup: Setup) -> None:
        self._panel.keeper.leave()
        self._start(interrupted, setup)

    def _start(self, interrupted: Interrupted, setup: Setup) -> None:
        panel = self._panel
        part = panel.recordings if setup.opened.recordings else panel.zstack
        panel.workspace.kept_runs.resumed = interrupted.folder
        try:
            part.go_on(setup)
        finally:
            panel.workspace.kept_runs.resumed = None
        self._drop(interrupted)

    def _drop(self, interrupted: Interrupted) -> None:
        self.found = [each for each in self.found if each is not interrupted]
        self.row.run_bar.say("")
        self.row.show_first(self.found)

    def _is_busy(self) -> bool:
        return self._panel.keeper.busy or any(bar.busy for bar in self._panel.run_bars)
