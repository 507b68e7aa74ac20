"""Exports of a session in the panel write over none of the recordings that are open."""

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.gui.recordings import session_files as files


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("ending", [".npy", ".tif"])
def test_the_raw_file_of_another_recording_stays(ending, link, tmp_path):
    raw = tmp_path / f"b{ending}"
    raw.write_bytes(b"raw frames")
    path = tmp_path / f"link{ending}" if link else raw
    if link:
        path.symlink_to(raw)
    stack = nza.Stack.from_array(np.ones((2, 32, 32), np.uint16), name="a")
    transforms = Transforms((32, 32), (AffineLink(np.tile(np.eye(3), (2, 1, 1))),))
    alignment = nza.apply_transforms(stack, transforms)
    if ending == ".npy":
        job = files.writing_transforms(alignment, path, [raw])
    else:
        job = files.exporting([alignment], path, crop=False, raw=[raw])
    with pytest.raises(nza.InputError, match="holds the raw frames"):
        nza.run(job)
    assert raw.read_bytes() == b"raw frames"
