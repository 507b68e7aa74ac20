"""The command in a report is understood, and says what the alignment was made with."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import identity
from napari_zstack_align.cli.flags import params_of
from napari_zstack_align.cli.inputs import open_from
from napari_zstack_align.cli.main import make_parser
from napari_zstack_align.write.report.command import MASK, beside_the_command, command_of

FRAMES = np.random.default_rng(0).integers(0, 9999, (24, 16, 20)).astype(np.uint16)


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "a stack's name.tif"
    tifffile.imwrite(path, FRAMES)
    return path


def alignment(stack: nza.Stack, params, **changes) -> nza.Alignment:
    job = "align_adaptive" if isinstance(params, nza.AdaptiveParams) else "register_recordings"
    kind = "slice" if isinstance(params, nza.AdaptiveParams) else "chunk"
    shape = (stack.shape[2], stack.shape[3])
    quality, still = empty_table(stack.n_frames, kind), identity(stack.n_frames, shape)
    made = nza.Alignment(stack, still, np.zeros(shape, np.float32), quality, params)
    return replace(made, **{"provenance": {"job": job}, **changes})


def parsed(command: str):
    program, *words = shlex.split(command)
    assert program == "zstack-align"
    return make_parser(words[0]).parse_args(words)


@pytest.mark.parametrize(
    "said",
    [
        {"frames_per_slice": 4},
        {"frames_per_slice": [5, 7, 12]},
        {"frames_per_slice": 3, "order": "slices"},
        {"frames_per_slice": 2, "order": "up-and-down"},
        {"axes": "TYX", "frames_per_slice": 6},
        {"channels": 2, "frames_per_slice": 3},
        {"frames_per_slice": 3, "drop_frames": "last 1 of 4", "order": "slices"},
        {"frames_per_slice": 4, "drop_frames": "3, 5-6"},
        {"frames_per_slice": 4, "line_phase": 1.0},
        {"frames_per_slice": 4, "line_phase": (-2.0, 0.5, 1.0), "line_phase_subpixel": True},
        {"frames_per_slice": 4, "line_phase": -0.00002, "line_phase_subpixel": True},
    ],
)
def test_the_same_frames_are_opened(file, said):
    stack = nza.open_stack(file, **said, pixel_size_um=(0.4, 0.5), z_step_um=2.5)
    command = command_of([alignment(stack, nza.AdaptiveParams())])
    again = open_from(parsed(command))
    assert again.shape == stack.shape
    assert again.frames_per_slice == stack.frames_per_slice
    assert again.order == stack.order
    assert again.dropped == stack.dropped
    assert (again.pixel_size_um, again.z_step_um) == ((0.4, 0.5), 2.5)
    kept = [t for t in range(stack.n_frames) if not stack.lacks_pixels[t]]
    for t in kept:
        np.testing.assert_array_equal(again.read(t, t + 1), stack.read(t, t + 1))


@pytest.mark.parametrize(
    "params",
    [
        nza.AdaptiveParams(alpha=0.5, between_slices=0.0, find_artefacts=False),
        nza.AdaptiveParams(strategy="direct", channel_weights=(1.0, 0.25)),
        nza.KeypointParams(chunk_frames=20, reference_frames=(3, 9), detect_steps=False),
        nza.KeypointParams(residual="spline", intensity_range=(-3.5, 900.0)),
        nza.KeypointParams(),
    ],
)
def test_the_same_parameters_are_given(file, params):
    of_slices = isinstance(params, nza.AdaptiveParams)
    stack = nza.open_stack(file, **({"frames_per_slice": 4} if of_slices else {}))
    args = parsed(command_of([alignment(stack, params)]))
    assert params_of(args, type(params)) == params
    assert args.files == [file.absolute()]


@pytest.mark.parametrize("others", [0, 1])
def test_a_recording_of_several_files_is_named_by_a_folder_that_holds_no_others(tmp_path, others):
    for k in range(2 + others):
        np.save(tmp_path / f"part{k}.npy", FRAMES)
    stack = nza.open_stack([tmp_path / "part0.npy", tmp_path / "part1.npy"])
    command = command_of([alignment(stack, nza.KeypointParams())])
    assert command == "" if others else parsed(command).files == [tmp_path]


def test_a_reference_from_elsewhere_is_told_of(file):
    """Whatever its name: another animal's recording may have the same one."""
    made = alignment(nza.open_stack(file), nza.KeypointParams())
    for files, is_told in (([str(file)], False), (["/b/" + file.name], True), ([], True)):
        provenance = {"job": "register_recordings", "reference_files": files}
        words = " ".join(beside_the_command([replace(made, provenance=provenance)]))
        assert ("--reference" in words) == is_told


def test_frames_that_were_dropped_later_are_dropped_again(file):
    stack = nza.open_stack(file, frames_per_slice=4, drop_frames="5").without([2, 3, 5])
    args = parsed(command_of([alignment(stack, nza.AdaptiveParams())]))
    assert open_from(args).dropped == (2, 3, 5)


def test_what_it_does_not_say_stands_beside_it(file):
    stack = nza.open_stack(file)
    mask = np.ones((16, 20), np.float32)
    made = alignment(stack, nza.KeypointParams(), mask=mask)
    assert MASK in shlex.split(command_of([made]))
    assert any(MASK in sentence for sentence in beside_the_command([made]))
    provenance = {"job": "register_recordings", "edits": [{}], "recordings": ["a", "b"]}
    words = " ".join(beside_the_command([replace(made, provenance=provenance)]))
    assert "by hand" in words
    assert "together with other recordings" in words


def test_no_command_makes_what_came_otherwise(file):
    stack = nza.open_stack(file)
    made = alignment(stack, nza.KeypointParams())
    assert command_of([replace(made, provenance={"job": "apply_transforms"})]) == ""
    applied = {"job": "register_recordings", "applied_from": "another"}
    assert command_of([replace(made, provenance=applied)]) == ""
    in_memory = nza.Stack.from_array(FRAMES, "TYX")
    assert command_of([alignment(in_memory, nza.KeypointParams())]) == ""
    other = alignment(nza.open_stack(file, drop_frames="3"), nza.KeypointParams())
    assert command_of([made, other]) == ""
    assert command_of([made, made]).count("name.tif") == 2


def test_the_rate_counts_the_images_of_all_planes(file):
    whole = nza.open_stack(file, frames_per_slice=8, order="slices", frame_rate_hz=9.0)
    plane = whole.plane(1)
    assert plane.frame_interval_s == pytest.approx(1 / 3)
    (said,) = [
        sentence
        for sentence in beside_the_command([alignment(plane, nza.KeypointParams())])
        if "frame rate" in sentence
    ]
    assert said.endswith("--frame-rate 9.")
