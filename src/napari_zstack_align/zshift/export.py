"""Movies of a z-shift as files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import numpy as np

from napari_zstack_align.alignment.checks import check_frames_at_hand, check_raw_files_stay
from napari_zstack_align.alignment.watched_frames import unchanged_frames
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job
from napari_zstack_align.write.export import export_volume
from napari_zstack_align.write.writers import Takes, choose_writer
from napari_zstack_align.zshift.zshift import CORRECTED_LABEL, SIMULATED_LABEL, ZShift

Movie: TypeAlias = Literal["corrected", "simulated"]


def export_movie(
    path: str | Path, zshift: ZShift, what: Movie, *, channel: int = 0, overwrite: bool = False
) -> Job[Path]:
    """Write the corrected or the simulated movie, streamed.

    Parameters
    ----------
    path : path
        As for ``write.export.export_volume``.
    zshift : ZShift
    what : {'corrected', 'simulated'}
        See `ZShift.corrected` and `ZShift.simulate`.
    channel : int
        Channel of the recording to be corrected, counted from 0.
    overwrite : bool
        Replace what is at ``path``.

    Returns
    -------
    generator of Progress
        Returns the path.

    Raises
    ------
    InputError
        As for ``export_volume``, or where the movie isn't one of the two, or ``path`` holds the
        recording itself.
    """
    if what not in get_args(Movie):
        raise InputError(f"what must be one of {', '.join(get_args(Movie))}, not {what!r}.")
    corrected = what == "corrected"
    frames = unchanged_frames(zshift.stack, zshift.frame_digests if corrected else None)
    if corrected:
        check_frames_at_hand(zshift.stack)
        zshift = replace(zshift, stack=frames.stack)
    writer = choose_writer(Path(path), Takes.MOVIE)
    check_raw_files_stay(writer.target(Path(path)), zshift.stack.paths)
    return export_volume(
        path,
        zshift.corrected(channel) if corrected else zshift.simulate(),
        "TYX",
        overwrite=overwrite,
        pixel_size_um=zshift.stack.pixel_size_um,
        frame_interval_s=zshift.stack.frame_interval_s,
        frames=zshift.stack.acquisition,
        channel_names=(CORRECTED_LABEL if corrected else SIMULATED_LABEL,),
        bad_frames=tuple(np.flatnonzero(~zshift.used).tolist()),
        **({"check": frames.check_files} if corrected else {}),
    )
