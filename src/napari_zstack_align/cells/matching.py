"""Which of two sets of circles are the same cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Rows = npt.NDArray[np.intp]


def match(
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    within: npt.ArrayLike,
) -> tuple[Rows, Rows]:
    """Pair positions one to one, the nearest pair first.

    Parameters
    ----------
    first, second : numpy.ndarray
        (N, 2) and (M, 2) positions y, x in px.
    within : float or array-like
        Largest distance of a pair, in px; (N,): of each position of ``first``.

    Returns
    -------
    tuple of numpy.ndarray
        (K,) rows of ``first`` and of ``second``, pair by pair.
    """
    limits = np.broadcast_to(np.asarray(within, np.float64), len(first))
    if not len(first) or not len(second):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    near = cKDTree(first).sparse_distance_matrix(
        cKDTree(second), float(limits.max()), output_type="ndarray"
    )
    near = near[near["v"] <= limits[near["i"]]]
    free_first, free_second = np.ones(len(first), bool), np.ones(len(second), bool)
    pairs = []
    for i, j in near[["i", "j"]][np.lexsort((near["j"], near["i"], near["v"]))].tolist():
        if free_first[i] and free_second[j]:
            free_first[i] = free_second[j] = False
            pairs.append((i, j))
    rows = np.array(pairs, np.intp).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]


def scores(
    found: npt.NDArray[np.float64], truth: npt.NDArray[np.float64], within: npt.ArrayLike
) -> tuple[float, float, float]:
    """Precision, recall and F1 of positions (N, 2) against true ones (M, 2).

    ``within`` is the largest distance of a pair in px, one for all or one for each true position;
    each true position counts for one found position at most.
    """
    hits = len(match(truth, found, within)[0])
    return (
        hits / max(len(found), 1),
        hits / max(len(truth), 1),
        2 * hits / max(len(found) + len(truth), 1),
    )
