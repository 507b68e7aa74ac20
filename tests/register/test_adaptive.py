import threading

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Fault, Flag, fault_of
from napari_zstack_align.register import slice_run
from napari_zstack_align.samples import (
    SampleZStack,
    endpoint_error,
    recording_with_motion,
    zstack_with_repeats,
)
from napari_zstack_align.stack import Stack


def _align(stack: Stack, mask: np.ndarray | None = None, **params) -> nza.Alignment:
    return nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(**params), mask))


def _error(alignment: nza.Alignment, sample: SampleZStack, frames: slice = slice(None)):
    return endpoint_error(
        alignment.transforms.displacement,
        sample.displacement,
        alignment.stack.slice_of_frame[frames],
    )


def _spoil(sample: SampleZStack, changes: dict[int, np.ndarray | float], **kw) -> Stack:
    data = sample.stack.read(0, sample.stack.n_frames)[:, 0].copy()
    if any(np.any(np.isnan(v)) for v in changes.values()):
        data = data.astype(np.float32)
    for t, value in changes.items():
        data[t] = value
    repeats = sample.stack.frames_per_slice
    return Stack.from_array(data, frames_per_slice=repeats, order=sample.stack.order, **kw)


# -- known motion ------------------------------------------------------------------------------


def test_known_motion_is_recovered(sample: SampleZStack, alignment: nza.Alignment):
    error = _error(alignment, sample)
    still = endpoint_error(
        lambda t: np.zeros_like(sample.displacement(t)),
        sample.displacement,
        sample.stack.slice_of_frame,
    )
    assert still.mean > 1.2
    assert error.mean < 0.30
    assert error.within_slice < 0.12


def test_the_volume_is_sharper_and_nearer_the_truth_than_the_raw_mean(sample, alignment):
    inner = np.s_[:, 16:-16, 16:-16]
    volume = alignment.volume().compute()[inner].ravel()
    n_slices, shape = sample.stack.n_slices, sample.stack.shape[2:]
    raw = sample.stack.read(0, sample.stack.n_frames)[:, 0].reshape(n_slices, -1, *shape)
    clean = sample.clean[inner].ravel()
    known = np.isfinite(volume)
    aligned = np.corrcoef(volume[known], clean[known])[0, 1]
    unaligned = np.corrcoef(raw.mean(axis=1)[inner].ravel(), clean)[0, 1]
    assert aligned > 0.93
    assert unaligned < aligned - 0.06


def test_the_quality_table_tells_the_improvement(sample, alignment):
    quality = alignment.quality
    assert quality["frame"].tolist() == list(range(sample.stack.n_frames))
    assert (quality["slice"] == sample.stack.slice_of_frame).all()
    assert quality["used"].all()
    assert set(quality["flag"]) == {""}
    assert (quality["correlation_after"] - quality["correlation_before"]).min() > 0.01
    lengths = [np.hypot(*alignment.transforms.displacement(t)) for t in quality["frame"]]
    np.testing.assert_allclose(
        quality["mean_displacement_px"], [d.mean() for d in lengths], rtol=0.02
    )
    np.testing.assert_allclose(
        quality["max_displacement_px"], [d.max() for d in lengths], rtol=0.03
    )


def test_the_first_slice_fixes_the_gauge(sample, alignment):
    first = [alignment.transforms.displacement(t) for t in range(sample.stack.frames_per_slice)]
    assert np.abs(np.mean(first, axis=0)).max() < 1e-3


@pytest.mark.slow
def test_looping_order_is_aligned_as_well():
    looped = zstack_with_repeats(
        n_slices=4, n_repeats=5, size=(160, 192), max_displacement_px=4.0, order="slices", seed=11
    )
    error = _error(_align(looped.stack), looped)
    assert error.mean < 0.30
    assert error.within_slice < 0.12


@pytest.mark.slow
def test_real_anatomy_with_known_motion(shared_data):
    folder = shared_data / "zstack_repeats"
    truth = np.load(folder / "truth.npz")
    grid = truth["grid_dydx"].transpose(0, 3, 1, 2)
    stack = nza.open_stack(folder / "stack.tif", frames_per_slice=7)
    ali = _align(stack)
    step = int(truth["grid_px"])
    found = np.stack(
        [ali.transforms.displacement(t)[:, ::step, ::step] for t in range(stack.n_frames)]
    )
    error = (found - grid)[:, :, 2:-2, 2:-2]
    error -= error[:7].mean(axis=0)
    assert np.hypot(*np.moveaxis(grid, 1, 0)).mean() > 1
    assert np.hypot(error[:, 0], error[:, 1]).mean() < 0.30


@pytest.mark.slow
def test_a_still_movie_stays_still(shared_data):
    frames = nza.open_stack(shared_data / "fmi_grin2p" / "still.tif").read(0, 100)[:, 0]
    ali = _align(Stack.from_array(frames, frames_per_slice=50))
    assert ali.quality["mean_displacement_px"].mean() < 0.6
    sharpness = [
        np.hypot(*np.gradient(np.nan_to_num(image)))[8:-8, 8:-8].mean()
        for image in (ali.volume_slice(0), frames[:50].mean(axis=0, dtype=np.float32))
    ]
    assert sharpness[0] > 0.97 * sharpness[1]


# -- the same whatever the way ------------------------------------------------------------------


def test_the_result_depends_neither_on_threads_nor_on_slices_beside_one_another(
    sample, alignment, monkeypatch
):
    monkeypatch.setattr(slice_run, "MOST_APART_BYTES", 0)
    serial = nza.run(nza.align_adaptive(sample.stack, threads=1))
    for one, other in zip(serial.transforms.links, alignment.transforms.links, strict=True):
        np.testing.assert_array_equal(one.coefficients, other.coefficients)
    np.testing.assert_array_equal(serial.quality, alignment.quality)


@pytest.mark.thorough
def test_a_mask_weights_the_data(sample):
    mask = np.zeros(sample.stack.shape[2:], np.uint8)
    mask[:, :96] = 7
    masked = _align(sample.stack, mask)
    inside = np.s_[:, 24:-24, 24:80]
    error = np.mean(
        [
            np.hypot(*(masked.transforms.displacement(t) - sample.displacement(t))[inside]).mean()
            for t in range(5)
        ]
    )
    assert error < 0.3
    assert masked.mask.max() == 1
    assert not np.array_equal(
        masked.transforms.displacement(3), _align(sample.stack).transforms.displacement(3)
    )


@pytest.mark.slow
def test_what_lies_outside_the_mask_moves_no_repeat(sample):
    frames = sample.stack.read(0, 5)[:, 0]
    other = frames.copy()
    other[3, :, 112:] = np.roll(frames[3, :, 112:], 4, axis=0)
    mask = np.zeros(frames.shape[1:], np.uint8)
    mask[:, :96] = 1
    fields = [
        _align(Stack.from_array(each, frames_per_slice=5), mask).transforms.displacement(3)
        for each in (frames, other)
    ]
    assert np.abs(fields[0] - fields[1]).max() < 0.2


@pytest.mark.slow
def test_one_channel_drives_and_all_follow(sample, alignment):
    data = sample.stack.read(0, sample.stack.n_frames)[:, 0]
    noise = np.random.default_rng(0).integers(0, 50, data.shape).astype(data.dtype)
    stack = Stack.from_array(np.stack([noise, data], axis=1), "TCYX", frames_per_slice=5)
    by_channel = _align(stack, channel=1)
    by_weights = _align(stack, channel_weights=(0, 1))
    for other in (by_channel, by_weights):
        np.testing.assert_array_equal(
            other.transforms.links[0].coefficients, alignment.transforms.links[0].coefficients
        )
    assert by_channel.volume(0).shape == by_channel.volume(1).shape


def test_alpha_reaches_the_engine(sample):
    rough, smooth = (_align(sample.stack, alpha=alpha) for alpha in (0.05, 50.0))
    bend = [
        np.abs(np.diff(a.transforms.links[0].coefficients, 2, axis=2)).mean()
        for a in (rough, smooth)
    ]
    assert bend[0] > 2 * bend[1]


# -- progress, partial results, cancel -----------------------------------------------------------


def test_progress_counts_frames_and_carries_finished_slices(sample):
    seen = list(nza.align_adaptive(sample.stack))
    before, after = {"Looking for artefacts"}, {"Measuring the noise"}
    assert {p.stage for p in seen} - {"Checking the layout"} == {"Aligning", *before, *after}
    aligning = [p for p in seen if p.stage == "Aligning"]
    done = [p.done for p in aligning]
    assert done == sorted(done)
    assert (aligning[-1].done, aligning[-1].total) == (20, 20)
    partials = [p.partial for p in seen if p.partial is not None]
    assert len(partials) == sample.stack.n_slices
    for z, partial in enumerate(partials):
        not_run = partial.quality["flag"] == "not run"
        assert not_run.sum() == 5 * (3 - z)
        assert not partial.quality["used"][not_run].any()
    first = partials[0].transforms.displacement(2).copy()
    assert not partials[0].transforms.displacement(19).any()
    assert partials[-1].transforms.displacement(19).any()
    np.testing.assert_array_equal(partials[-1].transforms.displacement(2), first)


def test_closing_the_job_stops_its_threads(sample):
    job = nza.align_adaptive(sample.stack)
    while next(job).stage != "Aligning" or not job.send(None).done:
        pass
    assert [t for t in threading.enumerate() if t.name.startswith("align")]
    job.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("align")]


def test_a_partial_volume_has_nan_where_nothing_was_run(sample):
    job = nza.align_adaptive(sample.stack)
    partial = next(p.partial for p in job if p.partial is not None)
    job.close()
    volume = partial.volume().compute()
    assert np.isfinite(volume[0]).mean() > 0.9
    assert np.isnan(volume[1:]).all()


# -- frames that can't be aligned -----------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "flag"),
    [(0.0, "no signal"), (np.nan, "no signal"), (65535.0, "saturated")],
    ids=["constant", "NaN", "saturated throughout"],
)
def test_a_bad_frame_is_flagged_bridged_and_left_out(sample, value, flag):
    ali = _align(_spoil(sample, {7: value}))
    row = ali.quality[7]
    assert row["flag"] == flag
    assert row["detail"].startswith(f"{flag}: ")
    assert not row["used"]
    assert ali.quality["used"].sum() == 19
    neighbours = [ali.transforms.displacement(t) for t in (5, 6, 8, 9)]
    np.testing.assert_allclose(
        ali.transforms.displacement(7), np.mean(neighbours, axis=0), atol=1e-4
    )
    assert np.isfinite(ali.volume_slice(1)[20:-20, 20:-20]).all()


def test_a_saturated_frame_is_flagged(sample):
    frame = sample.stack.read(7, 8)[0, 0].copy()
    frame[:, :60] = 65535
    ali = _align(_spoil(sample, {7: frame}))
    assert ali.quality["detail"][7].startswith("saturated: 31 %")


def test_missing_pixels_are_left_out_of_the_mean(sample, alignment):
    frame = sample.stack.read(7, 8)[0, 0].astype(np.float32)
    frame[40:60, 50:90] = np.nan
    ali = _align(_spoil(sample, {7: frame}))
    assert set(ali.quality["flag"]) == {""}
    assert np.isfinite(ali.volume_slice(1)[20:-20, 20:-20]).all()
    assert np.isnan(ali.aligned_frame(7)).sum() >= 800
    moved = np.abs(ali.transforms.displacement(7) - alignment.transforms.displacement(7))
    assert moved.max() < 0.8


@pytest.mark.thorough
@pytest.mark.slow
def test_a_repeat_of_another_place_is_left_out(sample, alignment):
    other = zstack_with_repeats(n_slices=1, n_repeats=1, size=(160, 192), seed=99)
    ali = _align(_spoil(sample, {7: other.stack.read(0, 1)[0, 0]}))
    assert ali.quality["flag"][7] == Flag.LOW_CORRELATION
    assert ali.quality["detail"][7].startswith("left out: it shows another place")
    assert not ali.quality["used"][7]
    good = np.delete(np.arange(20), 7)
    assert ali.quality["used"][good].all()
    kept = _align(_spoil(sample, {7: other.stack.read(0, 1)[0, 0]}), outlier_mad=0)
    assert kept.quality["used"].sum() >= ali.quality["used"].sum()


@pytest.mark.thorough
def test_an_empty_slice_is_bridged_and_never_the_reference(sample, alignment):
    noise = np.random.default_rng(0).poisson(2, (5, 160, 192)) * 10 + 100
    ali = _align(_spoil(sample, {t: noise[t - 5] for t in range(5, 10)}))
    assert (ali.quality["flag"][5:10] == Flag.NO_SIGNAL).all()
    assert set(ali.quality["flag"][10:]) == {""}
    last = np.hypot(*(ali.transforms.displacement(19) - sample.displacement(19)))
    assert last[24:-24, 24:-24].mean() < 0.8


def test_an_empty_first_slice_is_not_the_reference(sample):
    noise = np.random.default_rng(0).poisson(2, (5, 160, 192)) * 10 + 100
    ali = _align(_spoil(sample, {t: noise[t] for t in range(5)}))
    assert (ali.quality["flag"][:5] == Flag.NO_SIGNAL).all()
    assert set(ali.quality["flag"][5:]) == {""}
    assert not ali.transforms.displacement(2).any()


def test_nothing_to_align_is_one_sentence():
    stack = Stack.from_array(np.full((6, 40, 40), 5, np.uint16), frames_per_slice=3)
    with pytest.raises(nza.AlignmentError, match="Nothing in array could be aligned: no signal"):
        _align(stack)


def test_an_unreadable_frame_costs_one_frame(sample):
    class Broken:
        shape, dtype = sample.stack.shape, sample.stack.dtype

        def read(self, start, stop):
            if start <= 7 < stop:
                raise OSError("bad sector")
            return sample.stack.read(start, stop)

    ali = _align(Stack(Broken(), frames_per_slice=5))
    assert fault_of(ali.quality[7]) == Fault(Flag.UNREADABLE, "unreadable: bad sector")
    assert ali.quality["used"].sum() == 19


# -- shapes ----------------------------------------------------------------------------------------


def test_a_rest_becomes_a_last_short_slice(sample):
    stack = sample.stack.replace(frames_per_slice=6)
    ali = _align(stack)
    assert ali.volume().shape == (4, 160, 192)
    assert (ali.quality["slice"] == 3).sum() == 2
    assert np.isfinite(ali.volume_slice(3)[20:-20, 20:-20]).all()


@pytest.mark.parametrize(
    ("n_slices", "repeats"), [(4, 1), (1, 5), (1, 1)], ids=["1 repeat", "1 slice", "1 frame"]
)
def test_few_of_everything(sample, n_slices, repeats):
    frames = [5 * z + r for z in range(n_slices) for r in range(repeats)]
    data = sample.stack.data[frames, 0].compute()
    ali = _align(Stack.from_array(data, frames_per_slice=repeats))
    assert ali.volume().compute().shape == (n_slices, 160, 192)
    assert ali.quality["used"].all()
    assert set(ali.quality["flag"]) == {""}


@pytest.mark.parametrize("shape", [(1, 64), (200, 1), (3, 5), (15, 96)])
def test_frames_that_are_too_small_are_refused_in_a_sentence(shape):
    stack = Stack.from_array(np.zeros((6, *shape), np.uint16), frames_per_slice=3, name="row.tif")
    with pytest.raises(InputError, match=rf"row\.tif are {shape[0]} × {shape[1]} px, too small"):
        nza.align_adaptive(stack)


@pytest.mark.parametrize("shape", [(16, 200), (200, 16), (16, 17)])
def test_frames_of_odd_shapes(shape):
    rng = np.random.default_rng(0)
    data = rng.poisson(rng.uniform(10, 90, shape), (6, *shape)).astype(np.uint16)
    volume = _align(Stack.from_array(data, frames_per_slice=3)).volume().compute()
    assert volume.shape == (2, *shape)
    assert np.isfinite(volume).any()


@pytest.mark.slow
@pytest.mark.thorough
def test_large_frames():
    tile = zstack_with_repeats(n_slices=1, n_repeats=2, size=500, seed=1).stack
    data = np.tile(tile.read(0, 2)[:, 0], (1, 4, 4))
    ali = _align(Stack.from_array(data, frames_per_slice=2))
    assert ali.volume().shape == (1, 2000, 2000)
    after, before = ali.quality["correlation_after"], ali.quality["correlation_before"]
    assert (after > before).all()


# -- bad input -------------------------------------------------------------------------------------


def _recording() -> Stack:
    return Stack.from_array(np.zeros((4, 20, 20), np.uint16))


def _two_channels() -> Stack:
    return Stack.from_array(np.ones((4, 2, 20, 20), np.uint16), "TCYX", frames_per_slice=2)


BAD = {
    "recording": (lambda: nza.align_adaptive(_recording()), "no frames_per_slice"),
    "channel": (
        lambda: nza.align_adaptive(_two_channels(), nza.AdaptiveParams(channel=2)),
        "array has no channel 2: its channels are 0 to 1",
    ),
    "weights": (
        lambda: nza.align_adaptive(_two_channels(), nza.AdaptiveParams(channel_weights=(1, 1, 1))),
        "3 channel_weights",
    ),
    "mask shape": (
        lambda: nza.align_adaptive(_two_channels(), mask=np.ones((3, 3))),
        r"mask has shape \(3, 3\), but the frames are \(20, 20\)",
    ),
    "empty mask": (
        lambda: nza.align_adaptive(_two_channels(), mask=np.zeros((20, 20), bool)),
        "mask is empty",
    ),
    "weights out of range": (
        lambda: nza.align_adaptive(_two_channels(), mask=np.full((20, 20), 2.0)),
        "between 0 and 1",
    ),
    "threads": (lambda: nza.align_adaptive(_two_channels(), threads=0), "at least 1"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_at_the_call(case):
    call, message = BAD[case]
    with pytest.raises(nza.InputError, match=message):
        call()


# -- the layout --------------------------------------------------------------------------------


def test_a_wrong_layout_is_reported_before_and_after_the_run(sample):
    made = zstack_with_repeats(n_slices=6, n_repeats=8, size=96, order="slices", seed=3).stack
    volumes = made.read(0, 48)[:, 0].reshape(8, 6, 96, 96)
    volumes[1::2] = volumes[1::2, ::-1].copy()
    stack = nza.Stack.from_array(volumes, "TZYX")
    steps: list[nza.Progress] = []
    with pytest.warns(nza.ResultWarning, match="looks wrong"):
        alignment = nza.run(nza.align_adaptive(stack), steps.append)
    warning, places = alignment.remarks
    assert "show different places or depths" in places
    assert alignment.summary().startswith(f"Warning: {warning}\n  48 frames")
    assert "looks wrong" in warning
    assert "up-and-down" in warning
    first = next(step for step in steps if step.note)
    assert first.note.endswith(". The summary says more.")  # which has the figures: once
    assert warning.startswith(first.note.removesuffix("The summary says more."))
    assert first.note.is_warning
    assert first.done == 0


def test_a_recording_run_as_slices_is_a_warning_that_says_what_to_do():
    frames = recording_with_motion(size=96, n_frames=30, photons=40.0, seed=3).stack.read(0, 30)
    stack = nza.Stack.from_array(frames[:, 0], frames_per_slice=5)
    alignment = nza.run(nza.align_adaptive(stack))
    (warning,) = [remark for remark in alignment.remarks if "layout" in remark]
    assert warning.is_warning
    assert "resemble one another as much as those of one slice" in warning
    assert "as in a recording of one plane" in warning
    assert "zstack-align keypoints" in warning
    assert "if the slices really lie that close together" in warning
    assert "zstack-align info --propose" in warning
    assert str(warning) in alignment.summary()


def test_a_right_layout_needs_no_remark(sample):
    assert nza.run(nza.align_adaptive(sample.stack)).remarks == ()


def test_a_rest_of_frames_is_a_remark(sample):
    stack = nza.Stack.from_array(sample.stack.read(0, 18)[:, 0], frames_per_slice=5)
    (rest,) = nza.run(nza.align_adaptive(stack)).remarks
    assert "the last 3 frames make a slice of their own, with 3 instead of 5 repeats" in rest


def test_less_light_is_the_remedy_where_all_is_saturated():
    """The right channel and file were chosen."""
    frames = np.random.default_rng(0).poisson(100, (8, 64, 64)).clip(None, 105).astype(np.uint16)
    stack = nza.Stack.from_array(frames, frames_per_slice=4)
    with pytest.raises(nza.AlignmentError, match=r"saturated: .* the pixels\. There is more light"):
        nza.run(nza.align_adaptive(stack))
