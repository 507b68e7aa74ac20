"""Units of recordings that bear the same name, in folders of their own, are told apart."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.saved import Journal, Units, WatchedFrames, prefixes_of
from napari_zstack_align.saved.places import place_of

USUAL = ["rec0-", "rec1-", "rec2-"]
HELD = {"A": "rec0-", "B": "rec1-"}


@pytest.fixture
def journal(tmp_path):
    with Journal(tmp_path / "run.unfinished", {}) as journal:
        yield journal


@pytest.fixture
def recordings(tmp_path) -> dict[str, Path]:
    """Four files of one name, size and time, in folders of their own."""
    paths = {}
    for number, folder in enumerate("ABCD"):
        pixels = np.random.default_rng(number).integers(0, 999, (6, 16, 16)).astype(np.uint16)
        paths[folder] = tmp_path / folder / "rec.tif"
        paths[folder].parent.mkdir()
        tifffile.imwrite(paths[folder], pixels, photometric="minisblack")
        os.utime(paths[folder], ns=(10**18, 10**18))
    return paths


def keep(journal, path: Path, prefix: str) -> None:
    units = Units(journal, WatchedFrames(nza.open_stack(path)), prefix)
    for t in range(6):
        units.frames.stack.read(t, t + 1)
        units.put(f"frame-{t}", "key", {"a": np.zeros(1)}, [t])


def is_found(journal, path: Path, prefix: str) -> list[bool]:
    units = Units(journal, WatchedFrames(nza.open_stack(path)), prefix)
    with ThreadPoolExecutor(1) as pool:
        list(units.check(pool, 2))
    return [units.get(f"frame-{t}", "key", [t]) is not None for t in range(6)]


@pytest.mark.parametrize("order", ["AB", "BA", "B", "CA", "BC", "CD", "CAB", "ACB", "BCA", "BDC"])
@pytest.mark.parametrize("container", [".tif", ".npy"])
def test_each_takes_its_own_work_in_any_order(journal, recordings, order, container) -> None:
    for folder, prefix in HELD.items():
        keep(journal, recordings[folder], prefix)
    paths = [recordings[folder] for folder in order]
    if container == ".npy":  # only the frames say whose they are
        for path in paths:
            np.save(path.with_suffix(".npy"), tifffile.imread(path))
        paths = [path.with_suffix(".npy") for path in paths]
    stacks = [nza.open_stack(path) for path in paths]
    prefixes = prefixes_of(journal, stacks, USUAL[: len(order)])
    assert len({*prefixes}) == len(order)
    for folder, path, prefix in zip(order, paths, prefixes, strict=True):
        assert (prefix == HELD.get(folder)) or folder not in HELD
        assert is_found(journal, path, prefix) == [folder in HELD] * 6


def test_no_frame_is_read_where_the_files_say_whose_they_are(journal, recordings) -> None:
    stacks = []
    for folder, prefix in HELD.items():
        keep(journal, recordings[folder], prefix)
        watched = WatchedFrames(nza.open_stack(recordings[folder]))
        watched.read = None  # type: ignore[assignment,method-assign]
        stacks.append(watched.stack)
    assert prefixes_of(journal, stacks, USUAL[:2]) == USUAL[:2]


@pytest.mark.parametrize("others", [1, 3, 6])
def test_units_of_other_files_of_the_same_size_and_time_are_not_taken(
    journal, recordings, others
) -> None:
    keep(journal, recordings["A"], "")
    for t in range(others):
        journal.remove(f"frame-{t}")
    units = Units(journal, WatchedFrames(nza.open_stack(recordings["B"])))
    assert units.frames.files == WatchedFrames(nza.open_stack(recordings["A"])).files
    assert units.get("frame-5", "key", [5]) is None
    assert is_found(journal, recordings["B"], "") == [False] * 6
    units.frames.stack.read(0, 6)
    assert is_found(journal, recordings["A"], "") == [False] * others + [True] * (6 - others)


def test_a_place_is_the_same_through_links_and_another_for_other_files(tmp_path) -> None:
    for folder in "AB":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rec.tif").touch()
    real, other = (tmp_path / folder / "rec.tif" for folder in "AB")
    (tmp_path / "link").symlink_to(tmp_path / "A")
    (tmp_path / "B" / "link.tif").symlink_to(real)
    for path in (tmp_path / "link" / "rec.tif", tmp_path / "B" / "link.tif"):
        assert place_of([path]) == place_of([real])
    assert place_of([real]) != place_of([other])
    assert place_of([real, other]) != place_of([other, real])
    assert place_of([]) == ""
