"""Fixtures shared by all tests: a small generated z-stack, its alignment, and the real data."""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import monotonic

import hypothesis
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.alignment.chunks import empty_chunks
from napari_zstack_align.alignment.quality import empty_table
from napari_zstack_align.alignment.transforms import AffineLink, Transforms
from napari_zstack_align.cells.rois import Rois
from napari_zstack_align.cells.traces import DarkLevel, Traces
from napari_zstack_align.cells.traces.traces import FRAMES
from napari_zstack_align.flags import Fault, Flag, mark
from napari_zstack_align.params import KeypointParams, TraceParams
from napari_zstack_align.samples import SampleZStack, recording_with_motion, zstack_with_repeats

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TIMING_REPEATS = 5

# An example takes as long as the machine makes it take.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Hold BLAS to one thread where tests run side by side: its threads spin while they wait.

    Ctrl-C is ignored by what a shell runs in the background, and so is it by the commands there:
    the tests want it as it is in a terminal.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    state = Path(tempfile.gettempdir()) / f"zstack-align-tests-{os.getpid()}"
    os.environ["ZSTACK_ALIGN_STATE"] = str(state)  # of runs in napari: never the person's
    if config.getoption("numprocesses", None):
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the workers start with it


OPENS_NAPARI = {"panel", "shared_viewer", "make_napari_viewer"}
"""Fixtures that make a test slow."""


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow, and the variants that are not tried each time; leave out wall time.

    Tests of wall time need a quiet machine: they run where ``-m`` asks for them.
    """
    is_tried_each_time = _TriedEachTime()
    for item in items:
        if OPENS_NAPARI & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
        if not is_tried_each_time(item):
            item.add_marker("thorough")
    if "timing" in config.option.markexpr:
        return
    timing = [item for item in items if item.get_closest_marker("timing")]
    if timing:
        config.hook.pytest_deselected(items=timing)
        items[:] = [item for item in items if item not in timing]


class _TriedEachTime:
    """Which variants of a test ``make test`` tries; this is decided here alone.

    Of the slow variants of a test, that is the first; the others are for ``make test-thorough``.
    Where a test has a mark such as ``each_time(seed=2)``, the first two values of its parameter
    'seed' are tried, with all values of the others.
    """

    def __init__(self) -> None:
        self._slow: set[object] = set()
        self._values: dict[object, list[object]] = {}

    def __call__(self, item: pytest.Item) -> bool:
        test = item.path, getattr(item, "originalname", item.name)
        if mark := item.get_closest_marker("each_time"):
            params = item.callspec.params  # type: ignore[attr-defined]
            return all(self._number(test, k, params[k]) < n for k, n in mark.kwargs.items())
        if item.get_closest_marker("slow") is None:
            return True
        is_first = test not in self._slow
        self._slow.add(test)
        return is_first

    def _number(self, test: object, name: str, value: object) -> int:
        """Position of a value among those of a parameter."""
        values = self._values.setdefault((test, name), [])
        if value not in values:
            values.append(value)
        return values.index(value)


@pytest.fixture(scope="session")
def median_of() -> Callable[[Callable[[], float]], float]:
    """Median of several measurements: one that another program disturbed doesn't count."""
    return lambda measure: median(measure() for _ in range(TIMING_REPEATS))


@pytest.fixture(scope="session")
def seconds() -> Callable[[Callable[[], object]], float]:
    """Wall time that a call takes."""

    def time(call: Callable[[], object]) -> float:
        start = monotonic()
        call()
        return monotonic() - start

    return time


@pytest.fixture(scope="session")
def sample() -> SampleZStack:
    """4 slices × 5 repeats of 160 × 192 pixels, with motion of up to 4 px."""
    return zstack_with_repeats(
        n_slices=4, n_repeats=5, size=(160, 192), max_displacement_px=4.0, seed=11
    )


@pytest.fixture(scope="session")
def alignment(sample: SampleZStack) -> nza.Alignment:
    """The sample, aligned with default parameters."""
    return nza.run(nza.align_adaptive(sample.stack))


@pytest.fixture(scope="session")
def recording() -> nza.Alignment:
    """A recording of 40 frames of 96 × 112 pixels, aligned by its truth; two chunks."""
    sample = recording_with_motion(n_frames=40, size=(96, 112), seed=3)
    quality = empty_table(40, "chunk")
    quality["chunk"], quality["used"] = np.arange(40) // 20, True
    mark(quality, Fault(Flag.BRIDGED, "bridged: the light changes"), np.array([5, 6]))
    quality["used"][[5, 6]] = False
    chunks = empty_chunks(2)
    chunks["start"], chunks["stop"] = (0, 20), (20, 40)
    chunks["matrix"] = sample.affine[[10, 30]]
    chunks["method"] = "keypoints"
    link = AffineLink(sample.affine)
    return nza.Alignment(
        sample.stack,
        Transforms((96, 112), (link,)),
        sample.clean,
        quality,
        KeypointParams(chunk_frames=20),
        chunks=chunks,
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real recordings beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the real data (../shared/data beside the project) is not here")
    return SHARED_DATA


@pytest.fixture(scope="session")
def file_of() -> Callable[[Path, str], Path]:
    """Find the file of a role in a saved result, as a reader outside does: by its run.json."""

    def find(folder: Path, role: str) -> Path:
        listed = json.loads((folder / "run.json").read_text(encoding="utf-8"))["files"]
        return folder / listed[role]["name"]

    return find


@pytest.fixture
def three_rois() -> Rois:
    """Three circles with ids that are no row numbers; the last two overlap."""
    circles = [(10.0, 12.0, 3.0), (20.25, 30.5, 4.5), (22.0, 34.0, 2.5)]
    return Rois.of(circles, ids=[3, 7, 12], features={"strength": [0.5, 0.25, 0.75]})


@pytest.fixture
def make_traces(three_rois: Rois) -> Callable[..., Traces]:
    """Make known traces: frame 2 is flagged, the second ROI is out of view in frame 4."""

    def make(
        recording: str = "larva_1",
        n_channels: int = 1,
        n_frames: int = 9,
        times: bool = True,
        rois: Rois = three_rois,
    ) -> Traces:
        n_rois = len(rois)
        random = np.random.default_rng(0)
        raw = random.uniform(900, 1000, (2, n_channels, n_rois, n_frames)).astype(np.float32)
        raw[:, :, 1:2, 4:5] = np.nan
        frames = np.zeros(n_frames, FRAMES)
        frames["frame"] = frames["raw_frame"] = np.arange(n_frames)
        frames["time_s"] = np.arange(n_frames) / 10 if times else np.nan
        frames["confidence"], frames["used"] = 0.75, True
        mark(frames[2:3], Fault(Flag.FAST_MOTION, "fast motion: 3,5 px"))
        return Traces(
            F=raw[0],
            Fneu=raw[1],
            corrected=raw[0] - np.float32(0.7) * (raw[1] - np.float32(950)),
            dff=raw[0] / np.float32(950) - 1,
            rois=rois,
            frames=frames,
            motion_explained=np.full((n_channels, n_rois), 0.01, np.float32),
            recording=recording,
            channel_names=("green", "red")[:n_channels],
            dark=DarkLevel(np.full(n_channels, 100.0), "given", True),
            params=TraceParams(),
            frame_shape=(40, 48),
            pixel_size_um=(0.8, 0.5),
        )

    return make
