"""Steps between slices from what the repeats show, on modes whose motion and slant are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align.alignment.spline import grid_shape
from napari_zstack_align.library_threads import one_thread_each
from napari_zstack_align.register.chain.anatomy import JUMPS, Prior
from napari_zstack_align.register.chain.decisions import STEADY_PX, of_one_repeat, verdict
from napari_zstack_align.register.chain.drift import steady_drift
from napari_zstack_align.register.chain.modes import Modes
from napari_zstack_align.register.chain.motion import Schedule
from napari_zstack_align.register.chain.settled import Compared, _lengths, settled
from napari_zstack_align.register.chain.steps import Evidence, likely_steps
from napari_zstack_align.settings import in_flags

SLICES, REPEATS = 10, 7
MODES = Modes((256, 256))
K = len(MODES.bins)
SCALE = 0.1 / (1 + MODES.bins)
"""Coarse modes are stronger, px."""
ERROR = (0.02 * SCALE) ** 2
"""Variance of the error of a repeat."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a run: BLAS's own threads spin over small matrices."""
    with one_thread_each.held():
        yield


def evidence(motion, others, rng) -> tuple[Evidence, np.ndarray]:
    """Evidence of frames (T, K) that move, and of what else the steps (Z - 1, K) hold."""
    slices = motion.reshape(SLICES, REPEATS, K)
    means = slices.mean(axis=1)
    noise = 0.1 * SCALE * rng.standard_normal((2, SLICES - 1, K))
    true = np.diff(means, axis=0)
    halves = true + others + noise
    times = np.arange(SLICES * REPEATS, dtype=float).reshape(SLICES, REPEATS)
    made = Evidence(
        Schedule.of_frames(list(times)),
        tuple(slices - means[:, np.newaxis]),
        halves.mean(axis=0),
        halves,
        MODES.bins,
        ERROR,
    )
    return made, true


def slant(rng) -> np.ndarray:
    """What persists from slice to slice."""
    return np.tile(SCALE * rng.standard_normal(K), (SLICES - 1, 1))


def walk(rng) -> np.ndarray:
    return np.cumsum(SCALE / 2 * rng.standard_normal((SLICES * REPEATS, K)), axis=0)


def sway(rng) -> np.ndarray:
    frames = SCALE * rng.standard_normal((SLICES * REPEATS, K))
    for t in range(1, len(frames)):
        frames[t] = 0.8 * frames[t - 1] + 0.6 * frames[t]
    return 3 * frames


def error(steps, true) -> float:
    return float(np.linalg.norm(np.cumsum(steps - true, axis=0)))


def test_still_slices_with_a_slant_stay_where_they_are() -> None:
    rng = np.random.default_rng(1)
    still = 0.02 * SCALE * rng.standard_normal((SLICES * REPEATS, K))
    made, true = evidence(still, slant(rng), rng)
    assert error(likely_steps(made).taken, true) < 0.05 * error(made.steps, true)


@pytest.mark.parametrize(("motion", "of_asked", "of_stiff"), [(walk, 0.5, 0.5), (sway, 0.75, 1.3)])
def test_what_the_repeats_show_is_followed_and_a_slant_is_not(motion, of_asked, of_stiff) -> None:
    rng = np.random.default_rng(2)
    made, true = evidence(motion(rng), slant(rng), rng)
    wrong = error(likely_steps(made).taken, true)
    assert wrong < of_asked * error(made.steps, true)
    assert wrong < of_stiff * error(0 * true, true)


def test_a_steady_drift_that_the_repeats_show_is_followed() -> None:
    rng = np.random.default_rng(3)
    steady = np.arange(SLICES * REPEATS)[:, np.newaxis] * SCALE * rng.standard_normal(K) / REPEATS
    shown = steady + 0.1 * SCALE * rng.standard_normal(steady.shape)
    made, true = evidence(shown, 0.0, rng)
    assert error(likely_steps(made).taken, true) < 0.2 * error(0 * true, true)


def test_jumps_are_followed_on_clear_evidence() -> None:
    rng = np.random.default_rng(4)
    still = 0.02 * SCALE * rng.standard_normal((SLICES * REPEATS, K))
    jumps = 5 * SCALE * rng.standard_normal((SLICES - 1, K))
    made, _ = evidence(still, jumps, rng)
    assert error(likely_steps(made).taken, jumps) < 0.25 * error(0 * jumps, jumps)


def test_jumps_far_beyond_the_motion_are_doubted() -> None:
    prior = Prior(1.0, 0.3, np.zeros(7), np.inf, against_jumps=1.0)
    small, large, huge = (prior.of_jumps(size * JUMPS, motion=1.0)[1:] for size in (0.1, 10, 1e4))
    assert (small > large).all()
    assert (large > huge).all()
    assert prior.of_jumps(0 * JUMPS, motion=1.0)[0] == 0


def test_repeats_that_scatter_by_noise_alone_are_still() -> None:
    rng = np.random.default_rng(11)
    noisy = 0.5 * SCALE * rng.standard_normal((SLICES * REPEATS, K))
    made, _ = evidence(noisy, 0.1 * SCALE * rng.standard_normal((SLICES - 1, K)), rng)
    known = replace(made, noise=(0.5 * SCALE) ** 2)
    still = np.zeros_like(made.steps)
    assert error(likely_steps(known).taken, still) < 0.2 * error(likely_steps(made).taken, still)


def test_places_that_are_wrong_by_noise_add_up_to_nothing() -> None:
    rng = np.random.default_rng(12)
    places = 0.2 * SCALE * rng.standard_normal((SLICES, K))
    made, true = evidence(walk(rng) / 6, np.diff(places, axis=0), rng)
    assert error(likely_steps(made).taken, true) < 0.55 * error(made.steps, true)


@pytest.mark.parametrize(("standard_errors", "is_believed"), [(3.0, False), (8.0, True)])
def test_a_drift_is_believed_beyond_the_noise_of_the_repeats(standard_errors, is_believed) -> None:
    times = [np.arange(REPEATS, dtype=float)] * SLICES
    noise = np.full(K, 0.02**2)
    slope = standard_errors * 0.02 / np.sqrt(28 * SLICES) * (MODES.bins == 0)
    values = [np.outer(t - t.mean(), slope) for t in times]  # their slopes agree by chance
    assert steady_drift(times, values, MODES.bins, noise).velocity.any() == is_believed


def test_the_mean_of_large_shifts_is_no_lean() -> None:
    rng = np.random.default_rng(8)
    sway = 0.3 * rng.standard_normal((SLICES * REPEATS, K)) * (MODES.bins == 0)
    jumps = (MODES.bins == 0) * (0.3 + 0.6 * rng.standard_normal((SLICES - 1, K)))
    made, true = evidence(sway, jumps, rng)
    made.halves[0] += 0.03 * (MODES.bins == 0)  # the translation is known less well
    made.halves[1] -= 0.03 * (MODES.bins == 0)
    steps = true + jumps
    assert error(likely_steps(made).taken, steps) < 0.1 * error(0 * steps, steps)


def test_single_repeats_show_nothing_and_slices_only_shift() -> None:
    rng = np.random.default_rng(9)
    made, _ = evidence(walk(rng), 0.0, rng)
    ones = tuple(repeats[:1] for repeats in made.repeats)
    times = Schedule(tuple(each[:1] for each in made.schedule.times))
    taken = likely_steps(
        Evidence(times, ones, made.steps, made.halves, made.bins, made.noise)
    ).taken
    np.testing.assert_array_equal(taken, made.steps * (made.bins == 0))


def test_a_half_that_diverged_says_nothing_of_the_noise() -> None:
    rng = np.random.default_rng(10)
    made, true = evidence(walk(rng), slant(rng), rng)
    made.halves[1, 4] = np.nan
    assert error(likely_steps(made).taken, true) < 0.5 * error(made.steps, true)


@pytest.mark.thorough
def test_long_stacks_and_many_repeats_are_taken_in_parts() -> None:
    rng = np.random.default_rng(5)
    n_slices, n_repeats = 33, 9
    motion = np.cumsum(SCALE / 2 * rng.standard_normal((n_slices * n_repeats, K)), axis=0)
    slices = motion.reshape(n_slices, n_repeats, K)
    means = slices.mean(axis=1)
    true = np.diff(means, axis=0)
    halves = true + slant(rng)[0] + 0.1 * SCALE * rng.standard_normal((2, *true.shape))
    times = np.arange(n_slices * n_repeats, dtype=float).reshape(n_slices, n_repeats)
    made = Evidence(
        Schedule.of_frames(list(times)),
        tuple(slices - means[:, np.newaxis]),
        halves.mean(axis=0),
        halves,
        MODES.bins,
        ERROR,
    )
    assert error(likely_steps(made).taken, true) < 0.4 * error(made.steps, true)


def test_modes_are_those_of_the_fields() -> None:
    values = 0.1 * np.random.default_rng(6).standard_normal((3, K)) * (MODES.bins < 4)
    fields = MODES.splines(values, 32.0)
    np.testing.assert_allclose(MODES.values(fields, 32.0), values, atol=0.01)
    shift = MODES.values(np.full((1, 2, 7, 7), 2.0), 64.0)[0]
    assert shift[MODES.bins == 0] == pytest.approx(2.0)
    assert np.abs(shift[MODES.bins > 0]).max() < 1e-6


def compared(start: int, shift: float, moved: float) -> dict[int, Compared]:
    """Five slices, each asked to shift by so much, whose repeats move together or don't."""
    rng = np.random.default_rng(7)
    slices = {}
    for z in range(5):
        repeats = moved * np.cumsum(rng.standard_normal((REPEATS, K)), axis=0) * SCALE
        over = -1 if z == start else z - 1 if z > start else z + 1
        asked = np.full((2, 7, 7), shift * (z - over), np.float32)
        slices[z] = Compared(
            np.arange(REPEATS) + float(REPEATS * z),
            repeats - repeats.mean(axis=0),
            over,
            None if over < 0 else asked,
            None if over < 0 else np.stack([asked, asked * 1.02]),
        )
    return slices


@pytest.mark.parametrize("start", [0, 2, 4])
def test_the_start_slice_stays_and_both_ends_lie_alike(start) -> None:
    found = settled(compared(start, 0.3, 3.0), MODES, 64.0)
    assert found is not None
    assert not found.fields[start].any()
    ends = np.mean(found.fields[4] - found.fields[0])
    first = settled(compared(0, 0.3, 3.0), MODES, 64.0)
    assert ends == pytest.approx(np.mean(first.fields[4]), abs=1e-6)
    assert 0.3 < ends < 1.3


@pytest.mark.parametrize(
    ("followed", "said", "flag"),
    [(False, "left out", "--between-slices follow"), (True, "followed", "--between-slices auto")],
)
def test_a_slant_that_adds_up_is_warned_of(followed, said, flag) -> None:
    found = settled(compared(0, 0.3, 0.0), MODES, 64.0)
    assert found is not None
    assert max(np.abs(field).max() for field in found.fields.values()) < 0.1
    (warning,) = verdict(found, followed=followed)
    assert warning.is_warning
    assert "a shift of 1.7 px" in warning
    assert f"which was {said}" in warning
    assert in_flags(str(warning)).endswith(f"choose {flag}.")
    assert "0.4 px between slices 0 and 1" in str(found.decisions[0])


@pytest.mark.parametrize(
    ("left_px", "kinds"), [(0.4, []), (0.6, [True]), (0.9, [True]), (1.1, [True])]
)
def test_a_slant_is_warned_of_where_it_dominates(left_px, kinds) -> None:
    found = settled(compared(0, 0.3, 0.0), MODES, 64.0)
    assert found is not None
    mostly_left = replace(found, asked_px=1.2, left_px=left_px)
    assert [r.is_warning for r in verdict(mostly_left, followed=False)] == kinds
    mostly_taken = replace(mostly_left, asked_px=3.0)
    noted = [left_px >= STEADY_PX] if kinds else []
    assert [r.is_warning for r in verdict(mostly_taken, followed=False)] == noted


@pytest.mark.parametrize(("back_and_forth", "warned"), [(False, True), (True, False)])
def test_with_one_repeat_a_steady_shift_is_warned_of(back_and_forth, warned) -> None:
    steps = np.zeros((9, K))
    steps[:, 0] = 0.2
    if back_and_forth:
        steps[::2, 0] += 3
        steps[1::2, 0] -= 3
    (remark,) = of_one_repeat(steps, is_auto=True)
    assert remark.is_warning == warned
    assert ("moved by 1.8 px, mostly in one direction" in remark) == warned
    assert len(of_one_repeat(steps, is_auto=False)) == warned


def test_what_is_left_out_is_measured_where_the_mask_lies():
    """Elsewhere the images say nothing, and a field that bends there is no slant."""
    modes = Modes((96, 120))
    field = np.zeros((1, 2, *grid_shape(modes.shape, 32.0)), np.float32)
    field[0, 0, :, -3:] = 5.0
    left, right = np.zeros((2, 96, 120), np.float32)
    left[:, :50], right[:, 90:] = 1, 1
    lengths = [_lengths(field[0], modes, 32.0, mask) for mask in (left, None, right)]
    (at_left, _), (whole, _), (at_right, shift) = lengths
    assert at_left < 0.1 < whole < at_right
    assert 0 < shift <= at_right
