"""`write_report`: what became of an alignment, in one file to look at and to keep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.checks import check_raw_files_stay
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.watched_frames import unchanged_frames
from napari_zstack_align.errors import InputError
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.write.replacing import replacing
from napari_zstack_align.write.report import contents
from napari_zstack_align.write.report.means import pairs_of
from napari_zstack_align.write.report.page import MARK, Html, joined, page, paragraph, section
from napari_zstack_align.write.report.pictures import compared
from napari_zstack_align.write.several import counted
from napari_zstack_align.write.target import check_export_target
from napari_zstack_align.write.writers import Writer

ENDING = ".html"
WRITER = Writer("report", "Report", (ENDING,), (), f"{__name__}:write_report", program="browsers")
"""For dialogs; it isn't among `WRITERS`, for it is no format of data."""
HEAD_BYTES = 2000
"""So far into a file the mark of a report stands."""


def write_report(
    path: str | Path,
    alignments: Alignment | Sequence[Alignment],
    *,
    overwrite: bool = False,
) -> Job[Path]:
    """Write a report of an alignment, or of a session: one HTML file that needs no other.

    It holds the verdict, means of raw and aligned frames under one contrast, sections along z,
    motion and correlation of every frame, flags, chunks, parameters, versions, a digest of the raw
    frames, and the command that makes the same again.

    Parameters
    ----------
    path : path
        Ends in .html.
    alignments : Alignment or sequence of Alignment
        One, or the recordings of a session. Where the raw files are gone, the report has no images.
    overwrite : bool
        Replace an earlier report.

    Returns
    -------
    generator of Progress
        Returns the path. Nothing stands under the name before it is complete, and a cancelled job
        leaves nothing behind.

    Raises
    ------
    InputError
        Where the name has another ending, is taken by something else, or can't be written; where a
        raw frame can't be read, or isn't the one any more that was aligned.
    """
    path = Path(path)
    each = [alignments] if isinstance(alignments, Alignment) else list(alignments)
    if path.suffix.lower() != ENDING:
        raise InputError(f"A report is a page: its name must end in {ENDING}, not {path.name!r}.")
    if not each:
        raise InputError("There is no alignment to report on: give at least one.")
    for one in each:
        check_raw_files_stay(path, one.stack.paths)
    check_export_target(path, overwrite, is_report)
    return _written(path, each, overwrite)


def is_report(path: Path) -> bool:
    """Whether a file is a report that `write_report` wrote."""
    try:
        with path.open("rb") as file:
            return MARK.encode() in file.read(HEAD_BYTES)
    except OSError:
        return False


def _written(path: Path, alignments: Sequence[Alignment], overwrite: bool) -> Job[Path]:
    parts = [contents.verdicts(alignments)]
    for index, alignment in enumerate(alignments):
        job = _of(alignment, with_name=len(alignments) > 1)
        parts.append((yield from counted(job, index, len(alignments))))
    title = alignments[0].stack.name
    if len(alignments) > 1:
        title = f"Session of {len(alignments)} recordings, from {title}"
    parts.append(contents.again(alignments))
    with replacing(path, overwrite) as unfinished:
        unfinished.write_text(page(title, parts), encoding="utf-8")
    return path


def _of(alignment: Alignment, with_name: bool) -> Job[Html]:
    """The part of one recording or z-stack."""
    yield Progress("Describing", 0, 0)
    name = alignment.stack.name if with_name else "Result"
    images = yield from _images(alignment)
    charts = yield from contents.charts(alignment)
    return joined(
        [
            section(name, contents.found(alignment)),
            section("Before and after", images),
            charts,
            contents.chunks(alignment),
            contents.made(alignment),
        ]
    )


def _images(alignment: Alignment) -> Job[Html]:
    if isinstance(alignment.stack.source, MissingSource):
        return paragraph("The raw files are gone or have changed: there are no images.", "faint")
    frames = unchanged_frames(alignment.stack, alignment.frame_digests)
    pairs = yield from pairs_of(alignment.with_stack(frames.stack, check_frames=False))
    frames.check_files()
    if not pairs:
        return paragraph("No frame was used: there are no images.", "faint")
    return joined([compared(pair.title, pair.before, pair.after) for pair in pairs])
