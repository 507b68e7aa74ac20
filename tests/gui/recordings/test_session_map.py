from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPointF, Qt

from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.gui.recordings.session_map import (
    SessionMap,
    colour_limits,
    colour_map,
    values_of,
)


def table(n_chunks, waiting=0):
    chunks = empty_chunks(n_chunks)
    done = slice(0, n_chunks - waiting)
    chunks["start"], chunks["stop"] = np.arange(n_chunks) * 10, np.arange(n_chunks) * 10 + 10
    chunks["method"][done] = "keypoints"
    chunks["correlation_after"][done] = 0.5 + 0.1 * np.arange(n_chunks)[done]
    chunks["n_inliers"][done] = 40
    return chunks


def test_values_of_recordings_of_other_lengths():
    values = values_of([table(3), None, table(2, waiting=1)], "n_inliers")
    np.testing.assert_array_equal(values, [[40, 40, 40], [np.nan] * 3, [40, np.nan, np.nan]])


@pytest.mark.parametrize(
    ("values", "column", "expected"),
    [
        ([[np.nan]], "n_inliers", (0, 1)),
        ([[3.0, 9.0]], "n_inliers", (0, 9)),
        ([[0.5, 0.9]], "correlation_after", (0.5, 0.9)),
        ([[0.9, 0.9]], "correlation_after", (0.8, 0.9)),
    ],
    ids=["nothing", "counts", "correlations", "alike"],
)
def test_colour_limits(values, column, expected):
    assert colour_limits(np.array(values, np.float32), column) == pytest.approx(expected)


@pytest.fixture
def session_map(qtbot):
    widget = SessionMap()
    qtbot.addWidget(widget)
    flagged = table(4)
    flagged["flag"][2] = "too few matches"
    widget.show_tables(["one", "two"], [table(4), flagged])
    widget.resize(400, 300)
    widget.show()
    qtbot.waitExposed(widget)
    qtbot.wait(50)
    return widget


def viewport_position(widget, recording, chunk):
    scene = widget.plot.vb.mapViewToScene(QPointF(chunk, recording))
    return widget.view.mapFromScene(scene)


def test_a_click_chooses_a_cell_and_says_what_is_in_it(qtbot, session_map):
    with qtbot.waitSignal(session_map.cell_clicked) as told:
        qtbot.mouseClick(
            session_map.view.viewport(),
            Qt.MouseButton.LeftButton,
            pos=viewport_position(session_map, 1, 2),
        )
    assert told.args == [1, 2]
    assert "chunk 2, frames 20–29" in session_map.words.text()
    assert "too few matches" in session_map.words.text()


@pytest.mark.parametrize(("column", "good"), [("n_inliers", 1.0), ("residual_px", 0.0)])
def test_bright_is_good_however_often_it_is_asked_for(column, good):
    for _ in range(3):
        colors = colour_map(column)
        assert colors.map(good, "float").sum() > colors.map(1 - good, "float").sum() + 0.5


def test_flagged_chunks_are_marked(session_map):
    assert [(p.pos().x(), p.pos().y()) for p in session_map.marks.points()] == [(2, 1)]


def test_hovering_tells_and_leaving_tells_of_the_chosen_chunk(qtbot, session_map):
    session_map.choose(0, 1)
    qtbot.mouseMove(session_map.view.viewport(), viewport_position(session_map, 0, 3))
    qtbot.waitUntil(lambda: "chunk 3" in session_map.words.text())
    session_map._show_chosen()
    assert "chunk 1" in session_map.words.text()


def test_every_quantity_can_be_shown(session_map):
    for index in range(session_map.quantity.count()):
        session_map.quantity.setCurrentIndex(index)
        assert session_map.image.image.shape == (2, 4)


def test_fewer_chunks_than_before_keep_no_frame(session_map):
    session_map.choose(1, 3)
    session_map.show_tables(["one"], [table(2)])
    assert not session_map._frame.isVisible()
