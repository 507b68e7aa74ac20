"""HDF5 of recordings."""

import sys

import h5py
import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.export import export_volume
from napari_zstack_align.write.hdf5 import write_hdf5
from napari_zstack_align.write.image import Image


def test_channels_are_datasets_that_say_what_is_known(tmp_path):
    data = np.random.default_rng(0).normal(size=(6, 2, 4, 5)).astype(np.float32)
    data[0, 0, 0, 0] = np.nan
    image = Image(data, "TCYX", (0.8, 0.5), None, 0.25, ("green", "red"))
    with h5py.File(run(write_hdf5(tmp_path / "a.h5", image))) as file:
        assert list(file) == ["mov", "mov_1"]
        for channel, name in enumerate(file):
            movie = file[name]
            np.testing.assert_array_equal(movie[:], data[:, channel])
            assert movie.dtype == np.float32
            assert movie.chunks == (1, 4, 5)
            assert movie.attrs["frame_rate_hz"] == 4.0
            assert movie.attrs["pixel_size_um"].tolist() == [0.8, 0.5]
            assert movie.attrs["channel_name"] == ("green", "red")[channel]


def test_what_is_unknown_is_not_made_up(tmp_path):
    image = Image(np.zeros((2, 3, 4), np.uint16), "TYX")
    with h5py.File(run(write_hdf5(tmp_path / "a.h5", image))) as file:
        assert dict(file["mov"].attrs) == {}


def test_volumes_go_elsewhere(tmp_path):
    with pytest.raises(InputError, match="HDF5 holds a recording, frame after frame"):
        write_hdf5(tmp_path / "a.h5", Image(np.zeros((2, 3, 4)), "ZYX"))


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"pip install 'napari-zstack-align\[hdf5\]'"):
        export_volume(tmp_path / "a.h5", np.zeros((2, 3, 4)), "TYX")
