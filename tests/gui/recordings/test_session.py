"""The tabs for recordings, driven like a person would, with real workers."""

from __future__ import annotations

import numpy as np
import pytest
from driving import click, settled
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent

import napari_zstack_align as nza
from napari_zstack_align.gui.compat import text_overlay
from napari_zstack_align.gui.recordings import results
from napari_zstack_align.gui.recordings.match_view import INLIER, OUTLIER
from napari_zstack_align.gui.recordings.point_pairs import KINDS
from napari_zstack_align.gui.recordings.recording_list import COLUMNS
from napari_zstack_align.stack import Stack

from .conftest import SIZE, add, press, run_to_end, slow


def status(panel, tab="Recordings"):
    bars = dict(zip(("Recordings", "Session"), panel.recordings.run_bars, strict=True))
    return bars[tab].status.text()


# -- the list ----------------------------------------------------------------------------------


def test_recordings_are_listed_and_make_one_sequence(viewer, panel, session):
    rows = session.tab.list
    assert [rows.topLevelItem(k).text(0) for k in range(3)] == ["part 1", "part 2", "part 3"]
    shown = [COLUMNS.index(title) for title in ("Frames", "Pixels", "µm", "Hz")]
    said = ["60", f"{SIZE} × {SIZE}", "0.8", "10"]
    assert [rows.topLevelItem(0).text(column) for column in shown] == said
    assert [rows.isColumnHidden(COLUMNS.index(title)) for title in ("Dropped", "Ch.")] == [
        True,
        True,
    ]
    [raw] = viewer.layers
    assert raw.data.shape == (180, SIZE, SIZE)
    np.testing.assert_array_equal(raw.data[61], session.recordings[1].stack.read(1, 2)[0, 0])
    assert tuple(raw.scale) == (1, 0.8, 0.8)
    assert viewer.dims.axis_labels == ("frame", "y", "x")
    assert "frames" in session.tab.consequences.text()


def test_another_order_and_fewer_recordings(qtbot, viewer, panel, session):
    rows = session.tab.list
    rows.go_to(2)
    qtbot.keyClick(rows, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    assert [r.name for r in session.recordings] == ["part 1", "part 3", "part 2"]
    third = session.recordings[1].stack
    np.testing.assert_array_equal(viewer.layers[0].data[60], third.read(0, 1)[0, 0])
    qtbot.keyClick(rows, Qt.Key.Key_Delete)
    assert [r.name for r in session.recordings] == ["part 1", "part 2"]
    assert viewer.layers[0].data.shape[0] == 120
    rows.selectAll()
    press(qtbot, panel, "remove")
    assert session.recordings == []
    assert not viewer.layers
    press(qtbot, panel, "check")
    assert "no recordings yet" in status(panel)


def test_the_slider_and_the_list_follow_each_other(viewer, panel, session):
    session.tab.list.go_to(2)
    assert viewer.dims.current_step[0] == 120
    session.layers.go_to(75)
    assert session.tab.list.current == 1
    assert text_overlay(viewer).text == "part 2, frame 15"


def test_back_from_3d_the_slider_stays(viewer, session):
    session.layers.go_to(75)
    viewer.dims.ndisplay = 3
    session.toggle()
    assert viewer.dims.ndisplay == 2
    assert viewer.dims.current_step[0] == 75


def test_files_dropped_on_the_list_are_added_and_bad_ones_told(qtbot, panel, movie, tmp_path):
    import tifffile

    for number in (10, 2):
        tifffile.imwrite(tmp_path / f"r{number}.tif", movie[:30])
    (tmp_path / "broken.tif").write_bytes(b"II*\0nonsense")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path))])
    event = QDropEvent(
        QPointF(5, 5),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    panel.recordings.tab.list.dropEvent(event)
    settled(qtbot, panel)
    assert [r.name for r in panel.recordings.recordings] == ["r2", "r10"]
    assert "Added 2 recordings" in status(panel)
    assert "broken.tif" in status(panel)


def test_selected_layers_become_recordings_once(qtbot, viewer, panel, movie):
    layers = [viewer.add_image(movie[:20], name=f"mine {k}") for k in range(2)]
    viewer.layers.selection = set(layers)
    press(qtbot, panel, "layers")
    assert [r.name for r in panel.recordings.recordings] == ["mine 0", "mine 1"]
    viewer.layers.selection.clear()
    press(qtbot, panel, "layers")
    assert "Select image layers" in status(panel)
    viewer.layers.selection = {viewer.add_points(np.zeros((1, 2)))}
    press(qtbot, panel, "layers")
    assert "no image layer" in status(panel)


# -- before the run ----------------------------------------------------------------------------


def test_chunk_size_and_its_consequences(panel, session):
    field = session.tab.form.fields["chunk_frames"]
    field.set(15)
    assert session.tab.consequences.text() == (
        "Chunks of 15 frames (1.5 s); 4 a recording, 12 in all."
    )
    session.tab.form.fields["n_chunks"].set(2)
    assert "not both" in session.tab.consequences.text()


def test_will_this_work_shows_the_matches(qtbot, viewer, panel, session):
    session.tab.list.go_to(2)
    press(qtbot, panel, "check")
    assert session.tab.verdict.text().startswith("Go: part 3")
    assert " px " in session.tab.verdict.text()
    match = session.layers.match
    assert match.image.data.shape == (SIZE, 2 * SIZE + 8)
    assert [layer.visible for layer in (match.image, match.lines, match.points)] == [True] * 3
    assert not session.layers.raw[0].visible
    starts, ends = match.lines.data[:, 0], match.lines.data.sum(axis=1)
    assert starts[:, 1].max() < SIZE <= ends[:, 1].min()
    colours = {tuple(np.round(c, 2)) for c in match.lines.edge_color}
    assert tuple(np.round(INLIER, 2)) in colours
    assert colours <= {tuple(np.round(INLIER, 2)), tuple(np.round(OUTLIER, 2))}
    n_layers = len(viewer.layers)
    session.tab.chunk_box.setValue(0)
    press(qtbot, panel, "check")
    assert len(viewer.layers) == n_layers


@pytest.mark.thorough
def test_an_unrelated_recording_is_no_go_with_a_reason(qtbot, panel, stacks):
    noise = np.random.default_rng(0).poisson(20, (40, SIZE, SIZE)).astype(np.uint16)
    session = add(qtbot, panel, [*stacks, Stack.from_array(noise, name="part 4 noise")])
    session.tab.list.go_to(3)
    press(qtbot, panel, "check")
    assert session.tab.verdict.text().startswith("No go: part 4 noise")
    press(qtbot, panel, "compare")
    assert "3 of 4 recordings match" in session.tab.verdict.text()
    assert "part 4 noise" in session.tab.verdict.text()
    assert [len(table) for table in session.plots.map.tables] == [1] * 4
    session.plots.map.cell_clicked.emit(1, 0)
    assert session.tab.verdict.text().startswith("Go: part 2")


def test_a_mask_is_painted_over_the_mean_of_the_reference(qtbot, viewer, panel, session):
    press(qtbot, panel, "mask")
    mask = viewer.layers.selection.active
    assert session.tab.mask_combo.layer is mask
    assert mask.mode == "paint"
    assert next(layer.name for layer in viewer.layers if layer.visible) == "reference mean"
    background = viewer.layers["reference mean"].data
    assert background.shape == (SIZE, SIZE)
    assert background.std() > 0
    press(qtbot, panel, "check")
    assert "mask is empty" in status(panel)
    mask.data[30:112, 30:112] = 1
    mask.refresh()
    mask.translate = (0, 8)
    press(qtbot, panel, "check")
    assert "was moved, turned or scaled in napari" in status(panel)
    mask.translate = (0, 0)
    press(qtbot, panel, "check")
    points = session.layers.match.points
    blue = points.face_color[:, 2] > 0.9
    left = points.data[:, 1] < SIZE
    inside = np.all((points.data > 31) & (points.data < 110), axis=1)
    outside = np.any((points.data < 28) | (points.data > 114), axis=1)
    assert np.all(blue[left & inside])
    assert not np.any(blue[left & outside])


def test_bad_parameters_are_one_sentence(qtbot, panel, session):
    session.tab.form.fields["chunk_frames"].set(10)
    session.tab.form.fields["n_chunks"].set(2)
    click(qtbot, session.tab.run_bar.run_button)
    assert "not both" in status(panel)
    assert not session.busy


@pytest.mark.thorough
def test_comparing_again_after_the_run_keeps_the_map_of_the_run(qtbot, panel, aligned):
    panel.open_tab("Recordings")
    press(qtbot, panel, "compare")
    assert [len(table) for table in aligned.plots.map.tables] == [1, 1, 1]
    panel.open_tab("Session")
    assert [len(table) for table in aligned.plots.map.tables] == [3, 3, 3]


# -- the run -----------------------------------------------------------------------------------


def test_run_aligns_all_in_one_frame_of_coordinates(qtbot, viewer, panel, session, registered):
    run_to_end(qtbot, panel)
    assert "3 of 3 recordings registered" in status(panel)
    assert status(panel, "Session") == status(panel)
    layer = session.layers.aligned[0]
    assert layer.visible
    assert layer.data.shape == (180, SIZE, SIZE)
    raw = np.asarray(session.layers.raw[0].data[...])[:, 30:-30, 30:-30].astype(float)
    moved = np.asarray(layer.data[...])[:, 30:-30, 30:-30].astype(float)
    assert likeness(moved) > likeness(raw) + 0.05
    assert [len(table) for table in session.plots.map.tables] == [
        len(r.alignment.chunks) for r in session.recordings
    ]
    assert all(r.alignment.complete for r in session.recordings)
    for found, expected in zip(session.alignments, registered, strict=True):
        assert found.params == expected.params
        np.testing.assert_array_equal(found.reference, expected.reference)


def likeness(frames):
    """Correlation of the means of the first and the last recording."""
    first, last = frames[:60].mean(axis=0), frames[-60:].mean(axis=0)
    return np.corrcoef(first.ravel(), last.ravel())[0, 1]


@pytest.mark.thorough
def test_channels_and_other_sizes_share_the_sequence(qtbot, viewer, panel, movie):
    both = np.stack([movie[:60], movie[:60] // 2], axis=1)
    small = np.stack([movie[60:120], movie[60:120] // 2], axis=1)[..., 8:128, 5:135]
    names = ("red", "green")
    session = add(
        qtbot,
        panel,
        [
            Stack.from_array(d, "TCYX", channel_names=names, name=n)
            for d, n in ((both, "a"), (small, "b"))
        ],
    )
    run_to_end(qtbot, panel)
    assert "2 of 2" in status(panel)
    assert [layer.name for layer in session.layers.aligned] == [
        "session aligned red",
        "session aligned green",
    ]
    red, green = (layer.data for layer in session.layers.aligned)
    shape = session.alignments[0].reference.shape
    assert red.shape == green.shape == (120, *shape)
    assert np.abs(red[90] // 2 - green[90].astype(int)).max() <= 1
    assert session.layers.raw[0].data.shape == (120, SIZE, SIZE)


def test_a_click_in_the_map_goes_to_the_chunk(viewer, panel, aligned):
    aligned.plots.map.cell_clicked.emit(2, 1)
    chunk = aligned.recordings[2].alignment.chunks[1]
    assert viewer.dims.current_step[0] == 120 + int(chunk["midpoint"])
    assert aligned.results.repair.chosen.chunk == 1
    assert "chunk 1" in aligned.plots.map.words.text().lower()
    aligned.plots.quality.frame_clicked.emit(3)
    assert viewer.dims.current_step[0] == 123
    assert aligned.plots.quality.current[0].value() == 3


def test_the_key_switches_raw_and_aligned(viewer, panel, aligned):
    layers = aligned.layers
    assert layers.mode == "aligned"
    panel.toggle()
    assert (layers.raw[0].visible, layers.aligned[0].visible) == (True, False)
    panel.toggle()
    assert (layers.raw[0].visible, layers.aligned[0].visible) == (False, True)


@pytest.mark.thorough
def test_a_second_run_makes_no_new_layers(qtbot, viewer, panel, aligned):
    before = list(viewer.layers)
    run_to_end(qtbot, panel)
    assert list(viewer.layers) == before


def test_cancel_keeps_what_is_done(qtbot, panel, stacks, tmp_path):
    last = slow(stacks[2:], 0.09, fast_reads=1)  # reached long after the first one is registered
    session = add(qtbot, panel, [*stacks[:2], *last])
    click(qtbot, session.tab.run_bar.run_button)
    qtbot.waitUntil(lambda: bool(session.aligned))
    click(qtbot, session.tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert "Cancelled" in status(panel)
    assert "kept" in status(panel)
    assert "Cancelled" in session.results_tab.run_bar.status.text()  # and not what it said before
    assert not all(alignment.complete for alignment in session.alignments)
    session.results.save(tmp_path / "partial")
    settled(qtbot, panel)
    saved = nza.load_alignment(tmp_path / "partial")
    assert any((a.quality["flag"] == "not run").any() for a in saved)


@pytest.mark.thorough
def test_cancel_before_anything_is_done_leaves_the_raw_frames(qtbot, viewer, panel, stacks):
    session = add(qtbot, panel, slow(stacks, 0.1))
    click(qtbot, session.tab.run_bar.run_button)
    click(qtbot, session.tab.run_bar.cancel_button)
    settled(qtbot, panel)
    assert session.layers.raw[0].visible
    assert session.tab.run_bar.run_button.isEnabled()


@pytest.mark.thorough
def test_an_error_in_the_worker_is_told_and_run_works_again(qtbot, panel, session, monkeypatch):
    from napari_zstack_align.gui.recordings import run as running

    def failing(*args, **kwargs):
        yield nza.Progress("Working", 0, 1)
        raise nza.AlignmentError("Nothing matched.")

    monkeypatch.setattr(running.engine, "register_recordings", failing)
    run_to_end(qtbot, panel)
    assert status(panel) == "Nothing matched."
    monkeypatch.undo()
    run_to_end(qtbot, panel)
    assert "3 of 3" in status(panel)


@pytest.mark.thorough
def test_a_new_recording_joins_without_redoing_the_others(qtbot, panel, stacks):
    session = add(qtbot, panel, stacks[:2])
    run_to_end(qtbot, panel)
    before = session.alignments
    add(qtbot, panel, stacks[2:])
    assert session.tab.join_box.isVisibleTo(session.tab)
    session.tab.join_box.setChecked(True)
    run_to_end(qtbot, panel)
    assert session.alignments[:2] == before
    assert session.recordings[2].alignment.complete
    assert not session.tab.join_box.isVisibleTo(session.tab)


# -- repair ------------------------------------------------------------------------------------


def test_mark_a_chunk_as_bad(qtbot, panel, aligned):
    others = [r.alignment for r in aligned.recordings if r.name != "part 2"]
    aligned.plots.map.cell_clicked.emit(1, 1)
    press(qtbot, panel, "reject")
    assert "Marked chunk 1 of part 2" in status(panel, "Session")
    assert aligned.recordings[1].alignment.chunks["flag"][1] != ""
    assert [r.alignment for r in aligned.recordings if r.name != "part 2"] == others
    assert len(aligned.plots.map.marks.points()) >= 1


def test_set_points_by_hand(qtbot, viewer, panel, aligned):
    aligned.plots.map.cell_clicked.emit(2, 0)
    press(qtbot, panel, "points")
    pairs = aligned.layers.points
    assert viewer.layers.selection.active.mode == "add"
    alignment = aligned.recordings[2].alignment
    frame = int(alignment.chunks["midpoint"][0])
    reference = np.array([(45.0, 45.0), (45.0, 105.0), (105.0, 45.0), (105.0, 97.0)])
    raw = alignment.transforms.to_raw(reference, frame)
    active = viewer.layers.selection.active
    for one in reference[:2]:
        active.add(one)
    press(qtbot, panel, "apply_points")
    assert "at least 3" in status(panel, "Session")
    for one in (
        *reference[2:],
        *(raw + np.array([0, SIZE + 8])),
    ):  # the layer of the reference takes all clicks
        active.add(one)
        qtbot.wait(5)
    left, right = pairs.pairs()
    np.testing.assert_allclose(left, reference)
    np.testing.assert_allclose(right, raw)
    assert "4 left, 4 right" in status(panel, "Session")
    press(qtbot, panel, "apply_points")
    assert "Fitted chunk 0 of part 3 (frames 0–19) to 4 points" in status(panel, "Session")
    repaired = aligned.recordings[2].alignment
    assert repaired.chunks["method"][0] == "by hand"
    assert aligned.layers.mode == "aligned"
    found = repaired.transforms.to_raw(reference, frame)
    assert np.abs(found - raw).max() < 0.5
    press(qtbot, panel, "points")  # the layers, hidden since, are used again
    assert [len(points) for points in pairs.pairs()] == [0, 0]
    for count, one in enumerate(reference, start=1):
        viewer.layers.selection.active.add(one)
        qtbot.waitUntil(lambda count=count: f"{count} left" in status(panel, "Session"))


@pytest.mark.thorough
def test_give_up_goes_back_to_the_frames(qtbot, panel, aligned):
    press(qtbot, panel, "points")
    press(qtbot, panel, "drop_points")
    assert aligned.layers.mode == "aligned"
    assert not aligned.layers.first(*KINDS).visible


# -- results -----------------------------------------------------------------------------------


def test_overlay_of_two_recordings_before_and_after(qtbot, viewer, panel, aligned):
    tab = aligned.results_tab
    tab.pair[1].setCurrentIndex(2)
    press(qtbot, panel, "overlay")
    first, second = aligned.layers.overlay
    assert [layer.colormap.name for layer in (first, second)] == ["magenta", "green"]
    assert [str(layer.blending) for layer in (first, second)] == ["additive"] * 2
    assert first.visible
    assert second.visible
    assert not aligned.layers.aligned[0].visible
    after = correlation(first.data, second.data)
    tab.before_box.setChecked(True)
    settled(qtbot, panel)
    assert correlation(first.data, second.data) < after - 0.02
    press(qtbot, panel, "overlay")
    assert aligned.layers.mode == "aligned"


def correlation(first, second):
    return np.corrcoef(first[30:-30, 30:-30].ravel(), second[30:-30, 30:-30].ravel())[0, 1]


def test_common_field_is_outlined(qtbot, panel, aligned):
    press(qtbot, panel, "field")
    outline = aligned.layers.field
    assert outline.visible
    assert len(outline.data) >= 1
    assert "common field covers" in status(panel, "Session")
    press(qtbot, panel, "field")
    assert not outline.visible


def test_every_recording_as_a_layer_of_its_own(qtbot, viewer, panel, aligned):
    press(qtbot, panel, "own_layers")
    qtbot.waitUntil(lambda: "part 3 aligned" in viewer.layers)
    own = viewer.layers["part 2 aligned"].data
    np.testing.assert_array_equal(own[7], aligned.layers.aligned[0].data[67])
    n_layers = len(viewer.layers)
    press(qtbot, panel, "own_layers")
    qtbot.wait(50)
    assert len(viewer.layers) == n_layers


@pytest.mark.thorough
def test_save_and_open_a_session(qtbot, viewer, panel, movie, tmp_path):
    paths = []
    for number in range(2):
        paths.append(tmp_path / f"r{number}.npy")
        np.save(paths[-1], movie[60 * number : 60 * number + 60])
    panel.recordings.add_paths(paths)
    settled(qtbot, panel)
    run_to_end(qtbot, panel)
    panel.recordings.results.save(tmp_path / "larva")
    settled(qtbot, panel)
    assert "Saved" in status(panel, "Session")
    before = np.asarray(panel.recordings.layers.aligned[0].data[70])
    panel.recordings.tab.list.selectAll()
    press(qtbot, panel, "remove")
    assert not panel.recordings.recordings
    panel.open_saved(tmp_path / "larva")
    settled(qtbot, panel)
    assert "Opened 2 recordings" in status(panel, "Session")
    assert [r.name for r in panel.recordings.recordings] == ["r0", "r1"]
    np.testing.assert_array_equal(panel.recordings.layers.aligned[0].data[70], before)
    assert panel.part_in_front is panel.recordings
    assert len(panel.recordings.plots.map.tables) == 2


@pytest.mark.thorough
def test_a_saved_alignment_opens_on_the_session_tab_and_can_be_the_reference(
    qtbot, viewer, panel, stacks, movie, tmp_path
):
    np.save(tmp_path / "r0.npy", movie[:60])
    stack = nza.open_stack(tmp_path / "r0.npy")
    params = nza.KeypointParams(chunk_frames=20)
    [alignment] = nza.run(nza.register_recordings([stack], params))
    alignment.save(tmp_path / "r0.zalign")
    panel.open_saved(tmp_path / "r0.zalign")
    qtbot.waitUntil(lambda: bool(panel.recordings.alignments))
    settled(qtbot, panel)
    assert panel.part_in_front is panel.recordings

    panel.recordings.tab.list.set_recordings([])
    session = add(qtbot, panel, stacks[2:])
    session.trial.load_reference(tmp_path / "r0.zalign")
    settled(qtbot, panel)
    assert session.tab.reference_combo.currentText() == "r0 reference"
    run_to_end(qtbot, panel)
    np.testing.assert_array_equal(session.alignments[0].reference, alignment.reference)


@pytest.mark.thorough
def test_a_session_whose_frames_are_gone_is_told(qtbot, panel, movie, tmp_path):
    np.save(tmp_path / "r0.npy", movie[:60])
    panel.recordings.add_paths([tmp_path / "r0.npy"])
    settled(qtbot, panel)
    run_to_end(qtbot, panel)
    panel.recordings.results.save(tmp_path / "larva")
    settled(qtbot, panel)
    (tmp_path / "r0.npy").unlink()
    panel.recordings.tab.list.selectAll()
    press(qtbot, panel, "remove")
    panel.open_saved(tmp_path / "larva")
    settled(qtbot, panel)
    assert "r0.npy" in status(panel, "Session")
    assert panel.recordings.layers.aligned[0].data[3].max() == 0


@pytest.mark.parametrize("index", range(5), ids=["ome-tiff", "fiji", "ome-zarr", "hdf5", "suite2p"])
def test_export(qtbot, panel, aligned, tmp_path, index):
    tab = aligned.results_tab
    tab.format.setCurrentIndex(index)
    tab.crop_box.setChecked(True)
    if tab.format.currentData() == ".h5":
        pytest.importorskip("h5py")
    tab.which.setCurrentIndex(index % 2)
    aligned.results.export(tmp_path / "out")
    settled(qtbot, panel)
    assert "Wrote" in status(panel, "Session")
    assert len(list(tmp_path.iterdir())) == (3 if index % 2 == 0 else 1)
    aligned.results.report(tmp_path / "page.html")
    settled(qtbot, panel)
    assert "Wrote" in status(panel, "Session")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert ("Session of 3 recordings" in page) == (index % 2 == 0)
    aligned.results.film(tmp_path / "film.gif")
    settled(qtbot, panel)
    assert f"Wrote {tmp_path / 'film.gif'}" in status(panel, "Session")


def test_transforms_out_in_and_onto_another_layer(qtbot, viewer, panel, aligned, movie, tmp_path):
    aligned.layers.go_to_frame(1, 5)
    aligned.results.write_transforms(tmp_path / "t.csv")
    settled(qtbot, panel)
    frame = np.asarray(aligned.layers.aligned[0].data[65])
    aligned.results.read_transforms(tmp_path / "t.csv")
    settled(qtbot, panel)
    assert "part 2 is aligned by t.csv" in status(panel, "Session")
    np.testing.assert_array_equal(aligned.layers.aligned[0].data[65], frame)
    viewer.add_image(movie[60:120] // 2, name="half", contrast_limits=(0, 50))
    press(qtbot, panel, "apply")
    half = viewer.layers["half aligned"].data[5].astype(int)
    assert np.abs(half - frame.astype(int) // 2).max() <= 2
    viewer.layers.remove("half")
    viewer.add_image(movie[:10], name="short", contrast_limits=(0, 50))
    press(qtbot, panel, "apply")
    assert "short has 10 frames, but the transforms 60" in status(panel, "Session")


def test_results_are_asked_for_before_the_run(qtbot, panel, session, tmp_path):
    session.results.export(tmp_path / "a.ome.tif")
    assert "no alignment yet" in status(panel, "Session")
    session.results.write_transforms(tmp_path / "t.csv")
    assert "not aligned yet" in status(panel, "Session")
    assert not session.results_tab.buttons["save"].isEnabled()


# -- together with the rest of the panel -------------------------------------------------------


@pytest.mark.thorough
def test_layers_removed_by_hand_come_back_when_needed(qtbot, viewer, panel, aligned):
    viewer.layers.remove(aligned.layers.aligned[0])
    assert aligned.layers.aligned == []
    viewer.layers.remove(aligned.layers.raw[0])
    viewer.dims.set_current_step(0, 1)
    run_to_end(qtbot, panel)
    assert aligned.layers.aligned[0].visible


def test_tabs_of_stacks_and_of_recordings_take_turns(qtbot, viewer, panel, session):
    from stacks import small_zstack

    panel.open_tab("Load")
    panel.zstack.load_stack(small_zstack())
    settled(qtbot, panel)
    assert panel.zstack.header.isVisibleTo(panel)
    assert text_overlay(viewer).text.startswith("slice")
    panel.open_tab("Recordings")
    assert not panel.zstack.header.isVisibleTo(panel)
    assert text_overlay(viewer).text.startswith("part")


def test_every_control_says_what_it_is_for(panel):
    from qtpy.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QTreeWidget

    silent, part = [], panel.recordings
    for tab in (part.tab, part.results_tab, part.plots.map, part.plots.quality):
        for kind in (QAbstractButton, QAbstractSpinBox):
            silent += [w.text() for w in tab.findChildren(kind) if not w.toolTip() and w.text()]
        for kind in (QComboBox, QTreeWidget):
            silent += [kind.__name__ for w in tab.findChildren(kind) if not w.toolTip()]
    assert not silent


@pytest.mark.thorough
def test_the_save_dialog_is_given_the_folders_that_will_be_written(
    qtbot, panel, aligned, tmp_path, monkeypatch
):
    asked = []

    def answer(_parent, _title, _proposed, _kind, members, *, complete, **_options):
        asked.append((set(members), complete))
        return tmp_path / "larva"

    monkeypatch.setattr(results, "ask_where_to_save", answer)
    press(qtbot, panel, "save")
    written = {folder.name for folder in (tmp_path / "larva").iterdir() if folder.is_dir()}
    assert asked == [(written, True)]
    assert len(written) == 3
