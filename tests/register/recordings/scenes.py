"""Recordings made of one piece of generated tissue by maps that a test chooses."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

import napari_zstack_align as nza
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.samples.anatomy import Anatomy
from napari_zstack_align.samples.recording import affine_displacement
from napari_zstack_align.samples.zstack import sample_plane

SHAPE = (128, 144)
GAIN, DARK, READ_NOISE = 40.0, 100.0, 6.0
PARAMS = KeypointParams(chunk_frames=10)

Maps = npt.NDArray[np.float64]


def similarity(
    dy: float,
    dx: float,
    rotation_deg: float = 0.0,
    scale: float = 1.0,
    shape: tuple[int, int] = SHAPE,
) -> Maps:
    """(3, 3) map that turns and stretches about an image's centre, then shifts it."""
    centre, angle = (np.array(shape) - 1) / 2, np.deg2rad(rotation_deg)
    matrix = np.eye(3)
    matrix[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    matrix[:2, :2] *= scale
    matrix[:2, 2] = centre + np.array((dy, dx)) - matrix[:2, :2] @ centre
    return matrix


def drift(n_frames: int, speed: float = 1.0) -> Maps:
    """(T, 3, 3) slow drift: in 60 frames a few px, a degree and a per cent."""
    time = speed * np.arange(n_frames) / 60
    return np.array(
        [similarity(4 * np.sin(2 * t), 1 - 6 * t, 1.5 * np.sin(3 * t), 1 + t / 100) for t in time]
    )


def still(n_frames: int) -> Maps:
    """(T, 3, 3) identities."""
    return np.tile(np.eye(3), (n_frames, 1, 1))


class Scene:
    """Tissue that can be recorded in motion.

    Parameters
    ----------
    seed : int
        The same seed gives the same tissue.
    shape : tuple of int
        (Y, X) of the frames.
    photons : float
        At the bright end.
    """

    def __init__(
        self, seed: int = 5, shape: tuple[int, int] = SHAPE, photons: float = 20.0
    ) -> None:
        self.shape = shape
        self._plane = Anatomy(shape, 0.0, np.random.SeedSequence(seed)).plane(0.0)
        self._scale = photons / np.percentile(sample_plane(self._plane), 99.5)

    @cached_property
    def counts(self) -> npt.NDArray[np.float32]:
        """(Y, X) float32: what a detector without noise sees at rest."""
        return self.seen(np.eye(3))

    def seen(self, matrix: Maps, shape: tuple[int, int] | None = None) -> npt.NDArray[np.float32]:
        """(Y, X) float32 counts without noise of the tissue under a map reference to raw."""
        moved = affine_displacement(np.linalg.inv(matrix), shape or self.shape)
        light = np.maximum(sample_plane(self._plane, moved) * self._scale, 0)
        return np.asarray(GAIN * light + DARK, np.float32)

    def frames(
        self, maps: Maps, *, seed: int = 0, shape: tuple[int, int] | None = None
    ) -> npt.NDArray[np.uint16]:
        """(T, Y, X) uint16 frames with shot noise."""
        rng = np.random.default_rng(seed)
        photons = (np.stack([self.seen(m, shape) for m in maps]) - DARK) / GAIN
        noise = READ_NOISE * rng.standard_normal(photons.shape)
        return np.clip(GAIN * rng.poisson(photons) + DARK + noise, 0, 65535).astype(np.uint16)

    def recording(
        self,
        maps: Maps,
        *,
        seed: int = 0,
        noise: bool = True,
        shape: tuple[int, int] | None = None,
        **described: object,
    ) -> nza.Stack:
        """Record the tissue moved by maps (T, 3, 3) reference to raw."""
        if noise:
            frames: npt.NDArray[np.generic] = self.frames(maps, seed=seed, shape=shape)
        else:
            frames = np.stack([self.seen(m, shape) for m in maps])
        return nza.Stack.from_array(frames, "TYX", **described)


def grid(shape: tuple[int, int] = SHAPE, border: int = 16) -> Maps:
    """(N, 2) positions over an image, 16 px apart."""
    axes = [np.arange(border, n - border + 1, 16.0) for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)


def errors_px(
    alignment: nza.Alignment, truth: Maps, gauge: Maps | None = None
) -> npt.NDArray[np.float64]:
    """(T, N) distances of estimated from true positions, over a grid, in px.

    ``gauge`` takes the estimate's reference to that of the truth; None: they are the same.
    """
    return distances_px(alignment.transforms.matrices(), truth, gauge, alignment.transforms.shape)


def distances_px(
    estimate: Maps,
    truth: Maps,
    gauge: Maps | None = None,
    shape: tuple[int, int] = SHAPE,
) -> npt.NDArray[np.float64]:
    """(T, N) distances of positions that maps (T, 3, 3) take a grid to, in px."""
    points = np.column_stack([grid(shape), np.ones(len(grid(shape)))])
    away = (estimate - truth @ (np.eye(3) if gauge is None else gauge)) @ points.T
    return np.hypot(away[:, 0], away[:, 1])


def best_gauge(estimates: list[Maps], truths: list[Maps]) -> Maps:
    """Constant affine map between the references that fits all frames best, (3, 3).

    Least squares over the frames of ``estimate = truth @ gauge``.
    """
    implied = [np.linalg.inv(t) @ e for e, t in zip(estimates, truths, strict=True)]
    return np.concatenate(implied).mean(axis=0)


def session_maps() -> list[Maps]:
    """(T, 3, 3) maps of three recordings that lie apart."""
    offsets = (similarity(0, 0), similarity(7, -6, 2), similarity(-6, 5, -1, 1.02))
    return [drift(n) @ offset for n, offset in zip((40, 55, 30), offsets, strict=True)]


def session_stacks(scene: Scene) -> list[nza.Stack]:
    """Recordings of unequal length, offset by up to 9 px and 3°."""
    return [
        scene.recording(maps, seed=i, name=f"recording {i}")
        for i, maps in enumerate(session_maps())
    ]
