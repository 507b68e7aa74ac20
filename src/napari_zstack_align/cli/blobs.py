"""``zstack-align blobs``: find cells in an image, a recording, a session or a z-stack."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cells import (
    Rois,
    ScaleSpace,
    detect,
    detect_cells,
    detect_with_agreement,
    elbow,
    session_image,
    source_image,
    valid_in,
    valid_numbers,
)
from napari_zstack_align.cells.images import KINDS
from napari_zstack_align.cells.images import Kind as ImageKind
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cells.roi_table import save_rois
from napari_zstack_align.cli.apart import check_arguments_apart
from napari_zstack_align.cli.bar import drain
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import read_mask
from napari_zstack_align.cli.sessions import tell_written
from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import BlobParams
from napari_zstack_align.progress import run
from napari_zstack_align.read import open_stack
from napari_zstack_align.saved import ROI_TABLE, Kind, check_table, kind_of, target_of
from napari_zstack_align.stack import Order, Stack
from napari_zstack_align.write.writers import roi_table

Source: TypeAlias = Stack | Alignment | list[Alignment]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Find cells as bright blobs: in an image, in one image made of a recording or of the "
        "recordings of a session, or in 3-D in a z-stack."
    )
    parser.add_argument(
        "input",
        type=Path,
        metavar="PATH",
        help="an image, a recording, a z-stack, RUN.zalign, or the folder of a session",
    )
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="table [NAME_rois.csv]")
    parser.add_argument(
        "--mask", type=Path, metavar="FILE", help="image of labels or weights: where cells count"
    )
    parser.add_argument(
        "--image",
        choices=KINDS,
        help="what is made of a recording's frames [mean]",
    )
    parser.add_argument(
        "--frames", type=int, nargs=2, metavar=("FIRST", "END"), help="frames of a recording"
    )
    parser.add_argument("--channel", type=int, default=0, metavar="N", help="counted from 0 [0]")
    parser.add_argument(
        "--min-slices", type=int, metavar="N", help="least slices of a cell in 3-D [1]"
    )
    parser.add_argument(
        "--frames-per-slice", type=int, metavar="N", help="repeats of each slice of a raw z-stack"
    )
    parser.add_argument(
        "--order", choices=get_args(Order), help="whether repeats or slices run fastest"
    )
    parser.add_argument(
        "--nuclei", action="store_true", help="begin with the parameters for filled nuclei"
    )
    parser.add_argument(
        "--auto-threshold", action="store_true", help="take the elbow of the blobs' strengths"
    )
    parser.add_argument(
        "--agreement", action="store_true", help="report how many of the three methods find each"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the table there")
    add_model_flags(parser, BlobParams)
    parser.set_defaults(run=run_blobs)


def run_blobs(args: argparse.Namespace) -> bool:
    """Find, save, and tell how many."""
    check_arguments_apart(args)
    params = params_of(args, BlobParams, start=BlobParams.nuclei() if args.nuclei else None)
    table = roi_table()
    if args.out is not None and args.out.suffix and table.ending_of(args.out) is None:
        raise InputError(
            f"ROIs are a CSV table: give --out a name that ends in {table.suffix}, not {args.out}."
        )
    out = target_of(args.out or f"{args.input.name.partition('.')[0]}_rois", Kind.ROIS)
    check_table(out, ROI_TABLE, args.overwrite)
    source = _open(args)
    rois = _in_3d(args, source, params) if _is_zstack(source) else _in_2d(args, source, params)
    written = save_rois(rois, out, args.overwrite, beside=True)
    if not len(rois):
        print("Found no blobs: lower the threshold, or look for other sizes.")
    tell_written(written, out, f" ({counted(len(rois), 'ROI')})")
    return True


def _open(args: argparse.Namespace) -> Source:
    if kind_of(args.input) is not None:
        return load_saved(args.input)
    return open_stack(args.input, frames_per_slice=args.frames_per_slice, order=args.order)


def _is_zstack(source: Source) -> bool:
    if isinstance(source, list):
        return False
    stack = source.stack if isinstance(source, Alignment) else source
    return stack.frames_per_slice is not None and stack.n_slices > 1


def _in_3d(args: argparse.Namespace, source: Any, params: BlobParams) -> Rois:
    if args.agreement or args.auto_threshold:
        raise InputError("--agreement and --auto-threshold are for one image, not for a z-stack.")
    if args.frames or args.image:
        raise InputError("--frames and --image are for recordings, not for a z-stack.")
    return drain(
        detect_cells(
            source,
            params,
            read_mask(args.mask),
            channel=args.channel,
            min_slices=1 if args.min_slices is None else args.min_slices,
        )
    )


def _in_2d(args: argparse.Namespace, source: Source, params: BlobParams) -> Rois:
    if args.min_slices is not None:
        raise InputError("--min-slices is for z-stacks: this is one image, or a recording.")
    image, mask = _image(args, source), read_mask(args.mask)
    mark = made_on(source[0] if isinstance(source, list) else source)
    if args.auto_threshold:
        params = _with_auto_threshold(image, params, mask)
    if args.agreement:
        result, agreement = detect_with_agreement(image, params, mask)
        rois = result.rois(mark).with_features(agreement=agreement)
    else:
        rois = detect(ScaleSpace.build(image, params), params, mask).rois(mark)
    return _with_recordings(rois, source) if isinstance(source, list) else rois


def _image(args: argparse.Namespace, source: Source) -> npt.NDArray[np.float32]:
    kind: ImageKind = args.image or "mean"
    frames = tuple(args.frames) if args.frames else None
    if not isinstance(source, list):
        job = source_image(source, kind, frames=frames, channel=args.channel)
        return run(job) if isinstance(source, Stack) and source.n_frames == 1 else drain(job)
    if frames:
        raise InputError("--frames is for one recording, not for a session.")
    return drain(session_image(source, kind, channel=args.channel))


def _with_auto_threshold(
    image: npt.NDArray[np.float32], params: BlobParams, mask: npt.NDArray[Any] | None
) -> BlobParams:
    strengths = detect(ScaleSpace.build(image, params), params, mask).candidate_strengths
    threshold = elbow(strengths)
    if threshold is None:
        raise InputError("There are too few blobs for an automatic threshold: give --threshold.")
    print(f"Threshold: {threshold:.4g}")
    return params.replace(threshold=threshold, threshold_rel=0.0)


def _with_recordings(rois: Rois, alignments: Sequence[Alignment]) -> Rois:
    valid = valid_in(rois, alignments)
    for number, (alignment, column) in enumerate(zip(alignments, valid.T, strict=True), 1):
        print(f"Recording {number}, {alignment.stack.name}: {counted(column.sum(), 'ROI')} valid")
    return rois.with_features(valid_in=valid_numbers(valid))
