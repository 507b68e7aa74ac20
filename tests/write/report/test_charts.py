"""Lines of a chart lie where their values are."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from napari_zstack_align.write.report.charts import MOST_POINTS, Line, chart

UNFLAGGED = np.zeros(0, bool)


def drawn(values, flagged=None, name="a"):
    """A chart's tree, and the places of the points of each line."""
    x = np.arange(len(values), dtype=float)
    flagged = np.zeros(len(values), bool) if flagged is None else flagged
    tree = ElementTree.fromstring(chart("t", x, "frame", [Line(name, values, "after")], flagged))
    lines = [each.attrib["points"].split() for each in tree.iter("polyline")]
    return tree, [np.array([point.split(",") for point in line], float) for line in lines]


def ticks(tree, anchor):
    """Values and places of the ticks along an axis."""
    found = [each for each in tree.iter("text") if each.attrib.get("text-anchor") == anchor]
    along = "x" if anchor == "middle" else "y"
    pairs = [(each.text, float(each.attrib[along])) for each in found]
    return np.array([(float(text), at) for text, at in pairs if re.fullmatch(r"[-\d.e+]+", text)])


@pytest.mark.parametrize("scale", [1e-4, 1.0, 3e6])
def test_points_lie_where_the_ticks_say(scale):
    values = scale * np.array([0.0, 3.0, -2.0, 7.5, 7.0])
    tree, (line,) = drawn(values)
    for anchor, column, expected in (("middle", 0, np.arange(5)), ("end", 1, values)):
        shown = ticks(tree, anchor)
        assert 3 <= len(shown) <= 12
        slope, start = np.polyfit(shown[:, 1], shown[:, 0], 1)
        # the words of ticks on the left stand 4 units lower than their strokes
        at = line[:, column] + (4 if anchor == "end" else 0)
        np.testing.assert_allclose(slope * at + start, expected, atol=2e-3 * np.ptp(expected))


def test_unknown_values_interrupt_a_line_and_one_alone_is_a_dot():
    values = np.array([1.0, 2.0, np.nan, 3.0, np.nan, 1.0, 1.0])
    tree, lines = drawn(values)
    assert [len(line) for line in lines] == [2, 2]
    (dot,) = tree.iter("circle")
    assert lines[0][-1, 0] < float(dot.attrib["cx"]) < lines[1][0, 0]


def test_many_gaps_make_no_large_page():
    values = np.where(np.arange(100_000) % 2, np.nan, 1.0)
    values[50_000:60_000] = np.nan
    tree, lines = drawn(values)
    assert len(lines) + len([*tree.iter("circle")]) == 2


def test_extremes_of_long_lines_stay():
    values = np.zeros(100_000)
    values[61_234], values[7] = 5.0, -3.0
    tree, (line,) = drawn(values)
    assert len(line) <= MOST_POINTS
    shown = ticks(tree, "end")
    slope, start = np.polyfit(shown[:, 1], shown[:, 0], 1)
    found = slope * (line[:, 1] + 4) + start
    assert found.max() == pytest.approx(5, abs=0.05)
    assert found.min() == pytest.approx(-3, abs=0.05)


@pytest.mark.parametrize("values", [np.full(4, 0.99), np.zeros(1), np.array([np.nan, 1.0])])
def test_lines_without_extent_are_drawn(values):
    tree, lines = drawn(values)
    dots = [(float(dot.attrib["cx"]), float(dot.attrib["cy"])) for dot in tree.iter("circle")]
    assert len(lines) + len(dots) == 1
    assert np.isfinite(lines[0] if lines else dots).all()


def test_nothing_known_is_no_chart():
    nothing = [Line("a", np.full(3, np.nan), "after")]
    assert chart("t", np.arange(3.0), "frame", nothing, np.zeros(3, bool)) == ""


def test_flagged_frames_are_marked_at_their_place():
    flagged = np.zeros(11, bool)
    flagged[[2, 9]] = True
    tree, (line,) = drawn(np.arange(11.0), flagged)
    marks = [float(e.attrib["x1"]) for e in tree.iter("line") if e.attrib["class"] == "flag"]
    np.testing.assert_allclose(marks, line[[2, 9], 0], atol=0.5)


def test_names_are_no_markup():
    tree, _ = drawn(np.arange(3.0), name="<b>&")
    assert "<b>&" in [each.text for each in tree.iter("text")]
