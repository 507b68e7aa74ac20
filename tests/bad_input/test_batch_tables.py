"""Tables of ``batch`` that can't be."""

# ruff: noqa: E501
from __future__ import annotations

from pathlib import Path

import pytest
from refusing import refused, refused_by_command

from napari_zstack_align.cli.table import read_rows
from napari_zstack_align.params import KeypointParams

TABLES: dict[str, bytes] = {
    "nothing": b"", "a blank": b" ", "a header alone": b"name,recordings\n", "zeros": bytes(99),
    "an unknown column": b"name,recordings,speed\na,b,3\n", "no name": b"recordings\nb\n",
    "no recordings": b"name\na\n", "a name missing": b"name,recordings\n,b\n",
    "recordings missing": b"name,recordings\na,\n", "semicolons alone": b"name,recordings\na,;;\n",
    "a cell too many": b"name,recordings\na,b,c\n", "two of a name": b"name,recordings\na,b\na,c\n",
    "two of an out": b"name,recordings,out\na,b,o\nc,d,o\n",
    "a zero byte": b"name,recordings\na\0,b\n",
    "a cell of 200 kB": b"name,recordings\n" + b"a" * 200_000 + b",b\n", "an open quote": b'name,recordings\n"a,b\n',
    "out above": b"name,recordings,out\na,b,../../etc\n", "name above": b"name,recordings\n../a,b\n",
    "name far above": b"name,recordings\n../../../../tmp/x,b\n", "name inside and out": b"name,recordings\na/../../b,b\n",
    "name of two dots": b"name,recordings\n..,b\n", "name of another system": b"name,recordings\n..\\\\a,b\n",
    "an image": b"II*\0" + bytes(60), "JSON": b'{"name": 1}\n3\n',
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(TABLES[name])
    refused(lambda: read_rows(path, tmp_path / "out", KeypointParams))
    refused_by_command(["batch", path], capsys)
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]


CELLS = [
    ("chunk_frames", "many"), ("chunk_frames", "1.5"), ("chunk_frames", "0"), ("chunk_frames", "nan"),
    ("transform", "bent"), ("seed", "x"), ("detect_steps", "perhaps"), ("max_shift_px", "inf"),
    ("max_shift_px", "-1"), ("max_rotation_deg", "much"), ("intensity_percentiles", "a b"),
    ("intensity_percentiles", "90 10"), ("intensity_percentiles", "1"), ("channel", "-1"),
    ("channel", "none"), ("transform", "=cmd"), ("max_keypoints", "1e9999"),
]  # fmt: skip


@pytest.mark.parametrize(("column", "cell"), CELLS)
def test_a_cell(column: str, cell: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f"name,recordings,{column}\na,b,{cell}\n")
    (row,) = read_rows(path, tmp_path, KeypointParams)
    refused(lambda: row.params(KeypointParams()))
