"""The verdict on the repeats of a slice."""

from __future__ import annotations

import numpy as np

from napari_zstack_align.alignment.quality import Compared
from napari_zstack_align.register.repeats import Registered, judge_repeats
from napari_zstack_align.register.slice_units import arrays_of_repeats, repeats_of_arrays

SHAPE = (48, 56)
STILL = np.zeros((2, 3, 4), np.float32)


def registered(before: np.ndarray, after: np.ndarray, field: float) -> Registered:
    compared = Compared(before, after, np.ones(SHAPE, bool))
    return Registered(STILL + np.float32(field), compared, None, None)


def images(n: int, noise: float = 0.3) -> list[np.ndarray]:
    """The same tissue n times, with noise."""
    rng = np.random.default_rng(0)
    tissue = rng.standard_normal(SHAPE)
    return [(tissue + noise * rng.standard_normal(SHAPE)).astype(np.float32) for _ in range(n)]


def test_a_frame_that_its_field_makes_worse_is_left_out():
    """Also where there are too few repeats to tell an outlier by."""
    good = images(3)
    frames = [registered(image, image, field) for image, field in zip(good, (1, 2, 9), strict=True)]
    spoiled = np.roll(good[2], 5, axis=1)
    frames[2] = registered(good[2], spoiled, 9)
    verdict = judge_repeats(frames, STILL, None, None, outlier_mad=5)
    assert verdict.used.tolist() == [True, True, False]
    fault = verdict.faults[2]
    assert fault is not None
    assert fault.flag == "not improved"
    assert fault.detail.startswith("not improved: correlation")
    np.testing.assert_allclose(verdict.coefficients[2], 1.5)


def test_the_used_repeats_are_centred_on_their_mean():
    frames = [registered(image, image, f) for image, f in zip(images(3), (1, 2, 6), strict=True)]
    frames.append(registered(images(1)[0], np.roll(images(1)[0], 5, axis=1), 50))
    verdict = judge_repeats(frames, STILL, None, None, outlier_mad=5).centred()
    assert verdict.used.tolist() == [True, True, True, False]
    np.testing.assert_allclose(verdict.coefficients[:, 0, 0, 0], [-2, -1, 3, 0], atol=1e-6)


def test_repeats_that_are_left_in_place_still_tell_how_the_tissue_moves():
    frames = [registered(image, image, f) for image, f in zip(images(3), (1, 2, 6), strict=True)]
    still = judge_repeats(frames, STILL, None, None, outlier_mad=5).still()
    assert not still.coefficients.any()
    np.testing.assert_allclose(still.witness[:, 0, 0, 0], [-2, -1, 3], atol=1e-6)
    kept = repeats_of_arrays(arrays_of_repeats(still))
    np.testing.assert_array_equal(kept.witness, still.witness)
