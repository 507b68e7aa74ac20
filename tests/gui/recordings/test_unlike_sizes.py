"""Recordings of unlike size, registered to one reference: layers are as large as what they show."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.stack import Stack

CROPPED = (120, 132)


@pytest.mark.thorough
def test_a_layer_of_aligned_frames_has_the_size_of_the_common_reference(panel, viewer, stacks):
    whole = stacks[0]
    part = np.asarray(stacks[1].data[:, 0, : CROPPED[0], : CROPPED[1]])
    cropped = Stack.from_array(part, pixel_size_um=(0.8, 0.8), name="cropped")
    params = nza.KeypointParams(reference_recording=0, residual="none", passes=1)
    alignments = nza.run(nza.register_recordings([whole, cropped], params))
    for alignment in alignments:
        panel.recordings.results.add_layer(alignment, [(0.0, 999.0)], panel)
        layer = viewer.layers[-1]
        layer.visible = True
        expected = alignment.aligned_frame(0)
        assert expected.shape == whole.shape[2:]
        assert layer.data.shape == (alignment.stack.n_frames, *expected.shape)
        np.testing.assert_array_equal(layer.extent.data[1], np.array(layer.data.shape) - 1)
        viewer.dims.set_point(0, 0)
        corner = layer.data_to_world((0, *CROPPED))  # beyond the raw frame of the smaller one
        assert layer.get_value(corner, world=True) == expected[CROPPED]
    assert not alignments[1].valid_frame(0)[CROPPED]
