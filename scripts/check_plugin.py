"""Use the installed plugin in a real viewer: every widget, reader, sample and writer, once.

usage: check_plugin.py pyqt6|pyside6   the Qt binding that must be in use

The environment is one of napari with the bare package, as napari's plugin manager leaves it.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

import napari
import numpy as np
import qtpy
import tifffile
import zarr
from npe2 import PluginManager
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication

import napari_zstack_align as nza
from napari_zstack_align.cli.display import virtual_display
from napari_zstack_align.samples import zstack_with_repeats
from napari_zstack_align.write.export import export_volume

NAME = "napari-zstack-align"
NEEDS_AN_EXTRA = {"hdf5": "h5py", "imagej": "roifile", "nwb": "pynwb"}
PATIENCE_S = 120

failures: list[str] = []
"""What was raised in the event loop or logged as an error, which napari would show."""


class Errors(logging.Handler):
    """Takes note of every error in the log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record."""
        failures.append(record.getMessage())


def take_note(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
    """Take note of what was raised where nobody catches it."""
    failures.append(f"{kind.__name__}: {error}")


def turn() -> None:
    """Let the event loop turn until no job of the panel runs."""
    from napari_zstack_align.gui.open import panel_of, wait_for

    for _ in range(3):
        QApplication.processEvents()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    viewer = napari.current_viewer()
    panel = None if viewer is None else panel_of(viewer)
    if panel is not None:
        wait_for(panel, PATIENCE_S)


def check(what: str, holds: bool = True) -> None:
    """Exit with a sentence where something doesn't hold or has failed meanwhile."""
    if failures or not holds:
        sys.exit(f"{what}: {'; '.join(failures) or 'not there'}.")


def open_widgets(viewer: Any, manifest: Any) -> int:
    """Open the panel by each of its commands, then close it as a person does."""
    from napari_zstack_align.gui.open import panel_of

    widgets = manifest.contributions.widgets or []
    for widget in widgets:
        viewer.window.add_plugin_dock_widget(NAME, widget.display_name)
        turn()
        check(f"Widget {widget.display_name}", panel_of(viewer) is not None)
    viewer.window.remove_dock_widget(panel_of(viewer).parent())
    turn()
    check("Closing the dock", not panel_of(viewer).isVisible())
    return len(widgets)


def files(folder: Path) -> Iterator[Path]:
    """Make one of each kind that the reader opens: files, folders, a saved alignment."""
    sample = zstack_with_repeats(n_slices=2, n_repeats=3, size=(96, 112))
    frames = np.asarray(sample.stack.data)[:, 0]
    for suffix in (".tif", ".tiff", ".btf"):
        path = folder / f"frames{suffix}"
        tifffile.imwrite(path, frames, metadata={"axes": "TYX"}, imagej=suffix == ".tif")
        yield path
    np.save(folder / "frames.npy", frames)
    yield folder / "frames.npy"
    array = zarr.create_array(folder / "frames.zarr", shape=frames.shape, dtype=frames.dtype)
    array[:] = frames
    yield folder / "frames.zarr"
    pages = folder / "pages"
    pages.mkdir()
    for number, frame in enumerate(frames):
        tifffile.imwrite(pages / f"page_{number}.tif", frame)
    yield pages
    stack = nza.open_stack(folder / "frames.tif", frames_per_slice=3, order="repeats")
    yield Path(nza.run(nza.align_adaptive(stack)).save(folder / "frames.zalign"))


def open_files(viewer: Any, folder: Path) -> int:
    """Open each kind of file with napari's reader."""
    paths = list(files(folder))
    for path in paths:
        viewer.open(str(path), plugin=NAME)
        turn()
        check(f"Opening {path.name}", len(viewer.layers) > 0)
        viewer.layers.clear()
    return len(paths)


def open_samples(viewer: Any, manifest: Any) -> int:
    """Open each sample of the menu File > Open Sample."""
    samples = manifest.contributions.sample_data or []
    for sample in samples:
        viewer.open_sample(NAME, sample.key)
        turn()
        check(f"Sample {sample.key}", len(viewer.layers) > 0)
        viewer.layers.clear()
    return len(samples)


def save_layers(viewer: Any, manifest: Any, folder: Path) -> int:
    """Save a layer with each writer, as napari's dialog does, and open what was written."""
    writers = manifest.contributions.writers or []
    viewer.add_image(np.zeros((3, 8, 9), np.uint16), name="saved")
    for writer in writers:
        path = folder / f"saved{writer.filename_extensions[0]}"
        viewer.layers.save(str(path), plugin=NAME, _writer=writer)
        check(f"Writer {writer.display_name}", path.exists())
        nza.open_stack(path)
    viewer.layers.clear()
    return len(writers)


def ask_for_extras(folder: Path) -> None:
    """A format whose package isn't installed names its extra."""
    recording = nza.Stack.from_array(np.zeros((4, 32, 32), np.uint16), axes="TYX")
    rois = nza.Rois.of([(16.0, 16.0, 4.0)])
    traces = nza.run(nza.extract_traces(recording, rois, None, nza.TraceParams()))
    jobs = {
        "hdf5": lambda: export_volume(folder / "a.h5", recording.data[:, 0], "TYX"),
        "imagej": lambda: nza.export_rois(folder / "a.zip", rois),
        "nwb": lambda: nza.export_traces(folder / "a.nwb", traces),
    }
    for extra, package in NEEDS_AN_EXTRA.items():
        if find_spec(package) is not None:
            continue
        try:
            nza.run(jobs[extra]())
        except nza.InputError as error:
            check(f"'{error}' names no extra", f"{NAME}[{extra}]" in str(error))
        else:
            sys.exit(f"The extra {extra} isn't needed at all.")


def main(qt: str) -> None:
    """Exit with a sentence at the first thing that fails."""
    if qtpy.API_NAME.lower() != qt:
        sys.exit(f"{qtpy.API_NAME} is in use, not {qt}.")
    start = time.monotonic()
    sys.excepthook = take_note
    logging.getLogger(nza.__name__).addHandler(Errors(logging.ERROR))
    viewer = napari.Viewer()
    manager = PluginManager.instance()
    manifest = manager.get_manifest(NAME)
    commands = manifest.contributions.commands or []
    check(f"The manifest of {NAME}", bool(commands))
    for command in commands:
        manager.commands.get(command.id)
    with tempfile.TemporaryDirectory() as folder:
        ask_for_extras(Path(folder))
        counts = (
            open_widgets(viewer, manifest),
            open_files(viewer, Path(folder)),
            open_samples(viewer, manifest),
            save_layers(viewer, manifest, Path(folder)),
        )
        viewer.close()
        turn()
    check("Closing the viewer")
    print(
        f"napari {version('napari')} with {qtpy.API_NAME} runs {NAME} {nza.__version__}: "
        f"{len(commands)} commands, {counts[0]} widgets, {counts[1]} kinds of files, "
        f"{counts[2]} samples, {counts[3]} writers ({time.monotonic() - start:.0f} s)."
    )


if __name__ == "__main__":
    with virtual_display():
        try:
            main(sys.argv[1])
        finally:
            sys.excepthook = sys.__excepthook__
