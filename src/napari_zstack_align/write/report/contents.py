"""What a report says of an alignment: the verdict, the frames, and how it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.fingerprint import fingerprint
from napari_zstack_align.alignment.raw_frames import MissingSource
from napari_zstack_align.alignment.summary import (
    NOISE_LIMIT,
    count,
    doubt_of_likeness,
    none_judged,
    remarks_on,
    summary_of,
)
from napari_zstack_align.counting import are, counted, ranges
from napari_zstack_align.fields import fields_of
from napari_zstack_align.flags import are_flagged
from napari_zstack_align.params import Params
from napari_zstack_align.progress import Job, Progress
from napari_zstack_align.read import describe
from napari_zstack_align.remark import counted_warnings, n_warnings
from napari_zstack_align.write.report.charts import Line, Values, chart
from napari_zstack_align.write.report.command import NO_COMMAND, beside_the_command, command_of
from napari_zstack_align.write.report.page import (
    Html,
    element,
    joined,
    paragraph,
    section,
    table,
    text,
)

Kind: TypeAlias = Literal["good", "doubtful", "wrong"]

CHUNK_COLUMNS = (
    *("chunk", "start", "stop", "method", "n_inliers", "correlation_before"),
    *("correlation_after", "residual_px", "flag", "detail"),
)
AT_ONCE = 500
"""Frames that are followed between two reports of progress."""
MOST_LETTERS = 300
"""Of a longer list of frames, the first ones are named."""
MOST_CHUNKS = 60
"""Of more chunks, so many at most of those that are flagged are listed."""


def verdict(alignment: Alignment) -> tuple[Kind, str]:
    """Say in a sentence whether the result can be relied on.

    Returns
    -------
    kind : {'good', 'doubtful', 'wrong'}
    sentence : str
    """
    remarks, counts = remarks_on(alignment), count(alignment.quality)
    serious = [remark for remark in remarks if remark.is_serious]
    n_frames = counted(len(alignment.quality), "frame")
    if serious:
        return "wrong", f"The result looks wrong as a whole. {serious[0]}"
    if counts.flagged == len(alignment.quality):
        return "wrong", f"Each of the {n_frames} is flagged: none of them can be relied on."
    if not alignment.complete:
        return "doubtful", f"Not all of it was run: {counts.good} of {n_frames} are judged."
    if none_judged(alignment.quality):
        return "doubtful", "No frame was judged: look at the images."
    doubts = [counted_warnings(remarks)] if n_warnings(remarks) else []
    if counts.flagged:
        doubts.append(f"{counts.flagged:,} of {n_frames} {are(counts.flagged)} flagged")
    if counts.not_judged:
        doubts.append(f"{counts.not_judged:,} of {n_frames} could not be judged")
    if doubts:
        return "doubtful", f"{', '.join(doubts)}: see below."
    if doubt := doubt_of_likeness(alignment.quality, alignment.provenance.get(NOISE_LIMIT)):
        return "doubtful", f"The aligned frames are alike {doubt}."
    return "good", f"All {n_frames} were judged, and none is flagged."


def verdicts(alignments: Sequence[Alignment]) -> Html:
    """The verdicts on the recordings of a session, beside one another; '' for one alone."""
    if len(alignments) < 2:
        return Html("")
    each = [(alignment.stack.name, *verdict(alignment)) for alignment in alignments]
    said = [paragraph(f"{name}: {words}", f"verdict {kind}") for name, kind, words in each]
    return section("Recordings", *said)


def found(alignment: Alignment) -> Html:
    """Verdict, summary and remarks."""
    kind, sentence = verdict(alignment)
    lines = summary_of(alignment).splitlines()
    return joined(
        [
            paragraph(sentence, f"verdict {kind}"),
            paragraph(describe(alignment.stack), "faint"),
            *(paragraph(line.strip()) for line in lines),
        ]
    )


def charts(alignment: Alignment) -> Job[Html]:
    """Motion and likeness of every frame, over time where it is known."""
    quality = alignment.quality
    x, x_label = _places(alignment)
    flagged, after = are_flagged(quality["flag"]), _as_values(quality["correlation_after"])
    moved = yield from _motion(alignment)
    motion = [Line("down (dy)", moved[:, 0], "before"), Line("right (dx)", moved[:, 1], "after")]
    likeness = [
        Line("raw", _as_values(quality["correlation_before"]), "before"),
        Line("aligned", after, "after"),
    ]
    limit = alignment.provenance.get(NOISE_LIMIT)
    if isinstance(limit, float) and np.isfinite(after).any():
        likeness.append(Line("noise allows", np.full(len(x), limit), "third"))
    return section(
        "Frames",
        chart(
            "Motion: how far the middle lies from its place in the reference (px)",
            x,
            x_label,
            motion,
            flagged,
        ),
        chart(
            f"Correlation {_compared(alignment)}; 'noise allows': what their "
            f"photons allow at best, about",
            x,
            x_label,
            likeness,
            flagged,
        ),
        _flags(alignment),
    )


def chunks(alignment: Alignment) -> Html:
    """How the chunks of a recording were matched; '' for a z-stack."""
    if alignment.chunks is None:
        return Html("")
    flagged = are_flagged(alignment.chunks["flag"])
    shown = alignment.chunks
    note = Html("")
    if len(shown) > MOST_CHUNKS:
        shown = shown[flagged][:MOST_CHUNKS]
        n_flagged = int(flagged.sum())
        note = paragraph(
            f"{counted(len(flagged), 'chunk')}, of which {n_flagged or 'none'} "
            f"{are(max(n_flagged, 1))} flagged. The first {MOST_CHUNKS} of these at most are "
            f"listed.",
            "faint",
        )
    columns = {name: [_cell(value) for value in shown[name]] for name in CHUNK_COLUMNS}
    told = {name: cells for name, cells in columns.items() if any(cells)}
    rows = [*zip(*told.values(), strict=True)]
    header = [name.replace("_", " ") for name in told]
    return section("Chunks", note, table(rows, header) if rows else Html(""))


def made(alignment: Alignment) -> Html:
    """Parameters, versions, files and their digest."""
    return joined(
        [
            section("Parameters", *_parameters(alignment.params)),
            section("Raw frames", table(_raw_frames(alignment))),
            section("Made by", table(_made_by(alignment))),
        ]
    )


def again(alignments: Sequence[Alignment]) -> Html:
    """The command that makes them again."""
    command = command_of(alignments)
    if not command:
        return section("The same again", paragraph(NO_COMMAND, "faint"))
    beside = [paragraph(sentence, "faint") for sentence in beside_the_command(alignments)]
    return section("The same again", element("pre", text(command)), *beside)


def _compared(alignment: Alignment) -> str:
    """What the correlations of frames are of."""
    if alignment.chunks is not None:
        return "of the chunk with the mean of the others"
    one_each = alignment.stack.most_repeats == 1
    others = "with the mean of the other aligned repeats of its slice"
    return "with the reference" if one_each else others


def _places(alignment: Alignment) -> tuple[Values, str]:
    """Where the frames lie along a chart, and what that is."""
    times = alignment.stack.acquisition.times_s
    if np.isfinite(times).all() and (np.diff(times) > 0).all():
        return (times / 60, "time (min)") if times[-1] > 300 else (times, "time (s)")
    return np.arange(len(alignment.quality), dtype=np.float64), "frame"


def _motion(alignment: Alignment) -> Job[Values]:
    """(T, 2) how far the middle of the reference lies from its place in each raw frame."""
    transforms = alignment.transforms
    middle = np.array([[(n - 1) / 2 for n in transforms.shape]])
    moved = np.full((len(transforms), 2), np.nan)
    placed = np.flatnonzero(alignment.placed & ~alignment.stack.lacks_pixels)
    for k, t in enumerate(map(int, placed)):
        moved[t] = transforms.to_raw(middle, t)[0] - middle[0]
        if k % AT_ONCE == 0:
            yield Progress("Following the middle of the image", k, len(placed))
    return moved


def _as_values(column: npt.NDArray[np.floating[Any]]) -> Values:
    return column.astype(np.float64)


def _flags(alignment: Alignment) -> Html:
    """Which frames are flagged, and why."""
    quality = alignment.quality
    codes = quality["flag"][are_flagged(quality["flag"])]
    rows = []
    for code in dict.fromkeys(codes.tolist()):
        frames = alignment.stack.acquisition.numbers[quality["flag"] == code]
        rows.append((code, counted(len(frames), "frame"), _shortened(ranges(frames.tolist()))))
    return table(rows, ("flag", "", "raw frames, from 0")) if rows else Html("")


def _shortened(listed: str) -> str:
    if len(listed) <= MOST_LETTERS:
        return listed
    return f"{listed[:MOST_LETTERS].rpartition(',')[0]}, …"


def _cell(value: object) -> str:
    if isinstance(value, np.floating):
        return "" if np.isnan(value) else f"{value:.3f}"
    return str(value)


def _parameters(params: Params) -> tuple[Html, Html]:
    """Those that were changed; the others are folded away."""
    changed, others = [], []
    for field in fields_of(type(params)):
        value = getattr(params, field.name)
        words = "none" if value in (None, (), "") else field.word_for(value)
        if field.name in params.changed():
            changed.append((field.title, words, field.default_in_words()))
        else:
            others.append((field.title, words))
    shown = paragraph("All have their defaults.")
    if changed:
        shown = table(changed, ("parameter", "value", "default"))
    title = element("summary", text(f"{counted(len(others), 'parameter')} with their defaults"))
    return shown, element("details", joined([title, table(others)]))


def _raw_frames(alignment: Alignment) -> list[tuple[str, str]]:
    stack = alignment.stack
    gone = stack.source.raw if isinstance(stack.source, MissingSource) else None
    rows = [("name", stack.name), *(("file", str(path)) for path in stack.paths)]
    if gone is not None:
        rows += [("file, gone or changed since", each.path) for each in gone.inputs]
    rows.append(("shape (T, C, Y, X)", f"{' × '.join(map(str, stack.shape))} {stack.dtype}"))
    if stack.started_at is not None:
        rows.append(("started", stack.started_at.isoformat(sep=" ", timespec="seconds")))
    rows += [(name, str(value)) for name, value in stack.said.arguments().items()]
    digest = (fingerprint(stack) if gone is None else gone.stack.fingerprint) or "unknown"
    return [*rows, ("SHA-256 of shape and type, first, middle and last frame", digest)]


def _made_by(alignment: Alignment) -> list[tuple[str, str]]:
    described = alignment.provenance
    versions = described.get("versions", {})
    rows = [
        ("program", str(described.get("written_by", ""))),
        *((name, str(version)) for name, version in versions.items()),
        ("began", str(described.get("started", ""))),
        ("ended", str(described.get("finished", ""))),
    ]
    if alignment.mask is not None:
        rows.append(
            ("mask", f"covers {100 * float(np.mean(alignment.mask > 0)):.1f} % of the field")
        )
    return [(name, value) for name, value in rows if value]
