"""OME-TIFF, readable by Fiji, napari and tifffile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align.errors import InputError
from napari_zstack_align.frame_times import frame_interval_s
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import ALIGNED, MADE_BY
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target

CLASSIC_BYTES = 2 * 10**9
"""Above this a BigTIFF is written: many readers take offsets in a classic TIFF as signed."""

EVEN = 1e-3
"""Frame times are written one by one where they differ from even ones by more than this part."""

PIXEL_TYPES = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")


def write_ome_tiff(path: str | Path, image: Image, *, overwrite: bool = False) -> Job[Path]:
    """Write an image as OME-TIFF, uncompressed, plane by plane; as BigTIFF where it is large."""
    path = Path(path)
    if image.dtype.name not in PIXEL_TYPES:
        raise InputError(
            f"OME-TIFF can't hold {image.dtype} pixels: convert them to one of "
            f"{', '.join(PIXEL_TYPES)}, or write OME-Zarr."
        )
    check_export_target(path, overwrite, is_ome_tiff_export)
    return _write(path, image, overwrite)


def is_ome_tiff_export(path: Path) -> bool:
    """Whether a file was written by `write_ome_tiff`."""
    try:
        with tifffile.TiffFile(path) as tif:
            return tif.pages.first.software.startswith(MADE_BY)
    except (OSError, ValueError, IndexError, AttributeError, tifffile.TiffFileError):
        return False


def _write(path: Path, image: Image, overwrite: bool) -> Job[Path]:
    with replacing(path, overwrite) as unfinished:
        offset = _write_frame(unfinished, image)
        plane_bytes = image.nbytes // image.n_planes
        with open(unfinished, "r+b") as file:
            for done, (_, plane) in enumerate(image.planes()):
                file.seek(offset + done * plane_bytes)
                file.write(np.ascontiguousarray(plane, image.dtype.newbyteorder("<")).data)
                yield Progress("Writing OME-TIFF", done + 1, image.n_planes)
    return path


def _write_frame(path: Path, image: Image) -> int:
    """Write everything but the pixels; return where these begin.

    tifffile takes pixels as one array or drains an iterator in one call; neither can report
    progress or be cancelled in between.
    """
    bigtiff = image.nbytes > CLASSIC_BYTES
    with tifffile.TiffWriter(path, bigtiff=bigtiff, ome=True, byteorder="<") as tif:
        where = tif.write(
            shape=image.shape,
            dtype=image.dtype.newbyteorder("<"),
            photometric="minisblack",
            software=ALIGNED if image.is_aligned else MADE_BY,
            metadata=_metadata(image),
            returnoffset=True,
            **_resolution(image),
        )
    if where is None:
        raise InputError(f"An image of shape {image.shape} can't be laid out in one piece.")
    return where[0]


def _metadata(image: Image) -> dict[str, Any]:
    metadata: dict[str, Any] = {"axes": image.axes}
    if image.pixel_size_um is not None:
        for axis, size in zip("YX", image.pixel_size_um, strict=True):
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    if image.z_step_um is not None and ("Z" in image.axes or image.layout is not None):
        metadata |= {"PhysicalSizeZ": image.z_step_um, "PhysicalSizeZUnit": "µm"}
    if image.frame_interval_s is not None and "T" in image.axes:
        metadata |= {"TimeIncrement": image.frame_interval_s, "TimeIncrementUnit": "s"}
    metadata |= _of_frames(image)
    sentences = []
    if image.crop_origin_yx is not None:
        y, x = image.crop_origin_yx
        sentences.append(f"Cropped: the first pixel is row {y}, column {x} of the reference")
    if image.outside is not None:
        sentences.append(image.outside.sentence)
    if sentences:
        metadata["Description"] = ". ".join(sentences)
    if image.channel_names:
        metadata["Channel"] = {"Name": list(image.channel_names)}
    return metadata


def _of_frames(image: Image) -> dict[str, Any]:
    """When the frames were recorded, and in an annotation what OME has no place for."""
    metadata: dict[str, Any] = {}
    frames = image.frames
    if frames is not None and frames.started_at is not None:
        metadata["AcquisitionDate"] = frames.started_at.isoformat()
    if frames is not None and frames.has_times and not _is_even(frames.times_s):
        times = np.repeat(frames.times_s, image.n_channels).tolist()
        metadata["Plane"] = {"DeltaT": times, "DeltaTUnit": ["s"] * len(times)}
    if said := image.said_of_frames:
        repeats = said.get("frames_per_slice")
        if isinstance(repeats, tuple):
            said["frames_per_slice"] = ",".join(map(str, repeats))
        metadata["MapAnnotation"] = {"Namespace": MADE_BY, "Value": said}
    return metadata


def _is_even(times_s: npt.NDArray[np.float64]) -> bool:
    """Whether ``TimeIncrement`` says the times of all frames."""
    if len(times_s) < 2:
        return len(times_s) == 0 or bool(times_s[0] == 0)
    step = frame_interval_s(times_s)
    even = np.arange(len(times_s)) * (step or 0.0)
    return bool(np.abs(times_s - even).max() < EVEN * (step or 0.0))


def _resolution(image: Image) -> dict[str, Any]:
    """Pixel size once more as TIFF tags, for readers that don't know OME."""
    if image.pixel_size_um is None:
        return {}
    y, x = image.pixel_size_um
    return {"resolution": (1e4 / x, 1e4 / y), "resolutionunit": "CENTIMETER"}
