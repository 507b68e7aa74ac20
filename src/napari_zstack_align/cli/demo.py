"""``zstack-align demo``: a generated z-stack becomes a sharp volume."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

from napari_zstack_align import saved
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.cli.apart import Writes
from napari_zstack_align.cli.bar import drain
from napari_zstack_align.cli.display import has_display, virtual_display
from napari_zstack_align.cli.pictures import write_before_after
from napari_zstack_align.cli.results import tell
from napari_zstack_align.cli.view import open_napari
from napari_zstack_align.csv_text import csv_bytes
from napari_zstack_align.errors import InputError
from napari_zstack_align.read import open_stack
from napari_zstack_align.register.adaptive import align_adaptive
from napari_zstack_align.samples import SampleZStack, endpoint_error, zstack_with_repeats
from napari_zstack_align.saved import Z_STACK, Kind, Subject, occupant_of, target_of
from napari_zstack_align.saved.disk import replace_in_one_step
from napari_zstack_align.saved.origin import Origin
from napari_zstack_align.stack import Stack
from napari_zstack_align.write.export import export_alignment, export_volume

RAW = "raw"
"""Name of the generated z-stack."""
VOLUME, BEFORE_AFTER, PICTURE = "volume.ome.tif", "before_after.png", "napari.png"
WRITTEN, COLUMNS = "written.csv", ("file", "sha256")
"""Table of what a demo has written."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.description = (
        "Align a generated z-stack with known motion, compare with the truth, and show the "
        "volume in napari; without a display, leave pictures instead."
    )
    parser.add_argument(
        "--out",
        action=Writes,
        beside=True,
        metavar="DIR",
        default=Path("demo"),
        help="folder to write [demo]",
    )
    parser.add_argument("--size", type=int, metavar="PX", default=512, help=argparse.SUPPRESS)
    parser.add_argument("--slices", type=int, metavar="N", default=10, help=argparse.SUPPRESS)
    parser.add_argument(
        "--headless", action="store_true", help="leave pictures even where there is a display"
    )
    parser.set_defaults(run=run_demo)


def run_demo(args: argparse.Namespace) -> bool:
    """Make the sample, align it, write everything, show it."""
    _make_folder(args.out)
    print(f"Making a z-stack of {args.slices} slices × 9 repeats with known motion")
    sample = zstack_with_repeats(n_slices=args.slices, size=args.size)
    out = target_of(args.out / "demo", Kind.ALIGNMENT)
    raw = args.out / f"{RAW}.ome.tif"
    mark = fingerprint(sample.stack)
    earlier = {raw: _is_sample(raw, mark), out: _is_demo(out, mark)}
    _check_free(*(path for path, of_demo in earlier.items() if of_demo is False))
    is_demo = any(earlier.values())
    written = Written(args.out)
    _check_free(
        *(args.out / name for name in (VOLUME, BEFORE_AFTER, PICTURE) if name not in written)
    )
    subject = Subject(what=Z_STACK, name=RAW, origin=Origin(((raw,),), lambda: mark))
    saved.check_target(out, Kind.ALIGNMENT, subject, overwrite=is_demo)
    stack = _on_disk(raw, sample.stack)
    start = perf_counter()
    alignment = drain(align_adaptive(stack))
    seconds = perf_counter() - start
    for path in _write(args.out, out, alignment):
        written.note(path)
        print(f"Wrote {path}")
    shown = not args.headless and has_display()
    if not shown:
        _screenshot(args.out / PICTURE, alignment)
        written.note(args.out / PICTURE)
    _report(sample, alignment, seconds)
    tell([alignment], named=False)
    if shown:
        print("Opening napari; close its window to end.")
        open_napari(alignment)
    return alignment.complete


class Written:
    """Which files of a folder are as a demo wrote them: the user's own may bear their names.

    Parameters
    ----------
    folder : pathlib.Path
        In which a table lists them, with their SHA-256.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._table = folder, folder / WRITTEN
        self._known = _listed(self._table)

    def __contains__(self, name: str) -> bool:
        path = self._folder / name
        return path.is_file() and self._known.get(name) == _digest(path)

    def note(self, path: Path) -> None:
        """List a file that was written just now; a folder says itself of what it is."""
        if path.is_file():
            self._known[path.name] = _digest(path)
            replace_in_one_step(self._table, csv_bytes(COLUMNS, self._known.items()))


def _listed(table: Path) -> dict[str, str]:
    try:
        lines = table.read_text("utf-8").splitlines()[1:]
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = (line.partition(",") for line in lines)
    return {name: digest for name, _, digest in pairs}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_sample(raw: Path, mark: str) -> bool | None:
    """Whether a file holds the frames of the sample; None: there is none."""
    if not raw.exists():
        return None
    try:
        return fingerprint(open_stack(raw)) == mark
    except InputError:
        return False


def _is_demo(out: Path, mark: str) -> bool | None:
    """Whether a result is of the frames of the sample; None: there is nothing of anyone."""
    there = occupant_of(out)
    if there.free:
        return None
    return there.manifest is not None and there.manifest.subject.origin.fingerprint == mark


def _check_free(*paths: Path) -> None:
    """Raise InputError where a file is there that no such demo has written."""
    for path in paths:
        if path.exists():
            raise InputError(
                f"{path} is there already, and not from a demo of this size: choose another folder "
                f"with --out."
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} can't be made: {error.strerror}.") from error


def _on_disk(path: Path, stack: Stack) -> Stack:
    """Write the frames and open them again, like a file from the microscope."""
    job = export_volume(
        path, stack.data[:, 0], "TYX", pixel_size_um=stack.pixel_size_um, overwrite=True
    )
    print(f"Wrote {drain(job)}")
    opened = open_stack(path, frames_per_slice=stack.frames_per_slice)
    return opened.replace(z_step_um=stack.z_step_um)


def _write(folder: Path, out: Path, alignment: Alignment) -> Iterator[Path]:
    yield alignment.save(out)
    yield drain(export_alignment(folder / VOLUME, alignment, overwrite=True))
    middle = alignment.stack.n_slices // 2
    yield write_before_after(folder / BEFORE_AFTER, alignment, middle)


def _screenshot(path: Path, alignment: Alignment) -> None:
    """Picture of napari with the result, on an invisible screen."""
    with virtual_display() as there:
        if not there:
            print("No picture of napari: there is neither a display nor Xvfb.")
            return
        try:
            from napari_zstack_align.gui.open import save_screenshot
        except ImportError as error:
            print(f"No picture of napari: {error}.")
            return
        save_screenshot(path, alignment)
        print(f"Wrote {path}")


def _report(sample: SampleZStack, alignment: Alignment, seconds: float) -> None:
    slices = sample.stack.slice_of_frame
    before = endpoint_error(lambda t: sample.displacement(t) * 0, sample.displacement, slices)
    after = endpoint_error(alignment.transforms.displacement, sample.displacement, slices)
    print(
        f"Mean error of the motion against the truth: {before.mean:.2f} px before, "
        f"{after.mean:.2f} px after (within a slice {before.within_slice:.2f}, "
        f"{after.within_slice:.2f}); {sample.stack.n_frames / seconds:.0f} frames/s"
    )
