"""One door to all formats of ROIs and traces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import NwbParams
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.imagej import write_imagej
from napari_zstack_align.write.cells.labels import write_labels
from napari_zstack_align.write.cells.npz import write_rois_npz, write_traces_npz
from napari_zstack_align.write.cells.nwb import write_nwb
from napari_zstack_align.write.cells.roi_csv import write_rois_csv
from napari_zstack_align.write.cells.suite2p import write_suite2p_folder
from napari_zstack_align.write.cells.summary_csv import write_summary_csv
from napari_zstack_align.write.cells.tidy_csv import write_tidy_csv
from napari_zstack_align.write.cells.wide_csv import write_wide_csv
from napari_zstack_align.write.several import names_in_session, one_after_the_other

RoiFormat: TypeAlias = Literal["csv", "npz", "imagej", "labels"]
TracesFormat: TypeAlias = Literal["tidy", "wide", "summary", "npz", "suite2p", "nwb"]

ROI_FORMATS: dict[RoiFormat, tuple[str, ...]] = {
    "csv": (".csv",),
    "npz": (".npz",),
    "imagej": (".zip",),
    "labels": (".ome.tif", ".tif"),
}
"""Format -> endings of its name."""

TRACES_FORMATS: dict[TracesFormat, tuple[str, ...]] = {
    "tidy": (".csv",),
    "wide": (".csv",),
    "summary": (".csv",),
    "npz": (".npz",),
    "suite2p": ("",),
    "nwb": (".nwb",),
}
"""Format -> endings of its name; Suite2p's is a folder."""


def export_rois(
    path: str | Path,
    rois: Rois,
    format: RoiFormat | None = None,
    *,
    field: FieldOfView | None = None,
    overwrite: bool = False,
) -> Job[Path]:
    """Write ROIs for another program.

    Parameters
    ----------
    path : path
        Ends in .csv (a table, which ``load_rois`` reads), .npz (NumPy), .zip (ImageJ's ROI
        manager; needs ``roifile``), or .ome.tif or .tif (image of labels).
    rois : Rois
        At least one.
    format : {'csv', 'npz', 'imagej', 'labels'}, optional
        By default as the name's ending says.
    field : FieldOfView, optional
        Labels need it for their size.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    generator of Progress
        Returns the path. Nothing stands under the name before it is complete, and a cancelled job
        leaves nothing behind. The last ``note`` says what can't be told in the format.

    Raises
    ------
    InputError
        Where there is no ROI, the name's ending is another one, something is there already, or a
        package is missing.
    """
    path = Path(path)
    chosen, _ = _format_and_ending(path, format, ROI_FORMATS)
    _check_some(rois)
    match chosen:
        case "csv":
            return write_rois_csv(path, rois, overwrite=overwrite)
        case "npz":
            return write_rois_npz(path, rois, overwrite=overwrite)
        case "imagej":
            return write_imagej(path, rois, overwrite=overwrite)
    if field is None:
        raise InputError("Labels need the size of the image: say in which alignment the ROIs lie.")
    if path.resolve() in {raw.resolve() for raw in field.raw_paths}:
        raise InputError(f"{path} holds the raw frames themselves: choose another name.")
    return write_labels(path, rois, field, overwrite=overwrite)


def export_traces(
    path: str | Path,
    traces: Traces | Sequence[Traces],
    format: TracesFormat | None = None,
    *,
    field: FieldOfView | None = None,
    signal: str = "dff",
    nwb: NwbParams | None = None,
    overwrite: bool = False,
) -> Job[list[Path]]:
    """Write the traces of one or more recordings for another program.

    Parameters
    ----------
    path : path
        Ends in .csv (a table), .npz (NumPy) or .nwb (NWB; needs ``pynwb``), or is a new folder
        (Suite2p). Tables hold all recordings; of the others each recording has one of its own,
        ``NAME_RECORDING.nwb``.
    traces : Traces or sequence of Traces
        With at least one ROI.
    format : {'tidy', 'wide', 'summary', 'npz', 'suite2p', 'nwb'}, optional
        'tidy': one row a ROI, channel and frame; 'wide': one row a frame, one column a ROI;
        'summary': one row a ROI and channel. By default as the name's ending says, .csv: tidy,
        without one: Suite2p.
    field : FieldOfView, optional
        Size and image of the reference, for Suite2p and NWB; by default the size of a frame, and
        no image.
    signal : {'dff', 'corrected', 'F', 'Fneu'}
        What a wide table holds.
    nwb : NwbParams, optional
        What NWB wants to know besides.
    overwrite : bool
        Replace existing files.

    Returns
    -------
    generator of Progress
        Returns the paths; as for `export_rois`.

    Raises
    ------
    InputError
        As for `export_rois`; where a format wants to know more; and where a folder to be replaced
        holds other files.
    """
    path = Path(path)
    recordings = [traces] if isinstance(traces, Traces) else list(traces)
    chosen, ending = _format_and_ending(path, format, TRACES_FORMATS)
    if not recordings:
        raise InputError("There are no traces to write: read those of at least one recording.")
    for each in recordings:
        _check_some(each.rois)
    recordings = _told_apart(recordings)
    if ending == ".csv":
        table = _table(path, recordings, chosen, signal, overwrite)
        return _with_doubts(one_after_the_other([table]), recordings)
    paths = [path]
    if len(recordings) > 1:
        paths = names_in_session(path, ending, [each.recording for each in recordings])
        if nwb is not None and nwb.identifier:
            raise InputError("An identifier names one NWB file: leave it empty for several.")
    jobs = [
        _one(target, each, chosen, field or FieldOfView.of_traces(each), nwb, overwrite)
        for target, each in zip(paths, recordings, strict=True)
    ]
    # Suite2p's folder holds no ΔF/F
    doubtful = recordings if chosen != "suite2p" else ()
    return _with_doubts(one_after_the_other(jobs), doubtful)


def _told_apart(recordings: list[Traces]) -> list[Traces]:
    """Recordings of the same name (of two animals) as NAME and NAME_2."""
    names = [each.recording for each in recordings]
    if len(set(names)) == len(names):
        return recordings
    named = zip(recordings, unique_names(names), strict=True)
    return [replace(each, recording=name) for each, name in named]


def _with_doubts(job: Job[list[Path]], recordings: Sequence[Traces]) -> Job[list[Path]]:
    """Say at the end whose ΔF/F can't be relied on."""
    written = yield from job
    names = [each.recording for each in recordings if not each.dff_reliable]
    if names:
        shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
        note = f"ΔF/F of {shown} is unreliable, for the dark level is unknown."
        yield Progress("Written", len(written), len(written), note)
    return written


def _table(
    path: Path, recordings: Sequence[Traces], format: TracesFormat, signal: str, overwrite: bool
) -> Job[Path]:
    """The job of a table, which holds all recordings."""
    if format == "wide":
        return write_wide_csv(path, recordings, signal=signal, overwrite=overwrite)
    write = write_tidy_csv if format == "tidy" else write_summary_csv
    return write(path, recordings, overwrite=overwrite)


def _one(
    path: Path,
    traces: Traces,
    format: TracesFormat,
    field: FieldOfView,
    nwb: NwbParams | None,
    overwrite: bool,
) -> Job[Path]:
    """The job of a format that takes one recording a file."""
    if format == "npz":
        return write_traces_npz(path, traces, overwrite=overwrite)
    if format == "nwb":
        return write_nwb(path, traces, field, nwb, overwrite=overwrite)
    return write_suite2p_folder(path, traces, field, overwrite=overwrite)


def _format_and_ending(
    path: Path, format: str | None, formats: Mapping[Any, tuple[str, ...]]
) -> tuple[Any, str]:
    """The format that is asked for, or that the name's ending chooses, and this ending."""
    if format is not None and format not in formats:
        raise InputError(f"The format must be one of {', '.join(formats)}, not {format!r}.")
    for name in formats if format is None else (format,):
        for ending in formats[name]:
            if _fits(path, ending) or (format and not ending):
                return name, ending
    allowed = formats[format] if format else [e for endings in formats.values() for e in endings]
    endings = ", ".join(dict.fromkeys(ending or "none (a folder)" for ending in allowed))
    raise InputError(f"{path} must have the ending {endings}, which chooses the format.")


def _fits(path: Path, ending: str) -> bool:
    """Whether a name has an ending, and something before it; a folder has none."""
    name = path.name.lower()
    return name.endswith(ending) and name != ending if ending else "." not in name


def _check_some(rois: Rois) -> None:
    if not len(rois):
        raise InputError("There are no ROIs to write: find or draw some first.")
