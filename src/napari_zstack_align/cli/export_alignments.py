"""``zstack-align export`` of an alignment or a session: pixels and transforms."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.session import load_saved
from napari_zstack_align.cli.apart import Output, check_outputs_apart
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.writing import write
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_stack
from napari_zstack_align.write.export import IMAGES, export_alignment, export_session
from napari_zstack_align.write.several import destinations_of
from napari_zstack_align.write.transforms import write_session_transforms, write_transforms
from napari_zstack_align.write.writers import Takes, target_named


def export_alignments(args: argparse.Namespace, path: Path) -> bool:
    """Write; return whether every frame of the alignments had been run."""
    if args.out is None and args.transforms is None:
        raise InputError("Say what to write: give --out or --transforms.")
    stack = None if args.stack is None else open_stack(args.stack)
    saved = load_saved(path, stack)
    if isinstance(saved, Alignment):
        _one(args, saved)
        tell([saved], named=False)
        return saved.complete
    if args.what == "volume":
        raise InputError(f"{path} is a session of recordings: they have no volume.")
    _session(args, saved)
    tell(saved)
    return all(alignment.complete for alignment in saved)


def _one(args: argparse.Namespace, alignment: Alignment) -> None:
    paths = [path for path in (args.out, args.transforms) if path is not None]
    check_outputs_apart(args, [Output(target_named(path), is_whole=True) for path in paths])
    options = {"crop": args.crop, "overwrite": args.overwrite}
    job = args.out and export_alignment(args.out, alignment, args.what, **options)
    if args.transforms is not None:
        print(f"Wrote {write_transforms(args.transforms, alignment, overwrite=args.overwrite)}")
    if job:
        before = [] if args.transforms is None else [target_named(args.transforms)]
        targets = [target_named(args.out)]
        print(f"Wrote {write(job, targets, overwrite=args.overwrite, before=before)}")


def _session(args: argparse.Namespace, alignments: Sequence[Alignment]) -> None:
    images = destinations_of(args.out, alignments, *IMAGES) if args.out else []
    tables = (
        destinations_of(args.transforms, alignments, Takes.TRANSFORMS) if args.transforms else []
    )
    outputs = [Output(each.target, is_whole=True) for each in (*images, *tables)]
    check_outputs_apart(args, outputs)
    options = {"crop": args.crop, "overwrite": args.overwrite}
    job = args.out and export_session(args.out, alignments, **options)
    if args.transforms is not None:
        written = write_session_transforms(args.transforms, alignments, overwrite=args.overwrite)
        for path in written:
            print(f"Wrote {path}")
    if job:
        targets, before = [each.target for each in images], [each.target for each in tables]
        for path in write(job, targets, overwrite=args.overwrite, before=before):
            print(f"Wrote {path}")
