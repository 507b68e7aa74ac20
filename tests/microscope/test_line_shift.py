"""Lines moved back: values, edges, data types, laziness."""

from __future__ import annotations

import numpy as np
import pytest
from microscope.scans import scanned, tissue

import napari_zstack_align as nza
from napari_zstack_align.microscope import LineShift, ShiftedLines, as_line_shift
from napari_zstack_align.sources import ArraySource


def _shifted(frames, px, subpixel=False):
    return ShiftedLines(ArraySource(frames, "TYX"), LineShift(px, subpixel)).read(0, len(frames))


@pytest.mark.parametrize("px", [3, -2])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int64", "float32"])
def test_whole_pixels_are_moved_without_a_change(px, dtype):
    rng = np.random.default_rng(0)
    clean = rng.integers(0, 120, (4, 9, 30)).astype(dtype)
    moved = clean.copy()
    moved[:, 1::2] = np.roll(clean[:, 1::2], px, axis=2)
    before = moved.copy()
    back = _shifted(moved, px)[:, 0]
    inside = slice(0, 30 - px) if px > 0 else slice(-px, 30)
    np.testing.assert_array_equal(back[:, :, inside], clean[:, :, inside])
    np.testing.assert_array_equal(back[:, ::2], clean[:, ::2])
    np.testing.assert_array_equal(moved, before)  # the source's own array stays


def test_edge_holds_the_mean_of_the_lines_around():
    frames = np.arange(5 * 8, dtype=np.uint16).reshape(1, 5, 8)
    back = _shifted(frames, 2)[0, 0]
    np.testing.assert_array_equal(back[1, 6:], (frames[0, 0, 6:] + frames[0, 2, 6:]) // 2)
    last = _shifted(frames[:, :4], 2)[0, 0]
    np.testing.assert_array_equal(last[3, 6:], frames[0, 2, 6:])


def test_parts_of_a_pixel_blur_all_lines_alike():
    rng = np.random.default_rng(1)
    image = 1000 * tissue(rng)
    back = _shifted(scanned(image, 2.6)[None].astype(np.float32), 2.6, subpixel=True)[0, 0]
    middle = scanned(scanned(image, -1.3)[::-1], 0)[::-1]  # all lines 1.3 px to the right
    spectrum = np.fft.rfft(image, axis=1) * np.exp(-2j * np.pi * np.fft.rfftfreq(128) * 1.3)
    middle = np.fft.irfft(spectrum, 128, axis=1)
    rest = (back - middle)[:, 8:-8]
    assert rest.std() < 0.02 * image.std()
    noise = rng.normal(0, 10, (1, 200, 200)).astype(np.float32)
    smooth = _shifted(noise, 2.6, subpixel=True)[0, 0, :, 8:-8]
    odd, even = smooth[1::2].std(), smooth[::2].std()
    assert odd == pytest.approx(even, rel=0.02)
    assert odd < 9.5


def test_values_stay_in_the_range_of_integers():
    frames = np.zeros((1, 8, 40), np.uint8)
    frames[..., 20:] = 255
    back = _shifted(frames, 1.0, subpixel=True)
    assert back.dtype == np.uint8
    assert np.all(back[..., 5:15] == 0)  # the overshoot isn't wrapped
    assert np.all(back[..., 28:] == 255)


def test_three_numbers_vary_along_x():
    frames = np.tile(np.arange(101, dtype=np.float32), (1, 4, 1))
    back = _shifted(frames, (0.0, 4.0, 0.0))[0, 0]
    np.testing.assert_array_equal(back[0], np.arange(101))
    assert back[1, [0, 50, 100]].tolist() == [0, 54, 100]


def test_reads_only_the_frames_asked_for():
    read = []

    class Watched(ArraySource):
        def read(self, start, stop):
            read.append((start, stop))
            return super().read(start, stop)

    source = ShiftedLines(Watched(np.zeros((9, 8, 40), np.uint8), "TYX"), LineShift(3))
    assert (source.shape, source.dtype) == ((9, 1, 8, 40), np.uint8)
    source.read(4, 6)
    assert read == [(4, 6)]
    assert source.reads_singly


@pytest.mark.parametrize("px", ["3", True, [1, 2], [], float("nan"), None, {"a": 1}, "AUTO "])
def test_what_is_no_line_phase_is_refused(px):
    with pytest.raises(nza.InputError, match="line_phase must be 'auto', a number of px, or three"):
        as_line_shift(px)


def test_what_moves_nothing_is_nothing():
    assert as_line_shift(0) is None
    assert as_line_shift(0.4) is None
    assert as_line_shift(0.4, subpixel=True) == LineShift(0.4, True)
    assert as_line_shift(np.float32(3)) == LineShift(3.0)


def test_more_than_a_quarter_of_a_line_is_refused():
    with pytest.raises(nza.InputError, match="more than a quarter of a line of 40 px"):
        _shifted(np.zeros((1, 8, 40)), 11)
