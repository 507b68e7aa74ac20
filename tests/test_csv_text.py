from __future__ import annotations

import csv
import io

import pytest

from napari_zstack_align.csv_text import as_it_was, csv_cell, csv_text, harmless


def test_a_table_reads_back() -> None:
    rows = [[1, "a, b", 0.5], [2, 'said "no"', ""]]
    text = csv_text(("id", "name", "value"), rows)
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["id", "name", "value"],
        ["1", "a, b", "0.5"],
        ["2", 'said "no"', ""],
    ]


@pytest.mark.parametrize("text", ["plain", "a, b", 'said "no"', "two\nlines", "", "µm"])
def test_a_cell_reads_back(text: str) -> None:
    line = f"1,{csv_cell(text)},2"
    assert list(csv.reader(io.StringIO(line, newline=""))) == [["1", text, "2"]]


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+cmd", "-2+3", "\tx", "\r=1"])
def test_no_spreadsheet_takes_a_text_for_a_formula(text):
    assert harmless(text) == f"'{text}"
    assert as_it_was(harmless(text)) == text
    assert csv_cell(text).lstrip('"').startswith("'")


@pytest.mark.parametrize("cell", [-1.5, "-1.5", "+3", "-inf", "", "a=b", "'quoted'", None, True])
def test_numbers_and_other_texts_stay(cell):
    assert harmless(cell) == cell
