"""One acquisition, written as each format that can be opened: what the table of tests runs over."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import scipy.io
import tifffile
import zarr

from napari_zstack_align.progress import run
from napari_zstack_align.write.hdf5 import write_hdf5
from napari_zstack_align.write.image import Image
from napari_zstack_align.write.suite2p import write_suite2p

from .czi_files import ZSTD_WITH_HEAD, czi
from .scanimage_files import fast_keys, write

PIXEL_UM, Z_STEP_UM = (0.8, 0.5), 2.5
INTERVAL_S = 0.25
"""Of a volume, or of a frame of a recording."""
NAMES = ("green", "red")
STARTED = datetime(2024, 3, 5, 12, 30, 15)


@dataclass(frozen=True)
class Acquisition:
    """Frames in acquisition order, with what the microscope knew.

    Attributes
    ----------
    frames : numpy.ndarray
        (T, C, Y, X).
    n_slices : int
        Of volumes that repeat; 0 for a recording of one plane.
    """

    frames: npt.NDArray[np.uint16] = field(repr=False)
    n_slices: int = 0

    @property
    def n_channels(self) -> int:
        return self.frames.shape[1]

    def as_tczyx(self) -> npt.NDArray[np.uint16]:
        """(T, C, Z, Y, X)."""
        return self.as_tzcyx().swapaxes(1, 2)

    def as_tzcyx(self) -> npt.NDArray[np.uint16]:
        """(T, Z, C, Y, X)."""
        return self.frames.reshape(-1, max(self.n_slices, 1), *self.frames.shape[1:])


def acquisition(
    n_frames: int = 12, n_channels: int = 1, n_slices: int = 0, size: tuple[int, int] = (24, 32)
) -> Acquisition:
    """Frames that int16 holds, each pixel different from its neighbours in all directions."""
    shape = (n_frames, n_channels, *size)
    frames = np.random.default_rng(0).integers(0, 30000, shape).astype(np.uint16)
    return Acquisition(frames, n_slices)


@dataclass(frozen=True)
class Written:
    """How a format is written, and what it can say.

    Attributes
    ----------
    write : callable
        Writes an acquisition into a folder and returns what is to be opened.
    keeps : set of str
        Of 'pixel', 'step', 'times', 'names', 'start' and 'volumes'.
    channels : int
        Most channels in one file.
    frames_at_once : int
        Frames that are read for any of them.
    """

    write: Callable[[Path, Acquisition], Path]
    keeps: frozenset[str]
    channels: int = 2
    frames_at_once: int = 1


def imagej(folder: Path, made: Acquisition) -> Path:
    metadata = {"axes": "TZCYX", "spacing": Z_STEP_UM, "unit": "um", "finterval": INTERVAL_S}
    y, x = PIXEL_UM
    path = folder / "x.tif"
    tifffile.imwrite(
        path, made.as_tzcyx(), imagej=True, metadata=metadata, resolution=(1 / x, 1 / y)
    )
    return path


def ome_tiff(folder: Path, made: Acquisition) -> Path:
    y, x = PIXEL_UM
    metadata: dict[str, Any] = {
        "axes": "TZCYX",
        "PhysicalSizeY": y,
        "PhysicalSizeX": x,
        "PhysicalSizeZ": Z_STEP_UM,
        "TimeIncrement": INTERVAL_S,
        "Channel": {"Name": list(NAMES[: made.n_channels])},
    }
    path = folder / "x.ome.tif"
    tifffile.imwrite(path, made.as_tzcyx(), metadata=metadata)
    return path


def npy(folder: Path, made: Acquisition) -> Path:
    np.save(folder / "x.npy", made.frames)
    return folder / "x.npy"


def ome_zarr(folder: Path, made: Acquisition) -> Path:
    path = folder / "x.ome.zarr"
    group = zarr.open_group(path, mode="w")
    data = made.as_tczyx()
    group.create_array("0", data=data, chunks=(1, 1, 1, *data.shape[-2:]))
    y, x = PIXEL_UM
    scale = [{"type": "scale", "scale": [INTERVAL_S, 1, Z_STEP_UM, y, x]}]
    axes = [
        {"name": "t", "unit": "second"},
        {"name": "c"},
        *({"name": a, "unit": "micrometer"} for a in "zyx"),
    ]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    channels = [{"label": name} for name in NAMES[: made.n_channels]]
    group.attrs.update({"ome": {"multiscales": [image], "omero": {"channels": channels}}})
    return path


def hdf5(**options: Any) -> Callable[[Path, Acquisition], Path]:
    """Write a dataset of five axes with their names and the sizes that ImageJ's plugin writes."""

    def write(folder: Path, made: Acquisition) -> Path:
        data = made.as_tzcyx()
        chunks = options.get("chunks") and (1, 1, *data.shape[2:])
        with h5py.File(folder / "x.h5", "w") as file:
            dataset = file.create_dataset("imaging/x", data=data, **{**options, "chunks": chunks})
            for dim, name in zip(dataset.dims, "tzcyx", strict=True):
                dim.label = name
            known = {"element_size_um": (Z_STEP_UM, *PIXEL_UM), "frame_rate_hz": 1 / INTERVAL_S}
            dataset.attrs.update(known)
            dataset.attrs["channel_names"] = NAMES[: made.n_channels]
        return folder / "x.h5"

    return write


def our_hdf5(folder: Path, made: Acquisition) -> Path:
    image = Image(
        made.frames,
        "TCYX",
        pixel_size_um=PIXEL_UM,
        frame_interval_s=INTERVAL_S,
        channel_names=NAMES[: made.n_channels],
    )
    return run(write_hdf5(folder / "x.h5", image))


def nwb(contiguous: bool = True, timestamps: bool = False) -> Callable[[Path, Acquisition], Path]:
    """Write a TwoPhotonSeries of one channel: (time, x, y, z), or (time, x, y) of one plane."""

    def write(folder: Path, made: Acquisition) -> Path:
        data = made.as_tzcyx()[:, :, 0].transpose(0, 3, 2, 1)
        data = data if made.n_slices else data[..., 0]
        with h5py.File(folder / "x.nwb", "w") as file:
            file["session_start_time"] = (STARTED - timedelta(seconds=90)).isoformat() + "+01:00"
            plane = file.create_group("general/optophysiology/plane")
            plane["grid_spacing"] = np.array([*PIXEL_UM[::-1], Z_STEP_UM]) * 1e-6
            plane["grid_spacing"].attrs["unit"] = "meters"
            typed(plane.create_group(NAMES[0]), "OpticalChannel")
            series = typed(file.create_group("acquisition/x"), "TwoPhotonSeries")
            chunks = None if contiguous else (1, *data.shape[1:])
            series.create_dataset("data", data=data, chunks=chunks)
            series["dimension"] = data.shape[1:3]
            series["imaging_plane"] = h5py.SoftLink(plane.name)
            if timestamps:
                series["timestamps"] = 90 + np.arange(len(data)) * INTERVAL_S
            else:
                series["starting_time"] = 90.0
                series["starting_time"].attrs.update({"rate": 1 / INTERVAL_S, "unit": "seconds"})
        return folder / "x.nwb"

    return write


def in_numbers(text: str) -> npt.NDArray[np.uint8]:
    """Write a text as MESc does: the numbers of its characters, and a 0."""
    return np.frombuffer(text.encode("latin-1") + b"\0", np.uint8)


def mesc_attributes(made: Acquisition, is_zstack: bool = False) -> dict[str, Any]:
    """What MESc says of a measurement."""
    depth = {"Title": in_numbers("z"), "UnitName": in_numbers("µm"), "Conversion": Z_STEP_UM}
    time = {"Title": in_numbers("t"), "UnitName": in_numbers("ms"), "Conversion": INTERVAL_S * 1000}
    axes: dict[str, dict[str, Any]] = {
        "Z": depth if is_zstack else time,
        "Y": {"UnitName": in_numbers("µm"), "Conversion": PIXEL_UM[0]},
        "X": {"UnitName": in_numbers("µm"), "Conversion": PIXEL_UM[1]},
    }
    said = {
        f"{axis}AxisConversion{name.replace('Conversion', 'ConversionLinearScale')}": value
        for axis, known in axes.items()
        for name, value in known.items()
    }
    names = {f"Channel_{c}_Name": in_numbers(NAMES[c]) for c in range(made.n_channels)}
    scales = {f"Channel_{c}_Conversion_ConversionLinearScale": 1.0 for c in range(made.n_channels)}
    posix = int((STARTED - datetime(1970, 1, 1)).total_seconds())
    return {**said, **names, **scales, "MeasurementDatePosix": posix}


def mesc(folder: Path, made: Acquisition, is_zstack: bool = False, **changes: Any) -> Path:
    """Add a measurement to a .mesc; ``changes`` are attributes, None leaves one out."""
    path = folder / "x.mesc"
    with h5py.File(path, "a") as file:
        number = len(file.get("MSession_0", ()))
        unit = file.create_group(f"MSession_0/MUnit_{number}")
        for channel in range(made.n_channels):
            unit.create_dataset(
                f"Channel_{channel}",
                data=made.frames[:, channel],
                chunks=(1, *made.frames.shape[2:]),
            )
        known = {**mesc_attributes(made, is_zstack), **changes}
        unit.attrs.update({name: value for name, value in known.items() if value is not None})
    return path


def scanimage(folder: Path, made: Acquisition) -> Path:
    """A recording, or volumes of a piezo."""
    n_frames, _, height, width = made.frames.shape
    (y, x), planes = PIXEL_UM, max(made.n_slices, 1)
    h, w = height * y / 2, width * x / 2
    keys = {
        "hChannels.channelName": "{'green' 'red'}",
        "hChannels.channelSave": [*range(1, made.n_channels + 1)],
        "hRoiManager.imagingFovUm": f"[{-w} {-h};{w} {-h};{w} {h};{-w} {h}]",
        **(fast_keys(planes, n_frames // planes) if made.n_slices else {}),
        "hStackManager.zs": [Z_STEP_UM * z for z in range(planes)],
    }
    times = np.arange(n_frames) * INTERVAL_S / planes
    epoch = f"{STARTED:[%Y %m %d %H %M %S]}"
    frames = made.frames.astype(np.int16)
    return write(folder / "x.tif", frames, keys, times=times, epoch=epoch)


def typed(group: Any, kind: str) -> Any:
    """Say of a group what NWB calls it."""
    group.attrs["neurodata_type"] = kind
    return group


def ops_of(made: Acquisition, **more: Any) -> dict[str, Any]:
    """What Suite2p says of a plane."""
    n_rows, n_columns = made.frames.shape[2:]
    return {
        "Ly": n_rows,
        "Lx": np.int64(n_columns),
        "nframes": len(made.frames),
        "nchannels": made.n_channels,
        "fs": 1 / INTERVAL_S,
        "meanImg": made.frames[:, 0].mean(0),
        "yrange": [0, n_rows],
        "date_proc": STARTED,
        **more,
    }


def suite2p(folder: Path, made: Acquisition, **more: Any) -> Path:
    """Write a folder of Suite2p, a file a channel."""
    plane = folder / "plane0"
    plane.mkdir()
    for channel, name in enumerate(("data.bin", "data_chan2.bin")[: made.n_channels]):
        made.frames[:, channel].astype("<i2").tofile(plane / name)
    np.save(plane / "ops.npy", np.array(ops_of(made, **more), object), allow_pickle=True)
    return plane


def suite2p_file(folder: Path, made: Acquisition) -> Path:
    return suite2p(folder, made) / "data.bin"


def our_suite2p(folder: Path, made: Acquisition) -> Path:
    image = Image(made.frames, "TCYX", pixel_size_um=PIXEL_UM, frame_interval_s=INTERVAL_S)
    return run(write_suite2p(folder / "x.bin", image))


def experiment(made: Acquisition, **changes: Any) -> str:
    """Experiment.xml of a recording or of volumes; ``changes`` are attributes as Tag__name."""
    n_rows, n_columns = made.frames.shape[2:]
    rate = max(made.n_slices, 1) / INTERVAL_S
    tags: dict[str, dict[str, Any]] = {
        "Date": {"date": STARTED.strftime("%m/%d/%Y %H:%M:%S"), "uTime": 1709638215},
        "CaptureMode": {"mode": 1},
        "LSM": {
            "pixelX": n_columns,
            "pixelY": n_rows,
            "widthUM": PIXEL_UM[1] * n_columns,
            "heightUM": PIXEL_UM[0] * n_rows,
            "frameRate": rate,
            "averageMode": 0,
            "averageNum": 16,
        },
        "ZStage": {"enable": 1, "steps": max(made.n_slices, 1), "stepSizeUM": Z_STEP_UM},
        "Streaming": {
            "enable": 1,
            "frames": len(made.frames),
            "zFastEnable": int(made.n_slices > 0),
            "flybackFrames": 0,
        },
        "Timelapse": {"timepoints": 1, "intervalSec": 0},
    }
    for name, value in changes.items():
        tag, _, attribute = name.partition("__")
        tags[tag][attribute] = value
    lines = [
        f"<{tag} {' '.join(f'{a}={str(v)!r}' for a, v in given.items() if v is not None)}/>"
        for tag, given in tags.items()
    ]
    waves = "".join(f'<Wavelength name="{name}"/>' for name in NAMES[: made.n_channels])
    lines.append(f'<Wavelengths nyquistExWavelengthNM="488">{waves}<ChannelEnable/></Wavelengths>')
    return f'<?xml version="1.0"?><ThorImageExperiment>{"".join(lines)}</ThorImageExperiment>'


def thor(folder: Path, made: Acquisition, **changes: Any) -> Path:
    run_ = folder / "run"
    run_.mkdir()
    (run_ / "Experiment.xml").write_text(experiment(made, **changes))
    made.frames.astype("<u2").tofile(run_ / "Image_0001_0001.raw")
    return run_


def thor_file(folder: Path, made: Acquisition) -> Path:
    return thor(folder, made) / "Image_0001_0001.raw"


def scanbox_info(made: Acquisition, **changes: Any) -> dict[str, Any]:
    """What Scanbox 2 says of a recording, or of volumes of the optotune; None leaves out."""
    n_frames, n_channels, n_rows, n_columns = made.frames.shape
    planes = max(made.n_slices, 1)
    info = {
        "scanbox_version": 2,
        "resfreq": n_rows * planes / INTERVAL_S,
        "recordsPerBuffer": n_rows,
        "sz": np.array([n_rows, n_columns]),
        "channels": {1: 2, 2: 1}.get(n_channels, 0),
        "scanmode": 1,
        "volscan": int(made.n_slices > 0),
        "otwave": np.arange(made.n_slices) * 200.0,
        "otwave_um": np.arange(made.n_slices) * Z_STEP_UM,
        "config": {"frames": n_frames, "lines": n_rows, "magnification": 2},
        "messages": np.array(["start", "a longer one"], object),
        "event_id": np.arange(5),
        **changes,
    }
    return {name: value for name, value in info.items() if value is not None}


def scanbox(folder: Path, made: Acquisition, **changes: Any) -> Path:
    """Write a .sbx, in which light makes numbers smaller, and its .mat."""
    stored = (65535 - made.frames).transpose(0, 2, 3, 1)
    np.ascontiguousarray(stored).astype("<u2").tofile(folder / "x_000_001.sbx")
    scipy.io.savemat(folder / "x_000_001.mat", {"info": scanbox_info(made, **changes)})
    return folder / "x_000_001.sbx"


def ndtiff(folder: Path, made: Acquisition) -> Path:
    from .micromanager_files import ndtiff_of  # it takes its acquisitions from here

    return ndtiff_of(folder, made)


def ndtiff_file(folder: Path, made: Acquisition) -> Path:
    return ndtiff(folder, made) / "x_NDTiffStack.tif"


def czi_images(made: Acquisition, by_slice: bool = False) -> list[tuple[dict[str, int], Any]]:
    """Images of volumes with their places, or of repeats of each slice."""
    n_slices = max(made.n_slices, 1)
    found = []
    for t, frame in enumerate(made.frames):
        slow, fast = divmod(t, len(made.frames) // n_slices if by_slice else n_slices)
        time, z = (fast, slow) if by_slice else (slow, fast)
        found += [({"T": time, "Z": z, "C": c}, image) for c, image in enumerate(frame)]
    return found


def zeiss(packing: int = 0) -> Callable[[Path, Acquisition], Path]:
    """Write a CZI."""

    def write(folder: Path, made: Acquisition) -> Path:
        sizes = {"X": PIXEL_UM[1], "Y": PIXEL_UM[0], "Z": Z_STEP_UM}
        names = NAMES[: made.n_channels]
        return czi(folder / "x.czi", czi_images(made), names, sizes, packing)

    return write


def isxd_facts(made: Acquisition, **changes: Any) -> dict[str, Any]:
    """What stands at the end of a movie of Inscopix; ``changes`` go into its timing."""
    n_frames, _, n_rows, n_columns = made.frames.shape
    epoch = (STARTED - datetime(1970, 1, 1)).total_seconds()
    start = {"secsSinceEpoch": {"num": int(1000 * (epoch + 3600)), "den": 1000}, "utcOffset": -3600}
    timing = {
        "numTimes": n_frames,
        "period": {"num": int(INTERVAL_S * 1000), "den": 1000},
        "start": start,
        "dropped": [],
        "cropped": [],
        "blank": [],
        **changes,
    }
    size = {axis: {"num": 3, "den": 1} for axis in "xy"}
    return {
        "type": 0,
        "dataType": {"u2": 0, "f4": 1, "u1": 2}[made.frames.dtype.str[1:]],
        "hasFrameHeaderFooter": False,
        "timingInfo": timing,
        "spacingInfo": {"numPixels": {"x": n_columns, "y": n_rows}, "pixelSize": size},
    }


def isxd(folder: Path, made: Acquisition, **changes: Any) -> Path:
    """Write a movie of Inscopix."""
    text = json.dumps(isxd_facts(made, **changes)).encode()
    content = made.frames.tobytes() + text + b"\0" + len(text).to_bytes(8, "little")
    (folder / "x.isxd").write_bytes(content)
    return folder / "x.isxd"


ALL = frozenset({"pixel", "step", "times", "names", "volumes"})
FORMATS: dict[str, Written] = {
    "ScanImage": Written(scanimage, ALL | {"start"}),
    "ImageJ": Written(imagej, ALL - {"names"}),
    "OME-TIFF": Written(ome_tiff, ALL),
    "npy": Written(npy, frozenset()),
    "OME-Zarr": Written(ome_zarr, ALL),
    "HDF5, one piece": Written(hdf5(), ALL),
    "HDF5, chunks": Written(hdf5(chunks=True), ALL),
    "HDF5, packed": Written(hdf5(chunks=True, compression="gzip", shuffle=True), ALL),
    "NWB": Written(nwb(), ALL | {"start"}, channels=1),
    "NWB, a chunk a volume": Written(nwb(contiguous=False), ALL | {"start"}, channels=1),
    "NWB, times": Written(nwb(timestamps=True), ALL | {"start"}, channels=1),
    "Femtonics": Written(mesc, frozenset({"pixel", "times", "names", "start"})),
    "HDF5, our export": Written(our_hdf5, frozenset({"pixel", "times", "names"})),
    "Suite2p": Written(suite2p, frozenset({"times"})),
    "Suite2p, data.bin": Written(suite2p_file, frozenset({"times"})),
    "ThorImage": Written(thor, ALL | {"start"}),
    "ThorImage, raw": Written(thor_file, ALL | {"start"}),
    "CZI": Written(zeiss(), ALL - {"times"}),
    "CZI, packed": Written(zeiss(ZSTD_WITH_HEAD), ALL - {"times"}),
    "NDTiff": Written(ndtiff, ALL - {"pixel"} | {"start"}),
    "NDTiff, a file": Written(ndtiff_file, ALL - {"pixel"} | {"start"}),
    "Scanbox": Written(scanbox, frozenset({"step", "times", "volumes"})),
    "Inscopix": Written(isxd, frozenset({"times", "start"}), channels=1),
    "Suite2p, our export": Written(our_suite2p, frozenset({"pixel", "times"})),
}
