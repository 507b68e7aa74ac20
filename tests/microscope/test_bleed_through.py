"""Channels that show the same structure are named; channels that don't aren't."""

from __future__ import annotations

import numpy as np
import pytest
from microscope.scans import noisy, tissue

import napari_zstack_align as nza


def _two(rng, leak, photons=10.0):
    green, red = tissue(rng), tissue(rng)
    channels = [noisy(rng, each, 20, photons) for each in (green, leak * green + (1 - leak) * red)]
    return nza.Stack.from_array(np.stack(channels, 1), "TCYX", channel_names=("green", "red"))


def test_light_of_one_channel_in_the_other_is_reported():
    rng = np.random.default_rng(0)
    report = nza.run(nza.check_pixels(_two(rng, 0.8)))
    (pair,) = report.channels
    assert (pair.first, pair.second) == (0, 1)
    assert pair.correlation > 0.9
    assert pair.slope == pytest.approx(0.8, abs=0.08)
    (remark,) = report.remarks
    assert remark.startswith("'green' and 'red' show the same structure (correlation 0.9")
    assert "'red' changes by 0." in remark


@pytest.mark.parametrize("leak", [0.0, 0.3])
def test_channels_of_their_own_are_not(leak):
    for seed in range(3):
        report = nza.run(nza.check_pixels(_two(np.random.default_rng(seed), leak)))
        assert not report.remarks
        assert report.channels[0].correlation < 0.7


def test_one_channel_has_no_pair_and_an_empty_one_says_nothing():
    frames = np.zeros((5, 64, 64), np.uint16)
    assert nza.run(nza.check_pixels(nza.Stack.from_array(frames))).channels == ()
    both = nza.run(nza.check_pixels(nza.Stack.from_array(np.stack([frames, frames], 1), "TCYX")))
    assert not both.remarks
    assert both.facts()["channel_pairs"][0]["correlation"] is None


def test_frames_that_are_called_channels_are_named_once():
    rng = np.random.default_rng(0)
    frames = noisy(rng, tissue(rng), 100, 10.0).reshape(20, 5, *tissue(rng).shape)
    (remark,) = nza.run(nza.check_pixels(nza.Stack.from_array(frames, "TCYX"))).remarks
    assert remark.startswith("All 5 channels show the same structure (correlation 0.9")
    assert "`channels=1`" in remark
