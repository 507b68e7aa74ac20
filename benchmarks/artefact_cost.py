"""CPU time that the search for artefacts adds to a short run: with it and without it, in turn.

The runs are those of 90 frames in memory, the least that it pays for. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

import napari_zstack_align as nza
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats

METHODS = ("adaptive", "keypoints")
REPEATS = 6


def frames_of(method: str, n_frames: int, size: int) -> nza.Stack:
    """Generated frames, held in memory."""
    if method == "adaptive":
        made = zstack_with_repeats(n_slices=n_frames // REPEATS, n_repeats=REPEATS, size=size)
        frames = made.stack.read(0, made.stack.n_frames)[:, 0]
        return nza.Stack.from_array(frames, frames_per_slice=REPEATS)
    recording = recording_with_motion(n_frames=n_frames, size=size)
    return nza.Stack.from_array(recording.stack.read(0, n_frames)[:, 0])


def cpu_s(method: str, stack: nza.Stack, search: bool) -> float:
    """CPU time of one run, all threads."""
    start = time.process_time()
    if method == "adaptive":
        nza.run(nza.align_adaptive(stack, nza.AdaptiveParams(find_artefacts=search)))
    else:
        params = nza.KeypointParams(find_artefacts=search)
        nza.run(nza.register_recordings([stack], params))
    return time.process_time() - start


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--runs", type=int, default=6)
    options = parser.parse_args(arguments)
    for method in options.methods:
        stack = frames_of(method, options.frames, options.size)
        cpu_s(method, stack, search=True)
        pairs = np.empty((options.runs, 2))
        for i in range(options.runs):
            for search in (True, False) if i % 2 else (False, True):
                pairs[i, int(search)] = cpu_s(method, stack, search)
        without, with_it = pairs.min(axis=0)
        ratio = float(np.median(pairs[:, 1] / pairs[:, 0]))
        print(
            f"{method:10s} without {without:.2f} s, with {with_it:.2f} s (least); "
            f"median of the ratios {ratio:.3f}, ratio of the least {with_it / without:.3f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
