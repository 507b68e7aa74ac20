"""The buttons under the result: look at it, save it, load another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QFileDialog

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.gui import copies, films, jobs
from napari_zstack_align.gui.compat import camera
from napari_zstack_align.gui.copies import Copy
from napari_zstack_align.gui.file_dialogs import ask_where_to_save, ask_where_to_write, saved_words
from napari_zstack_align.gui.jobs import Limits
from napari_zstack_align.gui.layer_group import flatten
from napari_zstack_align.gui.lazy import GrowingVolume
from napari_zstack_align.gui.runs import Run, Runs, same_frames, started_of
from napari_zstack_align.gui.saved_runs import origin_of
from napari_zstack_align.gui.stack_layers import StackLayers
from napari_zstack_align.gui.words import ended
from napari_zstack_align.saved import Kind, target_of
from napari_zstack_align.write.export import export_alignment
from napari_zstack_align.write.report import report
from napari_zstack_align.write.writers import Takes, writers_of

if TYPE_CHECKING:
    from napari_zstack_align.gui.zstack.part import ZStackPart

UNDER_PREVIEW = ("volume", "three_d", "arrows")
"""What these buttons show would be hidden by the preview of a slice."""
VIEW_ANGLES = (0, 30, 60)
"""Of the camera in 3-D: the slices seen from the side, in degrees."""


class Result:
    """What can be done with the alignment of the chosen stack.

    Parameters
    ----------
    part : ZStackPart
        Whose chosen stack, viewer and Align tab are used.
    """

    def __init__(self, part: ZStackPart) -> None:
        self._part = part
        self._viewer = part.viewer
        self._tab = part.align_tab
        self._before_3d = ""

    @property
    def _shown(self) -> StackLayers | None:
        return self._part.shown

    def do(self, name: str) -> None:
        """Do what a button under the result says."""
        actions: dict[str, Callable[[], object]] = {
            "toggle": self._part.toggle,
            "volume": partial(self._look_at, "volume"),
            "three_d": self.toggle_3d,
            "arrows": self._toggle_arrows,
            "quality": lambda: self._part.quality.toggle(),
            "save": self._ask_save,
            "load": self._ask_load,
            "export": self._ask_export,
            "film": self._ask_film,
            "report": self._ask_report,
        }
        if name in UNDER_PREVIEW:
            self._part.trial.close()
        actions[name]()
        self.show_state()

    def show_state(self) -> None:
        """Let the buttons show what is in view of the chosen stack."""
        shown = self._shown
        in_view: list[str] = []
        if shown is not None and not self._part.trial.preview.is_open:
            in_view.append(self._shown_mode(shown))
            in_view += ["arrows"] if shown.is_in_view(shown.arrows) else []
        in_view += ["quality"] if self._part.has_quality and self._part.quality.is_open else []
        self._tab.show_state(in_view)

    def _shown_mode(self, shown: StackLayers) -> str:
        """Name of the button whose image is in view."""
        if shown.mode == "volume":
            return "three_d" if self._viewer.dims.ndisplay == 3 else "volume"
        return "toggle" if shown.mode in ("raw", "aligned") else ""

    def toggle_3d(self) -> None:
        """Show the volume alone in 3-D, or go back to what was seen before."""
        if self._shown is None or not self._shown.volume:
            return
        if self._viewer.dims.ndisplay == 3:
            flatten(self._viewer)
            self._shown.look_at(self._before_3d or "volume")
            return
        self._before_3d = self._shown.mode
        self._shown.look_at("volume")
        self._viewer.dims.ndisplay = 3
        camera(self._viewer).angles = VIEW_ANGLES
        self._viewer.reset_view(reset_camera_angle=False)

    def look_at_frames(self) -> None:
        """Show the aligned frames in place of what hides them."""
        self._part.trial.close()
        self._look_at("aligned")

    def save(self, folder: Path) -> None:
        """Save the alignment that is shown of the chosen stack, in the worker."""
        shown, alignment = self._shown, self._alignment()
        target = target_of(folder, Kind.ALIGNMENT)
        if shown is not None and alignment is not None and shown.runs.shown is not None:
            self._tab.run_bar.start(
                partial(copies.saving, partial(jobs.save_alignment, alignment, target)),
                returned=partial(self._on_saved, shown.runs, shown.runs.shown, target),
            )

    def export(self, path: Path) -> None:
        """Write the volume of the chosen stack in the worker."""
        alignment = self._alignment()
        if alignment is not None:
            bar = self._tab.run_bar
            bar.start(
                partial(export_alignment, path, alignment, "volume", overwrite=True),
                returned=lambda written: bar.say(f"Wrote {written}"),
                cancelled=lambda _: bar.say("Cancelled; no file was written."),
            )

    def report(self, path: Path) -> None:
        """Write a report of the alignment that is shown, in the worker."""
        alignment = self._alignment()
        if alignment is not None:
            bar = self._tab.run_bar
            bar.start(
                partial(report.write_report, path, alignment, overwrite=True),
                returned=lambda written: bar.say(f"Wrote {written}"),
                cancelled=lambda _: bar.say("Cancelled; no file was written."),
            )

    def film(self, path: Path) -> None:
        """Write a film of the alignment that is shown, in the worker."""
        alignment = self._alignment()
        if alignment is not None:
            bar = self._tab.run_bar
            bar.start(
                films.film_to(path, alignment),
                returned=lambda written: bar.say(f"Wrote {written}"),
                cancelled=lambda _: bar.say("Cancelled; no file was written."),
            )

    def load(self, folder: Path) -> None:
        """Load an alignment and show it, with its stack where that isn't there yet."""
        self._part.tab_wanted.emit(self._tab)
        stack = None if self._shown is None else self._shown.stack
        self._tab.run_bar.start(
            partial(copies.opening, folder, partial(jobs.open_alignment, folder, stack)),
            returned=partial(self._on_loaded, folder=folder),
        )

    def show(self, alignment: Alignment) -> None:
        """Show an alignment that is in memory, with its stack."""
        self._part.tab_wanted.emit(self._tab)
        job = partial(copies.opening, None, partial(jobs.with_contrast, alignment))
        self._tab.run_bar.start(job, returned=self._on_loaded)

    def _on_saved(
        self, runs: Runs, run: Run, target: Path, written: tuple[Path, Copy | None]
    ) -> None:
        path, copy = written
        self._part.workspace.saved_runs.note_saved(runs, run, copy)
        self._part.workspace.kept_runs.note_saved(run.results.values())
        self._tab.run_bar.say(saved_words(path, target))

    def _on_loaded(
        self,
        opened: tuple[tuple[Alignment, list[Limits]], Copy | None],
        *,
        folder: Path | None = None,
    ) -> None:
        """Show an alignment beside those that its stack has already."""
        (alignment, contrast), copy = opened
        if alignment.chunks is not None:
            self._part.workspace.recordings_found.emit([alignment], folder)
            return
        shown = self._shown
        if shown is None or not same_frames(shown.stack, alignment.stack):
            shown = self._part.add_stack(alignment.stack, contrast)
        run = shown.runs.add(
            {shown: alignment},
            started=started_of(alignment),
            **origin_of(folder, copy),
        )
        volumes = shown.run_volumes.of(run.number, alignment.transforms.shape)
        shown.add_results(volumes)
        shown.show_run(run.number)
        shown.look_at("volume")
        self._part.runs.tell()
        self._tab.run_bar.start(
            partial(jobs.filling, alignment, volumes),
            progress=lambda _: shown.refresh_volume(),
            returned=lambda _: self._on_filled(shown, run.number, volumes),
            cancelled=lambda _: self._tab.run_bar.say(ended(alignment, loaded=True)),
        )

    def _on_filled(self, shown: StackLayers, number: int, volumes: list[GrowingVolume]) -> None:
        shown.run_volumes.finish(number, volumes)
        shown.refresh_volume()
        run = shown.runs.get(number)
        if run is not None:
            self._tab.run_bar.say(ended(run.results[shown], loaded=True))

    def _alignment(self) -> Alignment | None:
        if self._shown is None or self._shown.alignment is None:
            self._tab.run_bar.say_error("There is no alignment yet: press Run first.")
            return None
        return self._shown.alignment

    def _look_at(self, what: str) -> None:
        if self._shown is not None:
            flatten(self._viewer)
            self._shown.look_at(what)

    def _toggle_arrows(self) -> None:
        if self._shown is not None:
            self._shown.show_arrows(not self._shown.is_in_view(self._shown.arrows))

    def _ask_save(self) -> None:
        title, name = "Save the alignment", f"{self._name()}.zalign"
        alignment = self._alignment()
        if alignment is None:
            return
        folder = ask_where_to_save(
            self._tab,
            title,
            name,
            Kind.ALIGNMENT,
            complete=alignment.complete,
            what_goes=self._what_goes,
        )
        if folder is not None:
            self.save(folder)

    def _what_goes(self, folders: Iterable[Path]) -> str:
        run = None if self._shown is None else self._shown.runs.shown
        return self._part.workspace.saved_runs.words(folders, but=run)

    def _ask_load(self) -> None:
        name = QFileDialog.getExistingDirectory(self._tab, "Load an alignment (a .zalign folder)")
        if name:  # of whatever kind: each opens on its own tab, as from the Load tab
            self._part.workspace.result_found.emit(Path(name))

    def _ask_export(self) -> None:
        writers = writers_of(Takes.VOLUME)
        proposed = f"{self._name()} volume{writers[0].suffix}"
        path = ask_where_to_write(self._tab, "Export the volume", proposed, writers)
        if path is not None:
            self.export(path)

    def _ask_report(self) -> None:
        proposed = f"{self._name()}{report.ENDING}"
        path = ask_where_to_write(self._tab, "Write a report", proposed, [report.WRITER])
        if path is not None:
            self.report(path)

    def _ask_film(self) -> None:
        path = films.ask_film(self._tab, self._name())
        if path is not None:
            self.film(path)

    def _name(self) -> str:
        return "stack" if self._shown is None else self._shown.stack.name
