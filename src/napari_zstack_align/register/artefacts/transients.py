"""Pixels and rows of single frames that don't come from tissue.

A single pixel stands out from all its neighbours at once: the point spread of a microscope lets
nothing as small as that through. Light on some rows, or a photomultiplier that is off for them,
has edges from one row to the next, and changes the dim pixels of a row as much as the bright ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_closing, label, maximum_filter1d

from napari_zstack_align.alignment.artefact_rows import RowKind, RowKinds
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.scan_light import comes_with_the_scan
from napari_zstack_align.register.artefacts.usual_light import under_right_light, usual_light
from napari_zstack_align.register.brightness import MOST_ACTIVE, TINY

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]
Profile = npt.NDArray[np.float64]

SIGMAS = 8.0
"""Standard deviations of photon noise between a single pixel and the median of its neighbours."""
ALONE = 0.75
"""Of what it stands out from 5 x 5 pixels, so much is lacking in the median of 3 x 3."""
ROUGH_PERCENTILE, TIMES_ROUGH = 99.0, 4.0
"""... and so many times as far as the 99th percentile of all pixels: tissue may be coarse."""
ROUGH_FRAMES = 6
FEWEST, FEWEST_PART = 10, 1e-4
"""So many single pixels in the sampled frames make it worth looking for them in all."""
NEIGHBOURS = np.ones((3, 3), np.uint8)
FRAMES_PART = 0.25
"""... if so large a part of the frames has any."""
ABOVE_ALL = 1.5
"""A frame with a pixel so many times as far above dark as in the sampled ones is looked at."""
JUMP_TIMES = 2.0
"""Rows are looked at where a step between them is so many times the largest of most frames."""
JUMP_REACH = 7
"""Steps of tissue move by so many rows from frame to frame."""
JUMP_PART = 0.12
"""... and at least this part of the frame's mean above dark."""
EDGE_PART = 0.5
"""The edge of struck rows is half to twice of what they differ by."""
NEAR_ROWS = 10
NEAR_FRAMES = 5
"""The median of so many sampled frames is usual there; at an end, the darker one of two."""
DARK_STEP = 0.05
"""Steps of the dark level, as a part of the mean light of a frame."""
DIM_PERCENTILE, BRIGHT_PERCENTILE = 20, 90
DIM_PART = 0.4
"""Light lifts the dim pixels of a row by at least this part of what it lifts their mean by."""
OFF_PART = 0.4
"""Bright pixels of rows without light keep less than this part of what is above dark."""
MOST_LIT = 3.0
"""Rows that are so many times as bright as the brightest usual frames aren't taken for tissue."""

LEAST_LIGHT = 0.05
"""Slices dimmer than this part of the brightest show too little to compare the light of frames."""
FEW_REPEATS = 5
GROUPS_BESIDE = 2
"""So many sampled slices on either side tell what light is usual in one."""
SLOPE_ROWS = 3
"""Bright rows fewer than so many rows apart are judged together."""


@dataclass(frozen=True)
class Transients:
    """What is usual in a stack, against which its frames are judged.

    Attributes
    ----------
    noise : Noise
    brightest : float
        Mean above dark of usual frames, where they are brightest.
    dimmest : float
        Bright pixels above dark of usual frames, where they are dimmest.
    usual_jump : float
        Large steps of the mean from one row to the next.
    top : float
        Largest intensity of a pixel that isn't alone.
    sigmas : float
        How far a single pixel is from its neighbours, in standard deviations of photon noise.
    everywhere : bool
        Whether single pixels are looked for in every frame, not only in those brighter than
        ``top``.
    """

    noise: Noise
    brightest: float
    dimmest: float
    usual_jump: float
    top: float
    sigmas: float
    everywhere: bool

    @classmethod
    def of(
        cls, images: Image, groups: npt.NDArray[np.intp], noise: Noise, steps: Profile | float = 0.0
    ) -> Self:
        """Learn what is usual from sampled frames, free of what is fixed.

        Parameters
        ----------
        images : numpy.ndarray
            (n, Y, X) float32.
        groups : numpy.ndarray
            (n,) frames of a group show the same tissue.
        noise : Noise
        steps : numpy.ndarray, optional
            (n,) what was taken off each, as its dark level is higher.
        """
        rows = np.array([row_means(image) for image in images])
        usual = max((_largest_jump(rows[groups == g]) for g in np.unique(groups)), default=0.0)
        means = np.array([cv2.mean(image)[0] for image in images]) + steps - noise.dark
        right = under_usual_light(means, groups)
        of_groups = [means[right & (groups == g)] for g in np.unique(groups)]
        brightest = max(map(_brightest, of_groups), default=np.inf)
        typical = max(map(np.median, of_groups), default=0.0)
        bright = np.array([_bright(image[::3, ::3]) for image in images]) - noise.dark
        of_groups_bright = [bright[right & (groups == g)] for g in np.unique(groups)]
        dimmest = min(map(np.median, of_groups_bright), default=0.0)
        sigmas = _least_sigmas(images, noise)
        calm, counts = [], []
        for image in images:
            alone = single_pixels(image, noise, sigmas)
            calm.append(float(_without(image, alone).max()))
            counts.append(int(alone.sum()))
        top = float(np.median(calm)) if calm else np.inf
        with_some = sum(count > 0 for count in counts)
        many = sum(counts) >= max(FEWEST, FEWEST_PART * images.size)
        many &= with_some >= FRAMES_PART * len(counts)
        found = cls(noise, float(brightest), float(dimmest), usual, top, sigmas, many)
        return found._rounded(float(typical))

    def _rounded(self, light: float) -> Self:
        """Return the same in round numbers: one frame that changes shouldn't change them all.

        ``light`` is the mean above dark of most frames.
        """
        step = _round(DARK_STEP * light)
        dark = step * round(self.noise.dark / step) if step > 0 else self.noise.dark
        noise = Noise(dark, _round(self.noise.gain), _round(self.noise.floor))
        return replace(
            self,
            noise=noise,
            brightest=_round(self.brightest),
            dimmest=_round(self.dimmest),
            # Few frames of tissue have a step beyond twice the usual one.
            usual_jump=_round(self.usual_jump, up=True),
            top=_round(self.top),
            sigmas=_round(self.sigmas),
        )

    def flash(self, image: Image) -> Fault | None:
        """Say that a frame is many times as bright as any should be; None where it isn't."""
        mean = cv2.mean(image)[0]
        if not np.isfinite(mean):
            mean = float(image[np.isfinite(image)].mean(dtype=np.float64))
        times = (mean - self.noise.dark) / max(self.brightest, TINY)
        if times <= MOST_ACTIVE:
            return None
        above = f"its mean lies {times:.2g} times as far above the darkest places as usual"
        return Fault(Flag.UNUSUAL_BRIGHTNESS, f"unusual brightness: {above}")

    def find(self, image: Image) -> tuple[Pixels | None, RowKinds | None]:
        """Find the single pixels (Y, X) of a frame, and what its rows (Y,) are; None for none."""
        rows = self._rows(image)
        if not self.everywhere:
            _, high, _, _ = cv2.minMaxLoc(image)
            limit = self.noise.dark + ABOVE_ALL * (self.top - self.noise.dark)
            if high <= limit:
                return None, rows
        alone = single_pixels(image, self.noise, self.sigmas)
        if rows is not None:
            alone[rows != RowKind.TISSUE] = False
        return (alone if alone.any() else None), rows

    def _rows(self, image: Image) -> RowKinds | None:
        """Kinds of the rows (Y,) of a frame, those beside struck ones as these; None for tissue.

        Steps from row to row cut the frame into blocks. The longest that is neither lit nor dark
        for this stack is taken for tissue; from it outwards, each block is compared with the rows
        of tissue that are nearest.
        """
        profile = row_means(image)
        jumps = np.abs(np.diff(profile))
        if jumps.max(initial=0) <= JUMP_TIMES * self.usual_jump:
            return None
        mean = float(np.median(profile)) - self.noise.dark
        edges = np.flatnonzero(jumps > max(JUMP_TIMES * self.usual_jump, JUMP_PART * mean)) + 1
        if not len(edges):
            return None
        blocks = list(pairwise([0, *edges.tolist(), len(profile)]))
        first = self._first_tissue(image, blocks)
        kinds = np.full(len(profile), RowKind.TISSUE, np.uint8)
        tissue = np.zeros(len(profile), bool)
        tissue[slice(*blocks[first])] = True
        for side in (blocks[first + 1 :], reversed(blocks[:first])):
            begun = 0.0
            for block in side:
                inner = [b for b in block if 0 < b < len(profile)]
                # Strong light is noisy: steps within struck rows are smaller than where they begin.
                edge = max(begun, *(float(jumps[b - 1]) for b in inner))
                known = np.flatnonzero(tissue)
                near = known[np.argsort(np.abs(known - np.mean(block)))[: 2 * NEAR_ROWS]]
                kind = self._kind(image[slice(*block)], image[near], edge)
                if kind is RowKind.TISSUE:
                    tissue[slice(*block)], begun = True, 0.0
                else:
                    kinds[slice(*block)], begun = kind, edge
        self._spare_fibres(image, kinds)
        return _with_rows_beside(kinds) if kinds.any() else None

    def _spare_fibres(self, image: Image, kinds: RowKinds) -> None:
        """Make tissue, in place, of bright rows that are no light of the scan."""
        # A row or two between bright ones, on the slope of a fibre, may have passed for tissue.
        bright = binary_closing(np.pad(kinds == RowKind.BRIGHT, SLOPE_ROWS), np.ones(SLOPE_ROWS))
        runs, n = label(bright[SLOPE_ROWS:-SLOPE_ROWS])
        tissue = (kinds == RowKind.TISSUE) & (runs == 0)
        for number in range(1, n + 1):
            rows = np.flatnonzero(runs == number)
            run = int(rows[0]), int(rows[-1]) + 1
            if not comes_with_the_scan(image, run, tissue, self.usual_jump, self.noise.gain):
                kinds[slice(*run)] = RowKind.TISSUE

    def _first_tissue(self, image: Image, blocks: list[tuple[int, int]]) -> int:
        """Number of the longest block of usual light; of the longest where all are unusual."""
        by_length = np.argsort([start - stop for start, stop in blocks], kind="stable")
        for number in map(int, by_length):
            rows = image[slice(*blocks[number])]
            is_off = _bright(rows) - self.noise.dark < OFF_PART * self.dimmest
            if not is_off and float(rows.mean()) - self.noise.dark <= MOST_LIT * self.brightest:
                return number
        return int(by_length[0])

    def _kind(self, rows: Image, others: Image, edge: float) -> RowKind:
        """Whether rows were lit, or their photomultiplier was off, against rows of tissue."""
        change = float(rows.mean() - others.mean())
        if not EDGE_PART * abs(change) <= edge <= abs(change) / EDGE_PART:
            return RowKind.TISSUE
        if change > 0:
            dim = np.percentile(rows, DIM_PERCENTILE) - np.percentile(others, DIM_PERCENTILE)
            return RowKind.BRIGHT if dim > DIM_PART * change else RowKind.TISSUE
        bright, usual = _bright(rows) - self.noise.dark, _bright(others) - self.noise.dark
        # Beside rows of active cells, those of calm ones are dim; but no dimmer than in any frame.
        return RowKind.DARK if bright < OFF_PART * min(usual, self.dimmest) else RowKind.TISSUE


def _with_rows_beside(kinds: RowKinds) -> RowKinds:
    """Kinds of rows (Y,), the row on either side of an unusual one as that one."""
    wider = kinds.copy()
    for rows, beside in ((wider[:-1], kinds[1:]), (wider[1:], kinds[:-1])):
        rows[rows == RowKind.TISSUE] = beside[rows == RowKind.TISSUE]
    return wider


def _round(value: float, up: bool = False) -> float:
    """Return the nearest power of the square root of two, or the next; 0 and less stay."""
    if not 0 < value < np.inf:
        return value
    halves = 2 * np.log2(value)
    return float(2 ** ((np.ceil(halves) if up else round(halves)) / 2))


def under_usual_light(means: Profile, groups: npt.NDArray[np.intp]) -> Pixels:
    """(n,) bool: frames that count for what light is usual in their group, from their means (n,).

    The groups beside tell which frames of a group count, where these fall apart.
    """
    right = np.ones(len(means), bool)
    names = np.unique(groups)
    if len(names) < 2:  # the light of a recording may change
        return right
    usual = np.array([usual_light(np.maximum(means[groups == g], TINY)) for g in names])
    least = max(LEAST_LIGHT * usual.max(), TINY)
    lights, usual = np.maximum(means, least), np.maximum(usual, least)
    for i, g in enumerate(names):
        first = max(i - GROUPS_BESIDE, 0)
        beside = np.delete(usual[first : i + GROUPS_BESIDE + 1], i - first)
        found = under_right_light(lights[groups == g], float(np.median(beside)))
        if found is not None:
            right[groups == g] = found
    return right


def _brightest(means: Profile) -> float:
    """Brightness of usual frames where they are brightest, from the means (n,) of some in order.

    A long recording may be many times as bright before it bleaches.
    """
    if len(means) <= NEAR_FRAMES:
        return float(np.median(means))
    around = np.median(np.lib.stride_tricks.sliding_window_view(means, NEAR_FRAMES), axis=1)
    return float(max(around.max(), means[:2].min(), means[-2:].min()))


def _largest_jump(profiles: Profile) -> float:
    """Largest step from row to row that most frames of the same tissue have: (n, Y) means."""
    jumps = maximum_filter1d(np.abs(np.diff(profiles, axis=1)), JUMP_REACH, axis=1)
    # Rows of three of four repeats may have been struck, hardly of most frames of a recording.
    least = (len(jumps) - 1) // (4 if len(jumps) <= FEW_REPEATS else 2)
    return float(np.sort(jumps, axis=0)[least].max(initial=0.0))


def _least_sigmas(images: Image, noise: Noise) -> float:
    """How far a pixel has to stand out, from how rough frames (n, Y, X) are."""
    rough = []
    for image in images[:: max(len(images) // ROUGH_FRAMES, 1)]:
        stable = noise.stabilised(image)
        away = cv2.absdiff(stable, cv2.medianBlur(stable, 3))
        rough.append(np.percentile(away[::2, ::2], ROUGH_PERCENTILE))
    return max(SIGMAS, TIMES_ROUGH * float(np.median(rough))) if rough else SIGMAS


def _bright(image: Image) -> float:
    """Intensity of the bright pixels of an image."""
    return float(np.percentile(image, BRIGHT_PERCENTILE))


def row_means(image: Image) -> Profile:
    """(Y,) mean of each row."""
    means = cv2.reduce(image, 1, cv2.REDUCE_AVG)
    return np.asarray(means[:, 0], np.float64)


def single_pixels(image: Image, noise: Noise, sigmas: float) -> Pixels:
    """(Y, X) bool: pixels that stand out from all their neighbours by more than noise.

    The median of 3 x 3 pixels is half as high as a point in sharp focus, and higher in tissue.
    """
    near = cv2.medianBlur(image, 3)
    candidates = np.flatnonzero(cv2.absdiff(image, near) > sigmas * np.sqrt(noise.floor))
    result = np.zeros(image.shape, bool)
    if len(candidates):
        values, around = image.ravel()[candidates], near.ravel()[candidates]
        spread = np.abs(noise.stabilised(values) - noise.stabilised(around)).ravel()
        candidates = candidates[spread > sigmas]
    if not len(candidates):
        return result
    values, around = image.ravel()[candidates], near.ravel()[candidates]
    excess, beyond = values - around, values - cv2.medianBlur(image, 5).ravel()[candidates]
    alone = (np.abs(excess) > ALONE * np.abs(beyond)) & (excess * beyond > 0)
    # Beside a sharp peak, pixels are above the median, too; but they are no peaks.
    top, bottom = (step(image, NEIGHBOURS).ravel()[candidates] for step in (cv2.dilate, cv2.erode))
    alone &= values == np.where(excess > 0, top, bottom)
    result.ravel()[candidates[alone]] = True
    return result


def _without(image: Image, pixels: Pixels) -> Image:
    return image[~pixels] if pixels.any() else image
