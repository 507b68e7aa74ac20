"""Blobs: the same as scikit-image's, inside a mask, in a region; and bad input."""

import numpy as np
import pytest
from blob_model import model_blobs, normalised, spots
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_zstack_align import BlobParams, InputError, detect_blobs, run
from napari_zstack_align.cells import ScaleSpace, build_scale_space, detect
from napari_zstack_align.cells import scale_space as scale_space_module

CASES = {
    "log": BlobParams(),
    "dog": BlobParams(method="dog"),
    "doh": BlobParams(method="doh"),
    "log, weak and crowded": BlobParams(
        threshold=0.005, threshold_rel=0, overlap=0.3, exclude_border=0
    ),
    "log, wide": BlobParams(min_sigma=3, max_sigma=9, threshold=0.02, exclude_border=0),
    "log, one scale": BlobParams(min_sigma=2, max_sigma=2, num_sigma=1),
    "log, equal scales": BlobParams(min_sigma=2, max_sigma=2, num_sigma=3),
    "dog, many scales": BlobParams(
        method="dog", min_sigma=1, max_sigma=10, sigma_ratio=1.3, threshold=0.01
    ),
    "doh, wide": BlobParams(method="doh", min_sigma=1, max_sigma=8, threshold=0.0005),
    "doh, relative": BlobParams(method="doh", min_sigma=1, threshold=1e-4, threshold_rel=0.05),
    "relative alone": BlobParams(threshold=0, threshold_rel=0.2),
    "no overlap": BlobParams(overlap=0, threshold=0.01),
    "all overlap": BlobParams(overlap=1, threshold=0.01),
}

by_case = pytest.mark.parametrize("params", CASES.values(), ids=CASES.keys())


def assert_same_blobs(image, params):
    image = normalised(image)
    expected = model_blobs(image, params)
    assert len(expected) > 0
    np.testing.assert_allclose(detect_blobs(image, params), expected, atol=1e-9)


class TestTheSameAsScikitImage:
    @by_case
    def test_spots_on_noise(self, cells, params):
        assert_same_blobs(cells[0], params)

    @pytest.mark.thorough
    @by_case
    def test_noise(self, noise, params):
        assert_same_blobs(noise, params)

    @pytest.mark.slow
    @by_case
    def test_nuclei(self, stardist, params):
        assert_same_blobs(stardist, params)

    @pytest.mark.slow
    @by_case
    def test_brain(self, cellfinder, params):
        assert_same_blobs(cellfinder[15], params)

    def test_the_default_image_is_normalised_first(self, stardist):
        expected = model_blobs(normalised(stardist), BlobParams())
        np.testing.assert_allclose(detect_blobs(stardist), expected)


@pytest.mark.parametrize("method", ["log", "dog", "doh"])
@pytest.mark.parametrize("sigma", [3.0, 5.0])
def test_a_spot_is_found_at_its_place_and_size(method, sigma):
    image = spots((80, 90), [(40, 33)], sigma)
    params = BlobParams(
        method=method, min_sigma=2, max_sigma=10, num_sigma=33, sigma_ratio=1.05, threshold=0.01
    )
    ((y, x, radius),) = detect_blobs(image, params)
    # The boxes of 'doh' are not centred, as in scikit-image.
    assert max(abs(y - 40), abs(x - 33)) <= (1 if method == "doh" else 0)
    # A difference tells sizes roughly, boxes hardly: they are made for flat discs.
    if method != "doh":
        assert radius == pytest.approx(np.sqrt(2) * sigma, rel=0.1 if method == "log" else 0.35)


def test_sorted_by_y_then_x(cells):
    found = detect_blobs(cells[0])
    assert found.dtype == np.float64
    assert found[:, :2].tolist() == sorted(found[:, :2].tolist())


class TestMask:
    def test_only_centres_inside_count(self, cells):
        image, _ = cells
        mask = np.zeros(image.shape, bool)
        mask[:, 60:120] = True
        everywhere = detect_blobs(image)
        inside = (everywhere[:, 1] >= 60) & (everywhere[:, 1] < 120)
        assert 0 < inside.sum() < len(everywhere)
        np.testing.assert_array_equal(detect_blobs(image, mask=mask), everywhere[inside])

    def test_its_edge_makes_no_blobs(self):
        bright = 1 + 0.001 * np.random.default_rng(0).random((64, 64))
        bright[0, 0] = 0
        mask = np.zeros((64, 64), bool)
        mask[20:26, 20:26] = True
        assert len(detect_blobs(bright * mask)) > 0
        assert len(detect_blobs(bright, mask=mask)) == 0

    @pytest.mark.parametrize(
        "mask", [np.full((160, 200), 7), np.full((160, 200), 0.2)], ids=["labels", "weights"]
    )
    def test_labels_and_weights(self, cells, mask):
        np.testing.assert_array_equal(detect_blobs(cells[0], mask=mask), detect_blobs(cells[0]))


class TestMissingPixels:
    def test_they_are_never_a_blob(self):
        image = spots((60, 60), [(20, 20), (40, 40)], 2.0)
        image[40, 40] = np.nan
        image[0, 0] = np.inf
        found = detect_blobs(image, BlobParams(exclude_border=0, min_sigma=1, max_sigma=3))
        assert [20, 20] in found[:, :2].tolist()
        assert [40, 40] not in found[:, :2].tolist()

    def test_they_count_as_the_smallest_value(self, cells):
        image = cells[0].copy()
        image[70:90, 70:90] = np.nan
        filled = np.where(np.isnan(image), np.nanmin(image), image)
        found = {tuple(row) for row in detect_blobs(image)}
        assert found <= {tuple(row) for row in detect_blobs(filled)}
        assert found


BAD_IMAGES = {
    "empty": (np.zeros((0, 5)), "is empty"),
    "all equal": (np.full((30, 30), 3), "Every pixel of the image is 3"),
    "all NaN": (np.full((30, 30), np.nan), "no finite value"),
    "one line": (np.zeros(30), r"an image \(Y, X\)"),
    "a volume": (np.zeros((3, 30, 30)), r"an image \(Y, X\)"),
    "complex": (np.zeros((30, 30), complex), "real numbers"),
    "ragged": ([[1, 2], [3]], "different lengths"),
    "huge": (np.array([[1e308, -1e308]] * 9), "too large"),
    "words": (np.full((3, 3), "a"), "real numbers"),
}


@pytest.mark.parametrize(("image", "said"), BAD_IMAGES.values(), ids=BAD_IMAGES.keys())
def test_bad_images_are_one_sentence(image, said):
    with pytest.raises(InputError, match=said) as caught:
        detect_blobs(image)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mask", "said"),
    [(np.ones((3, 3)), "shape"), (np.zeros((160, 200)), "empty")],
    ids=["another shape", "empty"],
)
def test_bad_masks_are_one_sentence(cells, mask, said):
    with pytest.raises(InputError, match=said):
        detect_blobs(cells[0], mask=mask)


def test_other_parameters(cells):
    with pytest.raises(InputError, match="must be BlobParams, not dict"):
        detect_blobs(cells, {"method": "log"})


def test_no_blobs_are_an_empty_array(cells):
    found = detect_blobs(cells[0], BlobParams(threshold=50))
    assert found.shape == (0, 3)


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (2, 2), (7, 5)])
@pytest.mark.parametrize("method", ["log", "dog", "doh"])
def test_tiny_images(shape, method):
    image = np.random.default_rng(1).random(shape)
    params = BlobParams(method=method, exclude_border=0)
    np.testing.assert_allclose(detect_blobs(image, params), detect_blobs(image * 7 + 3, params))


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.float32])
def test_dtypes(dtype):
    image = (spots((50, 50), [(25, 25)], 1.6) * 100).astype(np.uint8).astype(dtype)
    assert [25, 25] in detect_blobs(image)[:, :2].tolist()


class TestScaleSpace:
    def test_one_serves_all_thresholds(self, cells):
        image = cells[0]
        space = ScaleSpace.build(image, BlobParams())
        for changes in ({"threshold": 0.1}, {"overlap": 0.9}, {"exclude_border": 0}):
            params = BlobParams(**changes)
            np.testing.assert_array_equal(
                detect(space, params).circles, detect_blobs(image, params)
            )

    def test_another_scale_needs_another(self, cells):
        space = ScaleSpace.build(cells[0], BlobParams())
        assert space.fits(BlobParams(threshold=0.5, sigma_ratio=2))
        for changes in ({"max_sigma": 3}, {"num_sigma": 3}, {"method": "doh"}):
            assert not space.fits(BlobParams().replace(**changes))
            with pytest.raises(InputError, match="another method or other scales"):
                detect(space, BlobParams().replace(**changes))

    def test_it_is_immutable(self, cells):
        space = ScaleSpace.build(cells[0], BlobParams())
        with pytest.raises(ValueError, match="read-only"):
            space.strength[0] = 1

    def test_candidates_are_all_maxima_inside(self, cells):
        space = ScaleSpace.build(cells[0], BlobParams())
        mask = np.zeros(cells[0].shape, bool)
        mask[40:80] = True
        few, many = (detect(space, BlobParams(exclude_border=border), mask) for border in (50, 0))
        assert 0 < len(few.candidate_strengths) < len(many.candidate_strengths) < len(space.y)
        assert np.all(np.diff(many.candidate_strengths) <= 0)
        kept = many.candidate_strengths > many.threshold
        assert len(many) <= kept.sum()

    @by_case
    def test_a_region_is_exact_inside(self, cells, params):
        image, region = cells[0], (slice(30, 100), slice(0, 90))
        whole = ScaleSpace.build(image, params)
        part = ScaleSpace.build(image, params, region)
        assert not part.whole
        assert whole.whole
        inside = (whole.y >= 30) & (whole.y < 100) & (whole.x < 90)
        assert_same_maxima(part, whole, inside)

    @by_case
    def test_tiles_make_no_difference(self, cells, params, monkeypatch):
        whole = ScaleSpace.build(cells[0], params)
        monkeypatch.setattr(scale_space_module, "TILE_PX", 50)
        monkeypatch.setattr(scale_space_module, "REACHES", 0)
        tiled = ScaleSpace.build(cells[0], params)
        assert_same_maxima(tiled, whole, np.ones(len(whole.y), bool))
        np.testing.assert_allclose(tiled.largest, whole.largest, rtol=1e-9)

    def test_the_visible_region_comes_first(self, cells, monkeypatch):
        monkeypatch.setattr(scale_space_module, "TILE_PX", 80)
        seen = []
        visible = (slice(10, 60), slice(20, 90))
        job = build_scale_space(cells[0], BlobParams(), visible)
        whole = run(job, seen.append)
        partial = next(step.partial for step in seen if step.partial is not None)
        assert partial.region == visible
        assert seen[-1].done == seen[-1].total > 1
        assert_same_maxima(
            whole, ScaleSpace.build(cells[0], BlobParams()), np.ones(len(whole.y), bool)
        )

    def test_bad_images_are_told_at_the_call(self):
        with pytest.raises(InputError, match="Every pixel"):
            build_scale_space(np.ones((5, 5)), BlobParams())


def assert_same_maxima(space, other, rows):
    def table(space, rows):
        columns = [space.y, space.x, space.sigma, space.strength]
        table = np.column_stack([column[rows] for column in columns])
        # Maxima as weak as rounding errors come and go.
        return table[table[:, 3] > 1e-8]

    ours, theirs = table(space, slice(None)), table(other, rows)
    order = [np.lexsort(each[:, 2::-1].T) for each in (ours, theirs)]
    np.testing.assert_allclose(ours[order[0]], theirs[order[1]], atol=1e-10)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(12, 60), st.integers(12, 60)),
    method=st.sampled_from(["log", "dog", "doh"]),
    lowest=st.floats(1, 3),
    wider=st.floats(0, 4),
    overlap=st.floats(0, 1),
    threshold=st.floats(0.001, 0.1),
)
def test_any_image_gives_the_same_as_scikit_image(
    seed, shape, method, lowest, wider, overlap, threshold
):
    image = normalised(np.random.default_rng(seed).random(shape))
    params = BlobParams(
        method=method,
        min_sigma=lowest,
        max_sigma=lowest + wider,
        num_sigma=4,
        overlap=overlap,
        threshold=threshold,
        exclude_border=0,
    )
    np.testing.assert_allclose(detect_blobs(image, params), model_blobs(image, params), atol=1e-9)
