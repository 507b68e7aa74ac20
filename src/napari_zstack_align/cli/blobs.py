"""``zstack-align blobs``: find cells in an image, a recording, a session or a z-stack."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, TypeAlias

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
from napari_zstack_align.cells.blobs import radius_per_sigma
from napari_zstack_align.cells.images import KINDS
from napari_zstack_align.cells.images import Kind as ImageKind
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cells.on_raw import part_inside
from napari_zstack_align.cells.roi_table import save_rois
from napari_zstack_align.cells.traces.discs import INSIDE_PART
from napari_zstack_align.cli.apart import Reads, Writes, check_output_apart
from napari_zstack_align.cli.bar import drain
from napari_zstack_align.cli.flags import add_model_flags, params_of
from napari_zstack_align.cli.inputs import read_mask
from napari_zstack_align.cli.opening import (
    add_opening_arguments,
    check_not_reopened,
    opening,
    sizes,
)
from napari_zstack_align.cli.sessions import tell_written
from napari_zstack_align.counting import are, counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.mask import FOR_CELLS, as_weights
from napari_zstack_align.params import BlobParams
from napari_zstack_align.progress import run
from napari_zstack_align.read import open_stack
from napari_zstack_align.remark import Remark, as_notes
from napari_zstack_align.saved import ROI_TABLE, Kind, check_table, kind_of, occupant_of, target_of
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.writers import roi_table

FEWEST_AT_A_BOUND, MANY_AT_A_BOUND, AT_A_BOUND = 3, 0.25, 0.01
"""Of so many ROIs and more, this part within that part of the range from its end is worth a note.
"""
StackOrAlignments: TypeAlias = Stack | Alignment | list[Alignment]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Find cells as bright blobs: in an image, in one image made of a recording or of the "
        "recordings of a session, or in 3-D in a z-stack."
    )
    parser.add_argument(
        "input",
        action=Reads,
        metavar="PATH",
        help="an image, a recording, a z-stack, RUN.zalign, or the folder of a session",
    )
    parser.add_argument(
        "--out", action=Writes, kind=Kind.ROIS, metavar="FILE.csv", help="table [NAME_rois.csv]"
    )
    parser.add_argument(
        "--mask", action=Reads, metavar="FILE", help="image of labels or weights: where cells count"
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
        "--nuclei", action="store_true", help="begin with the parameters for filled nuclei"
    )
    parser.add_argument(
        "--auto-threshold", action="store_true", help="take the elbow of the blobs' strengths"
    )
    parser.add_argument(
        "--agreement", action="store_true", help="report how many of the three methods find each"
    )
    parser.add_argument(
        "--stack", action=Reads, metavar="FILE", help="the raw frames, where they have moved"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the table there")
    add_opening_arguments(parser, image_flag="--image-in-file")
    add_model_flags(parser, BlobParams)
    parser.set_defaults(run=run_blobs)


def run_blobs(args: argparse.Namespace) -> bool:
    """Find, save, and tell how many."""
    params = params_of(args, BlobParams, start=BlobParams.nuclei() if args.nuclei else None)
    table = roi_table()
    if args.out is not None and args.out.suffix and table.ending_of(args.out) is None:
        raise InputError(
            f"ROIs are a CSV table: give --out a name that ends in {table.suffix}, not {args.out}."
        )
    out = target_of(args.out or f"{args.input.name.partition('.')[0]}_rois", Kind.ROIS)
    check_output_apart(args, out)
    check_table(out, ROI_TABLE, args.overwrite)
    source = _open(args)
    rois = _in_3d(args, source, params) if _is_zstack(source) else _in_2d(args, source, params)
    written = save_rois(rois, out, args.overwrite, beside=True)
    if not len(rois):
        print("Found no blobs: lower the threshold, or look for other sizes.")
    tell_written(written, out, f" ({counted(len(rois), 'ROI')}{_size(rois, source)})")
    for note in (*at_bounds(rois, params), *cut_by_border(rois, _shape_of(source))):
        print(f"  {note.labelled}")
    return True


def _size(rois: Rois, source: StackOrAlignments) -> str:
    """', median radius 2.1 px (1.7 µm)'; '' without ROIs."""
    if not len(rois):
        return ""
    radius = float(np.median(rois.circles[:, 2]))
    first = source[0] if isinstance(source, list) else source
    stack = first if isinstance(first, Stack) else first.stack
    size = stack.pixel_size_um
    in_um = "" if size is None else f" ({radius * float(np.sqrt(size[0] * size[1])):.1f} µm)"
    return f", median radius {radius:.1f} px{in_um}"


def at_bounds(rois: Rois, params: BlobParams) -> tuple[Remark, ...]:
    """Say where many blobs have the smallest or the largest size that was looked for."""
    if len(rois) < FEWEST_AT_A_BOUND:
        return ()
    radius = rois.circles[:, 2] / radius_per_sigma(params.method)
    width = max((params.max_sigma - params.min_sigma) * AT_A_BOUND, 1e-6)
    notes = []
    for is_there, word, what_to_do in (
        (
            radius <= params.min_sigma + width,
            "smallest",
            "if they are noise, raise --threshold-rel; if they are parts of smaller cells, lower "
            "--min-sigma",
        ),
        (
            radius >= params.max_sigma - width,
            "largest",
            "if they are parts of larger cells, raise --max-sigma",
        ),
    ):
        share = float(is_there.mean())
        if share >= MANY_AT_A_BOUND and params.min_sigma < params.max_sigma:
            notes.append(
                f"{100 * share:.0f} % of the ROIs have the {word} size that is looked for. Look at "
                f"them: {what_to_do}."
            )
    return as_notes(*notes)


def cut_by_border(rois: Rois, shape: tuple[int, int]) -> tuple[Remark, ...]:
    """Say how many ROIs are cut by the border of the image, so that traces can't be read there."""
    inside = part_inside(rois.circles, np.ones(shape, bool)) >= INSIDE_PART
    n_cut = int(np.count_nonzero(~inside))
    if not n_cut:
        return ()
    return as_notes(
        f"{n_cut} of {counted(len(rois), 'ROI')} {are(n_cut)} cut by the border of the image: less "
        f"than {100 * INSIDE_PART:.0f} % of the circle is inside, which is too little for traces. "
        f"--exclude-border leaves out what is near it."
    )


def _open(args: argparse.Namespace) -> StackOrAlignments:
    kind = kind_of(args.input)
    if kind in (Kind.ALIGNMENT, Kind.SESSION):
        check_not_reopened(args, args.input.name)
        return load_saved(args.input, None if args.stack is None else open_stack(args.stack))
    if args.stack is not None:
        raise InputError("--stack goes with RUN.zalign: give the file of raw frames itself.")
    if kind is not None or roi_table().ending_of(args.input) is not None:
        is_table = kind in (None, Kind.ROIS)
        held = "is a table of ROIs" if is_table else occupant_of(args.input).description
        raise InputError(
            f"{args.input} {held}: give what cells are to be found in, an image, a recording, "
            f"a z-stack, RUN.zalign or a session."
        )
    return open_stack(args.input, **opening(args), **sizes(args))


def _is_zstack(source: StackOrAlignments) -> bool:
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


def _in_2d(args: argparse.Namespace, source: StackOrAlignments, params: BlobParams) -> Rois:
    if args.min_slices is not None:
        raise InputError("--min-slices is for z-stacks: this is one image, or a recording.")
    mask = read_mask(args.mask)
    as_weights(mask, _shape_of(source), FOR_CELLS)  # before the frames are read
    image = _image(args, source)
    mark = made_on(source[0] if isinstance(source, list) else source)
    if args.auto_threshold:
        params = _with_auto_threshold(image, params, mask)
    if args.agreement:
        result, agreement = detect_with_agreement(image, params, mask)
        rois = result.rois(mark).with_features(agreement=agreement)
    else:
        rois = detect(ScaleSpace.build(image, params), params, mask).rois(mark)
    return _with_recordings(rois, source) if isinstance(source, list) else rois


def _shape_of(source: StackOrAlignments) -> tuple[int, int]:
    """(Y, X) of the image that cells are looked for in."""
    if isinstance(source, Stack):
        return source.shape[2:]
    first = source[0] if isinstance(source, list) else source
    return first.transforms.shape


def _image(args: argparse.Namespace, source: StackOrAlignments) -> npt.NDArray[np.float32]:
    kind: ImageKind = args.image or "mean"
    frames = tuple(args.frames) if args.frames else None
    if not isinstance(source, list):
        job = source_image(source, kind, frames=frames, channel=args.channel)
        return run(job) if isinstance(source, Stack) and source.n_frames == 1 else drain(job)
    if len(source) == 1 and frames:
        return drain(source_image(source[0], kind, frames=frames, channel=args.channel))
    if frames:
        raise InputError(
            f"--frames is for one recording, not for the {len(source)} of a session: give "
            f"the .zalign of one of them."
        )
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
        n_valid = f"{column.sum()} of {counted(len(rois), 'ROI')}"
        print(f"Recording {number}, {alignment.stack.name}: {n_valid} in view throughout")
    return rois.with_features(valid_in=valid_numbers(valid))
