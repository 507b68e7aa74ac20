"""OME-Zarr 0.5 (zarr 3), one chunk a plane."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from yaozarrs import DimSpec, v05
from yaozarrs.write.v05 import prepare_image

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import MADE_BY
from napari_zstack_align.read.own_exports import FRAMES
from napari_zstack_align.read.readers import folder_reader
from napari_zstack_align.saved.occupant import others_in
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.replacing import remove_if_possible, replacing
from napari_zstack_align.write.target import check_export_target
from napari_zstack_align.write.unfinished import Finished, Pieces, going_on

LEVEL = "0"
"""Name of the one array, in full resolution."""
DESCRIPTION = "zarr.json"
LAYOUT = "a chunk a plane, 1"
"""Another one, or other compression, begins anew."""
UNITS = {"T": "second", "Z": "micrometer", "Y": "micrometer", "X": "micrometer"}


def write_ome_zarr(path: str | Path, image: Image, *, overwrite: bool = False) -> Job[Path]:
    """Write an image as OME-Zarr 0.5, plane by plane."""
    path = Path(path)
    if path.is_dir() and folder_reader(path) is None and any(others_in(path)):
        raise InputError(
            f"{path} is a folder of other files, which would be lost: choose another name."
        )
    check_export_target(path, overwrite, is_ome_zarr_export, is_folder=True)
    return _write(path, image, overwrite)


def is_ome_zarr_export(path: Path) -> bool:
    """Whether a folder was written by `write_ome_zarr`."""
    try:
        return zarr.open_group(path, mode="r").attrs.get("made_by") == MADE_BY
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write(path: Path, image: Image, overwrite: bool) -> Job[Path]:
    name = path.name.split(".")[0]
    if image.made_of is None:
        with replacing(path, overwrite) as unfinished:
            yield from _fill(unfinished, image, name, None)
    else:
        pieces = Pieces(image.n_planes, partial(_file_of, image), image.check)
        with going_on(path, overwrite, _key(image, name), pieces) as (unfinished, finished):
            yield from _fill(unfinished, image, name, finished)
    return path


def _key(image: Image, name: str) -> str:
    """What the folder is of: the same frames, written in the same way."""
    assert image.made_of is not None
    meaning = _metadata(image, name, _Windows(image)).model_dump_json()
    return f"{image.made_of()} {image.shape} {image.dtype.str} {LAYOUT} {image.outside} {meaning}"


def _fill(folder: Path, image: Image, name: str, finished: Finished | None) -> Job[None]:
    """Write the planes that aren't there, and what is known of all."""
    window = _Windows(image)
    known = {} if finished is None else finished.known
    array = _array(folder, image, name, anew=not known)
    for number, limits in known.items():
        window.widen(np.unravel_index(number, image.shape[:-2]), limits)
    for done, (index, plane) in enumerate(image.planes(known), start=len(known) + 1):
        array[index] = plane
        limits = _limits(plane)
        window.widen(index, limits)
        if finished is not None:
            finished.add(image.number_of(index), limits)
        yield Progress("Writing OME-Zarr", done, image.n_planes)
    _write_metadata(folder, _metadata(image, name, window), image)
    for left in folder.rglob("*.partial"):  # of a chunk that was being written when it was killed
        remove_if_possible(left)


def _file_of(image: Image, number: int) -> Path:
    """The file of a plane, counted from 0, below the folder."""
    index = np.unravel_index(number, image.shape[:-2])
    return Path(LEVEL, "c", *map(str, index), "0", "0")


def _array(folder: Path, image: Image, name: str, *, anew: bool) -> Any:
    """Return the array of the planes; without any, the folder is made anew.

    Its description is written again in any case: a power cut may have left half of it.
    """
    if anew:
        remove_if_possible(folder)
        return _prepared(folder, image, name)
    (folder / LEVEL).mkdir(parents=True, exist_ok=True)  # gone where all planes are of fill
    again = folder.with_name(f"{folder.name}-again")
    remove_if_possible(again)
    _prepared(again, image, name)
    for described in (Path(DESCRIPTION), Path(LEVEL, DESCRIPTION)):
        if (folder / described).is_dir():
            remove_if_possible(folder / described)
        os.replace(again / described, folder / described)
    remove_if_possible(again)
    return zarr.open_group(folder, mode="r+")[LEVEL]


def _prepared(folder: Path, image: Image, name: str) -> Any:
    """Make a folder that describes the image, and return its array, without planes."""
    _, arrays = prepare_image(
        folder,
        _metadata(image, name, _Windows(image)),
        (image.shape, image.dtype),
        chunks=(*[1] * (len(image.shape) - 2), *image.shape[-2:]),
        writer="zarr",
    )
    return arrays[LEVEL]


def _limits(plane: npt.NDArray[Any]) -> tuple[float, float]:
    """Lowest and highest number of a plane; infinities the wrong way round where it has none."""
    finite = plane[np.isfinite(plane)]
    return (float(finite.min()), float(finite.max())) if finite.size else (np.inf, -np.inf)


class _Windows:
    """Lowest and highest value of each channel, which viewers take for the contrast."""

    def __init__(self, image: Image) -> None:
        self._channel_of = image.channel_of
        self._limits = np.tile([np.inf, -np.inf], (image.n_channels, 1))

    def widen(self, index: tuple[Any, ...], limits: tuple[float, float]) -> None:
        channel = self._limits[self._channel_of(index)]
        channel[:] = min(channel[0], limits[0]), max(channel[1], limits[1])

    def __iter__(self) -> Iterator[v05.OmeroWindow]:
        for low, high in self._limits.tolist():
            low, high = (low, high) if low < high else (0.0, 1.0)
            yield v05.OmeroWindow(start=low, min=low, end=high, max=high)


def _metadata(image: Image, name: str, windows: _Windows) -> v05.Image:
    dims = [_dimension(image, axis) for axis in image.axes]
    names = image.channel_names or (name,) * image.n_channels
    channels = [
        v05.OmeroChannel(label=label, window=window, color="FFFFFF")
        for label, window in zip(names, windows, strict=True)
    ]
    return v05.Image(
        multiscales=[v05.Multiscale.from_dims(dims, name=name, n_levels=1)],
        omero=v05.Omero(channels=channels),
    )


def _write_metadata(path: Path, metadata: v05.Image, image: Image) -> None:
    ome = metadata.model_dump(mode="json", exclude_none=True)
    attributes = zarr.open_group(path, mode="r+").attrs
    attributes["ome"] = ome
    attributes["made_by"] = MADE_BY
    attributes["aligned"] = image.is_aligned
    if known := _of_frames(image):
        attributes[FRAMES] = known
    if image.outside is not None:
        attributes["outside_raw_frames"] = image.outside.sentence


def _of_frames(image: Image) -> dict[str, Any]:
    """What OME-Zarr has no place for: numbers and times of the frames, and their layout."""
    known: dict[str, Any] = dict(image.said_of_frames)
    frames = image.frames
    if frames is not None and frames.has_times:
        known["frame_times_s"] = frames.times_s.tolist()
    if frames is not None and frames.started_at is not None:
        known["started_at"] = frames.started_at.isoformat()
    if image.layout is not None and image.z_step_um is not None:
        known["z_step_um"] = image.z_step_um
    return known


def _dimension(image: Image, axis: str) -> DimSpec:
    y, x = image.pixel_size_um or (None, None)
    size = {"T": image.frame_interval_s, "Z": image.z_step_um, "Y": y, "X": x}.get(axis)
    scale = 1.0 if size is None else size
    origin = dict(zip("YX", image.crop_origin_yx or (), strict=False)).get(axis)
    return DimSpec(
        name=axis.lower(),
        size=image.sizes[axis],
        scale=scale,
        unit=None if size is None else UNITS[axis],
        translation=None if origin is None else origin * scale,
    )
