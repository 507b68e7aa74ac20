"""Whether images that are taken for slices look like slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import SlicesReport, check_slices, slices_sample
from napari_zstack_align.read.layout.check_slices import _few_repeats
from napari_zstack_align.read.layout.pairs import FramePairs

from .scans import repeats, scan, up_and_down, volumes


def look(frames: np.ndarray) -> SlicesReport:
    return nza.run(check_slices(nza.Stack.from_array(frames, "ZYX")))


RIGHT: dict[str, tuple[int, dict[str, Any]]] = {
    "three slices": (3, {}),
    "five slices": (5, {}),
    "forty slices": (40, {}),
    "slices alike": (12, {"smooth_planes": 3.0}),
    "five slices alike": (5, {"smooth_planes": 3.0}),
    "slices unlike": (12, {"smooth_planes": 0.3}),
    "3 photons": (20, {"photons": 3.0}),
    "3 photons, five slices alike": (5, {"photons": 3.0, "smooth_planes": 3.0}),
    "fading": (12, {"light": np.geomspace(1, 0.03, 12)}),
    "empty slice": (9, {"light": np.arange(9) != 4}),
    "second slice empty": (5, {"light": np.arange(5) != 1}),
    "half of it empty": (12, {"light": np.arange(12) < 6}),
    "motion": (10, {"motion_px": 5}),
    "nothing but noise": (12, {"light": 0.0}),
    "one": (1, {}),
}


@pytest.mark.parametrize(("n_slices", "kind"), RIGHT.values(), ids=RIGHT)
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(3))
def test_a_z_stack_looks_like_nothing_else(n_slices: int, kind: dict[str, Any], seed: int) -> None:
    assert look(scan(repeats(n_slices, 1), seed=seed, **kind)) == SlicesReport()


WRONG = {
    "repeats": (repeats(9, 6), "repeats", 6),
    "few slices of repeats": (repeats(4, 3), "repeats", 3),
    "four slices of two repeats": (repeats(4, 2), "repeats", 2),
    "six slices of two repeats": (repeats(6, 2), "repeats", 2),
    "three slices of three repeats": (repeats(3, 3), "repeats", 3),
    "volumes": (volumes(12, 4), "slices", 12),
    "up and down": (up_and_down(12, 4), "up-and-down", 12),
    "two images": (volumes(2, 12), "two images in turn", 2),
    "one plane": (repeats(1, 40), "no slices", None),
    "one plane, few frames": (repeats(1, 6), "no slices", None),
    "by threes": (np.r_[0:21:3, 1:21:3, 2:21:3], "slices", 7),
    "at random": (np.random.default_rng(3).permutation(20), "out of order", None),
    "swapped": (np.array([0, 1, 2, 4, 3, 5, 6, 7]), "out of order", None),
}


@pytest.mark.parametrize(("order", "looks", "length"), WRONG.values(), ids=WRONG)
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(2))
def test_other_images_are_recognised(order, looks: str, length: int | None, seed: int) -> None:
    report = look(scan(order, seed=seed, photons=30.0))
    assert (report.looks_like, report.length) == (looks, length)
    assert report.reason
    assert not report.reason.endswith(".")


@pytest.mark.parametrize("n_repeats", [3, 5, 10, 20])
@pytest.mark.parametrize("planes", [[0, 2], [0, 3]])
@pytest.mark.parametrize("photons", [5.0, 30.0])
def test_two_slices_of_repeats(n_repeats: int, planes: list[int], photons: float) -> None:
    """There is one border, and images on either side are alike."""
    report = look(scan(np.repeat(planes, n_repeats), photons=photons))
    assert (report.looks_like, report.length) == ("repeats", n_repeats)


@pytest.mark.parametrize("length", [2, 3, 5, 20])
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(3))
def test_two_sections_are_no_repeats(length: int, seed: int) -> None:
    """Within a section slices differ, as on either side of a gap."""
    planes = np.r_[0:length, length + 3 : 2 * length + 3]
    assert look(scan(planes, seed=seed, photons=30.0)) == SlicesReport()


@pytest.mark.slow
@pytest.mark.parametrize("length", [3, 6, 10])
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(2))
def test_serial_sections_are_no_repeats(length: int, seed: int) -> None:
    """Their slices come nearer to the next section one by one; repeats don't."""
    planes = (np.arange(3)[:, None] * (length + 6) + np.arange(length)).ravel()
    sections = scan(planes, seed=seed, photons=100.0, smooth_planes=5.0)
    assert look(sections) == SlicesReport()
    same = scan(planes // (length + 6) * (length + 6), seed=seed, photons=100.0, smooth_planes=5.0)
    assert (look(same).looks_like, look(same).length) == ("repeats", length)


@pytest.mark.slow
@pytest.mark.parametrize(("length", "apart"), [(6, 1), (9, 1), (5, 2), (3, 4)])
@pytest.mark.each_time(seed=1)
@pytest.mark.parametrize("seed", range(2))
def test_sections_far_from_one_another_are_no_repeats(length: int, apart: int, seed: int) -> None:
    """Nothing comes nearer to the next one; but slices within a section differ with distance."""
    planes = (np.arange(4)[:, None] * (length * apart + 40) + apart * np.arange(length)).ravel()
    sections = scan(planes, seed=seed, photons=100.0, smooth_planes=4.0)
    assert look(sections) == SlicesReport()


@pytest.mark.slow
@pytest.mark.each_time(n_repeats=2)
@pytest.mark.parametrize("n_repeats", [2, 3, 4, 6])
@pytest.mark.parametrize("planes", [[0, 2, 40, 42, 80, 82], [0, 2, 40, 42, 80, 82, 120, 122]])
def test_slices_in_pairs_have_no_more_repeats(n_repeats: int, planes: list[int]) -> None:
    """Two slices of a section resemble each other far more than the next section."""
    frames = scan(np.repeat(planes, n_repeats), photons=100.0, smooth_planes=4.0)
    assert (look(frames).looks_like, look(frames).length) == ("repeats", n_repeats)


def test_groups_of_another_number_are_no_few_repeats() -> None:
    """Borders of slices must be at equal distances, to the end."""
    order = np.repeat(np.arange(5), [2, 3, 2, 1, 2])
    for seed in range(3):
        assert look(scan(order, seed=seed, photons=30.0)) == SlicesReport()


def test_of_long_stacks_a_sample_is_read() -> None:
    assert slices_sample(5).tolist() == [0, 1, 2, 3, 4]
    sample = slices_sample(2000)
    assert sample[:128].tolist() == list(range(128))
    assert 128 < len(sample) <= 256
    assert sample.max() > 1500


@pytest.mark.parametrize(("n_lit", "found"), [(6, None), (12, 6)])
def test_the_border_of_the_tissue_is_no_border_of_slices(n_lit: int, found: int | None) -> None:
    """Twelve images whose first ones are empty; or two slices of six repeats."""
    rng, lit = np.random.default_rng(0), np.arange(12) >= 12 - n_lit
    group = np.arange(12) // 6
    alike = np.where(np.outer(lit, lit) & (group[:, np.newaxis] == group), 0.6, 0.07)
    noise = rng.normal(0, 0.004, (12, 12))
    alike += (noise + noise.T) / 2
    np.fill_diagonal(alike, np.nan)
    chance = rng.normal(0.07, 0.02, 11)
    pairs = FramePairs(np.arange(12)[np.newaxis], alike, chance, np.ones(12), np.ones(12))
    assert _few_repeats(pairs) == found
