"""Files of ScanImage: the parts of one acquisition in its order, and others told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_zstack_align.counting import counted
from napari_zstack_align.errors import InputError
from napari_zstack_align.read.scanimage.header import Header
from napari_zstack_align.read.scanimage.texts import PageTexts
from napari_zstack_align.remark import Remark, as_notes, as_warnings

MOST_NAMED = 4


@dataclass(frozen=True)
class Part:
    """A file: its header, its rows among the pages of all, and the frames it holds.

    ``acquisition`` is NaN and ``first`` and ``last`` are None where the file doesn't say them.
    """

    path: Path
    header: Header
    rows: npt.NDArray[np.intp]
    acquisition: float
    first: int | None
    last: int | None

    def follows(self, other: Part) -> bool:
        """Whether it may be a later part of the same acquisition."""
        if not self.header.same_settings(other.header):
            return False
        if _differ(self.header.started_at, other.header.started_at):
            return False
        if (
            self.acquisition != other.acquisition
            and np.isfinite([self.acquisition, other.acquisition]).all()
        ):
            return False
        return self.first is None or other.last is None or self.first > other.last


def parts_of(
    paths: Sequence[Path],
    headers: Sequence[Header],
    per_file: npt.NDArray[np.intp],
    texts: PageTexts,
) -> list[Part]:
    """Describe each file by what its pages say."""
    borders = np.cumsum([0, *per_file])
    parts = []
    for i, (path, header) in enumerate(zip(paths, headers, strict=True)):
        rows = np.arange(borders[i], borders[i + 1])
        numbers, acquisition = texts.number[rows], texts.acquisition[rows[0]]
        is_known = bool(np.isfinite(numbers).all() and (np.abs(numbers) < 2**53).all())
        first, last = (int(numbers[0]), int(numbers[-1])) if is_known else (None, None)
        parts.append(Part(path, header, rows, float(acquisition), first, last))
    return parts


def acquisitions(parts: Sequence[Part]) -> tuple[list[list[Part]], tuple[Remark, ...]]:
    """Tell the acquisitions apart, each in its order.

    Raises
    ------
    InputError
        For z-stacks of several acquisitions: no slice of one is that of another.
    """
    found: list[list[Part]] = []
    for part in sorted(parts, key=lambda each: each.first or 0):
        group = next((group for group in found if part.follows(group[-1])), None)
        if group is None:
            found.append([part])
        else:
            group.append(part)
    place = {part.path: i for i, part in enumerate(parts)}
    found.sort(key=lambda group: min(place[part.path] for part in group))
    remarks = _on_the_order(found, place)
    if len(found) == 1:
        return found, remarks + _on_the_unknown(found[0])
    listed = "; ".join(_files_of(group, i) for i, group in enumerate(found[:MOST_NAMED]))
    more = f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
    what = f"The files are of {counted(len(found), 'acquisition')}: {listed}{more}"
    if any(part.header.has_slices for part in parts):
        raise InputError(f"{what}. Open the files of each acquisition by themselves.")
    warning = f"{what}. They were joined one behind the other: if they aren't one recording, open "
    return found, remarks + as_warnings(warning + "the files of each acquisition by themselves.")


def _on_the_order(found: list[list[Part]], place: dict[Path, int]) -> tuple[Remark, ...]:
    order = [place[part.path] for group in found for part in group]
    if order == sorted(order):
        return ()
    return as_notes("The files were put in the order of their frame numbers, not of their names.")


def _on_the_unknown(parts: list[Part]) -> tuple[Remark, ...]:
    """Warn where nothing shows that the files belong together."""
    if len(parts) == 1 or parts[0].first is not None or parts[0].header.started_at is not None:
        return ()
    return as_warnings(
        "The files don't say whether they are parts of one acquisition: they were joined in the "
        "order of their names."
    )


def _files_of(group: list[Part], index: int) -> str:
    number = group[0].acquisition
    names = [part.path.name for part in group]
    files = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    which = f"number {number:.0f}" if np.isfinite(number) else f"{index + 1}"
    started = group[0].header.started_at
    when = f", {started:%Y-%m-%d %H:%M:%S}" if started is not None else ""
    return f"{files} (acquisition {which}{when})"


def _differ(a: datetime | None, b: datetime | None) -> bool:
    """Whether two known starts are those of two acquisitions."""
    return a is not None and b is not None and abs((a - b).total_seconds()) > 1e-3
