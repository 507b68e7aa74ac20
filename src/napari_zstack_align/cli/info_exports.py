"""What ``zstack-align info`` says of files that ``export`` and ``batch`` wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from napari_zstack_align.cli.batch_results import RESULTS_TABLE, read_results
from napari_zstack_align.cli.info_found import Found
from napari_zstack_align.counting import counted
from napari_zstack_align.saved import shape_of_npy
from napari_zstack_align.write.cells.imagej import is_imagej_export
from napari_zstack_align.write.cells.npy import is_npz_export
from napari_zstack_align.write.cells.nwb import is_nwb_export
from napari_zstack_align.write.transforms import is_transforms_export

EXPORTS: dict[str, tuple[Callable[[Path], bool], str]] = {
    ".nwb": (is_nwb_export, "traces of cells (NWB)"),
    ".npz": (is_npz_export, "ROIs, and perhaps their traces (NumPy)"),
    ".zip": (is_imagej_export, "ROIs for ImageJ"),
}
"""By ending: whether a file is such an export, and what it holds."""
_READ_NO_MORE = (
    "It was made by 'zstack-align export', for other programs; this one opens what was saved "
    "before (NAME.zalign, a folder of traces, a table of ROIs)."
)


def export_at(path: Path) -> Found | None:
    """Describe a file that this program wrote for people or other programs; None for others."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".npy") and is_transforms_export(path):
        return _transforms(path)
    if suffix == ".csv" and RESULTS_TABLE.may_be(path):
        return _of_batch(path)
    is_export, what = EXPORTS.get(suffix, (lambda _: False, ""))
    if not is_export(path):
        return None
    return Found("export", [f"{path} is an export: {what}. {_READ_NO_MORE}"], {"holds": what})


def _transforms(path: Path) -> Found:
    if path.suffix.lower() == ".npy":
        number = shape_of_npy(path)[0]
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            number = sum(1 for line in file if line.strip()) - 1
    words = (
        f"{path} is a table of transforms: the matrix of each of {counted(number, 'frame')}. A "
        f"matrix takes a position (y, x, 1) in the reference to where it lies in the raw frame, in "
        f"px. {_READ_NO_MORE}"
    )
    return Found("transforms", [words], {"frames": number})


def _of_batch(path: Path) -> Found:
    rows = read_results(path)
    states = Counter(row["state"] for row in rows)
    told = ", ".join(f"{number} {state}" for state, number in states.items())
    lines = [
        f"{path} is the table of results of 'zstack-align batch': {counted(len(rows), 'row')}"
        f"{told and f' ({told})'}."
    ]
    for row in rows:
        message = f": {row['message']}" if row["message"] else ""
        lines.append(f"  {row['name']} ({row['out']}) {row['state']}{message}")
    return Found("results of a batch", lines, {"rows": rows})
