"""Whether the images of a reference are the slices of a z-stack, in the order of depth.

Where nobody says so and they look like something else, the reference is refused; where the file or
the caller does, or a depth is found nevertheless, a warning says what they look like.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job
from napari_zstack_align.read import SlicesReport, check_slices
from napari_zstack_align.remark import Remark, as_serious, as_warnings
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift.reference import Reference

EACH_A_SLICE = (
    "; where each of them is a slice nevertheless, give `frames_per_slice=1` of the reference."
)
OR_REPEATS = (
    "if they are a z-stack with repeats, align it (adaptive) and give the alignment as reference, "
    "or say how many repeats each slice has: `frames_per_slice=N` of the reference"
)
FEWEST_REFUSED = 16
"""Fewer slices may all lie within the depth that one image shows."""
LIKELY_WRONG = ": depths are likely wrong"


class NoSlicesError(InputError):
    """The images of a reference look like something else than slices, and nobody says they are."""


def check_reference(
    reference: Reference, volume: npt.NDArray[np.floating]
) -> Job[tuple[Remark, ...]]:
    """Look at the slices of a reference.

    Parameters
    ----------
    reference : Reference
    volume : numpy.ndarray
        (Z, Y, X), of which the slices of `slices_sample` are there.

    Returns
    -------
    generator of Progress
        Returns warnings for the result.

    Raises
    ------
    NoSlicesError
        Where the images look like something else, and nobody says that they are slices.
    """
    report = yield from check_slices(Stack.from_array(volume, "ZYX", name=reference.name))
    if not report.looks_like:
        return ()
    what = described(report, reference.name, len(volume))
    if report.looks_like == "out of order":
        return as_warnings(f"{what}: depths may jump between far slices.")
    few = report.looks_like == "no slices" and len(volume) < FEWEST_REFUSED
    if reference.is_said:
        return as_serious(f"{what}{LIKELY_WRONG}.")
    if few:
        return as_serious(f"{what}{LIKELY_WRONG}; {OR_REPEATS}.")
    raise NoSlicesError(what + advice(report, len(volume)))


def described(report: SlicesReport, name: str, n_slices: int) -> str:
    """Say what images look like, as the beginning of a sentence."""
    length = report.length or 0
    if report.looks_like == "out of order":
        return f"The slices of {name} are not in the order of depth: {report.reason}"
    if report.looks_like == "no slices":
        return (
            f"The {counted(n_slices, 'image')} of {name} don't differ with their distance "
            f"({report.reason}), like frames of a recording, so that no depth can be told by them"
        )
    what = {
        "repeats": f"slices of {counted(length, 'repeat')} each",
        "slices": f"volumes of {counted(length, 'slice')}, or slices out of the order of depth",
        "up-and-down": f"an up-and-down scan of {counted(length, 'slice')}",
        "two images in turn": "two channels in turn, or slices out of the order of depth",
    }[report.looks_like]
    return (
        f"The images of {name} look like {what} ({report.reason}), not like "
        f"{counted(n_slices, 'slice')}"
    )


def advice(report: SlicesReport, n_slices: int) -> str:
    """Say what to do, as the end of the sentence."""
    if report.looks_like == "repeats":
        return (
            f". If they are, align them (adaptive) and give the alignment as reference, or say "
            f"how many repeats each slice has, `frames_per_slice={report.length}` of the "
            f"reference, to have them averaged as they are; if each is a slice, as in serial "
            f"sections, give `frames_per_slice=1` of the reference."
        )
    if report.looks_like == "slices" and report.length:
        volumes = -(-n_slices // report.length)
        return (
            f": align them (adaptive) and give the alignment as reference, or say how many "
            f"volumes there are, `frames_per_slice={volumes}, order='slices'` of the reference, to "
            f"have them averaged as they are; sort slices by their depth; `frames_per_slice=1` of "
            f"the reference says that each is a slice."
        )
    if report.looks_like == "up-and-down":
        return (
            f": align them (adaptive) and give the alignment as reference, or say how many sweeps "
            f"there are, `frames_per_slice=N, order='up-and-down'` of the reference{EACH_A_SLICE}"
        )
    if report.looks_like == "two images in turn":
        return f": save channels apart, or sort the slices by their depth{EACH_A_SLICE}"
    return f": give a z-stack as reference; {OR_REPEATS}{EACH_A_SLICE}"
