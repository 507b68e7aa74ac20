"""Strengths of candidates: histogram and elbow."""

import numpy as np
import pytest

from napari_zstack_align import BlobParams
from napari_zstack_align.cells import ScaleSpace, detect, elbow, histogram


class TestElbow:
    @pytest.mark.parametrize("n_noise", [300, 3000])
    def test_between_cells_and_noise(self, n_noise):
        rng = np.random.default_rng(0)
        cells, noise = rng.uniform(0.3, 0.9, 60), np.abs(rng.normal(0, 0.02, n_noise))
        threshold = elbow(np.concatenate([cells, noise]))
        assert np.mean(cells > threshold) == 1
        assert np.mean(noise > threshold) < 0.03

    def test_of_an_image(self, cells):
        image, centres = cells
        params = BlobParams(min_sigma=1.2, max_sigma=3, exclude_border=0)
        space = ScaleSpace.build(image, params)
        threshold = elbow(detect(space, params).candidate_strengths)
        found = detect(space, params.replace(threshold=threshold, threshold_rel=0))
        assert 0.75 * len(centres) <= len(found) <= 1.25 * len(centres)

    def test_order_and_unit_do_not_matter(self):
        strengths = np.random.default_rng(1).exponential(size=200)
        assert elbow(strengths[::-1]) == elbow(strengths)
        assert elbow(strengths * 100) == pytest.approx(100 * elbow(strengths))

    @pytest.mark.parametrize("strengths", [[], [1.0] * 7, [2.0] * 50, [np.nan] * 50, [-1.0] * 50])
    def test_where_none_can_be_told(self, strengths):
        assert elbow(strengths) is None


class TestHistogram:
    def test_it_counts_everything(self):
        strengths = np.random.default_rng(2).exponential(size=500)
        counted = histogram(strengths, n_bins=20)
        assert counted.counts.sum() == 500
        assert len(counted.edges) == 21
        assert counted.edges[-1] >= strengths.max()

    def test_of_nothing(self):
        assert histogram([]).counts.sum() == 0
