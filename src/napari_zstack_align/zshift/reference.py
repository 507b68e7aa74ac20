"""The reference: a volume, slice by slice on the pixels of the frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import hypot
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_frames_at_hand
from napari_zstack_align.errors import InputError
from napari_zstack_align.levels import above_lowest, is_long, without_needless_digits
from napari_zstack_align.remark import Remark, as_notes, as_warnings
from napari_zstack_align.saved import FrameDigests
from napari_zstack_align.sources import with_checked_chunks
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.floating]
Size: TypeAlias = tuple[float, float]

SAME_SIZE = 0.01
"""Relative difference of pixel sizes that counts as none."""
LEAST_COVERED = 0.25
"""Part of a frame that the reference must cover."""


@dataclass(frozen=True)
class Reference:
    """What frames are compared with, made slice by slice when asked for.

    Attributes
    ----------
    stack : Stack
        The raw frames that it is made of.
    n_slices : int
    shape : tuple of int
        (Y, X) of a slice.
    make : callable
        These frames, read from anywhere, and slice index -> (Y, X) float32 (float64 where that
        would cut its structure), NaN where unknown.
    frames : callable
        Slice index -> (n,) frames that the slice is made of.
    depends_on : callable
        Slice index -> all else that its pixels depend on, for the key of a unit.
    pixel_size_um : tuple of float, optional
        (y, x) in µm.
    z_step_um : float, optional
        Distance of slices.
    name : str
    paths : tuple of pathlib.Path
        Files it is read from.
    remarks : tuple of Remark
        Sentences for the user.
    is_said : bool
        Whether file or caller say that these are the slices of a z-stack.
    is_aligned : bool
        Whether they are the volume of an alignment.
    channel : int
        Channel of ``stack`` that the slices are made of.
    seen : FrameDigests, optional
        What the frames were that an alignment was made of.
    """

    stack: Stack
    n_slices: int
    shape: tuple[int, int]
    make: Callable[[Stack, int], Image]
    frames: Callable[[int], npt.NDArray[np.intp]]
    depends_on: Callable[[int], dict[str, Any]]
    pixel_size_um: Size | None = None
    z_step_um: float | None = None
    name: str = "reference"
    paths: tuple[Path, ...] = ()
    remarks: tuple[Remark, ...] = ()
    is_said: bool = True
    is_aligned: bool = False
    channel: int = 0
    seen: FrameDigests | None = None

    @property
    def averages_raw_repeats(self) -> bool:
        """Whether its slices are means of repeats that nobody has aligned."""
        return self.is_said and not self.is_aligned and self.stack.frames_per_slice != 1


def reference_of(given: Alignment | Stack | npt.ArrayLike, channel: int) -> Reference:
    """Take an alignment's volume, a stack or an array (Z, Y, X) as reference.

    Raises
    ------
    InputError
        Where it is none of them, has no such channel, or a single slice.
    """
    if isinstance(given, Alignment):
        reference = _of_alignment(given, channel)
    elif isinstance(given, Stack):
        reference = _of_stack(given, channel)
    else:
        reference = _of_array(given)
    if reference.n_slices < 2:
        raise InputError(
            f"The reference {reference.name} is a single slice, in which no depth can be found: "
            f"give a z-stack."
        )
    return reference


def _of_alignment(alignment: Alignment, channel: int) -> Reference:
    stack = alignment.stack
    check_frames_at_hand(stack)
    if stack.frames_per_slice is None:
        raise InputError(
            f"The alignment of {stack.name} is one of a recording, without slices: give that of "
            f"a z-stack as reference."
        )
    stack.checked_channel(channel, "reference_channel")

    def mean(raw: Stack, k: int) -> Image:
        found = alignment.with_stack(raw, check_frames=False).mean_of_slice(k, channel)
        return _counts(found.exact_or_nan(), stack)

    def frames(k: int) -> npt.NDArray[np.intp]:
        own = stack.frames_of_slice(k)
        return own[alignment.quality["used"][own]]

    return Reference(
        stack,
        stack.n_slices,
        alignment.transforms.shape,
        mean,
        frames,
        lambda k: {
            "channel": channel,
            "transforms": alignment.transforms.parts(frames(k)),
            "artefact_rows": alignment.rows_among(frames(k)),
        },
        stack.pixel_size_um,
        stack.z_step_um,
        f"volume of {stack.name}",
        stack.paths,
        is_aligned=True,
        channel=channel,
        seen=alignment.frame_digests,
    )


def _of_stack(stack: Stack, channel: int) -> Reference:
    check_frames_at_hand(stack)
    stack.checked_channel(channel, "reference_channel")
    remarks: tuple[Remark, ...] = ()
    is_said = stack.frames_per_slice is not None
    if not is_said:
        remarks = as_notes(
            f"{stack.name} doesn't say what its frames are: each was taken as a slice. If a slice "
            f"has several, give `frames_per_slice` of the reference."
        )
        stack = stack.replace(frames_per_slice=1)

    def mean(raw: Stack, k: int) -> Image:
        frames = [raw.read(t, t + 1)[0, channel] for t in map(int, stack.frames_of_slice(k))]
        return _counts(np.mean(frames, axis=0, dtype=np.float64), stack)

    if stack.frames_per_slice != 1:
        remarks = as_warnings(
            f"The repeats of each slice of {stack.name} were averaged as they are: align them "
            f"first, and the reference is sharper."
        )
    return Reference(
        stack,
        stack.n_slices,
        (stack.shape[2], stack.shape[3]),
        mean,
        stack.frames_of_slice,
        lambda _: {"channel": channel},
        stack.pixel_size_um,
        stack.z_step_um,
        stack.name,
        stack.paths,
        remarks,
        is_said,
        channel=channel,
    )


def _counts(mean: npt.NDArray[np.float64], stack: Stack) -> Image:
    """Mean of raw frames, in no more digits than its structure needs."""
    return without_needless_digits(mean) if is_long(stack.dtype) else mean.astype(np.float32)


def _of_array(given: Any) -> Reference:
    is_array = hasattr(given, "dtype") and hasattr(given, "shape")
    data = with_checked_chunks(given) if is_array else np.asarray(given)
    if len(data.shape) == 2:
        raise InputError(
            "The reference is a single image, in which no depth can be found: give a z-stack "
            "(Z, Y, X)."
        )
    if len(data.shape) != 3:
        raise InputError(
            f"The reference has the shape {tuple(data.shape)}: give an array (Z, Y, X), a Stack "
            f"or an Alignment."
        )
    if isinstance(data, np.ndarray) and data.dtype.kind == "f" and np.isnan(data).all():
        raise InputError("The reference holds no numbers (NaN everywhere): give another z-stack.")
    reference = _of_stack(Stack.from_array(data, "ZYX", name="reference array"), 0)
    return replace(reference, is_said=False)


def on_frames(
    reference: Reference, shape: tuple[int, int], pixel_size_um: Size | None
) -> Reference:
    """Bring a reference to the pixels of the frames, centre on centre.

    Parameters
    ----------
    reference : Reference
    shape : tuple of int
        (Y, X) of the frames.
    pixel_size_um : tuple of float, optional
        (y, x) of the frames.

    Raises
    ------
    InputError
        Where they differ in shape and a pixel size is unknown, or cover different places.
    """
    scale = _scale(reference, pixel_size_um)
    if reference.shape == shape and scale in (None, (1.0, 1.0)):
        return reference
    if scale is None:
        raise InputError(
            f"The frames are {shape[0]} × {shape[1]} px, but the slices of {reference.name} "
            f"{reference.shape[0]} × {reference.shape[1]}: give the pixel sizes of both, or a "
            f"reference of the same size."
        )
    pairs = zip(shape, reference.shape, scale, strict=True)
    covered = [min(there / (here * factor), 1.0) for here, there, factor in pairs]
    if covered[0] * covered[1] < LEAST_COVERED:
        raise InputError(
            f"{reference.name} covers {100 * covered[0] * covered[1]:.0f} % of the frames only: "
            f"check the pixel sizes, or give a reference of the same field of view."
        )
    make, depends_on = reference.make, reference.depends_on
    sizes = "" if reference.pixel_size_um is None else f" ({_sizes(reference.pixel_size_um)} µm)"
    remark = as_notes(
        f"{reference.name}, {reference.shape[0]} × {reference.shape[1]} px{sizes}, was brought "
        f"to the pixels of the frames, {shape[0]} × {shape[1]} px, centre on centre."
    )
    return replace(
        reference,
        shape=shape,
        make=lambda raw, k: _resampled(make(raw, k), shape, scale),
        depends_on=lambda k: {**depends_on(k), "resampled": (shape, scale)},
        pixel_size_um=pixel_size_um,
        remarks=reference.remarks + remark,
    )


def _scale(reference: Reference, pixel_size_um: Size | None) -> Size | None:
    """Pixels of the reference in one of the frame, (y, x); None where it can't be known."""
    if reference.pixel_size_um is None or pixel_size_um is None:
        return None
    y, x = (
        frame / there for frame, there in zip(pixel_size_um, reference.pixel_size_um, strict=True)
    )
    return (1.0 if abs(y - 1) < SAME_SIZE else y, 1.0 if abs(x - 1) < SAME_SIZE else x)


def _resampled(image: Image, shape: tuple[int, int], scale: Size) -> Image:
    """Sample an image at the pixels of a frame; NaN beyond it."""
    known = np.isfinite(image)
    blur = [0.5 * np.sqrt(max(factor**2 - 1, 0)) for factor in scale]
    # OpenCV reckons in float32, whatever it is given.
    small, lowest = above_lowest(image)
    filled = np.where(known, small, np.float32(np.nanmean(small) if known.any() else 0))
    if hypot(*blur) > 0:
        # Averaged to the larger pixels first, or the finest detail would become noise.
        sigma_y, sigma_x = (max(sigma, 1e-3) for sigma in blur)
        filled = cv2.GaussianBlur(filled, (0, 0), sigma_x, sigmaY=sigma_y)
    centre = [
        (there - 1) / 2 - factor * (here - 1) / 2
        for here, there, factor in zip(shape, image.shape, scale, strict=True)
    ]
    matrix = np.array([[scale[1], 0, centre[1]], [0, scale[0], centre[0]]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (shape[1], shape[0])
    sampled = cv2.warpAffine(filled, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(
        known.astype(np.float32), matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    )
    return np.where(inside > 0.99, sampled + image.dtype.type(lowest), image.dtype.type(np.nan))


def _sizes(size: Size) -> str:
    return f"{size[0]:g}" if size[0] == size[1] else f"{size[0]:g} × {size[1]:g}"
