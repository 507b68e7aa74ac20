"""Alignments of stacks with artefacts are as exact as those of clean ones."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from spoils import FIXED, N_REPEATS, TRANSIENT, aligned, clean, error_px

import napari_zstack_align as nza
from napari_zstack_align.errors import ZstackAlignError

QUICK = {("adaptive", "block"), ("adaptive", "lit_rows"), ("keypoints", "hot_pixels")}
CASES = [
    pytest.param(m, kind, marks=() if (m, kind) in QUICK else pytest.mark.slow, id=f"{m}-{kind}")
    for m in ("adaptive", "keypoints")
    for kind in (*FIXED, *TRANSIENT)
]
HARMLESS = {
    ("adaptive", "rows_off"),
    *(("keypoints", kind) for kind in ("rows_off", "dead_row", "salt", "bright_frame")),
}
"""Those that an alignment bears as they are."""


@lru_cache
def limit_px(method: str) -> float:
    """Largest error: little more than that of clean frames."""
    frames, moves = clean(method)
    return 1.3 * error_px(aligned(frames, method), moves) + 0.02


@pytest.mark.parametrize(("method", "kind"), CASES)
def test_artefacts_hardly_move_an_alignment(method, kind):
    frames, moves = clean(method)
    frames = frames.copy()
    if kind in FIXED:
        level = 65535 if kind != "stripes" else float(np.percentile(frames, 99.9))
        FIXED[kind](frames, level)
    else:
        TRANSIENT[kind](frames)
    alignment = aligned(frames, method)
    assert error_px(alignment, moves) < limit_px(method)
    flagged = np.flatnonzero(alignment.quality["flag"] != "").tolist()
    assert flagged == ([len(frames) // 2] if kind == "bright_frame" else [])
    if (method, kind) in HARMLESS:
        return
    try:
        off = aligned(frames, method, find_artefacts=False)
    except ZstackAlignError:
        return
    spoiled = (off.quality["flag"] != "").sum() > len(flagged)
    assert spoiled or error_px(off, moves) > limit_px(method)


@pytest.mark.thorough
def test_a_huge_offset_makes_no_difference():
    frames, _ = clean("adaptive")
    plain, offset = aligned(frames, "adaptive"), aligned(frames + 1e9, "adaptive")
    for t in (0, len(frames) - 1):
        difference = plain.transforms.displacement(t) - offset.transforms.displacement(t)
        assert np.abs(difference).max() < 0.01
    np.testing.assert_allclose(offset.reference, plain.reference + 1e9, atol=64)


@pytest.mark.thorough
@pytest.mark.slow
def test_slices_kept_with_other_artefacts_are_not_taken_over(tmp_path):
    frames, _ = clean("adaptive")
    frames = frames.copy()
    FIXED["column"](frames, 65535)
    stack = nza.Stack.from_array(frames, frames_per_slice=N_REPEATS)
    fixed = np.zeros(frames.shape[1:], bool)
    fixed[:, 47] = True
    journal = tmp_path / "run.zalign"
    nothing = nza.align_adaptive(stack, artefacts=np.zeros_like(fixed), journal=journal)
    nza.run(nothing)
    again = nza.run(nza.align_adaptive(stack, artefacts=fixed, journal=journal))
    fresh = nza.run(nza.align_adaptive(stack, artefacts=fixed))
    np.testing.assert_array_equal(
        again.transforms.displacement(3), fresh.transforms.displacement(3)
    )
