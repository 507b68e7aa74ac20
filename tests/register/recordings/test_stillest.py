"""The recording that the first reference is taken from, where nobody chose one."""

from __future__ import annotations

import numpy as np
import pytest
from scenes import PARAMS, Scene, drift, similarity, still
from scipy.ndimage import gaussian_filter

import napari_zstack_align as nza
from napari_zstack_align.register import recordings as engine

QUICK = PARAMS.replace(passes=1, residual="none")
N_FRAMES = 30


def blurred(scene, seed):
    frames = scene.frames(still(N_FRAMES), seed=seed).astype(np.float32)
    return nza.Stack.from_array(gaussian_filter(frames, (0, 1.5, 1.5)), "TYX")


def restless(scene, seed):
    """Moves by some px between the beginning and the end of its middle chunk."""
    maps = [similarity(0.8 * (t - N_FRAMES / 2), 0.5 * (t - N_FRAMES / 2)) for t in range(N_FRAMES)]
    return scene.recording(np.array(maps), seed=seed)


def dim(scene, seed):
    rng = np.random.default_rng(seed)
    light = rng.binomial(scene.frames(still(N_FRAMES), seed=seed), 0.004)
    return nza.Stack.from_array(light.astype(np.uint16), "TYX")


def good(scene, seed):
    return scene.recording(drift(N_FRAMES, 0.3), seed=seed)


def chosen(stacks, params=QUICK, **options):
    """Numbers of the recording that the reference is from: found, told, and remarked."""
    alignments = nza.run(nza.register_recordings(stacks, params, **options))
    (name,) = {each.provenance["reference_from"] for each in alignments}
    remarked = [
        i
        for i, each in enumerate(alignments)
        if any("reference is taken" in str(remark) for remark in each.remarks)
    ]
    return [stack.name for stack in stacks].index(name), remarked


def named(stacks):
    return [stack.replace(name=f"rec{i}") for i, stack in enumerate(stacks)]


@pytest.mark.thorough
@pytest.mark.each_time(where=1)
@pytest.mark.parametrize("spoil", [blurred, restless, dim])
@pytest.mark.parametrize("where", [0, 2])
def test_a_still_and_sharp_recording_is_taken_rather_than_a_bad_one_in_the_middle(
    scene, spoil, where
):
    stacks = [spoil(scene, seed) for seed in (3, 4, 5)]
    stacks[where] = good(scene, 6)
    stacks = named(stacks)
    assert nza.run(engine.find_reference_recording(stacks, QUICK)) == where
    if spoil is not dim:  # nothing matches a recording of so few photons
        assert chosen(stacks) == (where, [where])


@pytest.mark.parametrize("spoil", [blurred, restless, dim])
def test_bad_recordings_beside_a_good_one_change_nothing(scene, spoil):
    stacks = named([spoil(scene, 3), good(scene, 6), spoil(scene, 5)])
    assert nza.run(engine.find_reference_recording(stacks, QUICK)) == 1


@pytest.mark.each_time(seed=3)
@pytest.mark.parametrize("seed", range(8))
def test_of_equals_it_is_the_middle_one(scene, seed):
    stacks = named([good(scene, 10 * seed + i) for i in range(4)])
    assert nza.run(engine.find_reference_recording(stacks, QUICK)) == 1


def test_brightness_is_not_sharpness(scene):
    frames = [np.asarray(good(scene, i).read(0, N_FRAMES)[:, 0], np.float32) for i in range(3)]
    stacks = named([nza.Stack.from_array(f * (i + 1) ** 2, "TYX") for i, f in enumerate(frames)])
    assert nza.run(engine.find_reference_recording(stacks, QUICK)) == 1


@pytest.mark.parametrize("where", range(3))
def test_another_place_is_not_taken_however_still_and_sharp(scene, where):
    stacks = [restless(scene, 3), restless(scene, 4)]
    stacks.insert(where, good(Scene(seed=11, photons=60.0), 5))
    stacks = named(stacks)
    assert nza.run(engine.find_reference_recording(stacks, QUICK)) != where


def test_blank_recordings_are_not_taken(scene):
    blank = nza.Stack.from_array(np.full((N_FRAMES, 128, 144), 100, np.uint16), "TYX")
    stacks = named([good(scene, 1), blank, blank])
    assert nza.run(engine.find_reference_recording(stacks, QUICK)) == 0


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("given", ["mask", "recording", "frames", "reference"])
def test_what_a_person_chose_stays(scene, given):
    stacks = named([good(scene, 1), blurred(scene, 2), blurred(scene, 3)])
    params, options, expected = QUICK, {}, 1
    if given == "mask":
        options = {"mask": np.ones((128, 144), bool)}  # painted over the middle one
    elif given == "recording":
        params, expected = QUICK.replace(reference_recording=2), 2
    elif given == "frames":
        params = QUICK.replace(reference_frames=(0, 10))
    else:
        options = {"reference": nza.run(nza.register_recordings(stacks[2], QUICK))[0]}
        expected = 2
    assert chosen(stacks, params, **options) == (expected, [])
