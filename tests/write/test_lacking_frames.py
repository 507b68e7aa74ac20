"""Frames without pixels keep their place in what is exported, and are known again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.flags import Flag
from napari_zstack_align.samples import recording_with_motion

DROPPED = (3, 11, 12)


@pytest.fixture(scope="module")
def alignment(tmp_path_factory) -> nza.Alignment:
    """A registered recording of 40 frames, of which some were dropped when it was opened."""
    frames = recording_with_motion(n_frames=40, size=96, photons=60.0, seed=4).stack.read(0, 40)
    path = tmp_path_factory.mktemp("raw") / "raw.tif"
    tifffile.imwrite(path, frames[:, 0], photometric="minisblack")
    stack = nza.open_stack(path, drop_frames="3, 11-12", frame_rate_hz=10)
    return nza.run(nza.register_recordings([stack], nza.KeypointParams(chunk_frames=20)))[0]


def test_aligned_frames_without_pixels_are_what_stands_outside(alignment) -> None:
    aligned = np.asarray(alignment.aligned())
    assert (aligned[list(DROPPED)] == alignment.fill.values[0]).all()
    others = np.setdiff1d(np.arange(40), DROPPED)
    for t in others[::6]:
        np.testing.assert_array_equal(aligned[t], alignment.aligned_frame(int(t)))
    valid = np.asarray(alignment.valid())
    assert not valid[list(DROPPED)].any()
    assert valid[others].any(axis=(1, 2)).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["x.h5", "x.ome.tif", "x.ome.zarr"])
def test_they_are_known_again(alignment, name: str, tmp_path: Path) -> None:
    written = nza.run(nza.export_alignment(tmp_path / name, alignment, what="aligned"))
    stack = nza.open_stack(written)
    assert stack.n_frames == 40
    assert stack.missing == DROPPED
    with pytest.raises(nza.InputError, match="Frame 11 had no pixels when it was exported"):
        stack.read(11, 12)
    np.testing.assert_array_equal(stack.read(4, 11)[:, 0], np.asarray(alignment.aligned())[4:11])
    again = nza.run(nza.register_recordings([stack], nza.KeypointParams(chunk_frames=20)))[0]
    assert (again.quality["flag"][list(DROPPED)] == Flag.SKIPPED).all()
