"""Whether a recording shows several images: in turn, or the planes of a scan; or none in time.

All looks share one reading: the few frames of the first two are among those of the last, which is
taken only where these find nothing. Frames of which time isn't the first axis aren't looked at any
further.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Job
from napari_zstack_align.read.layout.axes_order import order_sentence
from napari_zstack_align.read.layout.check_layout import layout_samples
from napari_zstack_align.read.layout.images_in_turn import (
    images_in_turn,
    turn_sample,
    turn_sentence,
)
from napari_zstack_align.read.layout.pairs import SampledFrames, without_copies
from napari_zstack_align.read.layout.planes_in_recording import planes_in_recording, planes_sentence
from napari_zstack_align.read.layout.report import from_arrays, to_arrays
from napari_zstack_align.read.layout.verdict import FEWEST_FRAMES
from napari_zstack_align.remark import Remark, RemarkCode, as_serious
from napari_zstack_align.saved import Arrays, Units, key_of
from napari_zstack_align.stack import Stack

OF_FRAMES = (RemarkCode.SEVERAL_IMAGES, RemarkCode.OTHER_AXES)
UNIT, METHOD = "several-images", "several images 3"
AXES = "axes"
"""Name among what is kept: of frames whose axes come in another order."""


def several_images(
    units: Units, channel: int = 0, known: Iterable[Remark] | None = None
) -> Job[tuple[Remark, ...]]:
    """Look whether a recording shows images in turn, a scan or a z-stack, or has other axes.

    Parameters
    ----------
    units : Units
        Of a run over a recording, among which what was found is kept; up to 128 frames are read
        through them. A stack with ``frames_per_slice``, or of fewer than 6, isn't looked at.
    channel : int
        Channel to look at.
    known : iterable of Remark, optional
        Of the recording's alignment, whose run looked at the frames: nothing is read.

    Returns
    -------
    generator of Progress
        Returns a warning, or none.
    """
    if known is not None:
        return tuple(each for each in known if each.code in OF_FRAMES)
    stack = units.frames.stack
    if stack.frames_per_slice is not None or stack.n_frames < FEWEST_FRAMES:
        return ()
    key = key_of(METHOD, channel=channel)
    for frames in (turn_sample(stack), *layout_samples(stack)):
        if (kept := units.get(UNIT, key, frames)) is not None:
            return _remarks(stack, kept)
    found, frames = yield from _look(stack, channel)
    units.put(UNIT, key, found, frames)
    return _remarks(stack, found)


def _look(stack: Stack, channel: int) -> Job[tuple[Arrays, npt.NDArray[np.intp]]]:
    """Return what was found, and the frames that were read."""
    sampled = SampledFrames(stack, channel)
    found: Arrays = {}
    few, (many,) = turn_sample(stack), layout_samples(stack)
    if few.size:
        pairs = without_copies((yield from sampled.compare(few)))
        along = sampled.alike_along_axes(few)
        if order_sentence(stack.name, along):
            return {AXES: along}, few
        found = images_in_turn(pairs)
        if turn_sentence(stack, found):
            return found, few
    pairs = without_copies((yield from sampled.compare(many)))
    report = yield from planes_in_recording(pairs)
    return (found if report is None else {**found, **to_arrays(report)}), many


def _remarks(stack: Stack, found: Arrays) -> tuple[Remark, ...]:
    sentence = ""
    if AXES in found:
        return as_serious(order_sentence(stack.name, found[AXES]), code=RemarkCode.OTHER_AXES)
    if "report" in found:
        sentence = planes_sentence(stack.name, stack.n_frames, from_arrays(found))
    elif "parts" in found:
        sentence = turn_sentence(stack, found)
    return as_serious(sentence, code=RemarkCode.SEVERAL_IMAGES)
