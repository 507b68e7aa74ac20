"""How far the transforms move when a cell brightens five times for 20 frames.

    python benchmarks/cell.py --seeds 201 202

Must: nothing moves by more than 0.2 px. Cells of the real still movie brighten in turn, one a run;
the largest change at any point of any frame is printed, and the largest of the frames' means.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
import tifffile
from measure import limit_threads

limit_threads()

from recording_sets import STILL, available, grid_points, make_set, move  # noqa: E402

import napari_zstack_align as nza  # noqa: E402

FACTOR, LENGTH, RADIUS_PX = 5.0, 20, 6.0
FIRST_FRAMES = (110, 240)
"""Inside a chunk, and in the middle, where the first reference comes from."""
N_CELLS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", nargs="+", choices=("slow", "jitter"), default=["slow", "jitter"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[201])
    options = parser.parse_args()
    if not available("slow"):
        print("skipped, its data is not beside this project")
        return
    heads = f"{'cell (y, x)':>14}{'largest change px':>19}{'frame mean px':>16}"
    print(f"{'set':8}{'seed':>5}{'first frame':>13}{heads}")
    for name in options.sets:
        for seed in options.seeds:
            compare(name, seed)


def compare(name: str, seed: int) -> None:
    """Print a line a cell and place in time."""
    data = make_set(name, seed)
    frames, truth = data.frames[0], data.truth[0]
    before = positions(frames)
    for first in FIRST_FRAMES:
        for cell in cells():
            change = positions(brighten(frames, truth, cell, first)) - before
            lengths = np.hypot(change[:, 0], change[:, 1])
            figures = f"{lengths.max():>19.3f}{lengths.mean(axis=1).max():>16.3f}"
            place = f"({cell[0]}, {cell[1]})"
            print(f"{name:8}{seed:>5}{first:>13}{place:>14}{figures}", flush=True)


def cells() -> list[tuple[int, int]]:
    """Brightest spots of a cell's size in the still movie's mean, away from edges and apart."""
    mean = tifffile.imread(STILL).mean(axis=0)
    spots = cv2.GaussianBlur(mean, (0, 0), 3) - cv2.GaussianBlur(mean, (0, 0), 9)
    inner = np.zeros(spots.shape, bool)
    inner[40:-40, 40:-40] = True
    found: list[tuple[int, int]] = []
    while len(found) < N_CELLS:
        y, x = np.unravel_index(np.argmax(np.where(inner, spots, -np.inf)), spots.shape)
        found.append((int(y), int(x)))
        inner[max(y - 20, 0) : y + 20, max(x - 20, 0) : x + 20] = False
    return found


def brighten(
    frames: np.ndarray, truth: np.ndarray, cell: tuple[int, int], first: int
) -> np.ndarray:
    """A copy of the frames with one cell brighter for a while, where it lies in each."""
    y, x = np.mgrid[: frames.shape[1], : frames.shape[2]]
    distance = np.hypot(y - cell[0], x - cell[1])
    gain = 1000 * (FACTOR - 1) / (1 + np.exp(2 * (distance - RADIUS_PX)))
    during = slice(first, first + LENGTH)
    factors = 1 + move(np.repeat(gain[None], LENGTH, axis=0), truth[during]) / 1000
    brighter = frames.copy()
    brighter[during] = np.clip(frames[during] * factors, 0, np.iinfo(frames.dtype).max)
    return brighter


def positions(frames: np.ndarray) -> np.ndarray:
    """(T, 2, N) raw positions of a grid of points, by the defaults."""
    stack = nza.Stack.from_array(frames)
    (alignment,) = nza.run(nza.register_recordings([stack], nza.KeypointParams()))
    return alignment.transforms.matrices()[:, :2] @ grid_points(frames.shape[1:])


if __name__ == "__main__":
    main()
