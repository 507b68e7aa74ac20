"""ROIs: ids for life, changes by hand, a table on disk."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_zstack_align import InputError, Rois, load_rois

CIRCLES = [[10.0, 20.5, 3.0], [30.25, 4.0, 2.5], [7.0, 7.0, 1.0]]


@pytest.fixture
def rois():
    return Rois.of(
        CIRCLES,
        slices=[[0, 3], [-1, -1], [2, 2]],
        features={
            "strength": [0.5, np.nan, 0.1],
            "agreement": [3, 1, 2],
            "kind": ["a", "b, c", "d\ne"],
            "by_hand": [False, True, False],
        },
    )


def assert_same(a, b):
    for name in ("circles", "ids", "slices"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert list(a.features) == list(b.features)
    for name, values in a.features.items():
        assert values.dtype.kind == b.features[name].dtype.kind
        np.testing.assert_array_equal(values, b.features[name])
    assert a.last_id == b.last_id


class TestIds:
    def test_they_begin_with_1(self, rois):
        assert rois.ids.tolist() == [1, 2, 3]

    def test_a_deleted_one_is_not_given_again(self, rois):
        more = rois.without(3).without([1]).added((1, 2, 3))
        assert more.ids.tolist() == [2, 4]
        assert more.without([2, 4]).added((1, 2, 3)).ids.tolist() == [5]

    def test_nor_after_the_file_was_read_again(self, rois, tmp_path):
        rois.without(3).save(tmp_path / "rois.csv")
        again = load_rois(tmp_path / "rois.csv")
        assert again.added((1, 2, 3)).ids.tolist() == [1, 2, 4]

    def test_moving_keeps_them(self, rois):
        moved = rois.moved(2, (5, 6)).moved(3, (1, 2, 9))
        assert moved.ids.tolist() == [1, 2, 3]
        assert moved.circles.tolist() == [CIRCLES[0], [5, 6, 2.5], [1, 2, 9]]
        assert moved.features["by_hand"].tolist() == [False, True, True]
        assert rois.circles.tolist() == CIRCLES

    def test_one_that_is_not_there(self, rois):
        for change in (lambda: rois.moved(9, (1, 1)), lambda: rois.without(9), lambda: rois.row(9)):
            with pytest.raises(InputError, match="no ROI 9"):
                change()


def test_added_by_hand(rois):
    more = rois.added((1, 2, 3), slices=(4, 5))
    assert more.circle(4).tolist() == [1, 2, 3]
    assert more.slices[-1].tolist() == [4, 5]
    assert more.features["by_hand"].tolist() == [False, True, False, True]
    assert np.isnan(more.features["strength"][-1])
    assert more.features["agreement"][-1] == 0
    assert more.features["kind"][-1] == ""
    assert Rois.of([]).added((1, 2, 3)).features["by_hand"].tolist() == [True]


def test_where_takes_all_along(rois):
    for chosen in ([True, False, True], [0, 2]):
        some = rois.where(chosen)
        assert some.ids.tolist() == [1, 3]
        assert some.features["agreement"].tolist() == [3, 2]
        assert some.last_id == 3
    assert len(rois.where(np.zeros(3, bool))) == 0


def test_slices(rois):
    assert rois.on_slice(2).tolist() == [True, True, True]
    assert rois.on_slice(3).tolist() == [True, True, False]
    assert rois.with_slices(2, 5, 6).on_slice(2).tolist() == [True, False, True]


BAD = {
    "shape": ({"circles": [[1, 2]]}, r"\(N, 3\)"),
    "words": ({"circles": [["a", 1, 2]]}, "must be numbers"),
    "ragged": ({"circles": [[1, 2, 3], [1]]}, "must be numbers"),
    "NaN": ({"circles": [[1, 2, 3], [np.nan, 2, 3]]}, "1 of 2 ROIs have no finite .*row 1"),
    "radius 0": ({"circles": [[1, 2, 0]]}, "radius of 0 or less"),
    "ids twice": ({"circles": [[1, 2, 3]] * 2, "ids": [4, 4]}, r"more than one ROI \(4\)"),
    "id 0": ({"circles": [[1, 2, 3]], "ids": [0]}, "not above 0"),
    "id 1.5": ({"circles": [[1, 2, 3]], "ids": [1.5]}, "whole numbers"),
    "few ids": ({"circles": [[1, 2, 3]] * 2, "ids": [1]}, "1 id:"),
    "slices fall": ({"circles": [[1, 2, 3]], "slices": [[3, 2]]}, "first and a last"),
    "slices": ({"circles": [[1, 2, 3]], "slices": [[1, 2], [3, 4]]}, "slices of shape"),
    "feature": ({"circles": [[1, 2, 3]], "features": {"a": [1, 2]}}, "feature 'a'"),
}


@pytest.mark.parametrize(("arguments", "said"), BAD.values(), ids=BAD.keys())
def test_bad_rois_are_one_sentence(arguments, said):
    with pytest.raises(InputError, match=said) as caught:
        Rois.of(**arguments)
    assert "\n" not in str(caught.value)


class TestTable:
    def test_it_reads_back_equal(self, rois, tmp_path):
        assert rois.save(tmp_path / "rois.csv") == tmp_path / "rois.csv"
        assert_same(load_rois(tmp_path / "rois.csv"), rois)

    def test_its_columns(self, rois, tmp_path):
        rois.save(tmp_path / "rois.csv")
        first, second = (tmp_path / "rois.csv").read_text().splitlines()[:2]
        assert first == ("id,y,x,radius,first_slice,last_slice,strength,agreement,kind,by_hand")
        assert second == "1,10.0,20.5,3.0,0,3,0.5,3,a,False"

    def test_none_at_all(self, tmp_path):
        Rois.of([]).save(tmp_path / "rois.csv")
        assert len(load_rois(tmp_path / "rois.csv")) == 0

    def test_nothing_is_written_over_by_accident(self, rois, tmp_path):
        rois.save(tmp_path / "rois.csv")
        with pytest.raises(InputError, match="exists already"):
            rois.save(tmp_path / "rois.csv")
        rois.without(1).save(tmp_path / "rois.csv", overwrite=True)
        assert load_rois(tmp_path / "rois.csv").ids.tolist() == [2, 3]

    def test_of_a_spreadsheet(self, tmp_path):
        text = "\ufeffx, y, radius, id, note\r\n4,5,2.5,7.0,big\r\n\r\n"
        (tmp_path / "rois.csv").write_text(text, encoding="utf-8")
        rois = load_rois(tmp_path / "rois.csv")
        assert rois.circles.tolist() == [[5, 4, 2.5]]
        assert rois.ids.tolist() == [7]
        assert rois.slices.tolist() == [[-1, -1]]
        assert rois.features["note"].tolist() == ["big"]

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            pytest.param(None, "There is no ROI file", id="missing"),
            pytest.param(b"", "is empty", id="empty"),
            pytest.param(b"\xff\xfe\x00", "is damaged", id="no text"),
            pytest.param(b"Label,Mean,X\n1,2,3\n", "lacks the columns y, radius", id="foreign"),
            pytest.param(b"id,y,x,radius\n1,2,3\n", "row 2 has 3 values", id="cut off"),
            pytest.param(b"id,y,x,radius\n1,2,a,3\n", "row 2, column x: 'a' is no", id="words"),
            pytest.param(b"id,y,x,radius\n1.5,2,3,3\n", "no whole number", id="half an id"),
            pytest.param(b"id,y,x,radius\nnan,2,3,3\n", "column id: 'nan' is no", id="no id"),
            pytest.param(b"id,y,x,radius\n1,2,3,3\n1,4,5,3\n", "more than one ROI", id="ids twice"),
            pytest.param(b"id,y,x,radius,y\n1,2,3,3,9\n", "more than one column", id="y twice"),
            pytest.param(b"id,y,x,radius\n1,nan,3,3\n", "row 2, column y: 'nan' is no", id="NaN"),
        ],
    )
    def test_bad_files_are_one_sentence(self, content, said, tmp_path):
        path = tmp_path / "rois.csv"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(InputError, match=said) as caught:
            load_rois(path)
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(1e-3, 1e4), st.floats()),
        max_size=8,
    )
)
def test_any_rois_read_back_equal(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rois") / "rois.csv"
    table = np.array(rows, np.float64).reshape(-1, 4)
    rois = Rois.of(table[:, :3], features={"value": table[:, 3]})
    rois.save(path)
    assert_same(load_rois(path), rois)


@pytest.mark.parametrize(
    ("separator", "encoding", "comma"),
    [
        (";", "utf-8", True),
        (";", "utf-8-sig", True),
        ("\t", "utf-16", True),
        (";", "cp1252", False),
    ],
    ids=["semicolons", "with a mark", "tabs in UTF-16", "Windows-1252"],
)
def test_a_table_that_a_european_spreadsheet_saved(tmp_path, separator, encoding, comma):
    rows = [("id", "y", "x", "radius", "Größe"), ("3", "12.5", "7.25", "4", "klein")]
    lines = [separator.join(v.replace(".", ",") if comma else v for v in row) for row in rows]
    path = tmp_path / "rois.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    rois = load_rois(path)
    np.testing.assert_array_equal(rois.circles, [[12.5, 7.25, 4.0]])
    assert rois.features["Größe"].tolist() == ["klein"]


def test_a_workbook_is_no_table(tmp_path):
    (tmp_path / "rois.csv").write_bytes(b"PK\x03\x04 and so on")
    with pytest.raises(InputError, match="Excel workbook"):
        load_rois(tmp_path / "rois.csv")


@pytest.mark.parametrize("name", ["id", "y", "x", "radius", "first_slice", "last_slice"])
def test_a_feature_never_takes_the_place_of_a_column(name):
    with pytest.raises(InputError, match=f"can't be called '{name}'"):
        Rois.of([[10.0, 20, 3]], features={name: [55]})


@pytest.mark.parametrize("kept", ["first_slice", "last_slice"])
def test_half_a_pair_of_slices_is_refused(tmp_path, kept):
    (tmp_path / "rois.csv").write_text(f"id,y,x,radius,{kept}\n1,5,6,3,2\n")
    with pytest.raises(InputError, match="not both of first_slice and last_slice"):
        load_rois(tmp_path / "rois.csv")


def test_a_table_of_rois_of_two_references_is_refused(tmp_path):
    marks = [f"reference-{digit * 16}" for digit in "ab"]
    path = tmp_path / "rois.csv"
    rows = [f"{k},{10 * k},9,3,{mark}" for k, mark in enumerate([*marks, ""], 1)]
    path.write_text("\n".join(["id,y,x,radius,made_on", *rows]))
    with pytest.raises(InputError, match=r"several references .*those of id 2 on another"):
        load_rois(path)
    path.write_text("\n".join(["id,y,x,radius,made_on", rows[0], rows[2]]))  # one added by hand
    assert load_rois(path).made_on == marks[0]


@pytest.mark.parametrize("words", ["TRUE FALSE", "True False", "true false"])
def test_true_and_false_as_spreadsheets_write_them(tmp_path, words):
    yes, no = words.split()
    path = tmp_path / "rois.csv"
    path.write_text(f"id,y,x,radius,by_hand\n1,5,6,3,{no}\n2,7,8,3,{yes}\n")
    rois = load_rois(path)
    assert rois.features["by_hand"].tolist() == [False, True]
    assert rois.moved(2, (9.0, 9)).features["by_hand"].tolist() == [False, True]


MARK = "reference-0123456789abcdef"


@pytest.mark.parametrize("made_on", [None, MARK])
def test_a_table_of_no_rois_keeps_the_last_id(rois, tmp_path, made_on):
    """And what they were made on."""
    marked = replace(rois, made_on=made_on)
    path = marked.without([1, 2, 3]).save(tmp_path / "rois.csv")
    again = load_rois(path)
    assert len(again) == 0
    assert again.last_id == 3
    assert again.made_on == (made_on or "")
    assert again.added((1, 2, 3)).ids.tolist() == [4]
    twice = load_rois(again.save(tmp_path / "again.csv"))
    assert (twice.last_id, twice.made_on) == (3, again.made_on)
    more = load_rois(again.added((1, 2, 3)).save(tmp_path / "more.csv"))
    assert more.ids.tolist() == [4]
    assert more.made_on == again.made_on
    assert not [name for name in more.features if "=" in name]


def test_rows_that_are_typed_into_a_table_of_no_rois(rois, tmp_path):
    path = rois.without([1, 2, 3]).save(tmp_path / "rois.csv")
    with path.open("a") as file:
        n_columns = path.read_text().count(",") + 1
        file.write(",".join(["7", "1", "2", "3", "-1", "-1", *[""] * (n_columns - 6)]) + "\r\n")
    again = load_rois(path)
    assert again.ids.tolist() == [7]
    assert again.last_id == 7


@pytest.mark.parametrize("title", ["last_id=many", "last_id="])
def test_a_last_id_in_a_title_that_is_no_number(tmp_path, title):
    (tmp_path / "rois.csv").write_text(f"id,y,x,radius,{title}\n")
    with pytest.raises(InputError, match=r"row 1, column last_id: '(many)?' is no number"):
        load_rois(tmp_path / "rois.csv")
