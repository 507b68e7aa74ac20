"""Slices under other light lie as right as under the same."""

import numpy as np
import pytest

from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.register.between_slices import Chain
from napari_zstack_align.register.light import in_light_of
from napari_zstack_align.samples import zstack_with_repeats

OFFSET, SIZE = 100, 128
STEPS = ((0, 0), (2, -1), (3, 2), (1, 4), (-1, 3))
"""Where each plane is seen, (y, x) in px."""


@pytest.fixture(scope="module")
def planes():
    """(5, Y, X) photons of neighbouring planes that lie over one another."""
    sample = zstack_with_repeats(
        n_slices=len(STEPS), n_repeats=1, size=SIZE + 16, photons=60, max_displacement_px=0, seed=47
    )
    frames = sample.stack.read(0, len(STEPS))[:, 0].astype(np.float32)
    return np.clip(frames - OFFSET, 0, None) / 40


def seen(planes, lights):
    """Each plane at its place under its light, with photon noise over the detector's offset."""
    rng = np.random.default_rng(3)
    for plane, (y, x), light in zip(planes, STEPS, lights, strict=True):
        part = plane[8 + y : 8 + y + SIZE, 8 + x : 8 + x + SIZE]
        yield 40 * rng.poisson(light * part).astype(np.float32) + OFFSET


def shifts(images):
    """(n, 2) shift of each slice in the reference."""
    chain, found = Chain((SIZE, SIZE), 64.0, AdaptiveParams(), None), []
    for image in images:
        chain = chain.next(image)
        assert chain.step is None or chain.step.fits
        found.append(chain.field.mean(axis=(1, 2)))
    return np.array(found)


@pytest.mark.parametrize(
    "lights",
    [
        (1, 1, 1, 1, 1),
        (1, 1, 0.05, 1, 1),
        (1, 1, 0.3, 1, 1),
        (1, 1, 6, 1, 1),
        (1, 1, 0.1, 0.1, 0.1),
        (1, 0.5, 0.25, 0.12, 0.06),
        (0.05, 1, 1, 1, 1),
    ],
    ids=str,
)
def test_slices_lie_right_whatever_their_light(planes, lights):
    found = shifts(seen(planes, lights))
    np.testing.assert_allclose(found, np.negative(STEPS), atol=0.4)


def test_the_light_of_an_image_becomes_that_of_the_other(planes):
    one = OFFSET + planes[0]
    np.testing.assert_allclose(in_light_of(one, 50 + 0.02 * planes[0]), one, atol=1e-2)


def test_what_is_missing_stays_missing_and_does_not_count(planes):
    one = OFFSET + planes[0]
    holed = 5 * one
    holed[:20] = np.nan
    result = in_light_of(one, holed)
    assert np.isnan(result[:20]).all()
    np.testing.assert_allclose(result[20:].mean(), one[20:].mean(), rtol=0.1)


def test_without_contrast_an_image_is_shifted_alone():
    rng = np.random.default_rng(0)
    noise = rng.random((64, 64), np.float32)
    assert np.isfinite(in_light_of(noise, np.full((64, 64), 7, np.float32))).all()
    np.testing.assert_array_equal(in_light_of(np.full((64, 64), 7, np.float32), noise), 7)


def test_few_bright_cells_do_not_speak_for_the_light(planes):
    one = OFFSET + planes[0]
    lit = one.copy()
    lit[40:52, 50:62] += 10 * one.max()
    result = in_light_of(one, lit)
    np.testing.assert_allclose(result[80:], one[80:], rtol=0.1)
