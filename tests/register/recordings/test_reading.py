"""What the first reading says of single frames, from frames."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import DARK, GAIN, PARAMS

import napari_zstack_align as nza
from napari_zstack_align.register.recordings.events import FLASH
from napari_zstack_align.register.recordings.image_file import ImageFile
from napari_zstack_align.register.recordings.measure import measure_window
from napari_zstack_align.register.recordings.reading import FirstReading, first_windows
from napari_zstack_align.register.recordings.state import RecordingState

N = 80


def flagged(photons: np.ndarray) -> list[int]:
    """Frames taken for flashes where so many photons (T, Y, X) are expected."""
    noisy = GAIN * np.random.default_rng(0).poisson(photons) + DARK
    stack = nza.Stack.from_array(noisy.astype(np.uint16), "TYX")
    images = ImageFile(noisy.shape[1:])
    state = RecordingState(stack, 0, np.eye(3), images)
    reading = FirstReading(state, PARAMS, lambda _: None)
    for window in first_windows(stack, PARAMS):
        reading.take(measure_window(stack, *window, PARAMS))
    reading.finish()
    images.close()
    return sorted(state.frame_flags.having(FLASH.flag, 0, N))


@pytest.mark.slow
@pytest.mark.parametrize("haze", [0.0, 200.0])
@pytest.mark.parametrize("left", [0.6, 0.1])
@pytest.mark.parametrize("lit", [[], [8, 50]])
def test_haze_that_bleaches_is_no_flash(scene, haze: float, left: float, lit: list[int]):
    tissue = (scene.counts[32:96, 32:96] - DARK) / GAIN + haze
    light = left + (1 - left) * np.exp(-np.arange(N) / 20)
    light[lit] += 2
    assert flagged(light[:, np.newaxis, np.newaxis] * tissue) == lit


def test_a_little_less_light_is_no_flash_in_a_recording_that_bleached(scene):
    """The darkest pixels of the first chunk are brighter than the last frames."""
    tissue = 50 * (scene.counts[32:96, 32:96] - DARK) / GAIN + 15
    light = 0.02 + 0.98 * np.exp(-np.arange(N) / 10)
    light[70] *= 0.95
    assert flagged(light[:, np.newaxis, np.newaxis] * tissue) == []
