"""A generated session: several recordings of one plane, somewhere else each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_zstack_align.errors import InputError
from napari_zstack_align.samples.anatomy import MARGIN_PX, frame_shape
from napari_zstack_align.samples.detector import Detector
from napari_zstack_align.samples.plane import Plane
from napari_zstack_align.samples.recording import SampleRecording, recorded
from napari_zstack_align.samples.wander import (
    Maps,
    about_centre,
    affine_drift,
    largest_shift,
    steps_of,
)


def session_with_motion(
    n_recordings: int = 3,
    *,
    n_frames: int | Sequence[int] = 120,
    offset_px: float = 10.0,
    offset_deg: float = 2.0,
    drift_px: float = 4.0,
    n_steps: int = 0,
    step_px: float = 6.0,
    step_deg: float = 0.0,
    gap_s: float = 60.0,
    size: int | tuple[int, int] = 256,
    photons: float = 20.0,
    frame_rate_hz: float = 10.0,
    pixel_size_um: float = 0.8,
    detector: Detector | None = None,
    seed: int = 0,
) -> list[SampleRecording]:
    """Make recordings of one plane with gaps, each somewhere else, drifting, perhaps jumping.

    What isn't explained here is as in `recording_with_motion`. The truth of all recordings lies
    in one reference frame, that of the first recording's first frame.

    Parameters
    ----------
    n_recordings : int
    n_frames : int or sequence of int
        Frames of each recording.
    offset_px, offset_deg : float
        Largest shift and turn of a recording's first frame; the first recording has none.
    drift_px : float
        Largest displacement of any pixel within a recording, without its steps.
    n_steps : int
        Sudden jumps in each recording: out, and back again where there are several.
    step_px, step_deg : float
        Shift and turn of a jump.
    gap_s : float
        Time between recordings; ``frame_times_s`` run on one clock.

    Returns
    -------
    list of SampleRecording

    Raises
    ------
    InputError
        Where the motion is larger than the tissue around the frame, or there are more steps than
        the frames have room for.
    """
    shape = frame_shape(size)
    counts = [n_frames] * n_recordings if isinstance(n_frames, int) else list(n_frames)
    if len(counts) != n_recordings:
        raise InputError(f"n_frames has {len(counts)} entries for {n_recordings} recordings.")
    tissue_seed, *seeds = np.random.SeedSequence(seed).spawn(1 + n_recordings)
    plane = Plane.draw(shape, tissue_seed, photons)
    times = [np.arange(count) / frame_rate_hz for count in counts]
    starts = np.cumsum([0.0, *(count / frame_rate_hz + gap_s for count in counts[:-1])])
    recordings = []
    for k, own_seed in enumerate(seeds):
        rng = np.random.default_rng(own_seed)
        offset = _offset(rng, offset_px * (k > 0), offset_deg * (k > 0), shape)
        jumps, steps = steps_of(rng, counts[k], n_steps, step_px, step_deg, shape)
        affine = jumps @ affine_drift(rng, counts[k], shape, drift_px) @ offset
        _check_room(affine, shape)
        recordings.append(
            recorded(
                plane,
                affine,
                rng,
                rng,
                detector=detector or Detector(),
                times_s=starts[k] + times[k],
                pixel_size_um=pixel_size_um,
                name=f"generated recording {k + 1}",
                steps=steps,
            )
        )
    return recordings


def _offset(rng: np.random.Generator, px: float, deg: float, shape: tuple[int, int]) -> Maps:
    """(3, 3) shift of at least half of what is allowed, anywhere, and a turn."""
    shift, turn = px * rng.uniform(0.5, 1), deg * rng.uniform(-1, 1)
    return about_centre(shift, turn, shape, heading=rng.uniform(0, 2 * np.pi))


def _check_room(affine: Maps, shape: tuple[int, int]) -> None:
    if largest_shift(affine, shape) > MARGIN_PX - 2:
        raise InputError(
            f"Offsets, drift and steps together move a corner of the frame by more than the "
            f"{MARGIN_PX - 2} px of tissue around it: make one of them smaller."
        )
