"""Codes of faults and their sentences, in tables of this version and of older ones."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.tables import read_table, table_bytes
from napari_zstack_align.cells.traces.traces import FRAMES
from napari_zstack_align.flags import (
    CODE_LENGTH,
    DETAIL_LENGTH,
    Fault,
    Flag,
    are_flagged,
    count_by_flag,
    fault_of,
    mark,
    mark_each,
    shown,
)
from napari_zstack_align.zshift.zshift import QUALITY

TORN = Fault(Flag.TORN, "torn: the sample jumped, they say")
EMPTY = {
    "slices": lambda n: empty_table(n, "slice"),
    "chunked frames": lambda n: empty_table(n, "chunk"),
    "chunks": empty_chunks,
    "depths": lambda n: np.zeros(n, QUALITY),
    "traces": lambda n: np.zeros(n, FRAMES),
}


@pytest.fixture(params=EMPTY.values(), ids=EMPTY)
def empty(request):
    return request.param


@pytest.fixture
def file(tmp_path):
    return tmp_path / "table.csv"


def without_detail(table: np.ndarray, sentences: list[str]) -> np.ndarray:
    """Make the table as it was before there was a detail: sentences in the column 'flag'."""
    columns = [
        ("flag", "U96")
        if name == "flag"
        else (name, *table.dtype[name].subdtype)
        if table.dtype[name].subdtype
        else (name, table.dtype[name])
        for name in table.dtype.names
        if name != "detail"
    ]
    old = np.zeros(len(table), columns)
    for name in old.dtype.names:
        old[name] = sentences if name == "flag" else table[name]
    return old


# -- a table in memory -------------------------------------------------------------------------


def test_every_code_fits_and_reads_as_words():
    assert max(map(len, Flag)) <= CODE_LENGTH
    assert all(flag == flag.lower() and ":" not in flag for flag in Flag)


def test_the_docs_list_every_code():
    page = Path(__file__).parents[1] / "docs" / "flags.md"
    cells = re.findall(r"^\| ([a-z* ()]+) \|.*\|.*\|$", page.read_text("utf-8"), re.MULTILINE)
    assert cells[1:] == ["*(empty)*", *[str(flag) for flag in Flag if flag]]


def test_faults_are_written_into_rows_and_read_from_them(empty):
    table = empty(4)
    mark(table, TORN)
    assert [fault_of(row) for row in table] == [TORN] * 4
    mark(table, None, np.array([True, False, False, False]))
    mark(table[1], Fault(Flag.BLANK, ""))
    mark_each(table[2:], [None, TORN])
    assert [fault_of(row) for row in table] == [None, Fault(Flag.BLANK, ""), None, TORN]
    assert [shown(row) for row in table] == ["", "blank", "", TORN.detail]


def test_what_was_not_run_is_not_counted():
    flags = np.array(["torn", "", "not run", "blank", "torn"])
    assert are_flagged(flags).tolist() == [True, False, False, True, True]
    assert count_by_flag(flags) == {"blank": 1, "torn": 2}
    assert count_by_flag(flags[1:2]) == {}


def test_a_long_message_keeps_its_beginning_and_its_end(empty):
    table = empty(1)
    path = "/data/" + "folder/" * 40 + "file.tif"
    mark(table, Fault(Flag.UNREADABLE, f"unreadable: {path}\n can't be read: no such file"))
    detail = str(table["detail"][0])
    assert len(detail) == DETAIL_LENGTH
    assert detail.startswith("unreadable: /data/folder/")
    assert " … " in detail
    assert detail.endswith("file.tif can't be read: no such file")


# -- tables on disk ----------------------------------------------------------------------------


def test_codes_and_details_come_back(empty, file):
    table = empty(5)
    faults = [TORN, None, Fault(Flag.BLANK, ""), Fault(Flag.OTHER, 'a "comma", here'), None]
    mark_each(table, faults)
    table["flag"][4] = Flag.NOT_RUN
    file.write_bytes(table_bytes(table))
    read = read_table(file, lambda _, n: empty(n))
    for name in table.dtype.names:
        np.testing.assert_array_equal(read[name], table[name])


OLD = {
    "": Flag.GOOD,
    "not run": Flag.NOT_RUN,
    "unreadable: [Errno 5] bad sector": Flag.UNREADABLE,
    "no signal: every pixel is NaN": Flag.NO_SIGNAL,
    "no signal: the repeats don't resemble one another": Flag.NO_SIGNAL,
    "saturated: 31% of the pixels": Flag.SATURATED,
    "implausible: the field folds the image": Flag.IMPLAUSIBLE,
    "torn: the sample jumped while the frame was scanned": Flag.TORN,
    "left out: correlation 0.04, median of the slice 0.97": Flag.LOW_CORRELATION,
    "outlier: its mean intensity": Flag.UNUSUAL_BRIGHTNESS,
    "outlier: a correlation of 0.20": Flag.LOW_CORRELATION,
    "fast motion: 9.8 px off its neighbours": Flag.FAST_MOTION,
    "beyond the last midpoint: the trend was held": Flag.EXTRAPOLATED,
    "bridged: too few matches: 1 in the mask": Flag.BRIDGED,
    "bridged: marked as bad": Flag.BRIDGED,
    "no chunk of the recording could be matched: too few matches: 0 in the mask": Flag.UNMATCHED,
    "probably another plane": Flag.ANOTHER_PLANE,
    "too few keypoints: 3 in the mask of the chunk": Flag.TOO_FEW_KEYPOINTS,
    "too few matches: 3 for a hypothesis of RANSAC": Flag.TOO_FEW_MATCHES,
    "too few inliers: 3 of 40 matches": Flag.TOO_FEW_INLIERS,
    "implausible transform: a rotation of 40°": Flag.IMPLAUSIBLE,
    "nothing to compare: chunk and reference don't overlap in the mask": Flag.NO_OVERLAP,
    "lower correlation after (0.30) than before (0.50)": Flag.NOT_IMPROVED,
    "no likeness to the reference: a correlation of 0.02": Flag.UNLIKE_REFERENCE,
    "a correlation of 0.20, where 0.60 is usual": Flag.LOW_CORRELATION,
    "no frames": Flag.NO_FRAMES,
    "saturated": Flag.SATURATED,
    "outlier": Flag.UNUSUAL_BRIGHTNESS,
    "marked as bad": Flag.MARKED_BAD,
    "outside the stack": Flag.OUTSIDE,
    "blank": Flag.BLANK,
    "low confidence": Flag.LOW_CONFIDENCE,
    "what a colleague typed": Flag.OTHER,
}
"""Every sentence that the first schema had, and the code that it has now."""


def test_old_tables_get_codes_and_keep_their_sentences(empty, file):
    file.write_bytes(table_bytes(without_detail(empty(len(OLD)), list(OLD))))
    read = read_table(file, lambda _, n: empty(n))
    assert dict(zip(OLD, read["flag"], strict=True)) == OLD
    details = ["" if text == "not run" else text for text in OLD]
    assert read["detail"].tolist() == details


def test_a_code_of_a_newer_version_is_kept_as_other(empty, file):
    table = empty(2)
    table["flag"], table["detail"] = "eaten by a fish", ["", "eaten: by a fish"]
    file.write_bytes(table_bytes(table))
    read = read_table(file, lambda _, n: empty(n))
    assert read["flag"].tolist() == [Flag.OTHER] * 2
    assert read["detail"].tolist() == ["eaten by a fish", "eaten: by a fish"]
