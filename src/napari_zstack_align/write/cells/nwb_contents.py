"""What stands in an NWB file: metadata, ROIs, and places for the values of the traces."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from hdmf.backends.hdf5 import H5DataIO
from pynwb import NWBFile, TimeSeries
from pynwb.base import Images, ProcessingModule
from pynwb.epoch import TimeIntervals
from pynwb.file import Subject
from pynwb.image import GrayscaleImage
from pynwb.ophys import (
    DfOverF,
    Fluorescence,
    ImageSegmentation,
    ImagingPlane,
    OpticalChannel,
    PlaneSegmentation,
    RoiResponseSeries,
)

from napari_zstack_align._version import __version__
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.flags import shown
from napari_zstack_align.params import NwbParams
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.footprint import footprint

Signals = dict[str, npt.NDArray[np.float32]]

UNKNOWN_START = datetime(1900, 1, 1, tzinfo=UTC)

CLOCK = (
    "The session's start is that of the microscope's clock, in the time zone of the computer that "
    "wrote this file."
)

DESCRIPTIONS = {
    "F": "Mean over the ROI in the raw frames; nothing is subtracted",
    "Fneu": "Mean over the ring around the ROI in the raw frames; nothing is subtracted",
    "corrected": "F - r (Fneu - median of Fneu), r = {r:g}",
    "dff": "Change against the sliding baseline of the corrected signal{reliable}",
}


def contents(traces: Traces, field: FieldOfView, params: NwbParams) -> tuple[NWBFile, Signals]:
    """Return the file, and the signals (N, T) by the name of the dataset (T, N) for each."""
    file = _file(traces, params)
    plane = _plane(file, traces, field, params)
    ophys = file.create_processing_module("ophys", "ROIs and traces of cells")
    table = _table(ophys, traces, field, plane)
    if field.image is not None:
        image = np.asarray(field.image, np.float32)
        reference = GrayscaleImage(name="reference", data=image, description="What ROIs lie in")
        ophys.add(Images(name="SummaryImages", images=[reference]))
    time = _time(traces, params)
    flags, control = np.unique(traces.frames[["flag", "detail"]], return_inverse=True)
    time |= {
        "control": control.astype(np.uint8 if len(flags) < 256 else np.uint16),
        "control_description": [shown(row) or "good" for row in flags],
    }
    ophys.add(
        TimeSeries(
            name="Confidence",
            data=np.asarray(traces.confidence, np.float32),
            unit="1",
            description="How well each frame is aligned; 1: without doubt",
            **time,
        )
    )
    ophys.add(
        TimeSeries(
            name="RawFrame",
            data=traces.acquisition.numbers,
            unit="1",
            description="Number of each frame in the files of the recording, counted from 0",
            **time,
        )
    )
    _add_stimuli(file, traces, params)
    return file, _signals(ophys, traces, table, time)


def _add_stimuli(file: NWBFile, traces: Traces, params: NwbParams) -> None:
    """Add the stimuli as time intervals, in the seconds of the series."""
    if traces.stimuli is None or not len(traces.stimuli):
        return
    intervals = TimeIntervals(name="stimuli", description="When stimuli were on")
    intervals.add_column("stimulus", "Name of the stimulus")
    scale = 1.0 if traces.has_times else 1 / (params.frame_rate_hz or np.nan)
    unit = "s" if traces.has_times else "frame"
    for row in traces.stimuli:
        start, stop = (scale * float(row[f"{name}_{unit}"]) for name in ("onset", "offset"))
        intervals.add_interval(start_time=start, stop_time=stop, stimulus=_text(str(row["name"])))
    file.add_time_intervals(intervals)


def _file(traces: Traces, params: NwbParams) -> NWBFile:
    start = params.start()
    notes = [str(remark) for remark in traces.remarks]
    if start is None and traces.started_at is not None:
        start = _zoned(traces.started_at)
        if start is not None and traces.started_at.tzinfo is None:
            notes.append(CLOCK)
    if start is None:
        notes.append("When the session began is unknown: 1900-01-01 stands for it.")
    return NWBFile(
        session_description=params.session_description,
        identifier=params.identifier or str(uuid4()),
        session_start_time=start or UNKNOWN_START,
        session_id=_text(traces.recording),
        was_generated_by=[["napari-zstack-align", __version__]],
        notes=_text(" ".join(notes)) or None,
        subject=_subject(params),
    )


def _zoned(clock: datetime) -> datetime | None:
    """Start with a time zone, as NWB wants it; None for a date that no computer knows."""
    try:
        return clock.astimezone()
    except (OverflowError, ValueError, OSError):
        return None


def _text(given: str) -> str:
    """Text for HDF5: names of files needn't be such, odd bytes are written as codes."""
    return given.encode(errors="backslashreplace").decode()


def _subject(params: NwbParams) -> Subject | None:
    if not params.subject_id:
        return None
    return Subject(
        subject_id=params.subject_id,
        species=params.species,
        sex=params.sex,
        age=params.age or None,
    )


def _plane(file: NWBFile, traces: Traces, field: FieldOfView, params: NwbParams) -> ImagingPlane:
    n_channels = len(traces.channel_names)
    wavelengths = params.emission_nm or (np.nan,) * n_channels
    channels = [
        OpticalChannel(
            name=f"channel_{channel}", description=_text(name), emission_lambda=float(wavelength)
        )
        for channel, (name, wavelength) in enumerate(
            zip(traces.channel_names, wavelengths, strict=True)
        )
    ]
    known: dict[str, Any] = {}
    if field.pixel_size_um is not None:
        y, x = field.pixel_size_um
        known = {"grid_spacing": [x * 1e-6, y * 1e-6], "grid_spacing_unit": "meters"}
    rate = _time(traces, params).get("rate")
    return file.create_imaging_plane(
        name="ImagingPlane",
        description=f"{field.shape[0]} rows of {field.shape[1]} pixels",
        optical_channel=channels,
        # a slash would be a group in HDF5
        device=file.create_device(params.device.replace("/", "-")),
        excitation_lambda=float(params.excitation_nm or np.nan),
        indicator=params.indicator,
        location=params.location,
        imaging_rate=rate,
        **known,
    )


def _table(
    ophys: ProcessingModule, traces: Traces, field: FieldOfView, plane: ImagingPlane
) -> PlaneSegmentation:
    table = PlaneSegmentation(
        name="PlaneSegmentation",
        description="Circles in the coordinates of the reference image, weighted by area",
        imaging_plane=plane,
    )
    for roi_id, circle in zip(traces.ids.tolist(), traces.rois.circles, strict=True):
        rows, columns, weights = footprint(circle, field.shape)
        mask = list(zip(columns.tolist(), rows.tolist(), weights.tolist(), strict=True))
        table.add_roi(id=roi_id, pixel_mask=mask)
    for number, (name, text) in enumerate(
        (("y", "Row of the centre"), ("x", "Column of the centre"), ("radius", "Radius"))
    ):
        table.add_column(name, f"{text} in px", data=traces.rois.circles[:, number])
    if traces.rois.slices.max(initial=-1) >= 0:
        for number, name in enumerate(("first_slice", "last_slice")):
            text = f"{name.replace('_', ' ').capitalize()} of the z-stack, counted from 0"
            table.add_column(name, text, data=traces.rois.slices[:, number])
    for channel, explained in enumerate(traces.motion_explained):
        table.add_column(
            _named("motion_explained", channel, traces),
            "Part of the variance of the corrected signal that the displacement explains",
            data=np.asarray(explained, np.float32),
        )
    ophys.add(ImageSegmentation(plane_segmentations=[table]))
    return table


def _signals(
    ophys: ProcessingModule, traces: Traces, table: PlaneSegmentation, time: dict[str, Any]
) -> Signals:
    fluorescence, dff = Fluorescence(), DfOverF()
    ophys.add(fluorescence)
    ophys.add(dff)
    signals: Signals = {}
    for name, description in DESCRIPTIONS.items():
        for channel, values in enumerate(getattr(traces, name)):
            region = table.create_roi_table_region("All ROIs", region=list(range(len(values))))
            home = dff if name == "dff" else fluorescence
            series = RoiResponseSeries(
                name=_named(name, channel, traces),
                data=H5DataIO(shape=values.shape[::-1], dtype=np.dtype(np.float32)),
                rois=region,
                unit="1" if name == "dff" else "counts",
                description=description.format(
                    r=traces.params.neuropil_factor,
                    reliable="" if traces.dff_reliable else "; UNRELIABLE, see the file's notes",
                ),
                **time,
            )
            home.add_roi_response_series(series)
            signals[f"processing/ophys/{home.name}/{series.name}/data"] = values
    return signals


def _named(name: str, channel: int, traces: Traces) -> str:
    return name if len(traces.channel_names) == 1 else f"{name}_channel_{channel}"


def _time(traces: Traces, params: NwbParams) -> dict[str, Any]:
    """Start and rate where the frames follow evenly, else the time of each."""
    times = traces.frame_times_s
    if times is None or not traces.has_times:
        return {"starting_time": 0.0, "rate": float(params.frame_rate_hz or np.nan)}
    n_steps = len(times) - 1
    step = (times[-1] - times[0]) / n_steps if n_steps else 0.0
    if step > 0 and np.abs(times - times[0] - step * np.arange(len(times))).max() < 0.01 * step:
        return {"starting_time": float(times[0]), "rate": float(1 / step)}
    return {"timestamps": np.asarray(times, np.float64)}
