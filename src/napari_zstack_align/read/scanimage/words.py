"""What was read from ScanImage's header, in sentences."""

from __future__ import annotations

from napari_zstack_align.counting import are, counted, decimal, were
from napari_zstack_align.read.scanimage.header import Header
from napari_zstack_align.read.scanimage.slots import Slots

MOST_NAMED = 4


def of_reading(header: Header, slots: Slots, n_channels: int, z_step_um: float | None) -> str:
    """Say what the frames are by the header; `of_settings` says the rest of it."""
    channels = counted(n_channels, "channel")
    if len(header.channels) == n_channels:
        *some, last = map(str, header.channels)
        channels += f" ({', '.join(some)} and {last})" if some else f" ({last})"
    words = f"By the header of {header.program}: {_frames(header, slots)} of {channels}"
    if slots.n_slices > 1 and z_step_um is not None:
        words += f", {z_step_um:.4g} µm steps"
    return f"{words}."


def of_settings(header: Header, slots: Slots) -> str:
    """Say what else of the header matters; '' for nothing."""
    parts = [*_averaged(header, slots), *_offsets(header), *_unused(header)]
    return "".join(f"{part}. " for part in parts).rstrip()


def of_skipped(slots: Slots) -> str:
    """Say how many frames are missing; '' for none."""
    n = slots.n_skipped
    if not n:
        return ""
    by = f"By the frame numbers, {counted(n, 'frame')} {were(n)} skipped by the microscope"
    if slots.layout is None:
        return f"{by}: times keep the gap."
    kept = (
        "its place is kept, without pixels" if n == 1 else "their places are kept, without pixels"
    )
    return f"{by}, or {are(n)} missing: {kept}."


def _frames(header: Header, slots: Slots) -> str:
    if slots.layout is None:
        return "frames" if header.has_slices else "a recording"
    repeats = counted(slots.layout.most_repeats, "repeat")
    kind = " in volumes" if slots.layout.order == "slices" else ""
    return f"{counted(slots.n_slices, 'slice')} × {repeats}{kind}"


def _averaged(header: Header, slots: Slots) -> list[str]:
    if header.averaged == 1:
        return []
    is_alone = slots.layout is not None and slots.layout.most_repeats == 1
    only = ": only slices can be aligned" if is_alone else ""
    return [f"Averaged by the microscope, {header.averaged} frames each{only}"]


def _offsets(header: Header) -> list[str]:
    """Offsets of the saved channels, and whether they are in the pixels."""
    offsets, subtracted = header.offsets, header.subtracted
    channels = header.channels or tuple(range(1, len(offsets) + 1))
    if not offsets or header.dark_levels() is None or not any(offsets):
        return []
    on = subtracted * len(offsets) if len(subtracted) == 1 else subtracted
    parts = []
    for was, words in ((True, "subtracted when it was saved"), (False, "not subtracted")):
        some = [decimal(offsets[c - 1], 0) for c in channels if on[c - 1] is was]
        if some:
            word = "Offset" if len(some) == 1 else "Offsets"
            parts.append(f"{word} {', '.join(some[:MOST_NAMED])}: {words}")
    return ["; ".join(parts)]


def _unused(header: Header) -> list[str]:
    if not header.has_unused_stack:
        return []
    return [
        f"The settings of a stack ({counted(header.n_slices, 'slice')} × "
        f"{counted(header.frames_per_slice, 'frame')}) were off and weren't used"
    ]
