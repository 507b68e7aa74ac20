"""HDF5 of a recording, as Caiman reads it: a dataset ``mov`` (T, Y, X)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_zstack_align.acquisition import Acquisition
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import MADE_BY, WITHOUT_PIXELS
from napari_zstack_align.write.hdf5_file import hdf5_file
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target


def write_hdf5(path: str | Path, image: Image, *, overwrite: bool = False) -> Job[Path]:
    """Write a recording as HDF5, uncompressed, a chunk a frame.

    ``mov`` is the first channel; the others are ``mov_1``, ``mov_2``, ... What is known stands in
    the attributes of each: ``frame_rate_hz``, ``pixel_size_um`` (y, x), ``channel_name``,
    ``crop_origin_yx`` and ``outside_raw_frames`` (a sentence: what stands there); of a z-stack,
    ``z_step_um``, ``frames_per_slice`` and ``order``. Beside the movies, ``raw_frames`` (T,) has
    the number of each frame in the files, ``frame_times_s`` (T,) its time since the start, whose
    date and time is the attribute ``started_at`` of the file.
    """
    path = Path(path)
    image.check_recording("HDF5")
    check_export_target(path, overwrite, is_hdf5_export)
    return _write(path, image, overwrite)


def is_hdf5_export(path: Path) -> bool:
    """Whether a file was written by `write_hdf5`."""
    try:
        with h5py.File(path, "r") as file:
            return bool(file.attrs.get("made_by") == MADE_BY)
    except (OSError, ValueError, KeyError, RuntimeError):
        return False


def _write(path: Path, image: Image, overwrite: bool) -> Job[Path]:
    with replacing(path, overwrite) as unfinished, hdf5_file(unfinished, "w") as (file, check):
        file.attrs["made_by"] = MADE_BY
        file.attrs["aligned"] = image.is_aligned
        movies = [_create(file, image, channel) for channel in range(image.n_channels)]
        if image.frames is not None:
            _add_times(file, image.frames)
        for done, (index, plane) in enumerate(image.planes()):
            movies[image.channel_of(index)][index[0]] = plane
            check()
            yield Progress("Writing HDF5", done + 1, image.n_planes)
    return path


def _create(file: Any, image: Image, channel: int) -> Any:
    frame = image.shape[-2:]
    movie = file.create_dataset(
        "mov" if channel == 0 else f"mov_{channel}",
        shape=(image.sizes["T"], *frame),
        dtype=image.dtype,
        chunks=(1, *frame),
    )
    known = {
        "frame_rate_hz": image.frame_rate_hz,
        "pixel_size_um": image.pixel_size_um,
        "z_step_um": image.z_step_um,
        "frames_per_slice": None if image.layout is None else image.layout.frames_per_slice,
        "frames_in_turn": None if image.layout is None else image.layout.in_turn,
        "order": None if image.layout is None else image.layout.order,
        WITHOUT_PIXELS: image.said_of_frames.get(WITHOUT_PIXELS),
        "channel_name": image.channel_names[channel] if image.channel_names else None,
        "crop_origin_yx": image.crop_origin_yx,
        "outside_raw_frames": None if image.outside is None else image.outside.sentence,
    }
    movie.attrs.update({name: value for name, value in known.items() if value is not None})
    return movie


def _add_times(file: Any, frames: Acquisition) -> None:
    file["raw_frames"] = np.asarray(frames.numbers, np.int64)
    if np.isfinite(frames.times_s).any():
        file["frame_times_s"] = frames.times_s
    if frames.started_at is not None:
        file.attrs["started_at"] = frames.started_at.isoformat()
