"""What our own exports say of their frames beside what the format has a place for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import numbers_in
from napari_zstack_align.errors import InputError, MissingFrameError
from napari_zstack_align.layout import FramesPerSlice, Layout, Order
from napari_zstack_align.read._facts import Facts, Opened
from napari_zstack_align.remark import Remark, RemarkCode, as_notes
from napari_zstack_align.sources import WithGaps

MADE_BY = "napari-zstack-align"
"""What exports carry, to be known again where their format alone doesn't say so."""
ALIGNED = f"{MADE_BY}: aligned"
"""What they carry where their pixels were moved, in formats with one place for both."""
WITHOUT_PIXELS = "without_pixels"
"""Frames that keep their place without pixels, as text; a value fills them."""
LACKS_PIXELS = "Frame {} had no pixels when it was exported: a value stands in its place."
FRAMES = "frames"
"""Attribute of zarr in which they say it."""
MOST_TEXT = 10**8
"""Longer texts are damage."""


def on_aligned(is_ours: bool, is_aligned: object = True) -> tuple[Remark, ...]:
    """Say that frames were exported here, aligned, and so resampled; nothing of other files."""
    sentence = f"{MADE_BY} exported these frames, aligned." if is_ours and is_aligned else ""
    return as_notes(sentence, code=RemarkCode.RESAMPLED)


def as_exported(facts: Facts, known: Mapping[str, Any], n_frames: int) -> Facts:
    """Return the facts with what an export of this program says besides.

    Parameters
    ----------
    facts : Facts
        As the format says it.
    known : mapping
        ``raw_frames`` and ``frame_times_s`` (arrays, lists, or numbers as text), ``started_at``,
        ``without_pixels`` (numbers as text),
        ``frames_per_slice``, ``frames_in_turn`` and ``order``; what is odd counts as absent.
    n_frames : int
    """
    found: dict[str, Any] = {}
    numbers = _values(known.get("raw_frames"), n_frames)
    if numbers is not None and _ascend(numbers):
        found["numbers"] = numbers.astype(np.intp)
    times = _values(known.get("frame_times_s"), n_frames)
    if times is not None:
        found["frame_times_s"] = times
    if (lacking := _lacking(known.get(WITHOUT_PIXELS), n_frames)) is not None:
        own = found.get("numbers", np.arange(n_frames))
        found["missing"] = tuple(own[lacking].tolist())
    if (started := _date(known.get("started_at"))) is not None:
        found["started_at"] = started
    if facts.layout is None and (layout := _layout(known, n_frames)) is not None:
        found["layout"] = layout
    return replace(facts, **found)


def with_gaps(opened: Opened) -> Opened:
    """Return an export whose frames without pixels can't be read: a value fills them there."""
    facts, n_frames = opened.facts, opened.source.shape[0]
    numbers = np.arange(n_frames) if facts.numbers is None else facts.numbers
    lacking = np.flatnonzero(np.isin(numbers, facts.missing)).tolist()
    if not lacking:
        return opened
    gaps = {t: MissingFrameError(LACKS_PIXELS.format(numbers[t])) for t in lacking}
    return replace(opened, source=WithGaps(opened.source, gaps))


def _lacking(given: Any, n_frames: int) -> npt.NDArray[np.intp] | None:
    """Indices of frames, as text; None for anything else."""
    numbers = numbers_in(given, n_frames) if isinstance(given, str) and given else None
    is_known = numbers is not None and max(numbers, default=n_frames) < n_frames
    return np.array(numbers, np.intp) if is_known else None


def _values(given: Any, n_frames: int) -> npt.NDArray[np.float64] | None:
    """(T,) finite numbers; None for anything else."""
    if isinstance(given, str) and len(given) < MOST_TEXT:
        given = numbers_in(given, n_frames)
    try:
        values = np.asarray(given if given is not None else (), np.float64)
    except (TypeError, ValueError):
        return None
    is_whole = values.shape == (n_frames,) and bool(np.isfinite(values).all())
    return values if is_whole and np.abs(values).max() < 2**53 else None


def _ascend(numbers: npt.NDArray[np.float64]) -> bool:
    """Whether they are whole and ascend from 0 or more."""
    is_whole = bool((numbers == np.rint(numbers)).all())
    return is_whole and bool(numbers[0] >= 0) and bool((np.diff(numbers) > 0).all())


def _date(given: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(given) if isinstance(given, str) and given else None
    except ValueError:
        return None


def _layout(known: Mapping[str, Any], n_frames: int) -> Layout | None:
    order: Any = known.get("order")
    repeats = _repeats(known.get("frames_per_slice"))
    if repeats is None or order not in get_args(Order):
        return None
    in_turn = _repeats(known.get("frames_in_turn"))
    try:
        layout = Layout(repeats, order, in_turn if isinstance(in_turn, int) else 1)
        layout.check(n_frames, "the export")
    except InputError:
        return None
    return layout


def _repeats(given: Any) -> FramesPerSlice | None:
    try:
        values = np.ravel(np.asarray(given.split(",") if isinstance(given, str) else given, float))
    except (TypeError, ValueError):
        return None
    if not len(values) or not np.isfinite(values).all() or values.min() < 1 or values.max() > 1e9:
        return None
    whole = tuple(int(value) for value in values)
    return whole[0] if len(whole) == 1 and np.ndim(given) == 0 and "," not in str(given) else whole
