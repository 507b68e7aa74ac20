"""napari's Save: image layers to OME-TIFF and OME-Zarr, and the raw file stays."""

from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.layers import Image
from npe2 import plugin_manager
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.layer_data import layer_data
from napari_zstack_align.gui.writer import write_ome_tiff, write_ome_zarr


def image(shape=(3, 8, 9), name="brain", labels=("slice", "y", "x"), **described) -> Image:
    data = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    scale = {"scale": (2.0, 0.5, 0.4)[-len(labels) :], "units": ("um",) * len(labels)}
    return Image(data, name=name, axis_labels=labels, **{**scale, **described})


def test_a_volume_is_read_back_with_its_sizes(tmp_path):
    layer = image()
    (written,) = write_ome_tiff(str(tmp_path / "a.ome.tif"), [layer.as_layer_data_tuple()])
    stack = nza.open_stack(written)
    assert stack.pixel_size_um == (0.5, 0.4)
    assert stack.z_step_um == 2.0
    np.testing.assert_array_equal(np.asarray(stack.data)[:, 0], layer.data)


@pytest.mark.parametrize("write", [write_ome_tiff, write_ome_zarr])
def test_several_layers_are_channels(tmp_path, write):
    green, red = image(name="green"), image(name="red")
    red.data = da.from_array(red.data + 7)
    (written,) = write(str(tmp_path / "a"), [one.as_layer_data_tuple() for one in (green, red)])
    stack = nza.open_stack(written)
    assert stack.channel_names == ("green", "red")
    np.testing.assert_array_equal(np.asarray(stack.data)[:, 1], np.asarray(red.data))


def test_a_lazy_layer_of_the_plugin_is_written(tmp_path):
    stack = small_zstack()
    layers = layer_data(stack)
    layer = Image(layers[0][0], **layers[0][1])
    (written,) = write_ome_tiff(str(tmp_path / "raw.ome.tif"), [layer.as_layer_data_tuple()])
    with tifffile.TiffFile(written) as tif:
        assert tif.series[0].axes == "TZYX"
        np.testing.assert_array_equal(tif.asarray(), np.asarray(layer.data[:]))


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ([image((8, 9, 3), labels=("y", "x"), rgb=True)], "is a colour image"),
        ([image(), image((2, 8, 9))], "save them one by one"),
    ],
    ids=["rgb", "unlike"],
)
def test_what_does_not_fit_is_described(tmp_path, layers, said):
    with pytest.raises(nza.InputError, match=said):
        write_ome_tiff(str(tmp_path / "a.ome.tif"), [one.as_layer_data_tuple() for one in layers])
    assert list(tmp_path.iterdir()) == []


def test_only_the_name_that_was_asked_for_is_replaced(tmp_path):
    layer = image()
    there = tmp_path / "a.ome.tif"
    write_ome_tiff(str(there), [image(name="older").as_layer_data_tuple()])
    before = there.read_bytes()
    with pytest.raises(nza.InputError, match="exists already"):
        write_ome_tiff(str(tmp_path / "a"), [layer.as_layer_data_tuple()])
    assert there.read_bytes() == before
    write_ome_tiff(str(there), [layer.as_layer_data_tuple()])
    np.testing.assert_array_equal(tifffile.imread(there), layer.data)


def test_the_raw_file_is_never_replaced(tmp_path):
    raw = tmp_path / "raw.ome.tif"
    tifffile.imwrite(raw, np.zeros((4, 16, 16), np.uint16))
    before = raw.read_bytes()
    data, described, _ = layer_data(nza.open_stack(raw))[0]
    layer = Image(data, **described)
    with pytest.raises(nza.InputError, match="raw frames themselves"):
        write_ome_tiff(str(raw), [layer.as_layer_data_tuple()])
    assert raw.read_bytes() == before


@pytest.mark.parametrize("title", ["OME-TIFF", "OME-Zarr"])
def test_naparis_dialog_offers_it(tmp_path, shared_viewer, title):
    plugin_manager.instance().discover()
    (writer,) = [
        writer
        for writer in plugin_manager.iter_compatible_writers(["image"])
        if writer.plugin_name == "napari-zstack-align" and writer.display_name == title
    ]
    path = tmp_path / f"a{writer.filename_extensions[0]}"
    shared_viewer.add_layer(image())
    saved = shared_viewer.layers.save(str(path), plugin=writer.plugin_name, _writer=writer)
    shared_viewer.layers.clear()
    assert [Path(name) for name in saved] == [path]
    assert nza.open_stack(path).shape[-2:] == (8, 9)
