"""The dark level: at a baseline of 54,600 counts everything hangs on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cells.traces import dark_level

OFFSET = 54_500
REST = 100.0
ROI = [[20, 20, 4]]
N_FRAMES = 120


def movie(dark_edge: bool = True, n_dark: int = 0) -> nza.Stack:
    """A cell of 100 counts on a large offset, that doubles for 20 frames (ΔF/F = 1)."""
    y, x = np.indices((40, 40))
    frames = np.full((N_FRAMES, 40, 40), OFFSET + (0.0 if dark_edge else 30.0))
    cell = np.hypot(y - 20, x - 20) < 5.5
    frames[:, cell] += REST
    frames[50:70, cell] += REST
    if n_dark:
        frames[:n_dark] = OFFSET
    return nza.Stack.from_array(frames.astype(np.uint16), frame_times_s=np.arange(N_FRAMES) / 10)


def extract(stack: nza.Stack, **params) -> nza.Traces:
    return nza.run(nza.extract_traces(stack, ROI, None, nza.TraceParams(**params)))


@pytest.mark.parametrize(
    ("params", "source"),
    [
        ({"dark_level": (OFFSET,)}, "given"),
        ({"dark_frames": (0, 10)}, "dark frames"),
        ({"accept_estimate": True}, "estimated"),
    ],
    ids=["given", "dark frames", "accepted estimate"],
)
def test_dff_reads_right_with_it(params, source) -> None:
    traces = extract(movie(n_dark=10 if source == "dark frames" else 0), **params)
    assert traces.dark.source == source
    assert traces.dff_reliable
    assert traces.dff[0, 0, 60] == pytest.approx(1.0, abs=0.01)
    assert traces.dark_level[0] == pytest.approx(OFFSET, abs=0.5)


def test_without_it_dff_is_labelled_unreliable() -> None:
    traces = extract(movie())
    assert not traces.dff_reliable
    assert traces.dark_level[0] == 0
    assert traces.dff[0, 0, 60] == pytest.approx(0.0018, abs=0.0001)
    assert "unreliable" in traces.remarks[0]
    assert str(OFFSET) in traces.remarks[0]  # the estimate, shown for confirmation


def test_raw_traces_are_never_changed() -> None:
    np.testing.assert_array_equal(extract(movie()).F, extract(movie(), dark_level=(OFFSET,)).F)
    assert extract(movie(), dark_level=(OFFSET,)).F[0, 0, 0] == OFFSET + REST


def test_estimate_is_shown_before_the_run_too() -> None:
    level = dark_level(movie())
    assert level.source == "estimated"
    assert not level.accepted
    assert level.values[0] == pytest.approx(OFFSET)
    assert level.subtracted[0] == 0


def test_baseline_in_the_dark_gives_nan() -> None:
    rng = np.random.default_rng(0)
    frames = OFFSET + rng.normal(0, 30, (N_FRAMES, 40, 40))
    stack = nza.Stack.from_array(frames)
    assert np.isnan(extract(stack, dark_level=(OFFSET,)).dff).all()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"dark_level": (1, 2)}, "2 dark levels given, but array has 1 channel:"),
        ({"dark_frames": (100, 130)}, "dark_frames end at 130, but array has only 120 frames"),
    ],
    ids=["channels", "frames"],
)
def test_what_doesn_t_fit(params, message) -> None:
    with pytest.raises(nza.InputError, match=message):
        extract(movie(), **params)


SCANIMAGE = """\
SI.hChannels.channelOffset = [{offset} 7 9 11]
SI.hChannels.channelSave = [{saved}]
SI.hChannels.channelSubtractOffset = [{subtracted} 0 0 0]
"""


@pytest.mark.parametrize(
    ("saved", "subtracted", "levels"),
    [("1", "0", [54500.0]), ("1", "1", [0.0]), ("1;3", "false", [54500.0, 9.0])],
    ids=["offset", "subtracted already", "two channels saved"],
)
def test_offset_of_the_file(tmp_path: Path, saved: str, subtracted: str, levels) -> None:
    path, n = tmp_path / "movie.tif", len(levels)
    frames = np.repeat(movie().read(0, 20), n, axis=1)
    software = SCANIMAGE.format(offset=OFFSET, saved=saved, subtracted=subtracted)
    tifffile.imwrite(path, frames, imagej=True, metadata={"axes": "TCYX"}, software=software)
    stack = nza.open_stack(path)
    level = dark_level(stack)
    assert level.source == "file"
    np.testing.assert_array_equal(level.values, levels)


def test_file_without_offset(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "movie.tif", movie().read(0, 20)[:, 0])
    assert dark_level(nza.open_stack(tmp_path / "movie.tif")).source == "estimated"
