"""A small signal on a huge offset goes through every step as it does without the offset."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.parallel import worker_threads
from napari_zstack_align.register.artefacts.search import search
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats

OFFSETS = {"plain": 100.0, "uint16": 54_500.0, "float64": 1e9}
"""The second is that of a published set-up."""
SIGNAL, TOP = 400.0, 65_535
SIZE, REPEATS = 96, 5


def on_offset(frames: np.ndarray, kind: str) -> np.ndarray:
    """Frames of some 400 counts (T, Y, X) on an offset."""
    low, high = np.percentile(frames, (0.1, 99.5))
    counts = np.clip(np.round((frames - low) / (high - low) * SIGNAL), 0, 3 * SIGNAL)
    return (counts + OFFSETS[kind]).astype(np.float64 if kind == "float64" else np.uint16)


@lru_cache(maxsize=8)
def recording(kind: str) -> nza.Stack:
    made = recording_with_motion(n_frames=40, size=SIZE, max_displacement_px=3.0, seed=2)
    return nza.Stack.from_array(on_offset(made.stack.read(0, 40)[:, 0].astype(float), kind))


@lru_cache(maxsize=8)
def zstack(kind: str) -> nza.Stack:
    made = zstack_with_repeats(n_slices=3, n_repeats=REPEATS, size=SIZE, drift_px=6.0, seed=2)
    frames = made.stack.read(0, 3 * REPEATS)[:, 0].astype(float)
    return nza.Stack.from_array(on_offset(frames, kind), frames_per_slice=REPEATS)


@lru_cache(maxsize=8)
def registered(kind: str) -> nza.Alignment:
    params = nza.KeypointParams(chunk_frames=20)
    return nza.run(nza.register_recordings([recording(kind)], params))[0]


def fields(alignment: nza.Alignment) -> np.ndarray:
    chosen = range(0, alignment.stack.n_frames, 7)
    return np.stack([alignment.transforms.displacement(t) for t in chosen])


def keypoints(kind: str) -> np.ndarray:
    return fields(registered(kind))


def adaptive(kind: str) -> np.ndarray:
    return fields(nza.run(nza.align_adaptive(zstack(kind))))


def blobs(kind: str, method: str) -> np.ndarray:
    image = recording(kind).read(0, 40)[:, 0].astype(np.float64).mean(axis=0)
    return nza.detect_blobs(image, nza.BlobParams(method=method))


def fill(kind: str) -> np.ndarray:
    """The rim of an aligned frame, above the offset."""
    return registered(kind).aligned()[20].compute().astype(np.float64) - OFFSETS[kind]


def traces(kind: str, what: str) -> np.ndarray:
    params = nza.TraceParams(dark_level=(OFFSETS[kind] - 20,))
    rois = np.array([[30.0, 40, 4], [60, 50, 5], [48, 70, 4]])
    found = getattr(nza.run(nza.extract_traces(recording(kind), rois, None, params)), what)
    return found.astype(np.float64) - (OFFSETS[kind] if what == "F" else 0)


def hot_pixels(kind: str) -> np.ndarray:
    frames = recording(kind).read(0, 40)[:, 0].copy()
    y, x = np.random.default_rng(0).integers(10, SIZE - 10, (2, 12))
    frames[:, y, x] += np.array(2 * SIGNAL).astype(frames.dtype)
    with worker_threads(1) as pool:
        job = search(nza.Stack.from_array(frames), nza.KeypointParams(), pool)
        found = nza.run(job).fixed
    assert found is not None
    return found.astype(float)


def saturation(kind: str) -> np.ndarray:
    """Which repeats are flagged, of which one is saturated on a tenth of its pixels."""
    frames = zstack(kind).read(0, 3 * REPEATS)[:, 0].copy()
    frames[7, :10] = TOP
    stack = nza.Stack.from_array(frames, frames_per_slice=REPEATS)
    return (nza.run(nza.align_adaptive(stack)).quality["flag"] == "saturated").astype(float)


def zshift(kind: str, what: str) -> np.ndarray:
    stack = zstack(kind)
    frames = stack.read(0, 3 * REPEATS)[:, 0].astype(np.float64)
    reference = np.stack(
        [frames[z * REPEATS : (z + 1) * REPEATS - 1].mean(axis=0) for z in range(3)]
    )
    movie = nza.Stack.from_array(stack.read(0, 3 * REPEATS)[REPEATS - 1 :: REPEATS, 0])
    found = nza.run(nza.estimate_zshift(movie, reference))
    if what == "z":
        return found.z
    return getattr(found, what)()[1].compute().astype(np.float64) - OFFSETS[kind]


Step = Callable[..., np.ndarray]
STEPS: list[tuple[Step, tuple[Any, ...], float]] = [
    (keypoints, (), 0.01),
    (adaptive, (), 0.01),
    (blobs, ("log",), 1e-3),
    (blobs, ("dog",), 1e-3),
    (blobs, ("doh",), 1e-3),
    (fill, (), 1.0),
    (traces, ("F",), 0.01),
    (traces, ("dff",), 1e-4),
    (hot_pixels, (), 0.0),
    (saturation, (), 0.0),
    (zshift, ("z",), 0.01),
    (zshift, ("corrected",), 0.5),
    (zshift, ("simulate",), 0.5),
]
CASES = [
    pytest.param(kind, *step, id="-".join([kind, step[0].__name__, *step[1]]))
    for kind in ("uint16", "float64")
    for step in STEPS
    # Detectors' tops and a fill need whole numbers.
    if kind == "uint16" or step[0] not in (saturation, fill)
]
FLOAT32_STEP = 64.0
"""Of F, which is float32, at 1e9."""


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "step", "options", "tolerance"), CASES)
def test_a_step_gives_what_it_gives_without_the_offset(kind, step, options, tolerance):
    if kind == "float64" and options == ("F",):
        tolerance = FLOAT32_STEP
    expected, found = step("plain", *options), step(kind, *options)
    assert np.isfinite(expected).any()
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
