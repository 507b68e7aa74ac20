"""The array to be written and its planes."""

import dask.array as da
import numpy as np
import pytest

from napari_zstack_align.errors import InputError
from napari_zstack_align.write.image import Image


@pytest.mark.parametrize(
    ("shape", "axes", "chunks"),
    [
        pytest.param((5, 3, 4), "ZYX", (2, 3, 4), id="blocks of slices"),
        pytest.param((5, 2, 3, 4), "TCYX", (3, 2, 3, 4), id="blocks of frames, channels inside"),
        pytest.param((2, 3, 3, 4), "CZYX", (1, 1, 3, 4), id="channels outside"),
        pytest.param((3, 4), "YX", (3, 2), id="one plane"),
    ],
)
@pytest.mark.parametrize("lazy", [True, False], ids=["dask", "numpy"])
def test_planes_cover_the_array_in_order(shape, axes, chunks, lazy):
    data = np.arange(np.prod(shape)).reshape(shape)
    image = Image(da.from_array(data, chunks) if lazy else data, axes)
    indices, planes = zip(*image.planes(), strict=True)
    assert list(indices) == list(np.ndindex(shape[:-2]))
    np.testing.assert_array_equal(np.stack(planes), data.reshape(-1, *shape[-2:]))
    assert len(planes) == image.n_planes


def test_each_block_is_computed_once_and_alone():
    computed = []

    def block(block_info=None):
        where = block_info[None]["array-location"][0]
        computed.append(where)
        return np.zeros((where[1] - where[0], 4, 5))

    meta = np.empty((0, 0, 0))
    data = da.map_blocks(block, chunks=((2, 2, 1), (4,), (5,)), dtype=float, meta=meta)
    planes = Image(data, "TYX").planes()
    computed.clear()
    next(planes)
    assert computed == [(0, 2)]
    list(planes)
    assert computed == [(0, 2), (2, 4), (4, 5)]


@pytest.mark.parametrize(
    ("shape", "axes", "names", "said"),
    [
        pytest.param((2, 3, 4), "XYZ", (), "in the order TCZYX", id="order"),
        pytest.param((2, 3, 4), "ZCYX", (), r"shape \(2, 3, 4\)", id="count"),
        pytest.param((2, 3, 4), "TCZ", (), "ending in YX", id="no image"),
        pytest.param((2, 3, 4), "QYX", (), "TCZYX", id="unknown letter"),
        pytest.param((0, 3, 4), "ZYX", (), "nothing to write", id="empty"),
        pytest.param((2, 3, 4), "CYX", ("green",), "2 channels but 1 channel names", id="names"),
    ],
)
def test_what_does_not_fit_is_said(shape, axes, names, said):
    with pytest.raises(InputError, match=said):
        Image(np.zeros(shape), axes, channel_names=names)
