"""Cells that light up are dimmed to what they usually are; nothing else is touched."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_zstack_align.register.lit_cells import Dimmed, lit_cells
from napari_zstack_align.samples import zstack_with_repeats

LIT = 2


@pytest.fixture(scope="module")
def repeats() -> np.ndarray:
    """(8, Y, X) six repeats of one still plane, and two of another depth."""
    sample = zstack_with_repeats(n_slices=2, n_repeats=6, size=96, max_displacement_px=0.0, seed=3)
    return sample.stack.read(0, 8)[:, 0].astype(np.float32)


def found_in(images: np.ndarray) -> list[Dimmed | None]:
    return lit_cells(list(images), [np.ones(image.shape, bool) for image in images])


def cells_of(images: np.ndarray) -> np.ndarray:
    mean = cv2.GaussianBlur(images.mean(axis=0), (0, 0), 1.5)
    return mean > np.percentile(mean, 88)


def with_cells_lit(images: np.ndarray, lit: list[int], times: float) -> np.ndarray:
    dark = np.percentile(images, 1)
    result = images.copy()
    result[lit] += np.where(cells_of(images), (times - 1) * (images[lit] - dark), 0)
    return result


@pytest.mark.parametrize("lit", [[LIT], [0, LIT]])
@pytest.mark.parametrize("times", [2.5, 5])
def test_lit_cells_are_as_bright_as_usual(repeats, lit, times):
    images, cells = repeats[:6], cells_of(repeats[:6])
    bright = with_cells_lit(images, lit, times)
    for t, (dimmed, image) in enumerate(zip(found_in(bright), bright, strict=True)):
        if t not in lit:
            assert dimmed is None
            continue
        assert dimmed is not None
        added = image.mean() - images[t].mean()
        assert abs(dimmed(image).mean() - images[t].mean()) < 0.45 * added
        assert np.corrcoef(dimmed(image)[cells], images[t][cells])[0, 1] > 0.8
        np.testing.assert_array_equal(dimmed(image)[dimmed.factor == 1], image[dimmed.factor == 1])


def spoiled(repeats: np.ndarray, kind: str) -> np.ndarray:
    images, dark = repeats[:6].copy(), np.percentile(repeats, 1)
    if kind == "another depth":
        images[LIT] = repeats[7]
    elif kind == "moved":
        images[LIT] = np.roll(images[LIT], 3, axis=1)
    elif kind == "more light":
        images[LIT] = dark + 1.7 * (images[LIT] - dark)
    elif kind == "less light":
        images[LIT] = dark + 0.5 * (images[LIT] - dark)
    elif kind == "few":
        images = with_cells_lit(images, [LIT], 5)[1:4]
    return images


@pytest.mark.parametrize(
    "kind", ["nothing", "another depth", "moved", "more light", "less light", "few"]
)
def test_what_is_no_activity_stays_as_it_is(repeats, kind):
    assert found_in(spoiled(repeats, kind)) == [None] * len(spoiled(repeats, kind))
