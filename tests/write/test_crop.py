"""The box that every frame covers, and none larger."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import run
from napari_zstack_align.write.crop import Box, common_box, largest_box


def every_box(shape):
    """All boxes in an image."""
    rows = [(a, b) for a in range(shape[0]) for b in range(a + 1, shape[0] + 1)]
    columns = [(a, b) for a in range(shape[1]) for b in range(a + 1, shape[1] + 1)]
    return [Box(*y, *x) for y in rows for x in columns]


@given(arrays(bool, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_the_largest_of_all_boxes(inside):
    inside[0, 0] = True
    box = largest_box(inside)
    assert inside[box.slices].all()
    areas = [inside[b.slices].size for b in every_box(inside.shape) if inside[b.slices].all()]
    assert inside[box.slices].size == max(areas)


def shifted(recording, y, x):
    """The recording with one and the same shift in every frame."""
    matrices = np.tile(np.eye(3), (40, 1, 1))
    matrices[:, :2, 2] = y, x
    return replace(recording, transforms=Transforms((96, 112), (AffineLink(matrices),)))


def test_the_box_of_a_session_is_that_of_all_its_recordings(recording):
    # Raw frames begin 3 px above and end 5 px beyond; the others 7 px to the left.
    session = [shifted(recording, 3, 0), shifted(recording, -5, 7)]
    assert run(common_box(session)) == Box(5, 93, 0, 105)


def test_flagged_frames_do_not_count(recording):
    moved = shifted(recording, 0, 0)
    moved.transforms.links[0].matrices[5, 0, 2] = 50
    assert run(common_box([moved])) == Box(0, 96, 0, 112)
    moved.transforms.links[0].matrices[7, 0, 2] = 50
    assert run(common_box([moved])) == Box(0, 46, 0, 112)


def test_nothing_in_common(recording):
    with pytest.raises(InputError, match="No pixel lies inside every frame"):
        run(common_box([shifted(recording, 60, 0), shifted(recording, -60, 0)]))


def test_references_of_different_sizes(recording):
    small = Transforms((50, 50), recording.transforms.links)
    with pytest.raises(InputError, match="different sizes"):
        common_box([recording, replace(recording, transforms=small)])
