"""ROIs stay on their cells when the reference of the session changes, whatever changes it."""

from __future__ import annotations

from dataclasses import replace
from time import sleep

import numpy as np
import pytest
from driving import click, settled
from napari.layers import Layer

from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cells import Rois, load_rois
from napari_zstack_align.cells.made_on import made_on
from napari_zstack_align.cells.rois import CHECK
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui import carrier
from napari_zstack_align.gui.cells import roi_actions
from napari_zstack_align.gui.masks import MADE_ON, mask_layers
from napari_zstack_align.gui.project.mask_layers import add_masks, with_masks
from napari_zstack_align.progress import Progress
from napari_zstack_align.project import Project

from .conftest import CELLS, DARK, SIZE, recording, shifts

MOVE = np.array([7.0, -4.0])
"""By which the new reference lies off the old one: (y, x) px."""


def moved(alignment, seed, move=MOVE):
    """Alignment of the same frames in the coordinates of another reference."""
    matrices = np.tile(np.eye(3), (alignment.stack.n_frames, 1, 1))
    matrices[:, :2, 2] = shifts(alignment.stack.n_frames, seed) + move
    reference = np.roll(alignment.reference, tuple(-move.astype(int)), (0, 1))
    transforms = Transforms((SIZE, SIZE), (AffineLink(matrices),))
    return replace(alignment, transforms=transforms, reference=reference)


def change(session, move=MOVE):
    """Show the session aligned to another reference."""
    for number, each in enumerate(session.recordings):
        each.alignment = moved(each.alignment, number, move)
    session.refresh()


@pytest.fixture
def carried(qtbot, panel, session):
    """Wait until the ROIs are where they belong; both recordings have one reference."""
    first = session.alignments[0].reference
    for each in session.recordings:
        each.alignment = replace(each.alignment, reference=first)
    session.refresh()

    def wait():
        qtbot.waitUntil(lambda: not panel.carrier.busy)

    wait()
    return wait


@pytest.fixture
def found(panel, session, carried):
    """ROIs as they are found on the session: they know its reference."""
    rois = replace(panel.rois.rois, made_on=made_on(session.alignments[0]))
    panel.rois.set(rois)
    carried()
    return rois


def test_they_are_carried_to_a_new_reference(panel, session, carried, found):
    change(session)
    carried()
    rois = panel.rois.rois
    np.testing.assert_allclose(rois.circles[:, :2], CELLS[:, :2] - MOVE, atol=0.1)
    np.testing.assert_array_equal(rois.ids, found.ids)
    assert rois.made_on == made_on(session.alignments[0]) != found.made_on
    words = panel.cells.tab.run_bar.status.text()
    assert "reference has changed" in words
    assert "moved by 8.1 px" in words


@pytest.mark.thorough
def test_back_on_the_old_reference_they_are_the_old_ones(panel, session, carried, found):
    change(session)
    carried()
    change(session, np.zeros(2))
    for each in session.recordings:
        each.alignment = replace(each.alignment, reference=recording(0).alignment.reference)
    session.refresh()
    carried()
    assert panel.rois.rois is found


def test_those_that_know_no_reference_lay_on_the_one_that_was_shown(panel, session, carried):
    assert panel.rois.rois.made_on is None
    change(session)
    carried()
    np.testing.assert_allclose(panel.rois.rois.circles[:, :2], CELLS[:, :2] - MOVE, atol=0.1)


def back(session):
    """Show the session on its first reference again."""
    change(session, np.zeros(2))
    for each in session.recordings:
        each.alignment = replace(each.alignment, reference=recording(0).alignment.reference)
    session.refresh()


FURTHER = np.array([-3.0, 6.0])


@pytest.mark.parametrize("moves", [[MOVE], [MOVE, FURTHER]])
def test_those_that_know_no_reference_are_put_back_too(panel, session, carried, moves):
    rois = panel.rois.rois
    for _ in range(2):
        for move in moves:
            change(session, move)
            carried()
            assert panel.rois.rois is not rois
        back(session)
        carried()
        assert panel.rois.rois is rois


@pytest.fixture
def mask(panel, session, carried):
    """A mask on the first reference, chosen for the registration."""
    labels = np.zeros((SIZE, SIZE), np.uint8)
    labels[20:50, 30:40] = 1
    mark = made_on(session.alignments[0])
    layer = panel.viewer.add_labels(labels, name="tissue", metadata={MADE_ON: mark})
    session.tab.mask_combo.choose(layer)
    return layer


@pytest.mark.parametrize("moves", [[MOVE], [MOVE, FURTHER]])
def test_a_mask_is_carried_once_to_each_reference(panel, session, carried, mask, moves):
    painted = mask.data.copy()
    for _ in range(3):
        for move in moves:
            change(session, move)
            carried()
            chosen = session.tab.mask_combo.layer
            assert chosen.metadata[MADE_ON] == made_on(session.alignments[0])
            assert chosen.visible
            assert not mask.visible
        back(session)
        carried()
        assert session.tab.mask_combo.layer is mask
        assert mask.visible
    np.testing.assert_array_equal(mask.data, painted)
    assert len(mask_layers(panel.viewer.layers)) == 1 + len(moves)


def test_a_mask_is_carried_once_however_often_alignments_change(panel, session, carried, mask):
    change(session)
    for _ in range(3):
        panel.carrier.look()
    carried()
    assert len(mask_layers(panel.viewer.layers)) == 2
    assert session.tab.mask_combo.layer is panel.viewer.layers["tissue, carried"]


def duplicate(panel, layer):
    """What napari's 'Duplicate layer' does."""
    layers = panel.viewer.layers
    data, described, kind = layer.as_layer_data_tuple()
    copy = Layer.create(data.copy(), {**described, "name": f"{layer.name} copy"}, kind)
    layers.insert(layers.index(layer) + 1, copy)
    return copy


@pytest.mark.thorough
def test_a_copy_of_a_mask_is_a_mask_of_its_own(panel, session, carried, mask):
    change(session)
    carried()
    copy = duplicate(panel, panel.viewer.layers["tissue, carried"])
    copy.data[60:70, 60:70] = 1
    change(session, FURTHER)
    carried()
    names = sorted(layer.name for layer in mask_layers(panel.viewer.layers))
    assert names.count("tissue, carried copy, carried") == 1
    assert panel.viewer.layers["tissue, carried copy, carried"].data.sum() > 0
    assert len(names) == 5  # the mask on three references, its copy on two


@pytest.mark.thorough
def test_a_saved_mask_knows_what_it_was_carried_to(panel, session, carried, mask):
    change(session)
    carried()
    project = with_masks(Project(), panel.viewer, {})
    for layer in mask_layers(panel.viewer.layers):
        panel.viewer.layers.remove(layer)
    list(add_masks(project, panel.viewer, [], [], {}))
    session.tab.mask_combo.choose(panel.viewer.layers["tissue, carried"])
    back(session)
    carried()
    assert session.tab.mask_combo.layer is panel.viewer.layers["tissue"]
    assert len(mask_layers(panel.viewer.layers)) == 2


@pytest.mark.thorough
def test_what_undo_brings_back_is_carried_too(panel, session, carried, found):
    panel.rois.delete([1])
    change(session)
    carried()
    assert len(panel.rois.rois) == 2
    panel.rois.undo()
    carried()
    rois = panel.rois.rois
    np.testing.assert_allclose(rois.circles[:, :2], CELLS[:, :2] - MOVE, atol=0.1)
    assert rois.made_on == made_on(session.alignments[0])
    panel.rois.redo()
    carried()
    assert panel.rois.rois.ids.tolist() == [2, 3]


@pytest.mark.thorough
@pytest.mark.parametrize("by_hand", [True, False])
def test_undo_brings_back_none_from_beside_the_cells(panel, session, carried, by_hand):
    first = panel.rois.rois
    if by_hand:
        panel.rois.delete([1])
    else:
        panel.rois.set(first.where([1, 2]))
    assert panel.rois.rois.made_on is None
    change(session)
    carried()
    panel.rois.undo()
    carried()
    assert panel.rois.rois.ids.tolist() == [1, 2, 3]
    np.testing.assert_allclose(panel.rois.rois.circles[:, :2], CELLS[:, :2] - MOVE, atol=0.1)


def test_one_that_falls_outside_is_to_be_checked_until_it_is_moved(panel, session, carried, found):
    change(session, np.array([25.0, 0.0]))
    carried()
    table = panel.cells.tab.rois.list.table
    titles = [title for title, _ in table.headers]
    assert panel.rois.rois.features[CHECK].tolist() == [True, False, False]
    assert [table.words(row, "check") for row in range(3)] == ["yes", "", ""]
    assert "check" in titles
    assert "1 ROI is to be checked" in panel.cells.tab.run_bar.status.text()
    panel.rois.move(1, (5, 20))
    assert "check" not in [title for title, _ in table.headers]


def test_nothing_moves_while_alignments_are_being_made(qtbot, panel, session, carried, found):
    bar = panel.recordings.tab.run_bar
    bar.worker = object()  # as in mid-run
    change(session)
    qtbot.wait(500)
    assert panel.rois.rois is found
    bar.worker = None
    carried()
    assert panel.rois.rois is not found


def test_other_frames_are_no_reason_to_move_but_it_is_said(panel, session, carried, found):
    other = recording(0)
    frames = np.asarray(other.stack.read(0, 40))[:, 0][:, ::-1].copy()
    stack = type(other.stack).from_array(frames, name="other")
    reference = frames.mean(0).astype(np.float32)
    other.alignment = replace(other.alignment, stack=stack, reference=reference)
    other.stack = stack
    panel.recordings.show([other])
    carried()
    assert panel.rois.rois is found
    assert "beside the cells" in panel.cells.tab.run_bar.status.text()


def test_without_rois_nothing_is_said(panel, session, carried):
    panel.rois.set(Rois.of(()))
    change(session)
    carried()
    assert panel.cells.tab.run_bar.status.text() == ""


@pytest.fixture
def image(qtbot, panel, session, carried, found):
    """The image of cells of the session, in view."""
    panel.open_tab("Cells")
    panel.cells.find()
    settled(qtbot, panel)
    qtbot.waitUntil(lambda: not panel.cells.busy)
    return panel.cells.layers


@pytest.mark.thorough
def test_an_image_of_the_alignment_before_is_outdated(panel, session, carried, image):
    assert image.image_in_view
    change(session)
    carried()
    assert not image.image_in_view
    assert ", outdated" in image.image_layer.name
    for tab in ("Recordings", "Cells"):
        panel.open_tab(tab)
    assert not image.image_in_view
    status = panel.cells.tab.run_bar.status
    assert "press 'Find blobs'" in status.text()
    assert "reference has changed" in status.text()
    rois = panel.rois.rois
    panel.cells.rois.use_blobs()
    assert "press 'Find blobs'" in status.text()
    assert panel.rois.rois is rois


@pytest.mark.thorough
def test_a_new_image_is_not(qtbot, panel, session, carried, image):
    change(session)
    carried()
    panel.cells.find()
    settled(qtbot, panel)
    assert image.image_in_view
    assert "outdated" not in image.image_layer.name
    panel.cells.rois.use_blobs()
    settled(qtbot, panel)
    assert panel.rois.rois.made_on == made_on(session.alignments[0])


def test_it_is_as_before_where_the_alignments_are(panel, session, image):
    before = session.alignments
    change(session)
    for each, alignment in zip(session.recordings, before, strict=True):
        each.alignment = alignment
    session.refresh()
    assert not panel.cells.outdated
    assert "outdated" not in image.image_layer.name


def test_loaded_ones_of_another_reference_are_told_of(qtbot, panel, session, carried, tmp_path):
    foreign = replace(Rois.of(CELLS), made_on=f"reference-{'a' * 16}")
    foreign.save(tmp_path / "rois.csv")
    panel.cells.rois.load(tmp_path / "rois.csv")
    settled(qtbot, panel)
    carried()
    np.testing.assert_array_equal(panel.rois.rois.circles, CELLS)
    assert "beside the cells" in panel.cells.tab.run_bar.status.text()


# -- what uses them meanwhile --------------------------------------------------------------------


@pytest.fixture
def held(monkeypatch):
    """What the carrier waits for: it is on its way as long as there is something in it."""
    waiting, placing = [True], carrier.placing

    def held_up(*args):
        while waiting:
            yield Progress("Waiting for the test", 0, 1)
            sleep(0.005)
        return (yield from placing(*args))

    monkeypatch.setattr(carrier, "placing", held_up)
    return waiting


@pytest.mark.parametrize("known", [True, False])
def test_what_is_drawn_meanwhile_lies_where_it_was_drawn(panel, session, carried, held, known):
    if known:
        panel.rois.set(replace(panel.rois.rois, made_on=made_on(session.alignments[0])))
        held.clear()
        carried()
        held.append(True)
    change(session)
    new = panel.rois.add((33.0, 21.0, 4.0))
    panel.rois.move(1, (11.0, 26.0))
    panel.rois.add((50.0, 50.0, 4.0))
    panel.rois.resize([2], step=1.0)
    held.clear()
    carried()
    rois = panel.rois.rois
    assert rois.made_on == made_on(session.alignments[0])
    assert rois.circle(new).tolist() == [33.0, 21.0, 4.0]
    assert rois.circle(1)[:2].tolist() == [11.0, 26.0]
    np.testing.assert_allclose(rois.circles[1:3, :2], CELLS[1:, :2] - MOVE, atol=0.1)
    np.testing.assert_allclose(rois.circle(2)[2], CELLS[1, 2] + 1, atol=0.1)
    assert not rois.features[CHECK].any()
    for _ in range(2):  # the radius, and the last that was drawn
        panel.rois.undo()
        carried()
    rois = panel.rois.rois
    assert rois.ids.tolist() == [1, 2, 3, new]
    assert rois.circle(new).tolist() == [33.0, 21.0, 4.0]
    np.testing.assert_allclose(rois.circles[1:3, :2], CELLS[1:, :2] - MOVE, atol=0.1)


def test_what_is_drawn_on_a_reference_between_two_is_to_be_checked(panel, session, carried, held):
    first = session.alignments
    change(session, FURTHER)
    panel.rois.add((33.0, 21.0, 4.0))
    for each, alignment in zip(session.recordings, first, strict=True):
        each.alignment = alignment
    change(session)
    held.clear()
    carried()
    assert panel.rois.rois.features[CHECK].tolist() == [False, False, False, True]
    panel.rois.begin(Rois.of(()))
    held.append(True)
    change(session, FURTHER)
    new = panel.rois.add((33.0, 21.0, 4.0))
    held.clear()
    carried()
    assert panel.rois.rois.circle(new).tolist() == [33.0, 21.0, 4.0]


def press_read(qtbot, panel):
    panel.open_tab("Traces")
    panel.traces.tab.form.fields["dark_level"].set((float(DARK),))
    click(qtbot, panel.traces.tab.run_bar.run_button)


def press_save(qtbot, monkeypatch, panel, path):
    monkeypatch.setattr(roi_actions, "ask_where_to_write", lambda *_, **__: path)
    panel.open_tab("Cells")
    click(qtbot, panel.cells.tab.rois.buttons["save"])


def test_reading_and_saving_wait_until_they_are_carried(
    qtbot, monkeypatch, panel, session, carried, held, tmp_path
):
    assert panel.rois.rois.made_on is None
    change(session)
    press_save(qtbot, monkeypatch, panel, tmp_path / "rois.csv")
    press_read(qtbot, panel)
    bar = panel.traces.tab.run_bar
    qtbot.waitUntil(lambda: "on their way to the new reference" in bar.status.text())
    assert bar.busy
    held.clear()
    settled(qtbot, panel)
    mark = made_on(session.alignments[0])
    for rois in (panel.traces.traces.recordings[0].rois, load_rois(tmp_path / "rois.csv")):
        np.testing.assert_allclose(rois.circles[:, :2], CELLS[:, :2] - MOVE, atol=0.1)
        assert rois.made_on == mark
    assert panel.traces.outdated == ""


def test_a_wait_is_cancelled_or_fails_with_the_carrier(
    qtbot, monkeypatch, panel, session, carried, held
):
    change(session)
    bar = panel.traces.tab.run_bar
    press_read(qtbot, panel)
    click(qtbot, bar.cancel_button)
    qtbot.waitUntil(lambda: bar.status.text() == "Cancelled.")
    press_read(qtbot, panel)

    def fails(*_):
        raise InputError("The disk is gone.")

    monkeypatch.setattr(carrier, "carry_rois", fails)
    held.clear()
    settled(qtbot, panel)
    assert bar.status.text() == "The disk is gone."
    assert not panel.traces.traces.recordings


def test_during_a_run_only_what_it_changes_waits(qtbot, panel, session, carried):
    panel.recordings.tab.run_bar.worker = object()  # as in mid-run
    bar = panel.traces.tab.run_bar
    session.refresh()
    assert panel.carrier.busy
    assert not panel.in_place.waits(bar, session.alignments, bar.say)
    change(session)
    assert panel.in_place.waits(bar, session.alignments, lambda: bar.say("It goes on."))
    panel.recordings.tab.run_bar.worker = None
    carried()
    qtbot.waitUntil(lambda: bar.status.text() == "It goes on.")


@pytest.mark.thorough
def test_rois_of_before_are_carried_before_blobs_are_added(
    qtbot, panel, session, carried, image, held
):
    panel.rois.set(panel.rois.rois.where([0]))
    panel.rois.move(1, CELLS[0])  # it stays, as it is by hand
    change(session)
    panel.cells.find()
    settled(qtbot, panel)
    panel.cells.rois.use_blobs()
    bar = panel.cells.tab.run_bar
    qtbot.waitUntil(lambda: "on their way to the new reference" in bar.status.text())
    held.clear()
    settled(qtbot, panel)
    circle = panel.rois.rois.circle(1)
    np.testing.assert_allclose(circle[:2], CELLS[0, :2] - MOVE, atol=0.1)
