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
