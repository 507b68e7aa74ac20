"""The ROIs of the panel: every change can be undone, and ids are kept for life."""

from __future__ import annotations

import numpy as np
import pytest

from napari_zstack_align.cells import Rois
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.cells.roi_model import MAX_UNDO, MIN_RADIUS_PX, RoiModel


@pytest.fixture
def model(qapp):
    model = RoiModel()
    model.set(Rois.of([(10, 20, 3), (30, 40, 4), (50, 60, 5)]))
    return model


CHANGES = {
    "add": lambda model: model.add((1, 2, 3)),
    "move": lambda model: model.move(2, (31, 41)),
    "move_many": lambda model: model.move_many({1: (1, 1), 3: (2, 2, 9)}),
    "resize": lambda model: model.resize([2, 3], factor=2),
    "delete": lambda model: model.delete([1, 3]),
    "set": lambda model: model.set(Rois.of([(1, 1, 1)])),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_is_told_once_undone_and_done_again(qtbot, model, change):
    before, told = model.rois, []
    model.changed.connect(lambda: told.append(model.rois))
    change(model)
    after = model.rois
    assert told == [after]
    assert after is not before
    model.undo()
    assert model.rois is before
    assert model.can_redo
    model.redo()
    assert model.rois is after
    assert not model.can_redo


def test_ids_stay_and_are_not_given_again(model):
    model.delete([3])
    assert model.add((1, 2, 3)) == 4
    model.resize([4], factor=2, step=1)
    np.testing.assert_array_equal(model.rois.circle(4), (1, 2, 7))
    np.testing.assert_array_equal(model.rois.ids, (1, 2, 4))


def test_a_new_change_forgets_what_was_undone(model):
    model.add((1, 2, 3))
    model.undo()
    model.add((4, 5, 6))
    assert not model.can_redo


def test_a_change_that_leads_nowhere_changes_nothing(model):
    rois = model.rois
    for bad in (lambda: model.move(9, (1, 1)), lambda: model.add((1, 2, 0))):
        with pytest.raises(InputError):
            bad()
    assert model.rois is rois


def test_a_circle_does_not_shrink_to_nothing(model):
    model.resize([1], step=-10)
    assert model.rois.circle(1)[2] == MIN_RADIUS_PX


def test_the_selection_follows_the_ids(qtbot, model):
    told = []
    model.selection_changed.connect(lambda: told.append(model.selected))
    model.select([3, 1, 99])
    model.delete([1])
    model.select([3])
    assert told == [(1, 3), (3,)]


def test_no_id_is_selected_that_has_gone(model):
    model.select([1, 2])
    seen = []
    model.changed.connect(lambda: seen.append(model.selected))
    model.delete([1])
    assert seen == [(2,)]


def test_undo_has_an_end(model):
    for _ in range(MAX_UNDO + 10):
        model.resize([1], step=1)
    for _ in range(MAX_UNDO + 10):
        model.undo()
    assert not model.can_undo
    assert model.rois.circle(1)[2] > 3
