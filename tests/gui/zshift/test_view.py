"""Numbers and words that are shown of a z-shift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.gui.zshift.frames import (
    ComparedFrames,
    CorrectedFrames,
    MatchingSlices,
    SimulatedFrames,
)
from napari_zstack_align.gui.zshift.plot import depth_range
from napari_zstack_align.gui.zshift.view import ZShiftView


def flagged(zshift, fault, frame):
    quality = zshift.quality.copy()
    mark(quality[frame], fault)
    quality["used"][frame] = False
    return ZShiftView.of(replace(zshift, quality=quality))


def test_depths_are_in_um_or_in_slices_where_the_step_is_unknown(zshift, view):
    assert (view.unit, view.step, view.last) == ("µm", 2.0, 16.0)
    np.testing.assert_allclose(view.z, 2 * zshift.z)
    np.testing.assert_allclose(view.band, 2 * 1.96 * zshift.standard_error, rtol=1e-6)
    no_step = replace(zshift, reference=zshift.reference.replace(z_step_um=None))
    in_slices = ZShiftView.of(no_step)
    assert (in_slices.unit, in_slices.last) == ("slices", 8.0)
    np.testing.assert_array_equal(in_slices.z, zshift.z)
    assert in_slices.words(20).endswith("slices")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(Flag.OUTSIDE, "below"), "⚠ below; hatched: its end, slice"),
        (Fault(Flag.BLANK, ""), "⚠ blank"),
        (Fault(Flag.UNREADABLE, "unreadable: gone"), "⚠ unreadable: gone"),
        (Fault(Flag.LOW_CONFIDENCE, "0.2 is low"), ": ⚠ 0.2 is low"),
        (Fault(Flag.NOT_RUN, ""), "not run yet"),
        (None, "µm (slice "),
    ],
)
def test_what_is_the_matter_with_a_frame_is_said(zshift, fault, words):
    assert words in flagged(zshift, fault, 12).words(12)


def test_the_slice_follows_the_frame_and_is_hatched_outside(zshift, view):
    slices = MatchingSlices(view)
    assert slices.shape == (24, 64, 64)
    inside = int(np.flatnonzero(zshift.used)[3])
    k = round(float(zshift.z[inside]))
    np.testing.assert_array_equal(slices[inside], zshift.reference.read(k, k + 1)[0, 0])
    outside = int(np.flatnonzero(view.zshift.flags == Flag.OUTSIDE)[0])
    first = zshift.reference.read(0, 1)[0, 0]
    shown = slices[outside]
    assert 0.2 < np.mean(shown != first) < 0.5
    assert shown.min() == view.slice_limits[0]


@pytest.mark.parametrize("kind", [MatchingSlices, SimulatedFrames])
def test_a_frame_without_depth_is_dark(zshift, kind):
    assert not kind(flagged(zshift, Fault(Flag.BLANK, ""), 12))[12].any()


def test_frames_are_those_that_were_compared(zshift, recording, view):
    np.testing.assert_array_equal(ComparedFrames(view)[7], recording.read(7, 8)[0, 0])


def test_the_plot_holds_all_depths_and_never_less_than_a_slice(zshift, view):
    low, high = depth_range(view)
    assert low <= np.nanmin(view.z)
    assert high >= np.nanmax(view.z)
    still = ZShiftView.of(replace(zshift, z=np.full_like(zshift.z, 3.0)))
    low, high = depth_range(still)
    assert high - low >= 2.0


def test_aligned_frames_lie_where_the_reference_is(zshift, recording):
    matrices = np.tile(np.eye(3), (len(zshift.z), 1, 1))
    matrices[:, 0, 2] = 3
    moved = replace(zshift, transforms=Transforms((64, 64), (AffineLink(matrices),)))
    shown = ComparedFrames(ZShiftView.of(moved))[7]
    np.testing.assert_array_equal(shown[:-3], recording.read(7, 8)[0, 0, 3:])
    assert not shown[-2:].any()


def test_without_the_recordings_file_only_what_it_showed_is_dark(zshift):
    stack = zshift.stack
    gone = MissingSource(stack.shape, stack.dtype, "gone")
    view = ZShiftView.of(replace(zshift, stack=stack.replace(source=gone)))
    assert not ComparedFrames(view)[12].any()
    assert not CorrectedFrames(view)[12].any()
    assert SimulatedFrames(view)[12].any()
