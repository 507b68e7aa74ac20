"""Bad input: one clear sentence each, at the call."""

from __future__ import annotations

import numpy as np
import pytest
from slow_traces import alignment_of

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import identity


def stack(n_frames: int = 6, shape: tuple[int, int] = (32, 40)) -> nza.Stack:
    return nza.Stack.from_array(np.ones((n_frames, *shape), np.uint16), name="movie")


def aligned(of: nza.Stack) -> nza.Alignment:
    return alignment_of(of, *identity(of.n_frames, (of.shape[2], of.shape[3])).links)


def zstack() -> nza.Stack:
    return stack().replace(frames_per_slice=2, order="repeats")


GOOD = [[10, 10, 3]]


def on_slice(z: int) -> nza.Rois:
    return nza.Rois.of(GOOD, slices=[[z, z]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nza.extract_traces(np.ones((3, 9, 9)), GOOD, None), "open_stack"),
        (lambda: nza.extract_traces(stack(), np.empty((0, 3)), None), "no ROIs"),
        (lambda: nza.extract_traces(stack(), [[100, 100, 3]], None), "outside the image"),
        (lambda: nza.extract_traces(stack(), [[10, 10, 99]], None), "radius of 99 px"),
        (lambda: nza.extract_traces(stack(), [[10, 10]], None), "y, x and radius"),
        (lambda: nza.extract_traces(stack(), [[10, np.nan, 3]], None), "finite"),
        (lambda: nza.extract_traces(stack(), GOOD * 2, None, ids=[4, 4]), "4"),
        (lambda: nza.extract_traces(stack(), nza.Rois.of(GOOD), None, ids=[1]), "their own"),
        (lambda: nza.extract_traces(stack(7), GOOD, aligned(stack(6))), "7 frames.*6"),
        (
            lambda: nza.extract_traces(stack(6, (30, 40)), GOOD, aligned(stack(6))),
            "30 × 40.*32 × 40",
        ),
        (lambda: nza.extract_traces(stack(), GOOD, "rec.zalign"), "the Alignment"),
        (
            lambda: nza.extract_traces(stack(), GOOD, None, nza.BlobParams()),
            "must be TraceParams",
        ),
        (lambda: nza.extract_traces(zstack(), on_slice(3), None), "slices 0 to 2"),
        (lambda: nza.extract_traces(stack(), GOOD, None, threads=0), "threads"),
        (lambda: nza.extract_session_traces([], GOOD, []), "no recordings"),
        (lambda: nza.extract_session_traces([stack()], GOOD, []), "1 recording, but 0"),
        (lambda: nza.TraceParams(dark_level=(1,), dark_frames=(0, 2)), "not both"),
        (lambda: nza.TraceParams(dark_frames=(5, 2)), "dark_frames"),
    ],
    ids=[
        "no stack",
        "zero ROIs",
        "all outside",
        "too large",
        "no circles",
        "nan",
        "duplicate ids",
        "ids twice",
        "another length",
        "another size",
        "a path as alignment",
        "other parameters",
        "slice beyond the z-stack",
        "no threads",
        "empty session",
        "alignment missing",
        "two dark levels",
        "dark frames reversed",
    ],
)
def test_sentence(call, message: str) -> None:
    with pytest.raises(nza.InputError, match=message) as raised:
        call()
    assert str(raised.value).endswith(".")


def test_one_roi_outside_is_nan_and_told() -> None:
    traces = nza.run(nza.extract_traces(stack(), [*GOOD, [-20, 5, 3]], None, ids=[3, 8]))
    assert np.isfinite(traces.F[0, 0]).all()
    assert np.isnan(traces.F[0, 1]).all()
    assert np.isnan(traces.motion_explained[0, 1])
    assert any("never inside" in remark and "(8)" in remark for remark in traces.remarks)


def test_rois_of_slices_in_a_recording_are_told() -> None:
    def remarks(of: nza.Stack) -> str:
        return " ".join(nza.run(nza.extract_traces(of, on_slice(2))).remarks)

    assert "movie is a recording" in remarks(stack())
    assert "is a recording" not in remarks(zstack())


def test_without_an_alignment_motion_explains_nobody_knows_how_much() -> None:
    values = np.random.default_rng(0).integers(100, 900, (20, 32, 40)).astype(np.uint16)
    still = nza.Stack.from_array(values)
    assert np.isnan(nza.run(nza.extract_traces(still, GOOD)).motion_explained).all()
    known = nza.run(nza.extract_traces(still, GOOD, aligned(still)))
    np.testing.assert_array_equal(known.motion_explained, 0)


def test_roi_without_neuropil_is_not_corrected() -> None:
    # Cells all around leave nothing of the ring.
    around = [[16 + 5 * i, 20 + 5 * j, 3] for i in (-1, 0, 1) for j in (-1, 0, 1)]
    traces = nza.run(
        nza.extract_traces(stack(), around, None, nza.TraceParams(neuropil_width_um=1.0))
    )
    assert np.isnan(traces.Fneu[0, 4]).all()
    np.testing.assert_array_equal(traces.corrected[0, 4], traces.F[0, 4])
    assert any("without neuropil" in remark for remark in traces.remarks)
