"""Of several alphas the best is told, though others make the frames more alike."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.samples import endpoint_error, zstack_with_repeats
from napari_zstack_align.samples.zstack import SampleZStack

ALPHAS = (0.03, 1.0, 30.0)


def sample(displacement_px: float, **options: object) -> SampleZStack:
    """One slice that lies between two others of the stack."""
    made = {"n_slices": 3, "n_repeats": 8, "size": 160, "photons": 6.0, "seed": 5, **options}
    return zstack_with_repeats(max_displacement_px=displacement_px, **made)


@pytest.fixture(scope="module")
def bent() -> tuple[SampleZStack, nza.TriedAlphas]:
    made = sample(4.0)
    return made, nza.run(nza.try_alphas(made.stack, slice_index=1, alphas=ALPHAS))


def errors_px(made: SampleZStack, found: nza.TriedAlphas) -> list[float]:
    frames = made.stack.frames_of_slice(found.slice_index)
    return [
        endpoint_error(
            each.alignment.transforms.displacement,
            lambda i: made.displacement(int(frames[i])),
            np.zeros(len(frames), np.intp),
            border_px=16,
        ).mean
        for each in found.tried
    ]


def test_the_best_of_a_slice_that_bends_is_neither_stiff_nor_loose(bent):
    made, found = bent
    errors = errors_px(made, found)
    assert found.best == int(np.argmin(errors)) == 1
    assert found.are_level[:2].tolist() == [False, True]
    assert (found.correlations > found.raw_correlation + 0.05).all()


def test_what_it_says(bent):
    _, found = bent
    assert found.alpha == 1.0
    *_, alpha_1, alpha_30, last = found.summary().splitlines()
    assert found.summary().startswith("Slice 1: held-out correlation, mean over 8 of 8 rep")
    assert "alpha 1 " in alpha_1
    assert alpha_1.endswith("as good as the best")
    assert "alpha 30" in alpha_30
    assert last == "Take alpha 1."
    assert repr(found) == "<TriedAlphas of slice 1: 0.03, 1, 30; take 1>"


def test_of_noise_none_is_taken():
    noise = np.random.default_rng(0).poisson(20, (15, 96, 96)).astype(np.uint16)
    stack = nza.Stack.from_array(noise, frames_per_slice=5)
    found = nza.run(nza.try_alphas(stack, alphas=(0.3, 1.0)))
    assert found.summary().endswith("nothing tells which to take.")


def test_frames_of_the_loosest_are_most_alike_where_it_was_fitted(bent):
    """Which is why nothing but the hidden half of the image can tell."""
    _, found = bent
    own = [float(each.alignment.quality["correlation_after"].mean()) for each in found.tried]
    assert int(np.argmax(own)) == 0


@pytest.mark.thorough
def test_what_hardly_moves_is_best_left_stiff():
    """Much stiffer fields gain too little to be used: these repeats stay where they are."""
    made = sample(0.0, drift_px=2.0, size=256)
    found = nza.run(nza.try_alphas(made.stack, slice_index=1, alphas=ALPHAS))
    assert found.best == int(np.argmin(errors_px(made, found))) == 1
    assert found.are_level.tolist() == [False, True, False]


def test_it_is_the_slice_alone(bent):
    made, found = bent
    whole = made.stack.read(8, 16)[:, 0].astype(np.float32)
    np.testing.assert_allclose(found.raw, whole.mean(axis=0), rtol=1e-6)
    assert found.tried[1].image.shape == found.raw.shape
    np.testing.assert_allclose(np.nanmean(found.tried[1].image), np.nanmean(found.raw), rtol=0.05)
    others = sample(1.0, seed=6).stack.read(0, made.stack.n_frames)[:, 0]
    others[8:16] = made.stack.read(8, 16)[:, 0]
    other = nza.Stack.from_array(others, frames_per_slice=8)
    again = nza.run(nza.try_alphas(other, slice_index=1, alphas=ALPHAS[1:2]))
    np.testing.assert_allclose(again.tried[0].correlations, found.tried[1].correlations, atol=2e-3)


@pytest.mark.thorough
def test_repeats_that_cannot_be_aligned_do_not_count():
    made = sample(4.0)
    frames = made.stack.read(0, made.stack.n_frames)[:, 0]
    frames[10] = 0
    stack = nza.Stack.from_array(frames, frames_per_slice=8)
    found = nza.run(nza.try_alphas(stack, slice_index=1, alphas=(1.0, 3.0)))
    for each in found.tried:
        assert np.flatnonzero(np.isnan(each.correlations)).tolist() == [2]
    assert np.isfinite(found.correlations).all()
    frames[8:14] = 0
    stack = nza.Stack.from_array(frames, frames_per_slice=8)
    with pytest.raises(nza.AlignmentError, match="Fewer than 3 repeats of slice 1"):
        nza.run(nza.try_alphas(stack, slice_index=1, alphas=(1.0,)))


def test_progress_and_what_is_known_so_far():
    made = sample(2.0, n_slices=1)
    steps = list(nza.try_alphas(made.stack, alphas=(1.0, 3.0)))
    assert [len(s.partial.tried) for s in steps if s.partial is not None] == [1, 2]
    assert {s.stage for s in steps} == {"Trying alphas"}
    assert [s.done for s in steps] == sorted(s.done for s in steps)
    assert (steps[-1].done, steps[-1].total) == (6, 6)


@pytest.mark.thorough
def test_the_mask_says_where(bent):
    """A corner that moves on its own is outside: the rest is rigid."""
    made = sample(0.0)
    frames = made.stack.read(0, made.stack.n_frames)[:, 0]
    for t in range(8, 16):
        frames[t, :, 80:] = np.roll(frames[t, :, 80:], 3 * (-1) ** t, axis=1)
    stack = nza.Stack.from_array(frames, frames_per_slice=8)
    mask = np.zeros((160, 160), bool)
    mask[:64] = True
    found = nza.run(nza.try_alphas(stack, mask=mask, slice_index=1, alphas=ALPHAS))
    clean = nza.run(nza.try_alphas(made.stack, mask=mask, slice_index=1, alphas=ALPHAS))
    np.testing.assert_allclose(found.correlations, clean.correlations, atol=0.02)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"slice_index": 3}, "has 3 slices: there is no slice 3"),
        ({"slice_index": -1}, "there is no slice -1"),
        ({"alphas": ()}, "There is no alpha to try"),
        ({"alphas": (1.0, 1000.0)}, "alpha"),
        ({"mask": np.eye(64, dtype=bool)[::-1] * (np.indices((64, 64))[0] < 9)}, "so few squares"),
    ],
)
def test_bad_input_is_one_sentence(options, sentence):
    stack = nza.Stack.from_array(np.zeros((9, 64, 64), np.uint16), frames_per_slice=3)
    with pytest.raises(nza.InputError, match=sentence):
        nza.try_alphas(stack, **options)


@pytest.mark.parametrize(
    ("frames_per_slice", "sentence"),
    [(None, "has no frames_per_slice"), (2, "has 2 repeats: at least 3 are needed")],
)
def test_stacks_without_enough_repeats(frames_per_slice, sentence):
    frames = np.zeros((8, 64, 64), np.uint16)
    stack = nza.Stack.from_array(frames, frames_per_slice=frames_per_slice)
    with pytest.raises(nza.InputError, match=sentence):
        nza.try_alphas(stack)


def test_frames_too_small_to_be_halved():
    stack = nza.Stack.from_array(np.zeros((6, 40, 64), np.uint16), frames_per_slice=3)
    with pytest.raises(nza.InputError, match="at least 64 × 64 are needed"):
        nza.try_alphas(stack)


def test_pixels_fixed_to_the_detector_do_not_elect_the_stiffest():
    """They are most alike where nothing is moved."""
    made = sample(4.0, n_repeats=8)
    frames = made.stack.read(0, made.stack.n_frames)[:, 0]
    clean = nza.run(nza.try_alphas(made.stack, slice_index=1, alphas=(1.0, 30.0)))
    frames[:, ::9, 40] = frames[:, 40, ::9] = np.iinfo(frames.dtype).max
    frames[:, :, 100] = np.iinfo(frames.dtype).max
    spoiled = nza.Stack.from_array(frames, frames_per_slice=8)
    found = nza.run(nza.try_alphas(spoiled, slice_index=1, alphas=(1.0, 30.0)))
    assert found.best == clean.best == 0
    np.testing.assert_allclose(found.correlations, clean.correlations, atol=0.02)


def test_a_frame_that_cannot_be_read_costs_one_frame():
    made = sample(4.0)

    class Broken:
        shape, dtype = made.stack.shape, made.stack.dtype

        def read(self, start, stop):
            if start <= 9 < stop:
                raise OSError("the disk is gone")
            return made.stack.read(start, stop)

    stack = nza.Stack(Broken(), frames_per_slice=8, order="repeats")
    found = nza.run(nza.try_alphas(stack, slice_index=1, alphas=(1.0,)))
    assert np.flatnonzero(np.isnan(found.tried[0].correlations)).tolist() == [1]
    assert np.isfinite(found.raw).all()


def test_few_of_many_repeats_take_less_time_and_are_named(bent):
    made, whole = bent
    found = nza.run(nza.try_alphas(made.stack, slice_index=1, alphas=(1.0,), most_repeats=3))
    assert whole.frames.tolist() == list(range(8, 16))
    assert found.frames.tolist() == [8, 12, 15]
    assert found.n_compared == len(found.raw_correlations) == 3
    np.testing.assert_allclose(
        found.raw, made.stack.read(0, 24)[[8, 12, 15], 0].mean(axis=0), rtol=1e-6
    )
    with pytest.raises(nza.InputError, match="most_repeats is 2: at least 3"):
        nza.try_alphas(made.stack, most_repeats=2)
