"""The panel, driven like a person would, in a real viewer with real workers."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, run, run_to_end, settled, show, status
from qtpy.QtWidgets import QGraphicsView
from stacks import slow_zstack, small_zstack, two_channels

import napari_zstack_align as nza
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.lazy import AlignedFrames, GrowingVolume, RawFrames
from napari_zstack_align.gui.plots import FramePlot, QualityPlot
from napari_zstack_align.gui.recordings.session_map import SessionMap
from napari_zstack_align.gui.stack_layers import stack_of
from napari_zstack_align.gui.zstack import align_run

# -- the main job ------------------------------------------------------------------------------


def test_layers_have_the_scale_units_and_contrast_of_the_source(qtbot, viewer, panel):
    shown = show(qtbot, panel, two_channels(small_zstack()))
    run_to_end(qtbot, panel)
    names = [layer.name for layer in viewer.layers]
    assert names[:4] == ["brain red", "brain green", "brain aligned red", "brain aligned green"]
    for group, kind, scale in (
        (shown.raw, RawFrames, (1, 3, 0.5, 0.4)),
        (shown.aligned, AlignedFrames, (1, 3, 0.5, 0.4)),
        (shown.volume, GrowingVolume, (3, 0.5, 0.4)),
    ):
        for layer, contrast in zip(group, shown.contrast, strict=True):
            assert isinstance(layer.data, kind)
            assert tuple(layer.scale) == scale
            assert str(layer.units[-1]) == "micrometer"
            assert tuple(layer.contrast_limits) == contrast
    assert viewer.dims.axis_labels == ("repeat", "slice", "y", "x")


# -- sliders, overlay, toggle, arrows, plot ----------------------------------------------------


@pytest.fixture
def aligned(qtbot, panel):
    show(qtbot, panel, small_zstack())
    run_to_end(qtbot, panel)
    return panel


def test_sliders_and_overlay_read_slice_and_repeat(qtbot, viewer, aligned):
    aligned.zstack.shown.look_at("aligned")
    viewer.dims.set_current_step((0, 1), (3, 2))
    assert text_overlay(viewer).visible
    assert text_overlay(viewer).text.startswith("ALIGNED\nslice 2, repeat 3")
    assert aligned.zstack.quality.dock.plot.current[0].value() == 2 * 4 + 3


def test_overlay_says_that_a_frame_was_left_out(qtbot, viewer, aligned):
    alignment = aligned.zstack.shown.alignment
    alignment.quality["used"][5] = False
    alignment.quality["flag"][5] = "low correlation"
    aligned.zstack.quality.dock.frame_clicked.emit(5)
    assert viewer.dims.current_step[:2] == (1, 1)
    assert text_overlay(viewer).text == "ALIGNED\nslice 1, repeat 1: left out (low correlation)"


def test_the_toggle_key_is_free_in_napari(viewer):
    from napari.utils.shortcuts import default_shortcuts

    taken = {str(key) for keys in default_shortcuts.values() for key in keys}
    assert "W" not in taken


def test_arrows_show_the_displacement_of_the_frame(qtbot, viewer, aligned):
    shown = aligned.zstack.shown
    click(qtbot, aligned.zstack.align_tab.buttons["arrows"])
    assert shown.arrows.visible
    aligned.zstack.quality.dock.frame_clicked.emit(9)
    field = shown.alignment.transforms.displacement(9)
    for start, move in shown.arrows.data[:5]:
        y, x = np.round(start).astype(int)
        np.testing.assert_allclose(move, field[:, y, x], atol=0.2)


def test_volume_opens_in_3d_alone_with_the_z_scale(qtbot, viewer, aligned):
    click(qtbot, aligned.zstack.align_tab.buttons["three_d"])
    assert viewer.dims.ndisplay == 3
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        aligned.zstack.shown.volume[0].name
    ]
    scale = tuple(aligned.zstack.shown.volume[0].scale)
    assert scale == (2.0, 0.8, 0.8)
    click(qtbot, aligned.zstack.align_tab.buttons["three_d"])
    assert viewer.dims.ndisplay == 2


# -- what can go wrong -------------------------------------------------------------------------


def test_plots_of_results_are_made_when_they_are_needed_in_the_colours_of_the_theme(panel):
    for index in range(panel.tabs.count()):
        panel.tabs.setCurrentIndex(index)
    assert not panel.findChildren(FramePlot)
    assert not panel.findChildren(SessionMap)
    assert "dock" not in vars(panel.zshift)
    plots = panel.recordings.plots
    made = (panel.zstack.quality.dock.plot, plots.quality, plots.map.view, panel.zshift.dock.plot)
    background = panel.zstack.load_tab.plot.backgroundBrush()
    assert background != QGraphicsView().backgroundBrush()
    assert all(plot.backgroundBrush() == background for plot in made)
    assert panel.findChildren(QualityPlot) == [plots.quality]
    assert not plots.quality.isVisibleTo(panel)
    assert not panel.zstack.quality.is_open


@pytest.mark.thorough
def test_cancel_keeps_the_slices_done(qtbot, viewer, panel, tmp_path):
    shown = show(qtbot, panel, slow_zstack(fast_reads=1))
    run(qtbot, panel)
    qtbot.waitUntil(lambda: shown.alignment is not None)
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert "Cancelled" in status(panel)
    assert "kept" in status(panel)
    assert not shown.alignment.complete
    assert np.asarray(shown.volume[0].data[0]).max() > 0
    assert panel.zstack.align_tab.run_bar.run_button.isEnabled()
    panel.zstack.result.save(tmp_path / "partial.zalign")
    settled(qtbot, panel)
    assert not nza.load_alignment(tmp_path / "partial.zalign").complete


@pytest.mark.thorough
def test_cancel_before_the_first_slice_leaves_the_raw_stack(qtbot, viewer, panel):
    shown = show(qtbot, panel, slow_zstack(n_slices=5, seconds=0.2))
    run(qtbot, panel)
    click(qtbot, panel.zstack.align_tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert shown.alignment is None
    assert list(viewer.layers) == shown.raw
    assert shown.raw[0].visible


def test_an_error_in_the_worker_is_told_and_run_works_again(qtbot, viewer, panel, monkeypatch):
    def failing(*args, **options):
        job = nza.align_adaptive(*args, **options)
        yield from (next(job) for _ in range(3))
        raise RuntimeError("deleted?")

    show(qtbot, panel, small_zstack())
    monkeypatch.setattr(align_run, "align_adaptive", failing)
    run_to_end(qtbot, panel)
    assert "RuntimeError: deleted?" in status(panel)
    assert panel.zstack.align_tab.run_bar.run_button.isEnabled()
    monkeypatch.undo()
    run_to_end(qtbot, panel)
    assert "3 of 3 slices aligned" in status(panel)


@pytest.mark.thorough
def test_removing_the_stack_stops_the_run_with_a_sentence(qtbot, viewer, panel):
    shown = show(qtbot, panel, slow_zstack(fast_reads=1))
    run(qtbot, panel)
    qtbot.waitUntil(lambda: shown.alignment is not None)
    viewer.layers.remove(shown.raw[0])
    settled(qtbot, panel)
    assert "removed" in status(panel)
    assert panel.zstack.align_tab.run_bar.run_button.isEnabled()
    viewer.dims.set_current_step(0, 1)


@pytest.mark.thorough
def test_removing_result_layers_does_not_stop_the_run(qtbot, viewer, panel):
    shown = show(qtbot, panel, slow_zstack(n_slices=5, seconds=0.01))
    run(qtbot, panel)
    qtbot.waitUntil(lambda: shown.alignment is not None)
    for layer in (shown.aligned[0], shown.volume[0], shown.arrows):
        viewer.layers.remove(layer)
    settled(qtbot, panel)
    assert shown.alignment.complete
    run_to_end(qtbot, panel)
    assert len(viewer.layers) == 4


@pytest.mark.thorough
def test_removing_the_mask_during_a_run_is_harmless(qtbot, viewer, panel):
    shown = show(qtbot, panel, slow_zstack(n_slices=5, seconds=0.01))
    panel.zstack.new_mask()
    mask = panel.zstack.align_tab.mask_combo.layer
    mask.data[10:50, 10:50] = 1
    run(qtbot, panel)
    viewer.layers.remove(mask)
    settled(qtbot, panel)
    assert shown.alignment.complete
    assert shown.alignment.mask[20, 20] == 1


def test_an_empty_mask_is_told_before_anything_starts(qtbot, viewer, panel):
    show(qtbot, panel, small_zstack())
    panel.zstack.new_mask()
    run(qtbot, panel)
    assert not panel.zstack.align_tab.run_bar.busy
    assert "The mask is empty" in status(panel)


def test_run_without_a_stack_and_with_a_recording_is_told(qtbot, viewer, panel):
    run(qtbot, panel)
    assert "no stack yet" in status(panel)
    show(qtbot, panel, small_zstack(frames_per_slice=None))
    run(qtbot, panel)
    assert "no 'Frames per slice'" in status(panel)
    assert not panel.zstack.align_tab.run_bar.busy


def test_a_missing_file_is_told(qtbot, panel, tmp_path):
    panel.zstack.load_tab.open_paths([tmp_path / "none.tif"])
    settled(qtbot, panel)
    assert "none.tif" in panel.zstack.load_tab.run_bar.status.text()
    assert panel.zstack.load_tab.files_button.isEnabled()


# -- the Load tab ------------------------------------------------------------------------------


def test_no_divisor_becomes_a_short_last_slice_and_says_so(qtbot, viewer, panel):
    show(qtbot, panel, small_zstack(n_slices=2, n_repeats=5))
    panel.zstack.load_tab.details.repeats.setValue(4)
    click(qtbot, panel.zstack.load_tab.apply_button)
    assert "the last slice has only 2 repeats" in panel.zstack.load_tab.words.text()
    assert panel.zstack.shown.raw[0].data.shape[:2] == (4, 3)
    viewer.dims.set_current_step((0, 1), (3, 2))
    assert text_overlay(viewer).text == "slice 2, repeat 3: no such repeat"
    run_to_end(qtbot, panel)
    assert "3 of 3 slices aligned" in status(panel)


def test_edited_sizes_and_names_reach_the_layers_without_new_ones(qtbot, viewer, panel):
    shown = show(qtbot, panel, two_channels(small_zstack()))
    panel.zstack.new_mask()
    details = panel.zstack.load_tab.details
    details.pixel_y.setValue(2.0)
    details.pixel_x.setValue(1.5)
    details.z_step.setValue(7.0)
    details.channels.setText("cells, vessels")
    click(qtbot, panel.zstack.load_tab.apply_button)
    assert panel.zstack.shown is shown
    assert tuple(shown.raw[0].scale) == (1, 7, 2, 1.5)
    assert [layer.name for layer in shown.raw] == ["brain cells", "brain vessels"]
    assert tuple(viewer.layers["brain mask"].scale) == (2, 1.5)
    assert "7 µm steps" in panel.zstack.load_tab.words.text()


def test_run_applies_what_was_edited(qtbot, viewer, panel):
    show(qtbot, panel, small_zstack(frames_per_slice=None))
    panel.zstack.load_tab.details.repeats.setValue(4)
    run_to_end(qtbot, panel)
    assert "3 of 3 slices aligned" in status(panel)


def test_one_pixel_size_alone_is_refused_in_a_sentence(qtbot, panel):
    show(qtbot, panel, small_zstack(pixel_size_um=None))
    panel.zstack.load_tab.details.pixel_y.setValue(2.0)
    click(qtbot, panel.zstack.load_tab.apply_button)
    assert "both sizes" in panel.zstack.load_tab.run_bar.status.text()


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr"])
def test_take_a_layer_that_is_in_napari(qtbot, viewer, panel, kind):
    import dask.array as da
    import zarr

    frames = np.asarray(small_zstack().data[:, 0]).reshape(3, 4, 64, 64).swapaxes(0, 1)
    make = {"numpy": np.asarray, "dask": da.from_array, "zarr": zarr.array}[kind]
    layer = viewer.add_image(
        make(np.ascontiguousarray(frames)), name="mine", contrast_limits=(0, 50), scale=(1, 2, 3, 4)
    )
    assert panel.zstack.load_tab.layer_combo.layer is layer
    assert panel.zstack.load_tab.axes_line.text() == "TZYX"
    click(qtbot, panel.zstack.load_tab.take_button)
    settled(qtbot, panel)
    assert "3 slices × 4 repeats" in panel.zstack.load_tab.words.text()
    np.testing.assert_array_equal(panel.zstack.shown.raw[0].data[2, 1], frames[2, 1])
    assert not layer.visible


def test_a_colour_layer_is_refused_in_a_sentence(qtbot, viewer, panel):
    viewer.add_image(np.zeros((4, 8, 8, 3), np.uint8), rgb=True, name="photo")
    click(qtbot, panel.zstack.load_tab.take_button)
    assert "colour image" in panel.zstack.load_tab.run_bar.status.text()


# -- saved alignments, menus -------------------------------------------------------------------


def test_load_a_saved_alignment_onto_its_stack(qtbot, viewer, panel, tmp_path):
    stack = small_zstack()
    folder = nza.run(nza.align_adaptive(stack)).save(tmp_path / "a.zalign")
    show(qtbot, panel, stack)
    panel.zstack.result.load(folder)
    qtbot.waitUntil(lambda: panel.zstack.shown.alignment is not None)
    settled(qtbot, panel)
    assert len(viewer.layers) == 4
    assert np.asarray(panel.zstack.shown.volume[0].data[2]).max() > 0


def test_an_alignment_in_memory_brings_its_stack(qtbot, viewer, panel):
    panel.zstack.result.show(nza.run(nza.align_adaptive(small_zstack())))
    qtbot.waitUntil(
        lambda: panel.zstack.shown is not None and panel.zstack.shown.alignment is not None
    )
    settled(qtbot, panel)
    assert len(viewer.layers) == 4


def test_choices_follow_the_viewer(qtbot, viewer, panel):
    first = show(qtbot, panel, small_zstack(name="first"))
    second = show(qtbot, panel, small_zstack(name="second"))
    assert panel.zstack.stack_combo.count() == 2
    assert panel.zstack.shown is second
    panel.zstack.stack_combo.setCurrentIndex(0)
    assert panel.zstack.shown is first
    assert panel.zstack.load_tab.words.text().startswith("first")
    first.raw[0].name = "renamed"
    assert panel.zstack.stack_combo.currentText() == "renamed"
    viewer.layers.remove(first.raw[0])
    assert panel.zstack.shown is second
    viewer.layers.clear()
    assert panel.zstack.shown is None
    assert "Nothing loaded" in panel.zstack.load_tab.words.text()


def test_every_control_says_what_it_is_for(qtbot, panel):
    from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit

    silent = []
    for tab in (panel.zstack.load_tab, panel.zstack.mask_tab, panel.zstack.align_tab):
        for kind in (QAbstractButton, QAbstractSpinBox):
            silent += [w for w in tab.findChildren(kind) if not w.toolTip() and w.text()]
        silent += [w for w in tab.findChildren(QComboBox) if not w.toolTip()]
        for line in tab.findChildren(QLineEdit):
            inside = isinstance(line.parent(), (QAbstractSpinBox, QComboBox))
            silent += [line] if not inside and not line.toolTip() else []
    assert not [w.text() if hasattr(w, "text") else type(w).__name__ for w in silent]


def test_the_gui_touches_layers_in_the_main_thread_alone(qtbot, viewer, panel, monkeypatch):
    import threading

    from napari_zstack_align.gui.stack_layers import StackLayers

    threads = []
    original = StackLayers.show_alignment

    def watched(self, alignment):
        threads.append(threading.current_thread())
        original(self, alignment)

    monkeypatch.setattr(StackLayers, "show_alignment", watched)
    show(qtbot, panel, small_zstack())
    run_to_end(qtbot, panel)
    assert set(threads) == {threading.main_thread()}


def test_metadata_tell_the_stack_of_a_layer(qtbot, viewer, panel):
    shown = show(qtbot, panel, small_zstack())
    assert stack_of(viewer.layers[0]) is shown
    assert stack_of(viewer.add_image(np.zeros((4, 4)))) is None


def test_the_panel_fills_its_dock(qtbot, viewer, panel):
    qtbot.wait(50)
    frame = panel.parent()
    assert panel.height() >= frame.height() - 10
