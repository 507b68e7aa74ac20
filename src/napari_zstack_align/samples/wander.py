"""How the plane of a generated recording moves: affine maps that drift, jump and lie elsewhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.errors import InputError

STEP_ROOM = 20
"""Frames between two steps, and between a step and either end, at least."""

Maps = npt.NDArray[np.float64]


def affine_drift(
    rng: np.random.Generator, n_frames: int, shape: tuple[int, int], max_displacement_px: float
) -> npt.NDArray[np.float64]:
    """(T, 3, 3) maps that wander slowly from the identity: shift, turn and stretch."""
    time = np.linspace(0, 1, n_frames)
    waves = sum(
        rng.normal(0, 1 / k, 6)[:, None] * (np.cos(np.pi * k * time) - 1) for k in (1, 2, 3)
    )
    linear = waves[:4].T.reshape(-1, 2, 2) * 2 / max(shape)
    centre = (np.array(shape) - 1) / 2
    maps = np.tile(np.eye(3), (n_frames, 1, 1))
    maps[:, :2, :2] += linear
    maps[:, :2, 2] += waves[4:].T - linear @ centre
    scale = max_displacement_px / max(largest_shift(maps, shape), 1e-12)
    return np.asarray(np.eye(3) + (maps - np.eye(3)) * scale)


def steps_of(
    rng: np.random.Generator,
    n_frames: int,
    n_steps: int,
    step_px: float,
    step_deg: float,
    shape: tuple[int, int],
) -> tuple[Maps, tuple[int, ...]]:
    """(T, 3, 3) maps that jump out at one step and back at the next, and the steps' frames."""
    free = n_frames - (n_steps + 1) * STEP_ROOM
    if n_steps and free < 0:
        raise InputError(
            f"{n_steps} steps need {(n_steps + 1) * STEP_ROOM} frames, not {n_frames}: ask for "
            f"fewer."
        )
    places = np.sort(rng.integers(0, max(free, 0) + 1, n_steps))
    places += STEP_ROOM * np.arange(1, n_steps + 1)
    maps = np.tile(np.eye(3), (n_frames, 1, 1))
    for out, back in zip(places[::2], [*places[1::2], n_frames], strict=False):
        turn = step_deg * rng.choice([-1, 1])
        maps[out:back] = about_centre(step_px, turn, shape, heading=rng.uniform(0, 2 * np.pi))
    return maps, tuple(int(place) for place in places)


def about_centre(px: float, deg: float, shape: tuple[int, int], *, heading: float) -> Maps:
    """(3, 3) shift by so many px towards a heading (radian), and turn about the frame's centre."""
    cos, sin = np.cos(np.deg2rad(deg)), np.sin(np.deg2rad(deg))
    matrix = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    centre = (np.array(shape) - 1) / 2
    shift = px * np.array([np.sin(heading), np.cos(heading)])
    matrix[:2, 2] = centre - matrix[:2, :2] @ centre + shift
    return matrix


def largest_shift(maps: Maps, shape: tuple[int, int]) -> float:
    """Farthest that any map moves a corner of the frame, px."""
    corners = np.array([(y, x, 1) for y in (0, shape[0] - 1) for x in (0, shape[1] - 1)]).T
    moved = (maps - np.eye(3))[:, :2] @ corners
    return float(np.sqrt((moved**2).sum(axis=1)).max())
