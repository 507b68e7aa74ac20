"""Proposal of frames_per_slice from the frames alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.progress import Progress
from napari_zstack_align.read import (
    LayoutProposal,
    neighbour_correlation,
    open_stack,
    propose_frames_per_slice,
    propose_layout,
)
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats

from .fixed import SPOILT, spoil
from .scans import scan, up_and_down, volumes

STACKS: dict[str, dict[str, Any]] = {
    "2 repeats, 3 photons": {"n_repeats": 2, "n_slices": 16, "photons": 3.0},
    "3 repeats": {"n_repeats": 3, "n_slices": 8},
    "5 repeats, 3 photons": {"n_repeats": 5, "n_slices": 6, "photons": 3.0},
    "9 repeats, slices alike": {"n_repeats": 9, "n_slices": 5, "slice_correlation": 0.97},
    "9 repeats, bleaching and flicker": {
        "n_repeats": 9,
        "n_slices": 4,
        "bleaching": 0.3,
        "gain_jitter": 0.1,
    },
    "9 repeats, drift": {"n_repeats": 9, "n_slices": 4, "drift_px": 12.0},
    "50 repeats, 3 slices": {"n_repeats": 50, "n_slices": 3, "size": 128, "photons": 8.0},
}


@pytest.mark.slow
@pytest.mark.parametrize("made", STACKS.values(), ids=STACKS)
def test_finds_the_repeats_of_a_generated_stack(made: dict[str, Any]) -> None:
    sample = zstack_with_repeats(**{"size": 192, "photons": 20.0, "seed": 5, **made})
    stack = sample.stack.replace(frames_per_slice=None)
    assert propose_frames_per_slice(stack) == made["n_repeats"]


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_fixed_hides_no_repeats(spoilt: str) -> None:
    assert propose_frames_per_slice(nza.Stack.from_array(spoil(spoilt))) == 5


NO_REPEATS: dict[str, Any] = {
    "a recording": lambda: recording_with_motion(n_frames=60, size=128, seed=3).stack,
    "one frame a slice": lambda: (
        zstack_with_repeats(n_slices=20, n_repeats=1, size=128, seed=2).stack
    ),
    "noise": lambda: nza.Stack.from_array(np.random.default_rng(0).poisson(4, (60, 40, 50))),
    "constant frames": lambda: nza.Stack.from_array(np.full((30, 40, 50), 7, np.uint16)),
    "NaN": lambda: nza.Stack.from_array(np.full((30, 40, 50), np.nan, np.float32)),
    "one frame": lambda: nza.Stack.from_array(np.ones((1, 40, 50))),
    "two frames": lambda: nza.Stack.from_array(np.ones((2, 40, 50))),
    "one row": lambda: nza.Stack.from_array(np.random.default_rng(0).random((40, 1, 50))),
}


@pytest.mark.slow
@pytest.mark.parametrize("make", NO_REPEATS.values(), ids=NO_REPEATS)
def test_proposes_nothing(make: Any) -> None:
    assert propose_frames_per_slice(make()) is None


REAL = {
    "zstack_repeats/stack.tif": 7,
    "fmi_grin2p/still.tif": None,
    "recordings_drift/recording_1.tif": None,
    "recordings_drift/recording_2.tif": None,
    "recordings_drift/recording_3.tif": None,
    "thunder_mouse2p/mouse.tif": None,
}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "expected"), REAL.items(), ids=REAL)
def test_real_data(name: str, expected: int | None, shared_data: Path) -> None:
    assert propose_frames_per_slice(open_stack(shared_data / name)) == expected


def test_the_curve_drops_at_the_borders() -> None:
    stack = zstack_with_repeats(n_slices=5, n_repeats=6, size=128, seed=1).stack
    updates: list[Progress] = []
    proposal: LayoutProposal = nza.run(propose_layout(stack), updates.append)
    assert proposal.frames_per_slice == 6
    assert proposal.correlation.shape == (29,)
    border = np.arange(1, 30) % 6 == 0
    drop = proposal.correlation[~border].mean() - proposal.correlation[border].mean()
    assert proposal.contrast == pytest.approx(drop)
    assert drop > 0
    assert updates[-1].done <= updates[-1].total
    np.testing.assert_allclose(neighbour_correlation(stack), proposal.correlation)


def test_correlation_is_that_of_shifted_frames() -> None:
    rng = np.random.default_rng(0)
    scene = np.kron(rng.random((30, 30)), np.ones((5, 5)))
    frames = [scene[20 + dy : 120 + dy, 20:120] for dy in (0, 0, 4)]
    frames.append(rng.permuted(scene.ravel()).reshape(scene.shape)[20:120, 20:120])
    same, shifted, other = neighbour_correlation(nza.Stack.from_array(np.stack(frames)))
    assert same == pytest.approx(1, abs=1e-4)
    assert shifted > 0.8
    assert other < 0.3


def test_only_leading_frames_are_read() -> None:
    stack = nza.Stack.from_array(np.random.default_rng(0).random((50, 20, 20)))
    assert neighbour_correlation(stack, max_frames=11).shape == (10,)
    with pytest.raises(nza.InputError, match="max_frames"):
        neighbour_correlation(stack, max_frames=0)


def test_the_channel_is_checked_at_the_call() -> None:
    stack = nza.Stack.from_array(np.ones((4, 20, 20)))
    with pytest.raises(nza.InputError, match="has no channel 1"):
        propose_layout(stack, 1)
    with pytest.raises(nza.InputError, match="has no channel 2"):
        neighbour_correlation(stack, channel=2)


def test_the_channel_asked_for_is_looked_at() -> None:
    sample = zstack_with_repeats(n_slices=5, n_repeats=6, size=128, seed=1)
    noise = np.random.default_rng(0).poisson(9, sample.stack.read(0, 30).shape)
    both = np.concatenate([noise.astype(np.uint16), sample.stack.read(0, 30)], axis=1)
    stack = nza.Stack.from_array(both, "TCYX")
    assert propose_frames_per_slice(stack) is None
    assert propose_frames_per_slice(stack, channel=1) == 6


def test_planes_times_volumes_are_no_slices_times_repeats() -> None:
    stack = nza.Stack.from_array(scan(volumes(12, 8)))
    proposal = nza.run(propose_layout(stack))
    assert (proposal.frames_per_slice, proposal.order, proposal.planes) == (8, "slices", 12)
    assert "12 planes × 8 volumes" in proposal.words
    assert "%" in proposal.reason
    given = stack.replace(frames_per_slice=8, order="slices")
    assert nza.run(nza.check_layout(given)).verdict == "plausible"


def test_an_up_and_down_scan_is_said_to_be_one() -> None:
    proposal = nza.run(propose_layout(nza.Stack.from_array(scan(up_and_down(12, 8)))))
    assert (proposal.frames_per_slice, proposal.order) == (8, "up-and-down")
    assert proposal.looks_like == "up-and-down"
    assert "scan of 12 planes: `frames_per_slice=8, order='up-and-down'`" in proposal.words


def test_two_images_in_turn_are_no_slices() -> None:
    proposal = nza.run(propose_layout(nza.Stack.from_array(scan(volumes(2, 40)))))
    assert (proposal.frames_per_slice, proposal.looks_like) == (None, "two images in turn")


def test_volumes_of_which_the_last_is_cut_off_by_too_much_cannot_be_given() -> None:
    proposal = nza.run(propose_layout(nza.Stack.from_array(scan(volumes(12, 8)[:-10]))))
    assert (proposal.frames_per_slice, proposal.looks_like) == (None, "slices")
    assert "give a multiple of 12 frames" in proposal.words
