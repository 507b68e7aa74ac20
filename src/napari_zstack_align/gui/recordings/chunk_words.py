"""What a chunk size means for the recordings, in words."""

from __future__ import annotations

from collections.abc import Sequence

from napari_zstack_align.counting import counted
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.register import recordings as engine
from napari_zstack_align.stack import Stack


def chunk_words(stacks: Sequence[Stack], params: KeypointParams) -> str:
    """Say it as 'Chunks of 100 frames (10 s); 9 a recording, 27 in all.'."""
    if not stacks:
        return "Add recordings to see how many chunks that makes."
    ranges = [engine.chunk_ranges(stack, params) for stack in stacks]
    lengths = [
        _length(stack, found[0][1] - found[0][0])
        for stack, found in zip(stacks, ranges, strict=True)
    ]
    sizes = " or ".join(dict.fromkeys(lengths))
    return f"Chunks of {sizes}; {_numbers([len(found) for found in ranges])}."


def _length(stack: Stack, n_frames: int) -> str:
    step = stack.frame_interval_s
    time = "frame rate unknown" if step is None else f"{n_frames * step:.3g} s"
    return f"{counted(n_frames, 'frame')} ({time})"


def _numbers(counts: list[int]) -> str:
    if len(counts) == 1:
        return f"{counts[0]} in all"
    low, high = min(counts), max(counts)
    each = str(low) if low == high else f"{low} to {high}"
    return f"{each} a recording, {sum(counts)} in all"
