"""`estimate_line_phase`: known displacements of every second line, and none where there is none."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from microscope.scans import drifting, noisy, scanned, tilted, tissue

import napari_zstack_align as nza
from napari_zstack_align.microscope.segments import mean_segments, segments_of
from napari_zstack_align.remark import RemarkCode, as_notes
from napari_zstack_align.sources import WithGaps

PHASES = (-5.0, -1.3, 0.4, 3.0)


@pytest.mark.parametrize("px", PHASES)
def test_finds_a_phase_at_3_photons(px):
    rng = np.random.default_rng(1)
    frames = noisy(rng, scanned(tissue(rng), px), 150)
    found = nza.estimate_line_phase(nza.Stack.from_array(frames))
    assert found.px == pytest.approx(px, abs=0.05)
    assert found.error < 0.05
    assert found.value == round(found.px, 2)
    assert len(found.segments) == 3
    for segment in found.segments:
        assert segment.n_frames == 50
        assert segment.px == pytest.approx(px, abs=4 * segment.error)
    (remark,) = found.remarks
    assert "`line_phase='auto'`" in remark


def _clean(rng, kind):
    image = tissue(rng)
    if kind == "drifting":
        return drifting(rng, image, rng.uniform(3, 20))
    if kind == "tilted":
        return tilted(image, rng.uniform(-1, 1))
    if kind == "dark":
        return np.ones_like(image)
    return image


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tilted", "still", "drifting", "dark"])
def test_finds_none_where_lines_lie_right(kind):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        found = nza.estimate_line_phase(nza.Stack.from_array(noisy(rng, _clean(rng, kind), 50)))
        assert found.value is None, (seed, found)
        assert not found.remarks
        assert kind != "still" or abs(found.px) < 0.1


def test_noise_alone_tells_nothing():
    rng = np.random.default_rng(0)
    found = nza.estimate_line_phase(nza.Stack.from_array(noisy(rng, np.ones((128, 128)), 50)))
    assert not found.is_told
    assert found.sentence == "Whether every second line is displaced can't be told from the frames."


def test_slices_are_averaged_apart():
    """A mean over slices would show their structures on top of one another."""
    rng = np.random.default_rng(2)
    slices = [noisy(rng, scanned(tissue(rng), 2.0), 5) for _ in range(12)]
    stack = nza.Stack.from_array(np.concatenate(slices), frames_per_slice=5)
    segments = nza.run(mean_segments(stack))
    assert segments[0].slices == tuple(range(10))
    assert segments[0].means.shape == (10, 1, 128, 128)
    assert nza.estimate_line_phase(stack).px == pytest.approx(2.0, abs=0.05)
    in_turn = np.stack(slices, 1).reshape(-1, 128, 128)
    stack = nza.Stack.from_array(in_turn, frames_per_slice=5, order="slices")
    again = nza.run(mean_segments(stack))[0]
    np.testing.assert_allclose(again.means, segments[0].means)


@pytest.mark.thorough
def test_phase_along_x_is_found_where_it_varies():
    rng = np.random.default_rng(3)
    u = np.linspace(-1, 1, 256)
    px = 4 - 3 * u**2 + 0.3 * u
    image = tissue(rng, 256)
    found = nza.estimate_line_phase(nza.Stack.from_array(noisy(rng, scanned(image, px), 40)))
    assert found.along_x == pytest.approx((0.7, 4.0, 1.3), abs=0.4)
    alike = nza.estimate_line_phase(nza.Stack.from_array(noisy(rng, scanned(image, 3.0), 40)))
    assert alike.along_x is None


def test_turned_image_is_not_corrected_but_said():
    rng = np.random.default_rng(4)
    frames = noisy(rng, scanned(tissue(rng), 3.0), 60).swapaxes(1, 2)
    found = nza.estimate_line_phase(nza.Stack.from_array(frames))
    assert found.value is None
    assert "lines of the scan run along Y" in found.doubt
    assert found.remarks == (found.doubt,)


def test_resampled_frames_are_not_corrected():
    rng = np.random.default_rng(5)
    frames = noisy(rng, scanned(tissue(rng), 3.0), 60)
    moved = as_notes("Suite2p has registered these frames already.", code=RemarkCode.RESAMPLED)
    found = nza.estimate_line_phase(nza.Stack.from_array(frames, remarks=moved))
    assert found.value is None
    assert found.doubt.startswith("Suite2p has registered these frames already.")
    assert nza.estimate_line_phase(nza.Stack.from_array(frames)).value is not None


def test_frames_without_numbers_are_left_out():
    rng = np.random.default_rng(6)
    frames = noisy(rng, scanned(tissue(rng), 3.0), 60).astype(np.float32)
    frames[7] = np.nan
    frames[:, 30, 40] = np.nan
    stack = nza.Stack.from_array(frames)
    gaps = {t: nza.InputError("It is damaged.") for t in range(20, 30)}
    stack = stack.replace(source=WithGaps(stack.source, gaps))
    found = nza.estimate_line_phase(stack)
    assert found.segments[0].n_frames == 40
    assert found.px == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("shape", [(1, 1), (3, 64), (64, 3), (40, 24), (12, 200)])
def test_small_images_tell_nothing(shape):
    rng = np.random.default_rng(7)
    found = nza.estimate_line_phase(nza.Stack.from_array(rng.random((3, *shape))))
    assert found.value is None
    assert found.sentence


def test_segments_that_differ_are_said():
    rng = np.random.default_rng(8)
    image = tissue(rng)
    parts = [noisy(rng, scanned(image, px), 50) for px in (2.0, 3.0, 4.0)]
    found = nza.estimate_line_phase(nza.Stack.from_array(np.concatenate(parts)))
    assert [round(each.px) for each in found.segments] == [2, 3, 4]
    assert found.drifts


@pytest.mark.parametrize(
    ("n_frames", "layout", "expected"),
    [
        (30, {}, [(0, 30, 30)]),
        (120, {}, [(0, 50, 50), (70, 120, 50)]),
        (1000, {}, [(0, 50, 50), (475, 525, 50), (950, 1000, 50)]),
        (200, {"frames_per_slice": 10}, [(0, 50, 50), (70, 120, 50), (150, 200, 50)]),
        (300, {"frames_per_slice": 60, "order": "slices"}, [(0, 246, 50), (2, 248, 50)]),
        (40, {"frames_per_slice": 1}, [(0, 40, 40)]),
    ],
)
def test_segments_are_of_fifty_frames(n_frames, layout, expected):
    stack = nza.Stack.from_array(np.zeros((n_frames, 8, 8), np.uint8), **layout)
    found = [(int(f[0]), int(f[-1]) + 1, len(f)) for f in segments_of(stack)]
    assert found[: len(expected)] == expected


@pytest.mark.parametrize(("n_frames", "start"), [(30, 0), (1000, 475)])
def test_a_glance_is_at_the_middle(n_frames, start):
    stack = nza.Stack.from_array(np.zeros((n_frames, 8, 8), np.uint8))
    (frames,) = segments_of(stack, most=1)
    assert (int(frames[0]), len(frames)) == (start, min(n_frames, 50))


def test_slices_of_large_frames_are_few():
    stack = nza.Stack.from_array(da.zeros((60, 1024, 1024), np.uint8), frames_per_slice=1)
    assert [len(frames) for frames in segments_of(stack)] == [2, 2, 2]
