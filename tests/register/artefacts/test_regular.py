"""Regular patterns fixed to the detector, of any direction and stronger than the tissue."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from spoils import aligned, clean, error_px, moved, run_search, walk

import napari_zstack_align as nza
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.described import MAY_HOLD, NOT_TESTED
from napari_zstack_align.register.artefacts.explained import Frames, Judged
from napari_zstack_align.register.artefacts.frequencies import lying_in, standing_out
from napari_zstack_align.register.artefacts.noise import Noise

Image = npt.NDArray[np.float64]
Pattern = Callable[[Image, Image], Image]
N_FRAMES = 48
BORDER = 12


def random_rows(y: Image, x: Image) -> Image:
    offsets = np.random.default_rng(5).normal(size=y.shape[0])
    return (offsets - offsets.min())[:, np.newaxis] + 0 * x


def diagonal_stripes(y: Image, x: Image) -> Image:
    return ((y + x) % 13 < 5).astype(float)


def steep_stripes(y: Image, x: Image) -> Image:
    return ((2 * y - x) % 17 < 6).astype(float)


def oblique_wave(y: Image, x: Image) -> Image:
    return 0.5 + 0.5 * np.sin(2 * np.pi * (0.05 * y + 0.083 * x))


def lattice(y: Image, x: Image) -> Image:
    """As that of a bundle of fibres."""
    waves = [
        np.cos(2 * np.pi * (a * y + b * x) / 9) for a, b in ((0, 1), (0.87, 0.5), (0.87, -0.5))
    ]
    return np.clip(sum(waves), 0, None) / 3


PATTERNS = [random_rows, diagonal_stripes, steep_stripes, oblique_wave, lattice]


def patterned(
    frames: npt.NDArray[np.uint16], pattern: Pattern, part: float = 0.3
) -> tuple[Image, Image]:
    """Frames (T, Y, X) with a pattern of a part of their range, and what was added."""
    low, high = np.percentile(frames, (1, 99.9))
    added = part * (high - low) * pattern(*np.indices(frames.shape[1:], float))
    return np.clip(np.round(frames + added), 0, 65535).astype(np.uint16), added


def found_in(frames: Image, repeats: int | None = None, **options: object) -> Artefacts:
    stack = nza.Stack.from_array(frames, frames_per_slice=repeats)
    return run_search(stack, nza.AdaptiveParams(), **options)


def left_of(found: Artefacts, added: Image) -> float:
    """Part of a pattern that stays, shading and borders aside."""
    assert found.pattern is not None
    fine = [each - cv2.GaussianBlur(each, (0, 0), 8) for each in (added - found.pattern, added)]
    left, whole = (each[BORDER:-BORDER, BORDER:-BORDER].std() for each in fine)
    return float(left / whole)


def recording() -> tuple[npt.NDArray[np.uint16], int | None]:
    return moved(1, N_FRAMES, walk(N_FRAMES, 0.4)), None


def stack() -> tuple[npt.NDArray[np.uint16], int | None]:
    return moved(8, 6, walk(N_FRAMES)), 6


SLOW = pytest.mark.slow
FOUND = [
    pytest.param(made, pattern, marks=SLOW if made is stack and i % 3 else ())
    for made in (recording, stack)
    for i, pattern in enumerate(PATTERNS)
]


@pytest.mark.slow
@pytest.mark.parametrize(("made", "pattern"), FOUND)
def test_a_pattern_is_taken_off_and_named(made, pattern):
    frames, repeats = made()
    spoiled, added = patterned(frames, pattern)
    found = found_in(spoiled, repeats)
    assert left_of(found, added) < 0.3
    assert found.fixed is None
    assert any("taken off" in remark for remark in found.remarks)
    assert not any(remark == NOT_TESTED or remark.is_warning for remark in found.remarks)


@pytest.mark.parametrize(
    "pattern", [diagonal_stripes, pytest.param(oblique_wave, marks=pytest.mark.thorough)]
)
def test_dim_tissue_under_a_strong_pattern_is_not_constant(pattern):
    frames = moved(1, N_FRAMES, walk(N_FRAMES, 0.4))
    spoiled, added = patterned(frames, pattern, 4.0)
    found = found_in(spoiled)
    assert left_of(found, added) < 0.05
    assert found.fixed is None


def test_frames_are_judged_by_the_noise_of_their_tissue():
    rng = np.random.default_rng(2)
    images = rng.gamma(2, 100, (8, 96, 96)).astype(np.float32)
    pattern = (900 * diagonal_stripes(*np.indices((96, 96), float))).astype(np.float32)
    nothing = np.zeros(pattern.shape, bool)
    noise = Noise(dark=150, gain=20, floor=30)
    bare, striped = (
        Frames(images + added, np.zeros(8, int), nothing) for added in (0 * pattern, pattern)
    )
    np.testing.assert_allclose(
        Judged.of(striped, noise, pattern).scatter, Judged.of(bare, noise).scatter, rtol=1e-4
    )


def test_rows_along_which_the_tissue_hardly_moves_are_taken_off():
    moves = walk(N_FRAMES, 0.4)
    moves[:, 0] = np.arange(N_FRAMES) // 3 % 2  # too little for stripes to be told from layers
    spoiled, added = patterned(moved(1, N_FRAMES, moves), random_rows)
    assert left_of(found_in(spoiled), added) < 0.5


def sparse(seed: int, n_cells: int, step: float) -> npt.NDArray[np.uint16]:
    """(T, Y, X) few bright cells that move, and light up now and then."""
    rng = np.random.default_rng(seed)
    cells = np.zeros((160, 160))
    cells[tuple(rng.integers(0, 160, (2, n_cells)))] = rng.gamma(1, 900, n_cells)
    photons = cv2.GaussianBlur(cells, (0, 0), 1.5 + seed % 3) + 0.5
    frames = []
    for dy, dx in walk(40, step, seed):
        seen = photons[32 - dy : 128 - dy, 32 - dx : 128 - dx]
        frames.append(20 * rng.poisson(seen * (1 + 3 * (rng.random() < 0.3))) + 200)
    return np.clip(frames, 0, 65535).astype(np.uint16)


CLEAN: dict[str, Callable[[], tuple[npt.NDArray[np.generic], int | None]]] = {
    # In the means of these, some frequencies stand out.
    "tissue of few slices": lambda: (moved(1, N_FRAMES, walk(N_FRAMES, 1.2, 10), 10), None),
    "tissue of many slices": lambda: (moved(8, 6, walk(N_FRAMES, 1.2, 18), 18), 6),
    "many cells": lambda: (sparse(15, 200, 1.2), None),
    "few cells": lambda: (sparse(1, 8, 1.2), None),
    "still cells": lambda: (sparse(2, 40, 0), None),
    "slow cells": lambda: (sparse(3, 60, 0.4), None),
    "far from zero": lambda: ((sparse(4, 60, 1.2) / 2000 + 54_600).astype(np.uint16), None),
}


@pytest.mark.parametrize("made", CLEAN.values(), ids=CLEAN)
def test_nothing_is_taken_off_clean_frames(made):
    found = found_in(*made())
    assert found.pattern is None
    assert not any(remark.is_warning for remark in found.remarks)


@pytest.mark.parametrize("pattern", PATTERNS[:2])
def test_still_tissue_with_a_pattern_stays_as_it_is(pattern):
    still = moved(1, 40, np.zeros((40, 2), int))
    assert found_in(patterned(still, pattern)[0]).pattern is None


def test_stripes_that_move_with_the_tissue_are_tissue():
    moves = walk(N_FRAMES, 1.2)
    frames = moved(1, N_FRAMES, moves)
    _, added = patterned(frames, diagonal_stripes)
    striped = np.stack(
        [f + np.roll(added, tuple(m), (0, 1)) for f, m in zip(frames, moves, strict=True)]
    )
    found = found_in(striped.astype(np.uint16))
    assert found.pattern is None
    assert not any(remark.is_warning for remark in found.remarks)


def test_a_pattern_on_one_side_is_seriously_warned_of():
    def one_sided(y: Image, x: Image) -> Image:
        return diagonal_stripes(y, x) * (x < 56)

    found = found_in(patterned(recording()[0], one_sided)[0])
    (remark,) = [each for each in found.remarks if each == MAY_HOLD]
    assert remark.is_serious
    assert found.pattern is None


QUICK = {("adaptive", diagonal_stripes)}
ALIGNED = [
    pytest.param(method, pattern, marks=() if (method, pattern) in QUICK else SLOW)
    for method in ("adaptive", "keypoints")
    for pattern in PATTERNS
]


@pytest.mark.slow
@pytest.mark.parametrize(("method", "pattern"), ALIGNED)
def test_a_pattern_hardly_moves_an_alignment(method, pattern):
    frames, moves = clean(method)
    limit = 1.3 * error_px(aligned(frames, method), moves) + 0.02
    spoiled, _ = patterned(frames, pattern)
    assert error_px(aligned(spoiled, method), moves) < limit


# -- frequencies -------------------------------------------------------------------------------


def test_a_wave_stands_out_of_tissue_and_is_told_from_it():
    tissue = moved(1, 1, np.zeros((1, 2), int))[0].astype(np.float32)
    assert not standing_out(tissue).any()
    y, x = np.indices(tissue.shape)
    wave = 2000 * np.sin(2 * np.pi * (0.131 * y - 0.09 * x)).astype(np.float32)
    found = lying_in(standing_out(tissue + wave), tissue + wave)
    inner = np.s_[BORDER:-BORDER, BORDER:-BORDER]
    assert (found - wave)[inner].std() < 0.2 * wave.std()


@pytest.mark.parametrize("shape", [(96, 96), (160, 160), (130, 256)])
@pytest.mark.parametrize("pattern", [diagonal_stripes, steep_stripes])
def test_what_stands_out_is_found_up_to_the_borders(shape, pattern):
    tissue = cv2.GaussianBlur(np.random.default_rng(1).normal(size=shape), (0, 0), 3)
    added = pattern(*np.indices(shape, float)).astype(np.float32)
    image = (tissue / tissue.std() + 5 * added).astype(np.float32)
    left = lying_in(standing_out(image), image) / 5 - added
    rim = np.ones(shape, bool)
    rim[4:-4, 4:-4] = False
    assert (left - left.mean())[rim].std() < 0.2 * added.std()
