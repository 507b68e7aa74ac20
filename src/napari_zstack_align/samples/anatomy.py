"""A made-up piece of brain that can be cut at any depth: somata, neuropil, processes, vessels.

All lengths are pixels of the frame, along z too. Planes are drawn on a grid finer than the frame
(`SUPERSAMPLING`) and larger than it (`MARGIN_PX`), so that moving the tissue brings in real
anatomy and costs no sharpness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

SUPERSAMPLING = 2
MARGIN_PX = 32
PSF_PX = 0.9
AXIAL_PSF_PX = 2.4
NUCLEUS = 0.62
"""Radius of the dim nucleus, as a part of the soma's."""

Image = npt.NDArray[np.float32]


class Texture:
    """Smooth Gaussian random field of unit variance that changes smoothly with depth."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, int],
        depth: float,
        *,
        smooth_px: float,
        axial_px: float,
    ) -> None:
        self.shape = shape
        self.axial_px = axial_px
        # White noise no finer than the blur that follows needs.
        self.pitch = max(1.0, smooth_px / 2.5)
        self.sigma = smooth_px / self.pitch
        coarse = tuple(int(np.ceil(n / self.pitch)) for n in shape)
        self.knots_z = np.arange(-3 * axial_px, depth + 3 * axial_px + 1e-6, axial_px)
        self.noise = rng.standard_normal((len(self.knots_z), *coarse), np.float32)

    def at(self, z: float) -> Image:
        """Return the field at depth z."""
        weights = np.exp(-0.5 * ((z - self.knots_z) / self.axial_px) ** 2)
        weights[weights < 0.01] = 0
        # White noise blurred by sigma keeps a variance of 1 / (4 pi sigma^2).
        weights *= 2 * np.sqrt(np.pi) * self.sigma / np.sqrt((weights**2).sum())
        near = np.flatnonzero(weights)
        blend = np.tensordot(weights[near].astype(np.float32), self.noise[near], axes=1)
        smooth = cv2.GaussianBlur(blend, (0, 0), self.sigma)
        size = (self.shape[1], self.shape[0])
        return np.asarray(cv2.resize(smooth, size, interpolation=cv2.INTER_CUBIC), np.float32)


@dataclass(frozen=True)
class Somata:
    """Cell bodies: hollow spheres with a dim nucleus, seen through a long axial blur."""

    position: npt.NDArray[np.float64]  # (N, 3) z, y, x in px of the frame, inside it from 0
    radius: npt.NDArray[np.float64]  # (N,) px
    brightness: npt.NDArray[np.float64]  # (N,)
    nucleus: npt.NDArray[np.float64]  # (N,) part of the light that the nucleus lacks

    @classmethod
    def grow(cls, rng: np.random.Generator, shape: tuple[int, int], depth: float) -> Somata:
        """Scatter cells over the frame and its margin, none inside another."""
        low = np.array([-12.0, -MARGIN_PX, -MARGIN_PX])
        high = np.array([depth + 12.0, shape[0] + MARGIN_PX, shape[1] + MARGIN_PX])
        candidates = rng.uniform(low, high, (rng.poisson(5e-5 * np.prod(high - low)), 3))
        pairs = cKDTree(candidates).query_pairs(13.0, output_type="ndarray")
        keep = np.ones(len(candidates), bool)
        keep[pairs.max(axis=1, initial=0) if len(pairs) else []] = False
        position = candidates[keep]
        n = len(position)
        return cls(
            position,
            radius=rng.uniform(5.0, 7.0, n),
            brightness=np.exp(rng.normal(0.0, 0.5, n)),
            nucleus=np.where(rng.random(n) < 0.2, 0.1, rng.uniform(0.5, 0.8, n)),
        )

    def patches(self, z: float) -> Iterator[tuple[int, int, int, Image]]:
        """Yield index, first row, first column (fine grid) and image of each soma that z cuts."""
        depth = (self.position[:, 0] - z) / 1.3
        for i in np.flatnonzero(np.abs(depth) < self.radius + 3):
            centre = (self.position[i, 1:] + MARGIN_PX) * SUPERSAMPLING
            reach = int(np.ceil((self.radius[i] + 4) * SUPERSAMPLING))
            first = np.floor(centre).astype(int) - reach
            steps = np.arange(2 * reach + 2)
            y, x = ((first[a] + steps - centre[a]) / SUPERSAMPLING for a in (0, 1))
            distance = np.sqrt(y[:, None] ** 2 + x[None] ** 2 + depth[i] ** 2)
            body = _edge(self.radius[i] - distance)
            hole = self.nucleus[i] * _edge(NUCLEUS * self.radius[i] - distance)
            patch = self.brightness[i] * (body - hole)
            yield int(i), int(first[0]), int(first[1]), patch.astype(np.float32)


class Anatomy:
    """Tissue of one field of view; the same seed and shape give the same tissue.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the frame, px.
    depth : float
        Deepest plane that will be asked for, px.
    seed : numpy.random.SeedSequence
    """

    def __init__(self, shape: tuple[int, int], depth: float, seed: np.random.SeedSequence) -> None:
        self.shape = shape
        self.depth = depth
        self._rngs = [np.random.default_rng(s) for s in seed.spawn(5)]
        self.somata = Somata.grow(self._rngs[0], shape, depth)

    @property
    def fine_shape(self) -> tuple[int, int]:
        """Rows and columns of the fine grid."""
        rows, columns = (SUPERSAMPLING * (n + 2 * MARGIN_PX) for n in self.shape)
        return rows, columns

    def plane(self, z: float) -> Image:
        """Light from depth z on the fine grid; the neuropil's mean is about 0.35, somata 1."""
        image = self.background(z)
        for _, y, x, patch in self.somata.patches(z):
            add_patch(image, y, x, patch)
        return image * self.shade(z)

    def background(self, z: float) -> Image:
        """Neuropil and processes at depth z, without somata."""
        neuropil = np.exp(0.45 * self._fine.at(z) + 0.25 * self._coarse.at(z))
        image = 0.3 * neuropil + self._processes(z)
        return np.asarray(cv2.GaussianBlur(image, (0, 0), PSF_PX * SUPERSAMPLING), np.float32)

    def shade(self, z: float) -> Image:
        """Return the part of the light that blood vessels leave at depth z."""
        dark = np.zeros(self.fine_shape, np.float32)
        for path, radius in self._vessel_paths:
            ends = np.rint(SUPERSAMPLING * path[:, :0:-1]).astype(int).tolist()  # x, y
            middles = 0.5 * (path[1:, 0] + path[:-1, 0])
            for (start, stop), middle in zip(pairwise(ends), middles, strict=True):
                half = radius**2 - (middle - z) ** 2
                if half > 0:
                    width = max(1, round(2 * SUPERSAMPLING * float(np.sqrt(half))))
                    cv2.line(dark, start, stop, 1.0, width)
        return 1 - 0.75 * cv2.GaussianBlur(dark, (0, 0), 1.6 * SUPERSAMPLING)

    @cached_property
    def _fine(self) -> Texture:
        return Texture(
            self._rngs[1],
            self.fine_shape,
            self.depth,
            smooth_px=0.9 * SUPERSAMPLING,
            axial_px=AXIAL_PSF_PX,
        )

    @cached_property
    def _coarse(self) -> Texture:
        return Texture(
            self._rngs[2], self.fine_shape, self.depth, smooth_px=6 * SUPERSAMPLING, axial_px=6.0
        )

    @cached_property
    def _process_points(self) -> npt.NDArray[np.float64]:
        """(N, 4) points z, y, x (px of the frame) and light along dendrites and axons."""
        rng = self._rngs[3]
        box = np.array([self.depth + 24, *(n + 2 * MARGIN_PX for n in self.shape)])
        count, length = max(4, round(np.prod(box) * 4.5e-5)), 320
        turn = rng.normal(0, (0.02, 0.06, 0.06), (length, count, 3))
        heading = rng.normal(0, (0.35, 1, 1), (count, 3)) + np.cumsum(turn, axis=0)
        heading /= np.linalg.norm(heading, axis=2, keepdims=True)
        points = rng.uniform(0, box, (count, 3)) + 0.4 * np.cumsum(heading, axis=0)
        points -= (12, MARGIN_PX, MARGIN_PX)
        beads = rng.normal(0, 0.3, (length // 8, count)).repeat(8, axis=0)
        light = np.exp(rng.normal(0, 0.6, count) + beads)
        return np.concatenate([points, light[..., None]], axis=2).reshape(-1, 4)

    def _processes(self, z: float) -> Image:
        points = self._process_points
        points = points[np.abs(points[:, 0] - z) < 3 * AXIAL_PSF_PX]
        light = points[:, 3] * np.exp(-0.5 * ((points[:, 0] - z) / AXIAL_PSF_PX) ** 2)
        yx = np.rint((points[:, 1:3] + MARGIN_PX) * SUPERSAMPLING).astype(int)
        rows, columns = self.fine_shape
        inside = ((yx >= 0) & (yx < (rows, columns))).all(axis=1)
        index = yx[inside, 0] * columns + yx[inside, 1]
        image = np.bincount(index, light[inside], rows * columns).reshape(rows, columns)
        return (2.0 * image).astype(np.float32)

    @cached_property
    def _vessel_paths(self) -> list[tuple[npt.NDArray[np.float64], float]]:
        """Paths (N, 3) of z (px), y, x (px from the margin's corner), and their radius."""
        rng = self._rngs[4]
        box = np.array([self.depth, *(n + 2 * MARGIN_PX for n in self.shape)])
        paths = []
        for _ in range(max(1, round(box[1] * box[2] / 9e4))):
            heading = rng.normal(0, (0.15, 1, 1), 3) + np.cumsum(rng.normal(0, 0.05, (60, 3)), 0)
            heading /= np.linalg.norm(heading[:, 1:], axis=1, keepdims=True)
            path = 8 * np.cumsum(heading, axis=0)
            path += rng.uniform(0, box) - path[30]  # its middle lies inside the box
            paths.append((path, rng.uniform(3.0, 9.0)))
        return paths


def frame_shape(size: int | tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of a frame; one number makes it square."""
    return (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))


def add_patch(image: Image, y: int, x: int, patch: Image, factor: float = 1.0) -> None:
    """Add a patch whose first pixel belongs at (y, x), cut off at the image's edges."""
    y0, x0 = max(y, 0), max(x, 0)
    y1, x1 = min(y + patch.shape[0], image.shape[0]), min(x + patch.shape[1], image.shape[1])
    if y0 < y1 and x0 < x1:
        image[y0:y1, x0:x1] += factor * patch[y0 - y : y1 - y, x0 - x : x1 - x]


def _edge(inside: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """From 0 outside to 1 inside, as soft as the point spread function makes it."""
    return 1 / (1 + np.exp(-inside / 0.6))
