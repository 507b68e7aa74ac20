"""What happens to one frame: read, checked and registered to a template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.artefact_rows import RowKinds
from napari_zstack_align.alignment.filling import filled
from napari_zstack_align.alignment.quality import (
    Compared,
    comparison_image,
    comparison_valid,
    without_extremes,
)
from napari_zstack_align.alignment.spline import field_on_pixels
from napari_zstack_align.alignment.warp import shrink
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.flags import Fault, Flag, unreadable
from napari_zstack_align.params import ChannelParams
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.driving import driving_image
from napari_zstack_align.register.template import Coefficients, Filtered, Registration, Template
from napari_zstack_align.saturation import saturated_fraction
from napari_zstack_align.stack import Stack

Image = npt.NDArray[np.float32]

TOO_MUCH_LIGHT = (
    "There is more light than the detector can tell: record with less laser power or detector "
    "gain, or align by another channel."
)
STEP_PX = 2
MARGIN = np.ones((3, 3), np.uint8)
MOST_MISSING = 0.5
"""A frame of which more is missing stays saturated."""
FOLD_LIMIT = 0.1
"""A field whose local area change falls below this folds the image onto itself."""


@dataclass(frozen=True)
class RawFrame:
    """The image of a frame that drives the alignment.

    Attributes
    ----------
    image : numpy.ndarray
        (Y, X) float32; NaN where pixels are missing.
    fault : Fault, optional
        Why it can't be registered; None where it can.
    rows : numpy.ndarray, optional
        (Y,) `RowKind` of each row; None: all are tissue, as far as was looked.
    step : float
        What was taken off as its offset is larger than that of most frames.
    """

    image: Image
    fault: Fault | None = None
    rows: RowKinds | None = None
    step: float = 0.0


def check_channels(stack: Stack, params: ChannelParams) -> None:
    """Raise InputError where the driving channels are not those of the stack."""
    n_channels = stack.shape[1]
    stack.checked_channel(params.channel)
    if params.channel_weights and len(params.channel_weights) != n_channels:
        raise InputError(
            f"{stack.name} has {counted(n_channels, 'channel')}, but {len(params.channel_weights)} "
            f"channel_weights were given: give one number a channel."
        )


def read_frame(stack: Stack, t: int, params: ChannelParams, artefacts: Artefacts) -> RawFrame:
    """Read the driving image of frame t; where that fails, the error is its fault."""
    try:
        channels = stack.read(t, t + 1)[0]
    except (OSError, InputError) as error:
        fault = unreadable(error)
        return RawFrame(np.full(stack.shape[2:], np.nan, np.float32), fault)
    return driving_frame(channels, params, artefacts)


def driving_frame(
    channels: npt.NDArray[Any], params: ChannelParams, artefacts: Artefacts
) -> RawFrame:
    """Driving image of channels (C, Y, X) as read, without artefacts, and what ails it."""
    image = driving_image(channels, params, artefacts.offset)
    fault = unusable(channels, image, artefacts.fixed)
    if fault and fault.flag is not Flag.SATURATED:
        return RawFrame(image, fault)
    step = artefacts.step(image)
    if step:
        image = image - np.float32(step)
    cleaned = artefacts.cleaned(image)
    # A few rows that light struck may be as bright as a whole frame.
    if flash := artefacts.flash(image + np.float32(step), cleaned.rows):
        return RawFrame(image, fault or flash)
    if fault:  # by rows that were struck by light, perhaps
        missing = ~np.isfinite(cleaned.image)
        if missing.mean() <= MOST_MISSING:
            fault = unusable(channels, image, missing)
    return RawFrame(image if fault else cleaned.image, fault, cleaned.rows, step)


def unusable(
    channels: npt.NDArray[Any], image: Image, left_out: npt.NDArray[np.bool_] | None = None
) -> Fault | None:
    """Say why a frame can't be registered; None where it can.

    Parameters
    ----------
    channels : numpy.ndarray
        (C, Y, X) as read.
    image : numpy.ndarray
        (Y, X) float32, what drives the registration.
    left_out : numpy.ndarray, optional
        (Y, X) bool: pixels that don't count.
    """
    if left_out is not None:
        channels, image = channels[:, ~left_out], image[~left_out]
    known = image if np.isfinite(cv2.sumElems(image)[0]) else image[np.isfinite(image)]
    if not known.size:
        return Fault(Flag.NO_SIGNAL, "no signal: every pixel is NaN")
    if fraction := saturated_fraction(channels):
        return Fault(Flag.SATURATED, f"saturated: {100 * fraction:.0f} % of the pixels")
    low, high, _, _ = cv2.minMaxLoc(known)
    return Fault(Flag.NO_SIGNAL, "no signal: all pixels are equal") if low == high else None


def filtered_frame(raw: RawFrame, template: Template) -> Filtered:
    """Prepare a frame for a template; where pixels are missing nothing acts on the field."""
    if np.isfinite(cv2.sumElems(raw.image)[0]):
        return template.filtered(raw.image)
    levels = template.filtered(filled(raw.image))
    missing = ~np.isfinite(raw.image)
    return tuple(
        without_missing(image, missing, level.factor)
        for image, level in zip(levels, template.levels, strict=True)
    )


def without_missing(image: Image, missing: npt.NDArray[np.bool_], factor: int) -> Image:
    """Filtered image of a level, NaN where the raw pixels (Y, X) were missing."""
    part = cv2.dilate(shrink(missing.astype(np.float32), factor), MARGIN)
    return np.where(part > 0, np.float32(np.nan), image)


def register_frame(
    frame: Filtered, template: Template, start: Coefficients, *, among: int | None = None
) -> tuple[Registration | None, Fault | None]:
    """Find the field of a frame; None with the reason where that can't be."""
    registration = template.register(frame, start, among=among)
    coefficients = registration.coefficients
    if not np.isfinite(coefficients).all() or folds(
        coefficients, template.shape, template.spacing_px
    ):
        return None, Fault(Flag.IMPLAUSIBLE, "implausible: the field folds the image")
    return registration, None


def compare_frame(raw: RawFrame, aligned: Image, valid: npt.NDArray[np.bool_]) -> Compared:
    """Prepare a raw and an aligned frame for the comparison with other repeats."""
    both = (filled(raw.image), aligned)
    before, after = (without_extremes(comparison_image(image)) for image in both)
    return Compared(before, after, comparison_valid(valid))


def displacement_lengths(
    coefficients: Coefficients, shape: tuple[int, int], spacing_px: float
) -> tuple[float, float]:
    """Mean and maximum length of a displacement field in px, from every fourth pixel."""
    return lengths_of(field_on_pixels(coefficients, shape, spacing_px, factor=min(4, *shape)), 1)


def lengths_of(displacement: npt.NDArray[np.float32], step: int = STEP_PX) -> tuple[float, float]:
    """Mean and maximum length of a displacement (2, Y, X) in px, from every few pixels."""
    length = np.hypot(*displacement[:, ::step, ::step])
    return float(length.mean()), float(length.max())


def folds(coefficients: Coefficients, shape: tuple[int, int], spacing_px: float) -> bool:
    """Whether the field folds an image (Y, X): neighbours come closer than they may."""
    step = max(min(int(spacing_px / 4), *(size // 2 for size in shape)), 1)
    d = field_on_pixels(coefficients, shape, spacing_px, factor=step) / step
    yy, xy = np.diff(d[0], axis=0)[:, :-1], np.diff(d[0], axis=1)[:-1]
    yx, xx = np.diff(d[1], axis=0)[:, :-1], np.diff(d[1], axis=1)[:-1]
    area = (1 + yy) * (1 + xx) - xy * yx
    return bool(area.min(initial=1) < FOLD_LIMIT)
