from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.gui.recordings.opening import as_recording, files_of, opening
from napari_zstack_align.gui.recordings.recording import Recording, in_order, row_words
from napari_zstack_align.stack import Stack

FRAMES = np.random.default_rng(0).integers(0, 99, (6, 8, 10)).astype(np.uint16)


def named(name, started=None) -> Recording:
    stack = Stack.from_array(FRAMES, name=name)
    return Recording(stack, [(0.0, 1.0)], None if started is None else datetime(2024, 1, started))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([("r10", None), ("r2", None), ("r1", None)], ["r1", "r2", "r10"]),
        ([("a", 3), ("b", 1), ("c", 2)], ["b", "c", "a"]),
        ([("b", 1), ("a", 2), ("c", None)], ["a", "b", "c"]),
    ],
    ids=["natural", "start times", "not all have a start time"],
)
def test_order(given, expected):
    assert [r.name for r in in_order([named(*one) for one in given])] == expected


def test_a_folder_is_its_files_and_bad_ones_are_told(tmp_path: Path):
    for k, name in enumerate(("r2.tif", "r10.tif")):
        tifffile.imwrite(tmp_path / name, FRAMES + k)
    (tmp_path / "r3.tif").write_bytes(b"II*\0nonsense")
    np.save(tmp_path / "truth.npy", FRAMES)
    (tmp_path / "notes.txt").write_text("drifting")
    tifffile.imwrite(tmp_path / "mask.tif", FRAMES[0])
    opened = nza.run(opening([tmp_path]))
    assert [r.name for r in opened.recordings] == ["r2", "r10"]
    assert len(opened.problems) == 2
    assert any("r3.tif" in problem for problem in opened.problems)
    assert any("single image" in problem for problem in opened.problems)


def test_a_folder_of_single_frames_is_one_recording(tmp_path: Path):
    for t, frame in enumerate(FRAMES):
        tifffile.imwrite(tmp_path / f"img_{t}.tif", frame)
    assert files_of(tmp_path) == [tmp_path]
    [one] = nza.run(opening([tmp_path])).recordings
    assert one.stack.n_frames == len(FRAMES)


def test_a_file_is_added_once(tmp_path: Path):
    tifffile.imwrite(tmp_path / "a.tif", FRAMES)
    (tmp_path / "link.tif").symlink_to(tmp_path / "a.tif")
    opened = nza.run(opening([tmp_path / "a.tif", tmp_path / "a.tif", tmp_path / "link.tif"]))
    assert [r.name for r in opened.recordings] == ["a"]
    assert len(opened.problems) == 2
    assert "in the list already (a)" in opened.problems[0]
    [there] = opened.recordings
    again = nza.run(opening([tmp_path / "a.tif"], [there.stack]))
    assert again.recordings == ()
    assert "in the list already" in again.problems[0]


@pytest.mark.parametrize("name", ["b.tif", "c.npy"])
def test_a_copy_is_told_but_added(tmp_path: Path, name: str):
    tifffile.imwrite(tmp_path / "a.tif", FRAMES)
    if name == "b.tif":
        (tmp_path / name).write_bytes((tmp_path / "a.tif").read_bytes())
    else:
        np.save(tmp_path / name, FRAMES)
    there = nza.open_stack(tmp_path / "a.tif").replace(name="mine")
    opened = nza.run(opening([tmp_path / name], [there]))
    assert len(opened.recordings) == 1
    assert opened.problems == (
        f"{name[0]} holds the same frames as mine: if it is a copy, remove one of them.",
    )


def test_nothing_to_open_is_told(tmp_path: Path):
    assert "no image files" in nza.run(opening([tmp_path])).problems[0]


def test_time_saved_as_slices_is_a_recording_and_a_zstack_is_none():
    assert as_recording(Stack.from_array(FRAMES, "ZYX")).frames_per_slice is None
    with pytest.raises(nza.InputError, match="2 planes × 3 repeats"):
        as_recording(Stack.from_array(FRAMES, frames_per_slice=3))


def test_row_words():
    stack = Stack.from_array(FRAMES, frame_times_s=np.arange(6) * 20, name="larva")
    words = row_words(Recording(stack, []))
    shown = [words[title] for title in ("Recording", "Frames", "Pixels", "Ch.", "Hz")]
    assert shown == ["larva", "6", "8 × 10", "1", words["Hz"]]
    assert float(words["Hz"]) == pytest.approx(1 / stack.frame_interval_s, rel=0.01)
    assert row_words(named("x"))["Hz"] == "–"
