"""Align recordings with this package: `run_recordings.py FOLDER NAME [PARAMETERS.json]`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from measure import THREADS, limit_threads, load_recordings, measure_cpu

limit_threads()

import numpy as np  # noqa: E402

import napari_zstack_align as nza  # noqa: E402


def main(folder: Path, name: str, parameters: Path | None) -> None:
    recordings = load_recordings(folder)
    params = nza.KeypointParams.from_file(parameters) if parameters else nza.KeypointParams()
    if "_" in name:  # one of our own fixed choices
        params = params.replace(residual=name.removeprefix("ours_"))

    def register(movies: list[np.ndarray]) -> list[nza.Alignment]:
        stacks = [nza.Stack.from_array(movie) for movie in movies]
        return nza.run(nza.register_recordings(stacks, params, threads=THREADS))

    def work() -> Callable[[], list[np.ndarray]]:
        alignments = register(recordings)
        return lambda: [_maps(alignment, points) for alignment in alignments]

    points = np.load(folder / "points.npy")[:2].T
    register([recordings[0][:60]])  # imports on demand
    measure_cpu(work, folder, name)


def _maps(alignment: nza.Alignment, points: np.ndarray) -> np.ndarray:
    """(T, 3, 3) maps where they are affine, else (T, 2, N) raw positions of the points."""
    transforms = alignment.transforms
    if transforms.affine:
        return transforms.matrices()
    return np.stack([transforms.to_raw(points, t).T for t in range(len(transforms))])


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)
