"""Folders of Bruker's Prairie View."""

from __future__ import annotations

import random
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from read.bruker_files import SHAPE, name_of, write_bruker

import napari_zstack_align as nza
from napari_zstack_align.errors import MissingFrameError
from napari_zstack_align.stack import Stack


def _numbers(stack: Stack) -> list[list[int]]:
    return [stack.read(t, t + 1)[0, :, 0, 0].tolist() for t in range(stack.n_frames)]


def test_volumes_of_two_channels(tmp_path: Path) -> None:
    stack = nza.open_stack(write_bruker(tmp_path, cycles=[4] * 3, channels=[1, 2]))
    assert stack.shape == (12, 2, *SHAPE)
    assert stack.dtype == np.uint16
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "slices")
    assert (stack.pixel_size_um, stack.z_step_um) == ((0.6, 0.5), 3)
    assert stack.channel_names == ("Ch1", "Ch2")
    assert stack.started_at == datetime(2025, 3, 7, 14, 5, 9)
    assert _numbers(stack) == [
        [1000 * c + 100 + i, 1000 * c + 200 + i] for c in (1, 2, 3) for i in (1, 2, 3, 4)
    ]
    assert stack.frame_times_s is not None
    np.testing.assert_allclose(stack.frame_times_s, np.arange(12) / 10)
    assert "Prairie View 5.6.64.400 says: 3 volumes of 4 slices, 2 channels" in stack.remarks[0]
    assert not any(remark.is_warning for remark in stack.remarks)


def test_a_recording_of_several_cycles(tmp_path: Path) -> None:
    kind = "TSeries Timed Element"
    stack = nza.open_stack(write_bruker(tmp_path, cycles=[5, 7], kind=kind, time="relative"))
    assert (stack.n_frames, stack.frames_per_slice, stack.z_step_um) == (12, None, None)
    assert any("times begin anew with every cycle" in remark for remark in stack.remarks)
    assert stack.frame_interval_s == pytest.approx(0.1)  # of the frame period


def test_one_z_stack(tmp_path: Path) -> None:
    stack = nza.open_stack(write_bruker(tmp_path, cycles=[6], kind="ZSeries"))
    assert (stack.n_slices, stack.frames_per_slice) == (6, 1)


@pytest.mark.parametrize("old", [False, True], ids=["5", "before 5.1"])
def test_depths_tell_the_repeats_of_a_slice(tmp_path: Path, old: bool) -> None:
    folder = write_bruker(
        tmp_path,
        cycles=[12],
        kind="ZSeries",
        old=old,
        depth=lambda _, i: -40 + 2.0 * ((i - 1) // 3),
    )
    stack = nza.open_stack(folder)
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 3, "repeats")
    assert stack.z_positions_um == (-40, -38, -36, -34)
    assert stack.z_step_um == 2
    assert stack.pixel_size_um == (0.6, 0.5)


def test_a_cycle_at_each_depth_is_a_z_stack_of_repeats(tmp_path: Path) -> None:
    stack = nza.open_stack(
        write_bruker(
            tmp_path, cycles=[5, 4, 5], kind="TSeries Timed Element", depth=lambda c, _: 7.0 * c
        )
    )
    assert stack.frames_per_slice == (5, 4, 5)
    assert stack.slice_of_frame.tolist() == [0] * 5 + [1] * 4 + [2] * 5
    assert stack.z_step_um == 7


def test_a_scan_up_and_down(tmp_path: Path) -> None:
    folder = write_bruker(tmp_path, cycles=[3] * 4, more='bidirectionalZ="True"')
    stack = nza.open_stack(folder)
    assert (stack.order, stack.frames_per_slice) == ("up-and-down", 4)
    assert stack.slice_of_frame.tolist() == [0, 1, 2, 2, 1, 0] * 2


def test_a_missing_image_keeps_its_place(tmp_path: Path) -> None:
    folder = write_bruker(tmp_path, cycles=[3] * 3, channels=[1, 2])
    gone = name_of("TSeries-1", 2, 2, 3)
    (folder / gone).unlink()
    stack = nza.open_stack(folder)
    assert stack.n_frames == 9
    assert any(f"{gone} is missing in TSeries-1: 1 frame" in r for r in stack.remarks)
    assert (stack.missing, stack.dropped) == ((5,), ())
    with pytest.raises(MissingFrameError, match=f"{gone} is missing"):
        stack.read(4, 7)
    assert stack.read(6, 7)[0, 1, 0, 0] == 3201


def test_a_cut_image_keeps_its_place(tmp_path: Path) -> None:
    folder = write_bruker(tmp_path, cycles=[3, 3])
    path = folder / name_of("TSeries-1", 2, 1, 1)
    path.write_bytes(path.read_bytes()[:500])
    stack = nza.open_stack(folder)
    with pytest.raises(nza.InputError, match="the end of TSeries-1_Cycle00002_Ch1_000001"):
        stack.read(3, 4)
    assert stack.read(4, 5)[0, 0, 0, 0] == 2102


def test_a_channel_that_was_moved_away(tmp_path: Path) -> None:
    folder = write_bruker(tmp_path, cycles=[2, 2], channels=[1, 2])
    for path in folder.glob("*_Ch1_*"):
        path.unlink()
    stack = nza.open_stack(folder)
    assert (stack.shape[:2], stack.channel_names) == ((4, 1), ("Ch2",))
    assert any("No image of channel 1" in remark for remark in stack.remarks)


@pytest.mark.parametrize("old", [False, True])
def test_names_tell_where_the_xml_is_gone(tmp_path: Path, old: bool) -> None:
    folder = write_bruker(tmp_path, cycles=[2, 2, 2], channels=[1, 3], old=old, xml=False)
    stack = nza.open_stack(folder)
    assert stack.shape == (6, 2, *SHAPE)
    assert _numbers(stack)[2] == [2101, 2301]
    assert stack.frames_per_slice is None
    remarks = " ".join(stack.remarks)
    assert "has no XML of Prairie View" in remarks
    assert "`frames_per_slice=3, order='slices'`" in remarks
    said = nza.open_stack(folder, frames_per_slice=3, order="slices")
    assert said.n_slices == 2


def test_a_file_of_many_pages_each(tmp_path: Path) -> None:
    folder = write_bruker(tmp_path, cycles=[4], kind="TSeries Timed Element")
    images = np.arange(4, dtype=np.uint16)[:, None, None] * np.ones((1, *SHAPE), np.uint16)
    for path in folder.glob("*.tif"):
        path.unlink()
    tifffile.imwrite(folder / "all.ome.tif", images, photometric="minisblack", metadata=None)
    xml = folder / "TSeries-1.xml"
    text = xml.read_text()
    for i in range(1, 5):
        name = name_of("TSeries-1", 1, 1, i)
        text = text.replace(f'page="1" filename="{name}"', f'page="{i}" filename="all.ome.tif"')
    xml.write_text(text)
    assert _numbers(nza.open_stack(folder)) == [[0], [1], [2], [3]]


def test_volumes_of_unlike_length_have_to_be_said(tmp_path: Path) -> None:
    stack = nza.open_stack(write_bruker(tmp_path, cycles=[4, 2, 4]))
    assert stack.frames_per_slice is None
    assert any("2 to 4 slices" in r and r.is_warning for r in stack.remarks)


def test_the_last_volume_may_be_cut_short(tmp_path: Path) -> None:
    stack = nza.open_stack(write_bruker(tmp_path, cycles=[4, 4, 4, 2]))
    assert (stack.n_slices, stack.frames_per_slice, stack.order) == (4, 4, "slices")
    assert stack.slice_of_frame.tolist() == [0, 1, 2, 3] * 3 + [0, 1]


def test_a_result_finds_its_folder_again(tmp_path: Path) -> None:
    folder = write_bruker(tmp_path, cycles=[4] * 3, channels=[1, 2])
    stack = nza.open_stack(folder)
    assert stack.paths == (folder,)
    assert nza.open_stack(stack.paths).shape == stack.shape


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda text: text[: len(text) // 2], "can't be read"),
        (lambda text: text.replace('page="1"', 'page="0"', 1), "frame 1 names no file"),
        (lambda text: text.replace('channel="1"', 'channel="x"', 1), "names no file"),
        (
            lambda text: text.replace("<Sequence", "<Other").replace("</Seq", "</Oth"),
            "can't be read",
        ),
        (lambda text: text[: text.index("<Sequence")] + "</PVScan>", "lists no image"),
        (lambda text: text.replace("TSeries ZSeries Element", "Linescan"), "holds a line scan"),
        (lambda text: text.replace(".ome.tif", ".gone.tif"), "None of the 6 images"),
    ],
)
def test_a_damaged_xml(tmp_path: Path, spoil: Any, sentence: str) -> None:
    folder = write_bruker(tmp_path, cycles=[3, 3])
    xml = folder / "TSeries-1.xml"
    xml.write_text(spoil(xml.read_text()))
    with pytest.raises(nza.InputError, match=sentence):
        nza.open_stack(folder)


@pytest.mark.parametrize("seed", range(40))
def test_a_spoiled_xml_is_read_or_refused(tmp_path: Path, seed: int) -> None:
    folder = write_bruker(tmp_path, cycles=[2, 2], depth=lambda c, _: c)
    xml, rng = folder / "TSeries-1.xml", random.Random(seed)
    content = bytearray(xml.read_bytes())
    for _ in range(rng.randint(1, 5)):
        content[rng.randrange(len(content))] = rng.randrange(256)
    xml.write_bytes(content)
    try:
        stack = nza.open_stack(folder)
    except nza.InputError:
        return
    assert stack.n_frames >= 1
