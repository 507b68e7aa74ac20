"""The steps from slice to slice, as far as the repeats make them likely.

Everything that isn't known is averaged out by its probability: how the tissue moves in time, how
strong noise, slant and jumps are. The bends share one strength of the noise and of the jumps, in
units of their own; coarse and fine bends and the translation may each move in their own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from napari_zstack_align.register.chain.anatomy import (
    JUMPS,
    NOISE,
    Explanation,
    Prior,
    Weights,
    log_sum,
)
from napari_zstack_align.register.chain.drift import Drift, steady_drift
from napari_zstack_align.register.chain.modes import SHIFT, Bins, Matrix
from napari_zstack_align.register.chain.motion import (
    Prediction,
    Schedule,
    grouped,
    predictions,
)

PARAMETER = 2.5
"""What a parameter of the motion costs, in log likelihood."""
UNLIKELY = 8.0
"""Ways to move that the repeats make less likely by so much (log likelihood) are left out."""
USUAL_NOISE, NOISE_SPREAD = 1.5, 0.9
"""Noise over that of which the halves tell: median, and spread of its logarithm."""
BOTH_JUMP = 3.0
"""Log odds that bends and translation jump together."""
FINE_ALONE = 3.0
"""Log odds against fine bends that jump where the coarse ones don't, or the other way."""
USUAL_LEAN_PX = 0.05
"""Slant of the translation, px a slice; it is unlikely to be many times longer. The error of a
translation is so small that in units of it a slant could be as long as any motion: it then took the
mean of large steps that jump."""
MOST_FRAMES, MOST_STEPS = 256, 36
"""Longer stacks are taken in parts."""


@dataclass(frozen=True)
class Group:
    """Modes that move in one way.

    Attributes
    ----------
    bins : tuple of int
        That they are of.
    against_slant : tuple of float
        Log odds against each strength of the slant.
    noise_spread : float
        By how much the noise of one of these bins differs from that of all (logarithm).
    tells_jumps : float
        Weight of the odds against jumps in these bins; 0 where they follow others.
    """

    bins: tuple[int, ...]
    against_slant: tuple[float, ...]
    noise_spread: float
    tells_jumps: float

    @property
    def slant_prior(self) -> Matrix:
        """(slant,) log probability beforehand."""
        logs = -np.array(self.against_slant)
        return logs - log_sum(logs, 0)


COARSE = Group((1, 2), (0, 0, 0.5, 1.5, 3.0, 4.0, 5.0), 0.35, 1.0)
TRANSLATION = Group((SHIFT,), (0, 0, 0, 0.5, 1.5, 4.0, 7.0), 0.7, 1.0)
FINE = Group((3, 4, 5), (0, 0, 0.5, 1.5, 3.0, 4.0, 5.0), 1.0, 0.0)
GROUPS = (COARSE, TRANSLATION, FINE)
"""Of fine bends a registration of smooth fields finds only a part: what it misses looks like noise,
and must not speak for the coarse ones."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the slices of a stack, in the values of the modes.

    Attributes
    ----------
    schedule : Schedule
        When the used repeats of each slice were taken.
    repeats : tuple of numpy.ndarray
        (n, K) displacement of each of them, up to the mean of the slice.
    steps : numpy.ndarray
        (Z - 1, K) what the images ask for, from each slice to the next.
    halves : numpy.ndarray
        (2, Z - 1, K) what two halves of the images ask for.
    bins : numpy.ndarray
        (K,) bin of each value.
    noise : numpy.ndarray
        (K,) variance of the error of a repeat's value.
    """

    schedule: Schedule
    repeats: tuple[Matrix, ...]
    steps: Matrix
    halves: Matrix
    bins: Bins
    noise: Matrix

    def part(self, first: int, last: int) -> Evidence:
        """Of the slices from the first to the last one."""
        return Evidence(
            self.schedule.part(first, last),
            self.repeats[first : last + 1],
            self.steps[first:last],
            self.halves[:, first:last],
            self.bins,
            self.noise,
        )

    def of_few_repeats(self) -> Evidence:
        """Average repeats in groups, where there are many."""
        pairs = [grouped(t, v) for t, v in zip(self.schedule.times, self.repeats, strict=True)]
        times, values = zip(*pairs, strict=True)
        in_a_group = sum(map(len, self.schedule.times)) / sum(map(len, times))
        noise = self.noise / in_a_group
        return Evidence(Schedule(times), values, self.steps, self.halves, self.bins, noise)


@dataclass(frozen=True)
class LikelySteps:
    """Steps and what they are made of, (Z - 1, K) each.

    Attributes
    ----------
    motion : numpy.ndarray
        What the repeats explain.
    jump : numpy.ndarray
        Jumps between slices, which they can't show.
    slant : numpy.ndarray
        Persistent slant of the anatomy, left out.
    """

    motion: Matrix
    jump: Matrix
    slant: Matrix

    @property
    def taken(self) -> Matrix:
        """What the slices are moved by."""
        return self.motion + self.jump


def likely_steps(evidence: Evidence) -> LikelySteps:
    """Estimate the steps between neighbouring slices."""
    whole = evidence.of_few_repeats()
    n_slices = len(whole.repeats)
    n_frames = sum(len(times) for times in whole.schedule.times)
    n_parts = int(np.ceil(max(n_frames / MOST_FRAMES, (n_slices - 1) / MOST_STEPS, 1)))
    ends = np.linspace(0, n_slices - 1, n_parts + 1).round().astype(int)
    parts = [_of_part(whole.part(a, b)) for a, b in pairwise(ends.tolist()) if b > a]
    return LikelySteps(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("motion", "jump", "slant"))
    )


def _of_part(evidence: Evidence) -> LikelySteps:
    if all(len(times) < 2 for times in evidence.schedule.times):
        return _shifts(evidence)
    drift = steady_drift(evidence.schedule.times, evidence.repeats, evidence.bins, evidence.noise)
    ways = predictions(evidence.schedule)
    groups = [_ways_to_move(evidence, drift, ways, group) for group in GROUPS]
    joint = _probability(*(log_sum(np.stack([w.evidence for w in each]), 0) for each in groups))
    found = LikelySteps(*(np.zeros_like(evidence.steps) for _ in range(3)))
    for i, each in enumerate(groups):
        others = tuple(1 + k for k in range(len(groups)) if k != i)
        _add_parts(found, each, joint.sum(axis=others))
    return found


def _probability(coarse: Matrix, translation: Matrix, fine: Matrix) -> Weights:
    """Probability of each noise, which all share, and of the jumps of each group.

    Parameters
    ----------
    coarse, translation, fine : numpy.ndarray
        (noise, jumps) evidence of the groups.

    Returns
    -------
    numpy.ndarray
        (noise, jumps, jumps, jumps), which adds up to 1.
    """
    strength = -0.5 * ((np.log(NOISE) - np.log(USUAL_NOISE)) / NOISE_SPREAD) ** 2
    bent, shifted, bent_finely = np.ix_(*[(JUMPS > 0).astype(float)] * 3)
    jumps = BOTH_JUMP * bent * shifted - FINE_ALONE * np.abs(bent_finely - bent)
    jumps = jumps - np.log(len(JUMPS) - 1) * (bent + shifted + bent_finely)
    none = np.newaxis
    of_groups = coarse[:, :, none, none] + translation[:, none, :, none] + fine[:, none, none]
    logs = strength[:, none, none, none] + jumps + of_groups
    weights = np.exp(logs - logs.max())
    return np.asarray(weights / weights.sum())


def _shifts(evidence: Evidence) -> LikelySteps:
    """Follow the translation alone: no repeats show how the tissue moves."""
    nothing = np.zeros_like(evidence.steps)
    return LikelySteps(np.where(evidence.bins == SHIFT, evidence.steps, 0.0), nothing, nothing)


@dataclass(frozen=True)
class WayToMove:
    """One way to move for the modes of some bins.

    Attributes
    ----------
    evidence : numpy.ndarray
        (noise, jumps) log likelihood of repeats and steps.
    bins : tuple of (numpy.ndarray, Explanation)
        The modes of each bin and their explanation.
    """

    evidence: Matrix
    bins: tuple[tuple[Bins, Explanation], ...]


def _ways_to_move(
    evidence: Evidence, drift: Drift, ways: list[Prediction], group: Group
) -> list[WayToMove]:
    """Explain the modes of a group in every way that the repeats don't make unlikely."""
    times = np.concatenate(evidence.schedule.times)
    still = np.concatenate(evidence.repeats) - np.outer(times, drift.velocity)
    contrasts = evidence.schedule.contrasts() @ still
    modes = [np.flatnonzero(evidence.bins == each) for each in group.bins]
    errors = [float(evidence.noise[each].mean()) for each in modes]
    likely = []
    for way in ways:
        along = way.along(contrasts)
        best = [way.likeliest(along[:, each], e) for each, e in zip(modes, errors, strict=True)]
        log = sum(one for _, one in best) - way.family.n_parameters * PARAMETER
        likely.append((log, way, along, [variance for variance, _ in best]))
    most = max(log for log, *_ in likely)
    found = []
    for log, way, along, variances in likely:
        if log < most - UNLIKELY:
            continue
        explained = tuple(
            (each, _explanation(evidence, drift, each, group, *way.given(along[:, each], v, e)))
            for each, v, e in zip(modes, variances, errors, strict=True)
        )
        steps = np.sum([explanation.evidence for _, explanation in explained], axis=0)
        found.append(WayToMove(log - most + steps, explained))
    return found


def _explanation(
    evidence: Evidence, drift: Drift, modes: Bins, group: Group, predicted: Matrix, left: Matrix
) -> Explanation:
    passed = np.diff(evidence.schedule.middles)
    steady = np.outer(passed, drift.velocity[modes])
    unsure = drift.variance[modes].mean() * np.outer(passed, passed)
    apart = evidence.halves[0][:, modes] - evidence.halves[1][:, modes]
    known = np.isfinite(apart).all(axis=1)  # a half with hardly anything in it can diverge
    steps = evidence.steps[:, modes]
    prior = Prior(
        noise=float((apart[known] ** 2).mean()) / 4 if known.any() else float((steps**2).mean()),
        noise_spread=group.noise_spread,
        slant=group.slant_prior,
        slant_px=USUAL_LEAN_PX if group is TRANSLATION else np.inf,
        against_jumps=group.tells_jumps / len(group.bins),
    )
    return Explanation.of(steps, predicted + steady, left + unsure, prior)


def _add_parts(found: LikelySteps, ways: list[WayToMove], weights: Matrix) -> None:
    """Average the ways to move by their probability at each strength of noise and jumps."""
    logs = np.stack([way.evidence for way in ways])
    each = weights * np.exp(logs - log_sum(logs, 0))
    for way, joint in zip(ways, each, strict=True):
        if (share := float(joint.sum())) < 1e-3:
            continue
        for modes, explanation in way.bins:
            parts = explanation.parts(joint / share)
            for whole, part in zip((found.motion, found.jump, found.slant), parts, strict=True):
                whole[:, modes] += share * part
