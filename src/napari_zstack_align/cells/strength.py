"""Strengths of blob candidates: a histogram, and a threshold read off it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

FEWEST = 8
"""Among fewer candidates there is no elbow to be seen."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many candidates have which strength; bins are even in the logarithm.

    Attributes
    ----------
    edges : numpy.ndarray
        (n + 1,) float64 strengths, rising.
    counts : numpy.ndarray
        (n,) int64.
    """

    edges: Values
    counts: npt.NDArray[np.int64]


def histogram(strengths: npt.ArrayLike, n_bins: int = 60) -> Histogram:
    """Count candidates by strength.

    Parameters
    ----------
    strengths : array-like
        (M,) above 0, as in ``BlobResult.candidate_strengths``; others are left out.
    n_bins : int
        Number of bins, between a thousandth of the largest strength and the largest one; the first
        one holds what is weaker, too.
    """
    known = _positive(strengths)
    top = float(known.max()) if known.size else 1.0
    edges = np.geomspace(top / 1000, top, n_bins + 1)
    edges[-1] = np.nextafter(top, np.inf)
    counts, _ = np.histogram(np.maximum(known, edges[0]), edges)
    return Histogram(edges, counts.astype(np.int64))


def elbow(strengths: npt.ArrayLike) -> float | None:
    """Propose a threshold: where the falling curve of the strengths bends most.

    Few strong blobs stand before many weak maxima of noise. In the curve of strength against rank,
    both scaled to [0, 1], the elbow is the point farthest from the straight line between the ends:
    the triangle method of Zack, Rogers & Latt (1977, J. Histochem. Cytochem. 25, 741-753) on the
    ranked strengths. It is a place to begin from, not a truth.

    Parameters
    ----------
    strengths : array-like
        (M,) above 0, as in ``BlobResult.candidate_strengths``; others are left out.

    Returns
    -------
    float or None
        The strength at the elbow; None where there are too few candidates to tell.
    """
    falling = np.sort(_positive(strengths))[::-1]
    if len(falling) < FEWEST or falling[0] == falling[-1]:
        return None
    x = np.linspace(0, 1, len(falling))
    y = (falling - falling[-1]) / (falling[0] - falling[-1])
    # Distance below the line from (0, 1) to (1, 0), but for a constant factor.
    return float(falling[np.argmax(1 - x - y)])


def _positive(strengths: npt.ArrayLike) -> Values:
    values = np.asarray(strengths, np.float64).ravel()
    return values[np.isfinite(values) & (values > 0)]
