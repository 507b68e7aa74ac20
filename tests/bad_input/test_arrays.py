"""Arrays that are no stacks, masks or references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusing import refused

import napari_zstack_align as nza
from napari_zstack_align.mask import as_weights
from napari_zstack_align.progress import run

GOOD = np.random.default_rng(0).integers(0, 999, (6, 32, 40)).astype(np.uint16)
NAN = float("nan")

NO_STACKS: dict[str, tuple[Any, dict[str, Any]]] = {
    "nothing": (None, {}),
    "a number": (3, {}),
    "a text": ("movie.tif", {}),
    "a list of unlike lists": ([[1, 2], [3]], {"axes": "YX"}),
    "no dimension": (np.float32(3), {"axes": ""}),
    "one dimension": (np.zeros(5), {"axes": "X"}),
    "too few axes": (GOOD, {"axes": "YX"}),
    "too many axes": (GOOD, {"axes": "TCYX"}),
    "an axis twice": (GOOD, {"axes": "TTX"}),
    "an unknown axis": (GOOD, {"axes": "QYX"}),
    "no Y": (GOOD, {"axes": "TZX"}),
    "axes of another type": (GOOD, {"axes": 3}),
    "no axes": (GOOD, {"axes": None}),
    "no frame": (GOOD[:0], {}),
    "no row": (GOOD[:, :0], {}),
    "no column": (GOOD[:, :, :0], {}),
    "true and false": (GOOD > 3, {}),
    "complex numbers": (GOOD.astype(complex), {}),
    "texts": (GOOD.astype(str), {}),
    "objects": (GOOD.astype(object), {}),
    "dates": (GOOD.astype("M8[s]"), {}),
    "records": (np.zeros((2, 3, 4), [("a", "u1")]), {}),
    "a frame rate of repeats": (GOOD, {"frames_per_slice": 0}),
    "negative repeats": (GOOD, {"frames_per_slice": -2}),
    "half a repeat": (GOOD, {"frames_per_slice": 1.5}),
    "NaN repeats": (GOOD, {"frames_per_slice": NAN}),
    "infinite repeats": (GOOD, {"frames_per_slice": float("inf")}),
    "repeats in words": (GOOD, {"frames_per_slice": "two"}),
    "a list of repeats": (GOOD, {"frames_per_slice": [2]}),
    "more repeats than frames": (GOOD, {"frames_per_slice": 7}),
    "an order without repeats": (GOOD, {"order": "repeats"}),
    "an unknown order": (GOOD, {"frames_per_slice": 2, "order": "sideways"}),
    "an order of another type": (GOOD, {"frames_per_slice": 2, "order": 3}),
    "pixels of 0 µm": (GOOD, {"pixel_size_um": (0, 1)}),
    "pixels of -1 µm": (GOOD, {"pixel_size_um": (-1, 1)}),
    "pixels of NaN µm": (GOOD, {"pixel_size_um": (NAN, 1)}),
    "pixels of infinite µm": (GOOD, {"pixel_size_um": (float("inf"), 1)}),
    "one pixel size": (GOOD, {"pixel_size_um": 0.5}),
    "three pixel sizes": (GOOD, {"pixel_size_um": (1, 1, 1)}),
    "a pixel size in words": (GOOD, {"pixel_size_um": ("half", "half")}),
    "a z-step of 0": (GOOD, {"z_step_um": 0}),
    "a z-step of NaN": (GOOD, {"z_step_um": NAN}),
    "a z-step in words": (GOOD, {"z_step_um": "two"}),
    "a list of z-steps": (GOOD, {"z_step_um": [1, 2]}),
    "too few times": (GOOD, {"frame_times_s": [0, 1]}),
    "times of two dimensions": (GOOD, {"frame_times_s": np.zeros((6, 2))}),
    "a time": (GOOD, {"frame_times_s": 3.0}),
    "times in words": (GOOD, {"frame_times_s": list("abcdef")}),
    "too many names": (GOOD, {"channel_names": ("a", "b")}),
    "one name as a text": (GOOD, {"channel_names": "green"}),
    "a number of names": (GOOD, {"channel_names": 3}),
    "an unknown word": (GOOD, {"pixelsize": 3}),
}


@pytest.mark.parametrize("name", NO_STACKS)
def test_an_array_that_is_no_stack(name: str) -> None:
    data, options = NO_STACKS[name]
    refused(lambda: nza.Stack.from_array(data, **options))


SHAPE = (32, 40)
NO_MASKS: dict[str, Any] = {
    "a number": 1.0,
    "a text": "mask.tif",
    "a list of unlike lists": [[1, 2], [3]],
    "another size": np.ones((32, 41)),
    "turned": np.ones((40, 32), bool),
    "a stack of masks": np.ones((1, *SHAPE)),
    "no pixel": np.ones((0, 40)),
    "a line": np.ones(40),
    "empty": np.zeros(SHAPE, bool),
    "no label": np.zeros(SHAPE, np.int32),
    "labels from 1": np.where(np.arange(40) > 20, np.ones(SHAPE, int) * 2, 1),
    "labels below 0": np.full(SHAPE, -1),
    "weights of 0": np.zeros(SHAPE),
    "weights above 1": np.full(SHAPE, 1.5),
    "weights below 0": np.full(SHAPE, -0.5),
    "NaN": np.full(SHAPE, NAN),
    "one NaN": np.where(np.arange(40) == 3, NAN, np.ones(SHAPE)),
    "infinity": np.full(SHAPE, np.inf),
    "complex": np.ones(SHAPE, complex),
    "texts": np.full(SHAPE, "yes"),
    "objects": np.full(SHAPE, None),
    "dates": np.ones(SHAPE, "M8[s]"),
    "records": np.ones(SHAPE, [("a", "u1")]),
    "a dictionary": {"a": 1},
}


@pytest.mark.parametrize("name", NO_MASKS)
def test_an_array_that_is_no_mask(name: str) -> None:
    refused(lambda: as_weights(NO_MASKS[name], SHAPE))


def test_one_label_everywhere_is_a_mask() -> None:
    for mask in (np.ones(SHAPE, bool), np.full(SHAPE, 3)):
        np.testing.assert_array_equal(as_weights(mask, SHAPE), np.ones(SHAPE))


@pytest.mark.parametrize("name", ["another size", "empty", "NaN", "texts", "a text"])
@pytest.mark.parametrize("job", ["adaptive", "keypoints", "blobs"])
def test_a_job_refuses_it_too(job: str, name: str) -> None:
    mask = NO_MASKS[name]
    stack = nza.Stack.from_array(GOOD, frames_per_slice=2)
    recording = nza.Stack.from_array(GOOD)
    jobs = {
        "adaptive": lambda: nza.align_adaptive(stack, mask=mask),
        "keypoints": lambda: nza.register_recordings([recording], mask=mask),
        "blobs": lambda: nza.detect_blobs(GOOD[0], mask=mask),
    }
    refused(jobs[job])


NO_REFERENCES: dict[str, Any] = {
    "a text": "mean.tif",
    "a number": 3.0,
    "a stack of images": np.ones((3, *SHAPE)),
    "all NaN": np.full(SHAPE, NAN),
    "texts": np.full(SHAPE, "a"),
    "complex": np.ones(SHAPE, complex),
    "no pixel": np.ones((0, 0)),
    "true and false": np.ones(SHAPE, bool),
    "a Stack": nza.Stack.from_array(GOOD),
}


@pytest.mark.parametrize("name", NO_REFERENCES)
def test_an_array_that_is_no_reference(name: str) -> None:
    recording = nza.Stack.from_array(GOOD)
    refused(lambda: nza.register_recordings([recording], reference=NO_REFERENCES[name]))


@pytest.mark.parametrize("size", range(1, 16))
def test_frames_too_small_for_keypoints(size: int) -> None:
    recording = nza.Stack.from_array(np.ones((30, size, 40), np.uint16))
    assert "too small" in refused(lambda: nza.register_recordings([recording]))


@pytest.mark.parametrize("size", [33, 48])
def test_small_frames_that_are_large_enough(size: int) -> None:
    """They have a single block, which can't turn."""
    movie = np.random.default_rng(size).integers(0, 999, (30, size, size)).astype(np.uint16)
    (alignment,) = run(nza.register_recordings([nza.Stack.from_array(movie)]))
    assert np.isfinite(alignment.transforms.matrices()).all()


STACK = nza.Stack.from_array(GOOD, frames_per_slice=2)
RECORDING = nza.Stack.from_array(GOOD)
CIRCLES = [[10.0, 12.0, 3.0]]
CALLS: dict[str, Any] = {
    "adaptive of nothing": lambda: nza.align_adaptive(None),
    "adaptive of an array": lambda: nza.align_adaptive(GOOD),
    "adaptive of a path": lambda: nza.align_adaptive("a.tif"),
    "adaptive of a recording": lambda: nza.align_adaptive(RECORDING),
    "adaptive with others' parameters": lambda: nza.align_adaptive(STACK, nza.KeypointParams()),
    "adaptive with a dictionary": lambda: nza.align_adaptive(STACK, {"alpha": 1}),
    "adaptive with 0 threads": lambda: nza.align_adaptive(STACK, threads=0),
    "adaptive with threads in words": lambda: nza.align_adaptive(STACK, threads="two"),
    "adaptive beyond the slices": lambda: nza.align_adaptive(
        STACK, nza.AdaptiveParams(start_slice=9)
    ),
    "adaptive of a missing channel": lambda: nza.align_adaptive(
        STACK, nza.AdaptiveParams(channel=3)
    ),
    "keypoints of nothing": lambda: nza.register_recordings(None),
    "keypoints of no recording": lambda: nza.register_recordings([]),
    "keypoints of arrays": lambda: nza.register_recordings([GOOD]),
    "keypoints of an array": lambda: nza.register_recordings(GOOD),
    "keypoints of a path": lambda: nza.register_recordings("a.tif"),
    "keypoints of a number": lambda: nza.register_recordings(3),
    "keypoints with others' parameters": lambda: nza.register_recordings(
        [RECORDING], nza.AdaptiveParams()
    ),
    "keypoints with -1 threads": lambda: nza.register_recordings([RECORDING], threads=-1),
    "keypoints of a missing channel": lambda: nza.register_recordings(
        [RECORDING], nza.KeypointParams(channel=1)
    ),
    "traces of nothing": lambda: nza.extract_traces(None, CIRCLES),
    "traces without ROIs": lambda: nza.extract_traces(RECORDING, []),
    "traces of ROIs that are nothing": lambda: nza.extract_traces(RECORDING, None),
    "traces of ROIs elsewhere": lambda: nza.extract_traces(RECORDING, [[999.0, 999.0, 3.0]]),
    "traces of huge ROIs": lambda: nza.extract_traces(RECORDING, [[10.0, 10.0, 999.0]]),
    "traces with others' parameters": lambda: nza.extract_traces(
        RECORDING, CIRCLES, params=nza.BlobParams()
    ),
    "traces with a stack for an alignment": lambda: nza.extract_traces(
        RECORDING, CIRCLES, RECORDING
    ),
    "traces with ids that repeat": lambda: nza.extract_traces(
        RECORDING, [[1, 1, 3], [5, 5, 3]], ids=[1, 1]
    ),
    "session traces of nothing": lambda: nza.extract_session_traces(None, CIRCLES, None),
    "session traces without alignments": lambda: nza.extract_session_traces(
        [RECORDING], CIRCLES, None
    ),
    "session traces of nothing else": lambda: nza.extract_session_traces(None, CIRCLES, []),
    "session traces of a number": lambda: nza.extract_session_traces(3, CIRCLES, [None]),
    "session traces of arrays": lambda: nza.extract_session_traces([GOOD], CIRCLES, [None]),
    "session traces of too few": lambda: nza.extract_session_traces([RECORDING], CIRCLES, []),
    "session traces of no recording": lambda: nza.extract_session_traces([], CIRCLES, []),
    "z-shift of nothing": lambda: nza.estimate_zshift(None, GOOD),
    "z-shift without a reference": lambda: nza.estimate_zshift(RECORDING, None),
    "z-shift in one slice": lambda: nza.estimate_zshift(RECORDING, GOOD[:1]),
    "z-shift in an image": lambda: nza.estimate_zshift(RECORDING, GOOD[0]),
    "z-shift in a text": lambda: nza.estimate_zshift(RECORDING, "volume.tif"),
    "z-shift in true and false": lambda: nza.estimate_zshift(RECORDING, GOOD > 3),
    "z-shift in NaN": lambda: nza.estimate_zshift(RECORDING, np.full((4, *SHAPE), NAN)),
    "z-shift in another size": lambda: nza.estimate_zshift(RECORDING, np.ones((4, 4, 4))),
    "z-shift with others' parameters": lambda: nza.estimate_zshift(
        RECORDING, GOOD, nza.TraceParams()
    ),
    "blobs in nothing": lambda: nza.detect_blobs(None),
    "blobs in a text": lambda: nza.detect_blobs("a.tif"),
    "blobs in a line": lambda: nza.detect_blobs(np.ones(5)),
    "blobs in a stack": lambda: nza.detect_blobs(GOOD),
    "blobs in no pixel": lambda: nza.detect_blobs(np.ones((0, 5))),
    "blobs in NaN": lambda: nza.detect_blobs(np.full(SHAPE, NAN)),
    "blobs in complex numbers": lambda: nza.detect_blobs(np.ones(SHAPE, complex)),
    "blobs in objects": lambda: nza.detect_blobs(np.full(SHAPE, None)),
    "blobs with others' parameters": lambda: nza.detect_blobs(GOOD[0], nza.TraceParams()),
    "repeats of nothing": lambda: nza.propose_frames_per_slice(None),
    "repeats of an array": lambda: nza.propose_frames_per_slice(GOOD),
    "a session of nothing": lambda: nza.save_session([], "x"),
    "reading beyond the end": lambda: RECORDING.read(0, 99),
    "reading before the start": lambda: RECORDING.read(-1, 3),
    "a plane of a recording": lambda: RECORDING.plane(0),
    "a plane that isn't there": lambda: STACK.plane(9),
    "slices of a recording": lambda: RECORDING.n_slices,
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_that_cannot_be(name: str) -> None:
    refused(CALLS[name])


@pytest.mark.parametrize("mask", ["mask.tif", Path("mask.npy")])
def test_the_name_of_a_file_is_no_mask(mask):
    with pytest.raises(nza.InputError, match=r"is the name of a file, mask\.\w+: load the image"):
        nza.align_adaptive(nza.Stack.from_array(GOOD, frames_per_slice=3), mask=mask)
    with pytest.raises(nza.InputError, match="is the name of a file"):
        nza.detect_blobs(GOOD[0], mask=mask)
