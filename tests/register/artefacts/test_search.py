"""What is told of a stack from a few of its frames, against what was put into them."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from spoils import FIXED, N_REPEATS, N_SLICES, SIZE, clean, moved, run_search, stripes, walk

import napari_zstack_align as nza
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.constant import fixed_constant
from napari_zstack_align.register.artefacts.described import ALL_ALIKE, BORDER, NOT_TESTED
from napari_zstack_align.register.artefacts.movement import Movement
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.sample import read_sample
from napari_zstack_align.register.artefacts.search import checked_pixels


def found_in(frames: np.ndarray, repeats: int | None = N_REPEATS, **options) -> Artefacts:
    stack = nza.Stack.from_array(frames, frames_per_slice=repeats)
    return run_search(stack, AdaptiveParams(), **options)


@pytest.fixture(params=["adaptive", "keypoints"])
def frames(request) -> tuple[np.ndarray, int | None]:
    """Moving tissue, and its frames per slice."""
    return clean(request.param)[0].copy(), N_REPEATS if request.param == "adaptive" else None


@pytest.mark.parametrize("kind", ["block", "column", "dead_row", "hot_pixels"])
@pytest.mark.parametrize("level", ["top", "of the data"])
def test_pixels_fixed_to_the_detector_are_found_and_no_others(frames, kind, level):
    images, repeats = frames
    truth = FIXED[kind](images, 65535 if level == "top" else np.percentile(images, 99.9))
    found = found_in(images, repeats)
    assert found.fixed is not None
    assert not (found.fixed & ~truth).any()
    # Of the faint hot pixels some lie in bright tissue.
    assert (found.fixed & truth).sum() >= (0.6 if kind == "hot_pixels" else 1) * truth.sum()
    assert f"{found.fixed.sum()} pixels fixed to the detector were left out." in found.remarks


@pytest.mark.parametrize("times_noise", [3.0, 6.0])
def test_dim_hot_pixels_are_found_whatever_noise_there_is_where_tissue_went(frames, times_noise):
    images, repeats = frames
    dim = images.mean(axis=0) < np.median(images)
    truth = np.zeros(images.shape[1:], bool)
    truth[tuple(np.argwhere(dim)[::37].T)] = True
    noise = np.median(np.abs(np.diff(images.astype(float), axis=0))) / 0.954
    spoilt = images.astype(float)
    light = np.random.default_rng(0).normal(times_noise, 1, (len(images), truth.sum()))
    spoilt[:, truth] += noise * light
    found = found_in(spoilt.clip(0, 65535).astype(np.uint16), repeats)
    assert not (found.fixed & ~truth).any()
    assert (found.fixed & truth).sum() >= 0.6 * truth.sum()


def test_moving_tissue_loses_no_pixel(frames):
    found = found_in(*frames)
    assert found.fixed is None
    assert found.pattern is None
    assert found.remarks == ()


@pytest.mark.parametrize("value", [0, 7, 65535])
@pytest.mark.parametrize("repeats", [None, 4])
def test_empty_frames_are_said_to_be_empty(value, repeats):
    (remark,) = found_in(np.full((12, 48, 56), value, np.uint16), repeats).remarks
    assert remark == ALL_ALIKE
    assert remark.is_warning


COLUMNS = [32, 64, 73]


@pytest.mark.parametrize("moves", [0, 1])
def test_what_may_be_fixed_in_tissue_that_hardly_moves_is_warned_of(moves):
    """By a pixel in few of the frames, at most."""
    images = moved(1, 48, np.where(np.arange(48)[:, np.newaxis] % 16 == 0, moves, [0, 0]))
    assert not any("may be fixed" in remark for remark in found_in(images, None).remarks)
    images[:, :, COLUMNS] = 65535
    found = found_in(images, None)
    assert found.fixed is None
    said = [remark for remark in found.remarks if "may be fixed" in remark]
    assert [remark.is_warning for remark in said] == [True]
    assert said[0].startswith(
        f"{images.shape[1] * len(COLUMNS)} pixels may be fixed to the detector"
    )


def test_what_has_the_value_of_others_that_are_fixed_is_fixed_where_the_tissue_hardly_moves():
    images = np.random.default_rng(0).normal(100, 10, (30, 64, 128)).astype(np.float32)
    constant = np.zeros(images.shape[1:], bool)
    constant[:, [20, 100]] = True
    shifts = np.zeros((30, 1, 2, 2))
    shifts[::2, :, 0] = 3.0  # the left half alone moves
    movement = Movement(shifts, constant.shape)
    images[:, constant] = 4000
    told = fixed_constant(images, constant, Noise(60.0, 1.0, 60.0), movement)
    assert (told.fixed == constant).all()
    images[:, :, 100] = 2000
    told = fixed_constant(images, constant, Noise(60.0, 1.0, 60.0), movement)
    assert np.unique(np.nonzero(told.fixed)[1]).tolist() == [20]
    assert np.unique(np.nonzero(told.untested)[1]).tolist() == [100]


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [None, *FIXED])
def test_still_tissue_loses_no_pixel_and_says_that_nothing_was_tested(spoil):
    images = moved(1, 30, np.zeros((30, 2), int))
    if spoil:
        FIXED[spoil](images, 65535)
    found = found_in(images, None)
    assert found.fixed is None
    assert found.pattern is None
    (remark,) = [each for each in found.remarks if each == NOT_TESTED]
    assert remark.severity == "note"


def test_stripes_are_taken_off(frames):
    images, repeats = frames
    before = images.astype(float)
    stripes(images, np.percentile(images, 99.9))
    found = found_in(images, repeats)
    assert found.pattern is not None
    left = np.diff((images - before).mean(axis=(0, 2)) - found.pattern[:, 0])
    assert np.abs(left).max() < 0.2 * 0.1 * np.percentile(before, 99.9)


@pytest.mark.parametrize(("height", "is_warned_of"), [(500, False), (30_000, True)])
def test_stripes_far_stronger_than_the_tissue_are_warned_of(frames, height, is_warned_of):
    images, repeats = frames
    rows = np.arange(images.shape[1]) % 8 < 2
    striped = np.clip(images + height * rows[:, np.newaxis].astype(float), 0, 65535)
    striped[:, :, 42] = 65535
    found = found_in(striped.astype(np.uint16), repeats)
    assert any(remark.is_warning for remark in found.remarks) is is_warned_of


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("height", "is_warned_of"), [(0, False), (200, False), (2500, True), (32_768, True)]
)
def test_strong_stripes_over_tissue_that_hardly_moves_are_warned_of(height, is_warned_of, axis):
    moves = np.arange(20)[:, np.newaxis] % 2 * [1, 0]
    images = moved(4, 5, moves).astype(float)
    lines = height * (np.arange(images.shape[1]) % 8 < 2)
    images += lines[:, np.newaxis] if axis == 0 else lines
    found = found_in(images.clip(0, 65535).astype(np.uint16))
    assert found.pattern is None
    assert any("hold the alignment" in remark for remark in found.remarks) is is_warned_of


def test_more_than_a_tenth_is_not_left_out_without_asking():
    images = clean("adaptive")[0].copy()
    images[:, 10:60, 10:60] = 65535
    found = found_in(images)
    assert found.fixed is None
    (remark,) = [each for each in found.remarks if "20 % of the pixels" in each]
    assert remark.is_warning


def test_pixels_that_are_given_are_left_out_instead():
    images = clean("adaptive")[0].copy()
    FIXED["column"](images, 65535)
    given = np.zeros((SIZE, SIZE), bool)
    given[3, 5] = True
    found = found_in(images, given=given)
    np.testing.assert_array_equal(found.fixed, given)


def test_nothing_is_looked_for_where_that_is_off():
    images = clean("adaptive")[0].copy()
    FIXED["column"](images, 65535)
    stack = nza.Stack.from_array(images, frames_per_slice=N_REPEATS)
    found = run_search(stack, AdaptiveParams(find_artefacts=False))
    assert found.fixed is None
    assert found.transients is None


@pytest.mark.parametrize("given", [np.zeros((3, 4), bool), np.zeros((SIZE, SIZE))])
def test_rejects_an_image_of_artefacts_that_is_none(given):
    with pytest.raises(InputError, match="give"):
        checked_pixels(given, (SIZE, SIZE))


@pytest.mark.parametrize("offset", [1e9, -3e8])
def test_a_huge_offset_is_taken_off_in_float64(offset):
    images = clean("adaptive")[0]
    found = found_in(images + np.float64(offset))
    assert abs(found.offset - offset) < images.max()
    assert found_in(images).offset == 0


def test_light_from_fluorescence_of_few_photons_is_no_artefact():
    """Most pixels are 0, and those that aren't stand alone."""
    rng = np.random.default_rng(0)
    images = rng.poisson(moved(N_SLICES, N_REPEATS, np.zeros((20, 2), int)) / 4000).astype("u1")
    found = found_in(images)
    assert found.fixed is None
    assert found.transients is not None
    assert all(found.transients.find(i.astype(np.float32)) == (None, None) for i in images)


def test_the_sample_is_held_once():
    frames = moved(1, 120, walk(120))
    stack = nza.Stack.from_array(frames, "TYX")
    tracemalloc.start()
    try:
        *_, sample = read_sample(stack, nza.KeypointParams())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sample.images.nbytes < peak < 1.5 * sample.images.nbytes


@pytest.mark.parametrize(
    ("params", "unseen"),
    [
        ({}, "far red, red"),
        ({"channel": 2}, "green, far red"),
        ({"channel_weights": (1.0, 0.0, 2.0)}, "far red"),
        ({"channel_weights": (1.0, 0.5, 2.0)}, ""),
        ({"find_artefacts": False}, ""),
    ],
    ids=str,
)
def test_channels_in_which_nobody_looked_are_named(params, unseen):
    rng = np.random.default_rng(5)
    frames = rng.poisson(50, (24, 3, 48, 56)).astype(np.uint16)
    stack = nza.Stack.from_array(
        frames, "TCYX", frames_per_slice=4, channel_names=("green", "far red", "red")
    )
    said = [str(each) for each in run_search(stack, AdaptiveParams(**params)).remarks]
    named = [each for each in said if "were not looked for in" in each]
    assert [each.split("looked for in ")[1].split(":")[0] for each in named] == [unseen] * bool(
        unseen
    )


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize(
    ("offset", "dtype", "coarse"),
    [
        (1e9, "float64", True),
        (1_000_000_000, "int32", True),
        (54_500, "uint16", False),
        (0, "uint16", False),
    ],
)
def test_numbers_that_float32_cannot_tell_apart_are_warned_of(offset, dtype, coarse, looks):
    rng = np.random.default_rng(7)
    frames = (rng.poisson(100 * rng.random((1, 48, 56)), (24, 48, 56)) + offset).astype(dtype)
    stack = nza.Stack.from_array(frames, frames_per_slice=4)
    said = " ".join(map(str, run_search(stack, AdaptiveParams(find_artefacts=looks)).remarks))
    assert ("in steps of 64 counts" in said) == coarse
    assert ("in steps of" in said) == coarse


def with_border(frames: np.ndarray, width: int) -> np.ndarray:
    frames = frames.astype(np.float32)
    frames[:, :width] = frames[:, :, -width:] = np.nan
    return frames


@pytest.mark.parametrize("kind", ["block", "column", "hot_pixels"])
def test_what_is_fixed_is_found_beside_a_border_without_numbers(frames, kind):
    images, repeats = frames
    truth = FIXED[kind](images, 65535)
    known = np.zeros(truth.shape, bool)
    known[3:, :-3] = True
    found = found_in(with_border(images, 3), repeats)
    assert found.fixed is not None
    assert not (found.fixed & ~truth)[known].any()
    assert (found.fixed & truth)[known].sum() >= 0.9 * truth[known].sum()


def test_frames_without_numbers_that_nobody_could_look_at_are_warned_of(frames):
    images, repeats = frames
    images = images.astype(np.float32)
    images[:, : SIZE * 2 // 3] = np.nan
    said = found_in(images, repeats).remarks
    assert any("were not looked for: there are too few" in str(each) for each in said)


BORDERS = {
    "20 columns on the left": np.s_[:, :20],
    "12 columns on the right": np.s_[:, -12:],
    "30 rows at the top": np.s_[:30, :],
    "1 row at the bottom": np.s_[-1:, :],
}


@pytest.mark.each_time(value=2)
@pytest.mark.parametrize("value", [0, 65535, 37])
@pytest.mark.parametrize("where", BORDERS)
def test_a_border_that_never_changes_is_left_out_and_named(frames, where, value):
    images, repeats = frames
    images[:, *BORDERS[where]] = value
    found = found_in(images, repeats)
    border = np.zeros((SIZE, SIZE), bool)
    border[BORDERS[where]] = True
    np.testing.assert_array_equal(found.fixed, border)
    (remark,) = found.remarks
    assert remark == BORDER.format(where=where)


def test_borders_on_all_sides_and_hot_pixels_are_told_apart(frames):
    images, repeats = frames
    hot = FIXED["block"](images, 65535)
    border = np.ones((SIZE, SIZE), bool)
    border[9:-9, 14:-14] = False
    images[:, border] = 0
    found = found_in(images, repeats)
    np.testing.assert_array_equal(found.fixed, border | hot)
    sides = "9 rows at the top, 14 columns on the right, 9 rows at the bottom, 14 columns on the"
    assert f"({sides} left)" in found.remarks[0]
    assert found.remarks[1] == f"{hot.sum()} pixels fixed to the detector were left out."


def test_dark_background_that_was_cut_off_is_no_border():
    tissue = np.zeros((30, 96, 96))
    for t, (dy, dx) in enumerate(walk(30)):
        tissue[t, 40 + dy : 60 + dy, 40 + dx : 60 + dx] = 400
    noise = np.random.default_rng(0).normal(-25, 10, tissue.shape)
    found = found_in(np.clip(tissue + noise, 0, None).astype(np.uint16), None)
    assert not any("border" in remark for remark in found.remarks)
