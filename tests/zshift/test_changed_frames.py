"""Depths are found in the very frames that were aligned."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
import tifffile
from tissue import SHAPE, drift, record, volume

import napari_zstack_align as nza
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.errors import RunStopped
from napari_zstack_align.saved import WatchedFrames

N_FRAMES = 12
PARAMS = nza.ZShiftParams(patch_px=48)


def aligned(path, frames, **layout):
    """An alignment of frames in a file."""
    tifffile.imwrite(path, frames, photometric="minisblack")
    stack = nza.open_stack(path, **layout)
    watched = WatchedFrames(stack)
    watched.stack.read(0, len(frames))
    link = AffineLink(np.tile(np.eye(3), (len(frames), 1, 1)))
    alignment = nza.apply_transforms(stack, Transforms(SHAPE, (link,)), frames[0])
    return replace(alignment, frame_digests=watched.seen())


def change_in_place(path, frame):
    """Another pixel in a frame: size and time of the file are as they were."""
    before = path.stat()
    content = tifffile.memmap(path)
    content[frame, 20, 20] *= 2
    content.flush()
    del content
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("changed", ["recording", "reference"])
def test_a_frame_that_was_changed_in_place_is_refused(tmp_path, changed):
    recording = aligned(tmp_path / "recording.tif", record(drift(N_FRAMES)))
    reference = aligned(tmp_path / "reference.tif", volume(), frames_per_slice=1, order="repeats")
    change_in_place(tmp_path / f"{changed}.tif", 4)
    job = nza.estimate_zshift(recording.stack, reference, PARAMS, recording)
    with pytest.raises(RunStopped, match=f"^Frame 4 of {changed} isn't what it was"):
        nza.run(job)
