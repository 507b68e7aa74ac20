"""How recordings are read: a row each, said for one or several, and what they don't share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from driving import click, settled

import napari_zstack_align as nza
from napari_zstack_align.gui.recordings.recording_list import COLUMNS
from napari_zstack_align.gui.recordings.unlike import unlike
from napari_zstack_align.samples import recording_with_motion
from napari_zstack_align.stack import Stack


def written(path: Path, n_frames=24, **options) -> Path:
    rng = np.random.default_rng(len(path.name))
    frames = rng.integers(5, 99, (n_frames, 16, 20)).astype(np.uint16)
    options = {"metadata": None, **options}
    tifffile.imwrite(path, frames, photometric="minisblack", **options)
    return path


@pytest.fixture
def first_tab():
    return "Recordings"


def add(qtbot, panel, *paths):
    panel.recordings.add_paths(list(paths))
    settled(qtbot, panel)
    return panel.recordings.tab


def text(tab, row, title):
    return tab.list.topLevelItem(row).text(COLUMNS.index(title))


def type_in(qtbot, tab, **texts):
    if tab.reading.isHidden():
        click(qtbot, tab.reading_button)
    for name, words in texts.items():
        tab.reading.lines[name].clear()
        tab.reading.lines[name].setModified(True)
        qtbot.keyClicks(tab.reading.lines[name], words)
    click(qtbot, tab.reading.open_button)


def looks(panel):
    """Of the session's channels: one that is opaque would hide all others."""
    return [(layer.colormap.name, layer.blending) for layer in panel.recordings.layers.raw]


def test_one_recording_is_opened_as_it_is_said(qtbot, panel, tmp_path):
    tab = add(qtbot, panel, *(written(tmp_path / f"r{k}.tif") for k in range(3)))
    tab.list.choose(panel.recordings.recordings[1:2])
    type_in(qtbot, tab, channels="2", drop_frames="3, 5", frame_rate_hz="10")
    settled(qtbot, panel)
    shapes = [recording.stack.shape[:2] for recording in panel.recordings.recordings]
    assert shapes == [(24, 1), (12, 2), (24, 1)]
    stack = panel.recordings.recordings[1].stack
    assert stack.dropped == (3, 5)
    assert stack.frame_interval_s == pytest.approx(0.1)
    row = [text(tab, 1, title) for title in ("Recording", "Frames", "Dropped", "Ch.", "Hz")]
    assert row == ["r1", "12", "2", "2", "10"]
    assert looks(panel) == [("green", "additive"), ("magenta", "additive")]
    assert tab.reading.lines["channels"].text() == "2"
    assert tab.reading.lines["drop_frames"].text() == "3, 5"

    type_in(qtbot, tab, channels="", drop_frames="")
    settled(qtbot, panel)
    stack = panel.recordings.recordings[1].stack
    assert (stack.shape[:2], stack.dropped) == ((24, 1), ())
    assert looks(panel) == [("gray", "translucent")]


def test_what_differs_is_left_and_what_is_typed_holds_for_all(qtbot, panel, tmp_path):
    tab = add(qtbot, panel, *(written(tmp_path / f"r{k}.tif") for k in range(3)))
    tab.list.choose(panel.recordings.recordings[:1])
    type_in(qtbot, tab, drop_frames="7")
    settled(qtbot, panel)
    tab.list.selectAll()
    line = tab.reading.lines["drop_frames"]
    assert (line.text(), line.placeholderText()) == ("", "they differ: left as they are")
    type_in(qtbot, tab, pixel_size_um="0.8, 0.5")
    settled(qtbot, panel)
    stacks = [recording.stack for recording in panel.recordings.recordings]
    assert [stack.pixel_size_um for stack in stacks] == [(0.8, 0.5)] * 3
    assert [stack.dropped for stack in stacks] == [(7,), (), ()]
    assert [text(tab, k, "µm") for k in range(3)] == ["0.8 × 0.5"] * 3


def test_one_that_cannot_be_so_spoils_no_other(qtbot, panel, tmp_path):
    paths = [written(tmp_path / "a.tif"), written(tmp_path / "b.tif", 25)]
    tab = add(qtbot, panel, *paths)
    tab.list.selectAll()
    type_in(qtbot, tab, channels="2")
    settled(qtbot, panel)
    shapes = [recording.stack.shape[:2] for recording in panel.recordings.recordings]
    assert shapes == [(12, 2), (25, 1)]
    words = tab.run_bar.status.text()
    assert "Opened 1 recording again." in words
    assert "25 images" in words


@pytest.mark.parametrize(
    ("name", "typed", "says"),
    [
        ("channels", "two", "'Number of channels' is 'two': give a whole number."),
        ("pixel_size_um", "-1", "give one number above 0"),
        ("frame_rate_hz", "fast", "'fast' is not a number"),
    ],
)
def test_what_is_no_value_is_refused(qtbot, panel, tmp_path, name, typed, says):
    tab = add(qtbot, panel, written(tmp_path / "a.tif"))
    before = panel.recordings.recordings[0].stack
    type_in(qtbot, tab, **{name: typed})
    assert says in tab.run_bar.status.text()
    assert panel.recordings.recordings[0].stack is before


def test_a_file_that_breaks_off_spoils_no_other_and_is_offered(qtbot, panel, tmp_path):
    paths = [written(tmp_path / f"r{k}.tif") for k in range(2)]
    content = paths[1].read_bytes()
    with tifffile.TiffFile(paths[1]) as file:
        offset = file.pages[-1].dataoffsets[0]
    paths[1].write_bytes(content[: offset + 100])
    tab = add(qtbot, panel, *paths, volumes(tmp_path / "planes.tif"))
    assert [recording.name for recording in panel.recordings.recordings] == ["r0"]
    button, planes, _ = tab.ways_out.buttons
    assert button.text() == "Open the whole frames"
    assert planes.text() == "Add all 3 planes of planes.tif"
    click(qtbot, button)
    settled(qtbot, panel)
    assert [text(tab, k, "Frames") for k in range(2)] == ["24", "23"]
    assert [button.text() for button in tab.ways_out.buttons[:1]] == [planes.text()]
    tab.list.choose(panel.recordings.recordings[1:])
    type_in(qtbot, tab, drop_frames="2")  # it still opens by consent
    settled(qtbot, panel)
    assert panel.recordings.recordings[1].stack.dropped == (2,)
    click(qtbot, tab.ways_out.buttons[1])
    settled(qtbot, panel)
    assert tab.ways_out.isHidden()
    tab.list.go_to(1)
    words = "Run registers the recordings without planes, as the chosen row: 2 of 3 recordings."
    assert tab.plane_words.text() == words


def volumes(path: Path, n_planes=3, n_volumes=8) -> Path:
    rng = np.random.default_rng(1)
    planes = rng.integers(5, 99, (1, n_planes, 1, 1)) * np.ones((n_volumes, 1, 16, 20))
    tifffile.imwrite(path, planes.astype(np.uint16), imagej=True, metadata={"axes": "TZYX"})
    return path


def test_planes_are_offered_and_each_is_a_recording(qtbot, panel, tmp_path):
    tab = add(qtbot, panel, volumes(tmp_path / "a.tif"), volumes(tmp_path / "b.tif"))
    assert panel.recordings.recordings == []
    every, first = tab.ways_out.buttons
    assert (every.text(), first.text()) == ("Add all 3 planes of 2 files", "Add plane 0 of 2 files")
    click(qtbot, every)
    settled(qtbot, panel)
    names = [recording.name for recording in panel.recordings.recordings]
    assert names == [f"{file} plane {z}" for file in "ab" for z in range(3)]
    tab.list.go_to(1)
    assert [each.name for each in panel.recordings.together] == ["a plane 1", "b plane 1"]
    words = "Run registers plane 1, that of the chosen row: 2 of 6 recordings."
    assert tab.plane_words.text() == words
    given = panel.recordings.trial.given()
    assert [stack.name for stack in given.stacks] == ["a plane 1", "b plane 1"]

    tab.list.choose(panel.recordings.recordings[:1])
    type_in(qtbot, tab, plane="2")
    settled(qtbot, panel)
    assert panel.recordings.recordings[0].name == "a plane 2"


@pytest.mark.thorough
@pytest.mark.slow
def test_each_plane_has_runs_of_its_own_beside_the_others(qtbot, panel, tmp_path):
    movies = [recording_with_motion(n_frames=24, size=80, seed=k).stack for k in (1, 2)]
    frames = np.stack([movie.read(0, 24)[:, 0] for movie in movies], axis=1)
    for name, part in (("a", frames[:12]), ("b", frames[12:])):
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, part, imagej=True, metadata={"axes": "TZYX"})
    tab = add(qtbot, panel, tmp_path / "a.tif", tmp_path / "b.tif")
    click(qtbot, tab.ways_out.buttons[0])
    settled(qtbot, panel)
    session = panel.recordings
    session.tab.form.fields["chunk_frames"].set(6)
    for row in range(2):  # a plane 0, a plane 1
        tab.list.go_to(row)
        session.run.start()
        settled(qtbot, panel)
    runs = session.layers.runs.listed
    assert [run.note for run in runs] == ["plane 0", "plane 1"]
    names = [[recording.name for recording in run.results] for run in runs]
    assert names == [[f"{file} plane {z}" for file in "ab"] for z in range(2)]
    for z, run in enumerate(runs):
        for alignment, part in zip(run.results.values(), (frames[:12], frames[12:]), strict=True):
            assert alignment.complete
            np.testing.assert_array_equal(alignment.stack.read(0, 12)[:, 0], part[:, z])
    session.runs.show(runs[0].number)
    aligned = [recording.name for recording in session.aligned]
    assert aligned == ["a plane 0", "b plane 0"]


def test_what_recordings_do_not_share_is_said_and_marked(qtbot, panel):
    frames = np.random.default_rng(0).integers(1, 99, (6, 16, 20)).astype(np.uint16)
    stacks = [
        Stack.from_array(frames + k, pixel_size_um=(size, size), name=f"r{k}")
        for k, size in enumerate((0.8, 0.8, 1.2))
    ]
    found = unlike(stacks)
    assert found.sentence == "The recordings differ in pixel size (0.8 µm: 2, 1.2 µm: r2)."
    assert found.marked == {(2, "pixel size")}
    panel.recordings.add_stacks(stacks)
    settled(qtbot, panel)
    tab = panel.recordings.tab
    assert tab.unlike_words.text() == found.sentence
    column = COLUMNS.index("µm")
    colours = [tab.list.topLevelItem(k).foreground(column).color().name() for k in range(3)]
    assert colours[0] == colours[1] != colours[2]
    tab.list.choose(panel.recordings.recordings[2:])
    type_in(qtbot, tab, pixel_size_um="0.8")
    settled(qtbot, panel)
    assert tab.unlike_words.text() == ""


def test_what_is_unknown_is_never_the_usual():
    stack = Stack.from_array(np.ones((3, 4, 5)), name="known")
    found = unlike([stack, stack, stack.replace(pixel_size_um=(1.0, 1.0))])
    assert found.sentence == "The recordings differ in pixel size (1 µm: known, unknown: 2)."
    assert found.marked == {(0, "pixel size"), (1, "pixel size")}


def test_alike_recordings_say_nothing():
    stack = Stack.from_array(np.ones((3, 4, 5)))
    assert unlike([stack, stack.replace(name="b")]) == unlike([])


def test_each_plane_has_its_own_frames_in_python():
    frames = np.arange(24.0).reshape(4, 6, 1, 1) * np.ones((1, 1, 3, 3))
    planes = nza.Stack.from_array(frames, "TZYX").planes()
    assert [plane.read(0, 4)[:, 0, 0, 0].tolist() for plane in planes[:2]] == [
        [0, 6, 12, 18],
        [1, 7, 13, 19],
    ]
    assert len(planes) == 6
