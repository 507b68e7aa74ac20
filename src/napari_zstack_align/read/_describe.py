"""`describe`: what was read, in words."""

from __future__ import annotations

from napari_zstack_align.counting import counted, duration
from napari_zstack_align.read._remarks import lacking_frames
from napari_zstack_align.stack import Stack, check_is_stack, repeats_in_words


def describe(stack: Stack) -> str:
    """Say in words what a stack is.

    Returns
    -------
    str
        '40 slices × 9 repeats, 512 × 512 pixels, 2 µm steps, 0.8 µm pixels' for a z-stack,
        '27,000 frames, 512 × 512 pixels, 0.8 µm pixels, 30 Hz (15 min)' for a recording. What
        isn't known is said to be unknown.
    """
    check_is_stack(stack)
    n_channels, n_rows, n_columns = stack.shape[1:]
    parts = [_frames(stack), f"{n_rows} × {n_columns} pixels"]
    if n_channels > 1:
        parts.append(f"{n_channels} channels ({', '.join(stack.channel_names)})")
    if stack.frames_per_slice is not None:
        step = stack.z_step_um
        parts.append("z-step unknown" if step is None else f"{step:.4g} µm steps")
    parts.append(_pixels(stack.pixel_size_um))
    rate = _rate(stack)
    if rate or stack.frames_per_slice is None:
        parts.append(rate or "frame rate unknown")
    return ", ".join(parts)


def _frames(stack: Stack) -> str:
    if stack.frames_per_slice is None:
        return counted(stack.n_frames, "frame")
    words = f"{counted(stack.n_slices, 'slice')} × {repeats_in_words(stack.frames_per_slice)}"
    if stack.most_repeats > 1:
        words += IN_WHAT[stack.order or "repeats"]
    lacking = lacking_frames(stack)
    if not lacking:
        return words
    if stack.order == "repeats":
        left = counted(stack.most_repeats - lacking, "repeat")
        return f"{words} (the last slice has only {left})"
    what = "volume" if stack.order == "slices" else "sweep"
    return f"{words} (the last {what} lacks {counted(lacking, 'slice')})"


IN_WHAT = {
    "repeats": "",
    "slices": " in volumes",
    "up-and-down": " in sweeps up and down",
    "up-and-down-once": " in sweeps up and down that share their ends",
}


def _pixels(size: tuple[float, float] | None) -> str:
    if size is None:
        return "pixel size unknown"
    y, x = (f"{value:.4g}" for value in size)
    return f"{x} µm pixels" if y == x else f"{y} × {x} µm pixels (y, x)"


def _rate(stack: Stack) -> str:
    """Frame rate and length; '' where the times aren't known."""
    times, step = stack.frame_times_s, stack.frame_interval_s
    if times is None or step is None:
        return ""
    rate = f"{1 / step:.3g} Hz" if step <= 1 else f"a frame every {step:.3g} s"
    length = float(times[-1] - times[0]) + step
    return f"{rate} ({duration(length)})" if length >= step else rate
