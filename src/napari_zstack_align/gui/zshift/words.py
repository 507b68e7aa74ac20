"""What the tab says of the chosen recording and reference."""

from __future__ import annotations

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.zshift.sources import RECORDING_AXES, SLICES_AXES, FramesEntry

NO_STEP = "⚠ The z-step isn't known: z will be in slices, unless you type it in above."


def source_words(
    recording: FramesEntry | None, reference: FramesEntry | None, z_step_um: float | None
) -> str:
    """What would be looked for, and where, in a sentence or two."""
    if recording is None or reference is None:
        return "Choose a recording, and the z-stack in which to look for its frames."
    try:
        return f"{_frames(recording)}, to be located in {_slices(reference, z_step_um)}"
    except InputError as error:
        return f"⚠ {error}"


def _frames(source: FramesEntry) -> str:
    stack = source.stack(RECORDING_AXES)
    rows, columns = stack.shape[2:]
    how = "aligned" if source.alignment is not None else "not aligned"
    return f"{counted(stack.n_frames, 'frame')} of {rows} × {columns} px, {how}"


def _slices(source: FramesEntry, z_step_um: float | None) -> str:
    stack = source.stack(SLICES_AXES)
    rows, columns = stack.shape[2:]
    known = z_step_um or stack.z_step_um
    n_slices = stack.n_frames if stack.frames_per_slice is None else stack.n_slices
    words = f"{counted(n_slices, 'slice')} of {rows} × {columns} px"
    return f"{words}, {known:g} µm apart." if known else f"{words}. {NO_STEP}"
