"""One door to all formats of ROIs and traces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_zstack_align.alignment.checks import check_raw_files_stay
from napari_zstack_align.alignment.session import unique_names
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import NwbParams
from napari_zstack_align.progress import Job
from napari_zstack_align.saved.room import check_free
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.cells.options import CellOptions
from napari_zstack_align.write.several import Destination, destinations, one_after_the_other
from napari_zstack_align.write.writers import Takes, choose_writer

AS_NUMBERS = ("suite2p", "npz", "nwb")
"""Formats that hold all samples as they are, not packed."""


def export_rois(
    path: str | Path,
    rois: Rois,
    format: str | None = None,
    *,
    field: FieldOfView | None = None,
    overwrite: bool = False,
) -> Job[Path]:
    """Write ROIs for another program.

    Parameters
    ----------
    path : path
        Its ending chooses the format: docs/formats.md lists those of ROIs.
    rois : Rois
        At least one.
    format : str, optional
        Its short name; by default as the name's ending says.
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
        Where there is no ROI, they were made on another reference than that of ``field``, the
        name's ending is another one, something is there already, or a package is missing.
    """
    path = Path(path)
    writer = choose_writer(path, Takes.ROIS, name=format)
    _check_some(rois)
    if field is not None:
        _check_place(rois, field, "The ROIs")
        check_raw_files_stay(path, field.raw_paths)
    job: Job[Path] = writer.load()(path, rois, CellOptions(field), overwrite=overwrite)
    return job


def export_traces(
    path: str | Path,
    traces: Traces | Sequence[Traces],
    format: str | None = None,
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
        Its ending chooses the format: docs/formats.md lists those of traces. Tables hold all
        recordings; of the others each recording has one of its own, ``NAME_RECORDING.nwb``.
    traces : Traces or sequence of Traces
        With at least one ROI.
    format : str, optional
        Its short name; by default as the name's ending says: of several, the first in the list.
    field : FieldOfView, optional
        Size and image of the reference, for Suite2p and NWB; by default the size of a frame, and
        no image.
    signal : {'dff', 'corrected', 'F', 'Fneu', 'dff_lowest_dark', 'dff_highest_dark'}
        What a wide table holds; the last two where the dark level is estimated.
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
    writer = choose_writer(path, Takes.TRACES, name=format)
    if not recordings:
        raise InputError("There are no traces to write: read those of at least one recording.")
    for each in recordings:
        _check_some(each.rois)
        if field is not None:
            _check_place(each.rois, field, f"The ROIs of the traces of {each.recording}")
    recordings = _told_apart(recordings)
    places = destinations(writer, path, [each.recording for each in recordings])
    for place in places:
        check_raw_files_stay(place.target, () if field is None else field.raw_paths)
    if nwb is not None and nwb.identifier and len(places) > 1:
        raise InputError("An identifier names one NWB file: leave it empty for several.")
    write, options = writer.load(), CellOptions(field, signal, nwb)
    groups = [recordings] if writer.holds_all else [[each] for each in recordings]
    pairs = zip(places, groups, strict=True)
    jobs = [write(place.name, group, options, overwrite=overwrite) for place, group in pairs]
    if writer.name in AS_NUMBERS:
        check_free(places[0].target, sum(map(_least_bytes, recordings)))
    return one_after_the_other(jobs)


def traces_destinations(
    path: Path, recordings: Sequence[Traces], format: str | None = None
) -> list[Destination]:
    """Return where `export_traces` writes: of several recordings one each, or one for all.

    Raises
    ------
    InputError
        Where the name's ending chooses no format.
    """
    writer = choose_writer(path, Takes.TRACES, name=format)
    return destinations(writer, path, [each.recording for each in recordings])


def _least_bytes(traces: Traces) -> int:
    """Bytes of F, Fneu and one number a sample more, which all of `AS_NUMBERS` hold."""
    return int(traces.F.nbytes + traces.Fneu.nbytes + traces.F[:1].nbytes)


def _told_apart(recordings: list[Traces]) -> list[Traces]:
    """Recordings of the same name (of two animals) as NAME and NAME_2."""
    names = [each.recording for each in recordings]
    if len(set(names)) == len(names):
        return recordings
    named = zip(recordings, unique_names(names), strict=True)
    return [replace(each, recording=name) for each, name in named]


def _check_place(rois: Rois, field: FieldOfView, what: str) -> None:
    """Raise InputError where ROIs lie on another reference: they would be drawn over its cells."""
    if not field.holds(rois):
        raise InputError(
            f"{what} were made on the reference of another alignment than the one that is given: "
            f"give the alignment or session that they were made on."
        )


def _check_some(rois: Rois) -> None:
    if not len(rois):
        raise InputError("There are no ROIs to write: find or draw some first.")
