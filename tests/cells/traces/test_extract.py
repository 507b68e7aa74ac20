from __future__ import annotations

from math import isfinite, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_traces import (
    alignment_of,
    baseline_trace,
    corrected_trace,
    noise,
    raw_traces,
)

import napari_zstack_align as nza
from napari_zstack_align import stack as stack_module
from napari_zstack_align.alignment.spline import n_control_points
from napari_zstack_align.alignment.transforms import AffineLink, SplineLink, identity
from napari_zstack_align.flags import Fault, Flag, fault_of, mark

RNG = np.random.default_rng(0)
SHAPE = (40, 48)
ROIS = np.array(
    [
        [12.0, 14.0, 3.0],  # whole numbers: ties
        [14.3, 20.1, 2.6],  # a close neighbour
        [25.5, 30.5, 4.25],
        [1.2, 22.0, 3.1],  # at the border
        [30.0, 45.9, 2.0],
        [33.3, 8.7, 0.4],  # smaller than a pixel
        [20.0, 40.0, 6.7],
    ]
)


def affine(n_frames: int) -> AffineLink:
    matrices = np.tile(np.eye(3), (n_frames, 1, 1))
    matrices[:, :2, :2] += RNG.normal(0, 0.03, (n_frames, 2, 2))
    matrices[:, :2, 2] += RNG.normal(0, 2.0, (n_frames, 2))
    return AffineLink(matrices)


def bent(n_frames: int) -> SplineLink:
    rows, columns = (n_control_points(size, 8.0) for size in SHAPE)
    field = RNG.normal(0, 0.8, (n_frames, 2, rows, columns)).astype(np.float32)
    return SplineLink(field, 8.0, SHAPE)


LINKS = {
    "still": lambda n: (),
    "affine": lambda n: (affine(n),),
    "affine chain": lambda n: (affine(n), affine(n)),
    "spline": lambda n: (bent(n),),
    "chain": lambda n: (affine(n), bent(n)),
}


def movie(dtype, n_channels: int = 1, n_frames: int = 5) -> nza.Stack:
    shape = (n_frames, n_channels, *SHAPE)
    data = RNG.integers(0, 250, shape) if np.dtype(dtype).kind in "iu" else RNG.random(shape) * 250
    return nza.Stack.from_array(data.astype(dtype), "TCYX", frame_times_s=np.arange(n_frames) / 10)


def extract(stack, rois, alignment=None, params=None, **kwargs) -> nza.Traces:
    return nza.run(nza.extract_traces(stack, rois, alignment, params, **kwargs))


@pytest.mark.parametrize("links", LINKS.values(), ids=LINKS.keys())
def test_equals_plain_loops(links) -> None:
    stack = movie(np.uint16, n_channels=2)
    made = links(stack.n_frames)
    alignment = alignment_of(stack, *made) if made else None
    params = nza.TraceParams(neuropil_width_um=5.5)
    traces = extract(stack, ROIS, alignment, params)
    transforms = None if alignment is None else alignment.transforms
    F, Fneu = raw_traces(stack, ROIS, transforms, gap=2.0, width=5.5)
    np.testing.assert_allclose(traces.F, F, rtol=1e-5)
    np.testing.assert_allclose(traces.Fneu, Fneu, rtol=1e-5)
    assert np.isfinite(F).mean() > 0.5
    assert np.isfinite(Fneu).mean() > 0.5


@pytest.mark.thorough
@pytest.mark.each_time(dtype=3)
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u4", "f4", "f8", ">u2", "<i8"])
def test_equals_plain_loops_in_every_type(dtype: str) -> None:
    stack = movie(dtype, n_frames=2)
    traces = extract(stack, ROIS, None, nza.TraceParams(neuropil_width_um=4))
    F, Fneu = raw_traces(stack, ROIS, None, gap=2.0, width=4)
    contrast = np.ptp(stack.read(0, 2).astype(float))  # means of i1 are near 0
    np.testing.assert_allclose(traces.F, F, rtol=1e-5, atol=1e-6 * contrast)
    np.testing.assert_allclose(traces.Fneu, Fneu, rtol=1e-5, atol=1e-5)


def test_missing_pixels_are_left_out() -> None:
    data = RNG.random((2, *SHAPE)).astype(np.float32)
    data[:, 24:26, 31] = np.nan
    data[1, 10:15, 12:17] = np.nan
    stack = nza.Stack.from_array(data)
    traces = extract(stack, ROIS, None, nza.TraceParams(neuropil_width_um=6))
    F, Fneu = raw_traces(stack, ROIS, None, gap=2.0, width=6)
    np.testing.assert_allclose(traces.F, F, rtol=1e-5)
    np.testing.assert_allclose(traces.Fneu, Fneu, rtol=1e-5)
    assert np.isfinite(F[0, 2, 0])
    assert np.isnan(F[0, 0, 1])


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_an_infinite_pixel_is_a_missing_one(value: float) -> None:
    data = RNG.random((2, *SHAPE)).astype(np.float32)
    broken = data.copy()
    broken[1, 20, 3] = value
    data[1, 20, 3] = np.nan
    params = nza.TraceParams(neuropil_width_um=6)
    expected, traces = (
        extract(nza.Stack.from_array(each), ROIS, None, params) for each in (data, broken)
    )
    np.testing.assert_array_equal(traces.F, expected.F)
    np.testing.assert_array_equal(traces.Fneu, expected.Fneu)
    assert np.isfinite(traces.Fneu).sum() == np.isfinite(expected.Fneu).sum() > 0


@pytest.mark.parametrize("times", [np.full(5, np.nan), np.zeros(5), np.arange(5.0)[::-1]])
def test_odd_frame_times_are_told_and_not_used(times: np.ndarray) -> None:
    stack = movie("uint16")
    steady = extract(stack, ROIS)
    odd = extract(stack.replace(frame_times_s=times), ROIS)
    np.testing.assert_array_equal(odd.dff, steady.dff)
    assert any("Frame times are odd" in remark for remark in odd.remarks)
    assert any("10 frames per second were assumed" in remark for remark in odd.remarks)


def test_small_changes_survive_a_large_offset() -> None:
    data = 54_600 + RNG.integers(0, 8, (3, *SHAPE))
    stack = nza.Stack.from_array(data.astype(np.uint16))
    traces = extract(stack, ROIS, None)
    F, _ = raw_traces(stack, ROIS, None, gap=2.0, width=10.0)
    np.testing.assert_allclose(traces.F, F, atol=0.005)  # float32 itself steps by 0.004


def test_corrected_and_dff_equal_plain_loops() -> None:
    n_frames = 90
    data = (
        RNG.normal(500, 20, (n_frames, 1, *SHAPE))
        * (1 + 0.3 * np.sin(np.arange(n_frames) / 7))[:, None, None, None]
    )
    times = np.arange(n_frames) / 10
    times[50:] += 30
    stack = nza.Stack.from_array(data.astype(np.float32), "TCYX", frame_times_s=times)
    used = np.arange(n_frames) % 11 != 3
    alignment = alignment_of(stack, affine(n_frames), used=used)
    params = nza.TraceParams(
        neuropil_width_um=5, baseline_window_s=2.5, baseline_percentile=20, dark_level=(100.0,)
    )
    traces = extract(stack, ROIS, alignment, params)
    segment = [0] * 50 + [1] * 40
    np.testing.assert_array_equal(traces.frames["segment"], segment)
    for n in range(len(ROIS)):
        F, Fneu = traces.F[0, n].astype(float), traces.Fneu[0, n].astype(float)
        corrected = corrected_trace(F, Fneu, 0.7, used)
        np.testing.assert_allclose(traces.corrected[0, n], corrected, rtol=1e-5)
        baseline = baseline_trace(corrected, used, segment, 25, 20)
        floor = noise(corrected, used, segment) if np.isfinite(corrected).sum() > 1 else 0
        dff = [
            (f - b) / (b - 100) if isfinite(b) and b - 100 >= floor else nan
            for f, b in zip(corrected, baseline, strict=True)
        ]
        np.testing.assert_allclose(traces.dff[0, n], dff, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_and_windows_change_nothing(threads: int, monkeypatch) -> None:
    stack = movie(np.uint16, n_frames=40)
    alignment = alignment_of(stack, affine(40))
    whole = extract(stack, ROIS, alignment, threads=1)
    monkeypatch.setattr("napari_zstack_align.cells.traces.window.MOST_FRAMES", 7)
    pieces = extract(stack, ROIS, alignment, threads=threads)
    for name in ("F", "Fneu", "corrected", "dff"):
        np.testing.assert_allclose(
            getattr(whole, name), getattr(pieces, name), rtol=1e-6, atol=1e-6
        )


def test_order_of_rois_is_kept() -> None:
    stack = movie(np.uint16)
    order = RNG.permutation(len(ROIS))
    traces = extract(stack, ROIS, None)
    mixed = extract(stack, ROIS[order], None, ids=order + 1)
    np.testing.assert_array_equal(mixed.ids, order + 1)
    np.testing.assert_allclose(mixed.F, traces.F[:, order], rtol=1e-6)
    np.testing.assert_allclose(mixed.Fneu, traces.Fneu[:, order], rtol=1e-6)


@settings(max_examples=40)
@given(y=st.floats(6, 30), x=st.floats(6, 40), radius=st.floats(0.1, 5.5), level=st.floats(0, 6e4))
def test_even_light_reads_as_it_is(y: float, x: float, radius: float, level: float) -> None:
    stack = nza.Stack.from_array(np.full((1, *SHAPE), level, np.float32))
    traces = extract(stack, [[y, x, radius]], None)
    np.testing.assert_allclose(traces.F, level, rtol=1e-6, atol=1e-30)
    np.testing.assert_allclose(traces.Fneu, level, rtol=1e-6, atol=1e-30)


def test_ramp_reads_its_value_at_the_centre() -> None:
    y, x = np.indices(SHAPE)
    stack = nza.Stack.from_array((2.0 * y + 3.0 * x)[np.newaxis])
    traces = extract(stack, [[20.37, 22.81, 4.2]], None)
    # The mean of the part of a ramp in a pixel isn't the pixel's value: 1/12 px is left.
    assert traces.F[0, 0, 0] == pytest.approx(2 * 20.37 + 3 * 22.81, abs=0.05)


def test_neuropil_leaves_other_cells_out() -> None:
    data = np.full((1, *SHAPE), 10.0)
    y, x = np.indices(SHAPE)
    data[0, (y - 20) ** 2 + (x - 28) ** 2 < 3.5**2] = 1000
    stack = nza.Stack.from_array(data)
    alone = extract(stack, [[20, 20, 3]], None)
    both = extract(stack, [[20, 20, 3], [20, 28, 3]], None)
    assert alone.Fneu[0, 0, 0] > 20
    assert both.Fneu[0, 0, 0] == pytest.approx(10)


def test_width_of_the_ring_is_in_micrometres() -> None:
    y, x = np.indices(SHAPE)
    distance = np.hypot(y - 20, x - 20)
    data = np.where(distance > 10.5, 100.0, 0.0)[np.newaxis]
    for pixel_size, light in ((None, True), ((2.0, 2.0), False)):
        stack = nza.Stack.from_array(data, pixel_size_um=pixel_size)
        params = nza.TraceParams(neuropil_width_um=10)  # 3 + 2 + 10 px, or 3 + 2 + 5 px
        traces = extract(stack, [[20, 20, 3]], None, params)
        assert (traces.Fneu[0, 0, 0] > 0) == light


def test_inside_by_area() -> None:
    # A circle of radius 4 has 90 % of its area inside where its centre is 2.24 px off the edge.
    edge = -0.5
    centres = np.array([edge + 2.2, edge + 2.9])
    stack = nza.Stack.from_array(np.ones((1, *SHAPE)))
    traces = extract(stack, [[c, 20, 4] for c in centres], None)
    np.testing.assert_array_equal(traces.inside[:, 0], [False, True])


def test_frames_tell_of_the_alignment() -> None:
    stack = movie(np.uint16)
    alignment = alignment_of(stack, affine(5), used=[True, True, False, True, True])
    mark(alignment.quality[2], Fault(Flag.LOW_CORRELATION, "left out: 0.1"))
    alignment.quality["correlation_after"][3] = np.nan
    alignment.quality["flag"][4] = Flag.NOT_RUN
    traces = extract(stack, ROIS, alignment)
    np.testing.assert_allclose(traces.confidence, [0.8, 0.8, 0, 0, 0.8])
    assert fault_of(traces.frames[2]) == Fault(Flag.LOW_CORRELATION, "left out: 0.1")
    assert np.isnan(traces.F[:, :, 4]).all()
    assert np.isfinite(traces.F[:, :, 2]).any()
    np.testing.assert_allclose(traces.frame_times_s, stack.frame_times_s)


def test_rois_of_slices_have_values_there_only() -> None:
    stack = movie(np.uint16, n_frames=6).replace(frames_per_slice=2)
    rois = nza.Rois.of(ROIS[:2], slices=[[0, 1], [2, 2]])
    traces = extract(stack, rois, None)
    np.testing.assert_array_equal(
        np.isfinite(traces.F[0]), [[True] * 4 + [False] * 2, [False] * 4 + [True] * 2]
    )


class CountedSource:
    """Frames that count how often each is read, and break where they are told to."""

    def __init__(self, data, broken=()) -> None:
        self.shape, self.dtype, self._data = data.shape, data.dtype, data
        self.reads = np.zeros(len(data), int)
        self._broken = set(broken)

    def read(self, start: int, stop: int):
        if self._broken & set(range(start, stop)):
            raise OSError("disk on fire")
        self.reads[start:stop] += 1
        return self._data[start:stop]


def test_each_frame_is_read_once() -> None:
    source = CountedSource(RNG.integers(0, 99, (300, 1, *SHAPE)).astype(np.uint16))
    stack = nza.Stack(source)
    extract(stack, ROIS, alignment_of(stack, identity(300, SHAPE).links[0]))
    twice = [0, 150, 299]  # by their fingerprint, a reader of the traces knows the recording again
    np.testing.assert_array_equal(np.delete(source.reads, twice), 1)
    np.testing.assert_array_equal(source.reads[twice], 2)


def test_how_many_frames_are_read_at_once_changes_no_bit(monkeypatch) -> None:
    class Single(CountedSource):
        reads_singly = True

        def read(self, start: int, stop: int):
            longest.append(stop - start)
            return super().read(start, stop)

    frames = RNG.integers(0, 99, (30, 1, *SHAPE)).astype(np.uint16)
    found = []
    for at_once in (1, 4, 30):
        longest: list[int] = []
        monkeypatch.setattr(stack_module, "READ_BYTES", at_once * frames[0].nbytes)
        found.append(extract(nza.Stack(Single(frames)), ROIS, None))
        assert max(longest) <= at_once
    assert len({(each.F.tobytes(), each.Fneu.tobytes(), each.dff.tobytes()) for each in found}) == 1


def test_unreadable_frames_are_flagged() -> None:
    source = CountedSource(RNG.integers(0, 99, (20, 1, *SHAPE)).astype(np.uint16), broken=[7])
    traces = extract(nza.Stack(source), ROIS, None)
    assert traces.flags[7] == Flag.UNREADABLE
    assert traces.frames["detail"][7].startswith("unreadable: ")
    assert not traces.used[7]
    assert np.isnan(traces.F[:, :, 7]).all()
    assert np.isfinite(traces.F[0, 2, [6, 8]]).all()
    assert any("can't be read" in remark for remark in traces.remarks)


def test_no_readable_frame_is_an_error() -> None:
    source = CountedSource(np.zeros((3, 1, *SHAPE), np.uint16), broken=range(3))
    with pytest.raises(nza.InputError, match=r"No frame .* can be read: .*disk on fire"):
        extract(nza.Stack(source), ROIS, None)


def test_frames_that_could_not_be_read_when_they_were_aligned_are_to_be_aligned_anew() -> None:
    stack = movie(np.uint16, n_frames=20)
    alignment = alignment_of(stack, affine(20))
    mark(alignment.quality, Fault(Flag.UNREADABLE, "unreadable: disk on fire"))
    with pytest.raises(nza.InputError, match=r"when it was aligned \(.*on fire\): .*align it anew"):
        extract(stack, ROIS, alignment)


def test_a_cancelled_run_keeps_a_snapshot(monkeypatch) -> None:
    monkeypatch.setattr("napari_zstack_align.cells.traces.extraction.SNAPSHOT_S", 0.0)
    monkeypatch.setattr("napari_zstack_align.cells.traces.extraction.SNAPSHOT_SHARE", 0)
    monkeypatch.setattr("napari_zstack_align.cells.traces.window.MOST_FRAMES", 10)
    stack = movie(np.uint16, n_frames=60)
    whole = extract(stack, ROIS, None)

    def stop(progress: nza.Progress) -> None:
        if progress.stage == "Reading traces" and progress.done >= 30:
            raise KeyboardInterrupt

    with pytest.raises(nza.Cancelled) as stopped:
        nza.run(nza.extract_traces(stack, ROIS, None), stop)
    partial = stopped.value.partial
    assert isinstance(partial, nza.Traces)
    assert not partial.complete
    done = partial.flags != Flag.NOT_RUN
    assert 0 < done.sum() < 60
    np.testing.assert_array_equal(partial.F[:, :, done], whole.F[:, :, done])
    assert np.isnan(partial.F[:, :, ~done]).all()
    assert np.isfinite(partial.dff[0, 2, done]).any()
