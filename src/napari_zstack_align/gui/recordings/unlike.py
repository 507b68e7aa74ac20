"""What recordings of one session don't have in common, though one microscope took them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from napari_zstack_align.stack import Stack

UNKNOWN = "unknown"
MOST_GROUPS = 4
"""Further values are left out of the sentence; the rows are marked."""


def size_words(stack: Stack) -> str:
    """'512 × 512 px'."""
    return f"{stack.shape[2]} × {stack.shape[3]} px"


def pixel_words(stack: Stack) -> str:
    """'0.8 µm', '0.8 × 0.5 µm' or 'unknown'."""
    if stack.pixel_size_um is None:
        return UNKNOWN
    y, x = (f"{size:.3g}" for size in stack.pixel_size_um)
    return f"{y} µm" if y == x else f"{y} × {x} µm"


def rate_words(stack: Stack) -> str:
    """'30 Hz', or 'unknown'."""
    step = stack.frame_interval_s
    return UNKNOWN if not step else f"{1 / step:.3g} Hz"


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
        known = {value: n for value, n in counts.items() if value != UNKNOWN}
        usual = max(known, key=lambda value: known[value])
        marked |= {(k, what) for k, value in enumerate(values) if value != usual}
        groups = sorted(counts, key=lambda value: (value == UNKNOWN, -counts[value]))
        words_of = [_group(value, values, stacks) for value in groups[:MOST_GROUPS]]
        more = ["…"] if len(groups) > MOST_GROUPS else []
        parts.append(f"{what} ({', '.join([*words_of, *more])})")
    sentence = f"The recordings differ in {' and '.join(parts)}." if parts else ""
    return Unlike(sentence, frozenset(marked))


def _group(value: str, values: Sequence[str], stacks: Sequence[Stack]) -> str:
    """'0.8 µm: 3', or with the name of a single recording."""
    those = [stack.name for stack, each in zip(stacks, values, strict=True) if each == value]
    return f"{value}: {those[0] if len(those) == 1 else len(those)}"
