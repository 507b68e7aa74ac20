r"""ScanImage's header: what was set for an acquisition, from the tags of a TIFF's first page.

Versions 5 and later (until 2016 in the description of every page, since then in the tag
'Software', with the ROIs as JSON in 'Artist'), 4, and 3.8 (``state.…``, separated by ``\r``).
tifffile reads some of them as {}, so that nothing here goes through it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from napari_zstack_align.read.scanimage.settings import Settings

EPOCH = re.compile(r"epoch\"?\s*[=:]\s*\[([^\]]+)\]")
OLD_DATES = ("%m/%d/%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S", "%d-%b-%Y %H:%M:%S")
MOST_ROIS = 1000
OLD_CHANNELS = 4
"""Channels of version 3, each with settings of its own."""


@dataclass(frozen=True)
class Roi:
    """A region of its own in a frame of several ('mROI').

    Attributes
    ----------
    name : str
    width, height : int
        In pixels.
    size : tuple of float
        (y, x) in degrees of the scanner.
    depths_um : tuple of float
        Where it is defined.
    only_there : bool
        Whether it is scanned at these depths alone, and not between them.
    """

    name: str
    width: int
    height: int
    size: tuple[float, float]
    depths_um: tuple[float, ...] = ()
    only_there: bool = False

    def is_at(self, depth_um: float) -> bool:
        """Whether it is scanned at a depth."""
        if not self.depths_um:
            return True
        if self.only_there:
            return any(abs(depth_um - each) < 1e-6 for each in self.depths_um)
        if len(self.depths_um) == 1:
            return True
        return min(self.depths_um) <= depth_um <= max(self.depths_um)


@dataclass(frozen=True)
class Header:
    """What was set; None or nothing where the header doesn't say it.

    Attributes
    ----------
    version : str
        Such as '5.6', '2020.1' or '3.8'.
    channels : tuple of int
        Channels that were saved, counted from 1.
    channel_names : tuple of str
        Of all channels.
    offsets : tuple of float
        Counts without light of all channels.
    subtracted : tuple of bool
        Whether they were subtracted before saving.
    gains : tuple of float
        Of the detectors.
    is_enabled : bool, optional
        Whether the stack was on. Before 2018 there is no such setting.
    is_fast : bool
        Whether volumes were scanned with a piezo or lens.
    n_slices, frames_per_slice : int
    n_volumes : int, optional
    frames_per_volume : int, optional
        Without flyback.
    with_flyback : int, optional
        Frames per volume with those of the flyback.
    discards_flyback : bool, optional
        Whether frames of the flyback are not saved, as far as the header knows.
    averaged : int
        Frames of which each saved one is the mean.
    z_step_um : float, optional
    depths_um : tuple of float
        Of the slices.
    frame_rate_hz : float, optional
        Of frames as they were scanned.
    corners : tuple of tuple of float
        (x, y) of the corners of the field of view in µm.
    um_per_degree : float, optional
    is_mroi : bool
        Whether frames hold several ROIs, one below the other.
    rois : tuple of Roi
    started_at : datetime.datetime, optional
    """

    version: str = ""
    channels: tuple[int, ...] = ()
    channel_names: tuple[str, ...] = ()
    offsets: tuple[float, ...] = ()
    subtracted: tuple[bool, ...] = ()
    gains: tuple[float, ...] = ()
    is_enabled: bool | None = None
    is_fast: bool = False
    n_slices: int = 1
    frames_per_slice: int = 1
    n_volumes: int | None = None
    frames_per_volume: int | None = None
    with_flyback: int | None = None
    discards_flyback: bool | None = None
    averaged: int = 1
    z_step_um: float | None = None
    depths_um: tuple[float, ...] = ()
    frame_rate_hz: float | None = None
    corners: tuple[tuple[float, float], ...] = ()
    um_per_degree: float | None = None
    is_mroi: bool = False
    rois: tuple[Roi, ...] = ()
    started_at: datetime | None = None

    @property
    def program(self) -> str:
        """'ScanImage 5.6'."""
        return f"ScanImage {self.version}".strip()

    @property
    def has_slices(self) -> bool:
        """Whether the acquisition was a z-stack or volumes, not a recording of one plane."""
        if self.n_slices < 2:
            return False
        return self.is_fast or self.is_enabled is not False

    @property
    def has_unused_stack(self) -> bool:
        """Whether settings of a stack are left over from another acquisition."""
        return self.n_slices > 1 and not self.has_slices

    def same_settings(self, other: Header) -> bool:
        """Whether another file may be of the same acquisition."""
        return replace(self, started_at=None) == replace(other, started_at=None)

    def dark_levels(self) -> tuple[float, ...] | None:
        """Counts without light of each saved channel; 0 where they were subtracted."""
        offsets, subtracted = self.offsets, self.subtracted
        if not offsets or not subtracted:
            return None
        subtracted = subtracted * len(offsets) if len(subtracted) == 1 else subtracted
        channels = [c - 1 for c in self.channels] or list(range(len(offsets)))
        if len(subtracted) != len(offsets) or not all(0 <= c < len(offsets) for c in channels):
            return None
        return tuple(0.0 if subtracted[c] else offsets[c] for c in channels)

    def field_um(self) -> tuple[float, float] | None:
        """(y, x) size of the field of view, which may be turned."""
        if len(self.corners) != 4:
            return None
        corners = np.array(self.corners)
        x, y = (float(np.linalg.norm(corners[b] - corners[a])) for a, b in ((0, 1), (1, 2)))
        return (y, x) if x > 0 and y > 0 else None


def parse(software: str, description: str, artist: str = "") -> Header | None:
    """Read the header of a file; None for files of other programs.

    Parameters
    ----------
    software, description, artist : str
        The tags of the first page; '' for none.
    """
    for text in (software, description):
        settings = Settings.read(text)
        if settings.is_old:
            return _of_version_3(settings)
        if settings:
            header = _of_version_5(settings)
            return replace(header, rois=_rois(artist), started_at=_epoch(description))
    return None


def start_of(description: str) -> datetime | None:
    """Start of an acquisition, as the description of its first page gives it in any version."""
    return _epoch(description) or _old_date(
        Settings.read(description).text("internal.triggerTimeString")
    )


def _epoch(description: str) -> datetime | None:
    """Start of an acquisition, as the description of a page gives it."""
    found = EPOCH.search(description)
    if found is None:
        return None
    try:
        *whole, seconds = map(float, found[1].replace(",", " ").split())
        year, month, day, hour, minute = map(int, whole)
        return datetime(year, month, day, hour, minute) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None


def _of_version_5(of: Settings) -> Header:
    """Read versions 4 and later; names of version 4 come last."""
    stack, fast = "hStackManager", "hFastZ"
    is_fast = bool(of.flag(f"{fast}.enable", "fastZEnable"))
    is_fast |= of.text(f"{stack}.stackMode") == "fast" and bool(of.flag(f"{stack}.enable"))
    volumes = [f"{stack}.actualNumVolumes", f"{stack}.numVolumes"]
    volumes += [f"{fast}.numVolumes", "fastZNumVolumes"] if is_fast else []
    frames_per_volume = of.count(f"{stack}.numFramesPerVolume")
    with_flyback = of.count(f"{stack}.numFramesPerVolumeWithFlyback")
    if is_fast and frames_per_volume is None:
        frames_per_volume, with_flyback = _old_volumes(of, with_flyback)
    step = of.number(f"{stack}.actualStackZStepSize", f"{stack}.stackZStepSize", "stackZStepSize")
    return Header(
        version=_version(of),
        channels=_channels(of.numbers("hChannels.channelSave", "channelsSave")),
        channel_names=of.texts("hChannels.channelName"),
        offsets=of.numbers("hChannels.channelOffset", "hScan2D.channelOffsets"),
        subtracted=tuple(
            map(
                bool,
                of.numbers("hChannels.channelSubtractOffset", "hScan2D.channelsSubtractOffsets"),
            )
        ),
        gains=of.numbers("hPmts.gains"),
        is_enabled=of.flag(f"{stack}.enable"),
        is_fast=is_fast,
        n_slices=of.count(f"{stack}.actualNumSlices", f"{stack}.numSlices", "stackNumSlices") or 1,
        frames_per_slice=of.count(f"{stack}.framesPerSlice", "acqNumFrames") or 1,
        n_volumes=of.count(*volumes),
        frames_per_volume=frames_per_volume,
        with_flyback=with_flyback,
        discards_flyback=of.flag(f"{fast}.discardFlybackFrames", "fastZDiscardFlybackFrames"),
        averaged=of.count("hScan2D.logAverageFactor", "acqNumAveragedFrames") or 1,
        z_step_um=abs(step) if step else None,
        depths_um=of.numbers(f"{stack}.zs", "stackZs"),
        frame_rate_hz=of.positive("hRoiManager.scanFrameRate", "scanFrameRate"),
        corners=_corners_um(of),
        um_per_degree=of.positive("objectiveResolution"),
        is_mroi=bool(of.flag("hRoiManager.mroiEnable")),
    )


def _old_volumes(of: Settings, with_flyback: int | None) -> tuple[int | None, int | None]:
    """Frames per volume of fast scans before 2018, where a slice had one frame in each volume."""
    n_slices = of.count("hStackManager.numSlices", "stackNumSlices")
    flyback = of.count("hFastZ.numDiscardFlybackFrames", "fastZNumDiscardFrames") or 0
    all_frames = with_flyback or of.count("hFastZ.numFramesPerVolume")
    if n_slices is None:
        return (None if all_frames is None else all_frames - flyback), all_frames
    return n_slices, all_frames or n_slices + flyback


def _of_version_3(of: Settings) -> Header:
    numbers = range(1, OLD_CHANNELS + 1)
    saving = [c for c in numbers if of.flag(f"acq.savingChannel{c}")]
    n_saved = of.count("acq.numberOfChannelsSave", "acq.numberOfChannelsAcquire") or 0
    averaged = of.count("acq.numAvgFramesSave")
    frames = of.count("acq.numberOfFrames") or 1
    if averaged is None:
        averaged = frames if of.flag("acq.averaging") else 1
    is_fast = bool(of.flag("acq.fastZActive", "acq.fastZEnable"))
    n_slices = of.count("acq.numberOfZSlices") or 1
    step = of.number("acq.zStepSize")
    # An offset is one of a sample, of which a pixel is the sum of several.
    samples = of.positive("acq.binFactor")
    offsets = [of.number(f"acq.pmtOffsetChannel{c}") for c in numbers]
    subtracted = [of.flag(f"acq.pmtOffsetAutoSubtractChannel{c}") for c in numbers]
    is_known = samples is not None and None not in (*offsets, *subtracted)
    return Header(
        version=_version(of),
        channels=tuple(saving) or tuple(range(1, min(n_saved, OLD_CHANNELS) + 1)),
        offsets=tuple((o or 0.0) * (samples or 0) for o in offsets) if is_known else (),
        subtracted=tuple(map(bool, subtracted)) if is_known else (),
        is_fast=is_fast,
        n_slices=n_slices,
        frames_per_slice=1 if is_fast else frames,
        n_volumes=of.count("acq.fastZNumVolumes", "acq.numberOfFrames") if is_fast else None,
        averaged=averaged,
        z_step_um=abs(step) if step else None,
        frame_rate_hz=of.positive("acq.frameRate"),
        started_at=_old_date(of.text("internal.triggerTimeString")),
    )


def _version(of: Settings) -> str:
    major = of.text("VERSION_MAJOR", "software.version", "version")
    minor = of.text("VERSION_MINOR", "software.minorRev")
    words = major if "." in major or not minor else f"{major}.{minor}"
    return words if re.fullmatch(r"[\w.]{1,12}", words) else ""


def _channels(numbers: tuple[float, ...]) -> tuple[int, ...]:
    channels = tuple(int(c) for c in numbers if 1 <= c <= 64 and c.is_integer())
    return tuple(dict.fromkeys(channels)) if len(channels) == len(numbers) else ()


def _corners_um(of: Settings) -> tuple[tuple[float, float], ...]:
    """Corners of the field of view in µm, or in degrees that the objective turns into µm."""
    corners, scale = of.numbers("hRoiManager.imagingFovUm"), 1.0
    if len(corners) != 8:
        corners = of.numbers("hRoiManager.imagingFovDeg")
        scale = of.positive("objectiveResolution") or 0.0
    if len(corners) != 8 or not scale:
        return ()
    return tuple((corners[i] * scale, corners[i + 1] * scale) for i in range(0, 8, 2))


def _old_date(text: str) -> datetime | None:
    for form in OLD_DATES:
        try:
            return datetime.strptime(text, form)
        except ValueError:
            continue
    return None


def _rois(artist: str) -> tuple[Roi, ...]:
    """ROIs in the JSON of the tag 'Artist'; none where one of them can't be read."""
    try:
        tree = json.loads(artist[: artist.rfind("}") + 1])
        groups = tree["RoiGroups"]["imagingRoiGroup"]["rois"]
        listed = groups if isinstance(groups, list) else [groups]
        enabled = [each for each in listed if each.get("enable", True)]
        return tuple(_roi(each, i) for i, each in enumerate(enabled[:MOST_ROIS]))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, OverflowError):
        return ()


def _roi(node: dict[str, Any], index: int) -> Roi:
    fields = node["scanfields"]
    fields = fields if isinstance(fields, list) else [fields]
    sizes = {tuple(int(n) for n in each["pixelResolutionXY"]) for each in fields}
    ((width, height),) = sizes  # of several sizes, none can be read
    x, y = (abs(float(n)) for n in fields[0]["sizeXY"])
    depths = np.ravel(node.get("zs", [])).astype(float).tolist()
    if min(width, height) < 1:
        raise ValueError("a ROI without pixels")
    return Roi(
        name=str(node.get("name") or f"ROI {index + 1}"),
        width=width,
        height=height,
        size=(y, x),
        depths_um=tuple(depths),
        only_there=bool(node.get("discretePlaneMode", False)),
    )
