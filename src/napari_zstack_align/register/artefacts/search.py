"""The search for artefacts: once for a stack, from a few of its frames."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import ChannelParams
from napari_zstack_align.progress import Progress
from napari_zstack_align.register.artefacts.artefacts import NAN, Artefacts
from napari_zstack_align.register.artefacts.burnt_in import of_written_values, writing
from napari_zstack_align.register.artefacts.changing import find_changing
from napari_zstack_align.register.artefacts.constant import (
    constant_border,
    constant_pixels,
    fixed_constant,
)
from napari_zstack_align.register.artefacts.described import described
from napari_zstack_align.register.artefacts.explained import Frames
from napari_zstack_align.register.artefacts.movement import movement
from napari_zstack_align.register.artefacts.noise import Noise
from napari_zstack_align.register.artefacts.offset_steps import (
    dark_level,
    shared_level,
    shared_level_of_slices,
)
from napari_zstack_align.register.artefacts.pattern import find_pattern
from napari_zstack_align.register.artefacts.regular import find_regular
from napari_zstack_align.register.artefacts.sample import Sample, read_sample
from napari_zstack_align.register.artefacts.single_pixels import differences, fixed_pixels
from napari_zstack_align.register.artefacts.transients import Transients, under_usual_light
from napari_zstack_align.remark import Remark, as_notes, as_warnings
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.bool_]

STAGE = "Looking for artefacts"
YIELD_S = 0.2
LOW_PERCENTILE = 1.0
FEWEST_USUAL = 4
"""So many frames under usual light tell what is dark."""
FEWEST_FRAMES = 6
"""Fewer frames say nothing."""
TOO_FEW = (
    "Artefacts (hot pixels, rows struck by light, flashes) were not looked for: there are too few "
    "frames of which at least half are numbers."
)
COARSE_PART = 0.05
"""Of the spread of the pixels that a step of the numbers may be."""
LEVELLED_SLICES = (
    "The level of the dark places differs between the repeats of a slice, as where a laser "
    "flickers or an offset changes: for the alignment each frame is brought to the same one. "
    "Volumes, means and exports keep the raw values."
)
LEVELLED = (
    "The offset (the level of the dark places) differs between frames: for the alignment each "
    "frame is brought to that of most of them. Traces, means and exports keep the raw values."
)


def search(
    stack: Stack,
    params: ChannelParams,
    pool: ThreadPoolExecutor,
    *,
    given: Pixels | None = None,
    offset: float | None = None,
    slices_known: bool = True,
) -> Generator[Progress, None, Artefacts]:
    """Look at a few frames of a stack for what doesn't come from tissue.

    The result depends on the frames alone, not on threads.

    Parameters
    ----------
    stack : Stack
    params : ChannelParams
        Which channels drive the alignment. With ``find_artefacts`` off nothing is looked for, only
        an offset too large for float32 is taken off.
    pool : ThreadPoolExecutor
        Where the frames are examined.
    given : numpy.ndarray, optional
        (Y, X) bool: the pixels fixed to the detector, instead of looking for them.
    offset : float, optional
        What is taken off every pixel, instead of what the frames say.
    slices_known : bool
        Whether the frames of a slice show the same tissue. Where the layout looks wrong, stripes
        aren't looked for: differences between planes are none.

    Returns
    -------
    generator of Progress
        Returns `Artefacts`.
    """
    progress = Progress(STAGE, 0, stack.n_frames)
    sample: Sample | None = None
    for read in read_sample(stack, params, offset):
        yield progress
        sample = read
    assert sample is not None
    known = (*_of_coarse_numbers(sample), *_of_other_channels(stack, params))
    if not params.find_artefacts or len(sample.images) < FEWEST_FRAMES:
        nobody_looked = params.find_artefacts and stack.n_frames >= FEWEST_FRAMES
        remarks = as_warnings(TOO_FEW) if nobody_looked else ()
        return Artefacts(sample.offset, given, remarks=(*remarks, *_of_coarse_numbers(sample)))
    steps = _examined(sample, given, slices_known, is_recording=stack.order is None)
    while True:  # each step in a thread, so that the job can be cancelled between them
        task = pool.submit(next, steps)
        while wait([task], timeout=YIELD_S).not_done:
            yield progress
        if (found := task.result()) is not None:
            return replace(found, remarks=(*found.remarks, *known))


class _Level(NamedTuple):
    """Dark level that images were brought to, what was taken off each (n,), and what to say."""

    level: float | None
    steps: npt.NDArray[np.float64]
    remarks: tuple[Remark, ...]


def _level(sample: Sample, given: Pixels | None, *, is_recording: bool) -> _Level:
    """Bring the images of a sample to one dark level where that differs, in place."""
    images = sample.images
    never_changing = np.ptp(images, axis=0) == 0 if given is None else given
    steps = np.zeros(len(images))
    if never_changing.all():
        return _Level(None, steps, ())
    shown = images
    if never_changing.any():
        shown = images.copy()
        _fill(shown, never_changing)
    level = shared_level(shown) if is_recording else shared_level_of_slices(shown, sample.groups)
    if level is None:
        return _Level(None, steps, ())
    for i, each in enumerate(shown):
        steps[i] = dark_level(each) - level
        images[i] -= np.float32(steps[i])
    return _Level(level, steps, as_notes(LEVELLED if is_recording else LEVELLED_SLICES))


def _examined(
    sample: Sample,
    given: Pixels | None,
    slices_known: bool,
    *,
    is_recording: bool,
) -> Iterator[Artefacts | None]:
    """Find the artefacts of a sample; yields None between steps, the result last.

    What was found is taken out of the sample's images themselves, most of what a run holds.
    """
    images = sample.images
    lit = of_written_values(images) if given is None else None
    yield None
    written = np.zeros(sample.shape, bool) if lit is None else writing(images, lit, sample.groups)
    _fill(images, written)
    yield None
    level = _level(sample, given, is_recording=is_recording)
    yield None
    noise = Noise.of(_under_usual_light(sample))
    yield None
    constant = constant_pixels(images, noise) & ~written
    moves = movement(images, sample.groups, constant)
    yield None
    fixed, border, untested = given, np.zeros_like(constant), np.zeros_like(constant)
    if fixed is None:
        border = constant_border(images)
        fixed, untested = fixed_constant(images, constant, noise, moves)
        fixed = fixed | border
    _fill(images, fixed)
    fixed = fixed | written
    yield None
    same_tissue = sample.groups if slices_known else np.arange(len(images))
    if given is None:
        changing = find_changing(Frames(images, same_tissue, constant), fixed, moves, noise)
        if changing:
            fixed, constant = fixed | changing.pixels, constant | changing.pixels
            moves = changing.movement
            _fill(images, fixed)
        yield None
    pattern = find_pattern(images, same_tissue, moves, fixed)
    if pattern:
        images -= pattern.image
        noise = Noise.of(_under_usual_light(sample))
        constant = constant & constant_pixels(images, noise)
    yield None
    regular = find_regular(
        Frames(images, same_tissue, constant),
        None if pattern else moves,
        lambda others: Noise.of(_under_usual_light(replace(sample, images=others))),
    )
    if regular.image is not None and regular.movement is not None:
        images -= regular.image
        noise, moves = Noise.of(_under_usual_light(sample)), regular.movement
        constant = constant & constant_pixels(images, noise)
        if given is None:  # constant pixels were judged by how the tissue seemed to move
            told, untested = fixed_constant(images, constant, noise, moves)
            fixed = fixed | told
            _fill(images, fixed)
    yield None
    if given is None:
        single = fixed_pixels(differences(images, noise), moves, fixed)
        _fill(images, single)
        fixed = fixed | single
        yield None
    transients = Transients.of(images, sample.groups, noise, level.steps)
    was_given = given is not None
    untested = untested & ~fixed
    found = described(
        sample, fixed, untested, border, pattern, regular, transients, moves, was_given
    )
    yield replace(found, level=level.level, remarks=(*found.remarks, *level.remarks))


def _under_usual_light(sample: Sample) -> Sample:
    """Frames of a z-stack without those that were struck: the darkest pixels of these aren't dark.

    All frames where that leaves few, or nothing tells.
    """
    images = sample.images
    lights = [
        cv2.mean(image)[0] - np.percentile(image[::4, ::4], LOW_PERCENTILE) for image in images
    ]
    right = under_usual_light(np.array(lights), sample.groups)
    if right.all() or right.sum() < FEWEST_USUAL:
        return sample
    return replace(sample, images=images[right], groups=sample.groups[right])


def _of_coarse_numbers(sample: Sample) -> tuple[Remark, ...]:
    """Warn where float32, of which volumes, means and traces are, has steps as coarse as tissue.

    The alignment itself takes the offset off first.
    """
    step = float(np.spacing(np.float32(abs(sample.offset))))
    spread = float(sample.images.std()) if len(sample.images) else 0.0
    if not spread or step < COARSE_PART * spread:
        return ()
    return as_warnings(
        f"The pixel values are so large (about {sample.offset:.3g}) that volumes, means and traces "
        f"keep them in steps of {step:g} counts: take the offset off the frames first."
    )


def _of_other_channels(stack: Stack, params: ChannelParams) -> tuple[Remark, ...]:
    """Say in which channels nobody looked: what is found in the driving ones is left out of all."""
    unseen = [name for c, name in enumerate(stack.channel_names) if not params.drives(c)]
    if not unseen:
        return ()
    return as_notes(
        f"Artefacts (hot pixels, rows struck by light) were not looked for in "
        f"{', '.join(unseen)}: they stay in its aligned frames and means, except where the "
        f"driving channel has them, too."
    )


def _fill(images: Image, pixels: Pixels) -> None:
    """Let pixels (Y, X) of images (n, Y, X) continue what is around them, in place."""
    if pixels.any():
        for image in images:
            image[...] = filled(np.where(pixels, NAN, image))


def checked_pixels(given: npt.ArrayLike | None, shape: tuple[int, int]) -> Pixels | None:
    """Check an image of artefacts that was given: (Y, X) bool; None stays None.

    Raises
    ------
    InputError
        Where its shape isn't that of a raw frame, or its values are no bools.
    """
    if given is None:
        return None
    pixels = np.asarray(given)
    if pixels.shape != shape:
        raise InputError(
            f"The artefacts are an image of shape {pixels.shape}, but the raw frames are {shape}: "
            f"give one value (true or false) for each pixel of a raw frame."
        )
    if pixels.dtype.kind not in "bui":
        raise InputError(
            f"The artefacts hold values of type {pixels.dtype}: give true (or 1) for the pixels "
            f"to leave out, false (or 0) for the others."
        )
    return pixels != 0
