"""Inscopix: movies, with the frames that were dropped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack, started_at

from .written import INTERVAL_S, STARTED, Acquisition, acquisition, isxd, isxd_facts


def test_dropped_frames_leave_gaps(tmp_path: Path) -> None:
    """They aren't in the file, and others keep their times."""
    made = acquisition(12)
    there = [t for t in range(16) if t not in (0, 3, 8, 9)]
    path = isxd(tmp_path, made, numTimes=16, dropped=[3], cropped=["8 - 9"], blank=[0])
    stack = open_stack(path)
    np.testing.assert_array_equal(stack.read(0, 12), made.frames)
    assert stack.frame_times_s == pytest.approx(np.array(there) * INTERVAL_S)
    assert stack.numbers.tolist() == there
    assert "4 frames were dropped or cropped: the others keep" in stack.remarks[0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_types_of_pixels(dtype: str, tmp_path: Path) -> None:
    made = Acquisition(np.arange(4 * 80).reshape(4, 1, 8, 10).astype(dtype))
    stack = open_stack(isxd(tmp_path, made))
    np.testing.assert_array_equal(stack.read(0, 4), made.frames)


def test_the_pixel_size_is_left_open(tmp_path: Path) -> None:
    stack = open_stack(isxd(tmp_path, acquisition()))
    assert stack.pixel_size_um is None
    [remark] = stack.remarks
    assert "gives pixels of 3 µm, but not whether on the sensor or in the tissue" in remark


def test_the_start_is_that_of_the_clock(tmp_path: Path) -> None:
    assert started_at(isxd(tmp_path, acquisition())) == STARTED
    for odd in ({}, None, 5, {"secsSinceEpoch": {"num": 10**30, "den": 1}}):
        assert started_at(isxd(tmp_path, acquisition(), start=odd)) is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"numTimes": 13}, "has another length than 13 frames of 24 × 32 pixels"),
        ({"numTimes": None}, "doesn't say what its frames are"),
        ({"numTimes": True}, "doesn't say what its frames are"),
        ({"dropped": ["0 - 11"]}, "has another length"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match=said):
        open_stack(isxd(tmp_path, acquisition(), **changes))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("type", 1, "holds cells or events, no frames"),
        ("hasFrameHeaderFooter", True, "lines of settings in each frame: export it to TIFF"),
        ("dataType", 9, "doesn't say what its frames are"),
        ("spacingInfo", None, "doesn't say what its frames are"),
        ("timingInfo", 3, "doesn't say what its frames are"),
    ],
)
def test_other_files(
    name: str, value: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {**isxd_facts(acquisition()), name: value}
    monkeypatch.setitem(isxd.__globals__, "isxd_facts", lambda _: facts)
    with pytest.raises(nza.InputError, match=said):
        open_stack(isxd(tmp_path, acquisition()))


@pytest.mark.parametrize("n_bytes", [1, 8, 9, 300, 10**4])
def test_a_file_that_breaks_off(n_bytes: int, tmp_path: Path) -> None:
    path = isxd(tmp_path, acquisition())
    path.write_bytes(path.read_bytes()[:-n_bytes])
    with pytest.raises(nza.InputError, match="is truncated or damaged"):
        open_stack(path)
    path.write_bytes(b"x" * n_bytes)
    with pytest.raises(nza.InputError, match="is truncated or damaged"):
        open_stack(path)


def test_odd_numbers_of_frames_count_as_unknown(tmp_path: Path) -> None:
    made = replace(acquisition())
    for odd in (["x"], [None], [-5], [[1]], 7, "ab", [10**8]):
        path = isxd(tmp_path, made, dropped=odd)
        assert open_stack(path).n_frames == 12
