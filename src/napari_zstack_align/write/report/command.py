"""The command that makes an alignment again, as far as the alignment knows it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.edits import EDITS
from napari_zstack_align.params import Params, flag_of
from napari_zstack_align.stack import Stack

COMMANDS = {"align_adaptive": "adaptive", "register_recordings": "keypoints"}
"""By the name of the job in the provenance."""
MASK = "MASK"
"""What stands for the file of a mask in the command."""


def command_of(alignments: Sequence[Alignment]) -> str:
    """Return the line to type; '' where no single command makes these alignments.

    Parameters
    ----------
    alignments : sequence of Alignment
        Of one session, or one alone.
    """
    first = alignments[0]
    command = COMMANDS.get(first.provenance.get("job", ""))
    openings = [_opening(each.stack) for each in alignments]
    if command is None or any(each != openings[0] for each in openings):
        return ""
    if not all(each.stack.paths for each in alignments):
        return ""
    words = ["zstack-align", command, *(str(p) for each in alignments for p in _given(each))]
    words += [*openings[0], *([] if first.mask is None else ["--mask", MASK])]
    return shlex.join([*words, *_flags_of_params(first.params)])


def beside_the_command(alignments: Sequence[Alignment]) -> list[str]:
    """What the command doesn't say, a sentence each."""
    sentences = ["Sizes and times that were typed when the files were opened are to be given too."]
    if alignments[0].mask is not None:
        sentences.append(
            f"{MASK} is the mask, which lies in the folder of the alignment (mask-….tif)."
        )
    if any(each.provenance.get(EDITS) for each in alignments):
        sentences.append("Chunks were repaired by hand afterwards, which the command doesn't do.")
    if len(alignments) == 1 and alignments[0].provenance.get("recordings", [1])[1:]:
        sentences.append("It was registered together with other recordings: give all of them.")
    return sentences


def _given(alignment: Alignment) -> Sequence[Path]:
    """What of a stack is named: its file, or the files of a z-stack, or the folder of others."""
    paths = alignment.stack.paths
    folders = {path.parent for path in paths}
    is_recording = alignment.stack.frames_per_slice is None
    return [*folders] if is_recording and len(paths) > 1 and len(folders) == 1 else paths


def _opening(stack: Stack) -> list[str]:
    """Flags that say how the files are read."""
    said = stack.said.arguments()
    if stack.frames_per_slice is not None and "axes" not in said and stack.frames_in_turn == 1:
        said = {"frames_per_slice": stack.frames_per_slice, "order": stack.order, **said}
    return [word for name, value in said.items() for word in _flag(name, value, ",")]


def _flags_of_params(params: Params) -> list[str]:
    return [word for name, value in params.changed().items() for word in _flag(name, value, None)]


def _flag(name: str, value: Any, between: str | None) -> Iterator[str]:
    """A setting as words of a command; the items of a list are joined, or words of their own."""
    if isinstance(value, bool):
        yield flag_of(name) if value else flag_of(f"no_{name}")
        return
    yield flag_of(name)
    if isinstance(value, tuple | list):
        items = [f"{item}" for item in value]
        yield from items if between is None else [between.join(items)]
    else:
        yield f"{value}"
