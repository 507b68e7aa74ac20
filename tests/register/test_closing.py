"""The end of an alignment: frames that it made worse, and what noise allows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink
from napari_zstack_align.register.closing import with_worse_put_back, worse_than_before
from napari_zstack_align.samples import zstack_with_repeats


@pytest.fixture(scope="module")
def aligned() -> nza.Alignment:
    sample = zstack_with_repeats(
        n_slices=3, n_repeats=5, size=160, photons=10, max_displacement_px=4, seed=4
    )
    return nza.run(nza.align_adaptive(sample.stack))


def test_a_run_reaches_what_noise_allows(aligned) -> None:
    limit = aligned.provenance["noise_limit"]
    after = np.median(aligned.quality["correlation_after"])
    assert 0.5 < limit < 1
    assert after == pytest.approx(limit, abs=0.03)
    assert f"photon noise allows about {limit:.2f}" in aligned.summary()


def test_good_frames_stay(aligned) -> None:
    assert with_worse_put_back(aligned) is aligned


def test_a_frame_that_became_worse_keeps_its_raw_place(aligned) -> None:
    quality = aligned.quality.copy()
    quality["correlation_before"][7], quality["correlation_after"][7] = 0.8, 0.4
    result = with_worse_put_back(replace(aligned, quality=quality))
    row = result.quality[7]
    assert (row["flag"], bool(row["used"])) == ("not improved", False)
    assert "0.40 after, 0.80 before: it keeps its raw place" in row["detail"]
    assert row["correlation_after"] == row["correlation_before"]
    assert not result.transforms.displacement(7).any()
    assert aligned.transforms.displacement(7).any()
    np.testing.assert_array_equal(result.aligned_frame(7), aligned.stack.read(7, 8)[0, 0])
    others = np.delete(np.arange(15), 7)
    np.testing.assert_array_equal(result.quality[others], aligned.quality[others])
    for t in others:
        np.testing.assert_array_equal(
            result.transforms.displacement(t), aligned.transforms.displacement(t)
        )
    assert "1 flagged (1 not improved)" in result.summary()


def test_the_raw_place_of_a_recording_is_where_it_is_expected(aligned) -> None:
    spline = aligned.transforms.links[0]
    assert isinstance(spline, SplineLink)
    matrices = np.tile(np.eye(3), (15, 1, 1))
    matrices[:, 0, 2] = 3
    transforms = replace(aligned.transforms, links=(AffineLink(matrices), spline))
    quality = aligned.quality.copy()
    quality["correlation_before"][2] = quality["correlation_after"][2] + 0.3
    place = np.diag([1.5, 1.5, 1.0])
    result = with_worse_put_back(replace(aligned, transforms=transforms, quality=quality), place)
    points = np.array([[10.0, 20.0]])
    np.testing.assert_allclose(result.transforms.to_raw(points, 2), [[15, 30]])


def test_worse_is_worse_by_more_than_noise() -> None:
    before, after = np.array([0.5, 0.5, 0.5, np.nan]), np.array([0.46, 0.44, np.nan, 0.1])
    assert worse_than_before(before, after, 10**6).tolist() == [False, True, False, False]
    assert not worse_than_before(before, after, 1000).any()  # a small image: noise alone does that
