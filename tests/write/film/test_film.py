"""A film shows the frames of an alignment, when they were and where the cells are."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import av
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.mean import RunningMean
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.write.film.film import GAP_PX, _Film
from napari_zstack_align.write.film.lettering import GREY, LINE_PX, WARNING
from napari_zstack_align.write.film.means import rolling_means
from napari_zstack_align.write.film.plot import BAR_PX, COLOURS, LARGEST_PX, Plot, Shown
from napari_zstack_align.write.film.tiles import Tile, round_below
from napari_zstack_align.write.film.timing import frames_shown, moment_in_words, window_around

SHAPE = (40, 64)
STEP_PX = 2
"""The tissue moves so far to the right a frame."""


def moving(n_frames=12, *, frames_per_slice=None, frame_interval_s=0.1) -> nza.Alignment:
    """A bright square that moves to the right, and the alignment that holds it still."""
    frames = np.full((n_frames, *SHAPE), 100, np.uint16)
    matrices = np.tile(np.eye(3), (n_frames, 1, 1))
    for t, frame in enumerate(frames):
        frame[16:24, 8 + STEP_PX * t : 16 + STEP_PX * t] = 1000 + 10 * t
        matrices[t, 1, 2] = STEP_PX * t
    times = None if frame_interval_s is None else np.arange(n_frames) * frame_interval_s
    stack = nza.Stack.from_array(
        frames, frames_per_slice=frames_per_slice, frame_times_s=times, pixel_size_um=(0.5, 0.5)
    )
    quality = empty_table(n_frames, "chunk")
    quality["used"] = True
    transforms = Transforms(SHAPE, (AffineLink(matrices),))
    return nza.Alignment(stack, transforms, frames[0].astype(np.float32), quality, nza.FilmParams())


def read_film(path) -> np.ndarray:
    with av.open(str(path)) as film:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])


def columns_of_square(picture, tile: Tile, at: int) -> np.ndarray:
    """Columns of an image in which the square is seen, in its own pixels."""
    row = LINE_PX + round(20 * tile.scale)
    inside = picture[row, at : at + round(SHAPE[1] * tile.scale)].mean(axis=-1)
    return np.flatnonzero(inside > 150) / tile.scale


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_raw_frames_move_and_aligned_ones_stay(tmp_path, ending):
    alignment = moving()
    params = nza.FilmParams(frames_per_mean=1, speed=2)
    path = nza.run(nza.write_film(tmp_path / f"film{ending}", alignment, params=params))
    pictures = read_film(path)
    assert len(pictures) == len(alignment.stack.data)  # 0.1 s a frame at twice the speed, 20 a s
    tile = Tile("raw", SHAPE, (0, 1), largest_px=512 if ending == ".mp4" else 256)
    width = round(SHAPE[1] * tile.scale)
    for t, picture in enumerate(pictures):
        raw = columns_of_square(picture, tile, GAP_PX)
        aligned = columns_of_square(picture, tile, width + 2 * GAP_PX)
        assert raw.mean() == pytest.approx(11.5 + STEP_PX * t, abs=0.6)
        assert aligned.mean() == pytest.approx(11.5, abs=0.6)
    assert pictures.shape[1] % 2 == pictures.shape[2] % 2 == 0


def test_rolling_means_are_those_of_their_frames():
    alignment = moving(9)
    rng = np.random.default_rng(4)
    frames = rng.normal(100, 20, (9, 1, *SHAPE)).astype(np.float32)
    frames[3, 0, 5:9, 7:20] = np.nan
    alignment = replace(alignment, stack=nza.Stack.from_array(frames[:, 0]))
    windows = [np.array(w, np.intp) for w in ([0, 1, 2], [2, 3], [3, 4, 6], [], [8])]
    for (raw, aligned), window in zip(rolling_means(alignment, windows, 0), windows, strict=True):
        expected = RunningMean(SHAPE)
        with np.errstate(invalid="ignore"):
            sums = np.nansum(frames[window, 0], axis=0, dtype=float)
            counts = np.isfinite(frames[window, 0]).sum(axis=0)
            np.testing.assert_allclose(raw, np.where(counts, sums / counts, np.nan), rtol=1e-5)
        for t in window:
            expected.add(*alignment.resample_measured(frames[t, 0], int(t)))
        np.testing.assert_allclose(aligned, expected.image_or_nan(), rtol=1e-5)


def test_a_window_keeps_to_its_slice_and_to_frames_in_use():
    alignment = moving(12, frames_per_slice=4)
    alignment.quality["used"][5] = False
    assert window_around(alignment, 4, 5).tolist() == [4, 6]
    assert window_around(alignment, 5, 1).tolist() == [5]  # nothing else to show
    recording = moving(12)
    assert window_around(recording, 4, 5).tolist() == [2, 3, 4, 5, 6]
    assert window_around(recording, 11, 4).tolist() == [10, 11]


@pytest.mark.parametrize(
    ("n", "interval", "given", "n_pictures", "second"),
    [
        (100, 0.1, {}, 200, 0),  # as it was recorded: each frame twice
        (30, 0.1, {}, 60, 0),  # steps of frame times are rounded
        (100, 0.1, {"speed": 10}, 20, 5),
        (100, None, {}, 100, 1),
        (24_000, 0.1, {}, 1200, 20),  # never more than a minute
        (100, 0.1, {"speed": 2, "first_frame": 10, "last_frame": 19}, 10, 11),
    ],
)
def test_pictures_a_second(n, interval, given, n_pictures, second):
    times = None if interval is None else np.arange(n) * interval
    stack = nza.Stack.from_array(np.zeros((n, 2, 2), np.uint8), frame_times_s=times)
    shown = frames_shown(stack, nza.FilmParams(**given))
    assert len(shown) == n_pictures
    assert shown[1] == second
    assert shown[-1] <= given.get("last_frame", n - 1)


def test_when_it_was():
    assert moment_in_words(moving().stack, 11) == "0:01.1, frame 11"
    assert moment_in_words(moving(frame_interval_s=None).stack, 11) == "frame 11"
    assert moment_in_words(moving(frames_per_slice=4).stack, 6) == "slice 1, repeat 2"
    times = np.array([0.0, 59.96, 754.3])
    stack = nza.Stack.from_array(np.zeros((3, 2, 2), np.uint8), frame_times_s=times)
    assert [moment_in_words(stack, t).split(",")[0] for t in (1, 2)] == ["1:00.0", "12:34.3"]


def test_rois_are_drawn_where_each_frame_shows_them():
    alignment = moving()
    rois = nza.Rois.of([[20.0, 12.0, 6.0]])
    params = nza.FilmParams(frames_per_mean=1)
    film = _Film(alignment, rois, params, np.arange(12), 512)
    start = 3 * GAP_PX + 2 * round(SHAPE[1] * film._tiles[2].scale)
    for t, picture in enumerate(film.pictures()):
        with_roi = picture[LINE_PX : LINE_PX + 320, start : start + 512].astype(int)
        without = picture[LINE_PX : LINE_PX + 320, GAP_PX : GAP_PX + 512].astype(int)
        y, x = np.nonzero(np.abs(with_roi - without).sum(axis=-1) > 60)
        middle = [(n.min() + n.max() + 1) / 2 / 8 - 0.5 for n in (y, x)]
        assert middle == pytest.approx([20, 12 + STEP_PX * t], abs=0.2)


def coloured(picture, colour) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero(np.abs(picture.astype(int) - colour).sum(axis=-1) < 60)


def test_a_plot_shows_the_traces_that_rise_most_and_the_moment():
    dff = np.zeros((1, 8, 100), np.float32)
    for row in range(8):
        dff[0, row, 10 * row : 10 * row + 10] = row
    dff[0, 7, 30:40] = np.nan
    traces = SimpleNamespace(dff=dff, corrected=dff, ids=np.arange(1, 9), dff_doubt="")
    shown = Shown.of(traces, 0, 0, 99)
    assert shown.ids.tolist() == [8, 7, 6, 5, 4, 3]
    assert (shown.words, shown.doubt) == ("ΔF/F of the 6 most active ROIs", "")
    assert shown.colours([7, 1]) == [COLOURS[1], GREY]
    plot = Plot(shown, 0, 99, 600)
    for t, colour in ((75, COLOURS[0]), (65, COLOURS[1])):
        line = np.flatnonzero((plot.at(t) != plot.at(0)).any(axis=(0, 2)))
        assert len(line) == 2  # one went, one came
        y, x = coloured(plot.at(0), colour)
        high = x[y < y.min() + 20]
        assert (high.min() + high.max()) / 2 == pytest.approx(line[1], abs=8)
    baseline = plot.at(0)[LINE_PX + LARGEST_PX].any(axis=-1)
    before, gap = (round(BAR_PX + t / 99 * (600 - BAR_PX - 1)) for t in (25, 35))
    assert baseline[before]
    assert not baseline[gap]  # no line where there is no value
    traces.dff_doubt = "the dark level is unknown"
    doubtful = Shown.of(traces, 0, 0, 99)
    assert doubtful.doubt == "unreliable: the dark level is unknown"
    line = [coloured(Plot(each, 0, 99, 600).at(0)[:LINE_PX], WARNING) for each in (shown, doubtful)]
    assert [len(y) > 0 for y, _ in line] == [False, True]
    traces.dff = dff * np.nan
    nothing = Shown.of(traces, 0, 0, 99)
    assert nothing.words.startswith("F (counts)")
    assert nothing.doubt == "there is no ΔF/F"
    traces.dff = dff * 0
    assert Shown.of(traces, 0, 0, 99).words == "ΔF/F: no ROI is active"


def test_a_rare_event_stays_in_the_plot():
    values = np.random.default_rng(2).normal(0, 0.02, (2, 4000)).astype(np.float32)
    values[0, 2000:2010] = 5
    drawn = Plot(Shown(np.array([1, 2]), values, "", ""), 0, 3999, 600).at(0)
    y, x = coloured(drawn[:, BAR_PX:], COLOURS[0])
    assert y.min() >= LINE_PX  # not over the images
    assert x[y < LINE_PX + 20].mean() == pytest.approx((600 - BAR_PX) / 2, abs=8)


def test_traces_are_those_of_the_recording(tmp_path):
    alignment = moving(frame_interval_s=None)
    rois = nza.Rois.of([[20.0, 12.0, 4.0]])
    own, other = (
        nza.run(nza.extract_traces(a.stack, rois, a, nza.TraceParams(dark_level=(90.0,))))
        for a in (
            moving(),
            replace(alignment, stack=nza.Stack.from_array(1 + frames_of(alignment))),
        )
    )
    with pytest.raises(nza.InputError, match="not the frames of"):
        nza.write_film(tmp_path / "film.gif", alignment, other)
    params = nza.FilmParams(speed=2)  # the traces know the times
    path = nza.run(nza.write_film(tmp_path / "film.gif", alignment, own, params))
    assert len(read_film(path)) == 12


def frames_of(alignment: nza.Alignment) -> np.ndarray:
    return alignment.stack.read(0, alignment.stack.n_frames)[:, 0]


@pytest.mark.parametrize(
    ("number", "below"), [(1.0, 1.0), (1.99, 1.0), (2.0, 2.0), (0.07, 0.05), (730.0, 500.0)]
)
def test_a_scale_bar_has_a_round_length(number, below):
    assert round_below(number) == pytest.approx(below)


def test_a_scale_bar_is_as_long_as_it_says():
    tile = Tile("raw", SHAPE, (0.0, 1.0), (0.5, 0.5))
    with_bar = tile.drawn(np.zeros(SHAPE, np.float32))
    bottom = with_bar[LINE_PX + round(SHAPE[0] * tile.scale) - 12]
    assert np.count_nonzero(bottom.min(axis=-1) > 200) == 5 / 0.5 * tile.scale  # 5 µm


def test_an_earlier_film_alone_is_replaced(tmp_path):
    alignment, path = moving(3), tmp_path / "film.gif"
    nza.run(nza.write_film(path, alignment))
    nza.run(nza.write_film(path, alignment, overwrite=True))
    with pytest.raises(nza.InputError, match="exists already"):
        nza.write_film(path, alignment)
    path.write_bytes(b"GIF89a of somebody else;")
    with pytest.raises(nza.InputError, match="not exported by"):
        nza.write_film(path, alignment, overwrite=True)


def test_a_cancelled_film_leaves_nothing(tmp_path):
    job = nza.write_film(tmp_path / "film.mp4", moving())
    for _ in range(4):
        next(job)
    job.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"first_frame": 12}, "first_frame.*0 to 11"),
        ({"last_frame": 40}, "last_frame.*0 to 11"),
        ({"channel": 1}, "no channel 1"),
        ({"first_frame": 5, "last_frame": 2}, "swap them"),
    ],
)
def test_frames_that_are_not_there(tmp_path, given, words):
    with pytest.raises(nza.InputError, match=words):
        nza.write_film(tmp_path / "film.mp4", moving(), params=nza.FilmParams(**given))


def test_other_bad_input(tmp_path):
    with pytest.raises(nza.InputError, match=r"end in \.mp4 or \.gif"):
        nza.write_film(tmp_path / "film.avi", moving())
    for unknown in (moving(frames_per_slice=4), moving(frame_interval_s=None)):
        with pytest.raises(nza.InputError, match="speed"):
            nza.write_film(tmp_path / "film.mp4", unknown, params=nza.FilmParams(speed=2))
    with pytest.raises(nza.InputError, match="Give an Alignment"):
        nza.write_film(tmp_path / "film.mp4", moving().stack)  # type: ignore[arg-type]
