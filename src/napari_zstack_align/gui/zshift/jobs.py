"""Jobs of the tab 'Z-shift'; they run in its worker, without touching a widget."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.jobs import Limits, limits, sample_contrast
from napari_zstack_align.gui.zshift.sources import FramesAndAlignment
from napari_zstack_align.gui.zshift.view import UNKNOWN_LIMITS, ZShiftView
from napari_zstack_align.params import ZShiftParams
from napari_zstack_align.progress import Job, Progress, with_partial
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift import ZShift, estimate_zshift, load_zshift


def estimating(
    recording: FramesAndAlignment,
    reference: FramesAndAlignment,
    z_step_um: float | None,
    params: ZShiftParams,
) -> Job[ZShiftView]:
    """Find the depths, and prepare them; partial results are views too."""
    (stack, alignment), (slices, volume) = recording, reference
    if z_step_um is not None:
        slices = slices.replace(z_step_um=z_step_um)
    given = slices if volume is None else volume.with_stack(slices)
    job = estimate_zshift(stack, given, params, alignment)
    zshift = yield from with_partial(job, ZShiftView.of)
    return (yield from with_contrast(zshift))


def with_contrast(zshift: ZShift) -> Job[ZShiftView]:
    """Prepare a z-shift, and sample the contrast of recording and reference."""
    frames, channel = UNKNOWN_LIMITS, zshift.params.channel
    if not isinstance(zshift.stack.source, MissingSource):
        frames = (yield from sample_contrast(zshift.stack))[channel]
    return ZShiftView.of(zshift, frames, _slice_limits(zshift))


def _slice_limits(zshift: ZShift) -> Limits:
    """Contrast limits of a few slices of the reference, which is in memory."""
    last = zshift.reference.n_frames - 1
    chosen = sorted({0, last // 4, last // 2, 3 * last // 4, last})
    found = [limits(zshift.reference.read(k, k + 1)[0, 0, ::2, ::2]) for k in chosen]
    return min(low for low, _ in found), max(high for _, high in found)


def saving(zshift: ZShift, folder: Path) -> Job[Path]:
    """Save in the worker: the reference is written too."""
    yield Progress("Saving", 0, 1)
    return zshift.save(folder)


def loading(folder: Path, stack: Stack | None = None) -> Job[ZShiftView]:
    """Load a z-shift; where its frames are gone, with those of a stack, if it is the one."""
    yield Progress("Loading", 0, 1)
    zshift = load_zshift(folder)
    if isinstance(zshift.stack.source, MissingSource) and stack is not None:
        with suppress(InputError):  # of another recording: depths can be seen without frames
            zshift = load_zshift(folder, stack)
    return (yield from with_contrast(zshift))
