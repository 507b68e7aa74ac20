"""The dark level: at a baseline of 54,600 counts everything hangs on it."""

from __future__ import annotations

from collections.abc import Callable
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


@pytest.mark.slow
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


@pytest.mark.slow
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


def photons(offset: float, light: float, gain: float = 4.0, noise: float = 2.0) -> np.ndarray:
    """A cell of twice the light on a smooth background, of which a corner is all but dark."""
    rng = np.random.default_rng(6)
    y, x = np.indices((64, 64))
    image = light * np.clip(0.02 + (y + x) / 90, 0, 1)
    image[np.hypot(y - 40, x - 40) < 5] *= 2
    frames = rng.poisson(np.broadcast_to(image / gain, (N_FRAMES, 64, 64))) * gain
    return frames + offset + rng.normal(0, noise, frames.shape)


def filled_rim(frames: np.ndarray) -> np.ndarray:
    """Frames as other programs align them: zeros outside, a rim of changing width."""
    frames = np.round(frames)
    for t in range(len(frames)):
        frames[t, : t % 4, :] = 0
    return frames.astype(np.uint16)


RIGHT: dict[str, tuple[Callable[[], np.ndarray], float]] = {
    "negative offset": (lambda: np.round(photons(-900, 80)).astype(np.int16), -900),
    "large offset": (lambda: np.round(photons(OFFSET, 35)).astype(np.uint16), OFFSET),
    "three photons": (lambda: np.round(photons(100, 12)).astype(np.uint16), 100),
    "all but dark, noisy": (lambda: photons(100, 1, noise=30), 100),
    "zero-clipped": (lambda: np.clip(np.round(photons(0, 20)), 0, None).astype(np.uint16), 0),
    "zero-clipped photons": (lambda: photons(0, 3, gain=1, noise=0).astype(np.uint8), 0),
    "much background": (lambda: photons(3000, 800), 100),
    "zeros where others aligned it": (lambda: filled_rim(photons(1000, 80)), 1000),
    "dropped frames": (
        lambda: photons(OFFSET, 35) * (np.arange(N_FRAMES) % 7 > 0)[:, None, None],
        OFFSET,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_level_is_not_doubted(name: str) -> None:
    frames, level = RIGHT[name]
    stack = nza.Stack.from_array(frames())
    params = nza.TraceParams(dark_level=(level,))
    traces = nza.run(nza.extract_traces(stack, [[40, 40, 4]], None, params))
    assert traces.dark.doubt == ""
    assert traces.dff_reliable
    np.testing.assert_array_equal(traces.reliable, traces.has_dff)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("levels", "params", "figures"),
    [
        ((100, 80), {"dark_level": (150,)}, ("given (150)", "(10")),
        ((100, 80), {"dark_frames": (0, 10)}, ("dark frames (1", "(10")),
        ((-900, 80), {"dark_level": (0,)}, ("given (0)", "(-89")),
        ((100, 80), {"dark_level": (-5000,)}, ("given (-5000)", "(10")),
        ((OFFSET, 35), {"dark_level": (0,)}, ("given (0)", "(5450")),
    ],
    ids=["above", "frames with light", "above, negative", "far below", "offset forgotten"],
)
def test_a_level_that_the_frames_contradict_is_doubted(levels, params, figures, tmp_path) -> None:
    stack = nza.Stack.from_array(photons(*levels))
    traces = nza.run(nza.extract_traces(stack, [[40, 40, 4]], None, nza.TraceParams(**params)))
    remark = traces.remarks[0]
    assert remark.is_warning
    assert all(figure in remark for figure in figures), remark
    assert not traces.dff_reliable
    assert not traces.reliable.any()
    again = nza.load_traces(traces.save(tmp_path / "t"))
    assert again.dark.doubt == traces.dark.doubt == remark
    assert not again.dff_reliable


def test_the_channel_that_is_doubted_is_named() -> None:
    frames = np.stack([photons(100, 80), photons(300, 80)], axis=1)
    stack = nza.Stack.from_array(frames, "TCYX", channel_names=("green", "red"))
    params = nza.TraceParams(dark_level=(200,))
    traces = nza.run(nza.extract_traces(stack, [[40, 40, 4]], None, params))
    assert traces.dark.doubt.startswith("In channel green: The dark level that is given (200)")
    assert "red" not in traces.dark.doubt
