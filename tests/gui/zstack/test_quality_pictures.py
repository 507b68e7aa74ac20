"""Sections, means and sharpness before and after: made in a worker, here without one."""

from __future__ import annotations

import numpy as np
import pytest
from stacks import small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.zstack.quality_pictures import quality_pictures
from napari_zstack_align.write.report.means import pairs_of


@pytest.fixture(scope="module")
def alignment():
    return nza.run(nza.align_adaptive(small_zstack(n_slices=2, n_repeats=5)))


def test_the_aligned_means_are_sharper_than_the_raw_ones(alignment):
    found = nza.run(quality_pictures(alignment))
    before, after = found.sharpness
    assert np.all(after > 1.05 * before)
    assert f"× {np.median(after / before):.2f}" in found.words
    assert sorted(found.parts) == [0, 1]


def test_sections_are_those_of_the_report(alignment):
    """Halves of 3 and 2 repeats count alike in the mean: that is noise, and no more."""
    found = nza.run(quality_pictures(alignment))
    theirs = nza.run(pairs_of(alignment))[-2:]
    for column, pair in zip(found.sections, theirs, strict=True):
        assert column.caption in pair.title
        for picture, image in zip(column.pictures, (pair.before, pair.after), strict=True):
            assert picture.shape == image.shape
            known = np.isfinite(image)
            assert np.corrcoef(picture[known], image[known])[0, 1] > 0.95


def test_a_slice_without_used_repeats_has_no_picture_and_no_sharpness(alignment):
    used = alignment.quality["used"].copy()
    alignment.quality["used"][:5] = False
    try:
        found = nza.run(quality_pictures(alignment))
    finally:
        alignment.quality["used"] = used
    assert list(found.parts) == [1]
    assert np.isnan(found.sharpness[:, 0]).all()
    assert np.isfinite(found.sharpness[:, 1]).all()
