"""Recordings with known motion, and how far estimated transforms lie from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile

from napari_zstack_align.samples import recording_with_motion

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STILL = DATA / "fmi_grin2p" / "still.tif"
DRIFTING = DATA / "recordings_drift"

N_FRAMES = 500
DRIFT_PX, DRIFT_DEG, DRIFT_SCALE = 8.0, 1.5, 0.01
JITTER_PX = 2.0
STEPS, STEP_PX, STEP_DEG = 3, (4.0, 10.0), (1.0, 2.0)
LARGEST_OFFSET_PX, LARGEST_OFFSET_DEG = 12.0, 2.5
"""Steps together go no farther, or mirrored edges would fill the frame."""
GRID_PX = 16
NEAR_STEP = 2
"""Frames on either side of a step that may be wrong."""

NEEDS = {"slow": STILL, "jitter": STILL, "steps": STILL, "drift3": DRIFTING, "generated": None}
"""The sets, and the data each is made from."""


@dataclass(frozen=True)
class RecordingSet:
    """Recordings (T, Y, X), their backward maps (T, 3, 3) reference to raw, and their steps.

    A step is the first frame that lies in the new place. Of motion that isn't affine the truth is
    where `grid_points` lie, (T, 2, N), and ``away`` the frames out of the plane.
    """

    frames: list[np.ndarray]
    truth: list[np.ndarray]
    steps: list[tuple[int, ...]]
    away: list[np.ndarray] | None = None

    def save(self, folder: Path) -> None:
        """Leave in a folder what the measured processes read; the truth is not among it."""
        folder.mkdir(parents=True, exist_ok=True)
        for k, frames in enumerate(self.frames):
            np.save(folder / f"frames_{k}.npy", frames)
        np.save(folder / "points.npy", grid_points(self.frames[0].shape[1:]))

    @property
    def far_from_steps(self) -> list[np.ndarray]:
        """(T,) bool of each recording: frames more than `NEAR_STEP` from any step."""
        far = [np.ones(len(frames), bool) for frames in self.frames]
        for frames, steps in zip(far, self.steps, strict=True):
            for step in steps:
                frames[step - NEAR_STEP : step + NEAR_STEP] = False
        return far


@dataclass(frozen=True)
class RecordingError:
    """Distance of estimated from true mapping, px, in one affine gauge for all recordings.

    Attributes
    ----------
    mean, p95, max : float
        Of the frames' means over a grid of points `GRID_PX` apart.
    over : int
        Frames whose mean is above 1 px.
    over_percent : float
        The same in % of all frames.
    frames : list of numpy.ndarray
        (T,) mean of each frame of each recording.
    """

    mean: float
    p95: float
    max: float
    over: int
    over_percent: float
    frames: list[np.ndarray]

    def over_far_from_steps(self, data: RecordingSet) -> int:
        """Frames above 1 px that no step excuses."""
        far = np.concatenate(data.far_from_steps)
        return int(((np.concatenate(self.frames) > 1) & far).sum())


def available(name: str) -> bool:
    """Whether the data that a set is made from lies beside this project."""
    return NEEDS[name] is None or NEEDS[name].exists()


def make_set(name: str, seed: int) -> RecordingSet:
    """Make a set by its name (`NEEDS`); 'drift3' is the same for all seeds."""
    if name == "drift3":
        return _drifting()
    if name == "generated":
        sample = recording_with_motion(n_frames=N_FRAMES, max_displacement_px=12.0, seed=seed)
        return RecordingSet([sample.stack.read(0, N_FRAMES)[:, 0]], [sample.affine], [()])
    rng = np.random.default_rng(seed)
    still = tifffile.imread(STILL)
    there_and_back = np.concatenate([still, still[-2::-1]])[:N_FRAMES]
    maps, steps = slow_drift(rng, N_FRAMES, still.shape[1:]), ()
    if name == "jitter":
        maps[:, :2, 2] += rng.uniform(-JITTER_PX, JITTER_PX, (N_FRAMES, 2))
    if name == "steps":
        steps = _places_of_steps(rng)
        maps = _with_steps(rng, maps, steps, still.shape[1:])
    return RecordingSet([move(there_and_back, maps)], [maps], [steps])


def slow_drift(rng: np.random.Generator, count: int, shape: tuple[int, ...]) -> np.ndarray:
    """(count, 3, 3) smooth similarities about the centre, each part over its whole range."""
    time = np.linspace(0, 1, count)
    curves = []
    for reach in (DRIFT_PX, DRIFT_PX, np.deg2rad(DRIFT_DEG), DRIFT_SCALE):
        waves = sum(
            rng.normal(0, 1 / k**2) * np.sin(2 * np.pi * (k * time / 2 + rng.random()))
            for k in (1, 2, 3)
        )
        curves.append(reach * (2 * (waves - waves.min()) / np.ptp(waves) - 1))
    dy, dx, angle, scale = curves
    return about_centre(dy, dx, angle, 1 + scale, shape)


def about_centre(dy, dx, angle, scale, shape: tuple[int, ...]) -> np.ndarray:
    """(T, 3, 3) shift by (dy, dx), turn (radian) and scale about the centre of a frame."""
    dy, dx, angle, scale = np.broadcast_arrays(dy, dx, angle, scale)
    maps = np.tile(np.eye(3), (len(dy), 1, 1))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    maps[:, 0, 0], maps[:, 0, 1], maps[:, 1, 0], maps[:, 1, 1] = cos, -sin, sin, cos
    centre = (np.array(shape) - 1) / 2
    maps[:, :2, 2] = centre - maps[:, :2, :2] @ centre + np.stack([dy, dx], axis=1)
    return maps


def move(frames: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Frames as a microscope would see them, given where it sees each reference position."""
    y, x = np.mgrid[: frames.shape[1], : frames.shape[2]]
    points = np.stack([y, x, np.ones_like(y)]).reshape(3, -1)
    moved = np.empty_like(frames)
    for t, inverse in enumerate(np.linalg.inv(maps)):
        map_y, map_x = (inverse[:2] @ points).reshape(2, *y.shape).astype(np.float32)
        frame = cv2.remap(
            frames[t].astype(np.float32),
            map_x,
            map_y,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
        moved[t] = frame if frames.dtype.kind == "f" else _counts(frame, frames.dtype)
    return moved


def _counts(frame: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return np.clip(np.rint(frame), 0, np.iinfo(dtype).max)


def _places_of_steps(rng: np.random.Generator) -> tuple[int, ...]:
    """Frames 60 apart, and none near a border of chunks of 50 frames."""
    while True:
        places = np.sort(rng.integers(40, N_FRAMES - 40, STEPS))
        if np.diff(places).min() > 60 and np.abs((places + 25) % 50 - 25).min() > 5:
            return tuple(int(place) for place in places)


def _with_steps(
    rng: np.random.Generator, maps: np.ndarray, steps: tuple[int, ...], shape: tuple[int, ...]
) -> np.ndarray:
    """Maps that jump by a shift and a turn at each step, and back again when too far."""
    shift, angle = np.zeros((len(maps), 2)), np.zeros(len(maps))
    for step in steps:
        while True:
            heading = rng.uniform(0, 2 * np.pi)
            far = shift[-1] + rng.uniform(*STEP_PX) * np.array([np.sin(heading), np.cos(heading)])
            turn = angle[-1] + rng.choice([-1, 1]) * rng.uniform(*STEP_DEG)
            if np.hypot(*far) < LARGEST_OFFSET_PX and abs(turn) < LARGEST_OFFSET_DEG:
                break
        shift[step:], angle[step:] = far, turn
    return about_centre(*shift.T, np.deg2rad(angle), 1.0, shape) @ maps


def _drifting() -> RecordingSet:
    """The three recordings with known motion that lie beside this project."""
    paths = sorted(DRIFTING.glob("recording_?.tif"))
    to_reference = [np.load(path.with_name(f"{path.stem}_raw_to_reference.npy")) for path in paths]
    return RecordingSet(
        [tifffile.imread(path) for path in paths],
        [np.linalg.inv(maps) for maps in to_reference],
        [()] * len(paths),
    )


def grid_points(shape: tuple[int, ...]) -> np.ndarray:
    """(3, N) the points compared, as columns (y, x, 1)."""
    y, x = (np.arange(GRID_PX // 2, size, GRID_PX) for size in shape)
    y, x = np.meshgrid(y, x, indexing="ij")
    return np.stack([y, x, np.ones_like(y)]).reshape(3, -1).astype(float)


def gauge_error(
    estimated: Sequence[np.ndarray], truth: Sequence[np.ndarray], shape: tuple[int, ...]
) -> RecordingError:
    """Compare estimated with true maps of all recordings, in the affine gauge that fits best.

    The gauge G says where the estimate's reference lies in the truth's, the same for all frames:
    estimated_t(x) is compared with true_t(G(x)), G by least squares.

    Parameters
    ----------
    estimated : sequence of numpy.ndarray
        One a recording: (T, 3, 3) backward maps, or (T, 2, N) raw positions of `grid_points`.
    truth : sequence of numpy.ndarray
        One a recording: (T, 3, 3) backward maps.
    shape : (int, int)
        Rows and columns of a frame.
    """
    points = grid_points(shape)
    true = np.concatenate(truth)[:, :2]
    found = np.concatenate([_positions(maps, points) for maps in estimated])
    linear, shift = true[:, :, :2], true[:, :, 2:]
    across = np.einsum("tij,tik->jk", linear, linear)
    moments = np.einsum("tij,tin,mn->jm", linear, found - shift, points)
    gauge = np.linalg.solve(across, moments) @ np.linalg.inv(points @ points.T)
    difference = found - (linear @ (gauge @ points) + shift)
    frames = np.hypot(difference[:, 0], difference[:, 1]).mean(axis=1)
    over = frames > 1
    return RecordingError(
        mean=float(frames.mean()),
        p95=float(np.percentile(frames, 95)),
        max=float(frames.max()),
        over=int(over.sum()),
        over_percent=float(100 * over.mean()),
        frames=np.split(frames, np.cumsum([len(maps) for maps in truth])[:-1]),
    )


def _positions(maps: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(T, 2, N) where the points lie in the raw frames."""
    return maps[:, :2] @ points if maps.shape[1:] == (3, 3) else maps
