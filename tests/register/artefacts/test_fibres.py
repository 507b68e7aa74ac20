"""Parallel fibres that light up along the rows are tissue; light of the scan is not."""

from __future__ import annotations

import numpy as np
import pytest
from spoils import GAIN, N_REPEATS, SIZE, clean, run_search, tissue

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.scan_light import comes_with_the_scan
from napari_zstack_align.register.artefacts.transients import Transients

ACTIVE = slice(8, None, 20)
LIGHT = 60.0


def with_fibres(
    method: str, sigma: float, at: tuple[float, ...] = (55.3,), tilt: float = 0.0, width: int = SIZE
) -> np.ndarray:
    """Frames in which fibres light up in some, brighter where the tissue is, and move with it."""
    frames, moves = clean(method)
    frames, rng = frames.copy(), np.random.default_rng(5)
    repeats = N_REPEATS if method == "adaptive" else len(frames)
    plane = tissue(-(-len(frames) // repeats))
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    for t in range(len(frames))[ACTIVE] if method == "keypoints" else range(3, len(frames), 5):
        dy, dx = moves[t]
        own = plane[t // repeats][
            SIZE // 2 - dy : SIZE // 2 - dy + SIZE, SIZE // 2 - dx : SIZE // 2 - dx + SIZE
        ]
        for row in at:
            away = y - dy - row - np.tan(np.radians(tilt)) * (x - SIZE / 2)
            light = LIGHT * np.exp(-(away**2) / (2 * sigma**2)) * (0.3 + 0.7 * own / own.mean())
            light *= np.abs(x - SIZE / 2) <= width / 2
            frames[t] = np.clip(frames[t] + GAIN * rng.poisson(light), 0, 65535)
    return frames


def rows_of(frames: np.ndarray, method: str) -> list[np.ndarray | None]:
    if method == "adaptive":
        stack = nza.Stack.from_array(frames, frames_per_slice=N_REPEATS)
        artefacts = run_search(stack, nza.AdaptiveParams())
    else:
        artefacts = run_search(nza.Stack.from_array(frames), nza.KeypointParams())
    return [artefacts.cleaned(frame.astype(np.float32)).rows for frame in frames]


@pytest.mark.parametrize("method", ["keypoints", "adaptive"])
@pytest.mark.parametrize(
    "fibres",
    [
        {"sigma": 0.7},
        {"sigma": 1.0},
        {"sigma": 1.2, "width": 100},
        {"sigma": 1.2, "tilt": 1.0},
        {"sigma": 2.0},
        {"sigma": 3.0},
        {"sigma": 1.5, "at": (35.3, 52.0, 71.6)},
    ],
    ids=str,
)
def test_fibres_that_light_up_are_tissue(method, fibres):
    assert all(rows is None for rows in rows_of(with_fibres(method, **fibres), method))


# -- the finder: even tissue without noise, so that each rule decides alone -----------------------

DARK, LEVEL, STEP = 100.0, 20.0, 2.0


def frame(profile: dict[int, float], along: np.ndarray | float = 1.0) -> np.ndarray:
    """Frame in which rows are so much brighter, times what changes along them."""
    image = np.random.default_rng(2).normal(DARK + LEVEL, 1, (96, 96)).astype(np.float32)
    for row, light in profile.items():
        image[row] += np.float32(light) * np.asarray(along, np.float32)
    return image


def found(image: np.ndarray) -> list[int]:
    usual = Transients(
        noise=Noise(dark=DARK, gain=0.1, floor=1.0),
        brightest=LEVEL,
        dimmest=LEVEL,
        usual_jump=STEP,
        top=DARK + LEVEL,
        sigmas=10.0,
        everywhere=False,
    )
    rows = usual.find(image)[1]
    return [] if rows is None else np.flatnonzero(rows).tolist()


WAVES = 1 + 0.5 * np.sin(np.arange(96) / 6)


def test_light_that_is_even_along_the_rows_comes_with_the_scan():
    for n in (1, 2, 5, 30):
        assert found(frame(dict.fromkeys(range(40, 40 + n), 100.0))) == [*range(39, 41 + n)]


def test_light_that_changes_along_the_rows_is_tissue():
    for n in (1, 2, 5):
        assert found(frame(dict.fromkeys(range(40, 40 + n), 100.0), WAVES)) == []


def test_light_may_begin_and_end_softly_but_rises_within_a_row():
    rows = {40: 40.0, **dict.fromkeys(range(41, 47), 100.0), 47: 40.0}
    assert set(found(frame(rows))) >= set(rows)
    tissue_rows = np.ones(96, bool)
    tissue_rows[38:48] = False
    assert comes_with_the_scan(frame(rows), (41, 47), tissue_rows, STEP, 0.1)
    rising = frame({**rows, 38: 25.0, 39: 50.0, 40: 75.0})
    assert not comes_with_the_scan(rising, (41, 47), tissue_rows, STEP, 0.1)


def test_a_narrow_peak_with_soft_rows_on_either_side_is_taken_for_tissue():
    assert found(frame({40: 50.0, 41: 100.0, 42: 100.0, 43: 50.0})) == []
    assert found(frame({41: 100.0, 42: 100.0, 43: 50.0})) != []


def test_a_row_in_which_the_light_begins_is_no_soft_row():
    image = frame({41: 100.0, 42: 100.0})
    image[40, 48:] += 100
    image[43, :48] += 100
    tissue_rows = np.ones(96, bool)
    tissue_rows[39:45] = False
    assert comes_with_the_scan(image, (41, 43), tissue_rows, STEP, 0.1)


def test_tissue_may_be_brighter_on_one_side():
    image = frame(dict.fromkeys(range(40, 46), 100.0))
    image[46:] += 25
    tissue_rows = np.ones(96, bool)
    tissue_rows[40:46] = False
    assert comes_with_the_scan(image, (40, 46), tissue_rows, STEP, 0.1)
