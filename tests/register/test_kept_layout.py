"""The check of the layout of a run that goes on: its frames are read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.read import layout_samples
from napari_zstack_align.register import kept_layout
from napari_zstack_align.register.kept_layout import check_kept_layout
from napari_zstack_align.saved import Journal, Units, WatchedFrames, about_run, journal_folder

from ..read.scans import repeats, scan, volumes

GIVEN: dict[str, Any] = {"frames_per_slice": 6, "order": "repeats"}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "larva.tif", scan(repeats(8, 6)), photometric="minisblack")
    return tmp_path / "larva.tif"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry a check that is really done."""
    done: list[str] = []
    check = kept_layout.checked_frames

    def counted(stack: nza.Stack, channel: int) -> Any:
        done.append(stack.name)
        return check(stack, channel)

    monkeypatch.setattr(kept_layout, "checked_frames", counted)
    return done


def checked(raw: Path, **given: Any) -> nza.LayoutReport:
    """Check the layout with the journal of a run that is stopped then."""
    stack = nza.open_stack(raw, **{**GIVEN, **given})
    about = about_run("align_adaptive", nza.AdaptiveParams(), stack)
    with Journal(journal_folder(raw.with_suffix(".zalign")), about) as journal:
        return nza.run(check_kept_layout(Units(journal, WatchedFrames(stack)), 0))


def test_a_run_that_goes_on_checks_no_layout_again(raw: Path, checks: list[str]) -> None:
    first = checked(raw)
    assert first == nza.run(nza.check_layout(nza.open_stack(raw, **GIVEN)))
    assert checked(raw) == first
    assert checks == ["larva"]


def test_a_wrong_layout_stays_wrong(tmp_path: Path, checks: list[str]) -> None:
    raw = tmp_path / "larva.tif"
    tifffile.imwrite(raw, scan(volumes(8, 6)), photometric="minisblack")
    assert checked(raw).warning == checked(raw).warning != ""
    assert checks == ["larva"]


def test_another_layout_is_checked_anew(raw: Path, checks: list[str]) -> None:
    checked(raw)
    assert checked(raw, frames_per_slice=8).looks_like != ""
    assert len(checks) == 2


def test_changed_frames_are_checked_anew(raw: Path, checks: list[str]) -> None:
    checked(raw)
    frames = scan(volumes(8, 6))
    tifffile.imwrite(raw, frames, photometric="minisblack")
    assert checked(raw).verdict == "wrong"
    assert len(checks) == 2


def test_the_frames_are_those_that_were_read() -> None:
    """The unit that is looked for is the one that was kept, whichever sample it took."""
    frames = scan(repeats(20, 8))
    for order, n_read in (("repeats", 64), ("slices", 128)):
        stack = nza.Stack.from_array(frames, frames_per_slice=8, order=order)
        watched = WatchedFrames(stack)
        _, read = nza.run(kept_layout.checked_frames(watched.stack, 0))
        assert any(np.array_equal(read, sample) for sample in layout_samples(stack))
        assert read.size == np.count_nonzero(watched.digests) == n_read
