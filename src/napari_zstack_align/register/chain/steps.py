"""The steps from slice to slice, as far as the repeats make them likely.

Everything that isn't known is averaged out by its probability: how the tissue moves in time, how
strong noise, slant and jumps are. The bends share one strength of the noise and of the jumps, in
units of their own; coarse and fine bends and the translation may each move in their own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from napari_zstack_align.register.chain.anatomy import JUMPS, NOISE, Explanation, log_sum
from napari_zstack_align.register.chain.drift import Drift, steady_drift
from napari_zstack_align.register.chain.modes import SHIFT, Bins, Matrix
from napari_zstack_align.register.chain.motion import (
    Prediction,
    Schedule,
    grouped,
    predictions,
)

BENDS = ((3, 4, 5), (1, 2))
"""Bins of the bends that move in one way: the fine ones are mostly noise and must not speak for the
coarse ones."""
PARAMETER = 2.5
"""What a parameter of the motion costs, in log likelihood."""
UNLIKELY = 20.0
"""Ways to move that the repeats make less likely by so much (log likelihood) are left out."""
USUAL_NOISE, NOISE_SPREAD = 1.5, 0.9
"""Noise over that of which the halves tell: median, and spread of its logarithm."""
SHARED_SPREAD = 0.7
"""By how much the noise of the translation differs from that of the bends (logarithm)."""
JUMP_PRIOR = 10.0
"""Log odds against jumps: they are believed on clear evidence alone. Where slices bent in jumps,
they are as likely as not to have shifted so, too."""
BEND_SLANT = np.array([0, 0, 0.5, 1.5, 3.0, 4.0, 5.0])
SHIFT_SLANT = np.array([0, 0, 0, 0.5, 1.5, 4.0, 7.0])
"""Log odds against each strength of the slant."""
USUAL_LEAN_PX = 0.05
"""Slant of the translation, px a slice; it is unlikely to be many times longer. The error of a
translation is so small that in units of it a slant could be as long as any motion: it then took the
mean of large steps that jump."""
MOST_FRAMES = 256
"""Longer stacks are taken in parts."""
FEWEST_SLICES = 2

Spread: TypeAlias = tuple[float, float]


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
    """

    schedule: Schedule
    repeats: tuple[Matrix, ...]
    steps: Matrix
    halves: Matrix
    bins: Bins

    def part(self, first: int, last: int) -> Evidence:
        """Of the slices from the first to the last one."""
        return Evidence(
            self.schedule.part(first, last),
            self.repeats[first : last + 1],
            self.steps[first:last],
            self.halves[:, first:last],
            self.bins,
        )

    def of_few_repeats(self) -> Evidence:
        """Average repeats in groups, where there are many."""
        pairs = [grouped(t, v) for t, v in zip(self.schedule.times, self.repeats, strict=True)]
        times, values = zip(*pairs, strict=True)
        return Evidence(Schedule(times), values, self.steps, self.halves, self.bins)


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
    n_parts = int(np.ceil(n_frames / MOST_FRAMES))
    ends = np.linspace(0, n_slices - 1, n_parts + 1).round().astype(int)
    parts = [_of_part(whole.part(a, b)) for a, b in pairwise(ends.tolist()) if b > a]
    return LikelySteps(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("motion", "jump", "slant"))
    )


def _of_part(evidence: Evidence) -> LikelySteps:
    if all(len(times) < 2 for times in evidence.schedule.times):
        return _shifts(evidence)
    drift = steady_drift(evidence.schedule.times, evidence.repeats, evidence.bins)
    ways = predictions(evidence.schedule)
    noise, against_jumps = (float(np.log(USUAL_NOISE)), NOISE_SPREAD), JUMP_PRIOR
    found = LikelySteps(*(np.zeros_like(evidence.steps) for _ in range(3)))
    for groups, slant in ((BENDS, BEND_SLANT), (((SHIFT,),), SHIFT_SLANT)):
        moved = [_ways_to_move(evidence, drift, ways, bins, slant) for bins in groups]
        prior = _prior(noise, against_jumps)
        shared = prior + sum(log_sum(np.stack([w.evidence for w in each]), 0) for each in moved)
        weights = np.exp(shared - log_sum(shared, (0, 1)))
        noise = _spread_of_noise(weights)
        against_jumps = JUMP_PRIOR * float(weights[:, JUMPS == 0].sum())
        for each in moved:
            _add_parts(found, each, weights)
    return found


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
    bins : dict
        From the modes (K,) of each bin to their explanation.
    """

    evidence: Matrix
    bins: tuple[tuple[Bins, Explanation], ...]


def _ways_to_move(
    evidence: Evidence,
    drift: Drift,
    ways: list[Prediction],
    bins: tuple[int, ...],
    slant: Matrix,
) -> list[WayToMove]:
    """Explain the modes of some bins in every way that the repeats don't make unlikely."""
    times = np.concatenate(evidence.schedule.times)
    still = np.concatenate(evidence.repeats) - np.outer(times, drift.velocity)
    contrasts = evidence.schedule.contrasts() @ still
    modes = [np.flatnonzero(evidence.bins == each) for each in bins]
    told = []
    for way in ways:
        white = way.whitened(contrasts)
        variances = [max(float((white[:, each] ** 2).mean()), 1e-12) for each in modes]
        log = -way.family.n_parameters * PARAMETER - 0.5 * sum(
            len(each) * (way.log_determinant + len(white) * np.log(variance))
            for each, variance in zip(modes, variances, strict=True)
        )
        told.append((log, way, white, variances))
    most = max(log for log, *_ in told)
    prior = -slant - log_sum(-slant, 0)
    found = []
    for log, way, white, variances in told:
        if log < most - UNLIKELY:
            continue
        predicted = way.gain.T @ white
        explained = tuple(
            (each, _explanation(evidence, drift, each, predicted, variance * way.open, prior))
            for each, variance in zip(modes, variances, strict=True)
        )
        found.append(WayToMove(log - most + sum(one.evidence for _, one in explained), explained))
    return found


def _explanation(
    evidence: Evidence, drift: Drift, modes: Bins, predicted: Matrix, left: Matrix, prior: Matrix
) -> Explanation:
    passed = np.diff(evidence.schedule.middles)
    steady = np.outer(passed, drift.velocity[modes])
    unsure = drift.variance[modes].mean() * np.outer(passed, passed)
    apart = evidence.halves[0][:, modes] - evidence.halves[1][:, modes]
    known = np.isfinite(apart).all(axis=1)  # a half with hardly anything in it can diverge
    noise = float((apart[known] ** 2).mean()) / 4 if known.any() else np.inf
    usual = USUAL_LEAN_PX if evidence.bins[modes[0]] == SHIFT else np.inf
    return Explanation.of(
        evidence.steps[:, modes], predicted[:, modes] + steady, left + unsure, noise, prior, usual
    )


def _prior(noise: Spread, against_jumps: float) -> Matrix:
    """(noise, jumps) log probability beforehand."""
    strength = -0.5 * ((np.log(NOISE) - noise[0]) / noise[1]) ** 2
    jumps = np.where(JUMPS > 0, -against_jumps - np.log(len(JUMPS) - 1), 0.0)
    return np.asarray((strength - log_sum(strength, 0))[:, np.newaxis] + jumps)


def _spread_of_noise(weights: Matrix) -> Spread:
    """Mean and spread of the noise's logarithm, as the translation has it."""
    of_noise, logs = weights.sum(axis=1), np.log(NOISE)
    mean = float(of_noise @ logs)
    return mean, float(np.sqrt(max(of_noise @ logs**2 - mean**2, 0) + SHARED_SPREAD**2))


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
