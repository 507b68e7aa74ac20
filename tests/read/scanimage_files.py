"""Files as ScanImage writes them, by its documented layout, of frames with known content."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile

SIZE = (12, 16)
"""(Y, X) of a frame."""
FIELD_UM = "[-8 -6;8 -6;8 6;-8 6]"
RATE_HZ = 30.0
HEADER: dict[str, Any] = {
    "VERSION_MAJOR": "'5.6'",
    "acqState": "'grab'",
    "hChannels.channelName": "{'Green' 'Red' 'Third' 'Fourth'}",
    "hChannels.channelOffset": "[-10 -8 3 4]",
    "hChannels.channelSave": "1",
    "hChannels.channelSubtractOffset": "[true true true true]",
    "hFastZ.enable": "false",
    "hFastZ.discardFlybackFrames": "false",
    "hRoiManager.imagingFovUm": FIELD_UM,
    "hRoiManager.mroiEnable": "false",
    "hRoiManager.scanFrameRate": RATE_HZ,
    "hScan2D.logAverageFactor": 1,
    "hStackManager.actualNumSlices": 1,
    "hStackManager.framesPerSlice": 1,
    "hStackManager.numSlices": 1,
    "hStackManager.stackZStepSize": 2,
    "hStackManager.zs": "0",
}


def stack_keys(n_slices: int, frames_per_slice: int = 1, **more: Any) -> dict[str, Any]:
    """Settings of a z-stack."""
    return {
        "hStackManager.enable": "true",
        "hStackManager.actualNumSlices": n_slices,
        "hStackManager.numSlices": n_slices,
        "hStackManager.framesPerSlice": frames_per_slice,
        "hStackManager.zs": f"[{' '.join(str(2 * z) for z in range(n_slices))}]",
        **{key.replace("_", "."): value for key, value in more.items()},
    }


def fast_keys(n_slices: int, n_volumes: int, flyback: int = 0, **more: Any) -> dict[str, Any]:
    """Settings of volumes that a piezo scans."""
    return {
        **stack_keys(n_slices),
        "hFastZ.enable": "true",
        "hStackManager.numVolumes": n_volumes,
        "hStackManager.numFramesPerVolume": n_slices,
        "hStackManager.numFramesPerVolumeWithFlyback": n_slices + flyback,
        **{key.replace("_", "."): value for key, value in more.items()},
    }


def pages_of(
    n_frames: int, n_channels: int = 1, size: tuple[int, int] = SIZE
) -> npt.NDArray[np.int16]:
    """(T, C, Y, X), each frame and channel known by its values."""
    noise = np.random.default_rng(0).integers(0, 50, (n_frames, n_channels, *size))
    levels = 100 * np.arange(n_frames)[:, None] + 50 * np.arange(n_channels)
    return (noise + levels[:, :, None, None] - 20).astype(np.int16)


def describe(
    number: int, time_s: float, acquisition: int = 1, epoch: str = "[2024 3 5 12 30 15.250]"
) -> str:
    """Text of a page."""
    return (
        f"frameNumbers = {number}\nacquisitionNumbers = {acquisition}\n"
        f"frameNumberAcquisition = {number}\nframeTimestamps_sec = {time_s:.9f}\n"
        "acqTriggerTimestamps_sec = -1.000000000\nendOfAcquisition = 0\n"
        f"epoch = {epoch}\nauxTrigger0 = []\nI2CData = {{}}\n"
    )


def header_text(keys: dict[str, Any]) -> str:
    """Text of the tag 'Software', without keys of None."""
    known = {**HEADER, **keys}.items()
    return "".join(f"SI.{key} = {value}\n" for key, value in known if value is not None)


def write(
    path: Path,
    frames: npt.NDArray[np.int16],
    keys: dict[str, Any] | None = None,
    numbers: Sequence[int] | None = None,
    times: Sequence[float] | None = None,
    *,
    acquisition: int = 1,
    epoch: str = "[2024 3 5 12 30 15.250]",
    rois: Any = None,
    described: bool = True,
    bigtiff: bool = True,
) -> Path:
    """Write frames (T, C, Y, X), or (T, Y, X), one page a channel."""
    frames = frames if frames.ndim == 4 else frames[:, np.newaxis]
    numbers = range(1, len(frames) + 1) if numbers is None else numbers
    times = [(n - 1) / RATE_HZ for n in numbers] if times is None else times
    artist = json.dumps({"RoiGroups": {"imagingRoiGroup": {"rois": rois}}})
    extra = [(315, "s", 0, artist, True)] if rois is not None else []
    with tifffile.TiffWriter(path, bigtiff=bigtiff) as tiff:
        for frame, number, time in zip(frames, numbers, times, strict=True):
            for page in frame:
                tiff.write(
                    page,
                    photometric="minisblack",
                    contiguous=False,
                    metadata=None,
                    software=header_text(keys or {}),
                    description=describe(number, time, acquisition, epoch) if described else None,
                    extratags=extra,
                    rowsperstrip=8,
                )
    return path


def write_old(path: Path, frames: npt.NDArray[np.int16], **keys: Any) -> Path:
    """Write a file of version 3.8: all settings in the description of each page, ended by \\r."""
    known = {
        "software.version": 3.8,
        "acq.numberOfChannelsSave": frames.shape[1],
        "acq.numberOfChannelsAcquire": 4,
        "acq.numberOfFrames": 1,
        "acq.numberOfZSlices": 1,
        "acq.zStepSize": 2,
        "acq.numAvgFramesSave": 1,
        "acq.frameRate": 2,
        **{f"acq.savingChannel{c}": int(c <= frames.shape[1]) for c in range(1, 5)},
        **{f"acq.acquiringChannel{c}": 1 for c in range(1, 5)},
        "internal.triggerTimeString": "'3/5/2024 12:30:15.250'",
        **{key.replace("__", "."): value for key, value in keys.items()},
    }
    text = "".join(f"state.{key}={value}\r" for key, value in known.items())
    with tifffile.TiffWriter(path) as tiff:
        for page in frames.reshape(-1, *frames.shape[2:]):
            tiff.write(
                page, photometric="minisblack", contiguous=False, metadata=None, description=text
            )
    return path


def roi(name: str, height: int, width: int, **more: Any) -> dict[str, Any]:
    """A ROI of 'Artist', of 0.1 degrees a pixel."""
    field = {
        "pixelResolutionXY": [width, height],
        "sizeXY": [0.1 * width, 0.1 * height],
        "centerXY": [0, 0],
    }
    return {"name": name, "zs": 0, "scanfields": field, "discretePlaneMode": 0, **more}
