"""Exports of a session in the panel write over none of the recordings that are open."""

from pathlib import Path

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.gui.recordings import session_files as files


@pytest.mark.parametrize("name", ["b.npy", "link.npy"])
def test_the_raw_file_of_another_recording_stays(name, tmp_path):
    raw = tmp_path / "b.npy"
    np.save(raw, np.zeros((2, 32, 32), np.uint16))
    (tmp_path / "link.npy").symlink_to(raw)
    before = raw.read_bytes()
    stack = nza.Stack.from_array(np.ones((2, 32, 32), np.uint16), name="a")
    transforms = Transforms((32, 32), (AffineLink(np.tile(np.eye(3), (2, 1, 1))),))
    alignment = nza.apply_transforms(stack, transforms)
    path = Path(tmp_path / name)
    with pytest.raises(nza.InputError, match="holds the raw frames"):
        nza.run(files.writing_transforms(alignment, path, [raw]))
    with pytest.raises(nza.InputError, match="holds the raw frames"):
        nza.run(files.exporting([alignment], path, crop=False, raw=[raw]))
    assert raw.read_bytes() == before
