"""Before the run: a mask to paint, one chunk tried, and all recordings compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Image, Labels
from qtpy.QtWidgets import QFileDialog

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Fault
from napari_zstack_align.flags import mark as mark_fault
from napari_zstack_align.gui.jobs import limits
from napari_zstack_align.gui.layer_group import KEY, flatten
from napari_zstack_align.gui.layer_look import IMAGE_AXES, geometry, put
from napari_zstack_align.gui.masks import MADE_ON, OVER, mask_layers, pixels_of, ready_to_paint
from napari_zstack_align.gui.recordings.given import Given
from napari_zstack_align.gui.recordings.layers import MATCH
from napari_zstack_align.gui.recordings.match_view import LEGEND
from napari_zstack_align.gui.recordings.means import reference_mean
from napari_zstack_align.gui.recordings.painted_over import PaintedOver
from napari_zstack_align.gui.recordings.recordings_tab import REFERENCE
from napari_zstack_align.gui.recordings.session_map import HINT
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.register import recordings as engine
from napari_zstack_align.stack import Stack

if TYPE_CHECKING:
    from napari_zstack_align.gui.recordings.part import RecordingsPart
    from napari_zstack_align.gui.recordings.recording import Recording
    from napari_zstack_align.register.recordings import MatchPreview

LEAST_ALIKE_CHUNKS = (
    "Of each recording the chunk that is least like the reference: click a row to see its matches."
)
LEAST_ALIKE = " (least like the reference of {} chunks looked at)"

NOT_CARRIED = (
    "'{}' was painted over another reference than the one that is to be used, and can't be carried "
    "there ({}): press 'New mask' to paint one over that, or choose no mask."
)


class Trial:
    """What can be tried in seconds before everything is run.

    Parameters
    ----------
    part : RecordingsPart
        Whose recordings, tab and layers are used.
    """

    def __init__(self, part: RecordingsPart) -> None:
        self._part = part
        self._tab = part.tab
        self.previews: list[MatchPreview] | None = None
        self._background: Image | None = None

    def forget(self) -> None:
        """The recordings have changed: what was tried no longer holds."""
        self.previews = None
        self._tab.say_verdict(None, "")

    def forget_choices(self) -> None:
        """Other recordings: mask and reference of those of before aren't theirs."""
        for combo in (self._tab.mask_combo, self._tab.reference_combo):
            combo.choose(None)
        self._part.reference_mark.choose(None)
        self._tab.anew_box.setChecked(False)

    def given(self, joined: Alignment | None = None) -> Given:
        """Snapshot of what the tab says; the mask lies on the reference, or is carried there.

        ``joined`` is an alignment whose reference is used, whatever the tab says.

        Raises
        ------
        InputError
            Where there are no recordings, the form holds a bad value, or the mask was painted over
            something from which it can't be carried to the reference.
        """
        given, layer = self._without_mask(), self._tab.mask_combo.layer
        given = given if joined is None else replace(given, reference=joined)
        if layer is None:
            return given
        self._check_recording_of(layer, given.reference)
        given = replace(given, mask=pixels_of(layer))
        if not self._lies_elsewhere(layer, given.reference):
            return given
        given = replace(given, painted_on=self._under(layer))
        if why := given.why_not_carried():
            raise InputError(NOT_CARRIED.format(layer.name, why))
        return given

    def _without_mask(self) -> Given:
        stacks = [recording.stack for recording in self._part.together]
        if not stacks:
            raise InputError("There are no recordings yet: add files, a folder or layers first.")
        chosen = self._tab.reference_combo.layer
        reference = self._kept() if chosen is None else reference_of(chosen)
        params = self._tab.form.values()
        if self._part.has_planes:
            number = self._part.reference_mark.number_among(self._part.together)
            params = params.replace(reference_recording=number)
        return Given(stacks, params, None, reference)

    def _kept(self) -> Alignment | None:
        """Whose reference the session keeps; None where it has none yet, or another one is wanted.

        With it, masks and ROIs keep their places, whatever recordings come and go.
        """
        if self._tab.anew_box.isChecked():
            return None
        found = [recording.alignment for recording in self._part.together]
        done = [each for each in found if each is not None and each.complete]
        first = next(iter(done), None)
        if first is None or not isinstance(first.params, KeypointParams):
            return None
        had, wanted = first.params, self._tab.form.values()
        another = self._part.reference_mark.is_another(had.reference_recording)
        return None if another or wanted.reference_frames != had.reference_frames else first

    # -- one chunk -----------------------------------------------------------------------------

    def check(self) -> None:
        """'Will this work?': match the chosen chunk, and show how."""
        try:
            given, recording = self.given(), self._number()
            frames = self._frames(given.stacks[recording], given.params)
        except InputError as error:
            self._tab.run_bar.say_error(str(error))
            return
        self._part.start(
            self._tab.run_bar,
            partial(previewing_chunk, given, recording, frames),
            returned=self._on_preview,
        )

    def limit_chunks(self) -> None:
        """Offer the chunks that the chosen recording has."""
        recordings = self._part.recordings
        try:
            stack = recordings[self._tab.list.current].stack
            count = len(engine.chunk_ranges(stack, self._tab.form.values()))
        except (InputError, IndexError):
            count = 0
        self._tab.chunk_box.setMaximum(max(-1, count - 1))

    def _number(self) -> int:
        """Number of the current recording among those that are registered together."""
        recordings = self._part.recordings
        if not recordings:
            raise InputError("There are no recordings yet: add files, a folder or layers first.")
        return self._part.together.index(recordings[self._tab.list.current])

    def _frames(self, stack: Stack, params: KeypointParams) -> tuple[int, int] | None:
        """Frames of the chosen chunk; None for the one least like the reference."""
        chunk = self._tab.chunk_box.value()
        ranges = engine.chunk_ranges(stack, params)
        return None if chunk < 0 else ranges[min(chunk, len(ranges) - 1)]

    def _on_preview(self, preview: MatchPreview) -> None:
        self._show(preview)
        self._tab.run_bar.say(LEGEND)

    def _show(self, preview: MatchPreview) -> None:
        part = self._part
        recording = part.together[preview.recording]
        flatten(part.viewer)
        part.layers.match.show(preview, geometry(recording.stack, IMAGE_AXES))
        start, stop = preview.frames
        self.hide_background()
        part.layers.caption = f"reference | {recording.name}, frames {start}–{stop - 1}"
        part.look_at(MATCH)
        where = "image" if self._tab.mask_combo.layer is None else "mask"
        self._tab.say_verdict(preview.go, verdict(preview, recording.name, where))

    # -- all recordings ------------------------------------------------------------------------

    def compare(self) -> None:
        """Match the least similar chunk of every recording, and open the map on them."""
        try:
            given = self.given()
        except InputError as error:
            self._tab.run_bar.say_error(str(error))
            return
        self._part.start(
            self._tab.run_bar,
            partial(previewing_session, given),
            returned=self._on_previews,
        )

    def show_preview(self, recording: int) -> None:
        """Show how one recording was matched."""
        if self.previews is not None:
            self._show(self.previews[recording])

    def show_map(self) -> None:
        """Fill the map from the previews or the alignments, whichever are newer."""
        recordings = self._part.recordings if self.previews is None else self._part.together
        names = [recording.name for recording in recordings]
        if self.previews is not None:
            tables: list[Any] = [table_of(preview) for preview in self.previews]
        else:
            tables = [None if r.alignment is None else r.alignment.chunks for r in recordings]
        there = any(table is not None for table in tables)
        hint = HINT if self.previews is None else LEAST_ALIKE_CHUNKS
        self._part.plots.show_tables(*((names, tables) if there else ([], [])), hint)

    def _on_previews(self, previews: list[MatchPreview]) -> None:
        self.previews = previews
        self.show_map()
        self._part.workspace.alignments_changed.emit()
        good = sum(preview.go for preview in previews)
        words = f"{good} of {len(previews)} recordings match the reference"
        bad = [preview for preview in previews if not preview.go]
        names = [self._part.together[p.recording].name for p in bad]
        more = "" if not bad else f"; look at {', '.join(names)} in the map"
        self._tab.say_verdict(not bad, f"{words}{more}.")
        self._tab.run_bar.say("Click a row of the session map to see its matches.")

    # -- mask and reference --------------------------------------------------------------------

    def new_mask(self) -> None:
        """Show the reference's mean, and add a mask over it."""
        try:
            given = self._without_mask()
        except InputError as error:
            self._tab.run_bar.say_error(str(error))
            return
        if (reference := given.reference) is not None:
            image = reference.reference if isinstance(reference, Alignment) else reference
            self._add_mask(given.stacks[0], np.asarray(image, np.float32), made_on(reference))
            return
        self._part.start(
            self._tab.run_bar,
            partial(reference_mean, given.stacks, given.params),
            returned=partial(self._on_reference_mean, self._part.together),
        )

    def _check_recording_of(self, layer: Labels, reference: Any) -> None:
        """Raise InputError where a mask was painted over another recording, before any run."""
        over = layer.metadata.get(OVER)
        if reference is not None or not isinstance(over, PaintedOver):
            return
        if over.recording is None or not self._part.reference_mark.is_taken_from(over.recording):
            raise InputError(
                f"'{layer.name}' was painted over {over.name}, which the reference isn't taken "
                f"from any more: click its ☆ in the list, press 'New mask', or choose no mask."
            )

    def _lies_elsewhere(self, layer: Labels, reference: Any) -> bool:
        """Whether a mask was painted over another reference; one without a mark lies anywhere."""
        painted_on = layer.metadata.get(MADE_ON)
        wanted = "" if reference is None else made_on(reference)
        return None not in (painted_on, wanted) and painted_on != wanted

    def _under(self, layer: Labels) -> dict[Stack, Alignment]:
        """Alignments to the reference that a mask was painted on; none where no run has it."""
        for run in reversed(self._part.layers.runs.listed):
            if made_on(next(iter(run.results.values()))) == layer.metadata[MADE_ON]:
                return {recording.stack: each for recording, each in run.results.items()}
        return {}

    def mark_masks(self, alignment: Alignment) -> None:
        """Masks painted before the first run lie on the reference made of what is under them."""
        in_use = self._part.reference_mark.in_use
        for layer in mask_layers(self._part.viewer.layers):
            over = layer.metadata.get(OVER)
            lies_there = not isinstance(over, PaintedOver) or over.is_of(in_use)
            if layer.metadata.get(MADE_ON) == "" and lies_there:
                layer.metadata[MADE_ON] = made_on(alignment)
                layer.metadata.pop(OVER, None)

    def _on_reference_mean(
        self, recordings: Sequence[Recording], found: tuple[int, npt.NDArray[np.float32]]
    ) -> None:
        """The mask is for this recording: it stays the reference, whatever others are added."""
        number, image = found
        self._part.reference_mark.choose(recordings[number])
        mask = self._add_mask(recordings[number].stack, image, "")
        mask.metadata[OVER] = PaintedOver(recordings[number].name, recordings[number])

    def _add_mask(self, stack: Stack, image: npt.NDArray[np.float32], mark: str | None) -> Labels:
        place = geometry(stack, IMAGE_AXES)
        viewer = self._part.viewer
        flatten(viewer)
        if self._background is None or self._background not in viewer.layers:
            self._background = viewer.add_layer(
                Image(
                    image,
                    name="reference mean",
                    contrast_limits=limits(image),
                    metadata={KEY: self},
                    **place,
                )
            )
        else:
            self._background.data = image
            self._background.contrast_limits = limits(image)
            put(self._background, place)
        self._part.layers.hide()
        self._background.visible = True
        mask = Labels(
            np.zeros(image.shape, np.uint8),
            name="session mask",
            opacity=0.4,
            metadata={} if mark is None else {MADE_ON: mark},
            **place,
        )
        viewer.add_layer(mask)
        ready_to_paint(viewer, mask)
        viewer.reset_view()
        self._tab.mask_combo.choose(mask)
        self._tab.run_bar.say("Paint over the tissue that has to be right; E erases.")
        return mask

    def hide_background(self) -> None:
        """Hide the image that a mask was painted over, for the frames to be seen."""
        if self._background is not None:
            self._background.visible = False

    def ask_reference(self) -> None:
        """Choose a saved alignment or session whose reference to use."""
        name = QFileDialog.getExistingDirectory(self._tab, "Reference: a .zalign or session folder")
        if name:
            self.load_reference(Path(name))

    def load_reference(self, folder: Path) -> None:
        """Use the reference of a saved alignment or session."""
        self._part.start(self._tab.run_bar, partial(loading, folder), returned=self._on_reference)

    @property
    def chosen_reference(self) -> Any:
        """Alignment or image (Y, X) that was chosen as the reference; None for none."""
        layer = self._tab.reference_combo.layer
        return None if layer is None else reference_of(layer)

    def show_reference(self, reference: Any) -> None:
        """Add an alignment's reference, or an image (Y, X), as a layer, and choose it."""
        if isinstance(reference, Alignment):
            image, name = reference.reference, f"{reference.stack.name} reference"
            more = {
                "metadata": {KEY: self, REFERENCE: reference},
                **geometry(reference.stack, IMAGE_AXES),
            }
        else:
            image, name, more = reference, "reference", {}
        layer = Image(image, name=name, contrast_limits=limits(image), visible=False, **more)
        self._part.viewer.add_layer(layer)
        self._tab.reference_combo.choose(layer)

    def _on_reference(self, alignment: Alignment) -> None:
        self.show_reference(alignment)
        self._tab.run_bar.say(f"The reference is that of {alignment.stack.name}.")


def previewing_chunk(
    given: Given, recording: int, frames: tuple[int, int] | None
) -> Job[MatchPreview]:
    """Match one chunk."""
    mask = yield from given.placed_mask()
    stacks, params, reference = given.stacks, given.params, given.reference
    return (
        yield from engine.preview_chunk(
            stacks, recording, frames, params, mask, reference=reference
        )
    )


def previewing_session(given: Given) -> Job[list[MatchPreview]]:
    """Match the least similar chunk of every recording."""
    mask = yield from given.placed_mask()
    stacks, params, reference = given.stacks, given.params, given.reference
    return (yield from engine.preview_session(stacks, params, mask, reference=reference))


def loading(folder: Path) -> Job[Alignment]:
    """Load an alignment, or the first one of a session."""
    yield Progress("Loading", 0, 1)
    found = load_saved(folder)
    return found[0] if isinstance(found, list) else found


def reference_of(layer: Any) -> Any:
    """Alignment that a reference layer was loaded from, or its image (Y, X)."""
    return layer.metadata.get(REFERENCE) or np.asarray(layer.data, np.float32)


def verdict(preview: MatchPreview, name: str, where: str = "mask") -> str:
    """'Go: recording_2, frames 40–59: 4.1 px down, 0.8° …' and the reason."""
    start, stop = preview.frames
    words = "Go" if preview.go else "No go"
    moved = f"{preview.words}; " if preview.words else ""
    covered = f"matches cover {100 * preview.coverage:.0f} % of the {where}"
    least = LEAST_ALIKE.format(preview.least_alike_of) if preview.least_alike_of else ""
    return f"{words}: {name}, frames {start}–{stop - 1}{least}: {moved}{covered}. {preview.reason}"


def table_of(preview: MatchPreview) -> npt.NDArray[np.void]:
    """Chunk table with one row of what a preview found, for the map."""
    table = empty_chunks(1)
    row = table[0]
    row["start"], row["stop"] = preview.frames
    row["n_matches"], row["n_inliers"] = len(preview.inliers), int(np.sum(preview.inliers))
    row["n_keypoints"] = int(np.sum(preview.chunk_in_mask))
    row["coverage"] = preview.coverage
    row["correlation_before"] = preview.correlation_before
    row["correlation_after"] = preview.correlation_after
    row["residual_px"] = residual_of(preview)
    row["method"] = "keypoints"
    mark_fault(row, None if preview.go else Fault(preview.flag, preview.reason))
    return table


def residual_of(preview: MatchPreview) -> float:
    """Median distance of the inliers from where the transform puts them, px."""
    if preview.matrix is None or not preview.inliers.any():
        return float("nan")
    matrix = preview.matrix
    found = preview.matches_reference[preview.inliers] @ matrix[:2, :2].T + matrix[:2, 2]
    return float(np.median(np.linalg.norm(found - preview.matches_chunk[preview.inliers], axis=1)))
