"""Whether the planes of an arrangement show two images only: then they are no planes.

Where light strikes every third frame of a recording, volumes that are scanned up and down fit: the
struck frames stand for some of their planes, the others for the rest. But these planes are of two
kinds, within which they are as alike as the frames of one plane. Planes of tissue are each
unlike every other one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from napari_zstack_align.read.layout.arrangements import Arrangement
from napari_zstack_align.read.layout.pairs import FramePairs

Likeness = npt.NDArray[np.float64]
Chosen = npt.NDArray[np.bool_]

SAME = 0.985
"""Planes that are as alike as the frames of each by this part show the same image."""
EXPLAINED = 0.92
"""Two kinds account for this part of how alike planes are; of planes of tissue, for up to 0.84."""
LEAST_OWN = 0.05
"""Frames of a plane that are less alike than this part of the most alike ones show nothing."""


def likeness_of_planes(pairs: FramePairs, arrangement: Arrangement) -> Likeness:
    """(p, p) how alike frames of two planes are on average, above chance; NaN without a pair."""
    plane = np.unique(arrangement.plane_of(pairs.frames.ravel()), return_inverse=True)[1]
    of_plane = (plane == np.arange(plane.max() + 1)[:, np.newaxis]).astype(np.float64)
    known = np.isfinite(pairs.alike)
    counts = of_plane @ known @ of_plane.T
    above = np.where(known, pairs.alike - np.nanmean(pairs.by_chance), 0)
    alike = of_plane @ above @ of_plane.T / np.maximum(counts, 1)
    return np.where(counts > 0, alike, np.nan)


def are_of_two_kinds(pairs: FramePairs, arrangement: Arrangement) -> bool:
    """Whether all planes of an arrangement, three at least, show one of two images."""
    alike = likeness_of_planes(pairs, arrangement)
    if len(alike) < 3 or not np.isfinite(alike).all():
        return False
    rest, first = min(
        ((_unexplained(alike, kind), kind) for kind in _divisions(alike)), key=lambda each: each[0]
    )
    kinds = [kind for kind in (first, ~first) if _own(alike, kind) > LEAST_OWN * alike.max()]
    if len(kinds) == 2 and rest < (1 - EXPLAINED) * float(np.var(alike)):
        return True
    several = [kind for kind in kinds if kind.sum() > 1]
    return bool(several) and all(_others(alike, k) >= SAME * _own(alike, k) for k in several)


def _divisions(alike: Likeness) -> Iterator[Chosen]:
    """Ways to divide planes in two: by what they are like, and by how alike they are at all."""
    centred = alike - alike.mean(axis=0) - alike.mean(axis=1, keepdims=True) + alike.mean()
    values, vectors = np.linalg.eigh(centred)
    for order in (vectors[:, np.argmax(np.abs(values))], alike.mean(axis=0)):
        for border in np.unique(order)[:-1]:
            yield order > border


def _unexplained(alike: Likeness, kind: Chosen) -> float:
    """Mean square of what the likeness within and between two kinds leaves."""
    rest = alike.copy()
    for first in (kind, ~kind):
        for second in (kind, ~kind):
            part = np.ix_(first, second)
            rest[part] -= rest[part].mean()
    return float(np.mean(rest**2))


def _own(alike: Likeness, kind: Chosen) -> float:
    """How alike frames of one plane are."""
    return float(alike.diagonal()[kind].mean())


def _others(alike: Likeness, kind: Chosen) -> float:
    """How alike frames of two planes of a kind are."""
    part, n = alike[np.ix_(kind, kind)], int(kind.sum())
    return float(part.sum() - part.trace()) / (n * (n - 1))
