"""A recording and a reference that were given the wrong way round."""

from __future__ import annotations

import pytest

import napari_zstack_align as nza
from napari_zstack_align.samples import recording_with_zshift

KINDS = {
    "thin slices": {"n_frames": 120, "n_slices": 40, "photons": 20.0},
    "few photons": {"n_frames": 200, "n_slices": 16, "photons": 5.0},
    "few frames": {"n_frames": 60, "n_slices": 16, "photons": 20.0},
}


def sample(kind: str, axes: str) -> tuple[nza.Stack, nza.Stack]:
    """A recording and a reference, whose axes say that each image is a slice, or don't."""
    made = recording_with_zshift(size=96, z_step_um=1.0, seed=3, **KINDS[kind])
    images = made.reference.read(0, made.reference.n_frames)[:, 0]
    frames = made.recording.read(0, made.recording.n_frames)[:, 0]
    return (
        nza.Stack.from_array(frames, axes, name="movie").replace(frames_per_slice=None),
        nza.Stack.from_array(images, axes, name="volume"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_swapped_ones_are_refused(kind: str) -> None:
    recording, reference = sample(kind, "TYX")
    with pytest.raises(nza.InputError, match=r"swapped: frames of volume .* of movie still"):
        nza.run(nza.estimate_zshift(reference, recording))


@pytest.mark.thorough
def test_where_each_is_said_to_be_a_slice_it_is_a_warning() -> None:
    recording, reference = sample("few frames", "TYX")
    with pytest.warns(nza.ResultWarning, match="look swapped"):
        nza.run(nza.estimate_zshift(reference, recording.replace(frames_per_slice=1)))


@pytest.mark.thorough
@pytest.mark.each_time(axes=1)
@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_right_way_round_nothing_is_said(kind: str, axes: str) -> None:
    zshift = nza.run(nza.estimate_zshift(*sample(kind, axes)))
    assert not any("swapped" in remark for remark in zshift.remarks)
