"""The command that makes an alignment again, as far as the alignment knows it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.edits import EDITS
from napari_zstack_align.alignment.summary import APPLIED_FROM
from napari_zstack_align.counting import ranges
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import Params, flag_of
from napari_zstack_align.read import collect
from napari_zstack_align.stack import Stack

NO_COMMAND = (
    "No single command makes this again: the frames were in memory or are gone, share their folder "
    "with others, were opened in several ways, or had the transforms of other frames applied."
)
COMMANDS = {"align_adaptive": "adaptive", "register_recordings": "keypoints"}
"""By the name of the job in the provenance."""
REFERENCE_FILES = "reference_files"
"""Key of the provenance: files of the recording that the reference of a session is from."""
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
    if command is None or any(APPLIED_FROM in each.provenance for each in alignments):
        return ""
    if any(each != openings[0] for each in openings):
        return ""
    given = [_given(each.stack) for each in alignments]
    if not all(given):
        return ""
    words = ["zstack-align", command, *(str(p.absolute()) for paths in given for p in paths)]
    words += [*openings[0], *([] if first.mask is None else ["--mask", MASK])]
    return shlex.join([*words, *_flags_of_params(first.params)])


def beside_the_command(alignments: Sequence[Alignment]) -> list[str]:
    """What the command doesn't say, a sentence each."""
    sentences = ["Without --out, the result is called after its first file."]
    if rate := _images_per_s(alignments[0].stack):
        sentences.append(f"If the frame rate was typed, add --frame-rate {rate:.6g}.")
    if alignments[0].mask is not None:
        sentences.append(
            f"{MASK} is the mask, which lies in the folder of the alignment (mask-….tif)."
        )
    if any(each.provenance.get(EDITS) for each in alignments):
        sentences.append("Chunks were repaired by hand afterwards, which the command doesn't do.")
    if not _has_own_reference(alignments):
        sentences.append("If a reference from elsewhere was given, give it again as --reference.")
    if len(alignments) == 1 and alignments[0].provenance.get("recordings", [1])[1:]:
        sentences.append("It was registered together with other recordings: give all of them.")
    return sentences


def _images_per_s(stack: Stack) -> float | None:
    """Rate of the images of the file, those of other planes and of flyback counted."""
    if stack.frame_times_s is None or stack.n_frames < 2:
        return None
    interval = float(np.median(np.diff(stack.frame_times_s) / np.diff(stack.numbers)))
    return 1 / interval if interval > 0 else None


def _has_own_reference(alignments: Sequence[Alignment]) -> bool:
    """Whether the reference is known to be from one of these recordings; of slices it always is."""
    told = alignments[0].provenance
    if told.get("job") != "register_recordings":
        return True
    files = {os.path.abspath(path) for path in told.get(REFERENCE_FILES, ())}
    known = [{os.path.abspath(path) for path in each.stack.paths} for each in alignments]
    return bool(files) and files in known


def _given(stack: Stack) -> Sequence[Path]:
    """What of a stack is named: its file, or the files of a z-stack; () where nothing says it all.

    A recording is one name: of several files, the folder in which there are no others.
    """
    if stack.frames_per_slice is not None or len(stack.paths) < 2:
        return stack.paths
    folder = stack.paths[0].parent
    try:
        return [folder] if set(collect(folder)[0]) == set(stack.paths) else ()
    except InputError:
        return ()


def _opening(stack: Stack) -> list[str]:
    """Flags that say how the files are read, and sizes, whether they were typed or not."""
    said = stack.said.arguments()
    if stack.frames_per_slice is not None and "axes" not in said and stack.frames_in_turn == 1:
        said = {"frames_per_slice": stack.frames_per_slice, "order": stack.order, **said}
    if stack.dropped and "plane" not in said and " of " not in said.get("drop_frames", ""):
        said["drop_frames"] = ranges(stack.dropped)
    said |= {"pixel_size": stack.pixel_size_um} if stack.pixel_size_um else {}
    if stack.z_positions_um:
        said["z_positions"] = stack.z_positions_um
    elif stack.z_step_um:
        said["z_step"] = stack.z_step_um
    return [word for name, value in said.items() for word in _flag(name, value, ",")]


def _flags_of_params(params: Params) -> list[str]:
    return [word for name, value in params.changed().items() for word in _flag(name, value, None)]


def _flag(name: str, value: Any, between: str | None) -> Iterator[str]:
    """A setting as words of a command; the items of a list are joined, or words of their own."""
    if isinstance(value, bool):
        yield flag_of(name) if value else flag_of(f"no_{name}")
        return
    if not isinstance(value, tuple | list):
        yield f"{flag_of(name)}={_text(value)}"
    elif between is None:
        yield from (flag_of(name), *map(_text, value))
    else:  # '=' lets it begin with a minus
        yield f"{flag_of(name)}={between.join(map(_text, value))}"


def _text(value: Any) -> str:
    """A value without an exponent, behind whose minus argparse would see a flag."""
    return np.format_float_positional(value, trim="0") if isinstance(value, float) else f"{value}"
