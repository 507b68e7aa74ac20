"""``zstack-align export`` of ROIs and traces."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cells import load_rois
from napari_zstack_align.cells.traces import Traces
from napari_zstack_align.cells.traces.storage import folders_of_traces, load_session_traces
from napari_zstack_align.cells.traces.summary import figures_of, remarks_on
from napari_zstack_align.cli.apart import Output, check_outputs_apart
from napari_zstack_align.cli.flags import params_of
from napari_zstack_align.cli.writing import write
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import NwbParams
from napari_zstack_align.remark import n_warnings
from napari_zstack_align.saved import Kind, kind_of
from napari_zstack_align.settings import in_flags
from napari_zstack_align.write.cells.export import export_rois, export_traces, traces_destinations
from napari_zstack_align.write.cells.field import FieldOfView
from napari_zstack_align.write.writers import roi_table


def is_of_cells(path: Path) -> bool:
    """Whether a path is a table of ROIs, traces, or a folder of traces."""
    kind = kind_of(path)
    if kind is None:
        return _is_table(path) or bool(folders_of_traces(path))
    return kind in (Kind.ROIS, Kind.TRACES, Kind.SESSION_TRACES)


def export_cells(args: argparse.Namespace) -> bool:
    """Write; return whether every frame of the traces had been read."""
    if args.out is None:
        raise InputError("Say what to write: give --out.")
    if len(args.saved) > 1 and any(_is_table(path) for path in args.saved):
        raise InputError("ROIs are exported from one table at a time.")
    alignments = _alignments(args.alignment)
    field = FieldOfView.of(*alignments) if alignments else None
    if any(_is_table(path) for path in args.saved):
        return _rois(args, field)
    traces = [each for path in args.saved for each in load_session_traces(path)]
    places = traces_destinations(args.out, traces, args.format)
    check_outputs_apart(args, [Output(each.target, is_whole=True) for each in places])
    _check_frames(traces, alignments)
    job = export_traces(
        args.out,
        traces,
        args.format,
        field=field,
        signal=args.signal or "dff",
        nwb=params_of(args, NwbParams),
        overwrite=args.overwrite,
    )
    for path in write(job, [each.target for each in places], overwrite=args.overwrite):
        print(f"Wrote {path}")
    _tell_exported(traces, args.saved)
    return all(each.complete for each in traces)


def _tell_exported(traces: Sequence[Traces], saved: Sequence[Path]) -> None:
    """Print the figures of each recording, and once how many warnings hold for them.

    The warnings themselves were printed when the traces were read, with what to do then; what makes
    the whole doubtful is said again.
    """
    for each in traces:
        print(in_flags(f"{each.recording}: {figures_of(each)}"))
    for remark in dict.fromkeys(r for each in traces for r in remarks_on(each) if r.is_serious):
        print(in_flags(f"Warning: {remark}"))
    numbers = {each.recording: n_warnings(remarks_on(each)) for each in traces}
    warned = [name for name, number in numbers.items() if number]
    if not warned:
        return
    n_serious = sum(remark.is_serious for each in traces for remark in remarks_on(each))
    serious = f" ({n_serious} of them serious)" if n_serious else ""
    of = f"all {len(traces)} recordings" if len(warned) == len(traces) > 1 else ", ".join(warned)
    number = sum(numbers.values())
    does = "holds" if number == 1 else "hold"
    print(
        f"{counted(number, 'warning')} about {of}{serious} {does} for what was exported, too: see "
        f"zstack-align info {saved[0]}"
    )


def _alignments(path: Path | None) -> list[Alignment]:
    """An alignment, or those of a session, which share one reference."""
    if path is None:
        return []
    saved = load_saved(path)
    return [saved] if isinstance(saved, Alignment) else saved


def _check_frames(traces: Sequence[Traces], alignments: Sequence[Alignment]) -> None:
    """Raise InputError where traces were read from frames that none of these aligned."""
    sizes = {tuple(alignment.raw_shape) for alignment in alignments}
    for each in traces:
        if sizes and tuple(each.frame_shape) not in sizes:
            y, x = each.frame_shape
            raise InputError(
                f"{each.recording} has frames of {y} × {x} px, but --alignment is of other frames: "
                f"give the alignment of this recording."
            )


def _rois(args: argparse.Namespace, field: FieldOfView | None) -> bool:
    check_outputs_apart(args, [Output(args.out, is_whole=True)])
    rois = load_rois(args.saved[0])
    job = export_rois(args.out, rois, args.format, field=field, overwrite=args.overwrite)
    written = write(job, [args.out], overwrite=args.overwrite)
    print(f"Wrote {written} ({counted(len(rois), 'ROI')})")
    return True


def _is_table(path: Path) -> bool:
    return roi_table().ending_of(path) is not None
