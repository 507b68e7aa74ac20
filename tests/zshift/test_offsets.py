"""Depths, and movies that follow from them, are the same on any offset."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from tissue import N_SLICES, drift, estimate, record, volume

import napari_zstack_align as nza

N_FRAMES = 8
SIGNAL = 400.0
OFFSETS = [
    (1e6, "float64"),
    (1e9, "float64"),
    (-1e9, "float64"),
    (54_500, "float32"),
    (54_500, "uint16"),
    (10**9, "int32"),
]
WHERE = [(1, 1), (1, 0), (0, 1)]
"""In the recording, in the reference, or in both."""


def counts(images: np.ndarray) -> np.ndarray:
    """Whole counts up to `SIGNAL`."""
    low, high = np.percentile(images, (0, 99.9))
    return np.round(np.clip((images - low) / (high - low), 0, 1) * SIGNAL)


FRAMES = counts(record(drift(N_FRAMES), photons=300).astype(float))
SLICES = counts(volume().astype(float))


@lru_cache(maxsize=1)
def plain() -> nza.ZShift:
    return estimate(FRAMES.astype(np.uint16), SLICES)


def largest(found: np.ndarray) -> float:
    return float(np.nanmax(np.abs(found)))


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.each_time(here=1)
@pytest.mark.parametrize(("here", "there"), WHERE)
@pytest.mark.parametrize(("offset", "dtype"), OFFSETS)
def test_an_offset_changes_no_depth(offset, dtype, here, there):
    frames = (FRAMES + here * offset).astype(dtype)
    found = estimate(frames, (SLICES + there * offset).astype(dtype))
    assert largest(found.z - plain().z) < 0.001
    sure = plain().patch_confidence > 0.5
    assert largest((found.raw_patch_z - plain().raw_patch_z)[sure]) < 0.01
    np.testing.assert_allclose(found.confidence, plain().confidence, atol=1e-3)
    corrected, simulated = (
        movie.compute().astype(np.float64) for movie in (found.corrected(), found.simulate())
    )
    assert largest(corrected - here * offset - plain().corrected().compute()) < 0.5
    assert largest(simulated - there * offset - plain().simulate().compute()) < 0.5


def test_types_of_ordinary_data_stay() -> None:
    found = estimate(FRAMES.astype(np.uint16), SLICES)
    assert found.reference.dtype == found.corrected().dtype == found.simulate().dtype == np.float32


@lru_cache(maxsize=2)
def repeats(offset: float) -> tuple[nza.Alignment, nza.ZShift]:
    """Alignment of repeats, and the depths of a recording in it, which is aligned, too."""
    rng = np.random.default_rng(0)
    slices = (SLICES[:, None] + rng.normal(0, 10, (N_SLICES, 2, *SLICES.shape[1:]))).round()
    stack = nza.Stack.from_array(
        slices.reshape(-1, *SLICES.shape[1:]) + offset,
        frames_per_slice=2,
        pixel_size_um=(1.0, 1.0),
        z_step_um=2.0,
    )
    reference = nza.run(nza.align_adaptive(stack))
    recording = nza.Stack.from_array(FRAMES + offset, pixel_size_um=(1.25, 1.25))
    aligned = nza.run(nza.register_recordings([recording], nza.KeypointParams(chunk_frames=8)))[0]
    return reference, estimate(recording, reference, alignment=aligned)


@pytest.mark.slow
@pytest.mark.thorough
def test_an_offset_changes_no_depth_in_an_alignment(tmp_path) -> None:
    (_, plain), (reference, found) = (repeats(offset) for offset in (0.0, 1e9))
    np.testing.assert_allclose(found.z, plain.z, atol=0.02)
    assert (found.confidence > 0.5).sum() == (plain.confidence > 0.5).sum()
    assert reference.volume().dtype == np.float32
    again = nza.load(found.save(tmp_path / "depths"))
    seen, kept = (each.reference.read(0, N_SLICES) for each in (found, again))
    np.testing.assert_array_equal(seen, kept)
    # Transforms differ in their last digits, and where processors differ by 0.01 px: far less than
    # a step of float32 at 1e9, which is 64 counts.
    off = np.abs(seen - 1e9 - plain.reference.read(0, N_SLICES))
    assert largest(off) < 0.01 * SIGNAL
    assert float(np.nanmean(off)) < 0.05


def test_slices_of_which_one_alone_needs_more_digits() -> None:
    """A slice that is nearly blank, on the offset of the others."""
    dim = [np.where(np.arange(N_SLICES) == 10, 0.02, 1.0)[:, None, None] * SLICES + 3e6] * 2
    found = estimate(FRAMES.astype(np.uint16), dim[0])
    kept = found.reference.read(0, N_SLICES)[:, 0]
    np.testing.assert_allclose(kept, dim[0], rtol=0, atol=0.25)
    assert all(a.dtype == b.dtype for a, b in pairwise([kept, found.simulate()]))
