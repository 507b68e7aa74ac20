"""Align recordings by another program: `run_peers.py FOLDER NAME`.

Runs in an environment of its own that holds the program. All recordings of a set are given to it
as one movie. Needs NumPy and the program alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from measure import limit_threads, load_recordings, measure_cpu

limit_threads()

import numpy as np  # noqa: E402

Result = Callable[[], np.ndarray]
"""(T, 3, 3) backward maps, or (T, 2, N) raw positions of the points."""
LARGEST_SHIFT_PX = 24
"""A little less than a tenth of the frame (the default of Suite2p), for all."""


def main(folder: Path, name: str) -> None:
    recordings = load_recordings(folder)
    movie = np.concatenate(recordings)
    points = np.load(folder / "points.npy")
    register = METHODS[name]
    ends = np.cumsum([len(recording) for recording in recordings])[:-1]

    def work() -> Callable[[], list[np.ndarray]]:
        result = register(movie, points)
        return lambda: np.split(result(), ends)

    check_direction(register)
    register(movie, points)  # compiles and imports what it needs
    measure_cpu(work, folder, name)


def pystackreg(movie: np.ndarray, points: np.ndarray) -> Result:
    """Rigid body, each frame to the mean of a tenth of the frames, the middle one.

    Better than its own choices here: the mean of all frames is blurred by the motion, and errors
    add up from frame to frame.
    """
    from pystackreg import StackReg

    middle = np.array_split(movie, 10)[5].mean(axis=0)
    register = StackReg(StackReg.RIGID_BODY)
    maps = np.stack([register.register(middle, frame) for frame in movie])
    # Its maps act on (x, y, 1) and go from the registered frame to the raw one.
    return lambda: maps[:, [1, 0, 2]][:, :, [1, 0, 2]]


def suite2p_rigid(movie: np.ndarray, points: np.ndarray) -> Result:
    found = _suite2p(movie, nonrigid=False)
    return lambda: translations(found["yoff"], found["xoff"])


def suite2p_nonrigid(movie: np.ndarray, points: np.ndarray) -> Result:
    from suite2p.registration import nonrigid

    found = _suite2p(movie, nonrigid=True)

    def positions() -> np.ndarray:
        block_size = _suite2p_settings(movie, nonrigid=True)["block_size"]
        rows, columns, *_ = nonrigid.make_blocks(*movie.shape[1:], tuple(block_size))
        centres = [np.unique([np.mean(block) for block in blocks]) for blocks in (rows, columns)]
        shape = (len(movie), *(len(places) for places in centres))
        local = [
            np.stack([_bilinear(centres, frame, points[:2]) for frame in shifts.reshape(shape)])
            for shifts in (found["yoff1"], found["xoff1"])
        ]
        rigid = np.stack([found["yoff"], found["xoff"]], axis=1)[..., None]
        return points[:2] + rigid + np.stack(local, axis=1)

    return positions


def jnormcorre_rigid(movie: np.ndarray, points: np.ndarray) -> Result:
    """Its template, then the shifts of all frames against it."""
    from jnormcorre.motion_correction import MotionCorrect, register_frames_to_template_rigid

    shifts = np.array([LARGEST_SHIFT_PX] * 2)
    frames = movie.astype(np.float32)
    correct = MotionCorrect(
        frames, max_shifts=tuple(shifts), frames_per_split=100, min_mov=float(frames.min())
    )
    template = correct.motion_correct(save_movie=False)[0].template
    parts = [
        register_frames_to_template_rigid(part, template, shifts, -frames.min())
        for part in np.array_split(frames, max(1, len(frames) // 100))
    ]
    found = np.concatenate([np.asarray(part[1]).reshape(-1, 2) for part in parts])
    # It gives what it moved the frame by: the other way round.
    return lambda: translations(*-found.T)


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], Result]] = {
    "pystackreg": pystackreg,
    "suite2p_rigid": suite2p_rigid,
    "suite2p_nonrigid": suite2p_nonrigid,
    "jnormcorre": jnormcorre_rigid,
}


def translations(dy: np.ndarray, dx: np.ndarray) -> np.ndarray:
    """(T, 3, 3) maps that shift by (dy, dx)."""
    maps = np.tile(np.eye(3), (len(dy), 1, 1))
    maps[:, 0, 2], maps[:, 1, 2] = dy, dx
    return maps


def check_direction(register: Callable[[np.ndarray, np.ndarray], Result]) -> None:
    """Stop unless known shifts come back with the sign and the order of axes assumed here."""
    rng = np.random.default_rng(0)
    spots, (y, x) = rng.uniform(-20, 276, (150, 2)), np.mgrid[:256, :256].astype(float)
    shifts = np.array([(0, 0), (3, -2), (-3, 5)] * 10, float)
    movie = np.zeros((len(shifts), 256, 256), np.uint16)
    for image, (dy, dx) in zip(movie, shifts, strict=True):
        squares = ((y - cy - dy) ** 2 + (x - cx - dx) ** 2 for cy, cx in spots)
        image[:] = 1000 * sum(np.exp(-square / 18) for square in squares) + rng.poisson(20, y.shape)
    middle = np.array([[128.0], [128.0], [1.0]])
    found = register(movie, middle)()
    found = (found[:, :2] @ middle if found.shape[1:] == (3, 3) else found)[:, :, 0]
    error = (found - found.mean(axis=0)) - (shifts - shifts.mean(axis=0))
    if abs(error).max() > 1.0:
        sys.exit(f"Known shifts came back off by {abs(error).max():.1f} px: check its convention.")


def _suite2p(movie: np.ndarray, *, nonrigid: bool) -> dict:
    import torch
    from suite2p.registration.register import registration_wrapper

    return registration_wrapper(
        movie.astype(np.int16),
        settings=_suite2p_settings(movie, nonrigid=nonrigid),
        device=torch.device("cpu"),
    )


def _suite2p_settings(movie: np.ndarray, *, nonrigid: bool) -> dict:
    from suite2p import default_settings

    return default_settings()["registration"] | {"nonrigid": nonrigid}


def _bilinear(places: list[np.ndarray], values: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N,) values between blocks' centres, held constant outside them."""
    below, part = [], []
    for axis, at in zip(places, points, strict=True):
        k = np.clip(np.searchsorted(axis, at) - 1, 0, max(len(axis) - 2, 0))
        below.append(k)
        part.append(np.clip((at - axis[k]) / (axis[k + 1] - axis[k]), 0, 1))
    (i, j), (v, u) = below, part
    upper = (1 - u) * values[i, j] + u * values[i, j + 1]
    return (1 - v) * upper + v * ((1 - u) * values[i + 1, j] + u * values[i + 1, j + 1])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
