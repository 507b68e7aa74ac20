"""What the user should know about traces, in sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.cells.traces.baseline_remarks import of_baseline
from napari_zstack_align.cells.traces.inputs import Inputs
from napari_zstack_align.cells.traces.traces import ALL_SATURATED, NONE_MEASURED, Traces
from napari_zstack_align.counting import are, counted, were
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import WITHOUT_PIXELS, Flag, count_by_flag, shown
from napari_zstack_align.frame_times import what_is_odd
from napari_zstack_align.params import ChannelParams
from napari_zstack_align.remark import Remark, as_notes, as_serious, as_warnings
from napari_zstack_align.settings import GIVE_PIXEL_SIZE, GIVE_TIMES

SHOWN = 10
"""Ids that are spelt out."""
NOT_SEARCHED = (
    "Rows without light (a gated photomultiplier) or struck by light were not looked for: F is "
    "read there as it is. An alignment looks for them (find_artefacts)."
)


def remarks_of(traces: Traces, inputs: Inputs) -> tuple[Remark, ...]:
    """Say what is to be known about the dark level, and about ROIs and frames without values."""
    frames, ids, saturated = traces.frames, traces.ids, traces.is_saturated
    remarks = _of_left_out(traces) + _of_dark(traces) + _of_coarse_numbers(traces)
    read = frames["flag"] != Flag.NOT_RUN
    remarks += _of_artefacts(traces, inputs)
    if read.any():
        unseen = ~np.isfinite(traces.F[:, :, read]).any(axis=(0, 2)) & ~traces.is_unmeasured.any(0)
        seldom = traces.is_seldom_seen.any(axis=0) & ~traces.is_unmeasured.any(0) & ~unseen
        alone = ~np.isfinite(traces.Fneu[:, :, read]).any(axis=(0, 2)) & ~unseen
        remarks += as_warnings(
            _of_ids(ids[unseen], "never inside a frame: there are no values"),
            _of_ids(
                ids[seldom],
                "without a value in most frames (outside the frame, or no numbers there): the "
                "baseline is that of few frames, and ΔF/F unreliable",
            ),
            _of_ids(ids[alone], "without neuropil around: not corrected"),
        )
    if traces.saturated is not None and saturated.any():
        shares = 100 * traces.saturated[saturated]
        remarks += _serious_if(
            traces.dff_doubt == ALL_SATURATED,
            _of_ids(
                ids[saturated.any(axis=0)],
                f"saturated, in {_range(shares)} % of the frames: more light than the detector "
                f"can tell, so F and ΔF/F are too small there, and ΔF/F unreliable",
            ),
        )
    unreadable = int(np.count_nonzero(frames["flag"] == Flag.UNREADABLE))
    if unreadable:
        remarks += as_warnings(
            f"{counted(unreadable, 'frame')} can't be read: values there are NaN."
        )
    if inputs.stack.frames_per_slice is None and np.any(inputs.rois.slices >= 0):
        remarks += as_warnings(
            f"The ROIs are those of slices of a z-stack, but {inputs.stack.name} is a recording: "
            f"they were read in every frame."
        )
    remarks += of_baseline(inputs, frames)
    remarks += inputs.on_place
    remarks += as_warnings(what_is_odd(inputs.stack.frame_times_s))
    if inputs.stack.frame_interval_s is None:
        remarks += as_notes(
            "The frame times are unknown: 10 frames per second were assumed for the baseline. If "
            f"there were more or fewer, {GIVE_TIMES}."
        )
    if inputs.stack.pixel_size_um is None:
        remarks += as_notes(
            f"The pixel size is unknown: the width of the neuropil ring was taken in pixels. For "
            f"µm, {GIVE_PIXEL_SIZE}."
        )
    return remarks


def check_readable(inputs: Inputs, frames: npt.NDArray[np.void]) -> None:
    """Raise InputError where no frame of a recording could be read, now or when it was aligned."""
    if not _none_read(frames):
        return
    name, why = inputs.stack.name, shown(frames[0])
    if inputs.alignment is not None and _none_read(inputs.alignment.quality):
        raise InputError(
            f"No frame of {name} could be read when it was aligned ({why}): where that is mended, "
            f"align it anew."
        )
    raise InputError(f"No frame of {name} can be read: {why}.")


def _none_read(frames: npt.NDArray[np.void]) -> bool:
    return bool(np.isin(frames["flag"], WITHOUT_PIXELS).all())


def _of_left_out(traces: Traces) -> tuple[Remark, ...]:
    """Say that frames don't count, where that is all of them, or most."""
    run = traces.flags != Flag.NOT_RUN
    n_run, left_out = int(np.sum(run)), int(np.sum(run & ~traces.used))
    if not n_run or left_out <= n_run / 2:
        return ()
    why = ", ".join(f"{n} {flag}" for flag, n in count_by_flag(traces.flags).items())
    text = f"are left out{why and f' ({why})'}: "
    if left_out == n_run:
        return as_serious(
            f"All {counted(n_run, 'frame')} {text}there is no baseline and no ΔF/F, and F is read "
            f"where nobody knows that the cells are. Align the recording anew."
        )
    return as_warnings(
        f"{left_out} of {counted(n_run, 'frame')} {text}the baseline is that of the others."
    )


def _of_coarse_numbers(traces: Traces) -> tuple[Remark, ...]:
    """Say that the values are too large for float32."""
    step = traces.step_of_f
    if not step:
        return ()
    return as_serious(
        f"The values of the traces are so large (about {np.nanmedian(traces.F):.3g}) that F is "
        f"kept in steps of {step:g} counts, as coarse as its noise: F and ΔF/F are unreliable. "
        f"Subtract a constant from the frames, in float64, before they are opened."
    )


def _of_artefacts(traces: Traces, inputs: Inputs) -> tuple[Remark, ...]:
    """Say which pixels weren't read because they don't come from tissue, and what that leaves."""
    remarks = as_notes(_of_rows(traces, inputs), _of_other_channels(inputs))
    if traces.unmeasured is None or not traces.unmeasured.any():
        return remarks
    some = traces.unmeasured > 0
    percents = _range(100 * traces.unmeasured[some])
    return remarks + _serious_if(
        traces.dff_doubt == NONE_MEASURED,
        _of_ids(
            traces.ids[some.any(axis=0)],
            f"without ΔF/F in {percents} % of the frames: pixels of the cell or its neuropil don't "
            f"come from tissue there (rows without light or struck by light, pixels fixed to the "
            f"detector)",
        ),
    )


def _serious_if(of_every_roi: bool, sentence: str) -> tuple[Remark, ...]:
    """A warning about some ROIs; a serious one where ΔF/F of no ROI can be relied on."""
    return as_serious(sentence) if of_every_roi else as_warnings(sentence)


def _of_rows(traces: Traces, inputs: Inputs) -> str:
    """Say in which frames rows were left out, or that nobody looked; '' for none."""
    if inputs.artefact_rows is None:
        return NOT_SEARCHED
    frames = np.unique(inputs.artefact_rows["frame"])
    frames = frames[traces.used[frames]]
    if not len(frames):
        return ""
    where = f"{frames[0]}" if len(frames) == 1 else f"{frames[0]} to {frames[-1]}"
    return (
        f"Rows of {counted(len(frames), 'frame')} ({where}) {were(len(frames))} left out: the "
        f"detector was off there, or struck by light."
    )


def _of_other_channels(inputs: Inputs) -> str:
    """Say that the alignment looked for rows in some channels alone; '' where it was in all."""
    names = inputs.stack.channel_names
    params = None if inputs.alignment is None else inputs.alignment.params
    if not isinstance(params, ChannelParams) or inputs.artefact_rows is None or len(names) == 1:
        return ""
    seen = [name for channel, name in enumerate(names) if params.drives(channel)]
    if len(seen) == len(names):
        return ""
    return (
        f"Rows without light or struck by light were looked for in {', '.join(seen)} alone, "
        f"and are left out of all channels."
    )


def _range(percents: npt.NDArray[np.floating[Any]]) -> str:
    """'3', or '0.2 to 25'."""
    low, high = (f"{np.round(p, 0 if p >= 1 else 2):g}" for p in (percents.min(), percents.max()))
    return low if low == high else f"{low} to {high}"


def _of_dark(traces: Traces) -> tuple[Remark, ...]:
    dark = traces.dark
    values = ", ".join(f"{value:g}" for value in np.round(dark.values, 1))
    if dark.doubt:
        return as_serious(dark.doubt)
    if dark.accepted and dark.source != "estimated":
        return ()
    if dark.accepted:
        return as_notes(
            f"The dark level ({values}) is an estimate from the darkest pixels: where none of "
            f"them is dark, ΔF/F is too large.{_of_ends(traces)}"
        )
    hint = f" (the darkest pixels suggest at most {values})" if dark.source == "estimated" else ""
    return as_serious(
        f"ΔF/F is unreliable, for the dark level is unknown{hint}. Read the traces with "
        f"`dark_level` (best of all measured in a file without light) or `dark_frames`, or with "
        f"`accept_estimate`; F is right without it."
    )


def _of_ends(traces: Traces) -> str:
    """Say between what ΔF/F lies when the dark level lies where the frames leave it open."""
    ends, interval = traces.dff_ends, traces.dark.words_of_interval
    if ends is None or not interval:
        return ""
    peaks = [_usual_peak(each) for each in (ends[0], traces.dff, ends[1])]
    if not np.isfinite(peaks[:2]).all():
        return f" It may lie anywhere from {interval}."
    low, now, high = (f"{peak:.2g}" if np.isfinite(peak) else "any value" for peak in peaks)
    return (
        f" It may lie anywhere from {interval}: the largest ΔF/F of a ROI (median of the ROIs), "
        f"{now}, is {low} with the lowest and {high} with the highest."
    )


def _usual_peak(dff: npt.NDArray[np.float32]) -> float:
    known = np.isfinite(dff).any(axis=2)
    return float(np.median(np.nanmax(dff[known], axis=-1))) if known.any() else np.nan


def _of_ids(ids: npt.NDArray[np.int64], what: str) -> str:
    if not len(ids):
        return ""
    shown = ", ".join(map(str, ids[:SHOWN].tolist())) + (", ..." if len(ids) > SHOWN else "")
    return f"{counted(len(ids), 'ROI')} {are(len(ids))} {what} ({shown})."
