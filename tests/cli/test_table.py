"""The table of a batch: paths, parameters, and what is wrong with it."""

from pathlib import Path

import pytest

from napari_zstack_align.cli.table import read_rows
from napari_zstack_align.errors import InputError
from napari_zstack_align.params import KeypointParams


def rows_of(tmp_path, text):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return read_rows(path, tmp_path / "out", KeypointParams)


def test_recordings_are_relative_to_the_table_and_patterns_in_natural_order(tmp_path):
    for name in ("a_10.tif", "a_2.tif", "b.tif"):
        (tmp_path / name).touch()
    (row,) = rows_of(tmp_path, f"name,recordings\nlarva,a_*.tif; {tmp_path / 'b.tif'}\n")
    assert [path.name for path in row.paths(tmp_path)] == ["a_2.tif", "a_10.tif", "b.tif"]
    assert (row.mask, row.out) == (None, tmp_path / "out" / "larva")


def test_a_recording_that_is_not_there(tmp_path):
    (row,) = rows_of(tmp_path, "name,recordings\nlarva,no_*.tif\n")
    with pytest.raises(InputError, match=r"There is no recording .*no_\*\.tif"):
        row.paths(tmp_path)


def test_columns_override_the_parameters(tmp_path):
    text = (
        "\ufeffname,recordings,out,mask,chunk_frames,transform,detect_steps,intensity_range,c_dog,\n"
        "a,a.tif,day1/a,m.tif,30,affine,no,54600 55000,0.01,\n"
        "b,b.tif,,,none,,,,,\n"
    )
    first, second = rows_of(tmp_path, text)
    base = KeypointParams(chunk_frames=50, seed=7)
    assert first.params(base) == KeypointParams(
        chunk_frames=30,
        seed=7,
        transform="affine",
        detect_steps=False,
        intensity_range=(54600, 55000),
        c_dog=0.01,
    )
    assert first.out == tmp_path / "out" / "day1" / "a"
    assert first.mask == tmp_path / "m.tif"
    assert second.params(base) == KeypointParams(seed=7)


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("chunk_frames", "many", "chunk_frames must be a whole number, not 'many'"),
        ("c_dog", "low", "c_dog must be a number, not 'low'.$"),
        ("c_dog", '"0,01"', "c_dog must be a number, not '0,01': write 0.01.$"),
        ("intensity_range", '"1,5 9,5"', "numbers separated by spaces, with a point for decimals"),
        ("detect_steps", "perhaps", "must be true or false"),
        ("intensity_range", "a b", "numbers separated by spaces"),
        ("chunk_frames", "4", "greater than or equal to 5"),
        ("transform", "bent", "transform"),
    ],
)
def test_values_that_are_none(tmp_path, column, text, said):
    (row,) = rows_of(tmp_path, f"name,recordings,{column}\na,a.tif,{text}\n")
    with pytest.raises(InputError, match=said):
        row.params(KeypointParams())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no rows"),
        ("name,recordings\n", "has no rows"),
        ("name,recordings,colour\na,a.tif,red\n", "unknown column 'colour'"),
        ("name\na\n", "Row 2 of .* needs a name and recordings"),
        ("name,recordings\na,a.tif\n,b.tif\n", "Row 3 of .* needs a name"),
        ("name,recordings\na,a.tif,b.tif\n", "Row 2 of .* more cells"),
        ("name,recordings\na,a.tif\na,b.tif\n", "Two rows of .* write to"),
    ],
    ids=["empty", "header", "column", "no recordings", "no name", "cells", "same"],
)
def test_a_malformed_table_gets_one_sentence(tmp_path, text, said):
    with pytest.raises(InputError, match=said):
        rows_of(tmp_path, text)


def test_no_table():
    with pytest.raises(InputError, match="There is no table"):
        read_rows(Path("no.csv"), Path(), KeypointParams)


def _link(out):
    (out / "a").mkdir(parents=True)
    (out / "linked").symlink_to("a", target_is_directory=True)


def _link_above(out):
    out.mkdir()
    (out / "disk").symlink_to(".", target_is_directory=True)


@pytest.mark.parametrize(
    ("made", "second"),
    [(_link, "linked"), (_link_above, "disk/a"), (None, "A"), (None, "./a")],
)
def test_two_rows_may_not_write_to_one_folder_by_any_name(made, second, tmp_path):
    if made is not None:
        made(tmp_path / "out")
    text = f"name,recordings,out\nfirst,a.tif,a\nsecond,b.tif,{second}\n"
    with pytest.raises(InputError, match=r"Two rows of .* write to"):
        rows_of(tmp_path, text)


def test_two_rows_write_to_folders_of_their_own(tmp_path):
    assert len(rows_of(tmp_path, "name,recordings,out\na,a.tif,a\nb,b.tif,b/a\n")) == 2


ROWS = "name;recordings;c_dog;intensity_range\r\nlärve;a.tif;0.01;1 9\r\n"


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + ROWS.encode("utf-16-be"),
        ROWS.replace(";", "\t").encode("utf-16"),
        ROWS.replace(";", ",").encode(),
        f"sep=;\r\n{ROWS}".encode(),
        ROWS.replace("\r\n", "\n").encode(),
    ],
    ids=["utf-8", "BOM", "utf-16", "big endian", "unicode text", "commas", "sep=", "unix"],
)
def test_tables_as_spreadsheet_programs_save_them(tmp_path, content, capsys):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    (row,) = read_rows(path, tmp_path / "out", KeypointParams)
    assert (row.name, row.recordings) == ("lärve", ("a.tif",))
    assert row.params(KeypointParams()) == KeypointParams(c_dog=0.01, intensity_range=(1, 9))
    assert capsys.readouterr().out == ""


def test_a_guessed_encoding_is_said(tmp_path, capsys):
    path = tmp_path / "table.csv"
    path.write_bytes(ROWS.encode("latin-1"))
    (row,) = read_rows(path, tmp_path / "out", KeypointParams)
    assert row.name == "lärve"
    assert capsys.readouterr().out == (
        f"Note: {path} isn't saved as UTF-8; it was read as Windows-1252 (Latin-1). If letters are "
        f"wrong in 'lärve;a.tif;0.01;1 9', save the table as 'CSV UTF-8'.\n"
    )


def test_several_recordings_in_a_table_with_semicolons(tmp_path):
    (row,) = rows_of(tmp_path, 'name;recordings\na;"a.tif;b.tif"\n')
    assert row.recordings == ("a.tif", "b.tif")
    with pytest.raises(InputError, match="use quotes around texts with semicolons"):
        rows_of(tmp_path, "name;recordings\na;a.tif;b.tif\n")


def test_a_decimal_comma_in_a_table_with_semicolons(tmp_path):
    (row,) = rows_of(tmp_path, "name;recordings;c_dog\na;a.tif;0,01\n")
    with pytest.raises(InputError, match=r"not '0,01': write 0\.01\.$"):
        row.params(KeypointParams())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04rest", "is an Excel workbook or another zip file, not a table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook or another Office file, not"),
        (b"II*\0\x08\0\0\0", "is a TIFF image, not a table"),
        (b"MM\0*\0\0\0\x08", "is a TIFF image, not a table"),
        (b"\x93NUMPY\x01\0", "is not a text file"),
        (ROWS.encode("utf-16-le"), "is not a text file"),
        ("\ufeffname".encode("utf-16-le") + b"\n", "is damaged"),
    ],
    ids=["xlsx", "xls", "tiff", "big tiff", "npy", "utf-16 without BOM", "cut"],
)
def test_what_is_no_table(tmp_path, content, said):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"^{path} {said}.*save the table as 'CSV UTF-8' and"):
        read_rows(path, tmp_path, KeypointParams)
