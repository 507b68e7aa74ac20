"""From expected photons to what a detector writes: shot noise, gain, dark level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Detector:
    """A photomultiplier with its digitiser.

    Attributes
    ----------
    counts_per_photon : float
        Gain.
    dark_level : float
        Counts without light.
    read_noise : float
        Standard deviation of the electronic noise, counts.
    """

    counts_per_photon: float = 40.0
    dark_level: float = 100.0
    read_noise: float = 6.0

    def record(
        self, photons: npt.NDArray[np.float32], rng: np.random.Generator
    ) -> npt.NDArray[np.uint16]:
        """Draw a frame from the expected photons of each pixel, as uint16 counts."""
        counts = self.counts_per_photon * rng.poisson(photons).astype(np.float32)
        counts += self.dark_level
        counts += self.read_noise * rng.standard_normal(photons.shape, np.float32)
        return np.asarray(np.clip(np.rint(counts), 0, 65535), np.uint16)
