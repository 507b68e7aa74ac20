"""Whether images that are taken for the slices of a z-stack, one each, look like slices.

Slices resemble one another less the farther apart they are. Repeats do so in steps, whole volumes
again and again, and the frames of a recording not at all; where slices are out of order, far ones
are more alike than neighbours. Serial sections fall in steps, too, but come nearer to one another
slice by slice. Images that resemble one another by chance alone leave it open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.progress import Job
from napari_zstack_align.read.layout.arrangements import Arrangement, Kind
from napari_zstack_align.read.layout.borders import LAGS
from napari_zstack_align.read.layout.pairs import FramePairs, SampledFrames, sample_frames
from napari_zstack_align.read.layout.period import find_period
from napari_zstack_align.read.layout.report import in_words
from napari_zstack_align.read.layout.scores import BLOCK_FRAMES, N_BLOCKS, Scores, scored
from napari_zstack_align.read.layout.verdict import FEWEST_FRAMES, judge
from napari_zstack_align.stack import Stack

SlicesLook: TypeAlias = Literal[
    "repeats", "slices", "up-and-down", "two images in turn", "no slices", "out of order", ""
]

LEAST_SLICES = 3
LEAST_CLEAR = 0.1
"""Neighbours are alike where they are so by this much more than turned images."""
DISTANCE = 4
"""Slices so far apart are compared with neighbours; in stacks of fewer than five, two apart."""
MOST_UNSURE = 0.05
"""Error of that comparison, by what resemblances by chance scatter, as a part of the likeness."""
LEAST_DROP = 0.005
"""Part by which slices that far apart are less alike than neighbours, at least: planes that hardly
differ exceed it."""
DOUBTFUL_DROP, DROP_SPREADS = 0.02, 2.0
"""Up to this part it has to be this many spreads of that over the slices, too: recordings whose
plane changes slowly exceed `LEAST_DROP`, too."""
FEW_IMAGES = 32
"""So many images or fewer are looked at for repeats of a few slices, all of the same number; any
number for those of two."""
FEWEST_IN_REPEATS = 6
"""Of fewer, two repeats of two slices look like two pairs of slices with a gap between them."""
SHOWN_SPREADS = 2.0
"""Of two slices, each shows something where its repeats are as alike by so many spreads of
resemblances by chance: where half of a stack is empty, the border of the tissue is no border of
slices."""
STEP_PART = 0.15
"""Repeats differ in how near they are to other images by less than this part of what slices do:
those of z-stacks differ by more."""
FEWEST_TO_RISE = 3
RISE_ERRORS, RISING_PART = 8.0, 0.75
"""Slices of a section come nearer to the next one, by 10 errors and more of real ones where there
is light; repeats by up to 5.4."""
LEAST_FALL = 0.15
"""Part by which sections are less alike from neighbours to their first and last slice: 0.33 of a
mouse brain; of repeats 0.08 at most, where there are three of them."""
CLEAR_ERRORS, INSIDE_PART = 3.0, 0.25
"""Borders inside a period are clear by so many errors, with repeats that differ by less than this
part of them: by 4.3 and more, and up to 0.15, where two slices lie close to one another again and
again; what chance puts inside repeats by up to 3.7 has a part of 0.7 and more."""
ORDER_SPREADS, ORDER_PART = 5.0, 0.15
"""A far slice is more alike than both neighbours where it is so by this many spreads of
resemblances by chance, and by this part of its own."""
MISPLACED, MISPLACED_PART = 3, 0.2
"""Slices are out of order where this holds for so many of them, and this part of them: one or two
are so beside an empty slice, or a bad one."""


@dataclass(frozen=True)
class SlicesReport:
    """What images look like that are taken for slices.

    Attributes
    ----------
    looks_like : str
        'repeats' of slices after one another, 'slices' of whole volumes after one another,
        'up-and-down' scans, 'two images in turn', 'no slices' (one plane all the time),
        'out of order'; '' for a z-stack, and where nothing is clear.
    reason : str
        The figures behind it, without a full stop.
    length : int, optional
        Repeats of a slice, or planes of a volume.
    """

    looks_like: SlicesLook = ""
    reason: str = ""
    length: int | None = None


def slices_sample(n_slices: int) -> npt.NDArray[np.intp]:
    """(n,) slices that are looked at, in order: all of a usual z-stack."""
    first = np.arange(min(n_slices, BLOCK_FRAMES * N_BLOCKS))
    return np.asarray(np.union1d(first, _spread(n_slices)), np.intp)


def check_slices(slices: Stack, channel: int = 0) -> Job[SlicesReport]:
    """Check images that are taken for slices of a z-stack, one each, in the order of depth.

    Parameters
    ----------
    slices : Stack
        Those of `slices_sample` are read.
    channel : int
        Channel to look at.

    Returns
    -------
    generator of Progress
        Returns a `SlicesReport`.
    """
    n_slices = slices.n_frames
    if n_slices < LEAST_SLICES:
        return SlicesReport()
    sampled = SampledFrames(slices, channel)
    pairs = yield from sampled.compare(_spread(n_slices))
    if report := _volumes(pairs, (yield from scored(pairs, ()))):
        return report
    first = pairs
    if len(pairs.frames) > 1:
        first = yield from sampled.compare(np.arange(BLOCK_FRAMES * N_BLOCKS)[np.newaxis])
    if report := (yield from _repeats(first)):
        return report
    return _without_distance(pairs) or _out_of_order(pairs) or _swapped(pairs) or SlicesReport()


def _spread(n_slices: int) -> npt.NDArray[np.intp]:
    """(b, k) slices in blocks of neighbours, all over the stack."""
    stand_in = np.broadcast_to(np.uint8(0), (n_slices, 1, 1))
    return sample_frames(Stack.from_array(stand_in), BLOCK_FRAMES, N_BLOCKS)


def _volumes(pairs: FramePairs, scores: Scores) -> SlicesReport | None:
    """Look for whole volumes after one another, up-and-down scans, and two images in turn."""
    best = scores.best()
    if len(pairs.alike) < FEWEST_FRAMES or best is None or best.kind is Kind.REPEATS:
        return None
    looks, what = in_words(best)
    if judge(pairs, scores, Arrangement(Kind.REPEATS, 1)).looks_like != looks:
        return None
    reason = f"{what[0].lower()}{what[1:]} explain {100 * scores.of[best] ** 2:.0f} %"
    return SlicesReport(looks, f"{reason} of how alike they are", best.length)


def _repeats(pairs: FramePairs) -> Job[SlicesReport | None]:
    """Look for borders of slices at equal distances.

    Arrangements don't answer this: where each image is a slice of its own, any number of repeats
    explains more than none. Sections of some slices each, with gaps between them, are no repeats.
    """
    n = len(pairs.alike)
    alike = np.full((LAGS, n - 1), np.nan)
    for lag in range(1, min(LAGS, n - 1) + 1):
        alike[lag - 1, : n - lag] = np.diag(pairs.alike, lag)
    period = yield from find_period(alike)
    period = period or _few_repeats(pairs)
    period = period and _smallest(pairs, period)
    if period is None or _fall_inside(pairs, period) or _are_sections(pairs, period):
        return None
    border = np.arange(1, n) % period == 0
    inside, across = _mean(alike[0][~border]), _mean(alike[0][border])
    reason = f"neighbours correlate by {inside:.2f}, and by {across:.2f} every {period} images"
    return SlicesReport("repeats", reason, period)


def _few_repeats(pairs: FramePairs) -> int | None:
    """Repeats of a few slices, found by how alike two neighbours are to all other images.

    Two repeats are as alike to any other image; of two slices one is nearer to it.
    """
    n = len(pairs.alike)
    steps = np.array([_step(pairs.alike, i) for i in range(n - 1)])
    if n < FEWEST_IN_REPEATS or not np.isfinite(steps).all():
        return None
    clear = _spread_of(pairs.by_chance) / np.sqrt(n)
    best, period = clear, None
    # Of two slices there is one border, whatever the number of images.
    for length in range(2 if n <= FEW_IMAGES else n // 2, n // 2 + 1):
        border = np.arange(1, n) % length == 0
        inside, across = steps[~border], steps[border]
        margin = float(across.min() - inside.max())
        if n % length == 0 and abs(inside.mean()) < STEP_PART * across.mean() and margin > best:
            best, period = margin, length
    return None if period == n // 2 and not _both_shown(pairs, period) else period


def _both_shown(pairs: FramePairs, length: int) -> bool:
    """Whether in each of two groups the images resemble one another, which chance doesn't do."""
    least = min(_mean(group) for group in _own_groups(pairs, length))
    return least > _mean(pairs.by_chance) + SHOWN_SPREADS * _spread_of(pairs.by_chance)


def _smallest(pairs: FramePairs, period: int) -> int:
    """Find the repeats of a slice in a period, which may hold several slices close to one another.

    They are its smallest divisor with clear borders besides those of the period: steps (see
    `_step`) are taken over the images of a period, and averaged over all periods.
    """
    groups = _own_groups(pairs, period)
    steps = np.array([[_step(group, i) for i in range(period - 1)] for group in groups])
    steps = steps[np.isfinite(steps).all(axis=1)]
    n_groups = len(steps)
    if n_groups < 2:
        return period
    mean = steps.mean(axis=0)
    error = np.sqrt(((steps - mean) ** 2).sum() / (n_groups - 1) / (period - 1) / n_groups)
    for length in (each for each in range(2, period) if period % each == 0):
        is_border = np.arange(1, period) % length == 0
        inside, across = mean[~is_border], mean[is_border]
        is_clear = across.min() - inside.max() > CLEAR_ERRORS * error
        if is_clear and abs(inside.mean()) < INSIDE_PART * across.mean():
            return length
    return period


def _own_groups(pairs: FramePairs, length: int) -> npt.NDArray[np.float32]:
    """(groups, length, length) similarities within groups of so many images."""
    n_groups = len(pairs.alike) // length
    whole = pairs.alike[: n_groups * length, : n_groups * length]
    every = np.arange(n_groups)
    return whole.reshape(n_groups, length, n_groups, length)[every, :, every]


def _step(alike: npt.NDArray[np.floating], i: int) -> float:
    """How much more alike the nearer one of images i and i + 1 is to all others, on average."""
    nearer = np.delete(alike[i] - alike[i + 1], [i, i + 1])
    sign = np.where(np.arange(len(nearer)) < i, 1, -1)
    return _mean(sign * nearer)


def _fall_inside(pairs: FramePairs, length: int) -> bool:
    """Whether images of a group are the less alike the farther apart they are, as slices are."""
    if length < FEWEST_TO_RISE:
        return False
    own = _own_groups(pairs, length)
    at_distance = np.array(
        [own.diagonal(k, axis1=1, axis2=2).mean(axis=1) for k in range(1, length)]
    )
    at_distance = at_distance[:, np.isfinite(at_distance).all(axis=0)]
    if not at_distance.size:
        return False
    level = at_distance[0].mean() - _mean(pairs.by_chance)
    place = np.arange(length - 1) - (length - 2) / 2
    falls = -(place @ at_distance) / (place @ place) * (length - 2)
    return bool(falls.mean() > LEAST_FALL * level and (falls > 0).mean() >= RISING_PART)


def _are_sections(pairs: FramePairs, length: int) -> bool:
    """Whether groups of images come nearer to those of the next group one by one.

    The slope of that is compared with its error, told by the scatter about it.
    """
    n_groups = len(pairs.alike) // length
    if length < FEWEST_TO_RISE:
        return False
    groups = pairs.alike[: n_groups * length, : n_groups * length]
    between = groups.reshape(n_groups, length, n_groups, length).mean(axis=3)
    upwards = between[np.arange(n_groups - 1), :, np.arange(1, n_groups)]
    downwards = between[np.arange(1, n_groups), :, np.arange(n_groups - 1)]
    rising = np.concatenate([upwards, -downwards]).astype(np.float64)
    rising = rising[np.isfinite(rising).all(axis=1)]
    if not len(rising):
        return False
    place = np.arange(length) - (length - 1) / 2
    slopes = rising @ place / (place @ place)
    rest = rising - rising.mean(axis=1, keepdims=True) - slopes[:, np.newaxis] * place
    error = np.sqrt((rest**2).sum() / (length - 2) / (place @ place)) / len(rising)
    return bool(slopes.mean() > RISE_ERRORS * error and (slopes > 0).mean() >= RISING_PART)


def _without_distance(pairs: FramePairs) -> SlicesReport | None:
    """Look whether images that are a few apart are as alike as neighbours."""
    apart = _apart(pairs)
    far = DISTANCE if apart.max() >= DISTANCE else 2
    near_mean, far_mean = (_mean(pairs.alike[apart == k]) for k in (1, far))
    level = near_mean - _mean(pairs.by_chance)
    numbers = [np.count_nonzero(apart == k) / 2 for k in (1, far)]
    unsure = _spread_of(pairs.by_chance) * np.sqrt(sum(1 / max(n, 1) for n in numbers))
    if not (level > LEAST_CLEAR and unsure < MOST_UNSURE * level):
        return None
    drops = (_row_means(pairs, apart == 1) - _row_means(pairs, apart == far)) / level
    drops = drops[np.isfinite(drops)]
    stands_out = len(drops) and float(drops.mean()) > DROP_SPREADS * float(drops.std())
    if (near_mean - far_mean) / level >= (LEAST_DROP if stands_out else DOUBTFUL_DROP):
        return None
    reason = f"correlations of {far_mean:.2f} at a distance of {far}, {near_mean:.2f} beside"
    return SlicesReport("no slices", reason)


def _out_of_order(pairs: FramePairs) -> SlicesReport | None:
    """Look for images that resemble far ones clearly more than both their neighbours."""
    apart, chance = _apart(pairs), _mean(pairs.by_chance)
    spread = _spread_of(pairs.by_chance)
    beside = _row_highest(pairs, apart == 1)
    others = np.where((apart > 1) & np.isfinite(pairs.alike), pairs.alike, -np.inf)
    best, highest = others.argmax(axis=1), others.max(axis=1)
    margin = np.maximum(ORDER_SPREADS * spread, ORDER_PART * (highest - chance))
    misplaced = (highest - beside > margin) & (highest - chance > LEAST_CLEAR)
    number = int(np.count_nonzero(misplaced))
    if number < MISPLACED or number < MISPLACED_PART * len(apart):
        return None
    frames = pairs.frames.ravel()
    one = int(np.where(misplaced, highest - beside, -np.inf).argmax())
    reason = (
        f"slice {frames[one]} resembles slice {frames[best[one]]} by {highest[one]:.2f}, those "
        f"beside it by {beside[one]:.2f} at most, and {number - 1} others are like that"
    )
    return SlicesReport("out of order", reason)


def _swapped(pairs: FramePairs) -> SlicesReport | None:
    """Look for neighbours in each other's place: those beside either prefer the other one.

    Beside a single bad image, which nothing resembles, only one of the two holds.
    """
    n_blocks, length = pairs.frames.shape
    chance, spread = _mean(pairs.by_chance), _spread_of(pairs.by_chance)

    def clearly(here: npt.NDArray[np.intp], more: int, less: int) -> npt.NDArray[np.bool_]:
        near, other = pairs.alike[here, here + less], pairs.alike[here, here + more]
        margin = np.maximum(ORDER_SPREADS * spread, ORDER_PART * (other - chance))
        return np.asarray((other - near > margin) & (other - chance > LEAST_CLEAR))

    first = np.arange(len(pairs.alike)).reshape(n_blocks, length)[:, 1:-2].ravel()
    both = clearly(first - 1, 2, 1) & clearly(first + 2, -2, -1)
    if not both.any():
        return None
    frames = pairs.frames.ravel()
    which = [f"{frames[k]} and {frames[k] + 1}" for k in first[both]]
    return SlicesReport("out of order", f"slices {', '.join(which)} look swapped")


def _apart(pairs: FramePairs) -> npt.NDArray[np.intp]:
    frames = pairs.frames.ravel()
    return np.abs(frames[:, np.newaxis] - frames)


def _mean(values: npt.NDArray[np.floating]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else np.nan


def _spread_of(values: npt.NDArray[np.floating]) -> float:
    known = values[np.isfinite(values)]
    return float(known.std()) if known.size else np.nan


def _row_means(pairs: FramePairs, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(n,) mean similarity of each image with some others; NaN without any."""
    known = where & np.isfinite(pairs.alike)
    number = np.count_nonzero(known, axis=1)
    total = np.where(known, pairs.alike, 0).sum(axis=1, dtype=np.float64)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _row_highest(pairs: FramePairs, where: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """(n,) highest similarity of each image with some others; NaN without any."""
    known = where & np.isfinite(pairs.alike)
    highest = np.where(known, pairs.alike, -np.inf).max(axis=1)
    return np.where(known.any(axis=1), highest, np.nan)
