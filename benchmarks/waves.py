"""Register recordings with waves of activity in them: error beside that without the wave.

A part of the cells is several times as bright for some of the frames. The table gives mean, 95th
percentile and largest of the frames' errors, the frames that aren't used, and the same of the
recording without the wave. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence

import cv2
import numpy as np
from recording_sets import RecordingError, RecordingSet, available, gauge_error, make_set

import napari_zstack_align as nza
from napari_zstack_align.samples import recording_with_motion

WHEN = {
    "start": [(0.0, 0.3)],
    "middle": [(0.3, 0.6)],
    "end": [(0.7, 1.0)],
    "two": [(0.1, 0.3), (0.6, 0.8)],
    "half": [(0.5, 1.0)],
    "most": [(0.1, 0.9)],
    "all": [(0.0, 1.0)],
}
"""Parts of a recording in which the cells are lit."""
FINE_PX, COARSE_PX = 1.5, 8.0
"""Cells are bright between these sizes."""
EDGE_PX = 1.0
AVERAGED = 20
SEPARATE = ("drift1", "drift2", "drift3")
"""The recordings of 'session' one by one."""


def recordings(name: str) -> RecordingSet:
    """Recordings by name: 'drift1' to 'drift3', 'session', or 'generated-SIZE-FRAMES-SEED'."""
    if name.startswith("generated"):
        size, n_frames, seed = map(int, name.split("-")[1:])
        made = recording_with_motion(size=size, n_frames=n_frames, seed=seed)
        return RecordingSet([made.stack.read(0, n_frames)[:, 0]], [made.affine], [()])
    drifting = make_set("drift3", 0)
    if name == "session":
        return drifting
    i = SEPARATE.index(name)
    return RecordingSet([drifting.frames[i]], [drifting.truth[i]], [()])


def with_wave(data: RecordingSet, part: float, times: float, when: str) -> RecordingSet:
    """Multiply the brightest cells, this part of the pixels; of a session, in the middle one."""
    k = (len(data.frames) - 1) // 2
    frames, maps = data.frames[k], data.truth[k]
    lit = 1 + (times - 1) * _cells(frames, maps, part)
    changed = frames.copy()
    for t in _frames(len(frames), when):
        moved = cv2.warpAffine(lit, _for_cv2(maps[t]), lit.shape[::-1])
        brighter = frames[t] * np.maximum(moved, 1)
        changed[t] = np.clip(np.rint(brighter), 0, np.iinfo(frames.dtype).max)
    return RecordingSet([*data.frames[:k], changed, *data.frames[k + 1 :]], data.truth, data.steps)


def _frames(count: int, when: str) -> list[int]:
    ranges = [range(round(a * count), round(b * count)) for a, b in WHEN[when]]
    return list(itertools.chain(*ranges))


def _cells(frames: np.ndarray, maps: np.ndarray, part: float) -> np.ndarray:
    """(Y, X) float32 in reference coordinates: 1 where cells are, with soft edges."""
    size = frames.shape[:0:-1]
    some = np.linspace(0, len(frames) - 1, AVERAGED).astype(int)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    mean = np.mean(
        [
            cv2.warpAffine(frames[t].astype(np.float32), _for_cv2(maps[t]), size, flags=flags)
            for t in some
        ],
        axis=0,
    ).astype(np.float32)
    band = cv2.GaussianBlur(mean, (0, 0), FINE_PX) - cv2.GaussianBlur(mean, (0, 0), COARSE_PX)
    cells = band > np.percentile(band, 100 * (1 - part))
    return cv2.GaussianBlur(cells.astype(np.float32), (0, 0), EDGE_PX)


def _for_cv2(matrix: np.ndarray) -> np.ndarray:
    """(2, 3) map of the column (x, y, 1), as OpenCV has it, from one of (y, x, 1)."""
    swap = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1.0]])
    return (swap @ matrix @ swap)[:2]


def registered(data: RecordingSet, params: nza.KeypointParams) -> tuple[RecordingError, int]:
    """Error of the maps found, and how many frames are not used."""
    stacks = [nza.Stack.from_array(f, "TYX", name=f"{i}") for i, f in enumerate(data.frames)]
    found = nza.run(nza.register_recordings(stacks, params))
    maps = [alignment.transforms.matrices() for alignment in found]
    unused = sum(int((~alignment.quality["used"]).sum()) for alignment in found)
    return gauge_error(maps, data.truth, data.frames[0].shape[1:]), unused


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    sets = [*SEPARATE, "session", "generated-160-120-1", "generated-256-200-2"]
    parser.add_argument("--sets", nargs="+", default=sets)
    parser.add_argument("--chunk-frames", nargs="+", type=int, default=[10, 20])
    parser.add_argument("--parts", nargs="+", type=float, default=[0.01, 0.03, 0.1, 0.3])
    parser.add_argument("--times", nargs="+", type=float, default=[2, 4, 8])
    parser.add_argument("--when", nargs="+", choices=WHEN, default=list(WHEN))
    options = parser.parse_args(arguments)
    print(f"{'set':22s}{'chunk':>6s}{'part':>6s}{'times':>6s} {'when':8s}", end="")
    print("   mean    p95    max  unused |  clean mean    p95    max  unused")
    for name in options.sets:
        if name in (*SEPARATE, "session") and not available("drift3"):
            print(f"{name}: skipped, its data is not beside this project")
            continue
        data = recordings(name)
        for chunk_frames in options.chunk_frames:
            params = nza.KeypointParams(chunk_frames=chunk_frames)
            clean, clean_unused = registered(data, params)
            for part, times, when in itertools.product(options.parts, options.times, options.when):
                head = f"{name:22s}{chunk_frames:6d}{part:6.2f}{times:6.1f} {when:8s}"
                print(head, end="", flush=True)
                try:
                    error, unused = registered(with_wave(data, part, times, when), params)
                except nza.ZstackAlignError as refused:
                    print(f"refused: {refused}  <-- beyond the limit")
                    continue
                limit = all(
                    getattr(error, which) <= 1.3 * getattr(clean, which) + 0.02
                    for which in ("mean", "p95", "max")
                )
                within = limit and unused <= clean_unused
                print(
                    f"{error.mean:7.3f}{error.p95:7.3f}{error.max:7.3f}{unused:8d} |"
                    f"{clean.mean:12.3f}{clean.p95:7.3f}{clean.max:7.3f}{clean_unused:8d}"
                    f"{'' if within else '  <-- beyond the limit'}",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1:])
