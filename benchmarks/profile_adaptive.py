"""Where a frame's milliseconds go in the alignment of a z-stack, against the floor.

    python benchmarks/profile_adaptive.py             # 512 x 512 px
    python benchmarks/profile_adaptive.py --set small20

One thread, all in order, so that parts add up. The floor is what no method can do without: a blur,
a field and one bicubic interpolation of a frame.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from collections.abc import Iterator
from typing import Any

from measure import limit_threads

limit_threads(1)

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import sets  # noqa: E402

import napari_zstack_align as nza  # noqa: E402
from napari_zstack_align.alignment.spline import field_on_pixels, grid_shape  # noqa: E402
from napari_zstack_align.alignment.warp import warp  # noqa: E402
from napari_zstack_align.register.slice_run import SliceRun  # noqa: E402

PARTS = {
    "reading, rough shifts": ("_look", "_rough_shifts"),
    "means that frames are registered to": ("mean",),
    "prefilter": ("filtered",),
    "registration: coarse and two fine passes": ("register_frame", "residual_power"),
    "templates": ("build", "equations"),
    "torn frames": ("largest_step",),
    "smoothness told by the data": ("_calibrate",),
    "verdict on the repeats, their mean": ("_judge",),
    "slice to slice": ("next",),
    "table: correlations, lengths": ("_fill",),
    "volume": ("volume_slice",),
}
"""Functions whose time, with all that they call, makes up a part; each named in `FILES`."""
FILES = (
    "within_slice.py",
    "slice_run.py",
    "template.py",
    "frames.py",
    "tears.py",
    "two_stage.py",
    "between_slices.py",
    "alignment.py",
)
ROUNDS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--set", choices=list(sets.SYNTHETIC), default="cells20")
    parser.add_argument("--seed", type=int, default=101)
    options = parser.parse_args()
    sample = sets.sample(options.set, options.seed)
    cv2.setNumThreads(1)
    _in_order()
    align(sample.stack)
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(align, sample.stack)
    table = pstats.Stats(profile)
    scale = 1000 / sample.stack.n_frames
    print(f"{'ms a frame':>48}")
    for name, functions in PARTS.items():
        print(f"{name:42}{scale * _seconds(table, functions):6.2f}")
    print(f"{'all':42}{scale * table.total_tt:6.2f}")
    print(f"{'floor: blur, field, one interpolation':42}{floor_ms(sample.clean[0]):6.2f}")


def align(stack: nza.Stack) -> None:
    alignment = nza.run(nza.align_adaptive(stack, threads=1))
    for z in range(stack.n_slices):
        alignment.volume_slice(z)


def floor_ms(image: np.ndarray) -> float:
    shape = image.shape[0], image.shape[1]
    field = np.ones((2, *grid_shape(shape, 48.0)), np.float32)
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        cv2.GaussianBlur(image, (0, 0), 0.8)
        warp(image, field_on_pixels(field, shape, 48.0))
        seconds.append(time.perf_counter() - start)
    return 1000 * float(np.median(seconds))


def _seconds(table: pstats.Stats, functions: tuple[str, ...]) -> float:
    rows = table.stats.items()  # type: ignore[attr-defined]
    return sum(
        row[3] for (file, _, name), row in rows if name in functions and file.endswith(FILES)
    )


def _in_order() -> None:
    """Have the work done where it is asked for: a profile sees one thread."""

    def mapped(_: SliceRun, function: Any, items: Any) -> Iterator[Any]:
        return map(function, items)

    def at_once(_: SliceRun, work: Any, *arguments: Any, **options: Any) -> Any:
        return work(*arguments, **options)

    def ready(_: SliceRun, result: Any) -> Any:
        return result
        yield

    SliceRun.map, SliceRun.begin, SliceRun.result = mapped, at_once, ready  # type: ignore[assignment]


if __name__ == "__main__":
    main()
