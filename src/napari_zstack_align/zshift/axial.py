"""How alike two planes are by their distance in depth, and what lies between two slices.

Slices are seen as samples of a random process along z whose covariance c(d) falls with distance:
a narrow part, the axial blur of the microscope, and a wider one, of what is large, on top of what
all planes have in common. The plane at a depth between slices is then best predicted by weights
c(d) C⁻¹ (kriging). Where the frame is compared with that prediction, the peak of the similarity
lies at the true depth; with a parabola through the similarities to whole slices it leans towards
them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

Numbers = npt.NDArray[np.float64]

MOST_LAGS = 6
WIDE, WIDE_RATIO_SPREAD = 2.1, 0.25
"""Expected width of the wider part over that of the narrow one, and how far that may be off."""
WIDE_PART, WIDE_SPREAD = 0.3, 0.1
"""Expected part of the variance in it, and how far that may be off."""
COMMON_SPREAD = 0.3
"""How far the part that all planes have in common may be from none."""
WIDTHS = (0.25, 2.5)
"""Of the narrow part, in slices: what varies more slowly than that tells no plane from the next."""
LAG_SPREAD, NOISE_SPREAD = 0.01, 0.02
NOISE_UNSURE, MOST_UNSURE = 0.02, 0.5
"""Part of the slices' noise that may be structure, or the other way round; and the largest error
that comes of it, in slices: between two slices, it is known which they are."""
NEIGHBOURS = 2
"""Slices on either side that a plane in between is predicted from."""
RIDGE = 1e-5
"""Keeps the matrix off singularity, as a part of what differs between planes: so little that
planes predicted at slices are these slices, even where slices are nearly alike."""


@dataclass(frozen=True)
class AxialModel:
    """Covariance of planes with unit variance.

    Attributes
    ----------
    width : float
        Standard deviation of the narrow part, in slices.
    wide_part : float
        Part of the variance in the wider part.
    wide : float
        Width of the wider part over that of the narrow one.
    noise : float
        Variance of a slice's noise, relative to its own.
    common : float
        Part of the variance that all planes have in common, however far apart.
    """

    width: float
    wide_part: float
    wide: float
    noise: float
    common: float = 0.0

    @classmethod
    def fit(cls, correlations: Numbers, noise: float) -> AxialModel:
        """Fit to correlations of slices.

        Parameters
        ----------
        correlations : numpy.ndarray
            (n,) mean correlation of slices at distances of 1 to n.
        noise : float
            What is thought to be the part of noise in a slice's variance.
        """
        lags = np.arange(1, min(len(correlations), MOST_LAGS) + 1)
        measured = correlations[: len(lags)]

        def misfit(values: Numbers) -> Numbers:
            model = cls(*values)
            return np.concatenate(
                [
                    ((1 - model.noise) * model.at(lags) - measured) / LAG_SPREAD,
                    [(model.wide_part - WIDE_PART) / WIDE_SPREAD],
                    [(model.wide - WIDE) / WIDE_RATIO_SPREAD],
                    [(model.noise - noise) / NOISE_SPREAD],
                    [model.common / COMMON_SPREAD],
                ]
            )

        low, high = (WIDTHS[0], 0.0, 1.1, 0.0, 0.0), (WIDTHS[1], 0.9, 6.0, 0.95, 0.99)
        likely = (1.0, WIDE_PART, WIDE, noise, 0.0)
        start = np.clip(likely, np.add(low, 1e-3), np.subtract(high, 1e-3))
        return cls(*map(float, least_squares(misfit, start, bounds=(low, high)).x))

    def at(self, distance: npt.ArrayLike) -> Numbers:
        """Correlation of planes, free of noise, at a distance in slices."""
        square = -0.5 * (np.asarray(distance, np.float64) / self.width) ** 2
        narrow, wide = np.exp(square), np.exp(square / self.wide**2)
        differing = (1 - self.wide_part) * narrow + self.wide_part * wide
        return np.asarray(self.common + (1 - self.common) * differing)

    @property
    def uncertainty(self) -> float:
        """Error of depths, in slices, by how little is known of the slices' noise.

        Noise taken for structure draws depths to whole slices, or away from them, the more so
        the less neighbouring slices differ; no number of pixels averages that out.
        """
        differ = float(1 - self.at(1.0))
        return min(NOISE_UNSURE * self.noise / max(differ, 1e-9), MOST_UNSURE)

    def weights(self, depths: Numbers, there: npt.NDArray[np.bool_]) -> Numbers:
        """Weights of slices that predict the planes at depths.

        Parameters
        ----------
        depths : numpy.ndarray
            (n,) in slices.
        there : numpy.ndarray
            (Z,) bool: slices to predict from.

        Returns
        -------
        numpy.ndarray
            (n, Z), 0 but for the nearest.
        """
        weights = np.zeros((len(depths), len(there)))
        for row, depth in zip(weights, depths, strict=True):
            near = nearest(float(depth), len(there))
            slices = near.start + np.flatnonzero(there[near])
            among = self.at(slices[:, np.newaxis] - slices)
            among += RIDGE * (1 - self.common) * np.eye(len(slices))
            row[slices] = np.linalg.solve(among, self.at(slices - depth))
        return weights


def nearest(depth: float, n_slices: int) -> slice:
    """Slices that the plane at a depth is predicted from."""
    below = int(np.clip(np.floor(depth), 0, max(n_slices - 2, 0)))
    return slice(max(below - NEIGHBOURS + 1, 0), min(below + NEIGHBOURS + 1, n_slices))
