"""Whether frames of one slice resemble one another as the layout says, or as another one would.

The layout of a stack is compared with every other arrangement by what each explains of how alike
the frames of a sample are (`_arrangements`). How well an arrangement does by chance is told by the
same arrangement over shuffled frames. Frames that are alike wherever the layout puts them, far
apart too, show no slices. Frames that show nothing at all leave the question open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read._arrangements import Arrangement, Explained, Kind, arrangements
from napari_zstack_align.read._pairs import FramePairs, SampledFrames, parts_of, sample_frames
from napari_zstack_align.spread import spread_of
from napari_zstack_align.stack import Stack, check_is_stack

Verdict: TypeAlias = Literal["plausible", "wrong", "cannot tell"]
Looks: TypeAlias = Literal[
    "repeats", "slices", "up-and-down", "two images in turn", "no slices", ""
]

BLOCK_FRAMES, N_BLOCKS = 32, 4
"""At most so many frames are read, in as many blocks of neighbours; half of them come first."""
LONGEST = BLOCK_FRAMES * N_BLOCKS // 2
"""Longest period looked for, besides those of the layout itself: it has to be seen twice."""
FEWEST_FRAMES = 6
SHUFFLES = 20
CHANCE_SPREADS = 6.0
"""A score counts where it lies this many standard deviations above those of shuffled frames."""
LEAST_SCORE = 0.1
"""A score that always counts as none: slow changes reach 0.05 in recordings."""
LEAST_OTHER_SCORE = 0.3
"""Score from which on another arrangement is believed."""
TIMES_MORE = 2.0
"""Another arrangement is believed where it explains so many times as much variance."""
LEAST_DIFFERENCE, LEAST_DIFFERENCE_OF_TWO = 0.05, 0.2
"""Part by which frames of other planes are less alike than those of one, above chance."""
MIN_SLICES = 4
N_PARTS = 4
"""Borders between other numbers of repeats have to be seen in all parts of the sample but one."""
BRIGHTNESS_PART = 0.2
"""Two images in turn differ by this part of a frame's own spread at least, or of its mean."""
BRIGHTNESS_SPREADS = 4.0
FLAT_PART = 0.99
"""Frames of far slices that are this much as alike as those of one slice show no slices."""
RECORDING_PART = 0.9
"""... and this much, that it may be a recording."""
VOLUME_PART = 0.5
"""Of one frame a slice, far slices are less alike than neighbours by this factor; a recording that
drifts by a cell's width keeps four fifths and more."""
APART_SPREADS = 3.0
"""Slices are told apart where frames resemble their own slice more by this many spreads."""
CLEAR_SPREADS, LEAST_LEVEL = 6.0, 0.02
"""Frames resemble one another where they do so by this much more than turned ones."""


@dataclass(frozen=True)
class LayoutReport:
    """Whether the frames look like the layout that a stack has.

    Attributes
    ----------
    verdict : {'plausible', 'wrong', 'cannot tell'}
        'cannot tell' where the frames are too few, show nothing, or neighbouring slices are too
        much alike.
    looks_like : {'repeats', 'slices', 'up-and-down', 'two images in turn', 'no slices', ''}
        What they look like: the repeats of a slice after one another, the slices of a volume after
        one another, volumes scanned up and down in turn, two channels or places in turn, one plane
        all the time. '' where that isn't clear.
    reason : str
        A sentence with the figures behind the verdict.
    length : int, optional
        Repeats of a slice where it looks like 'repeats', planes where it looks like 'slices' or
        'up-and-down'; else None.
    """

    verdict: Verdict
    looks_like: Looks
    reason: str
    length: int | None = None

    @property
    def warning(self) -> str:
        """What it looks like and what to do, where the layout is wrong; else ''."""
        if self.verdict != "wrong":
            return ""
        what, advice = WARNINGS[self.looks_like]
        what, advice = (text.format(length=self.length) for text in (what, advice))
        return f"The layout looks wrong: the frames look like {what}. {self.reason} {advice}"

    @property
    def note(self) -> str:
        """That the layout couldn't be checked, and why; else ''."""
        open_ = self.verdict == "cannot tell"
        return f"The layout couldn't be checked. {self.reason}" if open_ else ""


WARNINGS: dict[str, tuple[str, str]] = {
    "repeats": (
        "slices of {length} repeats after one another",
        "Give frames_per_slice={length}, order='repeats' (--frames-per-slice {length}).",
    ),
    "slices": (
        "volumes of {length} slices after one another",
        "Give the number of volumes as frames_per_slice, and order='slices' (--order slices).",
    ),
    "up-and-down": (
        "an up-and-down scan of {length} slices",
        "This layout can't be given yet: save the volumes of one direction, and align these.",
    ),
    "two images in turn": (
        "two images in turn, such as two channels",
        "Save the even and the odd frames as channels of one stack, and align that.",
    ),
    "no slices": (
        "one plane, without slices",
        "If they are a recording, use the registration for recordings (keypoints).",
    ),
}
"""What each looks like, and what to do."""


def check_layout(stack: Stack, channel: int = 0) -> Job[LayoutReport]:
    """Check a stack's ``frames_per_slice`` and ``order`` against its frames.

    Reads up to 128 frames, half of these where they show the layout clearly. A recording (no
    ``frames_per_slice``) is checked for slices.

    Parameters
    ----------
    stack : Stack
        Frames in acquisition order.
    channel : int
        Channel to look at.

    Returns
    -------
    generator of Progress
        Returns a `LayoutReport`.

    Raises
    ------
    InputError
        If it is no Stack, or has no such channel.
    """
    check_is_stack(stack)
    stack.checked_channel(channel)
    return _checked(stack, channel)


def _checked(stack: Stack, channel: int) -> Job[LayoutReport]:
    return (yield from checked_frames(stack, channel))[0]


Frames: TypeAlias = npt.NDArray[np.intp]


def checked_frames(stack: Stack, channel: int) -> Job[tuple[LayoutReport, Frames]]:
    """Job behind `check_layout`; returns the frames that it read too, one of `layout_samples`."""
    sampled, layout = SampledFrames(stack, channel), layout_of(stack)
    for frames in layout_samples(stack):
        if frames.size < FEWEST_FRAMES:
            reason = f"There are only {counted(frames.size, 'frame')}."
            return LayoutReport("cannot tell", "", reason), frames
        pairs = yield from sampled.compare(frames)
        scores = yield from scored(pairs, _own_lengths(stack))
        report = judge(pairs, scores, layout)
        if report.verdict == "plausible" and _is_clear(scores, layout):
            break
    return report, frames


def layout_samples(stack: Stack) -> list[Frames]:
    """Frames to look at, (b, k) blocks of neighbours; more where the first leave a doubt."""
    frames = sample_frames(stack, BLOCK_FRAMES, N_BLOCKS)
    if stack.frames_per_slice is None or frames.size < 2 * BLOCK_FRAMES:
        return [frames]
    half = frames[::2] if len(frames) > 1 else frames[:, : frames.size // 2]
    return [half, frames]


def _is_clear(scores: Scores, layout: Arrangement | None) -> bool:
    """Whether a layout explains much, and no other one more: further frames change nothing."""
    if layout is None:
        return False
    own, other = scores.of.get(layout, 0.0), scores.best(without=layout)
    return own > LEAST_OTHER_SCORE and (other is None or own >= scores.of[other])


# -- scores ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scores:
    """How well arrangements explain a sample of frames.

    Attributes
    ----------
    explained : Explained
    of : dict of Arrangement to float
        Score of each, 0 to 1.
    """

    explained: Explained
    of: dict[Arrangement, float]

    def by_chance(self, arrangement: Arrangement) -> float:
        """Score that it would hardly reach if the frames followed one another at random."""
        scores = self.explained.shuffled(arrangement, SHUFFLES)
        return max(float(scores.mean() + CHANCE_SPREADS * scores.std()), LEAST_SCORE)

    def best(self, without: Arrangement | None = None) -> Arrangement | None:
        """Arrangement of the highest score; of equal ones the shortest."""
        others = {a: s for a, s in self.of.items() if a != without}
        return max(others, key=lambda a: (round(others[a], 6), -a.length), default=None)


def scored(pairs: FramePairs, lengths: Iterable[int]) -> Job[Scores]:
    """Score every arrangement of a sample."""
    explained = Explained(pairs)
    tried = arrangements(min(LONGEST, pairs.frames.size // 2), lengths)
    scores = {}
    for done, arrangement in enumerate(tried, start=1):
        scores[arrangement] = explained.score(arrangement)
        if done % 20 == 0:
            yield Progress("Comparing layouts", done, len(tried))
    return Scores(explained, scores)


def layout_of(stack: Stack) -> Arrangement | None:
    """Arrangement that a stack says of itself; None for a recording."""
    if stack.frames_per_slice is None:
        return None
    if stack.order == "slices":
        return Arrangement(Kind.SLICES, stack.n_slices)
    return Arrangement(Kind.REPEATS, stack.frames_per_slice)


def _own_lengths(stack: Stack) -> tuple[int, ...]:
    if stack.frames_per_slice is None:
        return ()
    return tuple(n for n in (stack.frames_per_slice, stack.n_slices) if n < stack.n_frames)


# -- the verdict -------------------------------------------------------------------------------


def judge(pairs: FramePairs, scores: Scores, layout: Arrangement | None) -> LayoutReport:
    """Compare a layout with every other arrangement."""
    if alternate := _alternating_brightness(pairs, layout):
        return LayoutReport("wrong", "two images in turn", alternate)
    other = scores.best(without=layout)
    own = 0.0 if layout is None else scores.of.get(layout, 0.0)
    theirs = 0.0 if other is None else scores.of[other]
    if (
        other is not None
        and _explains_more(theirs, own)
        and theirs > scores.by_chance(other)
        and _differ_enough(pairs, other)
        and (_is_volumes(other, layout) or _throughout(pairs, other, layout, theirs, own))
    ):
        looks, what = in_words(other)
        reason = f"{what} explain {_part(theirs)} of how alike the frames are, {_own(layout, own)}."
        return LayoutReport("wrong", looks, reason, other.length)
    if layout is None:
        return _of_recording(pairs, other, theirs)
    if own > scores.by_chance(layout):
        looks, what = in_words(layout)
        reason = f"{what} explain {_part(own)} of how alike the frames are"
        if other is not None and _explains_more(theirs, own):
            theirs_in_words = in_words(other)[1]
            reason += f"; {theirs_in_words[0].lower()}{theirs_in_words[1:]} {_part(theirs)}."
            return LayoutReport("cannot tell", "", reason)
        rest = "." if other is None else f", the best other layout {_part(theirs)}."
        return LayoutReport("plausible", looks, reason + rest, layout.length)
    clear = other is not None and theirs > max(scores.by_chance(other), LEAST_OTHER_SCORE)
    return _without_slices(pairs, layout, own, None if not clear else other)


def _is_volumes(other: Arrangement, layout: Arrangement | None) -> bool:
    """Whether whole volumes are told from repeats, one way or the other.

    Between numbers of repeats, a single border where the tissue ends can decide.
    """
    return other.kind is not Kind.REPEATS or (layout is not None and layout.kind is Kind.SLICES)


def _explains_more(theirs: float, own: float) -> bool:
    return theirs > LEAST_OTHER_SCORE and theirs**2 > TIMES_MORE * own**2


def _differ_enough(pairs: FramePairs, other: Arrangement) -> bool:
    """Whether planes differ by more than even and odd frames of one plane do.

    A detector's fixed pattern that alternates explains 30 % of the little by which the frames of
    a still recording differ.
    """
    plane = other.plane_of(pairs.frames.ravel())
    same = plane[:, np.newaxis] == plane
    level, rest = _inside(pairs, same), float(np.nanmean(pairs.alike[~same]))
    if level is None:
        return False
    rest -= float(np.nanmean(pairs.by_chance))
    return 1 - rest / level > (LEAST_DIFFERENCE_OF_TWO if other.length == 2 else LEAST_DIFFERENCE)


def _throughout(
    pairs: FramePairs, other: Arrangement, layout: Arrangement | None, theirs: float, own: float
) -> bool:
    """Whether borders of slices stand out all over the sample: where the tissue ends is one too."""
    if theirs**2 < TIMES_MORE**2 * own**2 or pairs.frames.size < MIN_SLICES * other.length:
        return False
    stands_out = 0
    for part in parts_of(pairs, N_PARTS):
        explained = Explained(part)
        own = 0.0 if layout is None else explained.score(layout)
        stands_out += _explains_more(explained.score(other), own)
    return stands_out >= N_PARTS - 1


def in_words(arrangement: Arrangement) -> tuple[Looks, str]:
    """What an arrangement looks like, and its description."""
    n = arrangement.length
    if arrangement.kind is Kind.REPEATS:
        return "repeats", f"{counted(n, 'repeat')} of each slice after one another"
    if arrangement.kind is Kind.SLICES:
        if n == 2:
            return "two images in turn", "Two images in turn"
        return "slices", f"Volumes of {n} slices after one another"
    return "up-and-down", f"Volumes of {n} slices scanned up and down in turn"


def _part(score: float) -> str:
    return f"{100 * score**2:.0f} %"


def _own(layout: Arrangement | None, own: float) -> str:
    if layout is None:
        return "one plane none of it"
    what = in_words(layout)[1]
    return f"the layout given ({what[0].lower()}{what[1:]}) {_part(own)}"


def _alternating_brightness(pairs: FramePairs, layout: Arrangement | None) -> str:
    """Sentence about two images of different brightness in turn; '' where there are none."""
    length = pairs.frames.shape[1] // 2
    planes_may_differ = layout is not None and layout.kind is Kind.SLICES and layout.length % 2 == 0
    one_a_slice = layout is not None and layout.length == 1
    if planes_may_differ or one_a_slice or length * len(pairs.frames) < FEWEST_FRAMES:
        return ""
    # Where a block begins on an odd frame, the images come the other way round.
    swapped = np.repeat(pairs.frames[:, 0] % 2 == 1, length)
    for what, values in (("mean", pairs.mean), ("spread", pairs.spread)):
        first, second = values.reshape(pairs.frames.shape)[:, : 2 * length].reshape(-1, 2).T
        even, odd = np.where(swapped, second, first), np.where(swapped, first, second)
        step = odd - even
        middle = float(np.median(step))
        least = BRIGHTNESS_PART * float(np.median(pairs.spread))
        if abs(middle) > max(least, BRIGHTNESS_SPREADS * spread_of(step)):
            levels = f"{np.median(even):.4g} and {np.median(odd):.4g}"
            return (
                f"The {what} brightness of even and odd frames alternates between {levels}: by two "
                f"channels, or by a light that flickers, where the layout may be right."
            )
    return ""


def _of_recording(pairs: FramePairs, other: Arrangement | None, theirs: float) -> LayoutReport:
    """Judge frames of which no slices are known and none are clear."""
    level = _inside(pairs, np.ones(pairs.alike.shape, bool))
    if level is None:
        return LayoutReport("cannot tell", "", "The frames resemble one another only by chance.")
    if other is not None and theirs > LEAST_OTHER_SCORE:
        what = in_words(other)[1]
        reason = f"{what} would explain {_part(theirs)} of how alike the frames are, too little."
        return LayoutReport("cannot tell", "", reason)
    reason = (
        f"All frames resemble one another (by {level:.2f} above chance), in no order of slices."
    )
    return LayoutReport("plausible", "no slices", reason)


def _without_slices(
    pairs: FramePairs, layout: Arrangement, own: float, other: Arrangement | None
) -> LayoutReport:
    """Judge a layout that explains nothing: one plane, slices too much alike, or no signal.

    ``other`` explains something, though not enough to be believed: then it isn't one plane.
    """
    plane = layout.plane_of(pairs.frames.ravel())
    apart = np.abs(plane[:, np.newaxis] - plane)
    if not np.isfinite(pairs.alike[apart == 0]).any():
        return _one_frame_a_slice(pairs, apart)
    near = _inside(pairs, apart == 0)
    far = _inside(pairs, apart >= max(apart.max() // 2, 2))
    if near is None or far is None:
        reason = "Frames of one slice, or of far slices, resemble one another only by chance."
        return LayoutReport("cannot tell", "", reason)
    part = 100 * far / near
    reason = f"Frames of far slices are {part:.0f} % as alike as those of one slice"
    if other is None and far > FLAT_PART * near and not _nearer_is_more_alike(pairs, apart):
        return LayoutReport("wrong", "no slices", f"{reason}: nothing tells the slices apart.")
    hint = " If this is a recording, use keypoints." if far > RECORDING_PART * near else ""
    return LayoutReport("cannot tell", "", f"{reason}; {_own(layout, own)}.{hint}")


def _nearer_is_more_alike(pairs: FramePairs, apart: npt.NDArray[np.intp]) -> bool:
    """Whether frames resemble those of their own slice more, beyond the scatter over frames."""
    alike = np.where(np.isfinite(pairs.alike), pairs.alike, np.nan)
    own, others = np.where(apart == 0, alike, np.nan), np.where(apart > 0, alike, np.nan)
    both = np.isfinite(own).any(axis=1) & np.isfinite(others).any(axis=1)
    gain = np.nanmean(own[both], axis=1) - np.nanmean(others[both], axis=1)
    if not len(gain):
        return False
    spread = float(gain.std()) / np.sqrt(len(gain))
    return float(gain.mean()) > APART_SPREADS * spread


def _one_frame_a_slice(pairs: FramePairs, apart: npt.NDArray[np.int_]) -> LayoutReport:
    """Judge a layout in which no two frames are of one slice: a plain volume, or a recording."""
    near = _inside(pairs, apart == 1)
    far = _inside(pairs, apart >= max(int(apart.max()) // 2, 2))
    if near is None:
        reason = (
            "There is one frame a slice, and neighbouring ones resemble one another only by "
            "chance: the slices are far apart, or show little."
        )
        return LayoutReport("cannot tell", "", reason)
    if far is None or far < VOLUME_PART * near:
        rest = "only by chance" if far is None else f"by {far:.2f}"
        reason = (
            f"It looks like a volume of one frame a slice: neighbours resemble one another by "
            f"{near:.2f} above chance, far ones {rest}."
        )
        return LayoutReport("plausible", "", reason, 1)
    reason = (
        f"There is one frame a slice, but far ones are still alike (by {far:.2f} above chance, "
        f"neighbours by {near:.2f}): a recording, perhaps, whose time was saved as slices."
    )
    return LayoutReport("cannot tell", "", reason)


def _inside(pairs: FramePairs, where: npt.NDArray[np.bool_]) -> float | None:
    """Mean similarity of some pairs above chance; None where it isn't clearly above."""
    values = pairs.alike[where & np.isfinite(pairs.alike)]
    chance = pairs.by_chance[np.isfinite(pairs.by_chance)]
    if not len(values) or len(chance) < 2:
        return None
    level = float(values.mean() - chance.mean())
    spread = float(chance.std()) / np.sqrt(min(len(values), len(chance)))
    return level if level > CLEAR_SPREADS * spread + LEAST_LEVEL else None
