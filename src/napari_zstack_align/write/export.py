"""One door to all image formats: the name's ending chooses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import dask.array as da
import numpy as np

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.ome_tiff import write_ome_tiff
from napari_zstack_align.write.ome_zarr import write_ome_zarr

What: TypeAlias = Literal["volume", "aligned"]

WRITERS: dict[str, Callable[..., Job[Path]]] = {
    ".ome.tif": write_ome_tiff,
    ".tif": write_ome_tiff,
    ".ome.zarr": write_ome_zarr,
    ".zarr": write_ome_zarr,
}
"""Name's ending -> writer."""


def export_volume(
    path: str | Path,
    data: Any,
    axes: str = "ZYX",
    *,
    pixel_size_um: tuple[float, float] | None = None,
    z_step_um: float | None = None,
    frame_interval_s: float | None = None,
    channel_names: tuple[str, ...] = (),
    overwrite: bool = False,
) -> Job[Path]:
    """Write an array as OME-TIFF or OME-Zarr, streamed plane by plane.

    Parameters
    ----------
    path : path
        Ends in .ome.tif, .tif (both OME-TIFF), .ome.zarr or .zarr (both OME-Zarr 0.5).
    data : array-like
        dask, numpy or zarr array.
    axes : str
        One letter a dimension: some of T, C, Z in that order, then YX.
    pixel_size_um : tuple of float, optional
        (y, x) in µm; None where unknown, like the next two.
    z_step_um : float, optional
        Distance between slices in µm.
    frame_interval_s : float, optional
        Time from frame to frame in s.
    channel_names : tuple of str
        One a channel.
    overwrite : bool
        Replace what is at ``path``.

    Returns
    -------
    generator of Progress
        Returns the path. Nothing stands under the name before it is complete.

    Raises
    ------
    InputError
        Where the name's ending is unknown, something is there already, or axes and array
        don't fit.
    """
    writer = WRITERS[check_suffix(path)]
    image = Image(data, axes, pixel_size_um, z_step_um, frame_interval_s, channel_names)
    return writer(path, image, overwrite=overwrite)


def export_alignment(
    path: str | Path, alignment: Alignment, what: What = "volume", *, overwrite: bool = False
) -> Job[Path]:
    """Write the volume or the aligned frames of an alignment, all channels.

    Parameters
    ----------
    path : path
        As for `export_volume`.
    alignment : Alignment
        It must have its stack.
    what : {'volume', 'aligned'}
        The mean of each slice, float32 (Z, Y, X) or (C, Z, Y, X); or every frame in
        acquisition order, dtype of the stack, (T, Y, X) or (T, C, Y, X).
    overwrite : bool
        Replace what is at ``path``.

    Returns
    -------
    generator of Progress
        Returns the path.

    Raises
    ------
    InputError
        As for `export_volume`.
    """
    if what not in get_args(What):
        raise InputError(f"what must be one of {', '.join(get_args(What))}, not {what!r}.")
    check_suffix(path)
    stack = alignment.stack
    n_channels = stack.shape[1]
    one = alignment.volume if what == "volume" else alignment.aligned
    channels = [one(channel) for channel in range(n_channels)]
    axes = "ZYX" if what == "volume" else "TYX"
    if n_channels == 1:
        data = channels[0]
    else:
        axes = "CZYX" if what == "volume" else "TCYX"
        data = da.stack(channels, axis=axes.index("C"))
    return export_volume(
        path,
        data,
        axes,
        pixel_size_um=stack.pixel_size_um,
        z_step_um=stack.z_step_um,
        frame_interval_s=_interval(stack),
        channel_names=stack.channel_names,
        overwrite=overwrite,
    )


def check_suffix(path: str | Path) -> str:
    """Return the ending that chooses the writer; InputError where none does."""
    name = Path(path).name.lower()
    for suffix in WRITERS:
        if name.endswith(suffix) and name != suffix:
            return suffix
    raise InputError(f"{path} must end in one of {', '.join(WRITERS)}, which choose the format.")


def _interval(stack: Stack) -> float | None:
    """Time from frame to frame in s; None where unknown."""
    if stack.frame_times_s is None or len(stack.frame_times_s) < 2:
        return None
    interval = float(np.median(np.diff(stack.frame_times_s)))
    return interval if interval > 0 else None
