"""The Cells tab, driven like a person would: move sliders, click in the viewer, read the layers."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtWidgets import QApplication

from napari_zstack_align.cells import Rois, load_rois
from napari_zstack_align.cells.blobs import detect_blobs
from napari_zstack_align.gui.cells.blob_layers import TITLES
from napari_zstack_align.gui.cells.sources import KINDS
from napari_zstack_align.gui.compat import grid, text_overlay
from napari_zstack_align.params import BlobParams
from napari_zstack_align.samples import recording_with_motion, zstack_with_repeats


@pytest.fixture(scope="module")
def movie():
    return recording_with_motion(n_frames=12, size=160, photons=80.0, seed=5).stack


@pytest.fixture
def cells(qtbot, panel, movie):
    panel.zstack.load_stack(movie)
    settled(qtbot, panel)
    panel.open_tab("Cells")
    return panel.cells


def panel_around(cells):
    return cells.workspace.parent()


def quiet(qtbot, cells):
    qtbot.waitUntil(lambda: not cells.busy)
    settled(qtbot, panel_around(cells))


def find(qtbot, cells):
    click(qtbot, cells.tab.run_bar.run_button)
    quiet(qtbot, cells)


def circles(layer):
    return np.column_stack([layer.data, layer.size / 2])


def expected(cells, **changes):
    return detect_blobs(cells.tuner.image, BlobParams(**changes))


@pytest.fixture
def found(qtbot, cells):
    find(qtbot, cells)
    return cells


# -- blobs -------------------------------------------------------------------------------------


def test_the_first_click_shows_image_and_blobs(viewer, movie, found):
    image = found.layers.image_layer
    np.testing.assert_allclose(image.data, movie.read(0, 12)[:, 0].mean(0), rtol=1e-5)
    assert tuple(image.scale) == tuple(movie.pixel_size_um)
    points = found.layers.points["log"]
    np.testing.assert_allclose(circles(points), expected(found, method="log"))
    assert image.visible
    assert points.visible
    assert len(points.data) > 5
    assert found.tab.methods.controls["log"].count.text() == f"{len(points.data)} blobs"
    assert text_overlay(viewer).text == f"LoG: {len(points.data)} blobs"


@pytest.mark.parametrize(
    ("name", "value"), [("threshold", 0.08), ("threshold_rel", 0.5), ("overlap", 0.9)]
)
def test_a_tick_of_a_slider_is_on_the_layer_at_once(qtbot, found, name, value):
    row = found.tab.methods.controls["log"].rows[name]
    row.slider.setValue(value)
    space = found.tuner.spaces["log"]
    QApplication.processEvents()
    want = expected(found, method="log", **{name: row.value})
    np.testing.assert_allclose(circles(found.layers.points["log"]), want)
    assert row.value == pytest.approx(value, abs=1e-3)
    assert found.tuner.spaces["log"] is space


def test_another_scale_is_looked_at_in_the_worker_and_the_newest_wins(qtbot, found):
    rows = found.tab.methods.controls["log"].rows
    for value in (3.0, 4.0, 5.0, 6.0):
        rows["max_sigma"].slider.setValue(value)
        QApplication.processEvents()
    assert found.busy
    quiet(qtbot, found)
    want = expected(found, method="log", max_sigma=6.0)
    np.testing.assert_allclose(circles(found.layers.points["log"]), want)


def test_the_smallest_scale_pushes_the_largest(qtbot, found):
    rows = found.tab.methods.controls["log"].rows
    rows["min_sigma"].spin.setValue(3.0)
    assert rows["max_sigma"].value == 3.0
    rows["max_sigma"].spin.setValue(1.5)
    assert rows["min_sigma"].value == 1.5
    quiet(qtbot, found)
    assert found.tuner.params["log"].max_sigma == 1.5


def test_the_line_in_the_histogram_is_the_threshold(qtbot, found):
    controls = found.tab.methods.controls["log"]
    strengths = found.tuner.results["log"].candidate_strengths
    assert controls.plot.counts.sum() == len(strengths)
    controls.plot.line.setValue(np.log10(0.05))
    controls.plot.line.sigDragged.emit(controls.plot.line)
    QApplication.processEvents()
    assert controls.rows["threshold"].value == pytest.approx(0.05, rel=0.02)
    want = expected(found, method="log", **controls.params.model_dump(exclude={"method"}))
    np.testing.assert_allclose(circles(found.layers.points["log"]), want)
    controls.rows["threshold"].spin.setValue(0.1)
    QApplication.processEvents()
    assert 10 ** controls.plot.line.value() == pytest.approx(0.1)


def test_dragging_below_the_relative_threshold_takes_it_away(qtbot, found):
    controls = found.tab.methods.controls["log"]
    controls.rows["threshold_rel"].slider.setValue(0.9)
    QApplication.processEvents()
    few = len(found.layers.points["log"].data)
    controls.plot.line.setValue(np.log10(0.04))
    controls.plot.line.sigDragged.emit(controls.plot.line)
    QApplication.processEvents()
    assert controls.rows["threshold_rel"].value == 0
    assert len(found.layers.points["log"].data) > few


def test_auto_sets_the_threshold_between_noise_and_cells(qtbot, found):
    controls = found.tab.methods.controls["log"]
    click(qtbot, controls.auto_button)
    QApplication.processEvents()
    strengths = found.tuner.results["log"].candidate_strengths
    assert 0 < len(found.layers.points["log"].data) < len(strengths) / 4


def test_three_methods_side_by_side_and_back(qtbot, viewer, found):
    find(qtbot, found)
    found.tab.methods.box.click()
    quiet(qtbot, found)
    view = grid(viewer)
    assert view.enabled
    visible = [layer for layer in viewer.layers if layer.visible]
    assert visible == [x for m in reversed(TITLES) for x in _pair(found, m)]
    for method, title in TITLES.items():
        result = found.tuner.results[method]
        np.testing.assert_allclose(circles(found.layers.points[method]), result.circles)
        assert found.layers.points[method].name.startswith(f"{title}: {len(result)} blob")
        assert found.tab.methods.counts[method].text() == f"{title}: {len(result)}"
    found.tab.methods.box.click()
    assert not view.enabled
    assert panel_around(found).zstack.shown.raw[0].visible
    assert [layer.visible for layer in found.layers.images.values()].count(True) == 1


def _pair(cells, method):
    return cells.layers.images[method], cells.layers.points[method]


def test_each_method_has_its_tab(qtbot, found):
    found.tab.methods.choose("doh")
    quiet(qtbot, found)
    doh = found.layers.points["doh"]
    assert doh.visible
    assert not found.layers.points["log"].visible
    np.testing.assert_allclose(circles(doh).reshape(-1, 3), expected(found, method="doh"))


def test_a_mask_for_cells_is_another_one_than_that_of_the_registration(qtbot, viewer, found):
    before = len(found.layers.points["log"].data)
    panel_around(found).zstack.new_mask()
    click(qtbot, found.tab.mask_button)
    mask = found.tab.mask_combo.layer
    assert mask.name == "cell mask"
    assert panel_around(found).zstack.align_tab.mask_combo.layer is not mask
    assert len(found.layers.points["log"].data) == before  # an empty one counts for nothing
    mask.data[:, :80] = 1
    mask.events.paint(value=[])
    qtbot.waitUntil(lambda: len(found.layers.points["log"].data) < before)
    inside = expected(found, method="log")
    inside = inside[inside[:, 1] < 79.5]
    np.testing.assert_allclose(circles(found.layers.points["log"]), inside)


def test_a_mask_of_another_size_is_told(qtbot, viewer, found):
    layer = viewer.add_labels(np.ones((40, 50), np.uint8), name="other")
    found.tab.mask_combo.choose(layer)
    assert "'other' is 40 × 50 px, but the image 160 × 160" in found.tab.run_bar.status.text()
    assert found.tuner.mask is None


def test_a_mask_that_was_moved_is_told(qtbot, viewer, found):
    layer = viewer.add_labels(np.ones((160, 160), np.uint8), name="moved")
    found.tab.mask_combo.choose(layer)
    assert found.tuner.mask is not None
    layer.translate = (20, 0)
    qtbot.waitUntil(lambda: found.tuner.mask is None)
    assert "'moved' was moved, turned or scaled in napari" in found.tab.run_bar.status.text()


def test_an_image_that_is_dropped_into_napari_can_be_looked_in(qtbot, viewer, cells):
    frame = panel_around(cells).zstack.shown.stack.read(0, 1)[0, 0]
    viewer.add_image(frame, name="mine")
    box = cells.tab.source
    qtbot.waitUntil(lambda: "Layer: mine" in [s.name for s in box.sources])
    box.what.setCurrentIndex(box.what.count() - 1)
    find(qtbot, cells)
    np.testing.assert_array_equal(cells.layers.image_layer.data, frame)


@pytest.mark.parametrize("kind", ["max", "std", "correlation"])
def test_images_of_the_recording(qtbot, movie, cells, kind):
    box = cells.tab.source
    box.kind.setCurrentIndex(box.kind.findData(kind))
    for spin, value in zip(box.frames, (2, 9), strict=True):
        spin.setValue(value)
    find(qtbot, cells)
    frames = movie.read(2, 10)[:, 0].astype(float)
    want = {"max": frames.max(0), "std": frames.std(0)}.get(kind)
    if want is not None:
        np.testing.assert_allclose(cells.tuner.image, want, rtol=1e-4)
    assert KINDS[kind][0].lower() in cells.layers.image_layer.name


def test_what_was_removed_from_the_viewer_is_made_anew(qtbot, viewer, found):
    viewer.layers.remove(found.layers.points["log"])
    assert found.tab.methods.controls["log"].count.text() == "–"
    assert found.tuner.image is None
    find(qtbot, found)
    assert len(found.layers.points["log"].data) > 5


def test_other_tabs_get_the_viewer_back(qtbot, found):
    found.tab.methods.box.click()
    quiet(qtbot, found)
    panel_around(found).open_tab("Load")
    assert not any(layer.visible for layer in found.layers.layers())
    assert not grid(found.viewer).enabled
    assert panel_around(found).zstack.shown.raw[0].visible
    panel_around(found).open_tab("Cells")
    assert found.layers.images["log"].visible


def test_the_toggle_goes_from_the_image_to_the_raw_frames_and_back(qtbot, viewer, found):
    panel_around(found).toggle()
    assert not any(layer.visible for layer in found.layers.layers())
    assert panel_around(found).zstack.shown.raw[0].visible
    panel_around(found).toggle()
    assert found.layers.images["log"].visible
    assert text_overlay(viewer).text.startswith("LoG")


def test_nothing_to_look_in_and_an_image_of_one_value_are_told(qtbot, viewer, panel):
    panel.open_tab("Cells")
    find(qtbot, panel.cells)
    assert "nothing to look in" in panel.cells.tab.run_bar.status.text()
    viewer.add_image(np.full((40, 40), 7.0), name="flat")
    panel.cells.offer_sources()
    find(qtbot, panel.cells)
    assert "Every pixel of the image is 7" in panel.cells.tab.run_bar.status.text()
    assert panel.cells.tab.methods.controls["log"].count.text() == "–"


# -- ROIs --------------------------------------------------------------------------------------


@pytest.fixture
def rois(qtbot, found):
    click(qtbot, found.tab.rois.buttons["use"])
    quiet(qtbot, found)
    return found


def test_blobs_become_rois_with_their_agreement(qtbot, rois):
    model, results = rois.model, rois.tuner.results["log"]
    np.testing.assert_allclose(model.rois.circles, results.circles)
    np.testing.assert_allclose(model.rois.features["strength"], results.strengths)
    assert set(model.rois.features["agreement"]) <= {1, 2, 3}
    assert not rois.layers.points["log"].visible
    layer = rois.on_frames.layer
    np.testing.assert_allclose(circles(layer), results.circles)
    assert rois.tab.rois.list.table.rowCount() == len(results)


def test_rois_are_added_moved_resized_and_deleted_in_the_viewer(qtbot, rois):
    model, box = rois.model, rois.tab.rois
    n = len(model.rois)
    click(qtbot, box.modes["add"])
    layer = rois.on_frames.layer
    assert layer.mode == "add"
    box.radius.setValue(6.0)
    layer.add((70.0, 71.0))
    new = int(model.rois.ids[-1])
    assert new == n + 1
    np.testing.assert_allclose(model.rois.circle(new), (70, 71, 6))
    click(qtbot, box.modes["select"])
    assert model.selected == (new,)
    layer._set_drag_start({n}, (70.0, 71.0))
    layer._move({n}, (80.0, 60.0))
    np.testing.assert_allclose(model.rois.circle(new), (80, 60, 6))
    box.radius.setValue(9.0)
    assert model.rois.circle(new)[2] == 9
    assert layer.size[-1] == 18
    click(qtbot, box.buttons["delete"])
    assert new not in model.rois.ids
    click(qtbot, box.buttons["undo"])
    assert new in model.rois.ids
    click(qtbot, box.buttons["redo"])
    assert len(model.rois) == n


def test_looking_again_keeps_ids_and_what_was_done_by_hand(qtbot, rois):
    model = rois.model
    by_hand = model.add((5.0, 5.0, 3.0))
    model.move(2, (100.0, 3.0, 8.0))
    before = {int(i): tuple(model.rois.circle(int(i))) for i in model.rois.ids}
    row = rois.tab.methods.controls["log"].rows["threshold"]
    row.slider.setValue(row.value * 1.5)
    click(qtbot, rois.tab.rois.buttons["use"])
    quiet(qtbot, rois)
    after = {int(i): tuple(model.rois.circle(int(i))) for i in model.rois.ids}
    assert by_hand in after
    assert after[2] == (100.0, 3.0, 8.0)
    assert len(after) < len(before)
    same = set(before) & set(after) - {2}
    assert len(same) >= len(after) - 2
    assert all(before[i] == after[i] for i in same)


def test_rois_are_saved_and_loaded(qtbot, rois, tmp_path):
    rois.model.delete([3])
    saved = rois.model.rois
    rois.rois.save(tmp_path / "mine")
    quiet(qtbot, rois)
    np.testing.assert_allclose(load_rois(tmp_path / "mine.csv").circles, saved.circles)
    rois.model.set(Rois.of(()))
    rois.rois.load(tmp_path / "mine.csv")
    quiet(qtbot, rois)
    np.testing.assert_array_equal(rois.model.rois.ids, saved.ids)


def test_a_file_of_another_program_is_told_in_one_sentence(qtbot, rois, tmp_path):
    (tmp_path / "other.csv").write_text("X,Y,Mean\n1,2,3\n")
    before = rois.model.rois
    rois.rois.load(tmp_path / "other.csv")
    quiet(qtbot, rois)
    assert "lacks the columns radius" in rois.tab.run_bar.status.text()
    assert rois.model.rois is before


@pytest.mark.parametrize("is_in_um", [True, False])
def test_a_table_of_fiji_is_asked_for_its_unit(qtbot, cells, movie, answer, is_in_um, tmp_path):
    size = movie.pixel_size_um[0]
    pixel = size if is_in_um else 1.0
    area = np.pi * 9 * pixel**2
    (tmp_path / "fiji.csv").write_text(f" ,Area,X,Y\n1,{area},{20.5 * pixel},{10.5 * pixel}\n")
    answer(f"µm ({size:g} a pixel)" if is_in_um else "Pixels")
    cells.rois.load(tmp_path / "fiji.csv")
    quiet(qtbot, cells)
    np.testing.assert_allclose(cells.model.rois.circles, [[10, 20, 3]])
    assert "Loaded 1 ROI. Each ROI of Fiji's table became" in cells.tab.run_bar.status.text()
    assert f"Here a pixel is {size:g} µm" in answer.asked[0]


def test_rows_and_circles_are_selected_together(qtbot, rois):
    listed = rois.tab.rois.list
    listed.selectRow(1)
    assert rois.model.selected == (2,)
    assert set(rois.on_frames.layer.selected_data) == {1}
    rois.on_frames.layer.selected_data = {0, 2}
    assert listed.selected_rows() == [0, 2]
    assert "2 selected" in rois.tab.rois.count.text()


# -- sessions and z-stacks ---------------------------------------------------------------------


def test_a_session_is_looked_in_as_a_whole_and_rois_list_where_they_are_valid(
    qtbot, panel, session
):
    panel.open_tab("Cells")
    cells = panel.cells
    assert cells.tab.source.what.currentText() == "Session: 2 recordings"
    assert cells.tab.source.chosen_kind == "mean"
    find(qtbot, cells)
    assert cells.tuner.image.shape == panel.recordings.alignments[0].transforms.shape
    cells.model.set(Rois.of([(30, 30, 4), (0, 0, 4)]))
    quiet(qtbot, cells)
    table = cells.tab.rois.list.table
    assert [table.words(row, "valid in") for row in (0, 1)] == ["all", "none"]


def test_a_z_stack_is_looked_in_slice_by_slice_and_as_a_whole(qtbot, viewer, panel):
    stack = zstack_with_repeats(n_slices=4, n_repeats=2, size=96, photons=80.0).stack
    panel.zstack.load_stack(stack)
    settled(qtbot, panel)
    panel.open_tab("Cells")
    cells = panel.cells
    find(qtbot, cells)
    first = np.array(cells.tuner.image)
    np.testing.assert_allclose(
        first, stack.read(0, 8)[stack.slice_of_frame == 0, 0].mean(0), rtol=1e-5
    )
    panel.zstack.shown.go_to(int(np.flatnonzero(stack.slice_of_frame == 2)[0]))
    quiet(qtbot, cells)
    assert cells.layers.slice == 2
    assert not np.array_equal(first, cells.tuner.image)
    cells.tab.methods.controls["log"].rows["exclude_border"].spin.setValue(0)
    click(qtbot, cells.tab.rois.buttons["use"])
    quiet(qtbot, cells)
    assert set(cells.model.rois.slices.ravel()) == {2}
    cells.rois.tools.set_mode("add")
    panel.zstack.shown.go_to(0)
    quiet(qtbot, cells)
    assert cells.layers.slice == 0
    assert viewer.layers.selection.active is cells.on_frames.layer
    assert not np.any(cells.on_frames.layer.size)
    panel.zstack.shown.go_to(int(np.flatnonzero(stack.slice_of_frame == 2)[0]))
    quiet(qtbot, cells)
    click(qtbot, cells.tab.rois.buttons["volume"])
    quiet(qtbot, cells)
    rois = cells.model.rois
    assert len(np.unique(rois.slices)) > 1
    shown = cells.on_frames.layer.size > 0
    np.testing.assert_array_equal(shown, rois.on_slice(2))
