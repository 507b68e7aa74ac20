"""Which repeats of a slice belong together, and what to do with those that don't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.quality import (
    Compared,
    Image,
    correlations,
    leave_one_out_correlations,
    noise_spread,
)
from napari_zstack_align.counting import decimal
from napari_zstack_align.flags import Fault, Flag
from napari_zstack_align.register.template import Coefficients
from napari_zstack_align.spread import SD_PER_MAD

FEWEST_FOR_OUTLIERS = 4
"""Fewer repeats give no spread to tell an outlier by."""
SPREAD_FLOOR = 0.006
"""Smallest median absolute deviation of the correlations that is believed."""
WORSE_BY = 0.05
"""A frame whose correlation falls by more than this was not aligned."""
SIGNAL_SPREADS = 4.0
"""Repeats resemble one another when their correlation exceeds this many spreads of pure noise."""
SURE_CORRELATION = 0.5
"""A correlation that always counts as resemblance, in the smallest images too."""
UNLIKE_ONE_ANOTHER = Fault(Flag.NO_SIGNAL, "no signal: the repeats don't resemble one another")


@dataclass(frozen=True)
class Registered:
    """A registered frame, as far as its slice has to know it.

    Attributes
    ----------
    coefficients : numpy.ndarray
        (2, gy, gx) float32.
    compared : Compared
        What the correlations are taken from.
    fault : Fault, optional
        Why the frame can't be used; None where it can.
    power : numpy.ndarray, optional
        (levels, by, bx) power of the residual; None where it wasn't registered.
    """

    coefficients: Coefficients
    compared: Compared
    fault: Fault | None
    power: Image | None


@dataclass(frozen=True)
class Repeats:
    """The verdict on the repeats of a slice.

    Attributes
    ----------
    coefficients : numpy.ndarray
        (n, 2, gy, gx) float32; those of frames that can't be used are bridged.
    before, after : numpy.ndarray
        (n,) float32 leave-one-out correlations.
    used : numpy.ndarray
        (n,) bool: which make up the mean of the slice.
    faults : tuple of Fault or None
        What is the matter with each; None: nothing.
    has_signal : bool
        Whether the mean of the slice can serve as a reference.
    moved : numpy.ndarray, optional
        (n, 2, gy, gx) how the repeats moved, where they are left in place all the same: too little
        to be undone, it still tells how the tissue moves.
    """

    coefficients: Coefficients
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]
    used: npt.NDArray[np.bool_]
    faults: tuple[Fault | None, ...]
    has_signal: bool
    moved: Coefficients | None = None

    @property
    def witness(self) -> Coefficients:
        """(n, 2, gy, gx) how the repeats moved, undone or not."""
        return self.coefficients if self.moved is None else self.moved

    def still(self) -> Repeats:
        """Leave the repeats where they are."""
        moved = self.centred().coefficients
        return replace(self, coefficients=np.zeros_like(self.coefficients), moved=moved)

    def centred(self) -> Repeats:
        """Fix the gauge: the mean displacement of the used repeats becomes zero."""
        mean = self.coefficients[self.used].mean(axis=0)
        return replace(self, coefficients=self.coefficients - mean)


def judge_repeats(
    frames: Sequence[Registered],
    start: Coefficients,
    reference: Image | None,
    mask: Image | None,
    outlier_mad: float,
    active: npt.NDArray[np.bool_] | None = None,
) -> Repeats:
    """Compare the repeats of a slice, leave out those that don't belong, and bridge them.

    Parameters
    ----------
    frames : sequence of Registered
        The repeats, at least one.
    start : numpy.ndarray
        (2, gy, gx) field of the slice before, which bridges a slice without any good repeat.
    reference : numpy.ndarray, optional
        What a single repeat is compared with, at the size of the compared images.
    mask : numpy.ndarray, optional
        Weights at the size of the compared images.
    outlier_mad : float
        As in ``AdaptiveParams``.
    active : numpy.ndarray, optional
        (n,) bool: repeats that are less like the others because cells light up in them.
    """
    faults = [frame.fault for frame in frames]
    before, after = compare_repeats(frames, _good(faults), reference, mask)
    worse = _not_improved(before, after)
    odd = _outliers(after, _good(faults), outlier_mad)
    doubtful = worse | (odd if active is None else odd & ~active)
    if doubtful.any():
        median = float(np.nanmedian(after))
        for i in np.flatnonzero(doubtful & _good(faults)):
            text = (
                f"left out: correlation {decimal(after[i])}, median of the slice {decimal(median)}"
            )
            if worse[i]:
                text = f"not improved: correlation {decimal(after[i])} after, "
                text += f"{decimal(before[i])} before"
            faults[i] = Fault(Flag.NOT_IMPROVED if worse[i] else Flag.LOW_CORRELATION, text)
        before, after = compare_repeats(frames, _good(faults), reference, mask)
    used = _good(faults)
    coefficients = np.stack([frame.coefficients for frame in frames])
    has_signal = bool(used.any()) and _resemble(after[used], frames[0].compared)
    if used.any() and not has_signal:
        # Registered noise is noise: the field before stays, and the mean is still worth showing.
        faults = [fault or UNLIKE_ONE_ANOTHER for fault in faults]
        coefficients[:] = start
    else:
        coefficients[~used] = coefficients[used].mean(axis=0) if used.any() else start
    return Repeats(coefficients, before, after, used, tuple(faults), has_signal)


def _good(faults: Sequence[Fault | None]) -> npt.NDArray[np.bool_]:
    return np.array([fault is None for fault in faults])


def compare_repeats(
    frames: Sequence[Registered],
    used: npt.NDArray[np.bool_],
    reference: Image | None,
    mask: Image | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Correlations before and after, (n,) each: with the others, or with the reference."""
    compared = [frame.compared for frame in frames]
    if used.sum() > 1 or reference is None:
        return leave_one_out_correlations(compared, used, mask)
    pairs = [correlations(frame, reference, frame.valid, mask) for frame in compared]
    before, after = np.array(pairs, np.float32).T
    return before, after


def _outliers(
    after: npt.NDArray[np.float32], good: npt.NDArray[np.bool_], outlier_mad: float
) -> npt.NDArray[np.bool_]:
    if outlier_mad == 0 or good.sum() < FEWEST_FOR_OUTLIERS:
        return np.zeros(len(after), bool)
    median = np.nanmedian(after[good])
    spread = max(SD_PER_MAD * float(np.nanmedian(np.abs(after[good] - median))), SPREAD_FLOOR)
    return good & (after < median - outlier_mad * spread)


def _not_improved(
    before: npt.NDArray[np.float32], after: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    return after < before - WORSE_BY


def _resemble(after: npt.NDArray[np.float32], compared: Compared) -> bool:
    """Whether repeats correlate more than noise would; a single repeat has to be believed."""
    known = after[np.isfinite(after)]
    if not len(known):
        return True
    by_chance = SIGNAL_SPREADS * noise_spread(int(compared.valid.sum()))
    return float(np.median(known)) > min(by_chance, SURE_CORRELATION)
