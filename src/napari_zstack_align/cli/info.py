"""``zstack-align info``: what a file holds, in words and for programs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from napari_zstack_align.cli.info_found import Found
from napari_zstack_align.cli.info_others import folder_of_results, other_at
from napari_zstack_align.cli.info_saved import tell_saved
from napari_zstack_align.cli.inputs import add_stack_arguments, check_exist, open_from
from napari_zstack_align.counting import ranges
from napari_zstack_align.errors import InputError
from napari_zstack_align.microscope import check_pixels
from napari_zstack_align.progress import run
from napari_zstack_align.read import (
    LayoutProposal,
    LayoutReport,
    check_layout,
    describe,
    propose_layout,
    remarks_on,
)
from napari_zstack_align.saved import kind_of
from napari_zstack_align.settings import in_flags
from napari_zstack_align.stack import Stack

NEXT_STEP = (
    "The files don't say whether this is a z-stack: --propose suggests a layout from the frames. "
    "A recording of one plane goes to 'zstack-align keypoints', as it is."
)

OF_PLANES = (
    "A recording of several planes is opened by one of them, --plane 0 to --plane {last}; "
    "'zstack-align keypoints --plane all' registers each. A z-stack goes to "
    "'zstack-align adaptive'."
)
FEWEST_OF_RECORDING = 20
"""Volumes from which it may be a recording: so many frames a plane fill the shortest chunk."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Say what a file holds: slices, repeats, channels and sizes; or what a saved result is of, "
        "how it came out, and with which parameters."
    )
    add_stack_arguments(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable facts")
    parser.add_argument(
        "--propose",
        action="store_true",
        help="suggest a layout from the frames, or check the one given (reads some of them)",
    )
    parser.set_defaults(run=run_info)


def run_info(args: argparse.Namespace) -> bool:
    """Print words or JSON."""
    if len(args.files) == 1 and (kind := kind_of(args.files[0])) is not None:
        check_exist(args.files)
        tell_saved(args.files[0], kind, args.json)
        return True
    if len(args.files) == 1 and (found := other_at(args.files[0])) is not None:
        _tell_found(args.files[0], found, args.json)
        return True
    try:
        stack = open_from(args)
    except InputError as error:
        results = folder_of_results(args.files[0], str(error)) if len(args.files) == 1 else None
        if results is None:
            raise
        _tell_found(args.files[0], results, args.json)
        return True
    facts = facts_of(stack)
    pixels = run(check_pixels(stack))
    facts["pixels"] = pixels.facts()
    facts["remarks"] = (*facts["remarks"], *pixels.remarks)
    proposal = _evidence(stack) if args.propose else None
    if isinstance(proposal, LayoutProposal):
        facts["proposed_frames_per_slice"] = proposal.frames_per_slice
        facts["proposed_order"] = proposal.order
    if proposal is not None:
        facts["looks_like"], facts["evidence"] = proposal.looks_like, proposal.reason
    if args.json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))
        return True
    print(describe(stack))
    for remark in facts["remarks"]:
        print(in_flags(remark.labelled))
    if isinstance(proposal, LayoutProposal):
        print(in_flags(proposal.words))
    elif proposal is not None:
        print(in_flags(_of_the_given(proposal)))
    elif stack.frames_per_slice is None:
        if stack.said.plane is None:
            print(NEXT_STEP)
    elif stack.order != "repeats" and stack.most_repeats >= FEWEST_OF_RECORDING:
        print(OF_PLANES.format(last=stack.n_slices - 1))
    return True


def _tell_found(path: Path, found: Found, as_json: bool) -> None:
    """Say what is there that is no image."""
    if as_json:
        facts = {"kind": found.kind, "path": str(path), **found.facts}
        print(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        print("\n".join(found.lines))


def _evidence(stack: Stack) -> LayoutProposal | LayoutReport:
    """Look for a layout, or check the one that the file or the flags give."""
    if stack.frames_per_slice is None:
        return run(propose_layout(stack))
    return run(check_layout(stack))


def _of_the_given(report: LayoutReport) -> str:
    """Say whether the frames look like the layout that is given, which stays as it is."""
    if report.warning:
        return report.warning
    does = "fits the frames" if report.verdict == "plausible" else "can't be told from the frames"
    return f"The layout {does}. {report.reason}"


def facts_of(stack: Stack) -> dict[str, Any]:
    """Return what is known of a stack, for JSON."""
    n_frames, n_channels, n_rows, n_columns = stack.shape
    return {
        "name": stack.name,
        "files": [str(path) for path in stack.paths],
        "shape_tcyx": [n_frames, n_channels, n_rows, n_columns],
        "dtype": stack.dtype.name,
        "frames_per_slice": stack.frames_per_slice,
        "order": stack.order,
        "n_slices": None if stack.frames_per_slice is None else stack.n_slices,
        "pixel_size_um_yx": stack.pixel_size_um,
        "z_step_um": stack.z_step_um,
        "frame_interval_s": stack.frame_interval_s,
        **_times_of(stack),
        "channel_names": stack.channel_names,
        "remarks": (*stack.remarks, *remarks_on(stack)),
    }


def _times_of(stack: Stack) -> dict[str, Any]:
    """Which raw frames there are, and when the first and the last of them were recorded."""
    _, times, dates = stack.acquisition.take([0, -1]).columns()
    return {
        "raw_frames": ranges(stack.numbers.tolist()),
        "dropped_frames": list(stack.dropped),
        "missing_frames": list(stack.missing),
        "started_at": None if stack.started_at is None else stack.started_at.isoformat(),
        "first_frame_s": times[0],
        "last_frame_s": times[1],
        "first_frame_at": dates[0] or None,
        "last_frame_at": dates[1] or None,
    }
