from __future__ import annotations

import numpy as np
import pytest
from slow_traces import alignment_of

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.samples import SampleRecording, session_with_motion


@pytest.fixture(scope="module")
def session() -> list[SampleRecording]:
    return session_with_motion(2, n_frames=(20, 30), size=192, offset_px=14, seed=4)


def test_each_recording_as_if_alone(session: list[SampleRecording]) -> None:
    stacks = [sample.stack for sample in session]
    alignments = [alignment_of(s.stack, AffineLink(s.affine)) for s in session]
    rois = nza.Rois.of(session[0].cells)
    partials = []
    together = nza.run(
        nza.extract_session_traces(stacks, rois, alignments),
        lambda progress: partials.append(progress.partial),
    )
    assert [t.recording for t in together] == [stack.name for stack in stacks]
    for traces, stack, alignment in zip(together, stacks, alignments, strict=True):
        alone = nza.run(nza.extract_traces(stack, rois, alignment))
        np.testing.assert_array_equal(traces.F, alone.F)
        np.testing.assert_array_equal(traces.frame_times_s, stack.frame_times_s)
    np.testing.assert_array_equal(together[0].ids, together[1].ids)
    given = [partial for partial in partials if partial is not None]
    assert [len(partial) for partial in given] == [1, 2]


def test_cells_keep_their_brightness_across_recordings(session: list[SampleRecording]) -> None:
    alignments = [alignment_of(s.stack, AffineLink(s.affine)) for s in session]
    stacks = [sample.stack for sample in session]
    aligned = nza.run(nza.extract_session_traces(stacks, session[0].cells, alignments))
    still = nza.run(nza.extract_session_traces(stacks, session[0].cells, [None, None]))

    known = np.logical_and.reduce([np.isfinite(t.F[0]).all(axis=1) for t in (*aligned, *still)])
    assert known.sum() > 5

    def alike(pair: list[nza.Traces]) -> float:
        return float(np.corrcoef(*(np.median(t.F[0, known], axis=1) for t in pair))[0, 1])

    assert alike(aligned) > 0.95
    assert alike(still) < 0.9


def test_one_recording_is_no_list(session: list[SampleRecording]) -> None:
    with pytest.raises(nza.InputError, match="Give a list of recordings"):
        nza.extract_session_traces(session[0].stack, nza.Rois.of(session[0].cells), [None])
