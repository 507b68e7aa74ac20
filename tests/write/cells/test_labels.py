"""Images of labels."""

import numpy as np
import pytest
import tifffile

from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.labels import write_labels
from napari_zstack_align.write.cells.options import CellOptions

FIELD = FieldOfView((40, 48), pixel_size_um=(0.8, 0.5), z_step_um=2.0)


def written(path, rois, field=FIELD):
    """Write, and read (image, last note)."""
    notes = []
    run(write_labels(path, rois, CellOptions(field)), lambda p: notes.append(p.note))
    return tifffile.imread(path), notes[-1]


def distances(circle):
    ys, xs = np.mgrid[:40, :48]
    return np.hypot(ys - circle[0], xs - circle[1]) / circle[2]


def test_pixels_have_the_id_of_the_smallest_circle_that_holds_them(tmp_path, rois):
    image, note = written(tmp_path / "a.ome.tif", rois)
    expected = np.zeros((40, 48), int)
    # ids 7 and 12 overlap; 12 is smaller
    for row in (0, 1, 2):
        expected[distances(rois.circles[row]) <= 1] = rois.ids[row]
    np.testing.assert_array_equal(image, expected)
    assert image.dtype == np.uint16
    shared = sum(distances(circle) <= 1 for circle in rois.circles) > 1
    assert note.startswith(f"{np.count_nonzero(shared)} pixels in several ROIs")


def test_of_equal_circles_the_lower_id_is_on_top(tmp_path):
    image, note = written(tmp_path / "a.tif", Rois.of([(10, 10, 3), (10, 10, 3)], ids=[9, 4]))
    assert np.unique(image).tolist() == [0, 4]
    assert note.endswith("Without a pixel of their own: ROI 9.")


def test_small_and_far_circles(tmp_path):
    rois = Rois.of([(5.4, 5.4, 0.2), (0, 0, 1.0), (39.4, 20, 0.1), (90, 90, 3)])
    image, note = written(tmp_path / "a.tif", rois)
    assert list(zip(*np.nonzero(image == 1), strict=True)) == [(5, 5)]
    assert np.count_nonzero(image == 2) == 3
    assert np.count_nonzero(image == 3) == 1
    assert note == "Without a pixel of their own: ROI 4."


def test_large_ids_are_not_wrapped(tmp_path):
    image, _ = written(tmp_path / "a.tif", Rois.of([(9, 9, 2)], ids=[70_000]))
    assert (image.dtype, image.max()) == (np.uint32, 70_000)


@pytest.mark.parametrize("n_slices", [None, 7])
def test_rois_of_a_zstack_are_painted_on_their_slices(tmp_path, n_slices):
    rois = Rois.of([(9, 9, 3), (9, 9, 2), (30, 30, 2)], slices=[(0, 2), (2, 3), (-1, -1)])
    path = tmp_path / "a.ome.tif"
    image, _ = written(path, rois, FieldOfView((40, 48), n_slices=n_slices, z_step_um=2.0))
    assert image.shape == (n_slices or 4, 40, 48)
    assert [sorted(set(plane.ravel()) - {0}) for plane in image[:4]] == [
        [1, 3], [1, 3], [1, 2, 3], [2, 3]
    ]  # fmt: skip
    with tifffile.TiffFile(path) as tif:
        assert tif.series[0].axes == "ZYX"
        assert 'PhysicalSizeZ="2.0"' in tif.ome_metadata


def test_slices_beyond_the_zstack(tmp_path):
    rois = Rois.of([(9, 9, 3)], slices=[(3, 9)])
    with pytest.raises(InputError, match="slice 9, but the z-stack has the slices 0 to 6"):
        write_labels(tmp_path / "a.tif", rois, CellOptions(FieldOfView((40, 48), n_slices=7)))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        pytest.param({"shape": (0, 4)}, r"needs a size \(Y, X\)", id="empty"),
        pytest.param({"shape": (4, 4), "image": np.zeros((4, 5))}, "but its size", id="image"),
    ],
)
def test_fields_that_do_not_fit(values, said):
    with pytest.raises(InputError, match=said):
        FieldOfView(**values)
