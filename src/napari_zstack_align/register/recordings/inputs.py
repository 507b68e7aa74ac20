"""What a registration of recordings is given, checked together."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_frames_at_hand, check_one_plane
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.errors import InputError
from napari_zstack_align.mask import Mask, as_weights
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.artefacts.artefacts import UNTOUCHED, Artefacts
from napari_zstack_align.register.frames import check_channels
from napari_zstack_align.register.recordings.chunks import check_chunks
from napari_zstack_align.register.recordings.first_reference import (
    Averages,
    average_frames,
    choose_reference,
    expected_map,
    find_reference_frames,
    middle_frames,
)
from napari_zstack_align.register.recordings.matchers import prepared
from napari_zstack_align.register.recordings.matching import Matcher, match_image, model_of
from napari_zstack_align.register.recordings.stillest import Numbered, stillest
from napari_zstack_align.saved.members import place_of
from napari_zstack_align.sources import with_checked_chunks
from napari_zstack_align.stack import Stack

Search: TypeAlias = Callable[[int, float | None], Generator[Progress, None, Artefacts]]
"""Looks for the artefacts of a recording, given its number and the offset to take off, if known."""

REFERENCE_FROM, REFERENCE_FILES = "reference_from", "reference_files"
"""Where the provenance of an alignment has the recording its reference is from: name and files."""
LEAST_PX = 16
"""Along each axis of a frame: no keypoint fits into less."""


@dataclass(frozen=True)
class Inputs:
    """Recordings, parameters, mask and reference that fit together.

    Attributes
    ----------
    stacks : tuple of Stack
    asked : KeypointParams
        As given.
    params : KeypointParams
        As they are worked with: 'auto' begins as a similarity.
    mask : numpy.ndarray, optional
        (Y, X) float32 weights in reference coordinates.
    given : numpy.ndarray, optional
        (Y, X) float32 reference image from elsewhere; None: to be made of the recordings.
    pixel_size_um : tuple of float, optional
        (y, x) of the reference.
    artefacts : tuple of Artefacts
        What of the frames of each recording doesn't come from tissue; nothing, before it was
        looked for.
    given_from : mapping
        Recording that ``given`` was taken from, as of `reference_from`; empty: not known.
    """

    stacks: tuple[Stack, ...]
    asked: KeypointParams
    params: KeypointParams
    mask: Mask | None
    given: npt.NDArray[np.float32] | None
    pixel_size_um: tuple[float, float] | None
    artefacts: tuple[Artefacts, ...]
    given_from: Mapping[str, object] = field(default_factory=dict)

    def without_artefacts(self, search: Search) -> Generator[Progress, None, Inputs]:
        """Look for artefacts in all recordings.

        One offset is taken off all of them, the reference and the parameters.
        """
        found: dict[int, Artefacts] = {}
        first = find_reference_frames(self.stacks, self.params)[0]
        offset: float | None = None
        for i in sorted(range(len(self.stacks)), key=lambda i: i != first):
            found[i] = yield from search(i, offset)
            offset = found[i].offset
        artefacts = tuple(found[i] for i in range(len(self.stacks)))
        if not offset:
            return replace(self, artefacts=artefacts)
        given = self.given
        if given is not None:
            given = (given.astype(np.float64) - offset).astype(np.float32)
        params = self.params
        if params.intensity_range is not None:
            low, high = params.intensity_range
            params = params.replace(intensity_range=(low - offset, high - offset))
        return replace(self, artefacts=artefacts, given=given, params=params)

    @property
    def offset(self) -> float:
        """What was taken off every pixel."""
        return self.artefacts[0].offset

    def with_reference_recording(self, average: Averages | None = None) -> Inputs:
        """Choose the recording that the first reference is taken from, where nobody has.

        A mask is painted over a reference that is known: with one, it is the middle recording.
        """
        params = self.params
        chosen = (self.given, self.mask, params.reference_recording, params.reference_frames)
        if len(self.stacks) == 1 or any(each is not None for each in chosen):
            return self
        middle = find_reference_frames(self.stacks, params)[0]
        ranges = [middle_frames(stack, params) for stack in self.stacks]
        number = stillest(ranges, middle, average or self._average, self._n_fitting)
        return replace(
            self,
            params=params.replace(reference_recording=number),
            pixel_size_um=self.stacks[number].pixel_size_um,
        )

    @property
    def reference_from(self) -> Mapping[str, object]:
        """Recording that the first reference is from, for the provenance; empty: not known."""
        if self.given is not None:
            return self.given_from
        stack = self.stacks[find_reference_frames(self.stacks, self.params)[0]]
        return {REFERENCE_FROM: stack.name, REFERENCE_FILES: [*map(str, stack.paths)]}

    def make_reference(self, average: Averages | None = None) -> Matcher:
        """Average or take the first reference, and prepare it for matching.

        ``average`` is that of `choose_reference`; by default frames are read and averaged.
        """
        if self.given is not None:
            return prepared(self.given, self.mask, self.params)
        return choose_reference(self.stacks, self.params, self.mask, average or self._average)

    def _n_fitting(self, one: Numbered, others: Sequence[Numbered]) -> int:
        """How many images of other recordings can be matched to that of one."""
        i, reference = one
        matcher, size = prepared(reference, None, self.params), self.stacks[i].pixel_size_um
        expected = [expected_map(self.stacks[j], matcher.reference.shape, size) for j, _ in others]
        return sum(
            match_image(matcher, image, prior, self.params.seed).is_believed
            for (_, image), prior in zip(others, expected, strict=True)
        )

    def _average(self, recording: int, start: int, stop: int) -> npt.NDArray[np.float32] | None:
        return average_frames(
            self.stacks[recording], start, stop, self.params, self.artefacts[recording]
        )


def checked_inputs(
    stacks: Sequence[Stack] | Stack,
    params: KeypointParams | None,
    mask: npt.ArrayLike | None,
    reference: Alignment | npt.ArrayLike | None,
) -> Inputs:
    """Check what `register_recordings` is given.

    Raises
    ------
    InputError
        Where recordings, parameters, mask and reference don't fit together.
    """
    asked = KeypointParams.given(params)
    params = asked.replace(transform=model_of(asked))
    recordings = tuple(stacks) if isinstance(stacks, Iterable) else (stacks,)
    _check_stacks(recordings, params)
    stack = recordings[find_reference_frames(recordings, params)[0]]
    untouched = (UNTOUCHED,) * len(recordings)
    if reference is None:
        weights = as_weights(mask, (stack.shape[2], stack.shape[3]))
        return Inputs(recordings, asked, params, weights, None, stack.pixel_size_um, untouched)
    image, pixel_size, given_from = _reference_image(reference), None, {}
    if isinstance(reference, Alignment):
        pixel_size = reference.stack.pixel_size_um
        known = (REFERENCE_FROM, REFERENCE_FILES)
        given_from = {k: reference.provenance[k] for k in known if k in reference.provenance}
        mask = reference.mask if mask is None else mask
    weights = as_weights(mask, (image.shape[0], image.shape[1]))
    return Inputs(recordings, asked, params, weights, image, pixel_size, untouched, given_from)


def _check_stacks(stacks: tuple[Stack, ...], params: KeypointParams) -> None:
    if not stacks:
        raise InputError("There are no recordings: give at least one.")
    for stack in stacks:
        check_frames_at_hand(stack)
        check_one_plane(stack)
        check_channels(stack, params)
        check_chunks(stack, params)
        y, x = stack.shape[2:]
        if min(y, x) < LEAST_PX:
            raise InputError(
                f"The frames of {stack.name} are {y} × {x} px, too small to be matched: they need "
                f"at least {LEAST_PX} × {LEAST_PX}."
            )
    _check_apart(stacks)


def _check_apart(stacks: tuple[Stack, ...]) -> None:
    """Raise InputError where two recordings are of the same frames, or share some of their files.

    Planes of one volumetric recording have all files in common, but no frame.
    """
    files = [{place_of(path): path for path in stack.paths} for stack in stacks]
    for (mine, stack), (theirs, other) in combinations(zip(files, stacks, strict=True), 2):
        shared = [path for place, path in mine.items() if place in theirs and place is not None]
        if not shared:
            continue
        if mine.keys() == theirs.keys() and fingerprint(stack) != fingerprint(other):
            continue
        names = f"{stack.name} and {other.name}" if stack.name != other.name else stack.name
        raise InputError(
            f"{shared[0]} was given more than once ({names}): give each recording once."
        )


def _reference_image(reference: Alignment | npt.ArrayLike) -> npt.NDArray[np.float32]:
    given = reference.reference if isinstance(reference, Alignment) else reference
    image = np.asarray(with_checked_chunks(given))
    if image.ndim != 2 or image.dtype.kind not in "uif":
        raise InputError(
            f"The reference must be an image (Y, X) or an alignment, not an array of shape "
            f"{image.shape} and type {image.dtype}."
        )
    values = np.ascontiguousarray(image, np.float32)
    if not np.isfinite(values).any():
        raise InputError(
            "The reference image shows nothing, every pixel is NaN or infinite: choose another one."
        )
    return values
