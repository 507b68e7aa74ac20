"""From a recording and a z-stack to depths on the screen, as a person does it."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import QPointF, Qt
from qtpy.QtWidgets import QApplication
from stacks import SlowSource

from napari_zstack_align.alignment.alignment import Alignment
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.gui import file_dialogs
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.project.opening import preparing
from napari_zstack_align.gui.recordings.recording import Recording
from napari_zstack_align.gui.zshift import run as zshift_run
from napari_zstack_align.params import KeypointParams
from napari_zstack_align.progress import run
from napari_zstack_align.project import Project
from napari_zstack_align.read import open_stack
from napari_zstack_align.stack import Stack
from napari_zstack_align.zshift import estimate, load_zshift

from .conftest import Z


@pytest.fixture
def found(qtbot, panel, loaded):
    click(qtbot, loaded.tab.run_bar.run_button)
    settled(qtbot, panel)
    return loaded


def visible(viewer):
    return [layer.name for layer in viewer.layers if layer.visible]


def status(part):
    return part.tab.run_bar.status.text()


def test_the_first_click_finds_the_depths(panel, viewer, found):
    z = found.view.zshift
    inside = (Z > 0) & (Z < 8)
    assert np.sqrt(np.mean((z.z - Z)[inside] ** 2)) < 0.15
    assert "outside the stack" in status(found)
    assert visible(viewer) == ["larva frames", "larva matching slice"]
    assert found.dock.plot.view is found.view
    np.testing.assert_allclose(found.dock.plot.curve.getData()[1], found.view.z)


def test_a_layer_of_repeats_is_refused_with_the_sentence_of_the_command(
    qtbot, panel, viewer, loaded, sample
):
    repeats = np.repeat(sample.reference.read(0, 9)[:, 0], 4, axis=0)
    noise = np.random.default_rng(0).normal(0, 2, repeats.shape)
    viewer.add_image(repeats + noise, name="raw stack")
    combo = loaded.tab.reference.combo
    combo.setCurrentIndex(combo.findText("Layer: raw stack"))
    click(qtbot, loaded.tab.run_bar.run_button)
    settled(qtbot, panel)
    assert "look like slices of 4 repeats each" in status(loaded)
    assert "Frames per slice: 4" in status(loaded)


def test_frame_slice_plot_and_map_step_together(viewer, found):
    left, right = (found.layers.images[name] for name in ("frames", "slice"))
    assert right.extent.world[0][-1] > left.extent.world[1][-1]
    for frame in (3, 12, 20):
        found.layers.go_to(frame)
        QApplication.processEvents()
        k = found.view.zshift.matching_slice(frame)
        assert found.dock.plot.current[0].value() == frame
        tilt = found.view.zshift.patch_z[frame] - found.view.zshift.z[frame]
        np.testing.assert_allclose(found.dock.map.values(), 2 * tilt, atol=1e-5)
        np.testing.assert_array_equal(
            left.data[frame], found.view.zshift.stack.read(frame, frame + 1)[0, 0]
        )
        words = text_overlay(viewer).text
        assert f"larva, frame {frame}\n" in words
        if found.view.is_outside(frame):
            assert "outside the stack" in words
        else:
            np.testing.assert_array_equal(
                right.data[frame], found.view.zshift.reference.read(k, k + 1)[0, 0]
            )


@pytest.mark.thorough
def test_a_click_goes_to_the_frame_and_movies_are_lazy_layers(qtbot, panel, viewer, found):
    plot = found.dock.plot
    scene = plot.depth.vb.mapViewToScene(QPointF(17, 8.0))
    qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=plot.mapFromScene(scene))
    assert found.layers.position() == 17
    click(qtbot, found.tab.views["simulated"])
    panel.toggle()
    assert found.tab.views["corrected"].isChecked()
    assert visible(viewer) == [
        "larva z-shift only (simulated)",
        "larva z-corrected (baseline only)",
    ]
    z = found.view.zshift
    for what, movie in (("simulated", z.simulate()), ("corrected", z.corrected())):
        expected = np.nan_to_num(movie[12].compute(), nan=0.0)
        np.testing.assert_allclose(found.layers.images[what].data[12], expected)
    panel.toggle()
    assert found.layers.left == "frames"


@pytest.mark.thorough
def test_other_tabs_get_their_layers_back(panel, viewer, found):
    panel.open_tab("Session")
    assert visible(viewer) == ["zstack", "session aligned"]
    assert found.dock.parent().isHidden()
    panel.open_tab("Z-shift")
    assert visible(viewer) == ["larva frames", "larva matching slice"]
    viewer.layers.remove("larva frames")
    found._go_to(4)
    assert found.layers.position() == 4
    assert "larva frames" in visible(viewer)


def test_save_open_and_export(qtbot, panel, found, tmp_path):
    before = found.view.zshift
    found.files.save(tmp_path / "larva")
    settled(qtbot, panel)
    np.testing.assert_array_equal(load_zshift(tmp_path / "larva.zalign").z, before.z)
    panel.open_saved(tmp_path / "larva.zalign")
    settled(qtbot, panel)
    assert found.view.zshift is not before
    np.testing.assert_array_equal(found.view.zshift.z, before.z)
    assert found.layers.images["frames"].data[5].any(), "frames of the chosen recording"
    for what, ending in (("corrected", ".ome.tif"), ("simulated", ".ome.zarr")):
        path = tmp_path / f"{what}{ending}"
        found.files.export(path, what)
        settled(qtbot, panel)
        assert status(found) == f"Wrote {path}"
        assert open_stack(path).shape == (len(Z), 1, 64, 64)


def aligned(stack):
    """An alignment that moves nothing."""
    table = empty_table(stack.n_frames, "chunk")
    table["used"], table["correlation_after"] = True, 0.8
    link = AffineLink(np.tile(np.eye(3), (stack.n_frames, 1, 1)))
    reference = stack.read(0, 1)[0, 0].astype(np.float32)
    return Alignment(stack, Transforms((64, 64), (link,)), reference, table, KeypointParams())


def test_what_was_found_through_another_alignment_is_outdated(
    qtbot, panel, found, answer, monkeypatch, tmp_path
):
    proposed = []

    def choose(_, __, name, *___):
        proposed.append(name)
        return str(tmp_path / name), ""

    monkeypatch.setattr(file_dialogs, "choose_name", choose)
    recording, why = panel.recordings.recordings[0], "larva is aligned otherwise now"
    assert found.outdated == ""
    again = run(preparing(panel.keeper.snapshot())).zshift
    assert [each.stack.name for each in again.movies] == ["larva", "zstack"]
    recording.alignment = aligned(recording.stack)
    panel.recordings.refresh()
    assert f"⚠ This z-shift is outdated: {why}." in found.dock.words.text()
    for name in ("save", "corrected"):
        answer("Don't write")
        click(qtbot, found.tab.buttons[name])
    assert all(why in question for question in answer.asked)
    assert not proposed
    for name in ("save", "simulated"):
        answer("Write them")
        click(qtbot, found.tab.buttons[name])
        settled(qtbot, panel)
    assert proposed == ["outdated larva_zshift.zalign", "outdated larva_simulated.ome.tif"]
    assert any(why in remark for remark in load_zshift(tmp_path / proposed[0]).remarks)
    recording.alignment = None
    panel.recordings.refresh()
    assert "outdated" not in found.dock.words.text()


def show_a_slow_recording(panel, recording, monkeypatch):
    monkeypatch.setattr(estimate, "SNAPSHOT_S", 0.05)
    frames = np.tile(recording.read(0, len(Z))[:, 0], (6, 1, 1))
    long = Stack.from_array(frames, name="long")
    slow = long.replace(source=SlowSource(long.source, 0.05))
    panel.recordings.show([Recording(slow, [(100.0, 800.0)])])
    return frames


@pytest.mark.thorough
def test_cancel_keeps_what_was_finished(qtbot, panel, loaded, recording, monkeypatch):
    frames = show_a_slow_recording(panel, recording, monkeypatch)
    click(qtbot, loaded.tab.run_bar.run_button)
    qtbot.waitUntil(lambda: loaded.view is not None)
    click(qtbot, loaded.tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert "not run; what is there is kept" in status(loaded)
    waiting = loaded.view.zshift.flags == "not run"
    assert 0 < waiting.sum() < len(frames)
    assert np.isnan(loaded.view.z[waiting]).all()
    assert loaded.tab.buttons["save"].isEnabled()


@pytest.mark.thorough
def test_cancel_brings_a_complete_one_back(
    qtbot, panel, viewer, found, recording, monkeypatch, answer, tmp_path, zshift
):
    before, images = found.view, {layer: layer.data for layer in found.layers.layers()}
    show_a_slow_recording(panel, recording, monkeypatch)
    monkeypatch.setattr(zshift_run, "DRAW_INTERVAL_S", 0.0)
    bar = found.tab.run_bar
    click(qtbot, bar.run_button)
    qtbot.waitUntil(lambda: bar.worker.partial is not None)
    qtbot.wait(200)
    assert found.view is before
    assert list(found.collect(Project()).zshifts.values()) == [before.zshift]
    click(qtbot, bar.cancel_button)
    settled(qtbot, panel)
    assert found.view is before
    assert found.dock.view is before
    assert {layer: layer.data for layer in found.layers.layers()} == images
    assert "is as it was" in status(found)
    answer("Keep this one")
    found.open_saved(zshift.save(tmp_path / "other"))
    settled(qtbot, panel)
    assert found.view is before
    assert "The z-shift of larva is in no file of its own" in answer.asked[0]
