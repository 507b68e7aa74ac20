"""Layout and artefacts, looked at side by side: once a run, however often it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.parallel import worker_threads
from napari_zstack_align.register import first_look as module
from napari_zstack_align.register.artefacts.search import search
from napari_zstack_align.register.first_look import first_look
from napari_zstack_align.saved import Journal, Units, WatchedFrames, about_run, journal_folder

from ..read.scans import repeats, scan, volumes

PARAMS = nza.AdaptiveParams()


@pytest.mark.parametrize(("order", "verdict"), [(repeats, "plausible"), (volumes, "wrong")])
@pytest.mark.parametrize("threads", [1, 3])
def test_is_done_once_and_found_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: Any, verdict: str, threads: int
) -> None:
    done: list[object] = []
    check = module.checked_frames

    def checked(*arguments: Any) -> Any:
        done.append("layout")
        return check(*arguments)

    def searched(*arguments: Any, **options: Any) -> Any:
        done.append(options["slices_known"])
        return (yield from search(*arguments, **options))

    monkeypatch.setattr(module, "checked_frames", checked)
    monkeypatch.setattr("napari_zstack_align.register.artefacts.kept_search.search", searched)
    tifffile.imwrite(tmp_path / "larva.tif", scan(order(8, 6)), photometric="minisblack")
    stack = nza.open_stack(tmp_path / "larva.tif", frames_per_slice=6, order="repeats")

    def looked() -> Any:
        about = about_run("align_adaptive", PARAMS, stack)
        journal = Journal(journal_folder(tmp_path / "larva.zalign"), about)
        with journal as kept, worker_threads(threads) as pool:
            return nza.run(first_look(Units(kept, WatchedFrames(stack)), PARAMS, pool, None))

    report, _ = looked()
    assert report == nza.run(nza.check_layout(stack))
    assert report.verdict == verdict
    known = [True] if verdict == "plausible" else [True, False]
    assert sorted(map(str, done)) == sorted(map(str, ["layout", *known]))
    assert looked()[0] == report
    assert len(done) == 1 + len(known)
