"""What the search for artefacts found, put together with a sentence about each part."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.constant import largest_moves
from napari_zstack_align.register.artefacts.movement import MOVED_PX, Movement
from napari_zstack_align.register.artefacts.pattern import Pattern, shared_step
from napari_zstack_align.register.artefacts.regular import Regular
from napari_zstack_align.register.artefacts.sample import Sample
from napari_zstack_align.register.artefacts.transients import Transients
from napari_zstack_align.register.brightness import TINY
from napari_zstack_align.remark import Remark, as_notes, as_serious, as_warnings

Pixels = npt.NDArray[np.bool_]

MOST_PART = 0.1
"""No more of the pixels are left out."""
NOT_TESTED = (
    "Pixels fixed to the detector (hot pixels, overlays) were not looked for: the tissue moves by "
    "less than a pixel, so that it can't be told from them."
)
SOME_NOT_TESTED = (
    "Others were not looked for in most of the image: the tissue moves by less than a pixel there."
)
MAY_BE_FIXED = (
    "{} may be fixed to the detector (an overlay, a hot column) and hold the alignment: never "
    "changing, {} neighbours never alike, in tissue that moves by less than a pixel, which can't "
    "tell. Look at the raw frames, and mark what is fixed as artefacts."
)
MAY_HOLD = (
    "A pattern fixed to the detector seems to hold the alignment, so that frames may lie pixels "
    "off: it could not be told well enough from the tissue to be taken off. Take it off the raw "
    "frames (subtract a frame without light), or mark what is fixed as artefacts."
)
TOO_STRONG = (
    "That is {:.2g} times what half of the pixels differ by: what is left of it may hold the "
    "alignment, so that frames may lie pixels off. Look at the aligned frames, or take it off the "
    "raw ones (subtract a frame without light)."
)
STRIPES_MAY_HOLD = (
    "Rows or columns may have offsets fixed to the detector (stripes) and hold the alignment, so "
    "that frames may lie pixels off: in all frames neighbours differ by up to {:.3g} counts, "
    "{:.2g} times what half of the pixels along them differ by, and they could not be told well "
    "enough from the tissue to be taken off. Look at the aligned frames, or take the stripes off "
    "the raw ones (subtract a frame without light)."
)
STEP_TIMES = 8.0
"""Larger steps are not of tissue: 0.4 in real data, 6 at a sharp fibre that lies along the rows."""
STRONG_TIMES = 15.0
HALF = (25.0, 75.0)
"""Percentiles: of a pattern over a few rows, what is left doesn't count."""
BORDER = (
    "A border that is the same in all frames ({where}) was left out, as where frames were cropped "
    "or registered before."
)
SIDES = (
    ("row", "at the top"),
    ("column", "on the right"),
    ("row", "at the bottom"),
    ("column", "on the left"),
)
"""In the order in which quarter turns bring them to the top."""
ALL_ALIKE = (
    "The frames are empty: every pixel of a frame has the same value. Look at the raw file, and "
    "whether another channel holds the signal."
)


def described(
    sample: Sample,
    fixed: Pixels,
    untested: Pixels,
    border: Pixels,
    pattern: Pattern,
    regular: Regular,
    transients: Transients,
    moves: Movement,
    was_given: bool,
) -> Artefacts:
    """Put together what was found, with a sentence about each part."""
    remarks: list[Remark] = []
    inside, kept = fixed & ~border, fixed if fixed.any() else None
    n_fixed = int(inside.sum())
    hardly_moves = bool(np.median(largest_moves(moves)) < MOVED_PX)
    if border.any():
        remarks += as_notes(BORDER.format(where=_sides_of(border)))
    if was_given:
        remarks += as_notes(f"{counted(n_fixed, 'pixel')} marked as artefacts were left out.")
    elif inside.mean() > MOST_PART:
        remarks += as_warnings(
            f"{100 * inside.mean():.0f} % of the pixels seem to be fixed to the detector: so many "
            f"were not left out without asking. Look at the raw frames; where these pixels show no "
            f"tissue, crop the frames or set them to NaN."
        )
        kept = border if border.any() else None
    elif n_fixed:
        verb = "was" if n_fixed == 1 else "were"
        left_out = f"{counted(n_fixed, 'pixel')} fixed to the detector {verb} left out."
        remarks += as_notes(f"{left_out} {SOME_NOT_TESTED}" if hardly_moves else left_out)
    elif not np.ptp(sample.images, axis=(1, 2)).any():
        remarks += as_warnings(ALL_ALIKE)
    elif hardly_moves:
        remarks += as_notes(NOT_TESTED)
    if untested.any():
        n_untested = int(untested.sum())
        whose = "its" if n_untested == 1 else "their"
        remarks += as_warnings(MAY_BE_FIXED.format(counted(n_untested, "pixel"), whose))
    for name, offsets in (("rows", pattern.rows), ("columns", pattern.columns)):
        if offsets.any():
            size = float(np.abs(offsets).max())
            remarks += _of_taken_off(
                sample,
                size,
                f"Stripes fixed to the detector were taken off: {name} differ by up to "
                f"{size:.3g} counts.",
            )
    if regular.image is not None:
        size = float(np.abs(regular.image).max())
        remarks += _of_taken_off(
            sample,
            size,
            f"A pattern fixed to the detector was taken off: it differs by up to {size:.3g} "
            f"counts.",
        )
    elif regular.is_doubtful:
        remarks += as_serious(MAY_HOLD)
    elif not pattern:
        step, times = shared_step(sample.images, fixed | untested)
        if times >= STEP_TIMES:
            remarks += as_warnings(STRIPES_MAY_HOLD.format(step, times))
    if transients.everywhere:
        remarks += as_notes("Single bright or dark pixels of single frames were left out.")
    added = pattern.image if pattern else None
    if regular.image is not None:
        added = regular.image if added is None else added + regular.image
    return Artefacts(sample.offset, kept, added, transients, remarks=tuple(remarks))


def _of_taken_off(sample: Sample, size: float, sentence: str) -> tuple[Remark, ...]:
    """Tell of a pattern that was taken off; of a strong one, enough may be left to hold frames."""
    low, high = np.percentile(sample.images[:, ::4, ::4], HALF)
    times = size / max(float(high - low), TINY)
    if times < STRONG_TIMES:
        return as_notes(sentence)
    return as_warnings(f"{sentence} {TOO_STRONG.format(times)}")


def _sides_of(border: Pixels) -> str:
    """Name the sides of a frame that a border (Y, X) covers, and how far it reaches."""
    parts = []
    for turns, (line, side) in enumerate(SIDES):
        rows = np.flatnonzero(~np.rot90(border, turns).all(axis=1))
        n = int(rows[0])
        if n:
            parts.append(f"{counted(n, line)} {side}")
    return ", ".join(parts)
