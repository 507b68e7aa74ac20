"""A wave of activity in a dim recording with a large offset: its frames are what it is made for."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.samples import Detector
from napari_zstack_align.samples.plane import Plane
from napari_zstack_align.samples.wander import affine_drift

N, SIZE, DARK = 120, 112, 54_600
WAVE = slice(60, 90)


def movie(part: float, times: float) -> tuple[np.ndarray, np.ndarray]:
    """(T, Y, X) uint16 frames in which a part of the cells lights up, and their (T, 3, 3) maps."""
    tissue, motion, cells, noise = np.random.SeedSequence(7).spawn(4)
    plane = Plane.draw((SIZE, SIZE), tissue, photons=35)
    affine = affine_drift(np.random.default_rng(motion), N, (SIZE, SIZE), 4.0)
    activity = np.zeros((len(plane.cells), N), np.float32)
    lit = np.random.default_rng(cells).permutation(len(plane.cells))
    activity[lit[: round(part * len(lit))], WAVE] = times - 1
    detector = Detector(counts_per_photon=1.0, dark_level=DARK, read_noise=2.0)
    light = np.ones(N, np.float32)
    frames = plane.record(affine, activity, light, detector, np.random.default_rng(noise))
    return frames, affine


def registered(frames: np.ndarray, **options: str) -> nza.Alignment:
    stack = nza.Stack.from_array(frames)
    params = nza.KeypointParams(chunk_frames=20, **options)
    return nza.run(nza.register_recordings([stack], params))[0]


LEAST_CONFIDENCE = 0.6


@pytest.mark.parametrize(
    ("part", "times", "residual"),
    [
        (1.0, 2.0, "none"),
        (0.3, 5.0, "translation"),
        pytest.param(0.3, 5.0, "none", marks=pytest.mark.slow),
        pytest.param(1.0, 5.0, "none", marks=pytest.mark.slow),
        pytest.param(0.1, 5.0, "translation", marks=pytest.mark.slow),
        pytest.param(1.0, 2.0, "translation", marks=pytest.mark.slow),
        pytest.param(1.0, 5.0, "translation", marks=pytest.mark.slow),
    ],
)
def test_a_wave_stays_in_and_is_aligned_like_its_neighbours(part, times, residual):
    frames, affine = movie(part, times)
    alignment = registered(frames, residual=residual)
    traces = nza.run(nza.extract_traces(alignment.stack, [[40.0, 40, 4]], alignment))
    assert traces.confidence[WAVE].min() > LEAST_CONFIDENCE
    assert (alignment.quality["flag"] == "").all()
    assert alignment.quality["used"].all()
    inner = np.s_[:, 16:-16:8, 16:-16:8]
    truth = nza.Transforms((SIZE, SIZE), (type(alignment.transforms.links[0])(affine),))
    away = np.stack(
        [
            alignment.transforms.displacement(t)[inner] - truth.displacement(t)[inner]
            for t in range(N)
        ]
    )
    away -= away.mean(axis=0)
    error = np.hypot(away[:, 0], away[:, 1]).mean(axis=(1, 2))
    around = np.concatenate([error[:60], error[90:]])
    assert error[WAVE].mean() < 1.3 * around.mean() + 0.02


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["added", "factor", "shutter"])
def test_light_from_elsewhere_stays_out(kind):
    frames, _ = movie(0.0, 1.0)
    lit = [30, 31, 75]
    above = frames[lit].astype(float) - DARK
    changed = {"added": above + 15, "factor": 3 * above, "shutter": 0 * above}[kind]
    noise = np.random.default_rng(0).normal(0, 2, changed.shape)
    frames[lit] = np.clip(DARK + changed + noise, 0, 65535)
    flags = registered(frames).quality["flag"]
    assert np.flatnonzero(flags == "unusual brightness").tolist() == lit


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 1])
def test_a_laser_that_flickers_bridges_no_frame(first):
    frames, _ = movie(0.0, 1.0)
    light = np.where(np.arange(N) % 2 == first, 1.4, 1.0)[:, np.newaxis, np.newaxis]
    flickering = np.round(DARK + light * (frames.astype(float) - DARK)).clip(0, 65535)
    alignment = registered(flickering.astype(np.uint16), residual="none")
    assert (alignment.quality["flag"] == "").all()
    assert not any("brightness" in remark for remark in alignment.remarks)
