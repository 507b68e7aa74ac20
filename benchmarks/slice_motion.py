"""Z-stacks with repeats whose tissue moves as real tissue does, or not at all.

Planes come from real volumes beside this project (two specimens) or from generated tissue; the
motion of every frame is drawn, so that the truth is known at every pixel. Frames are 256 x 256.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import tifffile
from scipy.ndimage import gaussian_filter, map_coordinates

import napari_zstack_align as nza
from napari_zstack_align.samples.anatomy import MARGIN_PX, SUPERSAMPLING, Anatomy
from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.motion import GRID_PX, Fields, _nodes
from napari_zstack_align.samples.zstack import plane_distance_px, sample_plane

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SIZE = 256
SHAPE = (SIZE, SIZE)
WHOLE = SIZE + 2 * MARGIN_PX
LENGTH_PX = 60.0
"""Standard deviation of the Gaussian that smooths non-rigid motion."""
BRIGHT_PERCENTILE = 99.5
ROWS, COLUMNS = (12, 242), (12, 206, 399)
"""Corners of the windows of the mouse brain."""


# -- tissue ----------------------------------------------------------------------------------------


@cache
def brain() -> np.ndarray:
    """(30, 510, 667) mouse brain; cut anew, with a jump, after every tenth plane."""
    return tifffile.imread(DATA / "cellfinder_crop3d" / "crop_planes_ch0.tif").astype(np.float32)


@cache
def fish() -> np.ndarray:
    """(41, 83, 166) zebrafish."""
    path = DATA / "zebrafish_prepost_1" / "2016-10-18fish1_pre.tif"
    return np.maximum(tifffile.imread(path).astype(np.float32) - 88, 0)


def planes_of(tissue: str, count: int, step: int = 1, tilt: float = 0, lean: float = 0) -> list:
    """Planes on the fine grid of the samples.

    Parameters
    ----------
    tissue : str
        'brain 1 0 2': the window in row 1, column 0, from the third block of ten planes on; 'fish
        0 4': the left window, from plane 4 on; 'cells 7': generated from seed 7.
    count : int
    step : int
        Planes from one slice to the next.
    tilt : float
        Planes by which the two ends of the image, along y, differ in depth.
    lean : float
        Pixels by which the tissue is sheared along each axis from slice to slice.
    """
    kind, *numbers = tissue.split()
    numbers = [int(n) for n in numbers]
    if kind == "cells":
        step_px = step * plane_distance_px(0.94)
        made = Anatomy(SHAPE, step_px * (count - 1), np.random.SeedSequence(numbers[0]))
        return [made.plane(step_px * z) for z in range(count)]
    place = np.arange(SUPERSAMPLING * WHOLE) / SUPERSAMPLING - MARGIN_PX
    y, x = np.meshgrid(place, place, indexing="ij")
    if kind == "brain":
        volume, scale = brain(), 1.0
        corner, first = (ROWS[numbers[0]], COLUMNS[numbers[1]]), 10 * numbers[2]
    else:
        volume, scale = fish(), 83 / SIZE
        corner, first = (0, 83 * numbers[0]), numbers[1]
    images = [_window(volume[first + step * z], corner, scale) for z in range(count)]
    own = np.cumsum([np.zeros(2), *map(_shift, images[:-1], images[1:])], axis=0)
    planes = []
    for z in range(count):
        offset = own[z] + lean * z
        at = corner[0] + scale * (y + offset[0]), corner[1] + scale * (x + offset[1])
        part = volume[first + step * z :][: int(np.ceil(tilt)) + 1]
        depth = tilt * np.clip(y / SIZE, 0, 1)
        plane = (
            map_coordinates(part, (depth, *at), order=1, mode="mirror")
            if tilt
            else map_coordinates(part[0], at, order=3, mode="mirror")
        )
        planes.append(np.maximum(plane, 0).astype(np.float32))
    return planes


def _window(plane: np.ndarray, corner: tuple[int, int], scale: float) -> np.ndarray:
    at = [start + scale * np.arange(SIZE) for start in corner]
    image = map_coordinates(plane, np.meshgrid(*at, indexing="ij"), order=3, mode="mirror")
    return np.sqrt(np.maximum(image, 0)).astype(np.float32)


def _shift(before: np.ndarray, image: np.ndarray) -> np.ndarray:
    """(dy, dx) of the anatomy from plane to plane, which is taken out."""
    start = np.eye(2, 3, dtype=np.float32)
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 200, 1e-6)
    _, found = cv2.findTransformECC(before, image, start, cv2.MOTION_TRANSLATION, stop, None, 5)
    return found[::-1, 2].astype(float)


# -- motion ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Motion:
    """How the tissue moves; lengths in px, root mean square of the displacement's length.

    Attributes
    ----------
    walk, walk_shift : float
        Random walk, of the bend and as a whole, a slice.
    sway, sway_shift : float
        Bend and shift that come and go: first-order autoregressive, 0.8 from frame to frame.
    jump, jump_shift : float
        Between slices only, unseen by the repeats.
    drift : float
        Steady bend, a slice, continuous in time.
    leap : float
        Steady bend between slices only.
    turn_deg : float
        Sway of the rotation.
    memory : float
        Of the sway from frame to frame.
    """

    walk: float = 0.0
    walk_shift: float = 0.0
    sway: float = 0.0
    sway_shift: float = 0.0
    jump: float = 0.0
    jump_shift: float = 0.0
    drift: float = 0.0
    leap: float = 0.0
    turn_deg: float = 0.0
    memory: float = 0.8

    def fields(self, rng: np.random.Generator, n_slices: int, n_repeats: int) -> Fields:
        """Draw the motion of all frames, slice by slice."""
        count = n_slices * n_repeats
        z = np.arange(count) // n_repeats
        n = len(_nodes(SIZE))
        shifts = rng.standard_normal((3, count, 2, 1, 1)) / np.sqrt(2)
        bends = np.stack([[_bend(rng, n) for _ in range(count)] for _ in range(2)])
        leaps = np.stack([_bend(rng, n) for _ in range(n_slices)])
        leap_shifts = rng.standard_normal((n_slices, 2, 1, 1)) / np.sqrt(2)
        steady, sudden = _bend(rng, n), _bend(rng, n)
        turns = _autoregressive(rng.standard_normal(count), self.memory)
        per_frame = 1 / np.sqrt(n_repeats)
        field = self.walk * per_frame * np.cumsum(bends[0], axis=0)
        field += self.walk_shift * per_frame * np.cumsum(shifts[0], axis=0)
        field += self.sway * _autoregressive(bends[1], self.memory)
        field += self.sway_shift * _autoregressive(shifts[1], self.memory)
        field += self.jump * np.cumsum(leaps, axis=0)[z]
        field += self.jump_shift * np.cumsum(leap_shifts, axis=0)[z]
        field += self.drift / n_repeats * np.arange(count)[:, None, None, None] * steady
        field += self.leap * z[:, None, None, None] * sudden
        y, x = np.meshgrid(_nodes(SIZE) - SIZE / 2, _nodes(SIZE) - SIZE / 2, indexing="ij")
        angle = np.deg2rad(self.turn_deg) * turns[:, None, None]
        field += np.stack([angle * x, -angle * y], axis=1)
        return Fields(field - field[:n_repeats].mean(axis=0), SHAPE)


def _bend(rng: np.random.Generator, n: int) -> np.ndarray:
    """(2, n, n) smooth field whose mean in the frame is zero and whose mean square length is 1."""
    pad = 24
    noise = rng.standard_normal((2, n + 2 * pad, n + 2 * pad))
    sigma = LENGTH_PX / GRID_PX
    field = gaussian_filter(noise, (0, sigma, sigma))[:, pad:-pad, pad:-pad] * (
        2 * np.sqrt(np.pi) * sigma / np.sqrt(2)
    )
    inside = slice(MARGIN_PX // GRID_PX, n - MARGIN_PX // GRID_PX)
    return field - field[:, inside, inside].mean(axis=(1, 2), keepdims=True)


def _autoregressive(noise: np.ndarray, memory: float) -> np.ndarray:
    out = noise.copy()
    for t in range(1, len(out)):
        out[t] = memory * out[t - 1] + np.sqrt(1 - memory**2) * noise[t]
    return out


# -- stacks ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One stack of the benchmark."""

    tissue: str
    motion: Motion = Motion()
    photons: float = 20.0
    n_slices: int = 10
    n_repeats: int = 7
    step: int = 1
    tilt: float = 0.0
    lean: float = 0.0
    seed: int = 0

    def stack(self) -> tuple[nza.Stack, Callable[[int], np.ndarray]]:
        """The stack, and the true displacement (2, Y, X) of a frame."""
        planes = planes_of(self.tissue, self.n_slices, self.step, self.tilt, self.lean)
        rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(self.seed).spawn(2)]
        motion = self.motion.fields(rngs[0], self.n_slices, self.n_repeats)
        bright = np.percentile(np.stack([sample_plane(p) for p in planes]), BRIGHT_PERCENTILE)
        scale = np.float32(self.photons / bright)
        frames = np.empty((self.n_slices * self.n_repeats, *SHAPE), np.uint16)
        for t in range(len(frames)):
            moved = sample_plane(planes[t // self.n_repeats], motion.inverse(t))
            frames[t] = Detector().record(np.maximum(moved * scale, 0), rngs[1])
        stack = nza.Stack.from_array(
            frames, "TYX", frames_per_slice=self.n_repeats, order="repeats", name=self.tissue
        )
        return stack, motion.at
