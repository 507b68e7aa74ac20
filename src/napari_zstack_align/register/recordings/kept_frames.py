"""Work on the frames of a recording: found in the journal of the run, or done and kept there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Progress, run
from napari_zstack_align.register.artefacts.artefacts import UNTOUCHED, Artefacts
from napari_zstack_align.register.brightness import Levels
from napari_zstack_align.register.recordings.chunks import Range, windows_of
from napari_zstack_align.register.recordings.driving import averaging
from napari_zstack_align.register.recordings.measure import MeasuredFrames, measure_window
from napari_zstack_align.register.recordings.sway import sways
from napari_zstack_align.register.recordings.trace import Trace
from napari_zstack_align.register.recordings.waiting import with_progress
from napari_zstack_align.saved import Arrays, Units, key_of, values_of

Image = npt.NDArray[np.float32]

SUMS, MOTION, MEAN = "recording sums 5", "recording motion 3", "recording mean 2"
"""The methods of the units: another number where a result may change."""


class KeptFrames:
    """Windows of frames and means of frames of one recording.

    Whatever has a key of its own is a unit by itself: sums of frames stay when the largest shift
    changes, which their motion depends on.

    Parameters
    ----------
    units : Units
        What is kept of this recording; its frames are read through them.
    params : KeypointParams
    artefacts : Artefacts
        What of the frames doesn't come from tissue.
    """

    def __init__(
        self, units: Units, params: KeypointParams, artefacts: Artefacts = UNTOUCHED
    ) -> None:
        self.units, self._stack, self._params = units, units.frames.stack, params
        self.artefacts = artefacts

    def key(self, method: str, *names: str, **parts: Any) -> str:
        """Key of a unit that depends on the channels, on some more parameters, and on parts."""
        return key_of(
            method,
            params=values_of(self._params, "channel", "channel_weights", *names),
            frame=(*self._stack.shape[1:], self._stack.dtype.str),
            artefacts=self.artefacts.parts,
            **parts,
        )

    def window(self, frames: Range) -> MeasuredFrames:
        """What a window of frames shows."""
        name, indices = f"{frames[0]}-{frames[1]}", np.arange(*frames)
        keys = {"sums": self.key(SUMS), "motion": self.key(MOTION, "max_shift_px")}
        found = {part: self.units.get(f"{part}-{name}", key, indices) for part, key in keys.items()}
        sums, motion = found["sums"], found["motion"]
        if sums is not None and motion is not None:
            return _window_of(frames, sums, motion)
        window = measure_window(self._stack, *frames, self._params, self.artefacts)
        arrays = {"sums": _sums(window), "motion": _motion(window)}
        for part, key in keys.items():
            if found[part] is None:
                self.units.put(f"{part}-{name}", key, arrays[part], indices)
        return window

    def was_read(self, frames: Range) -> bool:
        """Whether an earlier run has read a window of frames."""
        key = self.key(MOTION, "max_shift_px")
        return self.units.was_kept(f"motion-{frames[0]}-{frames[1]}", key, np.arange(*frames))

    def mean(
        self, frames: npt.NDArray[np.integer], shifts: npt.NDArray[np.float64] | None = None
    ) -> Image | None:
        """Mean of the usable ones of some frames (n,), rising; None where there is none.

        With ``shifts`` (n, 2) each frame is moved back by its own, (dy, dx) in px.
        """
        if not len(frames):
            return None
        start, stop = int(frames[0]), int(frames[-1]) + 1
        parts = {} if shifts is None else {"shifts": shifts}
        name, key = f"mean-{start}-{stop}-{len(frames)}", self.key(MEAN, **parts)
        kept = self.units.get(name, key, frames)
        if kept is None:
            good = frames.tolist()
            moves = None if shifts is None else dict(zip(good, shifts, strict=True))
            work = averaging(
                self._stack, start, stop, self._params, set(good), self.artefacts, moves
            )
            image = run(with_progress(work, Progress("Averaging frames", 0, 0)))
            kept = {} if image is None else {"image": image}
            self.units.put(name, key, kept, frames)
        return kept.get("image")

    def still_mean(self, frames: Range) -> Image | None:
        """Mean of the usable frames of a range, moved back where they sway; None for none."""
        shape, start = (self._stack.shape[2], self._stack.shape[3]), frames[0]
        windows = [self.window(each) for each in windows_of([frames], shape)]
        faulty = np.array([fault is not None for each in windows for fault in each.faults])
        good = np.flatnonzero(~faulty)
        if not len(good):
            return None
        trace = Trace.of(windows, shape, self._params.max_shift_px)
        (shifts,) = sways(trace, [(0, len(faulty))], [good])
        if shifts is not None:
            return self.mean(start + good, shifts)
        total: Image = np.sum([each.total for each in windows], axis=0)
        return total / np.float32(len(good))


def _sums(window: MeasuredFrames) -> Arrays:
    faults = [(i, fault) for i, fault in enumerate(window.faults) if fault]
    return {
        "total": window.total,
        "count": np.array(window.count),
        "levels": np.stack([window.levels.mean, window.levels.low, window.levels.share]),
        "structure": window.structure,
        "steps": window.steps,
        "usual": window.levels.usual,
        "faulty": np.array([i for i, _ in faults], np.int64),
        "flags": _texts([fault.flag for _, fault in faults]),
        "details": _texts([fault.detail for _, fault in faults]),
        "artefact_rows": window.artefact_rows,
    }


def _motion(window: MeasuredFrames) -> Arrays:
    names = ("shift", "halves", "turn", "weight")
    arrays = {name: getattr(window, name) for name in names}
    return arrays if window.proxy is None else {**arrays, "proxy": window.proxy}


def _window_of(frames: Range, sums: Arrays, motion: Arrays) -> MeasuredFrames:
    faults: list[Fault | None] = [None] * (frames[1] - frames[0])
    for i, flag, detail in zip(sums["faulty"], sums["flags"], sums["details"], strict=True):
        faults[int(i)] = Fault(Flag(str(flag)), str(detail))
    mean, low, share = sums["levels"]
    return MeasuredFrames(
        *frames,
        sums["total"],
        int(sums["count"]),
        Levels(mean, low, share, sums["usual"]),
        sums["structure"],
        sums["steps"],
        tuple(faults),
        motion["shift"],
        motion["halves"],
        motion["turn"],
        motion["weight"],
        motion.get("proxy"),
        sums["artefact_rows"],
    )


def _texts(texts: Sequence[str]) -> npt.NDArray[np.str_]:
    return np.array([str(text) for text in texts], np.str_)
