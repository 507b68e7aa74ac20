"""Light that comes with the scan, told from fibres of the tissue that light up along the rows.

Light on the photomultiplier begins and ends within a line, and adds the same all along it. A fibre
is blurred by the microscope over several rows on either side, and is brighter here and dimmer
there. Both are looked at in the mean of the rows (how many rows the rise takes), and in strips
along the rows (how even the excess is, beside how even tissue without it is).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Profile = npt.NDArray[np.float64]
Rows = npt.NDArray[np.bool_]

LOW_PART, LOWEST_TOP_PART = 0.15, 0.35
"""A row with less of the light than this is unlit, one that lacks less is fully lit; steps of the
tissue itself raise that, up to the second."""
BRIGHTEST_PART = 0.8
"""The light is the median of the rows with more than this part of the brightest."""
MOST_SOFT_ROWS = 1
"""So many rows on either side may be lit in part."""
NARROW_ROWS = 3
"""No more fully lit rows, with a soft one on either side, are what a fibre shows, too."""
ONE_SIDED_PART = 0.6
"""A row in which the light begins is lit on one side by so much more than on the other."""
WIDE_ROWS = 12
"""No fibre is fully lit over so many rows, with sharp edges: how even they are doesn't matter."""
NEAR_ROWS, GAP_ROWS = 8, 3
"""Tissue to compare with: so many rows, so far away that a fibre doesn't reach them."""
STRIP_PX, FEWEST_STRIPS = 8, 4
MOST_INNER_ROWS = 4
"""Evenness is judged in so many rows: as many are compared in tissue."""
UNEVEN_PART = 0.15
"""Spread of the excess over strips, as a part of it, that light of the scan stays below ..."""
USUAL_PERCENTILE = 90
"""... beside this percentile of what tissue has elsewhere in the frame."""
FEWEST_PLACES, MOST_PLACES = 10, 80


def comes_with_the_scan(
    image: Image, run: tuple[int, int], tissue: Rows, step: float, gain: float
) -> bool:
    """Whether rows that are brighter than those around them were lit, and are no active fibre.

    Parameters
    ----------
    image : numpy.ndarray
        (Y, X) float32 frame.
    run : tuple of int
        First of the rows, and the one after the last.
    tissue : numpy.ndarray
        (Y,) bool: rows that are known to be tissue.
    step : float
        Large steps of the mean from row to row in usual tissue.
    gain : float
        Variance of a pixel for each count of light.
    """
    near = _near(run, tissue)
    if not len(near):
        return True
    means = np.asarray(image.mean(axis=1, dtype=np.float64))
    excess = means - means[near].mean()
    rows = excess[slice(*run)]
    if rows.max() <= 0:
        return False
    lit = float(np.median(rows[rows >= BRIGHTEST_PART * rows.max()]))
    low = min(max(LOW_PART * lit, step), LOWEST_TOP_PART * lit)
    full = run[0] + np.flatnonzero(rows >= lit - low)
    first, last = int(full[0]), int(full[-1])
    soft = []
    for row, way in ((first, -1), (last, 1)):
        # Tissue may be brighter on one side.
        beside = near[(near - row) * way > 0]
        level = means[beside if len(beside) else near].mean()
        soft.append(_soft_rows(means - level, row, way, low))
    if max(len(rows) for rows in soft) > MOST_SOFT_ROWS:
        return False
    if last - first < NARROW_ROWS and all(soft):
        outside = image[near].mean(axis=0)
        if not any(_is_one_sided(image[row] - outside, lit) for rows in soft for row in rows):
            return False
    if last - first >= WIDE_ROWS:
        return True
    # The first and the last row may be lit in part, too.
    inner = (first + 1, last) if last - first >= 2 else (first, last + 1)
    return _is_even(image, inner, near, tissue, gain)


def _near(run: tuple[int, int], tissue: Rows) -> npt.NDArray[np.intp]:
    """Rows of tissue to either side, not those right beside."""
    known = np.flatnonzero(tissue)
    before = known[known < run[0] - GAP_ROWS][-NEAR_ROWS:]
    after = known[known >= run[1] + GAP_ROWS][:NEAR_ROWS]
    return np.concatenate([before, after])


def _soft_rows(excess: Profile, row: int, way: int, low: float) -> list[int]:
    """Rows beyond a fully lit one that are lit in part."""
    rows: list[int] = []
    row += way
    while 0 <= row < len(excess) and excess[row] > low and len(rows) <= MOST_SOFT_ROWS:
        rows.append(row)
        row += way
    return rows


def _is_one_sided(excess: Image, lit: float) -> bool:
    """Whether the light of a row (X,) begins or ends in it."""
    n = int(np.clip(round(float(excess.mean()) / lit * len(excess)), 1, len(excess) - 1))
    return any(
        float(line[:n].mean() - line[n:].mean()) > ONE_SIDED_PART * lit
        for line in (excess, excess[::-1])
    )


def _is_even(
    image: Image, run: tuple[int, int], near: npt.NDArray[np.intp], tissue: Rows, gain: float
) -> bool:
    """Whether the excess of fully lit rows is the same along them, but for tissue and noise."""
    n_strips = image.shape[1] // STRIP_PX
    if n_strips < FEWEST_STRIPS:
        return True
    strips = image[:, : n_strips * STRIP_PX].reshape(len(image), n_strips, STRIP_PX).mean(axis=2)
    n_rows = min(run[1] - run[0], MOST_INNER_ROWS)
    places = [
        (a, a + n_rows)
        for a in range(len(image) - n_rows + 1)
        if tissue[max(a - GAP_ROWS, 0) : a + n_rows + GAP_ROWS].all()
    ]
    if len(places) < FEWEST_PLACES:
        return True
    places = places[:: -(-len(places) // MOST_PLACES)]
    usual = [_difference(strips, place, _near(place, tissue)).var() for place in places]
    middle = (run[0] + run[1] - n_rows) // 2
    excess = _difference(strips, (middle, middle + n_rows), near)
    noise = gain * max(float(excess.mean()), 0.0) / (STRIP_PX * n_rows)
    limit = np.percentile(usual, USUAL_PERCENTILE) + noise + (UNEVEN_PART * excess.mean()) ** 2
    return bool(_lit_strips(excess).var() <= limit)


def _lit_strips(excess: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Excess of strips without those, on one side, before the light begins or after it ends."""
    is_lit = excess > np.median(excess) / 2
    before, after = int(np.argmax(is_lit)), int(np.argmax(is_lit[::-1]))
    return excess[before:] if before >= after else excess[: len(excess) - after]


def _difference(
    strips: Image, place: tuple[int, int], near: npt.NDArray[np.intp]
) -> npt.NDArray[np.float32]:
    """Excess (strips,) of rows over those near them."""
    return np.asarray(strips[slice(*place)].mean(axis=0) - strips[near].mean(axis=0))
