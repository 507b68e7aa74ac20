"""The dark level: at a baseline of 54,600 counts everything hangs on it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.cells.traces import dark_level
from napari_zstack_align.cells.traces.dark import share_detector
from napari_zstack_align.cells.traces.dark_file import with_dark_file
from napari_zstack_align.cli.main import main
from napari_zstack_align.samples import recording_with_motion
from napari_zstack_align.samples.detector import Detector

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


@pytest.mark.thorough
def test_without_it_dff_is_labelled_unreliable() -> None:
    traces = extract(movie())
    assert not traces.dff_reliable
    assert traces.dark_level[0] == 0
    assert traces.dff[0, 0, 60] == pytest.approx(0.0018, abs=0.0001)
    assert "unreliable" in traces.remarks[0]
    assert str(OFFSET) in traces.remarks[0]  # the estimate, shown for confirmation


@pytest.mark.thorough
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


@pytest.mark.thorough
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


# -- what an estimate leaves open ------------------------------------------------------------------

DETECTORS = (
    Detector(),
    Detector(counts_per_photon=10, dark_level=500, read_noise=20),
    Detector(counts_per_photon=200, dark_level=30, read_noise=2),
)


@pytest.mark.slow
@pytest.mark.parametrize("photons", [3, 20, 100])
@pytest.mark.parametrize("detector", DETECTORS, ids=["usual", "noisy", "high gain"])
def test_the_interval_of_an_estimate_holds_the_truth(photons, detector) -> None:
    for seed in range(2):
        made = recording_with_motion(
            n_frames=100, size=128, photons=photons, seed=seed, detector=detector
        )
        level = dark_level(made.stack)
        low, high = level.interval[0]
        assert low <= detector.dark_level <= high
        assert low <= level.values[0] <= high


def test_the_interval_is_narrow_where_pixels_are_dark() -> None:
    rng = np.random.default_rng(0)
    photons = np.full((60, 64, 64), 5.0)
    photons[:, :20] = 0.02
    frames = 300 + 40 * rng.poisson(photons) + rng.normal(0, 6, photons.shape)
    (low, high) = dark_level(nza.Stack.from_array(frames)).interval[0]
    assert 295 < low < 300 < high < 310


def lit(detector: Detector, **more) -> nza.Stack:
    return recording_with_motion(n_frames=60, size=96, detector=detector, **more).stack


@pytest.mark.slow
def test_dff_is_given_at_both_ends() -> None:
    stack = lit(Detector(), photons=20)
    rois = [[48, 48, 6], [30, 60, 6]]
    traces = nza.run(nza.extract_traces(stack, rois, None, nza.TraceParams(accept_estimate=True)))
    lowest, highest = traces.dark.interval[0]
    assert lowest < traces.dark_level[0] < highest
    ends = traces.dff_ends
    for end, level in zip(ends, (lowest, highest), strict=True):
        again = nza.run(nza.extract_traces(stack, rois, None, nza.TraceParams(dark_level=level)))
        np.testing.assert_allclose(end, again.dff, rtol=1e-3, atol=1e-4)
    text = " ".join(traces.remarks)
    assert f"{lowest:.1f} to {highest:.1f} counts" in text
    assert "with the lowest and" in text
    given = nza.run(nza.extract_traces(stack, rois, None, nza.TraceParams(dark_level=100)))
    assert given.dff_ends is None


@pytest.mark.thorough
@pytest.mark.slow
def test_the_interval_is_saved(tmp_path: Path) -> None:
    traces = extract(movie(), accept_estimate=True)
    again = nza.load_traces(traces.save(tmp_path / "t"))
    np.testing.assert_array_equal(again.dark.interval, traces.dark.interval)
    given = extract(movie(), dark_level=OFFSET)
    assert nza.load_traces(given.save(tmp_path / "g")).dark.interval is None


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "columns"),
    [
        ("summary", ["max_dff_lowest_dark", "max_dff_highest_dark"]),
        ("tidy", ["dff_lowest_dark", "dff_highest_dark"]),
    ],
)
def test_both_ends_are_columns_where_the_level_is_estimated(
    tmp_path: Path, write: str, columns
) -> None:
    estimated = extract(movie(), accept_estimate=True)
    (path,) = nza.run(nza.export_traces(tmp_path / "e.csv", [estimated], format=write))
    rows = list(csv.DictReader(path.open(encoding="utf-8")))
    assert list(rows[0])[-2:] == columns
    low, high = (float(row) for row in (rows[60 if write == "tidy" else 0][c] for c in columns))
    assert low == pytest.approx(np.nanmax(estimated.dff_ends[0]), rel=1e-3)
    assert low <= high
    given = extract(movie(), dark_level=OFFSET)
    (path,) = nza.run(nza.export_traces(tmp_path / "g.csv", [given], format=write))
    assert not set(columns) & set(next(csv.reader(path.open(encoding="utf-8"))))


# -- several recordings ----------------------------------------------------------------------------


@pytest.mark.slow
def test_recordings_have_their_own_estimates_unless_the_detector_is_said_to_be_one() -> None:
    stacks = [lit(Detector(), photons=photons, seed=1) for photons in (5, 40)]
    own = nza.dark_levels(stacks)
    assert own[0].values[0] + 5 < own[1].values[0]
    params = nza.TraceParams(same_detector=True)
    one = nza.dark_levels(stacks, params)
    assert one[0].values == one[1].values == own[0].values
    low, high = one[0].interval[0]
    assert low == max(each.interval[0, 0] for each in own)
    assert high == min(each.interval[0, 1] for each in own)
    assert low <= 100 <= high
    assert not one[0].accepted
    job = nza.extract_session_traces(
        stacks, [[48, 48, 6]], [None, None], params.replace(accept_estimate=True)
    )
    assert [traces.dark_level[0] for traces in nza.run(job)] == [own[0].values[0]] * 2


def test_one_level_that_cannot_be_is_doubted() -> None:
    stacks = [lit(Detector(dark_level=level), photons=20) for level in (100, 3000)]
    for level in nza.dark_levels(stacks, nza.TraceParams(same_detector=True)):
        assert level.doubt.startswith("One dark level doesn't fit all recordings")


GAINS = "SI.hPmts.gains = [{gain} 1]\nSI.hChannels.channelOffset = [{offset} 0]\n"


@pytest.mark.parametrize(
    ("second", "is_one"),
    [({"gain": 0.5, "offset": 7}, True), ({"gain": 0.6, "offset": 7}, False),
     ({"gain": 0.5, "offset": 8}, False)],
    ids=["agree", "other gain", "other offset"],
)  # fmt: skip
def test_headers_that_agree_are_one_detector(tmp_path: Path, second, is_one: bool) -> None:
    frames = movie().read(0, 20)[:, 0]
    stacks = []
    for name, settings in (("a", {"gain": 0.5, "offset": 7}), ("b", second)):
        software = GAINS.format(**settings) + "SI.hChannels.channelSave = [1]"
        tifffile.imwrite(
            tmp_path / f"{name}.tif", frames, software=software, metadata=None,
            photometric="minisblack",
        )  # fmt: skip
        stacks.append(nza.open_stack(tmp_path / f"{name}.tif"))
    assert share_detector(stacks, nza.TraceParams()) is is_one
    said = nza.TraceParams(same_detector=True)
    if is_one:
        assert share_detector(stacks, said)
    else:
        with pytest.raises(nza.InputError, match=r"other offsets or gains.*same_detector"):
            nza.dark_levels(stacks, said)


# -- a file without light --------------------------------------------------------------------------


def dark_file(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    tifffile.imwrite(
        tmp_path / "dark.tif", np.rint(rng.normal(OFFSET, 20, (30, 40, 40))).astype(np.uint16)
    )
    return tmp_path / "dark.tif"


def test_dark_level_of_a_file_without_light(tmp_path: Path) -> None:
    level = nza.measured_dark_level(nza.open_stack(dark_file(tmp_path)))
    assert level.values[0] == pytest.approx(OFFSET, abs=0.5)
    assert (level.source, level.accepted) == ("dark frames", True)
    one = nza.open_stack(dark_file(tmp_path)).read(0, 1)
    alone = nza.measured_dark_level(nza.Stack.from_array(one, "TCYX"))
    assert alone.values[0] == pytest.approx(OFFSET, abs=2.0)
    with pytest.raises(nza.InputError, match="show structure"):
        nza.measured_dark_level(nza.Stack.from_array(movie().read(0, 1), "TCYX"))
    for light in (3, 40):
        with pytest.raises(nza.InputError, match=r"show structure.*shutter closed"):
            nza.measured_dark_level(lit(Detector(), photons=light))


@pytest.mark.slow
def test_flag_of_a_file_without_light(tmp_path: Path, capsys) -> None:
    tifffile.imwrite(tmp_path / "movie.tif", movie().read(0, N_FRAMES)[:, 0])
    nza.Rois.of(ROI).save(tmp_path / "rois.csv")
    flags = [f"--rois={tmp_path / 'rois.csv'}", f"--dark-file={dark_file(tmp_path)}"]
    command = ["traces", str(tmp_path / "movie.tif"), *flags, f"--out={tmp_path / 't'}"]
    assert main(command) == 0
    assert "a dark level of 54" in capsys.readouterr().out
    read = nza.load_traces(tmp_path / "t")
    assert read.dff[0, 0, 60] == pytest.approx(1.0, abs=0.02)
    assert read.dark.source == "dark frames"
    assert main([*command, "--dark-level=3"]) == 2
    assert "only one of them" in capsys.readouterr().err


@pytest.mark.parametrize(("n_channels", "is_noted"), [(1, True), (2, False)])
def test_one_channel_without_light_for_several_is_kept_as_a_note(
    n_channels: int, is_noted: bool, tmp_path: Path
) -> None:
    frames = movie().read(0, 30)
    stack = nza.Stack.from_array(np.concatenate([frames, frames], axis=1), "TCYX", name="m")
    given = nza.TraceParams(dark_level=(OFFSET,) * n_channels)
    read = nza.run(nza.extract_traces(stack, nza.Rois.of(ROI), params=given))
    read = with_dark_file(read, "d.tif", n_channels)
    again = nza.load_traces(read.save(tmp_path / "t"))
    assert again.dark.source == "dark frames"
    notes = [remark for remark in again.remarks if remark.startswith("d.tif has one channel")]
    assert [note.is_warning for note in notes] == ([False] if is_noted else [])
    assert all("all 2 channels of m" in note for note in notes)
