"""Align one set with this package: `run_ours.py FOLDER NAME [PARAMETERS.json]`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from measure import SAMPLING_PX, limit_threads, load, measure

limit_threads()

import numpy as np  # noqa: E402

import napari_zstack_align as nza  # noqa: E402


def main(folder: Path, name: str, parameters: Path | None) -> None:
    frames, slices = load(folder)
    params = nza.AdaptiveParams.from_file(parameters) if parameters else nza.AdaptiveParams()

    def align(count: int) -> tuple[nza.Alignment, np.ndarray]:
        repeats = int((slices[:count] == 0).sum())
        stack = nza.Stack.from_array(frames[:count], frames_per_slice=repeats, order="repeats")
        alignment = nza.run(nza.align_adaptive(stack, params))
        return alignment, alignment.volume().compute()

    def work() -> Callable[[], np.ndarray]:
        alignment, _ = align(len(frames))

        def sampled() -> np.ndarray:
            fields = (alignment.transforms.displacement(t) for t in range(len(frames)))
            return np.stack([field[:, ::SAMPLING_PX, ::SAMPLING_PX] for field in fields])

        return sampled

    align(2)  # imports on demand
    measure(work, len(frames), folder, name)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)
