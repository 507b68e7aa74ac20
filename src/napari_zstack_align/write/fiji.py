"""TIFF as Fiji likes it: 16 bits, all channels as one composite, with µm and z-step."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tifffile

from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import ALIGNED, MADE_BY
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.ome_tiff import is_ome_tiff_export
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.target import check_export_target

LARGEST = np.iinfo(np.uint16).max
MOST_BYTES = 4 * 10**9
"""ImageJ's own TIFF has 32-bit offsets."""
IMAGEJ_AXES = "TZCYX"
STRAIGHT_LINE = 0
"""ImageJ's number for a calibration v = c0 + c1 · stored."""


class Calibration(NamedTuple):
    """Values are ``offset + step · stored``; Fiji shows them so."""

    offset: float = 0.0
    step: float = 1.0

    @classmethod
    def of(cls, low: float, high: float, whole: bool) -> Calibration:
        """Choose that of values from low to high.

        Whole numbers that fit stay as they are; others use all 16 bits.
        """
        if not low <= high or (whole and low >= 0 and high <= LARGEST):
            return cls()
        if whole and high - low <= LARGEST:
            return cls(low)
        return cls(low, (high - low) / LARGEST or 1.0)

    def stored(self, plane: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
        """A plane as it is stored; what is no number lies at 0."""
        values = (plane.astype(np.float64) - self.offset) / self.step
        return np.clip(np.rint(np.nan_to_num(values, nan=0.0)), 0, LARGEST).astype("<u2")


def write_fiji(path: str | Path, image: Image, *, overwrite: bool = False) -> Job[Path]:
    """Write an image as ImageJ hyperstack of 16 bits, plane by plane.

    Real numbers, and whole ones that don't fit, are brought to 16 bits; the file holds the
    calibration by which Fiji shows them as they were, the same for all channels.
    """
    path = Path(path)
    if image.n_planes * int(np.prod(image.shape[-2:])) * 2 > MOST_BYTES:
        raise InputError(
            "TIFF files of ImageJ hold 4 GB at most, and this image is larger: write OME-TIFF "
            "(.ome.tif), which Fiji opens, too."
        )
    check_export_target(path, overwrite, is_ome_tiff_export)
    return _write(path, image, overwrite)


def _write(path: Path, image: Image, overwrite: bool) -> Job[Path]:
    with replacing(path, overwrite) as unfinished, TemporaryFile(dir=path.parent) as spool:
        calibration = yield from _spooled(image, spool)
        offset = _write_frame(unfinished, image, calibration)
        with open(unfinished, "r+b") as file:
            file.seek(offset)
            for done, number in enumerate(_in_order_of_imagej(image)):
                file.write(calibration.stored(_plane(spool, image, number)).data)
                yield Progress("Fitting into 16 bits", done + 1, image.n_planes)
    return path


def _spooled(image: Image, spool: IO[bytes]) -> Job[Calibration]:
    """Put all planes into a file as they are; returns what brings them to 16 bits."""
    low, high = np.inf, -np.inf
    for done, (_, plane) in enumerate(image.planes()):
        known = plane[np.isfinite(plane)]
        if known.size:
            low, high = min(low, float(known.min())), max(high, float(known.max()))
        spool.write(np.ascontiguousarray(plane, image.dtype).data)
        yield Progress("Reading the image", done + 1, image.n_planes)
    return Calibration.of(low, high, whole=image.dtype.kind in "ui")


def _plane(spool: IO[bytes], image: Image, number: int) -> npt.NDArray[Any]:
    n_bytes = image.nbytes // image.n_planes
    spool.seek(number * n_bytes)
    return np.frombuffer(spool.read(n_bytes), image.dtype)


def _in_order_of_imagej(image: Image) -> list[int]:
    """Numbers of the planes with the channels of a place one after the other."""
    numbers = np.arange(image.n_planes).reshape([image.sizes.get(axis, 1) for axis in "TCZ"])
    return np.moveaxis(numbers, 1, 2).ravel().tolist()


def _write_frame(path: Path, image: Image, calibration: Calibration) -> int:
    """Write everything but the pixels; return where these begin."""
    sizes = [image.sizes.get(axis, 1) for axis in IMAGEJ_AXES]
    with tifffile.TiffWriter(path, imagej=True, byteorder="<") as tif:
        where = tif.write(
            shape=sizes,
            dtype=np.dtype("<u2"),
            photometric="minisblack",
            software=ALIGNED if image.is_aligned else MADE_BY,
            metadata=_metadata(image, calibration),
            returnoffset=True,
            **_resolution(image),
        )
    if where is None:
        raise InputError(f"An image of shape {image.shape} can't be laid out in one piece.")
    return where[0]


def _metadata(image: Image, calibration: Calibration) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "axes": IMAGEJ_AXES,
        "mode": "composite" if image.n_channels > 1 else "grayscale",
    }
    if image.pixel_size_um is not None:
        metadata["unit"] = "um"
    if image.z_step_um is not None and image.pixel_size_um is not None and "Z" in image.axes:
        metadata["spacing"] = abs(image.z_step_um)
    if image.frame_interval_s is not None and "T" in image.axes:
        metadata["finterval"] = image.frame_interval_s
    if calibration != (0.0, 1.0):
        metadata |= {"cf": STRAIGHT_LINE, "c0": calibration.offset, "c1": calibration.step}
        metadata["vunit"] = "counts"
    info = [f"Channels: {', '.join(image.channel_names)}"] if image.channel_names else []
    if image.z_step_um is not None and "Z" in image.axes:
        info.append(f"z-step: {image.z_step_um:g} um")  # signed, and without a size of pixels, too
    if info:
        metadata["Info"] = "; ".join(info)
    return metadata


def _resolution(image: Image) -> dict[str, Any]:
    if image.pixel_size_um is None:
        return {}
    y, x = image.pixel_size_um
    return {"resolution": (1 / x, 1 / y), "resolutionunit": "NONE"}
