"""An alignment is of the frames that it was made of, and of no others of their size."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.alignment.same_frames import holds_frames_of
from napari_zstack_align.alignment.transforms import AffineLink
from napari_zstack_align.errors import InputError
from napari_zstack_align.saved import FrameDigests
from napari_zstack_align.saved.checksum import crc32c

SLICES = np.random.default_rng(1).poisson(9, (4, 48, 56)).astype(np.uint16)
ROI = [[20.0, 20.0, 4.0]]


def movie(seed, name):
    frames = np.random.default_rng(seed).poisson(40, (6, 48, 56)).astype(np.uint16)
    return nza.Stack.from_array(frames, "TYX", name=name)


def aligned(stack, digests=True):
    """An alignment as a run makes it, or one that knows no digests."""
    transforms = nza.Transforms((48, 56), (AffineLink(np.tile(np.eye(3), (6, 1, 1))),))
    made = nza.apply_transforms(stack, transforms, reference=np.zeros((48, 56)))
    seen = FrameDigests(np.array([crc32c(frame) for frame in stack.read(0, 6)], np.uint32))
    return dataclasses.replace(made, frame_digests=seen if digests else None)


before, stim = movie(0, "before"), movie(1, "stim")
USES = {
    "traces": lambda stack, ali, **how: nza.extract_traces(stack, ROI, ali, **how),
    "session": lambda stack, ali, **how: nza.extract_session_traces(
        [before, stack], ROI, [aligned(before), ali], **how
    ),
    "z-shift": lambda stack, ali, **how: nza.estimate_zshift(stack, SLICES, None, ali, **how),
    "with_stack": lambda stack, ali, **how: ali.with_stack(stack, **how),
}


@pytest.mark.parametrize("digests", [True, False])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_another_recording_of_the_same_size_is_refused_unless_that_is_meant(use, digests):
    ali = aligned(before, digests)
    with pytest.raises(InputError, match=r"stim is not the stack that was aligned \(before"):
        use(stim, ali)
    use(stim, ali, check_frames=False)
    use(before, ali)


@pytest.mark.parametrize("digests", [True, False])
@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_copy_of_the_frames_is_taken_wherever_it_is(use, digests, tmp_path):
    """Renamed, moved and in another format."""
    np.save(tmp_path / "renamed.npy", before.read(0, 6)[:, 0])
    use(nza.open_stack(tmp_path / "renamed.npy"), aligned(before, digests))
    use(before.replace(name="other", pixel_size_um=(2.0, 2.0)), aligned(before, digests))


def test_transforms_that_were_applied_to_a_filtered_copy_are_its_own():
    filtered = nza.Stack.from_array(before.data[:, 0].astype(np.float32) / 2, name="filtered")
    with pytest.raises(InputError, match="filtered copy of those frames, give check_frames=False"):
        nza.extract_traces(filtered, ROI, aligned(before))
    nza.extract_traces(filtered, ROI, nza.apply_transforms(filtered, aligned(before)))


def test_planes_of_one_file_are_told_from_one_another(tmp_path):
    frames = np.stack([before.read(0, 6)[:, 0], stim.read(0, 6)[:, 0]], axis=1)
    tifffile.imwrite(tmp_path / "planes.tif", frames, imagej=True, metadata={"axes": "TZYX"})
    planes = [nza.open_stack(tmp_path / "planes.tif").plane(z) for z in (0, 1)]
    assert holds_frames_of(planes[0], aligned(before))
    with pytest.raises(InputError, match="plane 1 is not the stack that was aligned"):
        nza.extract_traces(planes[1], ROI, aligned(planes[0]))


class Broken:
    """Frames of which some can't be read."""

    def __init__(self, source, lost):
        self.source, self.lost = source, lost
        self.shape, self.dtype = source.shape, source.dtype

    def read(self, start, stop):
        if self.lost & set(range(start, stop)):
            raise OSError("lost")
        return self.source.read(start, stop)


def test_frames_that_can_not_be_read_are_no_others():
    def broken(stack, lost):
        return stack.replace(source=Broken(stack.source, lost))

    ali = aligned(before)
    assert holds_frames_of(broken(before, {0, 5}), ali)
    assert holds_frames_of(broken(stim, {0, 5}), ali) is False
    assert holds_frames_of(broken(stim, set(range(6))), ali) is None
    assert holds_frames_of(broken(stim, {0}), aligned(before, digests=False)) is None


def test_few_frames_are_compared_and_none_of_one_source():
    n_read = []

    class Counted(Broken):
        def read(self, start, stop):
            n_read.append(stop - start)
            return self.source.read(start, stop)

    long = nza.Stack.from_array(np.arange(600)[:, None, None] + np.zeros((600, 48, 56), np.uint16))
    counted = long.replace(source=Counted(long.source, set()))
    transforms = nza.Transforms((48, 56), (AffineLink(np.tile(np.eye(3), (600, 1, 1))),))
    seen = FrameDigests(np.array([crc32c(frame) for frame in long.read(0, 600)], np.uint32))
    ali = nza.apply_transforms(long, transforms, reference=np.zeros((48, 56)))
    ali = dataclasses.replace(ali, frame_digests=seen)
    nza.extract_traces(counted, ROI, ali).close()
    assert sum(n_read) == 5
    own = ali.with_stack(counted, check_frames=False)
    nza.extract_traces(counted.replace(name="again"), ROI, own).close()
    assert sum(n_read) == 5
