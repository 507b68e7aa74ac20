"""Runs of a z-stack side by side, as a person compares them."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from driving import click, run, run_to_end, settled, show, status
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit
from stacks import SlowSource, slow_zstack, small_zstack

import napari_zstack_align as nza
from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.cells import Rois
from napari_zstack_align.cells.on_raw import transform_rois


def frames_of(alignment):
    stack = alignment.stack
    return np.stack([alignment.transforms.displacement(t) for t in range(stack.n_frames)])


def volume_of(shown):
    return np.asarray(shown.volume[0].data[...])


def box_of(panel):
    return panel.zstack.align_tab.runs_box


def click_run(qtbot, panel, row, button=Qt.MouseButton.LeftButton):
    runs = box_of(panel).list
    place = runs.visualItemRect(runs.topLevelItem(row)).center()
    qtbot.mouseClick(runs.viewport(), button, pos=place)
    qtbot.waitUntil(lambda: not panel.zstack.runs.busy)


def rows_of(panel):
    runs = box_of(panel).list
    return [
        [runs.topLevelItem(row).text(column) for column in range(4)]
        for row in range(runs.topLevelItemCount())
    ]


def run_with(qtbot, panel, **params):
    panel.zstack.align_tab.form.set_values(nza.AdaptiveParams(**params))
    run_to_end(qtbot, panel)
    return panel.zstack.shown.alignment


@pytest.fixture
def compared(qtbot, panel):
    """A stack with two runs of which the newer one is shown."""
    shown = show(qtbot, panel, small_zstack())
    run_with(qtbot, panel)
    run_with(qtbot, panel, alpha=20.0)
    return shown


@pytest.fixture
def slow_after(qtbot, panel):
    """A stack with a finished run, whose frames take a while to read from now on."""
    source = SlowSource(small_zstack(n_slices=12, n_repeats=3).source, 0)
    stack = small_zstack(n_slices=12, n_repeats=3).replace(source=source)
    shown = show(qtbot, panel, stack)
    run_with(qtbot, panel)
    source._seconds = 0.1
    return shown


# -- what was there stays ----------------------------------------------------------------------


@pytest.mark.thorough
def test_cancel_in_the_first_slice_leaves_the_result_as_it_was(qtbot, viewer, panel, slow_after):
    shown, before = slow_after, slow_after.alignment
    shown.look_at("aligned")
    layers, volume = list(viewer.layers), volume_of(shown)
    run(qtbot, panel)
    assert shown.mode == "aligned"
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert shown.alignment is before
    assert list(viewer.layers) == layers
    assert shown.mode == "aligned"
    np.testing.assert_array_equal(volume_of(shown), volume)
    assert panel.zstack.quality.is_open
    assert box_of(panel).isHidden()
    assert "'run 1' is as it was" in status(panel)
    assert panel.zstack.align_tab.buttons["save"].isEnabled()


@pytest.mark.thorough
def test_an_error_before_the_first_slice_leaves_the_result_as_it_was(qtbot, panel, slow_after):
    before = slow_after.alignment

    def fail(_start, _stop):
        raise OSError("the disk is gone")

    slow_after.stack.source.read = fail
    run_to_end(qtbot, panel)
    assert "could be aligned" in status(panel)
    assert slow_after.alignment is before
    assert len(slow_after.runs) == 1


def test_cancel_keeps_the_partial_result_and_the_complete_one(qtbot, panel, slow_after):
    shown, whole = slow_after, slow_after.alignment
    volume = volume_of(shown)
    run(qtbot, panel)
    qtbot.waitUntil(lambda: len(shown.runs) == 2)
    assert box_of(panel).isVisibleTo(panel)
    assert rows_of(panel)[1][3].startswith("running: ")
    assert not box_of(panel).remove_button.isEnabled()
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert not shown.alignment.complete
    assert rows_of(panel)[1][3].startswith("partial: ")
    click_run(qtbot, panel, 0)
    assert shown.alignment is whole
    np.testing.assert_array_equal(volume_of(shown), volume)


@pytest.mark.thorough
def test_an_older_run_can_be_looked_at_while_another_one_goes_on(qtbot, panel, slow_after):
    shown, whole = slow_after, slow_after.alignment
    volume = volume_of(shown)
    run(qtbot, panel)
    qtbot.waitUntil(lambda: len(shown.runs) == 2)
    click_run(qtbot, panel, 0)
    assert shown.alignment is whole
    np.testing.assert_array_equal(volume_of(shown), volume)
    shown.stack.source._seconds = 0
    settled(qtbot, panel)
    assert shown.alignment is whole
    assert "12 of 12 slices aligned" in status(panel)
    assert "'run 2'" in status(panel)
    click_run(qtbot, panel, 1)
    assert shown.alignment.complete
    assert shown.alignment is not whole
    assert volume_of(shown)[-1].max() > 0


# -- comparing ---------------------------------------------------------------------------------


def test_a_click_shows_the_other_run_bit_for_bit(qtbot, viewer, panel):
    shown = show(qtbot, panel, small_zstack())
    first = run_with(qtbot, panel)
    assert box_of(panel).isHidden()
    fields, volume = frames_of(first), volume_of(shown)
    shown.go_to(6)
    shown.look_at("aligned")
    frame = np.asarray(shown.aligned[0].data[shown.position()])
    second = run_with(qtbot, panel, alpha=20.0)
    other, other_volume = frames_of(second), volume_of(shown)
    assert np.abs(other - fields).max() > 0.01
    assert [row[0] for row in rows_of(panel)] == ["run 1", "run 2"]
    assert [row[3] for row in rows_of(panel)] == ["defaults", "Alpha (×): 20"]
    medians = [np.median(a.quality["correlation_after"]) for a in (first, second)]
    assert [float(row[1]) for row in rows_of(panel)] == pytest.approx(medians, abs=6e-4)

    click_run(qtbot, panel, 0)
    assert shown.mode == "aligned"
    assert shown.grid.frame_at(shown.position()) == 6
    assert f"{medians[0]:.2f} after" in status(panel)
    np.testing.assert_array_equal(frames_of(shown.alignment), fields)
    np.testing.assert_array_equal(volume_of(shown), volume)
    np.testing.assert_array_equal(shown.aligned[0].data[shown.position()], frame)
    curves = panel.zstack.quality.dock.plot.plots[0].listDataItems()
    assert any(np.array_equal(curve.yData, first.quality["correlation_after"]) for curve in curves)

    click_run(qtbot, panel, 1)
    np.testing.assert_array_equal(frames_of(shown.alignment), other)
    np.testing.assert_array_equal(volume_of(shown), other_volume)


@pytest.mark.thorough
def test_the_arrows_are_those_of_the_run_that_is_shown(qtbot, panel, compared):
    click(qtbot, panel.zstack.align_tab.buttons["arrows"])
    compared.go_to(9)
    other = compared.arrows.data.copy()
    click_run(qtbot, panel, 0)
    field = compared.alignment.transforms.displacement(9)
    for start, move in compared.arrows.data[:5]:
        y, x = np.round(start).astype(int)
        np.testing.assert_allclose(move, field[:, y, x], atol=0.2)
    assert not np.array_equal(compared.arrows.data, other)


@pytest.mark.thorough
def test_volumes_that_are_not_kept_are_averaged_in_the_worker(qtbot, panel, compared, monkeypatch):
    click_run(qtbot, panel, 0)
    volume = volume_of(compared)
    run_with(qtbot, panel, alpha=5.0)
    run_with(qtbot, panel, alpha=8.0)
    threads, original = set(), Alignment.volume_slice

    def watched(self, *args):
        threads.add(threading.current_thread())
        return original(self, *args)

    monkeypatch.setattr(Alignment, "volume_slice", watched)
    click_run(qtbot, panel, 0)
    np.testing.assert_array_equal(volume_of(compared), volume)
    assert threads
    assert threading.main_thread() not in threads


def test_rois_on_raw_frames_follow_the_run_that_is_shown(qtbot, viewer, panel, compared):
    compared.look_at("raw")
    panel.rois.set(Rois.of([[20.0, 20.0, 4.0], [40.0, 30.0, 5.0]]))
    compared.go_to(11)
    for row in (0, 1):
        click_run(qtbot, panel, row)
        alignment = compared.runs.listed[row].results[compared]
        expected = transform_rois(panel.rois.rois, alignment.transforms, 11)
        np.testing.assert_allclose(panel.traces.on_frames.circles, expected)
        np.testing.assert_allclose(panel.traces.on_frames.layer.data, expected[:, :2])


@pytest.mark.thorough
def test_the_image_of_a_slice_is_made_anew_for_the_run_that_is_shown(
    qtbot, viewer, panel, compared
):
    panel.open_tab("Cells")
    panel.cells.find()
    settled(qtbot, panel)
    panel.open_tab("Align")
    click_run(qtbot, panel, 0)
    qtbot.waitUntil(lambda: not panel.cells.busy)
    z = panel.cells.layers.slice
    expected = compared.runs.listed[0].results[compared].volume_slice(z)
    np.testing.assert_array_equal(panel.cells.tuner.image, expected)


# -- names, removing, files --------------------------------------------------------------------


@pytest.mark.parametrize("column", [0, 3])
def test_a_double_click_renames_a_run(qtbot, panel, compared, column):
    runs = box_of(panel).list
    place = runs.visualItemRect(runs.topLevelItem(1)).center()
    place.setX(runs.columnViewportPosition(column) + 8)
    qtbot.mouseClick(runs.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(runs.viewport(), Qt.MouseButton.LeftButton, pos=place)
    [line] = runs.viewport().findChildren(QLineEdit)
    line.clear()
    qtbot.keyClicks(line, "stiff")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: compared.runs.listed[1].name == "stiff", timeout=5000)
    assert rows_of(panel)[1][0] == "stiff"


@pytest.mark.thorough
def test_removing_a_run_asks_and_shows_the_other_one(qtbot, panel, compared, answer):
    first, second = (run.results[compared] for run in compared.runs.listed)
    answer("Keep it")
    click(qtbot, box_of(panel).remove_button)
    assert compared.alignment is second
    assert answer.asked == ["'run 2' isn't saved and would be lost."]
    answer("Remove it")
    click(qtbot, box_of(panel).remove_button)
    qtbot.waitUntil(lambda: not panel.zstack.runs.busy)
    assert compared.alignment is first
    assert volume_of(compared).max() > 0
    assert box_of(panel).isHidden()


@pytest.mark.thorough
def test_a_saved_run_is_removed_without_a_question(qtbot, panel, compared, tmp_path, answer):
    panel.zstack.result.save(tmp_path / "second.zalign")
    settled(qtbot, panel)
    saved = nza.load_alignment(tmp_path / "second.zalign")
    np.testing.assert_array_equal(frames_of(saved), frames_of(compared.alignment))
    assert [run.saved for run in compared.runs.listed] == [False, True]
    click(qtbot, box_of(panel).remove_button)
    assert answer.asked == []
    assert len(compared.runs) == 1


def test_a_loaded_alignment_of_the_same_frames_is_one_more_run(
    qtbot, viewer, panel, compared, tmp_path, answer
):
    second = compared.alignment
    click_run(qtbot, panel, 0)
    panel.zstack.result.save(tmp_path / "mine.zalign")
    settled(qtbot, panel)
    click_run(qtbot, panel, 1)
    panel.zstack.result.load(tmp_path / "mine.zalign")
    qtbot.waitUntil(lambda: len(compared.runs) == 3)
    settled(qtbot, panel)
    assert panel.zstack.shown is compared
    assert rows_of(panel)[2][0] == "mine"
    assert compared.runs.listed[1].results[compared] is second
    np.testing.assert_array_equal(
        frames_of(compared.alignment), frames_of(compared.runs.listed[0].results[compared])
    )
    assert volume_of(compared).max() > 0
    click(qtbot, box_of(panel).remove_button)  # it is in a file
    assert answer.asked == []


# -- another layout ----------------------------------------------------------------------------


@pytest.mark.thorough
def test_another_layout_asks_before_it_takes_results_away(qtbot, panel, compared, answer):
    load_tab, alignment = panel.zstack.load_tab, compared.alignment
    load_tab.details.repeats.setValue(3)
    answer("Keep it")
    click(qtbot, load_tab.apply_button)
    assert answer.asked == ["'run 1', 'run 2' aren't saved and would be lost."]
    assert panel.zstack.shown is compared
    assert compared.alignment is alignment
    assert load_tab.details.repeats.value() == 4
    assert "as it was" in load_tab.run_bar.status.text()
    load_tab.details.repeats.setValue(3)
    answer("Change it")
    click(qtbot, load_tab.apply_button)
    assert panel.zstack.shown is not compared
    assert panel.zstack.shown.alignment is None
    assert box_of(panel).isHidden()


def test_run_with_another_layout_asks_and_starts_nothing(qtbot, panel, compared, answer):
    panel.zstack.load_tab.details.repeats.setValue(3)
    answer("Keep it")
    run(qtbot, panel)
    assert not panel.zstack.align_tab.run_bar.busy
    assert "Nothing was started" in status(panel)
    assert len(compared.runs) == 2


@pytest.mark.thorough
def test_other_pixel_sizes_ask_nothing_and_hold_for_all_runs(qtbot, panel, compared, answer):
    details = panel.zstack.load_tab.details
    details.pixel_y.setValue(2.0)
    details.pixel_x.setValue(1.5)
    click(qtbot, panel.zstack.load_tab.apply_button)
    assert answer.asked == []
    click_run(qtbot, panel, 0)
    assert compared.alignment.stack.pixel_size_um == (2.0, 1.5)


@pytest.mark.thorough
def test_each_stack_has_runs_of_its_own(qtbot, panel, compared):
    show(qtbot, panel, small_zstack(name="other"))
    assert box_of(panel).isHidden()
    panel.zstack.stack_combo.setCurrentIndex(0)
    assert panel.zstack.shown is compared
    assert not box_of(panel).isHidden()


@pytest.mark.thorough
def test_a_stack_that_is_removed_while_its_volume_is_averaged(qtbot, viewer, panel):
    shown = show(qtbot, panel, slow_zstack(n_slices=6, seconds=0.0))
    for alpha in (1.0, 2.0, 4.0):
        run_with(qtbot, panel, alpha=alpha)
    shown.stack.source._seconds = 0.1
    runs = box_of(panel).list
    place = runs.visualItemRect(runs.topLevelItem(0)).center()
    qtbot.mouseClick(runs.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert panel.zstack.runs.busy
    qtbot.waitUntil(lambda: "of 'run 1'" in box_of(panel).words.text())
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not panel.zstack.runs.busy)
    assert box_of(panel).words.text() == ""


@pytest.mark.thorough
def test_the_plot_is_made_before_the_first_result_comes(qtbot, viewer, panel):
    """Both in one turn of the event loop stopped napari for 0.2 s."""
    shown = show(qtbot, panel, slow_zstack(fast_reads=0))
    run(qtbot, panel)
    qtbot.waitUntil(lambda: "quality" in vars(panel.zstack))
    assert shown.alignment is None
    assert not panel.zstack.quality.is_open
    qtbot.waitUntil(lambda: shown.alignment is not None)
    assert panel.zstack.quality.is_open
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
