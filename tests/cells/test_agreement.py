"""Agreement of the three methods, matching and scores."""

import numpy as np
import pytest
from blob_model import spots

from napari_zstack_align import BlobParams, detect_blobs
from napari_zstack_align.cells import agreement, companions, detect_with_agreement
from napari_zstack_align.cells.matching import match, scores


class TestAgreement:
    def test_one_more_for_every_other_method(self):
        ours = np.array([[10, 10, 3.0], [30, 30, 3.0], [50, 50, 3.0]])
        near = np.array([[11, 12, 5.0], [50, 54, 5.0]])
        far = np.array([[10, 10, 1.0], [32, 32, 1.0]])
        assert agreement(ours, []).tolist() == [1, 1, 1]
        assert agreement(ours, [near]).tolist() == [2, 1, 1]
        assert agreement(ours, [near, far]).tolist() == [3, 2, 1]

    def test_one_to_one(self):
        ours = np.array([[10, 10, 5.0], [13, 10, 5.0]])
        assert agreement(ours, [np.array([[11, 10, 2.0]])]).tolist() == [2, 1]

    @pytest.mark.slow
    @pytest.mark.thorough
    def test_clear_spots_are_found_by_all_three(self):
        centres = [(30, 30), (30, 70), (70, 30), (70, 75)]
        image = spots((100, 110), centres, 3.5)
        result, count = detect_with_agreement(image, BlobParams(min_sigma=2.5, max_sigma=5))
        assert len(result) == 4
        assert count.tolist() == [3, 3, 3, 3]

    def test_none(self, cells):
        result, count = detect_with_agreement(cells[0], BlobParams(threshold=50))
        assert len(result) == len(count) == 0


class TestCompanions:
    def test_they_are_the_other_methods_with_their_defaults(self):
        for method in ("log", "dog", "doh"):
            others = companions(BlobParams(method=method, threshold=0.5))
            assert {method, *(each.method for each in others)} == {"log", "dog", "doh"}
            assert all(each == BlobParams(method=each.method) for each in others)

    def test_given_sizes_go_along_as_radii(self):
        dog, doh = companions(BlobParams(min_sigma=3, max_sigma=6))
        assert (dog.min_sigma, dog.max_sigma) == (3, 6)
        assert doh.min_sigma == pytest.approx(3 * np.sqrt(2))
        assert doh.max_sigma == pytest.approx(6 * np.sqrt(2))

    @pytest.mark.parametrize("sizes", [{"min_sigma": 0}, {"min_sigma": 2.9}, {"max_sigma": 0.3}])
    def test_sizes_that_do_not_fit_the_others(self, sizes):
        for each in companions(BlobParams(method="doh", **sizes)):
            assert 0 < each.min_sigma <= each.max_sigma


class TestMatch:
    def test_the_nearest_pair_first(self):
        first = np.array([[0, 0], [0, 3], [9, 9]], float)
        second = np.array([[0, 2], [0, 5], [50, 50]], float)
        rows, columns = match(first, second, 4)
        assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == [(1, 0)]

    def test_a_limit_each(self):
        first, second = np.array([[0, 0], [20, 0]], float), np.array([[3, 0], [23, 0]], float)
        assert match(first, second, [5, 2])[0].tolist() == [0]

    @pytest.mark.parametrize("shape", [(0, 2), (3, 2)])
    def test_none(self, shape):
        assert len(match(np.zeros(shape), np.zeros((0, 2)), 5)[0]) == 0
        assert len(match(np.zeros((0, 2)), np.zeros(shape), 5)[0]) == 0

    def test_scores(self):
        truth = np.array([[0, 0], [10, 0], [20, 0], [30, 0]], float)
        found = np.array([[1, 0], [1, 1], [11, 0], [70, 0], [90, 0]], float)
        precision, recall, f1 = scores(found, truth, 3)
        assert (precision, recall, f1) == (0.4, 0.5, pytest.approx(4 / 9))


class TestNuclei:
    """The preset on 125 hand-drawn nuclei of real tissue."""

    @pytest.fixture
    def truth(self, shared_data):
        path = shared_data / "stardist_dsb2d" / "centroids.csv"
        return np.genfromtxt(path, delimiter=",", names=True)

    def test_f1_within_the_radius_of_each_nucleus(self, stardist, truth):
        found = detect_blobs(stardist, BlobParams.nuclei())
        centres = np.column_stack([truth["y"], truth["x"]])
        radii = np.sqrt(truth["area"] / np.pi)
        precision, recall, f1 = scores(found[:, :2], centres, radii)
        assert precision >= 0.94
        assert recall >= 0.9
        assert f1 >= 0.93
        # Half a typical radius, for all.
        assert scores(found[:, :2], centres, 6)[2] >= 0.88
        # Not so with the defaults, made for small cells.
        assert scores(detect_blobs(stardist)[:, :2], centres, radii)[2] < 0.6
