"""Writing burnt into frames: it may change, blink, and be far brighter than tissue."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from spoils import aligned, clean, error_px, moved, run_search, walk

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.burnt_in import of_written_values

Frames = npt.NDArray[np.uint16]
N_FRAMES = 48
TOP = 65535
CORNERS = {"top left": (16, 5), "bottom right": (106, 58)}
"""(y, x) where the writing begins."""


def is_shown(t: int, blinks: bool) -> bool:
    return not blinks or t % 6 < 3


def with_clock(
    frames: Frames,
    level: float,
    *,
    corner: str = "bottom right",
    has_box: bool = False,
    every: int = 1,
    blinks: bool = False,
    words: Callable[[int], str] = lambda n: f"{n * 0.37:05.2f}",
) -> tuple[Frames, npt.NDArray[np.bool_]]:
    """Frames with a clock, and the pixels (Y, X) that are written on."""
    spoiled = frames.copy()
    y, x = CORNERS[corner]
    for t, frame in enumerate(spoiled):
        if not is_shown(t, blinks):
            continue
        if has_box:
            frame[y - 13 : y + 3, x - 2 : x + 48] = 0
        ink = np.zeros(frame.shape, np.uint8)
        cv2.putText(ink, words(t // every), (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.4, 255, 1)
        frame[ink > 127] = level
    return spoiled, np.asarray((spoiled != frames).any(axis=0))


MADE: dict[str, Callable[[], tuple[Frames, int | None]]] = {
    "recording": lambda: (moved(1, N_FRAMES, walk(N_FRAMES, 0.6)), None),
    "stack": lambda: (moved(8, 6, walk(N_FRAMES)), 6),
}
LEVELS = ["of the data", 4000, TOP]


def level_in(frames: Frames, level: str | int) -> float:
    return float(np.percentile(frames, 99.9)) if isinstance(level, str) else level


def found_in(frames: Frames, repeats: int | None) -> Artefacts:
    stack = nza.Stack.from_array(frames, frames_per_slice=repeats)
    return run_search(stack, nza.AdaptiveParams())


def assert_left_out(found: Artefacts, written: npt.NDArray[np.bool_]) -> None:
    assert found.fixed is not None
    assert (found.fixed & written).sum() > 0.95 * written.sum()
    around = cv2.dilate(written.astype(np.uint8), np.ones((11, 11), np.uint8)).astype(bool)
    assert not (found.fixed & ~around).any()
    assert not any(remark.is_warning for remark in found.remarks)


@pytest.mark.slow
@pytest.mark.thorough
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.each_time(shown=2)
@pytest.mark.parametrize(
    "shown",
    [{"blinks": True}, {"every": 2, "corner": "top left"}, {"blinks": True, "has_box": True}],
    ids=str,
)
def test_a_clock_is_left_out_as_a_whole_whatever_its_level(made, level, shown):
    frames, repeats = made()
    spoiled, written = with_clock(frames, level_in(frames, level), **shown)
    assert_left_out(found_in(spoiled, repeats), written)


@pytest.mark.slow
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
@pytest.mark.parametrize("level", LEVELS)
def test_a_label_that_blinks_is_left_out(made, level):
    frames, repeats = made()
    spoiled, written = with_clock(
        frames, level_in(frames, level), blinks=True, words=lambda n: "10 um"
    )
    assert_left_out(found_in(spoiled, repeats), written)


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("blinks", [False, True])
def test_still_tissue_with_writing_loses_no_pixel(level, blinks):
    frames = moved(1, N_FRAMES, np.zeros((N_FRAMES, 2), int))
    spoiled, _ = with_clock(frames, level_in(frames, level), blinks=blinks)
    assert found_in(spoiled, None).fixed is None


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_tissue_has_no_written_values(made):
    assert of_written_values(made()[0].astype(np.float32)) is None


@pytest.mark.slow
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
@pytest.mark.parametrize("percentile", [95, 99, 99.8])
def test_saturated_tissue_that_moves_is_no_writing(made, percentile):
    frames, repeats = made()
    frames = np.minimum(frames, np.percentile(frames, percentile)).astype(np.uint16)
    assert of_written_values(frames.astype(np.float32)) is not None
    assert found_in(frames, repeats).fixed is None


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("method", ["adaptive", "keypoints"])
@pytest.mark.parametrize("blinks", [False, True])
def test_a_clock_at_full_scale_hardly_moves_an_alignment(method, blinks):
    frames, moves = clean(method)
    limit = 1.3 * error_px(aligned(frames, method), moves) + 0.02
    spoiled, _ = with_clock(frames, TOP, blinks=blinks)
    assert error_px(aligned(spoiled, method), moves) < limit


@pytest.mark.slow
@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
@pytest.mark.parametrize("columns", [[32], [32, 64, 73]], ids=["one", "three"])
def test_hot_columns_beside_a_value_that_many_pixels_have_are_no_writing(made, columns):
    frames, repeats = made()
    common = int(np.percentile(frames, 93))
    spoiled = frames.copy()
    spoiled[np.abs(frames - float(common)) <= 3] = common
    spoiled[:, :, columns] = 39_321
    found = found_in(spoiled, repeats)
    assert found.fixed is not None
    assert np.unique(np.nonzero(found.fixed)[1]).tolist() == columns
    assert found.fixed[:, columns].all()
    assert not any(remark.is_warning for remark in found.remarks)
