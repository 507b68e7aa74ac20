"""What happened to single frames: flashes, twitches and jumps, told from the first reading."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.ndimage import median_filter

from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.register.brightness import TINY, Levels, by_a_factor, from_elsewhere
from napari_zstack_align.spread import SD_PER_MAD
from napari_zstack_align.structure import CLEAR_ERRORS, empty_frames

Trace = npt.NDArray[np.float64]

FLASH = Fault(Flag.UNUSUAL_BRIGHTNESS, "unusual brightness: light was added, or a shutter closed")
"""Of a frame with stimulus light or a closed shutter: nothing in it can be followed."""
NEIGHBOURHOOD = 101
"""Frames against whose median a frame's brightness is judged: events are short against it."""
END_FRAMES = 9
"""So many frames show what is usual at an end, whether it rises or falls, and how it scatters."""
LEAST_SHOWN = 0.03
"""Frames show nothing that have a smaller part of the usual structure."""
NEXT_TO_NO_LIGHT = 0.15
"""Part of the usual light: activity makes up to six times as much of it."""
SHORTEST_END, LONGEST_END = 3, 20
"""Of so many frames at an end it is asked whether they are an event: light, or a closed shutter.
In more of them the laser, or the offset, was another; those without light are told by themselves.
"""
SUDDEN, FLAT = 0.5, 0.3
"""They are, where the level changes by at least so much of the difference within a few frames, and
within them by no more than so much: bleaching goes on."""
LEAST_CHANGE = 0.1
"""A flash changes the light above dark at least by this part."""
MOST_ODD = 0.1
"""Of more frames than this part a factor is how the light is."""
TIMES_USUAL = 1.5
"""Frames that differ by no more than so many times as much as these do differ by the same."""
LIKE_USUAL = 0.25
"""Frames are like the usual ones if they differ by at most this part of what odd ones do."""
STEP_FRAMES = 8
"""Frames on either side of a jump that are compared."""
STEP_PX = 1.5
"""Jumps smaller than this are left to the interpolation."""
STEP_SIGMAS = 5.0
TURN_WEIGHT = 0.5
"""Turns count less: of a fast one, each window shows only a part."""
TWITCH_PX = 3.0
TWITCH_SIGMAS = 6.0


def intensity_outliers(levels: Levels, dark: float, mad: float) -> npt.NDArray[np.bool_]:
    """Frames much brighter or darker than those around them, but not by the activity of cells.

    Where a laser flickers, many frames differ from the others by a factor; they show the same
    tissue, and none of them is an outlier.

    Parameters
    ----------
    levels : Levels
        (T,) of all frames; NaN where a frame can't be used.
    dark : float
        Intensity without light.
    mad : float
        Median absolute deviations that make an outlier; 0 for none.
    """
    known = np.isfinite(levels.mean)
    result = np.zeros(len(known), bool)
    if mad == 0 or known.sum() < 3:
        return result
    seen = levels.where(known)
    inner = _between_events_at_ends(seen.mean)
    mean, low = (_usual_around(part, NEIGHBOURHOOD, inner) for part in (seen.mean, seen.low))
    away, low_away = np.abs(seen.mean - mean), np.abs(seen.low - low)
    scatter = np.maximum(_scatter(seen.mean, away), _scatter_at_ends(seen.mean, inner))
    limit = np.maximum(mad * scatter, LEAST_CHANGE * np.maximum(mean - dark, 0))
    noise = mad * _scatter(seen.low, low_away)
    odd = from_elsewhere(seen, mean, low, dark, noise) & (away > np.maximum(limit, TINY))
    changed = from_elsewhere(seen, mean, low, dark, noise / 2) & (away > limit / 2)
    scaled = by_a_factor(seen, mean, low, dark)
    odd[: inner.start] &= ~scaled[: inner.start]  # a laser that was turned up or down
    odd[inner.stop :] &= ~scaled[inner.stop :]
    if np.count_nonzero(changed & scaled) > MOST_ODD * len(odd):
        usual = np.median(away[changed & scaled])
        clearly_added = _clearly_added(seen, mean, low, mad)
        odd &= ~scaled & (clearly_added | (away > TIMES_USUAL * usual))
    result[known] = odd
    return result


def black_frames(
    structure: npt.NDArray[np.float64], levels: Levels, dark: float
) -> npt.NDArray[np.bool_]:
    """Frames that show nothing and have next to no light, where others show a lot.

    Those behind a closed shutter, be they ever so many: told by themselves, not from the frames
    around them.

    Parameters
    ----------
    structure : numpy.ndarray
        (2, T) of `structure_of`; NaN where a frame can't be used.
    levels : Levels
        (T,) of all frames.
    dark : float
        Intensity without light.
    """
    shown, error = structure
    light = levels.mean - dark
    usual = _level(light[shown > CLEAR_ERRORS * error])
    return empty_frames(shown, error, LEAST_SHOWN) & (light < NEXT_TO_NO_LIGHT * usual)


def passing(steps: Trace) -> Trace:
    """Return what of the steps of the offset (T,) doesn't last: light that comes and goes."""
    lit = _between_events_at_ends(steps)
    start = lit.start if _level(steps[: lit.start]) > _level(steps[lit]) else 0
    stop = lit.stop if _level(steps[lit.stop :]) > _level(steps[lit]) else len(steps)
    seen, half = steps[start:stop], NEIGHBOURHOOD // 2
    ends = _level(seen[:END_FRAMES]), _level(seen[-END_FRAMES:])
    around = (start + half, len(steps) - stop + half)
    lasting = median_filter(np.pad(seen, around, constant_values=(ends,)), NEIGHBOURHOOD)
    return np.asarray(steps - lasting[half : half + len(steps)], np.float64)


def _level(trace: Trace) -> float:
    return float(np.median(trace)) if len(trace) else -np.inf


def find_steps(trace: Trace, turn: Trace) -> list[int]:
    """First frames after sudden jumps.

    The medians of a few frames before and after each frame are compared; the frame that parts the
    trace best is the jump.

    Parameters
    ----------
    trace : numpy.ndarray
        (T, 2) motion in px; NaN where unknown.
    turn : numpy.ndarray
        (T,) rotation, as the px that it moves the tissue on average; NaN where unknown.
    """
    known = np.flatnonzero(np.isfinite(trace).all(axis=1))
    motion = np.column_stack([trace[known], TURN_WEIGHT * turn[known]])
    steps = _steps_of(motion, _white_noise(motion))
    return sorted(int(known[step]) for step in steps)


def twitches(trace: Trace, steps: list[int]) -> Trace:
    """(T,) how far a frame lies off its neighbours in px, where that is a twitch; else 0."""
    away = np.zeros(len(trace))
    for start, stop in segments(steps, len(trace)):
        known = start + np.flatnonzero(np.isfinite(trace[start:stop]).all(axis=1))
        if len(known) < 3:
            continue
        moved = trace[known].T
        smooth = np.stack([_usual_around(part, 2 * STEP_FRAMES + 1) for part in moved], axis=1)
        distance = np.hypot(*(trace[known] - smooth).T)
        usual = SD_PER_MAD * float(np.median(distance))
        away[known] = np.where(distance > max(TWITCH_PX, TWITCH_SIGMAS * usual), distance, 0)
    return away


def segments(steps: list[int], n_frames: int) -> list[tuple[int, int]]:
    """Stretches (start, stop) between steps."""
    borders = [0, *steps, n_frames]
    return [(a, b) for a, b in pairwise(borders) if b > a]


def _clearly_added(levels: Levels, mean: Trace, low: Trace, mad: float) -> npt.NDArray[np.bool_]:
    """Whether the less changed pixels gained more than a factor explains, noise or not.

    What a factor changes in them is known where the frame they are compared with is like those
    around, not like the odd one.
    """
    change = levels.mean - mean
    more_than_factor = levels.low - low - levels.share * change
    compared_with = float(levels.usual.mean()) if levels.usual.size else 0.0
    is_like_usual = compared_with < mean + LIKE_USUAL * change
    stands_out = more_than_factor > mad * np.median(np.abs(more_than_factor))
    return np.asarray((change > 0) & is_like_usual & stands_out, bool)


def _between_events_at_ends(trace: Trace) -> slice:
    """Frames without those at either end that differ from the next ones from one to the other.

    An event in the middle is short against the frames around it, and these are on both sides. At
    an end, the frames of an event would be what is usual there.
    """
    between = slice(_end_of_event(trace), len(trace) - _end_of_event(trace[::-1]))
    least = min(LONGEST_END, len(trace) // 2 + 1)
    return between if between.stop - between.start >= least else slice(0, len(trace))


def _end_of_event(trace: Trace) -> int:
    """How many frames at the beginning are an event; 0 for none."""
    longest = min(LONGEST_END, len(trace) // 2)
    ends = [k for k in range(SHORTEST_END, longest + 1) if _is_event(trace, k)]
    begin = trace[: 2 * LONGEST_END]

    def misfit(k: int) -> float:
        return float(sum(np.abs(p - np.median(p)).sum() for p in (begin[:k], begin[k:])))

    return min(ends, key=misfit, default=0)


def _is_event(trace: Trace, k: int) -> bool:
    """Whether the first k frames are an event, perhaps with one more or less.

    Where they are like most frames of all, what comes after them is: a wave of activity.
    """
    event, after = trace[:k], trace[k : k + LONGEST_END]
    change = abs(float(np.median(event) - np.median(after)))
    if abs(float(np.median(event) - np.median(trace))) <= LIKE_USUAL * change:
        return False
    before, behind = trace[k - SHORTEST_END : k], trace[k : k + SHORTEST_END]
    step = abs(float(np.median(before) - np.median(behind)))
    line = _line_through(event)
    within = max(abs(float(line[-1] - line[0])), 2 * float(np.median(np.abs(event - line))))
    scatter = float(np.median(np.abs(after - np.median(after))))
    return step > scatter and step >= SUDDEN * change and within <= FLAT * change


def _usual_around(trace: Trace, size: int, inner: slice | None = None) -> Trace:
    """Median (T,) over a window of frames; beyond an end, the level of the frames next to it.

    The first frame itself, repeated, would be its own median, and that of those next to it.
    ``inner`` are the frames that count.
    """
    start, stop, _ = (inner or slice(None)).indices(len(trace))
    trace, before, behind = trace[start:stop], start, len(trace) - stop
    size = min(size, len(trace))
    half = size // 2
    first, last = (_line_through(end[:END_FRAMES])[0] for end in (trace, trace[::-1]))
    around = (before + half, behind + half)
    padded = np.pad(trace, around, constant_values=((first, last),))
    usual: Trace = median_filter(padded, size)[half : half + before + len(trace) + behind]
    return usual


def _scatter(trace: Trace, away: Trace) -> float:
    """Median distance of frames from what is usual around them, or from the lines of a few.

    ``away`` is the first of these (T,). Where light falls, most frames are the median of the
    frames around them, and only the lines show their noise.
    """
    few = np.array_split(trace, max(len(trace) // END_FRAMES, 1))
    of_lines = np.median([np.median(np.abs(part - _line_through(part))) for part in few])
    return float(max(np.median(away), of_lines))


def _scatter_at_ends(trace: Trace, inner: slice) -> Trace:
    """(T,) median distance of the frames at an end from their line: it bends in fast bleaching."""
    scatter = np.zeros(len(trace))
    part, seen = scatter[inner], trace[inner]
    for ends, frames in ((part, seen), (part[::-1], seen[::-1])):
        near = frames[:END_FRAMES]
        ends[:END_FRAMES] = np.median(np.abs(near - _line_through(near)))
    return scatter


def _line_through(trace: Trace) -> Trace:
    """Line (T,) of repeated medians: fewer odd frames than half don't bend it."""
    frames = np.arange(len(trace), dtype=float)
    ahead = frames - frames[:, np.newaxis]
    np.fill_diagonal(ahead, np.nan)
    slope = np.median(np.nanmedian((trace - trace[:, np.newaxis]) / ahead, axis=1))
    line: Trace = slope * frames + np.median(trace - slope * frames)
    return line


def _white_noise(motion: Trace) -> float:
    """Standard deviation of single frames, from the differences of consecutive ones."""
    if len(motion) < 2:
        return 0.0
    steps = np.diff(motion, axis=0)
    spread = SD_PER_MAD * np.median(np.abs(steps - np.median(steps, axis=0)), axis=0)
    return float(np.sqrt((spread**2).sum() / 2))


def _steps_of(motion: Trace, noise: float) -> list[int]:
    """Greedy search: the largest jump first, then on either side of it."""
    for width in (STEP_FRAMES, STEP_FRAMES // 2):
        if len(motion) < 2 * width:
            continue
        # medians of `width` frames scatter by sqrt(π / 2 width), differences of two by √2 of it
        limit = max(STEP_PX, STEP_SIGMAS * noise * float(np.sqrt(np.pi / width)))
        sizes = _jumps(motion, width)
        best = int(sizes.argmax())
        if sizes[best] > limit:
            step = _sharpest_cut(motion, best + width, width)
            left, right = _steps_of(motion[:step], noise), _steps_of(motion[step:], noise)
            return [*left, step, *(step + s for s in right)]
    return []


def _jumps(motion: Trace, width: int) -> Trace:
    """Change from ``width`` frames before to those after each frame but the first and last ones.

    The median of the changes over ``width`` frames: steady drift, however fast, makes each of them
    the same. What drift explains is no jump: none, or the change one width earlier, or later, or
    the mean of these two (it gains speed). Where there is no earlier or later, the usual one does.
    """
    changes = motion[width:] - motion[:-width]
    jumps = np.median(np.lib.stride_tricks.sliding_window_view(changes, width, axis=0), axis=-1)
    beyond = np.broadcast_to(np.median(jumps, axis=0), (width, jumps.shape[1]))
    earlier = np.concatenate([beyond, jumps])[: len(jumps)]
    later = np.concatenate([jumps, beyond])[width:]
    drifts = (np.zeros_like(jumps), earlier, later, (earlier + later) / 2)
    result: Trace = np.min([np.linalg.norm(jumps - drift, axis=1) for drift in drifts], axis=0)
    return result


def _sharpest_cut(motion: Trace, near: int, width: int) -> int:
    """Where the frames around ``near`` part into two groups with the least distance to medians."""
    start, stop = max(near - width, 0), min(near + width, len(motion))
    around = motion[start:stop]
    costs = [
        sum(np.abs(part - np.median(part, axis=0)).sum() for part in (around[:cut], around[cut:]))
        for cut in range(1, len(around))
    ]
    return start + 1 + int(np.argmin(costs))
