"""One door to all image formats: the name's ending chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import dask.array as da
import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_aligned_frames_at_hand, check_raw_files_stay
from napari_zstack_align.alignment.fill import Fill
from napari_zstack_align.alignment.watched_frames import unchanged_frames
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job
from napari_zstack_align.sources import with_checked_chunks
from napari_zstack_align.write.crop import common_box
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.made_of import made_of
from napari_zstack_align.write.several import Destination, counted, destinations_of
from napari_zstack_align.write.space import check_space
from napari_zstack_align.write.writers import Takes, Writer, choose_writer

OUTSIDE_OF_VOLUMES = Fill((float("nan"),), "not a number")
IMAGES = (Takes.VOLUME, Takes.MOVIE)
"""What the formats take that are asked for here."""
What: TypeAlias = Literal["volume", "aligned"]


def export_volume(
    path: str | Path,
    data: Any,
    axes: str = "ZYX",
    *,
    overwrite: bool = False,
    **described: Any,
) -> Job[Path]:
    """Write an array, streamed plane by plane.

    Parameters
    ----------
    path : path
        Its ending chooses the format: docs/formats.md lists those of volumes and movies.
    data : array-like
        dask, numpy or zarr array.
    axes : str
        One letter a dimension: some of T, C, Z in that order, then YX.
    overwrite : bool
        Replace what is at ``path``.
    **described : dict
        What is known of it, as the attributes of `Image`: ``pixel_size_um``, ``z_step_um``,
        ``frame_interval_s``, ``channel_names``, ...

    Returns
    -------
    generator of Progress
        Returns the path. Nothing stands under the name before it is complete, and a cancelled job
        leaves nothing behind.

    Raises
    ------
    InputError
        Where the name's ending is unknown, something is there already, or the format can't hold
        the image.
    """
    writer = _writer_of(Path(path))
    image = Image(with_checked_chunks(data), axes, **described)
    job: Job[Path] = writer.load()(path, image, overwrite=overwrite)
    check_space([Path(path)], [image])
    return job


def check_export(path: Path, shape: tuple[int, ...], axes: str, overwrite: bool) -> None:
    """Find out before the work whether an image of float32 can be exported under a name.

    Parameters and errors are those of `export_volume`.
    """
    export_volume(path, da.zeros(shape, np.float32), axes, overwrite=overwrite).close()


def export_alignment(
    path: str | Path,
    alignment: Alignment,
    what: What | None = None,
    *,
    crop: bool = False,
    overwrite: bool = False,
) -> Job[Path]:
    """Write the volume or the aligned frames of an alignment, all channels.

    Parameters
    ----------
    path : path
        As for `export_volume`.
    alignment : Alignment
        Its raw files must be there.
    what : {'volume', 'aligned'}, optional
        The mean of each slice, float32 (Z, Y, X) or (C, Z, Y, X); or every frame in
        acquisition order, dtype of the stack, (T, Y, X) or (T, C, Y, X). By default the volume of
        a z-stack and the frames of a recording.
    crop : bool
        Write only the largest rectangle that lies inside every unflagged frame; where it begins
        in the reference is recorded in the file.
    overwrite : bool
        Replace what is at ``path``.

    Returns
    -------
    generator of Progress
        Returns the path.

    Raises
    ------
    InputError
        As for `export_volume`; with ``crop``, where no pixel lies inside every frame.
    """
    path = Path(path)
    return _only(_export([Destination(path, _writer_of(path))], [alignment], what, crop, overwrite))


def export_session(
    path: str | Path,
    alignments: Sequence[Alignment],
    *,
    crop: bool = False,
    overwrite: bool = False,
) -> Job[list[Path]]:
    """Write the aligned frames of every recording of a session, a file each.

    Parameters
    ----------
    path : path
        As for `export_volume`; of several recordings, the name of each is added: ``larva.h5``
        makes ``larva_NAME.h5``.
    alignments : sequence of Alignment
        The session.
    crop : bool
        All to one and the same rectangle, the largest inside every unflagged frame of all.
    overwrite : bool
        Replace what is there.

    Returns
    -------
    generator of Progress
        Returns the paths.

    Raises
    ------
    InputError
        As for `export_alignment`.
    """
    places = destinations_of(path, alignments, *IMAGES)
    return _export(places, alignments, "aligned", crop, overwrite)


def _writer_of(path: Path) -> Writer:
    return choose_writer(path, *IMAGES)


def _export(
    places: Sequence[Destination],
    alignments: Sequence[Alignment],
    what: What | None,
    crop: bool,
    overwrite: bool,
) -> Job[list[Path]]:
    """Check all that can be checked, and return the job."""
    for alignment in alignments:
        check_aligned_frames_at_hand(alignment)
    images = [_image(alignment, what) for alignment in alignments]
    raw = [path for alignment in alignments for path in alignment.stack.paths]
    for place in places:
        check_raw_files_stay(place.target, raw)
    for place, image in zip(places, images, strict=True):
        place.writer.load()(place.name, image, overwrite=overwrite).close()
    if not crop:
        check_space([place.target for place in places], images)
    box = common_box(alignments) if crop else None

    def job() -> Job[list[Path]]:
        cropped = None if box is None else (yield from box)
        written: list[Path] = []
        for place, alignment in zip(places, alignments, strict=True):
            image = _watched_image(alignment, what)
            piece = image if cropped is None else image.cropped(cropped)
            writing = place.writer.load()(place.name, piece, overwrite=overwrite)
            written.append((yield from counted(writing, len(written), len(places))))
        return written

    return job()


def _only(job: Job[list[Path]]) -> Job[Path]:
    (path,) = yield from job
    return path


def _watched_image(alignment: Alignment, what: What | None) -> Image:
    """The same as `_image`, whose raw files are looked after while it is written."""
    frames = unchanged_frames(alignment.stack, alignment.frame_digests)
    image = _image(alignment.with_stack(frames.stack, check_frames=False), what)
    return replace(image, check=frames.check_files)


def _image(alignment: Alignment, what: What | None) -> Image:
    """The lazy volume or frames of an alignment, (C, Z, Y, X), (T, C, Y, X) or without C."""
    stack = alignment.stack
    if what is None:
        what = "aligned" if stack.frames_per_slice is None else "volume"
    if what not in get_args(What):
        raise InputError(f"what must be one of {', '.join(get_args(What))}, not {what!r}.")
    one = alignment.volume if what == "volume" else alignment.aligned
    channels = [one(channel) for channel in range(stack.shape[1])]
    axes = "ZYX" if what == "volume" else "TYX"
    data = channels[0]
    if len(channels) > 1:
        axes = "CZYX" if what == "volume" else "TCYX"
        data = da.stack(channels, axis=axes.index("C"))
    return Image(
        data,
        axes,
        pixel_size_um=stack.pixel_size_um,
        z_step_um=stack.z_step_um,
        frame_interval_s=stack.frame_interval_s,
        channel_names=stack.channel_names,
        outside=alignment.fill if what == "aligned" else OUTSIDE_OF_VOLUMES,
        bad_frames=tuple(np.flatnonzero(~alignment.quality["used"]).tolist()),
        frames=stack.acquisition if what == "aligned" else None,
        lacking=tuple(np.flatnonzero(stack.lacks_pixels).tolist()) if what == "aligned" else (),
        layout=stack.layout if what == "aligned" and stack.frames_per_slice is not None else None,
        made_of=partial(made_of, alignment, what),
    )
