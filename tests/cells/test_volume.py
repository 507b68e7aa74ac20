"""Cells in 3-D: blobs over neighbouring slices are one cell."""

import re
import tracemalloc
from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
from blob_model import spots

from napari_zstack_align import BlobParams, InputError, Stack, detect_blobs, run
from napari_zstack_align.cells import detect_cells, volume

SHAPE = (70, 80)
PARAMS = BlobParams(min_sigma=1.5, max_sigma=3, threshold=0.05, exclude_border=0)


def made_of(*cells, n_slices=8):
    """Slices in which (y, x, first, last, heights...) stand."""
    planes = np.zeros((n_slices, *SHAPE))
    for y, x, first, *heights in cells:
        for z, height in enumerate(heights, first):
            planes[z] += spots(SHAPE, [(y, x)], 2.0, height)
    return planes


def found(planes, params=PARAMS, **arguments):
    return run(detect_cells(planes, params, **arguments))


def test_place_size_and_slices():
    planes = made_of((20, 30, 1, 0.4, 1.0, 0.5), (50, 60, 4, 0.8))
    rois = found(planes)
    assert rois.circles[:, :2].tolist() == [[20, 30], [50, 60]]
    np.testing.assert_allclose(rois.circles[:, 2], np.sqrt(2) * 2, rtol=0.1)
    assert rois.slices.tolist() == [[1, 3], [4, 4]]
    assert rois.ids.tolist() == [1, 2]
    assert rois.features["z"][0] == pytest.approx(2.05, abs=0.05)
    assert rois.features["strength"][0] > rois.features["strength"][1]


@pytest.mark.parametrize(
    ("heights", "slices"),
    [
        pytest.param([0.5, 1.0, 0.5], [[2, 4]], id="one"),
        pytest.param([1.0, 0.9, 1.0], [[2, 4]], id="no valley to speak of"),
        pytest.param([1.0, 0.5, 1.0], [[2, 2], [3, 4]], id="a valley"),
        pytest.param([1.0, 0.3, 0.35, 0.3], [[2, 5]], id="a tail that hardly rises"),
        pytest.param([0.5, 1.0, 0.4, 0.8, 0.3, 0.9], [[2, 3], [4, 5], [6, 7]], id="three"),
        pytest.param([1.0, 0.0, 1.0], [[2, 2], [4, 4]], id="a gap"),
        pytest.param([0.3, 0.5, 0.7, 1.0], [[2, 5]], id="rising"),
        pytest.param([1.0, 0.7, 0.5, 0.3], [[2, 5]], id="falling"),
    ],
)
def test_cells_above_one_another(heights, slices):
    assert found(made_of((30, 40, 2, *heights))).slices.tolist() == slices


def test_neighbours_stay_apart():
    rois = found(made_of((30, 40, 2, 0.9, 1.0), (30, 47, 2, 1.0, 0.8)))
    assert rois.slices.tolist() == [[2, 3], [2, 3]]
    assert rois.circles[:, 1].tolist() == [40, 47]


def test_a_cell_that_drifts_is_one_as_long_as_its_centre_stays_inside():
    planes = np.stack([spots(SHAPE, [(30, 30 + 2 * z)], 2.0) for z in range(6)])
    assert found(planes).slices.tolist() == [[0, 5]]
    jumping = np.stack([spots(SHAPE, [(30, 20 + 6 * z)], 2.0) for z in range(6)])
    assert len(found(jumping)) == 6


def test_mask_and_fewest_slices():
    planes = made_of((20, 30, 1, 0.9, 1.0, 0.9), (50, 60, 4, 0.9))
    mask = np.zeros(SHAPE, bool)
    mask[40:] = True
    assert found(planes, mask=mask).slices.tolist() == [[4, 4]]
    assert found(planes, min_slices=2).slices.tolist() == [[1, 3]]


def test_slices_are_normalised_together():
    """Noise in a dim slice stays noise."""
    rng = np.random.default_rng(0)
    planes = made_of((20, 30, 1, 1.0)) + rng.normal(0, 0.005, (8, *SHAPE))
    assert len(detect_blobs(planes[6], PARAMS)) > 10
    assert len(found(planes)) == 1


def test_the_same_of_every_kind_of_array(monkeypatch):
    planes = made_of((20, 30, 1, 0.4, 1.0), (50, 60, 4, 0.8)).astype(np.float32)
    expected = found(planes)
    lazy = da.from_array(planes, chunks=(1, *SHAPE))
    stack = Stack.from_array(planes, "ZYX")
    for source in (lazy, stack):
        np.testing.assert_array_equal(found(source).circles, expected.circles)
    monkeypatch.setattr(volume, "KEPT_BYTES", 0)
    np.testing.assert_array_equal(found(lazy).circles, expected.circles)


def test_of_an_alignment(alignment):
    params = BlobParams(min_sigma=1.5, max_sigma=3, exclude_border=0)
    rois = found(alignment, params)
    expected = found(alignment.volume(), params)
    np.testing.assert_allclose(rois.circles, expected.circles)
    assert len(rois) > 5
    assert rois.slices.max() < alignment.stack.n_slices


def test_a_slice_without_good_frames_is_a_gap(alignment):
    quality = alignment.quality.copy()
    quality["used"][alignment.stack.frames_of_slice(1)] = False
    rois = found(replace(alignment, quality=quality), BlobParams(exclude_border=0))
    assert not np.any((rois.slices[:, 0] <= 1) & (rois.slices[:, 1] >= 1))
    assert len(rois) > 0


def test_partial_holds_what_is_done():
    planes = made_of((20, 30, 1, 0.4, 1.0), (50, 60, 6, 0.8))
    partials = [step.partial for step in detect_cells(planes, PARAMS) if step.partial is not None]
    assert [len(rois) for rois in partials] == [0, 1, 1, 1, 1, 1, 2, 2]


def test_no_cells():
    rois = found(made_of((20, 30, 1, 1.0)), PARAMS.replace(threshold=50))
    assert len(rois) == 0
    assert rois.slices.shape == (0, 2)


@pytest.mark.slow
@pytest.mark.thorough
def test_memory_does_not_grow_with_the_slices(monkeypatch):
    monkeypatch.setattr(volume, "KEPT_BYTES", 2**20)
    slices = da.random.default_rng(0).random((40, 256, 256), chunks=(1, 256, 256))
    job = detect_cells(slices, PARAMS.replace(threshold=0.3))
    tracemalloc.start()
    run(job)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 0.6 * slices.nbytes


BAD = {
    "all equal": (np.ones((3, 9, 9)), {}, "one and the same value"),
    "all NaN": (np.full((3, 9, 9), np.nan), {}, "no finite one"),
    "an image": (np.ones((9, 9)), {}, r"\(Z, Y, X\)"),
    "a list": ([[[1, 2]]], {}, "must be an array"),
    "empty": (np.ones((0, 9, 9)), {}, r"\(Z, Y, X\)"),
    "a recording": (Stack.from_array(np.ones((3, 9, 9), np.uint8)), {}, "without slices"),
    "channel": (Stack.from_array(np.ones((3, 9, 9), np.uint8), "ZYX"), {"channel": 1}, "channel"),
    "fewest slices": (np.ones((3, 9, 9)), {"min_slices": 0}, "min_slices must be at least 1"),
}


@pytest.mark.parametrize(("source", "arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_sentence(source, arguments, said):
    with pytest.raises(InputError, match=said):
        run(detect_cells(source, PARAMS, **arguments))


@pytest.mark.thorough
def test_cells_of_a_real_brain(cellfinder, shared_data):
    """56 cells that another program found, in 10 of 30 slices; what finds nothing is the negative.

    Precision proxy: in the volume upside down (dark for bright) there are no cells, and noise and
    structure of the same size as before; the cells found there are taken for false.
    """
    text = (shared_data / "cellfinder_crop3d" / "cell_classification.xml").read_text()
    numbers = re.findall(r"<Marker([XYZ])>(\d+)</Marker[XYZ]>", text)
    points = np.array([int(number) for _, number in numbers]).reshape(-1, 3)[:, [1, 0, 2]]
    assert len(points) == 56
    params = BlobParams(
        min_sigma=2.5,
        max_sigma=5,
        num_sigma=5,
        threshold=0.02,
        threshold_rel=0,
        overlap=0.3,
        exclude_border=0,
    )
    cells = found(cellfinder, params)
    upside_down = cellfinder.max() - cellfinder.astype(np.int32)
    false = len(found(upside_down, params))
    assert 1 - false / len(cells) >= 0.88
    near = [
        np.hypot(*(cells.circles[:, :2] - (y, x)).T)[
            (cells.slices[:, 0] <= z + 1) & (cells.slices[:, 1] >= z - 1)
        ].min(initial=np.inf)
        for y, x, z in points
    ]
    assert np.mean(np.array(near) <= 5) >= 0.95
