"""Slices that don't lie over the one before them are flagged, and no others."""

import re
from dataclasses import replace

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.flags import Flag
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.register import between_slices
from napari_zstack_align.register.beside import peak_beside
from napari_zstack_align.register.between_slices import Chain
from napari_zstack_align.register.slice_steps import (
    CANNOT_TELL,
    SliceStep,
    step_between,
    with_breaks,
)
from napari_zstack_align.samples import zstack_with_repeats

N_SLICES, N_REPEATS = 5, 3


@pytest.fixture(scope="module")
def frames():
    """(T, Y, X) of slices that resemble one another, hardly moving."""
    sample = zstack_with_repeats(
        n_slices=N_SLICES, n_repeats=N_REPEATS, size=(200, 192), max_displacement_px=2, seed=41
    )
    return sample.stack.read(0, N_SLICES * N_REPEATS)[:, 0]


def aligned(frames, **params):
    stack = nza.Stack.from_array(frames, frames_per_slice=N_REPEATS)
    return nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(**params)))


def flagged_slices(alignment):
    unlike = alignment.quality["flag"] == Flag.UNLIKE_REFERENCE
    return np.unique(alignment.quality["slice"][unlike]).tolist()


def moved(frames, first, last, change):
    """Frames of some slices changed."""
    result = frames.copy()
    where = slice(first * N_REPEATS, (last + 1) * N_REPEATS)
    result[where] = change(frames[where])
    return result


def rolled(y, x):
    return lambda frames: np.roll(frames, (y, x), axis=(1, 2))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["two_stage", "direct"])
def test_slices_that_fit_are_not_flagged(frames, strategy):
    alignment = aligned(frames, strategy=strategy)
    assert flagged_slices(alignment) == []
    assert "slice before" not in alignment.summary()


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["two_stage", "direct"])
@pytest.mark.parametrize("jump", [(45, 0), (-8, 60)])
def test_a_jump_that_is_not_looked_for_is_said_with_its_size(frames, strategy, jump):
    alignment = aligned(moved(frames, 3, 4, rolled(*jump)), strategy=strategy, max_shift_px=20)
    assert flagged_slices(alignment) == [3, 4]
    assert alignment.quality["used"].all() or strategy == "direct"
    (remark,) = [each for each in alignment.remarks if "slice before" in each]
    assert remark.is_warning
    assert "Slice 3 fits the slice before it elsewhere" in remark
    assert "max_shift_px, 20 now" in remark


def test_the_size_of_the_jump_is_the_one_that_there_was(frames):
    jumping = moved(frames, 2, 4, rolled(-8, 60))
    before, after = (jumping[k : k + 3].mean(axis=0, dtype=np.float32) for k in (3, 6))
    step = step_between(before, after, np.ones(before.shape, bool))
    assert step.jumped
    assert not step.fits
    np.testing.assert_allclose(step.shift_px, (8, -60), atol=6)


@pytest.mark.thorough
def test_a_jump_within_the_limit_is_followed(frames):
    alignment = aligned(moved(frames, 3, 4, rolled(0, 14)))
    assert flagged_slices(alignment) == []


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda f: f[:, ::-1, ::-1], lambda f: f[:, ::-1]])
def test_tissue_that_is_no_longer_the_same_is_said(frames, change):
    alignment = aligned(moved(frames, 2, 4, change))
    assert flagged_slices(alignment) == [2, 3, 4]
    assert "Slice 2 resembles the slice before it no more than by chance" in alignment.summary()


@pytest.mark.thorough
def test_from_a_start_in_the_middle_both_ways(frames):
    alignment = aligned(moved(frames, 0, 0, rolled(70, 0)), start_slice=2)
    assert flagged_slices(alignment) == [0]
    assert "Slice 0 fits the slice after it elsewhere" in alignment.summary()


def test_a_start_in_the_middle_is_none_for_the_direct_strategy(frames):
    jumping = moved(frames, 2, 4, rolled(70, 0))
    alignment = aligned(jumping, strategy="direct", start_slice=3)
    assert flagged_slices(alignment) == [2, 3, 4]


@pytest.mark.thorough
def test_slices_that_are_unlike_are_listed_once(frames):
    flips = (lambda f: f[:, ::-1], lambda f: f[:, :, ::-1], lambda f: f[:, ::-1, ::-1])
    for z, flip in enumerate(flips, 1):
        frames = moved(frames, z, z, flip)
    summary = aligned(frames).summary()
    assert "Slices 1, 2, 3 and 1 more resemble the slice before each no more than by" in summary
    assert "How these slices and those beyond lie over the others is not known" in summary


def with_lit_cell(frames):
    """Frames with a cell many times as bright as all others."""
    y, x = np.indices(frames.shape[1:])
    cell = 1 / (1 + np.exp((np.hypot(y - 90, x - 70) - 5) / 0.7))
    return np.clip(frames + 120 * frames.std() * cell, 0, 65535).astype(frames.dtype)


@pytest.mark.slow
@pytest.mark.parametrize("z", [0, 2])
def test_a_cell_that_is_lit_throughout_one_slice_flags_nothing(frames, z):
    assert flagged_slices(aligned(moved(frames, z, z, with_lit_cell))) == []


@pytest.mark.thorough
@pytest.mark.slow
def test_a_run_that_goes_on_knows_the_steps_of_the_one_before(frames, tmp_path):
    stack = nza.Stack.from_array(moved(frames, 3, 3, rolled(50, 30)), frames_per_slice=N_REPEATS)
    for strategy, expected in (("two_stage", [3]), ("direct", [3, 4])):
        params = nza.AdaptiveParams(strategy=strategy)
        run = lambda: nza.align_adaptive(stack, params, journal=tmp_path / strategy)  # noqa: B023, E731
        whole = nza.run(run())
        again = nza.run(run())
        assert flagged_slices(again) == flagged_slices(whole) == expected
        assert again.remarks == whole.remarks


@pytest.mark.slow
@pytest.mark.parametrize(
    "how",
    [
        {"photons": 3, "n_repeats": 2},
        {"photons": 1, "size": 96},
        {"slice_correlation": 0.7},
        {"bleaching": 0.6, "photons": 4},
        {"drift_px": 10},
    ],
    ids=str,
)
def test_right_stacks_fit_whatever_the_light(how):
    defaults = {"n_slices": 5, "n_repeats": 3, "size": 160, "seed": 91}
    alignment = nza.run(nza.align_adaptive(zstack_with_repeats(**{**defaults, **how}).stack))
    assert flagged_slices(alignment) == []
    assert "could be off" not in alignment.summary()


def noise(seed, size=128):
    return np.random.default_rng(seed).random((size, size)).astype(np.float32)


def test_other_noise_fits_nothing():
    step = step_between(noise(0), noise(1), np.ones((128, 128), bool))
    assert not step.fits
    assert not step.jumped
    assert SliceStep.of_array(step.to_array()) == step


def test_of_few_pixels_nothing_can_be_told(frames):
    """A small mask, or an image without contrast: the slice is believed."""
    weights = np.zeros((100, 96), np.float32)
    weights[40:54, 40:54] = 1
    means = [frames[k : k + 3].mean(axis=0, dtype=np.float32) for k in (3, 6)]
    whole = np.ones(means[0].shape, bool)
    assert step_between(*means, whole, weights).fits
    turned = step_between(means[0], means[1][::-1].copy(), whole, weights)
    assert np.isinf(turned.here)
    assert turned.is_lost
    assert step_between(noise(0), np.zeros((128, 128), np.float32), np.ones((128, 128), bool)).fits


@pytest.mark.thorough
def test_slices_that_were_not_judged_are_said_to_be(frames):
    mask = np.zeros(frames.shape[1:], bool)
    mask[80:108, 80:108] = True
    stack = nza.Stack.from_array(frames, frames_per_slice=N_REPEATS)
    alignment = nza.run(nza.align_adaptive(stack, mask=mask))
    assert flagged_slices(alignment) == []
    (remark,) = [each for each in alignment.remarks if "was not judged" in each]
    assert "4 slices" in remark
    assert "in a small mask or where" in remark
    assert not remark.is_warning
    without = with_breaks(replace(alignment, mask=None), dict.fromkeys([1, 2], CANNOT_TELL), 0, 9)
    assert "in small frames or where" in without.remarks[-1]
    assert "mask" not in without.remarks[-1]


def test_a_step_that_was_not_taken_is_said_with_its_length(frames, monkeypatch):
    monkeypatch.setattr(between_slices, "LEAST_GAIN", 2.0)
    alignment = aligned(moved(frames, 3, 4, rolled(0, 3)))
    assert flagged_slices(alignment)[-2:] == [3, 4]
    (remark,) = [each for each in alignment.remarks if "slice before" in each]
    assert remark.is_warning
    assert re.search(r"lice 3 fits the slice before it better \d\.\d px away \(at ", remark)
    assert "max_shift_px" not in remark


@pytest.mark.parametrize("shift", [(1, 0), (0, -2), (-3, 3), (0, 9)], ids=str)
def test_a_slice_a_few_pixels_from_its_peak_is_off(frames, shift):
    before, image = (frames[k : k + 3].mean(axis=0, dtype=np.float32) for k in (3, 6))
    whole = np.ones(before.shape, bool)
    placed = step_between(before, image, whole)
    assert placed.fits
    step = step_between(before, np.roll(image, shift, axis=(0, 1)), whole)
    assert step.is_off
    assert not step.fits
    change = np.subtract(step.beside_px, placed.beside_px)
    np.testing.assert_allclose(change, np.negative(shift), atol=0.3)
    assert SliceStep.of_array(step.to_array()) == step


def sharing(part, seed):
    """Two images (Y, X) of noise that correlate by a part."""
    ours, own = noise(seed) - 0.5, noise(1000 + seed) - 0.5
    return ours, part * ours + np.sqrt(np.float32(1 - part**2)) * own


@pytest.mark.parametrize("part", [0.25, 0.5, 0.9])
def test_the_expected_error_is_that_of_the_peak(part):
    """Of images that lie right, the peak is as far from its place as the error says."""
    whole = np.ones((128, 128), bool)
    steps = [step_between(*sharing(part, seed), whole) for seed in range(40)]
    found = np.sqrt(np.mean([np.sum(np.square(step.beside_px)) for step in steps]))
    assert np.median([step.error_px for step in steps]) == pytest.approx(found, rel=0.15)
    assert np.mean([step.likeness for step in steps]) == pytest.approx(part, abs=0.05)


def test_nothing_in_common_is_any_place_and_all_of_it_is_one(frames):
    whole = np.ones((128, 128), bool)
    assert step_between(noise(0), noise(1), whole).is_lost
    assert step_between(noise(0), 3 * noise(0) + 7, whole).error_px < 0.02
    negative = step_between(noise(0), -noise(0), whole)
    assert not negative.fits
    assert SliceStep.of_array(negative.to_array()) == negative


@pytest.fixture(scope="module")
def placed(frames):
    return aligned(frames)


def with_steps(alignment, start=0, **steps):
    """The alignment as judged by steps z1=(likeness, error in px); all others are right."""
    told = {z: SliceStep(15.0, 4.0, (9.0, 9.0)) for z in range(N_SLICES) if z != start}
    for name, (likeness, error_px) in steps.items():
        z = int(name[1:])
        told[z] = replace(told[z], likeness=likeness, error_px=error_px)
    return with_breaks(alignment, told, start, 20)


def test_slices_that_could_be_off_are_said_with_their_likeness(placed):
    doubtful = with_steps(placed, z2=(0.45, 0.4))
    assert flagged_slices(doubtful) == []
    (remark,) = [each for each in doubtful.remarks if each not in placed.remarks]
    assert remark.is_warning
    start = "The place of slice 2 over the slice before it could be off by a pixel or more: they "
    assert remark.startswith(f"{start}resemble each other by 0.45. ")
    more = with_steps(placed, start=2, z0=(0.5, 0.5), z1=(0.45, 0.4), z4=(0.4, 0.5)).remarks[-1]
    assert more.startswith("The places of slices 0 and 1 over the slice after each could be off")
    assert "resemble each other by 0.45 at the least; the place of slice 4 over" in more


def test_slices_that_are_lost_are_flagged_with_those_beyond(placed):
    lost = with_steps(placed, z1=(0.45, 0.4), z3=(0.3, 0.8))
    assert flagged_slices(lost) == [3, 4]
    doubt, remark = lost.remarks[-2:]
    assert "slice 1 over" in doubt
    assert "3" not in doubt
    assert remark.startswith("Slice 3 resembles the slice before it by 0.30: too little for its ")
    assert "its place to be right within a pixel. How this slice and those beyond" in remark
    (detail,) = set(lost.quality["detail"][lost.quality["slice"] == 4])
    assert "slice 3 resembles the slice before it by 0.30" in detail
    both = with_steps(placed, z2=(0.35, 0.8), z3=(0.3, 0.9)).remarks[-1]
    assert "Slices 2 and 3 resemble the slice before each, the least by 0.30: too little" in both


def of_few_cells(apart_px, **more):
    """A step that fits, by cells that two halves of the image put apart."""
    return SliceStep(15.0, 4.0, (9.0, 9.0), halves_apart_px=apart_px, **more)


def test_a_place_that_rests_on_few_cells_is_said(placed):
    steps = {1: of_few_cells(0.4), 2: of_few_cells(2.4), 3: of_few_cells(1.9)}
    doubtful = with_breaks(placed, steps, 0, 20)
    assert flagged_slices(doubtful) == []
    (remark,) = [each for each in doubtful.remarks if each not in placed.remarks]
    assert remark.is_warning
    assert remark.startswith(
        "Too few cells go on from slice to slice to judge the place of slice 2 over the slice "
        "before it: two halves of the image put it 2.4 px apart. It, and the slices beyond, could"
    )
    more = with_breaks(placed, {**steps, 3: of_few_cells(5), 0: of_few_cells(3)}, 1, 20).remarks[-1]
    assert "the places of slice 0 over the slice after it; slices 2 and 3 over the slice" in more
    assert "put them up to 5.0 px apart. They, and" in more


def test_a_slice_that_few_cells_put_far_away_is_flagged(placed):
    far = {2: of_few_cells(0.3, is_far=True), 3: of_few_cells(1.9, is_far=True)}
    lost = with_breaks(placed, far, 0, 20)
    assert flagged_slices(lost) == [3, 4]
    assert lost.remarks[-1].startswith(
        "Slice 3 seems to lie far from the slice before it, and two halves of the image put it "
        "1.9 px apart. How this slice and those beyond lie over the others is not known"
    )


def test_few_features_are_judged_by_what_they_have_in_common(placed):
    """A handful of beads give no spread to compare with; how alike they are still counts."""
    few = replace(CANNOT_TELL, likeness=0.4, error_px=0.9)
    assert flagged_slices(with_breaks(placed, {1: CANNOT_TELL, 2: few}, 0, 20)) == [2, 3, 4]


@pytest.mark.slow
def test_z_steps_too_large_to_follow_are_not_called_good():
    """The larger the steps between slices are, the more of a stack is doubted, then flagged."""
    sample = zstack_with_repeats(
        n_slices=13, n_repeats=3, size=128, slice_correlation=0.7, max_displacement_px=2, seed=95
    )
    frames = sample.stack.read(0, 39)[:, 0].reshape(13, 3, 128, 128)
    told = []
    for every in (1, 2, 3):
        alignment = aligned(frames[::every][:5].reshape(-1, 128, 128))
        told.append(("could be off" in alignment.summary(), bool(flagged_slices(alignment))))
    assert told[0] == (False, False)
    assert any(told[1])
    assert told[2][1]


def test_the_top_of_a_peak_lies_between_the_shifts():
    y, x = np.mgrid[-20:21, -20:21]
    peak = np.exp(-((y - 1.3) ** 2 + (x + 0.6) ** 2) / 40)
    found = peak_beside(peak, (20, 20), 6, np.hypot(y, x) > 8)
    assert (found.y, found.x) == pytest.approx((1.3, -0.6), abs=0.03)
    assert peak_beside(peak * 0, (20, 20), 6, np.hypot(y, x) > 8).clearer == 0


@pytest.fixture(scope="module")
def planes():
    """(3, Y, X) neighbouring planes that lie over one another, without noise to speak of."""
    sample = zstack_with_repeats(
        n_slices=3,
        n_repeats=1,
        size=224,
        photons=200,
        max_displacement_px=0,
        slice_correlation=0.8,
        seed=43,
    )
    return sample.stack.read(0, 3)[:, 0].astype(np.float32)


def seen_at(plane, shift, light=1.0):
    """The middle of a plane from another place, under less light."""
    y, x = (32 + each for each in shift)
    return light * plane[y : y + 160, x : x + 160]


def shift_of(chain):
    return -chain.field.mean(axis=(1, 2))


@pytest.mark.parametrize("step", [(2, 2), (1, 2)], ids=str)
def test_a_step_that_shows_less_of_the_slice_before_is_taken(planes, step):
    """Fading leaves an edge where the brighter slice before goes on: it is no likeness."""
    there = (-14, -14)
    back = tuple(np.add(there, step))
    chain = Chain((160, 160), 50.0, AdaptiveParams(), None).next(seen_at(planes[0], (0, 0)))
    chain = chain.next(seen_at(planes[1], there, 0.3))
    np.testing.assert_allclose(shift_of(chain), there, atol=0.5)
    np.testing.assert_allclose(shift_of(chain.next(seen_at(planes[2], back, 0.28))), back, atol=0.5)


def nearly_empty(frames, z, light):
    """Frames of which one slice has hardly any light."""
    result = frames.copy()
    rng = np.random.default_rng(7)
    where = slice(z * N_REPEATS, (z + 1) * N_REPEATS)
    photons = np.clip(frames[where].astype(float) - 100, 0, None) / 40
    counts = 40 * rng.poisson(light * photons) + 100 + rng.normal(0, 6, photons.shape)
    result[where] = np.clip(counts, 0, 65535).astype(frames.dtype)
    return result


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("z", [2, 3])
def test_the_chain_passes_over_a_nearly_empty_slice(frames, z, tmp_path):
    stack = nza.Stack.from_array(nearly_empty(frames, z, 0.01), frames_per_slice=N_REPEATS)
    run = lambda: nza.run(nza.align_adaptive(stack, journal=tmp_path / "run"))  # noqa: E731
    alignment, whole = run(), aligned(frames)
    assert flagged_slices(alignment) == [z]
    (remark,) = [each for each in alignment.remarks if "resembles slice" in each]
    assert remark.is_warning
    assert f"Slice {z + 1} resembles slice {z - 1} more than slice {z}" in remark
    beyond = range((z + 1) * N_REPEATS, N_SLICES * N_REPEATS)
    apart = [
        (alignment.transforms.displacement(t) - whole.transforms.displacement(t)).mean((1, 2))
        for t in beyond
    ]
    assert np.abs(apart).max() < 0.6
    again = run()
    assert again.remarks == alignment.remarks
    np.testing.assert_array_equal(again.quality, alignment.quality)
