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
    if name == "ours_none":
        params = params.replace(residual="none")

    def register(movies: list[np.ndarray]) -> list[nza.Alignment]:
        stacks = [nza.Stack.from_array(movie) for movie in movies]
        return nza.run(nza.register_recordings(stacks, params, threads=THREADS))

    def work() -> Callable[[], list[np.ndarray]]:
        alignments = register(recordings)
        return lambda: [alignment.transforms.matrices() for alignment in alignments]

    register([recordings[0][:60]])  # imports on demand
    measure_cpu(work, folder, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)
