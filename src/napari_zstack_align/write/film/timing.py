"""Which frames the pictures of a film show, and when."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import FilmParams
from napari_zstack_align.params._film import LONGEST_S, PICTURES_PER_S
from napari_zstack_align.stack import Stack

TINY = 1e-6
"""Frame times are rounded: a picture isn't one frame off for it."""
Frames = npt.NDArray[np.intp]


def frames_shown(stack: Stack, params: FilmParams) -> Frames:
    """(P,) the frame in the middle of each picture.

    Raises
    ------
    InputError
        Where there are no such frames, or a speed is asked for that nobody can know.
    """
    last = stack.n_frames - 1
    for name in ("first_frame", "last_frame"):
        asked = getattr(params, name)
        if asked is not None and asked > last:
            raise InputError(f"`{name}` is {asked}, but the frames are 0 to {last}.")
    first, last = params.first_frame, last if params.last_frame is None else params.last_frame
    step = _frames_a_picture(stack, params, last + 1 - first)
    n_pictures = max(int(np.ceil((last + 1 - first) / step - TINY)), 1)
    return first + np.floor(np.arange(n_pictures) * step + TINY).astype(np.intp)


def _frames_a_picture(stack: Stack, params: FilmParams, n_frames: int) -> float:
    """How many frames the film goes on from one picture to the next."""
    interval, longest = stack.frame_interval_s, n_frames / (PICTURES_PER_S * LONGEST_S)
    if interval is None or stack.frames_per_slice is not None:
        if params.speed is not None:
            what = "a z-stack" if stack.frames_per_slice is not None else "unknown frame times"
            raise InputError(f"`speed` is times that of the recording: of {what}, leave it out.")
        return max(1.0, longest)
    as_recorded = 1 / (PICTURES_PER_S * interval)
    return max(as_recorded, longest) if params.speed is None else as_recorded * params.speed


def window_around(alignment: Alignment, t: int, n_frames: int) -> Frames:
    """Frames that the picture around frame t is the mean of: those in use, t alone where none is.

    Of a z-stack they are of one slice.
    """
    stack = alignment.stack
    first = t - (n_frames - 1) // 2
    window = np.arange(max(first, 0), min(first + n_frames, stack.n_frames))
    if stack.frames_per_slice is not None:
        window = window[stack.slice_of_frame[window] == stack.slice_of_frame[t]]
    seen = ~stack.lacks_pixels[window]
    used = window[alignment.quality["used"][window] & seen]
    return used if len(used) else window[(window == t) & seen]


def moment_in_words(stack: Stack, t: int) -> str:
    """'12:03.4, frame 5' or 'slice 3, repeat 2'; frames, slices and repeats are counted from 0."""
    if stack.frames_per_slice is not None:
        return f"slice {stack.slice_of_frame[t]}, repeat {stack.repeat_of_frame[t]}"
    time_s = stack.acquisition.times_s[t]
    return f"frame {t}" if np.isnan(time_s) else f"{_clock(float(time_s))}, frame {t}"


def _clock(time_s: float) -> str:
    tenths = round(time_s * 10)
    minutes, seconds = divmod(abs(tenths), 600)
    return f"{'-' if tenths < 0 else ''}{minutes}:{seconds / 10:04.1f}"
