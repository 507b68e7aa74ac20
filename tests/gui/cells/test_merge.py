"""ROIs found anew: who keeps its id, and who stays as it is."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.cells import Rois
from napari_zstack_align.gui.cells.merge import merged, merged_on_slice

OLD = Rois.of([(10, 10, 3), (20, 20, 3), (30, 30, 3)], features={"strength": [0.3, 0.2, 0.1]})


def ids(rois):
    return {tuple(circle[:2]): int(i) for circle, i in zip(rois.circles, rois.ids, strict=True)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([(10, 11, 4)], {(10, 11): 1}),
        ([(10, 14, 4)], {(10, 14): 4}),
        ([(10, 12, 2), (10, 11, 2)], {(10, 12): 4, (10, 11): 1}),
        ([(30, 30, 3), (10, 10, 3), (50, 50, 3)], {(30, 30): 3, (10, 10): 1, (50, 50): 4}),
        ([], {}),
    ],
    ids=["moved a little", "too far", "the nearer of two", "kept and new", "none"],
)
def test_one_found_inside_an_old_one_keeps_its_id(found, expected):
    result = merged(OLD, Rois.of(found))
    assert ids(result) == expected
    assert result.last_id >= 3


def test_what_was_done_by_hand_stays_and_nothing_is_found_inside_it():
    old = OLD.moved(2, (40, 40, 5)).added((60, 60, 4))
    found = Rois.of([(41, 41, 2), (60, 61, 2), (10, 10, 3)], features={"strength": [1, 2, 3]})
    result = merged(old, found)
    assert ids(result) == {(40, 40): 2, (60, 60): 4, (10, 10): 1}
    np.testing.assert_array_equal(result.features["by_hand"], [True, True, False])
    assert result.features["strength"][2] == 3
    assert np.isnan(result.features["strength"][1])


def test_on_one_slice_the_rois_of_the_others_stay():
    old = Rois.of([(10, 10, 3)] * 3, slices=[(0, 0), (1, 1), (0, 2)])
    result = merged_on_slice(old, Rois.of([(10, 11, 3), (50, 50, 3)], slices=[(1, 1)] * 2), 1)
    assert {int(i): tuple(s) for i, s in zip(result.ids, result.slices, strict=True)} == {
        1: (0, 0),
        2: (1, 1),
        3: (0, 2),
        4: (1, 1),
    }
    assert result.circle(2)[1] == 11


def test_what_the_found_ones_were_made_on_counts():
    first, second = Rois.of([(10, 10, 3)], made_on="a"), Rois.of([(10, 11, 3)], made_on="b")
    assert merged(first, second).made_on == "b"
    assert merged(first, Rois.of([(10, 11, 3)])).made_on == "a"
    assert merged_on_slice(Rois.of(()), second, 0).made_on == "b"
