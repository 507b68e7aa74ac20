"""The raw file of what is in view goes, changes or is damaged: one sentence, and napari goes on."""

from __future__ import annotations

import os
from weakref import WeakSet

import numpy as np
import pytest
import tifffile
import zarr
from driving import run_to_end, settled, show
from napari.layers import Image
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import drawn, raw_files
from napari_zstack_align.gui.drawn import DrawnImages
from napari_zstack_align.gui.layer_data import layer_data
from napari_zstack_align.gui.layer_group import ALIGNED
from napari_zstack_align.saved import watched
from napari_zstack_align.stack import Stack

FRAMES = small_zstack(n_slices=3, n_repeats=4).read(0, 12)[:, 0]


@pytest.fixture(autouse=True)
def often(monkeypatch):
    """The files are looked for all the time."""
    monkeypatch.setattr(raw_files, "LOOK_EVERY_MS", 20)
    monkeypatch.setattr(raw_files, "CHECK_EVERY_S", 0.05)
    monkeypatch.setattr(raw_files, "CHECK_PART", 1.0)
    assert watched.CHECK_PART < 1  # files in thousands are looked for less often


@pytest.fixture
def zstack_in_view(qtbot, panel, tmp_path):
    """A z-stack in view, its file, and a function that goes to a frame."""
    path = tmp_path / "brain.tif"
    tifffile.imwrite(path, FRAMES)
    shown = show(qtbot, panel, nza.open_stack(path, frames_per_slice=4, order="repeats"))
    return path, shown.raw[0], shown.go_to, "zstack"


@pytest.fixture
def aligned_in_view(qtbot, panel, zstack_in_view):
    path, _, go_to, _ = zstack_in_view
    shown = panel.zstack.shown
    run_to_end(qtbot, panel)
    shown.look_at(ALIGNED)
    go_to(0)
    return path, shown.aligned[0], go_to, "aligned"


@pytest.fixture
def recording_in_view(qtbot, panel, tmp_path):
    path = tmp_path / "day 1.tif"
    tifffile.imwrite(path, FRAMES, photometric="minisblack")
    panel.open_tab("Recordings")
    panel.recordings.add_paths([path])
    settled(qtbot, panel)
    layers = panel.recordings.layers
    return path, layers.raw[0], lambda frame: layers.go_to_frame(0, frame), "recording"


@pytest.fixture
def zarr_in_view(qtbot, panel, tmp_path):
    path = tmp_path / "movie.zarr"
    array = zarr.create_array(path, shape=FRAMES.shape, dtype=FRAMES.dtype, chunks=(1, 64, 64))
    array[:] = FRAMES
    shown = show(qtbot, panel, nza.open_stack(path))
    return path, shown.raw[0], shown.go_to, "zarr"


@pytest.fixture(params=["zstack", "aligned", "recording", "zarr"])
def in_view(request):
    return request.getfixturevalue(f"{request.param}_in_view")


def words(panel):
    return panel.raw_files.row.text()


def is_dark(layer):
    return not np.any(layer._slice.image.raw)


def watching(qtbot, panel, path):
    """Wait until it is known how the file was."""
    source = next(iter(panel.raw_files._in_view())).source
    qtbot.waitUntil(lambda: source in panel.raw_files._opened)


def test_a_file_that_goes_is_named_and_is_there_again(qtbot, panel, capfd, in_view):
    path, layer, go_to, _ = in_view
    watching(qtbot, panel, path)
    path.rename(path.with_name("away"))
    qtbot.waitUntil(lambda: str(path) in words(panel) and "bring it back" in words(panel))
    go_to(5)
    go_to(7)
    assert is_dark(layer)
    go_to(0)
    assert not is_dark(layer)  # as it was seen before
    go_to(7)
    qtbot.wait(100)
    assert words(panel).count(str(path)) == 1
    path.with_name("away").rename(path)
    qtbot.waitUntil(lambda: not words(panel))
    assert not is_dark(layer)
    assert not panel.raw_files.row.isVisibleTo(panel)
    assert "Traceback" not in capfd.readouterr().err


def test_what_cannot_be_drawn_is_said_before_the_disk_is_asked(
    qtbot, panel, monkeypatch, zstack_in_view
):
    monkeypatch.setattr(raw_files, "CHECK_EVERY_S", 1000.0)
    path, layer, go_to, _ = zstack_in_view
    qtbot.waitUntil(lambda: panel.raw_files._worker is None)
    qtbot.wait(100)
    path.unlink()
    go_to(9)
    assert is_dark(layer)
    qtbot.waitUntil(lambda: str(path) in words(panel) and "dark" in words(panel))


@pytest.mark.parametrize("other", ["same layout", "other layout", "no image"])
def test_another_file_in_its_place_is_noticed(qtbot, panel, capfd, zstack_in_view, other):
    path, _, go_to, _ = zstack_in_view
    watching(qtbot, panel, path)
    time = path.stat().st_mtime_ns
    if other == "no image":
        path.write_bytes(b"\0" * 100)
    else:
        tifffile.imwrite(path, FRAMES[::-1] if other == "same layout" else FRAMES[:3, :9, :9])
    os.utime(path, ns=(time + 5_000_000_000, time + 5_000_000_000))
    go_to(8)
    go_to(11)
    qtbot.waitUntil(lambda: f"{path} has changed since it was opened" in words(panel))
    assert "Traceback" not in capfd.readouterr().err


def test_a_damaged_chunk_is_said_while_it_is_in_view(qtbot, panel, monkeypatch, zarr_in_view):
    path, layer, go_to, _ = zarr_in_view
    watching(qtbot, panel, path)
    (as_opened,) = panel.raw_files._opened.values()
    monkeypatch.setattr(raw_files, "states_of", lambda _: as_opened)  # the damage is not seen there
    (path / "c" / "6" / "0" / "0").write_bytes(b"no chunk")
    go_to(6)
    assert is_dark(layer)
    qtbot.waitUntil(lambda: f"{path} can't be read as zarr" in words(panel))
    go_to(7)
    assert not is_dark(layer)
    qtbot.waitUntil(lambda: not words(panel))


def test_a_chunk_that_is_missing_is_noticed(qtbot, panel, zarr_in_view):
    """zarr itself takes it for one without light."""
    path, _, go_to, _ = zarr_in_view
    watching(qtbot, panel, path)
    (path / "c" / "6" / "0" / "0").unlink()
    go_to(6)
    qtbot.waitUntil(lambda: f"{path} has changed since it was opened" in words(panel))


def test_the_sentence_goes_with_the_layers(qtbot, panel, zstack_in_view):
    path, layer, _, _ = zstack_in_view
    watching(qtbot, panel, path)
    path.unlink()
    qtbot.waitUntil(lambda: str(path) in words(panel))
    layer.visible = False
    qtbot.waitUntil(lambda: not words(panel))
    layer.visible = True
    qtbot.waitUntil(lambda: str(path) in words(panel))
    panel.viewer.layers.clear()
    qtbot.waitUntil(lambda: not words(panel))


class Failing:
    """Frames of somebody's own, which fail from some moment on."""

    shape, dtype, reads_singly = (9, 1, 20, 30), np.dtype(np.uint16), True
    error, bad = None, range(9)

    def read(self, start, stop):
        if self.error is not None and start in self.bad:
            raise self.error
        return np.ones((stop - start, *self.shape[1:]), self.dtype)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(5, "Input/output error"), "can't be read (Input/output error)"),
        (OSError(116, "Stale file handle", "/net/a.tif"), "/net/a.tif can't be read (Stale"),
        (KeyError("chunk"), "unexpected KeyError"),
    ],
)
def test_errors_of_any_kind_are_one_sentence(qtbot, panel, error, sentence):
    source = Failing()
    shown = show(qtbot, panel, Stack(source))
    source.error = error
    shown.go_to(5)
    qtbot.waitUntil(lambda: sentence in words(panel))
    source.error = None
    qtbot.waitUntil(lambda: not words(panel))
    assert shown.raw[0]._slice.image.raw.all()


def test_an_image_of_a_volume_is_dark_by_itself(viewer, panel, qtbot):
    """In 3-D, napari asks for all slices at once."""
    source = Failing()
    shown = show(qtbot, panel, Stack(source, frames_per_slice=3, order="repeats"))
    source.error, source.bad = OSError("a bad sector"), [7]
    shown.go_to(1)
    viewer.dims.ndisplay = 3
    dark = [not np.any(image) for image in shown.raw[0]._slice.image.raw]
    assert dark == [False, False, True]
    assert "a bad sector" in shown.raw[0].data.problem


def test_who_reads_images_without_drawing_them_gets_the_error(zstack_in_view):
    path, layer, _, _ = zstack_in_view
    path.unlink()
    assert isinstance(layer.data, DrawnImages)
    for read in (lambda: layer.data[2, 1], lambda: np.asarray(layer.data)):
        with pytest.raises(InputError, match=r"brain\.tif"):
            read()


def test_without_a_panel_napari_says_it(viewer, monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(drawn, "show_warning", said.append)
    monkeypatch.setattr(drawn, "watchers", WeakSet())  # panels of other tests
    path = tmp_path / "movie.tif"
    tifffile.imwrite(path, FRAMES, photometric="minisblack")
    ((data, described, _),) = layer_data(nza.open_stack(path))
    layer = viewer.add_layer(Image(data, **described))
    path.unlink()
    for frame in (3, 4):
        viewer.dims.set_current_step(0, frame)
        assert is_dark(layer)
    assert len(said) == 1
    assert str(path) in said[0]
    viewer.layers.clear()
