"""What recordings of one session don't have in common, though one microscope took them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from napari_zstack_align.stack import Stack

MOST_NAMED = 3
"""Further recordings are counted."""


def size_words(stack: Stack) -> str:
    """'512 × 512 px'."""
    return f"{stack.shape[2]} × {stack.shape[3]} px"


def pixel_words(stack: Stack) -> str:
    """'0.8 µm', '0.8 × 0.5 µm' or 'unknown'."""
    if stack.pixel_size_um is None:
        return "unknown"
    y, x = (f"{size:.3g}" for size in stack.pixel_size_um)
    return f"{y} µm" if y == x else f"{y} × {x} µm"


def rate_words(stack: Stack) -> str:
    """'30 Hz', or 'unknown'."""
    step = stack.frame_interval_s
    return "unknown" if not step else f"{1 / step:.3g} Hz"


def channel_words(stack: Stack) -> str:
    """Number of channels."""
    return str(stack.shape[1])


COMPARED: dict[str, Callable[[Stack], str]] = {
    "size": size_words,
    "pixel size": pixel_words,
    "frame rate": rate_words,
    "channels": channel_words,
}
"""What is compared, and in which words."""


@dataclass(frozen=True)
class Unlike:
    """What differs, and in which recordings.

    Attributes
    ----------
    sentence : str
        In words; '' where all are alike.
    marked : frozenset of (int, str)
        Number of a recording, and in what it differs from most.
    """

    sentence: str = ""
    marked: frozenset[tuple[int, str]] = frozenset()


def unlike(stacks: Sequence[Stack]) -> Unlike:
    """Find what differs among recordings, in the words of their rows."""
    parts: list[str] = []
    marked: set[tuple[int, str]] = set()
    for what, words in COMPARED.items():
        values = [words(stack) for stack in stacks]
        counts = Counter(values)
        if len(counts) < 2:
            continue
        usual = counts.most_common(1)[0][0]
        odd = [k for k, value in enumerate(values) if value != usual]
        marked |= {(k, what) for k in odd}
        named = [f"{stacks[k].name} {values[k]}" for k in odd[:MOST_NAMED]]
        more = [f"{len(odd) - MOST_NAMED} more"] if len(odd) > MOST_NAMED else []
        parts.append(f"{what} (most: {usual}; {', '.join([*named, *more])})")
    sentence = f"The recordings differ in {' and '.join(parts)}." if parts else ""
    return Unlike(sentence, frozenset(marked))
