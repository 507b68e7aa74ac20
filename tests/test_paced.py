"""Reading in portions that last a moment, and giving up between them."""

import numpy as np
import pytest

from napari_zstack_align import paced
from napari_zstack_align.errors import Cancelled
from napari_zstack_align.paced import PacedSource


class Source:
    """Frames that take a time each, by a clock of their own, and remember how they were read."""

    def __init__(self, frame_s, dtype=np.uint16):
        self.frames = np.arange(100 * 4).astype(dtype).reshape(100, 1, 2, 2)
        self.shape, self.dtype = self.frames.shape, self.frames.dtype
        self.frame_s, self.now, self.portions = frame_s, 0.0, []

    def read(self, start, stop):
        self.now += self.frame_s * (stop - start)
        self.portions.append(stop - start)
        return self.frames[start:stop]


@pytest.fixture
def source(monkeypatch, request):
    made = Source(request.param)
    monkeypatch.setattr(paced, "monotonic", lambda: made.now)
    return made


@pytest.mark.parametrize(
    ("source", "portions"),
    [(0.25, [1] * 70), (0.024, [1, 2, *[4] * 16, 3]), (0.0, [1, 2, 4, 8, 16, 32, 7])],
    indirect=["source"],
)  # fmt: skip
def test_a_portion_takes_a_moment_at_most(source, portions):
    paced_source = PacedSource(source)
    np.testing.assert_array_equal(paced_source.read(0, 70), source.frames[:70])
    assert source.portions == portions


@pytest.mark.parametrize("source", [0.25], indirect=True)
def test_closed_it_gives_up_before_the_next_frame(source):
    paced_source = PacedSource(source)
    read = source.read

    def closing(start, stop):
        if start == 4:
            paced_source.close()
        return read(start, stop)

    source.read = closing
    with pytest.raises(Cancelled):
        paced_source.read(0, 70)
    assert source.portions == [1] * 5
    with pytest.raises(Cancelled):
        paced_source.read(80, 81)
    assert source.portions == [1] * 5


def test_the_order_of_bytes_stays():
    source = Source(0.0, ">u2")
    assert PacedSource(source).read(0, 70).dtype.str == ">u2"
