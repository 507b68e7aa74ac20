"""How a recording is split into chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import SHORTEST_CHUNK, KeypointParams
from napari_zstack_align.stack import Stack

CHUNK_S = 10.0
FEWEST_CHUNKS = 5
FEWEST_FRAMES = 20
UNTIMED_CHUNKS = 20
UNTIMED_MOST_FRAMES = 50
WINDOW_FRAMES = 100
WINDOW_PIXELS = WINDOW_FRAMES * 512 * 512
FEWEST_WINDOW_FRAMES = 12
"""Windows of large frames are shorter: their work is lost where a run is killed."""

Range = tuple[int, int]


def chunk_ranges(stack: Stack, params: KeypointParams) -> list[Range]:
    """Split a recording into chunks; the last one takes the rest.

    Parameters
    ----------
    stack : Stack
        The recording; nothing of it is read.
    params : KeypointParams
        ``chunk_frames`` or ``n_chunks``; without either see `default_chunk_frames`.

    Returns
    -------
    list of tuple of int
        (start, stop) of each chunk; stop is exclusive.
    """
    n_frames = stack.n_frames
    if params.n_chunks is not None:
        size = max(n_frames // params.n_chunks, 1)
        count = min(params.n_chunks, n_frames)
    else:
        size = params.chunk_frames or default_chunk_frames(stack)
        count = max(n_frames // size, 1)
    starts = [i * size for i in range(count)]
    return list(zip(starts, [*starts[1:], n_frames], strict=True))


def check_chunks(stack: Stack, params: KeypointParams) -> None:
    """Raise InputError where ``n_chunks`` are more than a recording has frames for."""
    n_chunks = params.n_chunks or 1
    if n_chunks > 1 and stack.n_frames < n_chunks * SHORTEST_CHUNK:
        raise InputError(
            f"{stack.name} has {counted(stack.n_frames, 'frame')}, too few for n_chunks="
            f"{n_chunks}: a chunk needs at least {SHORTEST_CHUNK}."
        )


def default_chunk_frames(stack: Stack) -> int:
    """Frames in 10 s, or in a fifth of a shorter recording, and at least 20: keypoints need these.

    Motion within a chunk is followed by single frames at best, so that one chunk would show none of
    it. Where no frame times are known: some 20 chunks, of 20 to 50 frames.
    """
    if stack.frame_interval_s is not None:
        of_time = round(CHUNK_S / stack.frame_interval_s)
        return max(min(of_time, stack.n_frames // FEWEST_CHUNKS), FEWEST_FRAMES)
    return int(np.clip(stack.n_frames // UNTIMED_CHUNKS, FEWEST_FRAMES, UNTIMED_MOST_FRAMES))


def windows_of(
    ranges: list[Range], shape: tuple[int, int], most_frames: int = WINDOW_FRAMES
) -> Iterator[Range]:
    """Split chunks into windows of bounded size."""
    most = WINDOW_PIXELS // (shape[0] * shape[1])
    longest = min(max(most, FEWEST_WINDOW_FRAMES), most_frames)
    for start, stop in ranges:
        count = -(-(stop - start) // longest)
        edges = np.linspace(start, stop, count + 1).round().astype(int)
        yield from zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)


def cut(ranges: Sequence[Range], steps: Sequence[int]) -> list[Range]:
    """Cut chunks at jumps; a piece too short to be recognised joins its neighbour.

    It never does so across a jump: a short stretch between two jumps stays a chunk of its own.
    """
    borders = {start for start, _ in ranges} | set(steps) | {ranges[-1][1]}
    edges = sorted(borders)
    pieces = list(pairwise(edges))
    hard = {ranges[0][0], ranges[-1][1], *steps}
    joined: list[Range] = []
    for start, stop in pieces:
        can_join = bool(joined) and start not in hard
        if can_join and min(stop - start, joined[-1][1] - joined[-1][0]) < SHORTEST_CHUNK:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined
