"""How much freedom frames carry, by held-out halves of their blocks."""

import numpy as np
import pytest

from napari_zstack_align.register.prefilter import Prefilter
from napari_zstack_align.register.recordings.freedom import Halves, Sample, decide, learned
from napari_zstack_align.register.recordings.mode_target import Blocks, ModeTarget
from napari_zstack_align.register.recordings.smooth_modes import SmoothModes

SHAPE, N_SAMPLES, NOISE = (128, 128), 24, 0.02
SIZES = {
    "trace": (0,),
    "translation": (0.3,),
    "rigid": (0.3, 0.2),
    "affine": (0.3, 0.2),
    "spline": (0.2, 0.2, 0.2),
}


def samples_of(kind, seed=3):
    """Blocks that show motion of a kind, and noise."""
    rng, modes = np.random.default_rng(seed), SmoothModes.of(SHAPE)
    image = np.random.default_rng(1).gamma(2, 50, SHAPE).astype(np.float32)
    target = ModeTarget.build(image, Prefilter.for_image(image), modes)
    level, samples = target.of_halves(), []
    root = np.linalg.cholesky(level.hessian + 1e-9 * np.eye(2))
    for _ in range(N_SAMPLES):
        true = np.zeros((2, len(modes)))
        for degree, size in enumerate(SIZES[kind]):
            chosen = modes.degree == degree
            true[:, chosen] = size * rng.normal(size=(2, chosen.sum()))
        if kind == "rigid":
            true[:, 1:3] = true[0, 1] * np.array([[0, -1], [1, 0]])
        displacement = level.modes @ true.T
        noise = np.sqrt(NOISE) * np.einsum("bij,bj->bi", root, rng.normal(size=displacement.shape))
        pull = np.einsum("bij,bj->bi", level.hessian, displacement) + noise
        weights = np.ones(len(pull))
        samples.append(Sample(Blocks(level.hessian, pull), np.zeros_like(true), NOISE, weights))
    return level, modes, samples


@pytest.mark.parametrize("kind", SIZES)
def test_the_kind_is_chosen_that_moves(kind):
    evidence = decide(*samples_of(kind))
    assert evidence.kind == kind
    assert (not len(evidence.size)) == (kind == "trace")


def test_the_sizes_of_the_modes_are_learned():
    level, modes, samples = samples_of("spline")
    freedom = learned("spline", modes, Halves.of(level, samples))
    of_degree = freedom.size[: len(modes)]
    np.testing.assert_allclose(of_degree[modes.degree <= 2], 0.2, rtol=0.35)
    assert of_degree[modes.degree > 2].max() < 0.06


def test_one_frame_out_of_the_plane_decides_nothing():
    level, modes, samples = samples_of("trace")
    wild = 1000 * samples[0].blocks.pull
    samples[0] = Sample(Blocks(level.hessian, wild), samples[0].prior, NOISE, samples[0].weights)
    assert decide(level, modes, samples).kind == "trace"
