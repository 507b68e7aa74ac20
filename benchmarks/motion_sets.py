"""Recordings of still anatomies, moved in known ways: each kind of motion alone, and all together.

The anatomy is larger than the frame, so that motion brings in real tissue. Frames are drawn photon
by photon. What depends on the data beside the project is left out where that is absent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
import tifffile
from recording_sets import DATA, RecordingSet, grid_points
from scipy.interpolate import make_interp_spline
from scipy.ndimage import gaussian_filter1d, maximum_filter

from napari_zstack_align.samples.anatomy import MARGIN_PX, SUPERSAMPLING, Anatomy

SIZE, MARGIN = 256, 32
N_FRAMES = 300
BORDER_PX = 24
"""Points nearer to the edge leave the frames: they are not compared."""
DRIFT_PX, JITTER_PX, BENT_PX = 6.0, 1.0, 2.5
JUMP_PX = (3.0, 8.0)
JUMP_FRAMES = 60
"""Frames between two jumps, at least."""
BENT_NODES, BENT_FRAMES = 5, 10.0
"""Nodes of the smooth field along each axis, and its smoothness in frames (σ of a Gaussian)."""
FAR_PX, FAR_DEG = (20.0, 40.0), 5.0
AWAY_FRAMES = 20
"""Two seconds at 10 Hz."""
COUNTS, DARK, READ_NOISE = 40.0, 100.0, 6.0
BRIGHT_PERCENTILE = 99.5

INVERSION_STEPS, GAUGE_STEPS = 10, 5

Image = np.ndarray


@dataclass
class Motion:
    """Shift (T, 2) px, turn (T,) radian and smooth field (T, 2, n, n) px at nodes."""

    shift: Image
    turn: Image
    nodes: Image
    jumps: tuple[int, ...] = ()

    @classmethod
    def none(cls, count: int = N_FRAMES) -> Motion:
        """No motion at all."""
        return cls(
            np.zeros((count, 2)), np.zeros(count), np.zeros((count, 2, BENT_NODES, BENT_NODES))
        )

    def __add__(self, other: Motion) -> Motion:
        return Motion(
            self.shift + other.shift,
            self.turn + other.turn,
            self.nodes + other.nodes,
            tuple(sorted({*self.jumps, *other.jumps})),
        )

    def positions(self, t: int, y: Image, x: Image) -> Image:
        """Where frame t shows the points, (2, ...)."""
        middle, step = (SIZE - 1) / 2, (SIZE - 1) / (BENT_NODES - 1)
        cos, sin = np.cos(self.turn[t]), np.sin(self.turn[t])
        dy, dx = y - middle, x - middle
        rows, columns = (_cubic(at / step, BENT_NODES) for at in (y.ravel(), x.ravel()))
        bent = ((rows @ self.nodes[t]) * columns).sum(axis=2).reshape(2, *y.shape)
        moved = np.stack([cos * dy - sin * dx, sin * dy + cos * dx]) + middle
        return moved + self.shift[t].reshape(2, *[1] * y.ndim) + bent


def _cubic(at: Image, n: int) -> Image:
    """(N, n) natural-looking smooth weights: a cubic convolution, held beyond the ends."""
    at = np.clip(at, -0.5, n - 0.5)[:, np.newaxis]
    away = np.abs(at - np.arange(-2, n + 2))
    weight = np.where(
        away < 1, (4 - 6 * away**2 + 3 * away**3) / 6, np.clip(2 - away, 0, 2) ** 3 / 6
    )
    weight[:, 2] += weight[:, :2].sum(axis=1)
    weight[:, -3] += weight[:, -2:].sum(axis=1)
    return weight[:, 2:-2]


def drift(rng: np.random.Generator) -> Motion:
    time, motion = np.linspace(0, 1, N_FRAMES), Motion.none()
    for axis in range(2):
        waves = sum(
            rng.normal(0, 1 / k) * np.sin(2 * np.pi * (k * time / 2 + rng.random()))
            for k in (1, 2, 3)
        )
        motion.shift[:, axis] = DRIFT_PX * (2 * (waves - waves.min()) / np.ptp(waves) - 1)
    return motion


def jitter(rng: np.random.Generator) -> Motion:
    motion = Motion.none()
    motion.shift += rng.normal(0, JITTER_PX, motion.shift.shape)
    return motion


def jumps(rng: np.random.Generator) -> Motion:
    return _jumping(rng, Motion.none(), JUMP_PX, 0.0, 10.0)


def far_jumps(rng: np.random.Generator) -> Motion:
    """There and back, 20 to 40 px and 5° away: one recording looks elsewhere for a while."""
    motion, (there, back) = Motion.none(), np.sort(rng.choice(np.arange(70, 231, 20), 2, False))
    heading = rng.uniform(0, 2 * np.pi)
    motion.shift[there:back] = rng.uniform(*FAR_PX) * np.array([np.sin(heading), np.cos(heading)])
    motion.turn[there:back] = np.deg2rad(FAR_DEG) * rng.choice([-1, 1])
    motion.jumps = int(there), int(back)
    return motion


def _jumping(
    rng: np.random.Generator, motion: Motion, length: tuple[float, float], deg: float, reach: float
) -> Motion:
    places, t = [], 0
    while (t := t + int(rng.integers(JUMP_FRAMES, 100))) < N_FRAMES - 40:
        while True:
            heading = rng.uniform(0, 2 * np.pi)
            step = rng.uniform(*length) * np.array([np.sin(heading), np.cos(heading)])
            if np.hypot(*(motion.shift[-1] + step)) < reach:
                break
        motion.shift[t:] += step
        motion.turn[t:] = np.deg2rad(rng.uniform(-deg, deg))
        places.append(t)
    motion.jumps = tuple(places)
    return motion


def bent(rng: np.random.Generator, frames: float = BENT_FRAMES) -> Motion:
    motion = Motion.none()
    noise = rng.standard_normal((N_FRAMES + 200, 2, BENT_NODES, BENT_NODES))
    smooth = gaussian_filter1d(noise, frames, axis=0)[100:-100] if frames else noise[100:-100]
    y, x = np.meshgrid(np.arange(0, SIZE, 16.0), np.arange(0, SIZE, 16.0), indexing="ij")
    motion.nodes[:] = smooth
    far = max(
        np.hypot(*(motion.positions(t, y, x) - np.stack([y, x]))).max() for t in range(N_FRAMES)
    )
    motion.nodes *= BENT_PX / far
    return motion


def bent_fast(rng: np.random.Generator) -> Motion:
    """The same, another field in every frame."""
    return bent(rng, 0.0)


def together(rng: np.random.Generator) -> Motion:
    return drift(rng) + jitter(rng) + jumps(rng) + bent(rng)


def with_far_jumps(rng: np.random.Generator) -> Motion:
    return far_jumps(rng) + bent(rng)


MOTIONS: dict[str, Callable[[np.random.Generator], Motion]] = {
    "drift": drift,
    "jitter": jitter,
    "jumps": jumps,
    "bent": bent,
    "together": together,
    "bent_fast": bent_fast,
    "far_jumps": with_far_jumps,
}

TABLE = ("drift", "jitter", "jumps", "bent", "together")
"""What the benchmark runs unless asked otherwise."""

# -- anatomies ---------------------------------------------------------------------------------


def _generated(seed: int) -> Image:
    tissue = Anatomy((SIZE, SIZE), 40.0, np.random.SeedSequence(seed))
    assert MARGIN_PX == MARGIN
    planes = (tissue.plane(z) for z in (0.0, 25.0))
    return np.stack(
        [
            cv2.resize(
                p, None, fx=1 / SUPERSAMPLING, fy=1 / SUPERSAMPLING, interpolation=cv2.INTER_AREA
            )
            for p in planes
        ]
    )


def _fibres(seed: int) -> Image:
    """Thin beaded axons over little else: most blocks show hardly anything."""
    planes = []
    for k in range(2):
        rng = np.random.default_rng([seed, k])
        size = SIZE + 2 * MARGIN
        image = np.zeros((2 * size, 2 * size), np.float32)
        for _ in range(90):
            heading = rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.04, 500))
            path = rng.uniform(0, 2 * size, 2) + np.cumsum(
                np.stack([np.sin(heading), np.cos(heading)], 1), 0
            )
            light = np.exp(rng.normal(0, 0.6)) * np.exp(gaussian_filter1d(rng.normal(0, 3, 500), 4))
            inside = ((path >= 0) & (path < 2 * size - 1)).all(axis=1)
            np.add.at(image, tuple(path[inside].astype(int).T), light[inside])
        image = cv2.GaussianBlur(image, (0, 0), 2.2)
        planes.append(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA))
    planes = np.stack(planes)
    return planes + np.float32(0.06 * np.percentile(planes, BRIGHT_PERCENTILE))


def _grin(seed: int) -> Image:
    movie = tifffile.imread(DATA / "fmi_grin2p" / "still.tif").astype(np.float32)
    size = SIZE + 2 * MARGIN
    mean = cv2.resize(movie.mean(axis=0), (size, size), interpolation=cv2.INTER_CUBIC)
    return np.stack([mean, mean[::-1, ::-1]])


def _cut(planes: Image, seed: int, blur: float) -> Image:
    rng, size = np.random.default_rng(seed), SIZE + 2 * MARGIN
    y, x = (int(rng.integers(0, n - size + 1)) for n in planes.shape[1:])
    cut = planes[:, y : y + size, x : x + size].astype(np.float32)
    return np.stack([cv2.GaussianBlur(p, (0, 0), blur) if blur else p for p in cut])


def _brain(seed: int) -> Image:
    planes = tifffile.imread(DATA / "cellfinder_crop3d" / "crop_planes_ch0.tif")
    return _cut(planes[[15, 21]], seed, 0.8)


def _repeats(seed: int) -> Image:
    planes = tifffile.imread(DATA / "zstack_repeats" / "clean.tif")
    return _cut(planes[[4, 7]], seed, 0.0)


def _nuclei(seed: int) -> Image:
    image = tifffile.imread(DATA / "stardist_dsb2d" / "img2d.tif")
    return _cut(np.stack([image, image[::-1, ::-1]]), seed, 0.8)


ANATOMIES: dict[str, tuple[Callable[[int], Image], str | None]] = {
    "generated": (_generated, None),
    "fibres": (_fibres, None),
    "grin": (_grin, "fmi_grin2p"),
    "brain": (_brain, "cellfinder_crop3d"),
    "repeats": (_repeats, "zstack_repeats"),
    "nuclei": (_nuclei, "stardist_dsb2d"),
}
"""(2, Y, X) plane and another plane, and the folder of data that they are made from."""


def available(name: str) -> bool:
    folder = ANATOMIES[name][1]
    return folder is None or (DATA / folder).exists()


@lru_cache(maxsize=8)
def anatomy(name: str, seed: int) -> Image:
    """(2, Y, X) light of the plane and of another one, 1 at the bright end, with a margin."""
    planes = ANATOMIES[name][0](seed)
    planes = planes - np.percentile(planes[0], 0.5)
    return np.maximum(planes / np.percentile(planes[0], BRIGHT_PERCENTILE), 0.01).astype(np.float32)


# -- activity ----------------------------------------------------------------------------------


@dataclass
class Activity:
    """Cells that light up in waves, and frames out of the plane."""

    patches: list[tuple[slice, slice, Image]] = field(default_factory=list)
    changes: Image = field(default_factory=lambda: np.zeros((0, N_FRAMES), np.float32))
    away: Image = field(default_factory=lambda: np.zeros(N_FRAMES, np.float32))

    @classmethod
    def waves(cls, rng: np.random.Generator, image: Image, share: float) -> Activity:
        """Three waves of 20 to 50 frames in which some of the cells reach a ΔF/F of 2 to 5."""
        smooth = cv2.GaussianBlur(image, (0, 0), 3.0)
        peaks = (smooth == maximum_filter(smooth, 13)) & (smooth > np.median(smooth))
        places = np.argwhere(peaks)
        lit = places[rng.random(len(places)) < share]
        starts = np.sort(rng.choice(np.arange(20, N_FRAMES - 60, 40), 3, False))
        patches, changes = [], np.zeros((len(lit), N_FRAMES), np.float32)
        for place, change in zip(lit, changes, strict=True):
            (y0, x0), (y1, x1) = np.maximum(place - 9, 0), place + 10
            yy, xx = np.mgrid[y0 : min(y1, image.shape[0]), x0 : min(x1, image.shape[1])]
            part = np.exp(-(((yy - place[0]) ** 2 + (xx - place[1]) ** 2) / (2 * 3.5**2)))
            where = slice(y0, yy[-1, 0] + 1), slice(x0, xx[0, -1] + 1)
            patches.append((*where, (part * image[where]).astype(np.float32)))
            for start in starts:
                begin, last = start + rng.integers(0, 10), rng.integers(20, 50)
                wave = np.clip(np.arange(N_FRAMES) - begin, 0, 3) / 3.0
                wave *= np.exp(
                    -np.clip(np.arange(N_FRAMES) - begin - last / 2, 0, None) / (last / 4)
                )
                np.maximum(change, rng.uniform(2, 5) * wave, out=change)
        return cls(patches, changes)

    def light(self, planes: Image, t: int) -> Image:
        """Light of the plane as it lies at rest, in frame t."""
        image = planes[0]
        if len(self.patches) and self.changes[:, t].max() > 0:
            image = image.copy()
            for (rows, columns, patch), change in zip(
                self.patches, self.changes[:, t], strict=True
            ):
                image[rows, columns] += change * patch
        if self.away[t]:
            image = (1 - self.away[t]) * image + self.away[t] * planes[1]
        return image

    @property
    def size(self) -> Image:
        """(T,) mean change of the cells, 1 at its largest: what moves with it."""
        mean = self.changes.mean(axis=0) if len(self.changes) else np.zeros(N_FRAMES)
        return mean / max(mean.max(), 1e-9)


def frames_of(
    planes: Image, motion: Motion, photons: float, rng: np.random.Generator, activity: Activity
) -> Image:
    """(T, Y, X) uint16 frames."""
    frames = np.empty((len(motion.shift), SIZE, SIZE), np.uint16)
    y, x = (np.arange(0, SIZE + 7, 8.0) for _ in range(2))
    y, x = np.meshgrid(y, x, indexing="ij")
    for t in range(len(frames)):
        at = np.stack([y, x])
        for _ in range(INVERSION_STEPS):  # where the reference has what the frame shows
            at += np.stack([y, x]) - motion.positions(t, *at)
        # Bicubic between nodes 8 px apart: the fields are smooth over 64 px.
        map_y, map_x = (_finer(each)[:SIZE, :SIZE] for each in at)
        light = cv2.remap(
            activity.light(planes, t),
            (map_x + MARGIN).astype(np.float32),
            (map_y + MARGIN).astype(np.float32),
            cv2.INTER_LANCZOS4,
            borderMode=cv2.BORDER_REFLECT,
        )
        counts = COUNTS * rng.poisson(np.maximum(photons * light, 0)).astype(np.float32)
        counts += DARK + READ_NOISE * rng.standard_normal(light.shape, np.float32)
        frames[t] = np.clip(np.rint(counts), 0, 65535)
    return frames


@lru_cache(maxsize=1)
def _upsampling(n: int) -> Image:
    nodes = 8.0 * np.arange(n)
    return make_interp_spline(nodes, np.eye(n), k=3)(np.arange(nodes[-1] + 1))


def _finer(nodes: Image) -> Image:
    matrix = _upsampling(len(nodes))
    return matrix @ nodes @ matrix.T


def make_motion_set(
    motion: str, name: str, photons: float, seed: int, *, active: bool = False
) -> RecordingSet:
    """One recording of an anatomy; its truth is where the `compared_points` lie, (T, 2, N).

    ``active``: cells light up in waves, the tissue moves with them, and it leaves the plane once.
    """
    rng = np.random.default_rng([seed, sorted(MOTIONS).index(motion)])
    planes, moved, activity = anatomy(name, seed), MOTIONS[motion](rng), Activity()
    extra = np.random.default_rng([seed, 77])
    if active:
        activity = Activity.waves(extra, planes[0], extra.uniform(0.1, 0.3))
        heading = extra.uniform(0, 2 * np.pi)
        with_waves = 3.0 * np.array([np.sin(heading), np.cos(heading)])
        moved.shift += activity.size[:, np.newaxis] * with_waves
        start = int(extra.integers(30, N_FRAMES - 50))
        activity.away[start : start + AWAY_FRAMES] = 1.0
    frames = frames_of(planes, moved, photons, extra, activity)
    points = grid_points((SIZE, SIZE))[:2]
    truth = np.stack([moved.positions(t, *points) for t in range(len(frames))])
    away = np.flatnonzero(activity.away)
    return RecordingSet([frames], [truth], [moved.jumps], [away])


def compared_points() -> Image:
    """(N,) bool: which of the grid's points are compared."""
    y, x, _ = grid_points((SIZE, SIZE))
    return ((np.minimum(y, x) >= BORDER_PX) & (np.maximum(y, x) < SIZE - BORDER_PX)).ravel()


def point_errors(found: Sequence[Image], truth: Sequence[Image], away: Sequence[Image]) -> Image:
    """(T, N) lengths of estimated minus true position, the mean of each point over time taken off.

    Where a point of the estimate's reference lies in the truth's isn't known beforehand:
    estimated_t(x) is compared with true_t(G(x)), and G takes off each point's mean. Frames out of
    the plane are NaN.
    """
    found, true = np.concatenate(found), np.concatenate(truth)
    starts = np.cumsum([0, *map(len, truth)])[:-1]
    lost_of = zip(starts, away, strict=True)
    lost = np.concatenate([start + np.asarray(each, int) for start, each in lost_of])
    kept = np.setdiff1d(np.arange(len(true)), lost)
    points = grid_points((SIZE, SIZE))[:2]
    moved, gauge = true - points, points.copy()
    for _ in range(GAUGE_STEPS):
        at = gauge + moved @ _interpolated(gauge).T
        difference = found - at
        gauge += difference[kept].mean(axis=0)
    difference -= difference[kept].mean(axis=0)
    difference[lost.astype(int)] = np.nan
    return np.hypot(difference[:, 0], difference[:, 1])[:, compared_points()]


def _interpolated(points: Image) -> Image:
    """(N, N) cubic splines through values at `grid_points`, taken at other points (2, N)."""
    nodes = np.unique(grid_points((SIZE, SIZE))[0])
    spline = make_interp_spline(nodes, np.eye(len(nodes)), k=3)
    rows, columns = (spline(np.clip(at, nodes[0], nodes[-1])) for at in points)
    return (rows[:, :, np.newaxis] * columns[:, np.newaxis]).reshape(len(rows), -1)
