"""What the buttons below 'ROIs' do, and in which recordings ROIs are valid."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QFileDialog

from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.roi_files import ENDINGS
from napari_zstack_align.counting import counted
from napari_zstack_align.gui import copies
from napari_zstack_align.gui.cells import cell_jobs as jobs
from napari_zstack_align.gui.cells.raw_rois import RoisOnFrames
from napari_zstack_align.gui.cells.roi_tools import RoiTools
from napari_zstack_align.gui.cells.sources import OUTDATED
from napari_zstack_align.gui.copies import Copy
from napari_zstack_align.gui.file_dialogs import ask_where_to_write
from napari_zstack_align.gui.newest import Newest
from napari_zstack_align.gui.question import SAVE, STAY, choice
from napari_zstack_align.remark import RemarkCode
from napari_zstack_align.settings import in_titles
from napari_zstack_align.write.writers import roi_table

if TYPE_CHECKING:
    from napari_zstack_align.gui.cells.cells_part import CellsPart

VALID_AFTER_MS = 300
ROI_TABLE = roi_table()


class RoiActions(QObject):
    """Makes, saves and loads ROIs in the worker of the Cells tab; main thread only.

    Parameters
    ----------
    part : CellsPart
        Whose image, blobs and tab are used.
    on_frames : RoisOnFrames
        Shows the ROIs in the viewer.
    """

    def __init__(self, part: CellsPart, on_frames: RoisOnFrames) -> None:
        super().__init__(part)
        self._part = part
        self._bar = part.tab.run_bar
        self.model = part.model
        self.tools = RoiTools(on_frames, self.model)
        self._valid = Newest(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(VALID_AFTER_MS)
        self._connect(part.tab.rois)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._timer.isActive() or self._valid.busy

    # -- finding -------------------------------------------------------------------------------

    def use_blobs(self) -> None:
        """Make ROIs of the blobs of the method in front, in the worker."""
        tuner = self._part.tuner
        if tuner.image is None:
            self._bar.say_error("There are no blobs yet: press 'Find blobs' first.")
            return
        if self._part.outdated:
            self._bar.say_error(OUTDATED)
            return
        if self._waits(self.use_blobs):
            return
        start = partial(
            jobs.make_rois,
            self._part.tab.methods.method,
            dict(tuner.params),
            dict(tuner.spaces),
            tuner.image,
            tuner.mask,
            self.model.rois,
            self._part.layers.slice,
            self._part.source,
        )
        self._bar.start(start, returned=self._on_found)

    def find_in_volume(self) -> None:
        """Find cells in all slices of the z-stack by the method in front, in the worker."""
        source, tuner = self._part.source, self._part.tuner
        if source is None:
            return
        if self._part.outdated:
            self._bar.say_error(OUTDATED)
            return
        if self._waits(self.find_in_volume):
            return
        start = partial(
            jobs.find_in_volume,
            source,
            self._part.tab.source.chosen_channel,
            tuner.params[self._part.tab.methods.method],
            tuner.mask,
            self.model.rois,
        )
        self._bar.start(start, returned=self._on_found)

    def _waits(self, again: Callable[[], object]) -> bool:
        """Whether ROIs of before may lie on another reference than the image, yet."""
        source = self._part.source
        alignments = None if source is None else source.alignments or None
        return self._part.in_place.waits(self._bar, alignments, again)

    def _on_found(self, rois: Rois) -> None:
        self.model.set(rois)
        self._part.layers.hide_blobs()  # the ROIs lie over them, until a slider moves
        self._bar.say(f"{counted(len(rois), 'ROI')}. Add, move or delete some by hand above.")

    # -- files ---------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Save the ROIs in the worker."""
        path, rois = ROI_TABLE.named(path), self.model.rois
        self._bar.start(
            partial(copies.saving, partial(jobs.saving, rois, path, self._part.source)),
            returned=partial(self._on_saved, rois),
        )

    def load(self, path: Path, pixel_size_um: float | None = None) -> None:
        """Load ROIs in the worker, instead of those there are; a table may be in µm."""
        job = partial(copies.opening, path, partial(jobs.loading, path, pixel_size_um))
        self._bar.start(job, returned=partial(self._on_loaded, path))

    def _on_saved(self, rois: Rois, written: tuple[Path, Copy | None]) -> None:
        path, copy = written
        self._part.workspace.in_files.update([rois], copy)
        self._bar.say(f"Saved {path}")

    def _on_loaded(self, path: Path, opened: tuple[Rois, Copy | None]) -> None:
        rois, copy = opened
        pixel = self._pixel_um
        codes = {remark.code for remark in rois.remarks}
        is_in_um = pixel is not None and (
            RemarkCode.IN_UM in codes
            or (RemarkCode.UNIT_OPEN in codes and self._are_in_um(path, pixel))
        )
        if is_in_um:
            self.load(path, pixel)
            return
        self._part.workspace.in_files.update([rois], copy)
        self.model.set(rois)
        remarks = "".join(f" {in_titles(remark)}" for remark in rois.remarks)
        self._bar.say(f"Loaded {counted(len(rois), 'ROI')}.{remarks}")

    @property
    def _pixel_um(self) -> float | None:
        """Size of the image's pixels in µm, where it is known and they are square."""
        source = self._part.source or self._part.tab.source.source
        size = None if source is None or source.stack is None else source.stack.pixel_size_um
        return size[0] if size is not None and size[0] == size[1] else None

    def _are_in_um(self, path: Path, pixel: float) -> bool:
        """Ask what the positions of a table are in that doesn't say it."""
        question = (
            f"{path.name} doesn't say whether its positions are in pixels or in µm: Fiji writes µm "
            f"where the image had a scale. Here a pixel is {pixel:g} µm."
        )
        answers = {f"µm ({pixel:g} a pixel)": SAVE, "Pixels": STAY}
        return choice(self._part.tab, "Positions of ROIs", question, answers) != "Pixels"

    # -- in which recordings they are valid ----------------------------------------------------

    def look_where_valid(self) -> None:
        """Find out, a moment after the last change, where the ROIs are valid."""
        if len(self._part.workspace.session.alignments) > 1 and len(self.model.rois):
            self._timer.start()
        else:
            self._part.tab.rois.list.table.show_valid(None, 0)

    def _ask_valid(self) -> None:
        alignments = self._part.workspace.session.alignments
        if len(alignments) > 1 and len(self.model.rois):
            self._part.tab.rois.list.table.show_valid(None, len(alignments))
            self._valid.ask(partial(jobs.finding_valid, self.model.rois, alignments))

    def _on_valid(self, answer: tuple[Rois, npt.NDArray[np.bool_]]) -> None:
        rois, valid = answer
        if rois is self.model.rois:
            self._part.tab.rois.list.table.show_valid(valid, valid.shape[1])

    def abandon(self) -> None:
        """Stop, without a word."""
        self._timer.stop()
        self._valid.abandon()

    # -- inside --------------------------------------------------------------------------------

    def _connect(self, box: Any) -> None:
        actions = {
            "use": self.use_blobs,
            "volume": self.find_in_volume,
            "delete": lambda: self.model.delete(self.model.selected),
            "undo": self.model.undo,
            "redo": self.model.redo,
            "save": self._ask_save,
            "load": self._ask_load,
        }
        box.button_clicked.connect(lambda name: actions[name]())
        box.mode_clicked.connect(self.tools.set_mode)
        box.radius_changed.connect(self.tools.set_radius)
        self.tools.mode_changed.connect(box.show_mode)
        self._timer.timeout.connect(self._ask_valid)
        self._valid.answered.connect(self._on_valid)
        self.model.changed.connect(self.look_where_valid)

    def _ask_save(self) -> None:
        if self._waits(self._ask_save):
            return
        path = ask_where_to_write(self._part.tab, "Save the ROIs", "rois.csv", [ROI_TABLE])
        if path is not None:
            self.save(path)

    def _ask_load(self) -> None:
        endings = " ".join(f"*{ending}" for ending in ENDINGS)
        files = f"Tables and ImageJ's ROIs ({endings})"
        name, _ = QFileDialog.getOpenFileName(self._part.tab, "Load ROIs", "", files)
        if name:
            self.load(Path(name))
