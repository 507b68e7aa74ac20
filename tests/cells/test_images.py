"""Source images: the same as numpy makes of all frames at once."""

from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align import InputError, Stack, run
from napari_zstack_align.cells import images, session_image, slice_image, source_image

SHAPE = (20, 24)


@pytest.fixture(scope="module")
def movie():
    """60 frames on a high dark level; a cell of 3 x 3 pixels flickers."""
    rng = np.random.default_rng(0)
    frames = 50_000 + rng.normal(0, 5, (60, *SHAPE))
    frames[:, 9:12, 13:16] += rng.normal(0, 20, 60)[:, None, None]
    return frames.astype(np.float32)


def plain_correlation(frames, offsets):
    """Mean correlation with the neighbours; NaN are frames that don't count."""
    height, width = frames.shape[1:]
    around = np.pad(frames, ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    found = []
    for dy, dx in offsets:
        neighbours = around[:, 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        known = np.isfinite(frames) & np.isfinite(neighbours)
        pair = np.ma.array([frames, neighbours], mask=[~known, ~known])
        a, b = pair - pair.mean(axis=1, keepdims=True)
        correlation = (a * b).sum(axis=0) / np.ma.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        vary = (np.ma.ptp(pair, axis=1).filled(0) > 0).all(axis=0)
        found.append(np.where(vary, correlation.filled(np.nan), np.nan))
    return np.ma.masked_invalid(found).mean(axis=0).filled(np.nan)


FOUR = [(0, 1), (1, 0), (0, -1), (-1, 0)]
EIGHT = [*FOUR, (1, 1), (1, -1), (-1, 1), (-1, -1)]

PLAIN = {
    "mean": lambda frames: np.nanmean(frames, axis=0),
    "max": lambda frames: np.nanmax(frames, axis=0),
    "std": lambda frames: np.nanstd(frames, axis=0),
    "correlation": lambda frames: plain_correlation(frames, EIGHT),
}

by_kind = pytest.mark.parametrize("kind", PLAIN)


@pytest.fixture(params=[7, 1000], ids=["small blocks", "one block"])
def _blocks(request, monkeypatch):
    monkeypatch.setattr(images, "BLOCK_PIXELS", request.param * SHAPE[0] * SHAPE[1])


@by_kind
@pytest.mark.usefixtures("_blocks")
def test_all_frames(movie, kind):
    image = run(source_image(Stack.from_array(movie), kind))
    assert image.dtype == np.float32
    expected = PLAIN[kind](movie.astype(np.float64))
    np.testing.assert_allclose(image, expected, rtol=1e-5, atol=2e-4)


@by_kind
@pytest.mark.usefixtures("_blocks")
def test_missing_pixels_do_not_count(movie, kind):
    rng = np.random.default_rng(1)
    holes = movie.copy()
    holes[rng.random(movie.shape) < 0.1] = np.nan
    image = run(source_image(Stack.from_array(holes), kind))
    expected = PLAIN[kind](holes.astype(np.float64))
    np.testing.assert_allclose(image, expected, rtol=1e-5, atol=2e-4)


def test_pixels_that_are_never_there_are_nan(movie):
    gone = movie.copy()
    gone[:, :3] = np.nan
    for kind in PLAIN:
        image = run(source_image(Stack.from_array(gone), kind))
        assert np.isnan(image[:3]).all()
        assert np.isfinite(image[4:]).all()


def test_four_neighbours(movie):
    image = run(source_image(Stack.from_array(movie), "correlation", neighbours=4))
    expected = plain_correlation(movie.astype(np.float64), FOUR)
    np.testing.assert_allclose(image, expected, atol=2e-4)


def test_what_flickers_together_stands_out(movie):
    image = run(source_image(Stack.from_array(movie), "correlation"))
    assert image[10, 14] > 0.85
    assert np.median(image) < 0.1
    mean = run(source_image(Stack.from_array(movie), "mean"))
    assert abs(mean[10, 14] - np.median(mean)) < 10


def test_pixels_that_never_change_have_no_correlation():
    still = np.full((30, 6, 6), 54_600.0, np.float32)
    assert np.isnan(run(source_image(Stack.from_array(still), "correlation"))).all()
    assert np.all(run(source_image(Stack.from_array(still), "std")) == 0)


@by_kind
def test_a_range_of_frames_and_a_channel(movie, kind):
    both = np.stack([movie, movie[::-1]], axis=1)
    stack = Stack.from_array(both, "TCYX")
    image = run(source_image(stack, kind, frames=(10, 31), channel=1))
    expected = run(source_image(Stack.from_array(movie[::-1][10:31]), kind))
    # Sums of squares are centred on other frames.
    np.testing.assert_allclose(image, expected, rtol=1e-5, atol=1e-4)


class TestOfAnAlignment:
    @by_kind
    def test_aligned_frames_without_the_flagged(self, recording, kind):
        good = np.flatnonzero(recording.quality["used"])
        assert 0 < len(good) < recording.stack.n_frames
        aligned = recording.aligned().compute()[good].astype(np.float64)
        aligned[~recording.valid().compute()[good]] = np.nan
        image = run(source_image(recording, kind))
        # aligned() is rounded to whole counts.
        near = {"mean": 0.5, "max": 0.51, "std": 1.0, "correlation": 0.01}[kind]
        np.testing.assert_allclose(image, PLAIN[kind](aligned), atol=near)

    def test_all_flagged(self, recording):
        quality = recording.quality.copy()
        quality["used"] = False
        with pytest.raises(InputError, match="are flagged"):
            source_image(replace(recording, quality=quality))

    def test_a_slice(self, alignment):
        image = run(slice_image(alignment, 2))
        np.testing.assert_allclose(image, alignment.volume_slice(2), rtol=1e-5)

    def test_a_slice_of_raw_frames(self, sample):
        frames = sample.stack.frames_of_slice(1)
        expected = np.mean([sample.stack.read(t, t + 1)[0, 0] for t in frames], axis=0)
        np.testing.assert_allclose(run(slice_image(sample.stack, 1)), expected, rtol=1e-5)

    def test_a_slice_that_is_all_flagged_is_nan(self, alignment):
        quality = alignment.quality.copy()
        quality["used"][alignment.stack.frames_of_slice(0)] = False
        image = run(slice_image(replace(alignment, quality=quality), 0))
        assert np.isnan(image).all()


class TestSession:
    def test_the_mean_of_the_recordings_images(self, recording):
        quality = recording.quality.copy()
        quality["used"][20:] = False
        short = replace(recording, quality=quality)
        for kind, combined in (("mean", np.nanmean), ("max", np.nanmax), ("std", np.nanmean)):
            parts = [run(source_image(each, kind)) for each in (recording, short)]
            image = run(session_image([recording, short], kind))
            np.testing.assert_allclose(image, combined(parts, axis=0), rtol=1e-5)

    def test_progress_rises(self, recording):
        steps = list(session_image([recording, recording]))
        parts = [step.done / step.total for step in steps]
        assert parts == sorted(parts)
        assert parts[-1] == 1
        assert {step.stage for step in steps} == {"Recording 1 of 2", "Recording 2 of 2"}

    def test_none(self):
        with pytest.raises(InputError, match="at least one alignment"):
            session_image([])


BAD = {
    "kind": ({"kind": "median"}, "no image 'median'"),
    "neighbours": ({"kind": "correlation", "neighbours": 6}, "4 or 8 neighbours"),
    "no frames": ({"frames": (5, 5)}, "Frames 5 to 5"),
    "beyond the end": ({"frames": (5, 61)}, "which has 60"),
    "channel": ({"channel": 1}, "no channel 1"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_told_at_the_call(movie, arguments, said):
    with pytest.raises(InputError, match=said):
        source_image(Stack.from_array(movie), **arguments)


def test_bad_slices(sample, movie):
    with pytest.raises(InputError, match="slices 0 to 3"):
        slice_image(sample.stack, 4)
    with pytest.raises(InputError, match="without slices"):
        slice_image(Stack.from_array(movie), 0)
