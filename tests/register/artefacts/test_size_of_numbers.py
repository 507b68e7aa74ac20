"""Pixel values may be of any size; where float32 can't hold their squares they are refused."""

from __future__ import annotations

import numpy as np
import pytest
from spoils import FIXED, N_REPEATS, clean, run_search

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.read.layout.similarity import similarities
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.brightness import Levels
from napari_zstack_align.register.recordings.events import intensity_outliers

FACTORS = [1e-12, 1e-9, 1e-6, 1e9]


def searched(frames: np.ndarray, repeats: int | None) -> Artefacts:
    stack = nza.Stack.from_array(frames, frames_per_slice=repeats, name="small.tif")
    return run_search(stack, AdaptiveParams())


@pytest.mark.slow
@pytest.mark.each_time(factor=2)
@pytest.mark.parametrize("factor", FACTORS)
@pytest.mark.parametrize("kind", ["adaptive", "keypoints"])
def test_hot_pixels_are_found_whatever_the_unit(factor, kind):
    frames, repeats = clean(kind)[0].copy(), N_REPEATS if kind == "adaptive" else None
    FIXED["hot_pixels"](frames, np.percentile(frames, 99.9))
    counts, scaled = (searched(frames.astype(np.float64) * f, repeats).fixed for f in (1.0, factor))
    assert counts is not None
    assert (counts != scaled).mean() < 1e-3


@pytest.mark.parametrize("factor", FACTORS)
def test_frames_are_as_alike_whatever_the_unit(factor):
    frames = clean("adaptive")[0].astype(np.float64)
    counts, scaled = (
        nza.run(similarities(nza.Stack.from_array(frames * f), 12, 2, 0)) for f in (1.0, factor)
    )
    np.testing.assert_allclose(scaled, counts, atol=1e-3)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_flash_is_found_whatever_the_unit(factor):
    frames = clean("keypoints")[0][:30].astype(np.float64)
    frames[11] += 3 * frames.std()
    levels = Levels.of((frames * factor).astype(np.float32))
    found = intensity_outliers(levels, float(frames.min() * factor), 8.0)
    assert np.flatnonzero(found).tolist() == [11]


REFUSED = {
    "float64, huge": (lambda frames: frames * 1e200, "divide them"),
    "float32, huge": (lambda frames: (frames * 1e30).astype(np.float32), "divide them"),
    "float32, tiny": (lambda frames: (frames * 1e-20).astype(np.float32), "multiply them"),
    "float64, tiny": (lambda frames: frames * 1e-200, "multiply them"),
    "uint64 on 2**63": (lambda frames: frames.astype(np.uint64) + 2**63, "take the offset off"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("repeats", [None, N_REPEATS])
def test_numbers_that_cant_be_reckoned_with_are_refused(case, repeats):
    change, words = REFUSED[case]
    frames = clean("adaptive")[0].astype(np.float64)
    frames[0] = 0  # an empty frame shows nothing of this
    with pytest.raises(InputError, match=words) as refused:
        searched(change(frames), repeats)
    assert "small.tif" in str(refused.value)


def test_whole_numbers_on_an_offset_that_leaves_their_digits_are_fine():
    frames = clean("keypoints")[0].astype(np.int64) + 2**52
    assert searched(frames, None).offset >= 2**52
