"""One plane of generated tissue that a microscope looks at, moved and flickering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.warp import affine_displacement
from napari_zstack_align.samples.anatomy import Anatomy, Image, add_patch
from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.zstack import BRIGHT_PERCENTILE, sample_plane

FAINT = 1e-3
"""A change of a cell's brightness below this is not drawn."""


@dataclass(frozen=True)
class Plane:
    """The plane at rest, and the light of each of its cells.

    Attributes
    ----------
    rest : numpy.ndarray
        Expected photons with all cells silent, on the fine grid (see `Anatomy`).
    patches : sequence of (int, int, numpy.ndarray)
        First row, first column and photons of each cell, on the fine grid.
    cells : numpy.ndarray
        (N, 3) y, x, radius of these cells, px of the frame.
    shape : (int, int)
        Rows and columns of the frame.
    """

    rest: Image
    patches: Sequence[tuple[int, int, Image]]
    cells: npt.NDArray[np.float64]
    shape: tuple[int, int]

    @classmethod
    def draw(cls, shape: tuple[int, int], seed: np.random.SeedSequence, photons: float) -> Plane:
        """Cut tissue at depth 0; its bright end (99.5th percentile) gives so many photons."""
        anatomy = Anatomy(shape, 0.0, seed)
        rest, shade = anatomy.plane(0.0), anatomy.shade(0.0)
        scale = np.float32(photons / np.percentile(sample_plane(rest), BRIGHT_PERCENTILE))
        patches, cells = [], []
        for i, y, x, patch in anatomy.somata.patches(0.0):
            lit = np.zeros_like(rest)
            add_patch(lit, y, x, patch)
            y0, x0 = max(y, 0), max(x, 0)
            part = np.s_[y0 : y + patch.shape[0], x0 : x + patch.shape[1]]
            patches.append((y0, x0, lit[part] * shade[part] * scale))
            cells.append((*anatomy.somata.position[i, 1:], anatomy.somata.radius[i]))
        return cls(rest * scale, patches, np.array(cells, float).reshape(-1, 3), shape)

    @property
    def clean(self) -> Image:
        """(Y, X) float32 expected photons at rest, all cells silent."""
        return sample_plane(self.rest)

    def record(
        self,
        affine: npt.NDArray[np.float64],
        activity: npt.NDArray[np.float32],
        light: npt.NDArray[np.float32],
        detector: Detector,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.uint16]:
        """Return the frames of a recording, (T, Y, X).

        Parameters
        ----------
        affine : numpy.ndarray
            (T, 3, 3) backward maps on columns (y, x, 1).
        activity : numpy.ndarray
            (N, T) change of each cell's brightness, ΔF/F.
        light : numpy.ndarray
            (T,) brightness of each frame.
        detector : Detector
        rng : numpy.random.Generator
            Draws the noise.
        """
        frames = np.empty((len(affine), *self.shape), np.uint16)
        for t, inverse in enumerate(np.linalg.inv(affine)):
            moved = sample_plane(
                self._lit(activity[:, t]), affine_displacement(inverse, self.shape)
            )
            frames[t] = detector.record(np.maximum(moved * light[t], 0), rng)
        return frames

    def _lit(self, changes: npt.NDArray[np.float32]) -> Image:
        """The plane on the fine grid with each cell's brightness changed."""
        image = self.rest.copy()
        for (y, x, patch), change in zip(self.patches, changes, strict=True):
            if abs(change) > FAINT:
                add_patch(image, y, x, patch, float(change))
        return image
