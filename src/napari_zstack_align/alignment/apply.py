"""The transforms of one stack, applied to another of the same frames."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_same_frames
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.same_frames import holds_frames_of
from napari_zstack_align.alignment.summary import APPLIED_FROM, NOISE_LIMIT
from napari_zstack_align.alignment.transforms import Transforms
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import Params
from napari_zstack_align.remark import as_notes, as_serious
from napari_zstack_align.saved.origin import real_places
from napari_zstack_align.stack import Stack

REFERENCE_FRAMES = 50
"""How many aligned frames are averaged to an image where none is given."""


def apply_transforms(
    stack: Stack,
    alignment_or_transforms: Alignment | Transforms,
    reference: npt.NDArray[Any] | None = None,
) -> Alignment:
    """Align a stack by transforms that were found on another: a second channel, a filtered copy.

    Parameters
    ----------
    stack : Stack
        As many frames, of the same size, as the transforms are for.
    alignment_or_transforms : Alignment or Transforms
        Of an alignment, the quality and chunk tables, the mask and the parameters come along. The
        correlations only where the stack is of the same recording: made of the same files (another
        channel), or of the same frames (a copy). Else they weren't judged: NaN, and a remark.
        Bare transforms, as ``read_transforms`` returns them, have an empty quality table; the
        frames must then have the size of the reference.
    reference : numpy.ndarray, optional
        (Y, X) image in the coordinates of the reference; by default the one of the alignment, or
        the mean of some of the aligned frames.

    Returns
    -------
    Alignment

    Raises
    ------
    InputError
        Where frames or image don't fit.
    """
    given = alignment_or_transforms
    if isinstance(given, Alignment):
        transforms, raw_shape = given.transforms, given.raw_shape
    else:
        transforms = given
        raw_shape = transforms.shape
    check_same_frames(stack, len(transforms), raw_shape, "transforms")
    if reference is not None and np.shape(reference) != transforms.shape:
        raise InputError(
            f"The reference has shape {np.shape(reference)}, but the transforms are for "
            f"{transforms.shape} (Y, X): give an image of that size."
        )
    image = None if reference is None else np.asarray(reference, np.float32)
    if isinstance(given, Alignment):
        if image is not None:
            given = dataclasses.replace(given, reference=image)
        carried = _of_same_recording if _is_same_recording(stack, given) else _not_judged
        return carried(dataclasses.replace(given, frame_digests=None, known_fill=None), stack)
    if image is None:
        image = _mean(stack, transforms)
    quality = empty_table(len(transforms), "chunk")
    quality["used"] = True
    return Alignment(stack, transforms, image, quality, Params(), provenance={APPLIED_FROM: ""})


def _is_same_recording(stack: Stack, given: Alignment) -> bool:
    """Whether a stack is made of the files that were aligned, or of frames that are the same."""
    if stack.paths and real_places(stack.paths) == real_places(given.stack.paths):
        return True
    return bool(holds_frames_of(stack, given))


def _of_same_recording(given: Alignment, stack: Stack) -> Alignment:
    """Carry an alignment over to a stack of the same recording, and say so."""
    name = given.stack.name
    said = as_notes(
        f"The transforms are those of {name}, which is the same recording: its correlations and "
        f"flags hold."
    )
    facts = {APPLIED_FROM: name, "remarks": [*given.remarks, *said]}
    return dataclasses.replace(given, stack=stack, provenance={**given.provenance, **facts})


def _not_judged(given: Alignment, stack: Stack) -> Alignment:
    """Carry an alignment over to a stack of which nothing was measured."""
    name = given.stack.name
    said = as_serious(
        f"The transforms are those of {name}: how well they fit {stack.name} was not judged, and "
        f"the flags are those of {name}. Look at the aligned frames."
    )
    kept = {key: value for key, value in given.provenance.items() if key != NOISE_LIMIT}
    return dataclasses.replace(
        given,
        stack=stack,
        quality=_without_correlations(given.quality),
        chunks=None if given.chunks is None else _without_correlations(given.chunks),
        artefacts=None,
        artefact_rows=None,
        provenance={**kept, APPLIED_FROM: name, "remarks": [*said]},
    )


def _without_correlations(table: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    table = table.copy()
    table["correlation_before"] = table["correlation_after"] = np.nan
    return table


def _mean(stack: Stack, transforms: Transforms) -> npt.NDArray[np.float32]:
    """Mean of evenly sampled aligned frames of the first channel."""
    mean = RunningMean(transforms.shape)
    count = min(stack.n_frames, REFERENCE_FRAMES)
    for t in np.linspace(0, stack.n_frames - 1, count).astype(int):
        raw = stack.read(int(t), int(t) + 1)[0, 0]
        mean.add(*transforms.resample(raw, int(t)))
    return mean.image()
