"""What is offered and proposed as recording and reference."""

from __future__ import annotations

import numpy as np
from driving import click, settled

import napari_zstack_align as nza
from napari_zstack_align.gui.recordings.recording import Recording

from .conftest import PARAMS


def names(row):
    return [row.combo.itemText(index) for index in range(row.combo.count())]


def chosen(panel):
    tab = panel.zshift.tab
    return tab.recording.combo.currentText(), tab.reference.combo.currentText()


def choose(row, name):
    row.combo.setCurrentIndex(names(row).index(name))


def add_layers(viewer):
    um = {"units": ("um", "um", "um"), "contrast_limits": (0, 1)}
    volume = np.zeros((9, 64, 64), np.float32)
    viewer.add_image(volume, name="anatomy", axis_labels=("z", "y", "x"), scale=(2, 1, 1), **um)
    viewer.add_image(np.zeros((30, 64, 64), np.uint16), name="movie", **um)


def test_of_layers_the_longer_one_is_the_recording_and_the_one_with_z_the_reference(panel, viewer):
    add_layers(viewer)
    assert chosen(panel) == ("Layer: movie", "Layer: anatomy")
    words = panel.zshift.tab.what.text()
    assert words == (
        "30 frames of 64 × 64 px, not aligned, to be located in 9 slices of 64 × 64 px, 2 µm apart."
    )


def test_a_session_and_a_zstack_are_proposed_before_layers(qtbot, panel, viewer, recording, sample):
    add_layers(viewer)
    panel.zstack.load_stack(sample.reference.replace(name="zstack"))
    settled(qtbot, panel)
    panel.recordings.show([Recording(recording, [(0.0, 1.0)])])
    assert chosen(panel) == ("larva (raw)", "zstack (raw)")
    assert {"Layer: movie", "Layer: anatomy"} <= set(names(panel.zshift.tab.recording))


def test_a_choice_by_hand_stays_when_layers_come_and_go(panel, viewer):
    add_layers(viewer)
    choose(panel.zshift.tab.recording, "Layer: anatomy")
    assert chosen(panel) == ("Layer: anatomy", "Layer: movie")
    viewer.add_image(np.zeros((90, 64, 64), np.uint8), name="longer")
    assert chosen(panel)[0] == "Layer: anatomy"
    viewer.layers.remove("anatomy")
    assert chosen(panel)[0] == "Layer: longer"


def test_a_step_that_was_typed_in_is_of_one_reference(panel, viewer):
    add_layers(viewer)
    tab = panel.zshift.tab
    choose(tab.reference, "Layer: movie")
    tab.z_step.setValue(3)
    assert "3 µm apart" in tab.what.text()
    choose(tab.reference, "Layer: anatomy")
    assert tab.z_step_um is None
    assert "2 µm apart" in tab.what.text()


def test_files_and_saved_alignments_are_opened_and_chosen(qtbot, panel, tmp_path, sample):
    stack = nza.Stack.from_array(
        np.repeat(sample.reference.read(0, 9)[:, 0], 2, axis=0), frames_per_slice=2, name="twice"
    )
    np.save(tmp_path / "movie.npy", sample.recording.read(0, 24)[:, 0])
    folder = nza.run(nza.align_adaptive(stack)).save(tmp_path / "volume.zalign")
    tab = panel.zshift.tab
    for row, path in ((tab.recording, tmp_path / "movie.npy"), (tab.reference, folder)):
        panel.zshift.open_source(row, path)
        settled(qtbot, panel)
    assert chosen(panel) == ("File: movie.npy", "Alignment: volume.zalign")
    assert "24 frames of 64 × 64 px" in tab.what.text()
    click(qtbot, tab.run_bar.run_button)
    settled(qtbot, panel)
    assert "was an array in memory" in tab.run_bar.status.text()


DO_NOT_FIT = [
    ([], "There is no recording yet"),
    ([(30, 64, 64)], "Recording and reference are the same"),
    ([(30, 64, 64), (1, 64, 64)], "is a single slice"),
    ([(30, 64, 64), (9, 80, 64)], "give the pixel sizes of both"),
    ([(30, 12, 12), (9, 12, 12)], "too small"),
    ([(30, 64, 64), (9, 64, 64)], "blank"),
]


def test_what_does_not_fit_is_said_in_a_sentence(qtbot, panel, viewer):
    tab = panel.zshift.tab
    tab.form.set_values(PARAMS)
    for shapes, words in DO_NOT_FIT:
        viewer.layers.clear()
        for shape in shapes:
            viewer.add_image(np.zeros(shape, np.float32), contrast_limits=(0, 1))
        click(qtbot, tab.run_bar.run_button)
        settled(qtbot, panel)
        assert words in tab.run_bar.status.text()
        assert panel.zshift.view is None
