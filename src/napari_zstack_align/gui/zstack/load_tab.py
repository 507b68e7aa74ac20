"""Load: choose files or a layer, see in words what was read, and correct it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from napari_zstack_align.errors import BrokenOffError, InputError
from napari_zstack_align.gui.buttons import button, more_button
from napari_zstack_align.gui.file_dialogs import open_filter
from napari_zstack_align.gui.jobs import Limits, load_stack, stack_with_contrast
from napari_zstack_align.gui.layer_combo import LayerCombo
from napari_zstack_align.gui.pages import bring_into_sight
from napari_zstack_align.gui.plots import CorrelationPlot
from napari_zstack_align.gui.remarks import marked
from napari_zstack_align.gui.run_bar import RunBar
from napari_zstack_align.gui.taking import guess_axes, plain_images, stack_of_layer
from napari_zstack_align.gui.way_out import OPEN_WHOLE, OPEN_WHOLE_TIP, WayOut, WaysOut
from napari_zstack_align.gui.zstack.pixel_check import PixelCheck
from napari_zstack_align.gui.zstack.preview_box import PreviewBox, as_typed
from napari_zstack_align.gui.zstack.reading_details import ReadingDetails
from napari_zstack_align.gui.zstack.stack_details import StackDetails
from napari_zstack_align.microscope import PixelsReport, check_pixels
from napari_zstack_align.progress import Job
from napari_zstack_align.read import LayoutProposal, describe, propose_layout
from napari_zstack_align.read.readers import file_formats, folder_formats
from napari_zstack_align.remark import Remark
from napari_zstack_align.saved import kind_of
from napari_zstack_align.settings import in_titles
from napari_zstack_align.sources import FrameSource
from napari_zstack_align.stack import Stack

DESCRIBED = ("frames_per_slice", "order", "pixel_size_um", "z_step_um")
"""Of a stack that is open this can be said otherwise, without opening its files again."""
NOTHING_LOADED = "Nothing loaded yet: choose files, a folder or a layer."
TYPE_IT = "Type the repeats per slice if you know them."


class LoadTab(QWidget):
    """Tab of the panel that makes and edits a `Stack`.

    Parameters
    ----------
    viewer : napari.Viewer
        Its layers can be taken.
    """

    loaded = Signal(object, object)
    """A new stack and its contrast limits."""
    edited = Signal(object)
    """The stack shown, described otherwise."""
    alignment_chosen = Signal(object)
    """Path of a ``.zalign`` or session folder that was chosen instead of images."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self.stack: Stack | None = None
        self.may_change: Callable[[Stack], bool] = lambda _: True
        """Asked before the stack is described otherwise; where it says no, nothing changes."""
        self._plotted: FrameSource | None = None
        self.files_button = button(
            "File(s) …", f"Open a file ({file_formats()}), or several as one stack"
        )
        self.folder_button = button(
            "Folder …",
            f"Open a folder of {file_formats()} files in natural order, a {folder_formats()} "
            f"folder, or a .zalign",
        )
        self.layer_combo = LayerCombo(viewer, plain_images)
        self.layer_combo.setToolTip("An image layer that is in napari already")
        self.axes_line = QLineEdit()
        self.axes_line.setToolTip(
            "Axes of the layer, a letter each: T time or acquisition order, C channel, Z slice, "
            "R repeat, Y, X"
        )
        self.axes_line.setMaximumWidth(80)
        self.take_button = button("Take", "Use this layer as the stack; nothing is copied")
        self.words = QLabel(NOTHING_LOADED)
        self.words.setWordWrap(True)
        self.words.setStyleSheet("font-weight: bold;")
        self.remarks = QLabel()
        self.remarks.setWordWrap(True)
        self.details = StackDetails()
        self.pixel_check = PixelCheck()
        self.reading = ReadingDetails()
        self.reading_button = more_button(
            "How the file is read",
            "Say what the file doesn't: axes, channels, one plane, frames to drop, which image, "
            "how far every second line is displaced",
            self.reading,
        )
        self.ways_out = WaysOut()
        self.preview = PreviewBox()
        self._plot_row = QVBoxLayout()
        self._theme = ""
        self.apply_button = button("Apply", "Show the stack as it is described above")
        self.run_bar = RunBar()
        self.footer = QWidget()
        self._lay_out()
        self._connect()
        self.show_stack(None)

    @cached_property
    def plot(self) -> CorrelationPlot:
        """How alike neighbouring frames are; made for the first proposal."""
        plot = CorrelationPlot()
        plot.setVisible(False)
        plot.set_theme(self._theme)
        self._plot_row.addWidget(plot)
        return plot

    def set_theme(self, name: str) -> None:
        """Use the colours of a napari theme."""
        self._theme = name
        if "plot" in vars(self):
            self.plot.set_theme(name)

    def show_stack(self, stack: Stack | None) -> None:
        """Describe a stack, or say that there is none."""
        if "plot" in vars(self):
            self.plot.setVisible(stack is not None and stack.source is self._plotted)
        is_another = source_of(stack) is not source_of(self.stack)
        self.stack = stack
        bar = self.run_bar
        if is_another and not bar.busy and not bar.says_error:  # it speaks of the stack before
            self.ways_out.offer()
            bar.say(next_step(stack))
        self.details.setEnabled(stack is not None)
        self.pixel_check.show_stack(stack)
        self.apply_button.setEnabled(False)
        self.preview.follow(None if stack is None else lambda: stack)
        self.details.show_stack(stack)
        self.reading.show_stack(stack)
        if stack is None:
            self.words.setText(NOTHING_LOADED)
            self._show_remarks(())
            return
        self.words.setText(f"{stack.name}: {describe(stack)}")
        self._show_remarks(stack.remarks)

    def open_paths(self, paths: list[Path]) -> None:
        """Open files in the worker; a folder with a saved result is passed on."""
        if len(paths) == 1 and kind_of(paths[0]) is not None:
            self.alignment_chosen.emit(paths[0])
            return
        self.open_as(paths)

    def open_as(self, paths: Sequence[Path], **said: Any) -> None:
        """Open files as it is said; of one that breaks off, the whole frames are offered."""
        source = paths[0] if len(paths) == 1 else list(paths)

        def failed(_: str) -> None:
            if isinstance(self.run_bar.last_error, BrokenOffError):
                whole = partial(self.open_as, paths, **{**said, "whole_frames": True})
                self.ways_out.offer(WayOut(OPEN_WHOLE, OPEN_WHOLE_TIP, whole))

        self.start(partial(load_stack, source, **said), failed)

    def start(
        self,
        job: Callable[[], Job[tuple[Stack, list[Limits]]]],
        failed: Callable[[str], object] | None = None,
    ) -> None:
        """Run a job that returns a stack and its contrast, and show them."""
        self.ways_out.offer()
        self.run_bar.start(job, returned=self._on_loaded, failed=failed)

    def take_layer(self) -> None:
        """Use the chosen layer as the stack."""
        layer = self.layer_combo.layer
        if layer is None:
            self.run_bar.say_error("There is no image layer with frames to take; open a file.")
            return
        try:
            stack = stack_of_layer(layer, self.axes_line.text())
        except InputError as error:
            self.run_bar.say_error(str(error))
            return
        layer.visible = False
        self.load(stack)

    def load(self, stack: Stack) -> None:
        """Show a stack that was made elsewhere; the worker samples its contrast."""
        self.start(partial(stack_with_contrast, stack))

    def open_again(self) -> None:
        """Open the files of the stack anew, as it is said."""
        if self.stack is None or not self.stack.paths:
            return
        try:
            said = self.reading.arguments(self.stack.said, self.details.said())
        except InputError as error:
            self.run_bar.say_error(str(error))
            return
        self.open_as(self.stack.paths, **said, **self.details.typed_rate())

    def preview_typed(self) -> None:
        """Show what the frames look like as they are described now, which is not yet applied."""
        stack = self.stack
        if stack is None:
            return
        try:
            edited = self.details.edited(stack)
            arguments = self.reading.arguments(stack.said, self.details.said())
        except InputError as error:
            self.preview.say_error(in_titles(str(error)))
            return
        is_read_alike = not stack.paths or reading_of(arguments) == reading_of(
            stack.said.arguments()
        )
        if is_read_alike:
            self.preview.follow(lambda: edited, press=self.apply_button.text())
            return
        wanted = as_typed(stack.paths, arguments)
        self.preview.follow(wanted, press=self.reading.open_button.text())

    def propose(self) -> None:
        """Find the number of repeats from the frames, and apply it."""
        if self.stack is not None:
            job = partial(propose_layout, self.stack)
            self.run_bar.start(job, returned=partial(self._on_proposal, self.stack))

    def check_pixels(self) -> None:
        """Look for a line phase, and for channels that look alike."""
        if self.stack is not None:
            job = partial(check_pixels, self.stack)
            self.run_bar.start(job, returned=partial(self._on_pixels, self.stack))

    def correct_line_phase(self, line_phase: Any) -> None:
        """Open the files again with a line phase."""
        self.reading.show_line_phase(line_phase)
        self.open_again()

    def apply(self) -> bool:
        """Show the stack as it is edited; False where that can't be, or mustn't."""
        if self.stack is None or not self.apply_button.isEnabled():
            return True
        try:
            stack = self.details.edited(self.stack)
        except InputError as error:
            self.run_bar.say_error(str(error))
            return False
        if not self.may_change(stack):
            self.show_stack(self.stack)
            self.run_bar.say("The layout is as it was.")
            return False
        self.run_bar.say("")
        self.show_stack(stack)
        self.edited.emit(stack)
        return True

    # -- inside --------------------------------------------------------------------------------

    def _show_remarks(self, remarks: Sequence[Remark]) -> None:
        self.remarks.setText("\n".join(map(marked, remarks)))
        self.remarks.setVisible(bool(remarks))

    def _on_loaded(self, result: tuple[Stack, list[Limits]]) -> None:
        stack, contrast = result
        self.show_stack(stack)
        self.run_bar.say(next_step(stack))
        self.loaded.emit(stack, contrast)

    def _on_proposal(self, stack: Stack, proposal: LayoutProposal) -> None:
        if self.stack is not stack:
            return
        found = proposal.frames_per_slice
        self._plotted = stack.source
        self.plot.show_curve(proposal.correlation, proposal.planes or found)
        self.plot.setVisible(True)
        if found is None:
            self.run_bar.say(f"{proposal.words} {TYPE_IT}")
            return
        self.details.repeats.setValue(found)
        self.details.each.setText("")
        self.details.order.setCurrentIndex(self.details.order.findData(proposal.order))
        self.apply_button.setEnabled(True)
        if self.apply():
            self.run_bar.say(f"Proposed {describe(self.stack)}. {proposal.reason}")

    def _on_pixels(self, stack: Stack, report: PixelsReport) -> None:
        if self.stack is stack:
            self.pixel_check.show_report(report)
            bring_into_sight(self.pixel_check.found)

    def _choose_files(self) -> None:
        title = "Open a z-stack or recording"
        names, _ = QFileDialog.getOpenFileNames(self, title, "", open_filter())
        if names:
            self.open_paths([Path(name) for name in names])

    def _choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a folder of images or a .zalign")
        if name:
            self.open_paths([Path(name)])

    def _guess_axes(self) -> None:
        layer = self.layer_combo.layer
        self.axes_line.setText("" if layer is None else guess_axes(layer))
        self.take_button.setEnabled(layer is not None)

    def _on_busy(self, busy: bool) -> None:
        for widget in (self.files_button, self.folder_button, self.take_button):
            widget.setEnabled(not busy)
        self.details.propose_button.setEnabled(not busy)
        self.pixel_check.setEnabled(not busy)
        if not busy:
            self._guess_axes()

    def _connect(self) -> None:
        self.files_button.clicked.connect(self._choose_files)
        self.folder_button.clicked.connect(self._choose_folder)
        self.take_button.clicked.connect(self.take_layer)
        self.apply_button.clicked.connect(self.apply)
        self.details.propose_button.clicked.connect(self.propose)
        self.reading.wanted.connect(self.open_again)
        self.pixel_check.wanted.connect(self.check_pixels)
        self.pixel_check.correction_wanted.connect(self.correct_line_phase)
        self.details.changed.connect(lambda: self.apply_button.setEnabled(True))
        self.details.changed.connect(self.preview_typed)
        self.reading.changed.connect(self.preview_typed)
        self.run_bar.busy_changed.connect(self._on_busy)
        self.layer_combo.currentIndexChanged.connect(lambda _: self._guess_axes())
        self._guess_axes()

    def _lay_out(self) -> None:
        source = QHBoxLayout()
        source.addWidget(self.files_button)
        source.addWidget(self.folder_button)
        layer = QHBoxLayout()
        layer.addWidget(QLabel("or layer"))
        layer.addWidget(self.layer_combo, 1)
        layer.addWidget(self.axes_line)
        layer.addWidget(self.take_button)
        layout = QVBoxLayout(self)
        for row in (source, layer):
            layout.addLayout(row)
        for widget in (self.words, self.remarks, self.pixel_check.found, self.details):
            layout.addWidget(widget)
        layout.addWidget(self.apply_button)
        layout.addWidget(self.preview)
        layout.addLayout(self._plot_row)
        for widget in (self.pixel_check, self.reading_button, self.reading):
            layout.addWidget(widget)
        layout.addStretch(1)
        footer = QVBoxLayout(self.footer)
        footer.setContentsMargins(0, 0, 0, 0)
        footer.addWidget(self.run_bar)
        footer.addWidget(self.ways_out)


def source_of(stack: Stack | None) -> FrameSource | None:
    """Frames of a stack, which stay the same however it is described."""
    return None if stack is None else stack.source


def next_step(stack: Stack | None) -> str:
    """What to do about a stack without a layout; '' where nothing is missing."""
    if stack is None or stack.frames_per_slice is not None:
        return ""
    return (
        "The file doesn't say whether this is a z-stack: press Propose, or type the repeats per "
        "slice."
    )


def reading_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """What arguments of `open_stack` say of how frames are read, besides layout and sizes."""
    return {name: value for name, value in arguments.items() if name not in DESCRIBED}
