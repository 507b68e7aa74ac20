"""Which repeats are torn: the fewer strips a frame has, the more it takes."""

import numpy as np
import pytest

from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.tears import RATIO, STRIP_PX, Strips, torn
from napari_zstack_align.register.template import Template

N_REPEATS = 8


def strips_of(n):
    """The strips of an image that is so many of them high."""
    image = np.random.default_rng(n).random((n * STRIP_PX, 96)).astype(np.float32)
    prefilter = Prefilter.for_image(image)
    template = Template.build(
        image, prefilter, spacing_px=48.0, alpha=1.0, max_shift_px=0.0, factors=(1,)
    )
    return Strips.of(template.levels[-1])


def largest_steps(shifts):
    """Largest steps of shifts (..., strips, 2) from strip to strip."""
    return np.hypot(*np.moveaxis(np.diff(shifts, axis=-2), -1, 0)).max(axis=-1)


@pytest.mark.parametrize("n_strips", [2, 3, 4, 8])
def test_repeats_without_a_jump_are_hardly_ever_torn(n_strips):
    shifts = np.random.default_rng(5).normal(0, 0.3, (2000, N_REPEATS, n_strips, 2))
    ratio = strips_of(n_strips).ratio
    found = [torn(steps.tolist(), ratio) for steps in largest_steps(shifts)]
    assert np.mean(found) < 0.002


@pytest.mark.parametrize("n_strips", [2, 3, 4, 8])
def test_a_jump_is_a_tear_however_few_strips_there_are(n_strips):
    shifts = np.random.default_rng(6).normal(0, 0.2, (N_REPEATS, n_strips, 2))
    shifts[3, n_strips // 2 :] += 2
    found = torn(largest_steps(shifts).tolist(), strips_of(n_strips).ratio)
    assert np.flatnonzero(found).tolist() == [3]


def test_many_strips_take_the_usual_factor():
    assert strips_of(8).ratio == RATIO
    ratios = [strips_of(n).ratio for n in (2, 3, 4, 5)]
    assert ratios == sorted(ratios, reverse=True)
    assert 2.9 < ratios[1] < 3.1
