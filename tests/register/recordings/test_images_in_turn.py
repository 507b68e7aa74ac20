"""A recording of several images in turn is reported by every run over it."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, Scene, still

import napari_zstack_align as nza

IN_TURN = "two planes shows two images in turn, such as two planes or two channels: even and odd"
CELLS = np.array([[60.0, 70.0, 4.0], [40.0, 50.0, 4.0]])


@pytest.fixture(scope="module")
def two_planes() -> nza.Stack:
    scenes = [Scene(), Scene(seed=9)]
    frames = np.stack([scene.frames(still(20)) for scene in scenes], axis=1)
    return nza.Stack.from_array(frames.reshape(40, *scenes[0].shape), "TYX", name="two planes")


@pytest.fixture(scope="module")
def registered(two_planes: nza.Stack) -> nza.Alignment:
    good = Scene().recording(still(20), name="one plane")
    alone, other = nza.run(nza.register_recordings([good, two_planes], PARAMS.replace(passes=1)))
    assert not any("in turn" in remark for remark in alone.remarks)
    return other


@pytest.mark.thorough
def test_a_registration_reports_it_in_its_last_line(registered: nza.Alignment) -> None:
    assert sum(remark.startswith(IN_TURN) for remark in registered.remarks) == 1
    assert IN_TURN in registered.summary()


def test_traces_report_what_the_registration_found(
    two_planes: nza.Stack, registered: nza.Alignment
) -> None:
    """They read each frame once, and so don't look themselves; without one, they do."""
    for alignment in (registered, None):
        traces = nza.run(nza.extract_traces(two_planes, CELLS, alignment))
        assert sum(remark.startswith(IN_TURN) for remark in traces.remarks) == 1


def test_a_search_for_depths_reports_it(two_planes: nza.Stack, registered: nza.Alignment) -> None:
    reference = np.stack([Scene(seed).counts for seed in (5, 9, 5)])
    alternates = "The depth of two planes alternates: even and odd frames lie at"
    # Whether depths of the aligned frames alternate, too, is in the last digits of their noise.
    for alignment, said in ((None, alternates), (registered, (IN_TURN, alternates))):
        zshift = nza.run(nza.estimate_zshift(two_planes, reference, alignment=alignment))
        (remark,) = (each for each in zshift.remarks if "in turn" in each)
        assert remark.startswith(said)


@pytest.mark.thorough
def test_three_planes_are_reported_by_every_run() -> None:
    scenes = [Scene(), Scene(seed=9), Scene(seed=11)]
    frames = np.stack([scene.frames(still(16)) for scene in scenes], axis=1)
    stack = nza.Stack.from_array(frames.reshape(48, *scenes[0].shape), "TYX", name="three planes")
    (aligned,) = nza.run(nza.register_recordings([stack], PARAMS.replace(passes=1)))
    reference = np.stack([scene.counts for scene in scenes])
    in_turn = "three planes shows 3 images in turn"
    for result, said in (
        (aligned, in_turn),
        (nza.run(nza.extract_traces(stack, CELLS, aligned)), in_turn),
        (nza.run(nza.extract_traces(stack, CELLS)), in_turn),
        (nza.run(nza.estimate_zshift(stack, reference)), "The depth of three planes repeats"),
    ):
        (remark,) = (each for each in result.remarks if "in turn" in each)
        assert remark.startswith(said)
