from __future__ import annotations

from importlib import import_module
from importlib.resources import files

import numpy as np
import pytest
import tifffile
from driving import settled
from npe2 import PluginManifest
from qtpy.QtWidgets import QFileDialog
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui import sample_data
from napari_zstack_align.gui.open import open_panel, panel_of
from napari_zstack_align.gui.reader import get_reader
from napari_zstack_align.stack import Stack


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer(show=False)


@pytest.fixture
def tiff(tmp_path):
    stack = small_zstack()
    path = tmp_path / "brain.tif"
    frames = stack.read(0, stack.n_frames)[:, 0]
    tifffile.imwrite(path, frames)
    return path


FRAMES = np.zeros((5, 8, 9), np.uint16)


@pytest.mark.parametrize("name", ["a.tif", "b.TIFF", "c.npy", "d.btf"])
def test_reads_images(name, tmp_path):
    path = tmp_path / name
    (np.save if name.endswith("npy") else tifffile.imwrite)(path, FRAMES)
    for given, n_frames in ((str(path), 5), ([str(path)], 5), ([str(path)] * 2, 10)):
        [(data, _, kind)] = get_reader(given)(given)
        assert (kind, data.shape) == ("image", (n_frames, 8, 9))


def test_leaves_other_files_alone(tmp_path):
    tifffile.imwrite(tmp_path / "photo.tif", np.zeros((8, 9, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(tmp_path / "picture.tif", FRAMES[0])
    np.save(tmp_path / "times.npy", np.arange(9))
    (tmp_path / "documents").mkdir()
    for name in ("photo.tif", "picture.tif", "times.npy", "documents", "absent.tif"):
        path = str(tmp_path / name)
        assert get_reader(path) is None
        assert get_reader([path, path]) is None or name == "picture.tif"


def test_a_folder_is_one_stack(tmp_path):
    for i in (1, 2, 10):
        tifffile.imwrite(tmp_path / f"Img_{i}.tif", np.full((8, 9), i, np.uint16))
    [(data, described, kind)] = get_reader(str(tmp_path))(str(tmp_path))
    assert kind == "image"
    np.testing.assert_array_equal(np.asarray(data)[:, 0, 0], [1, 2, 10])
    assert described["axis_labels"] == ("frame", "y", "x")
    assert described["contrast_limits"][0] < described["contrast_limits"][1]


def test_the_panel_recognises_what_the_reader_opened(qtbot, viewer, tiff):
    panel = open_panel(viewer)
    for data, described, _ in get_reader(str(tiff))(str(tiff)):
        viewer.add_image(data, **described)
    qtbot.waitUntil(lambda: panel.zstack.shown is not None)
    assert panel.zstack.shown.stack.n_frames == 12
    assert panel.zstack.load_tab.words.text().startswith("brain:")
    assert viewer.dims.axis_labels[-2:] == ("y", "x")


def test_what_was_said_of_another_stack_leaves_with_it(qtbot, viewer, tiff, tmp_path):
    panel = open_panel(viewer)
    load = panel.zstack.load_tab
    load.load(nza.open_stack(tiff, frames_per_slice=4, order="repeats"))
    settled(qtbot, panel)
    load.run_bar.say("Proposed 3 slices × 4 repeats.")
    path = tmp_path / "recording.npy"
    np.save(path, np.ones((6, 8, 9), np.uint16))
    for data, described, _ in get_reader(str(path))(str(path)):
        viewer.add_image(data, **described)
    qtbot.waitUntil(lambda: load.stack.n_frames == 6)
    assert "press Propose" in load.run_bar.status.text()

    load.run_bar.say("half.tif is truncated.", error=True)
    panel.zstack.stack_combo.setCurrentIndex(0)
    assert load.stack.n_frames == 12
    assert load.run_bar.status.text() == "half.tif is truncated."


def test_a_file_that_breaks_off_is_offered_by_the_panel(qtbot, viewer, tiff):
    content = tiff.read_bytes()
    tiff.write_bytes(content[: len(content) - 5000])
    opens = get_reader(str(tiff))
    assert opens is not None
    assert opens(str(tiff)) == [(None,)]
    panel = panel_of(viewer)
    settled(qtbot, panel)
    load = panel.zstack.load_tab
    assert "is truncated" in load.run_bar.status.text()
    [offered] = load.ways_out.buttons
    offered.click()
    settled(qtbot, panel)
    assert load.stack.n_frames < 12


def test_an_alignment_opens_in_the_panel(qtbot, viewer, tmp_path, tiff):
    stack = nza.open_stack(tiff, frames_per_slice=4, order="repeats")
    folder = nza.run(nza.align_adaptive(stack)).save(tmp_path / "a.zalign")
    assert get_reader(str(folder))(str(folder)) == [(None,)]
    panel = panel_of(viewer)
    qtbot.waitUntil(
        lambda: panel.zstack.shown is not None and panel.zstack.shown.alignment is not None
    )
    settled(qtbot, panel)
    assert [layer.name for layer in viewer.layers][-1] == "brain displacement"


@pytest.mark.thorough
@pytest.mark.parametrize("way", ["napari's reader", "Load > Folder…", "Align > Load…"])
@pytest.mark.parametrize("kind", ["traces", "session traces"])
def test_saved_traces_open_in_the_panel(qtbot, viewer, tmp_path, kind, way):
    names = ["one"] if kind == "traces" else ["one", "two"]
    frames = np.random.default_rng(1).integers(90, 110, (20, 32, 32)).astype(np.uint16)
    rois = nza.Rois.of([(12, 12, 4), (20, 20, 4)])
    found = [nza.run(nza.extract_traces(Stack.from_array(frames, name=n), rois)) for n in names]
    folder = tmp_path / "t"
    found[0].save(folder) if kind == "traces" else nza.save_session_traces(found, folder)
    panel = open_panel(viewer)
    if way == "napari's reader":
        assert get_reader(str(folder))(str(folder)) == [(None,)]
    elif way == "Load > Folder…":
        panel.zstack.load_tab.open_paths([folder])
    else:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
            panel.zstack.result._ask_load()
    qtbot.waitUntil(lambda: panel.traces.traces.names == names, timeout=20_000)
    settled(qtbot, panel)
    assert panel.traces.traces.names == names


@pytest.mark.slow
@pytest.mark.parametrize(("sample", "ndim"), [("zstack", 4), ("recording", 3)])
def test_samples_are_stacks(sample, ndim):
    [(data, described, _)] = getattr(sample_data, sample)()
    assert data.ndim == ndim
    assert isinstance(described["metadata"]["napari_zstack_align"], Stack)


@pytest.mark.slow
@pytest.mark.thorough
def test_the_sample_for_the_zshift_is_a_zstack_and_a_recording():
    layers = sample_data.zshift()
    assert [data.ndim for data, *_ in layers] == [4, 3]


def test_the_manifest_can_be_imported_and_names_every_step():
    manifest = PluginManifest.from_file(files("napari_zstack_align") / "napari.yaml")
    for command in manifest.contributions.commands:
        module, _, name = command.python_name.partition(":")
        assert callable(getattr(import_module(module), name))
    names = {widget.display_name for widget in manifest.contributions.widgets}
    tabs = {"Load", "Mask", "Align", "Recordings", "Cells", "Traces", "Z-shift"}
    assert names == {"Panel", *tabs}
