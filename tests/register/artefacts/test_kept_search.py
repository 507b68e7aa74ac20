"""The search for artefacts of a run that goes on: its frames are read once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from spoils import FIXED, N_REPEATS, N_SLICES, TRANSIENT, Frames, clean, run_search

import napari_zstack_align as nza
from napari_zstack_align.parallel import worker_threads
from napari_zstack_align.register.artefacts import kept_search as kept
from napari_zstack_align.register.artefacts.artefacts import Artefacts
from napari_zstack_align.register.artefacts.kept_search import kept_search
from napari_zstack_align.register.artefacts.sample import chosen_frames
from napari_zstack_align.register.artefacts.search import STAGE
from napari_zstack_align.register.closing import LIMIT_FRAMES
from napari_zstack_align.saved import Journal, Units, WatchedFrames, journal_folder

PARAMS = nza.AdaptiveParams()
SPOILS = {**FIXED, **TRANSIENT, "nothing": None}


def spoiled(spoil: str, method: str = "adaptive") -> Frames:
    """Frames with all that a search can find: pixels, stripes, single pixels or rows, or none."""
    frames = clean(method)[0].copy()
    if spoil in FIXED:
        FIXED[spoil](frames, 4000.0)
    elif spoil in TRANSIENT:
        TRANSIENT[spoil](frames)
    return frames


def write(path: Path, frames: Frames) -> Path:
    tifffile.imwrite(path, frames, photometric="minisblack")
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return write(tmp_path / "larva.tif", spoiled("hot_pixels"))


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Frames that are read, one entry each time."""
    frames: list[int] = []
    read = WatchedFrames.read

    def noted(watched: WatchedFrames, start: int, stop: int) -> Any:
        frames.extend(range(start, stop))
        return read(watched, start, stop)

    monkeypatch.setattr(WatchedFrames, "read", noted)
    return frames


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry a search that is really made."""
    done: list[str] = []
    search = kept.search

    def noted(stack: nza.Stack, *arguments: Any, **options: Any) -> Any:
        done.append(stack.name)
        return search(stack, *arguments, **options)

    monkeypatch.setattr(kept, "search", noted)
    return done


def opened(raw: Path, **layout: Any) -> nza.Stack:
    return nza.open_stack(raw, **({"frames_per_slice": N_REPEATS} | layout))


def searched(raw: Path, params: Any = PARAMS, layout: Any = None, **given: Any) -> Artefacts:
    """Search with the journal of a run that is stopped then."""
    stack = opened(raw, **(layout or {}))
    with Journal(journal_folder(raw.with_suffix("")), {}) as journal, worker_threads(1) as pool:
        units = Units(journal, WatchedFrames(stack))
        nza.run(units.check(pool, 2))
        return nza.run(kept_search(units, params, pool, **given))


def content(found: Artefacts) -> list[Any]:
    """All of it, its pixels as bytes."""
    images = [None if image is None else image.tobytes() for image in (found.fixed, found.pattern)]
    remarks = [remark.facts() for remark in found.remarks]
    return [repr(found.offset), *images, repr(found.transients), remarks]


@pytest.mark.slow
@pytest.mark.each_time(spoil=4)
@pytest.mark.parametrize("spoil", SPOILS)
def test_what_was_found_is_taken_over_to_the_bit(tmp_path, spoil, read, searches):
    raw = write(tmp_path / "larva.tif", spoiled(spoil))
    first = searched(raw)
    assert read == chosen_frames(opened(raw)).tolist()
    read.clear()
    again = searched(raw)
    assert (read, searches) == ([], ["larva"])
    assert content(again) == content(first) == content(run_search(opened(raw), PARAMS))


def test_what_is_found_is_what_cleans_the_frames(tmp_path):
    """The key of all that depends on it is the same, and so is a cleaned frame."""
    raw = write(tmp_path / "larva.tif", spoiled("stripes"))
    first, again = searched(raw), searched(raw)
    image = spoiled("salt")[3].astype(np.float32)
    assert again.cleaned(image).image.tobytes() == first.cleaned(image).image.tobytes()
    assert not np.array_equal(again.cleaned(image).image, image)
    assert kept.key_of("", parts=again.parts) == kept.key_of("", parts=first.parts)


def test_an_offset_is_taken_over(tmp_path, read):
    raw = write(tmp_path / "larva.tif", spoiled("nothing").astype(np.float64) + 1e9)
    first = searched(raw)
    read.clear()
    assert content(searched(raw)) == content(first)
    assert (read, first.offset > 1e8) == ([], True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("params", "layout", "given"),
    [
        (PARAMS.replace(find_artefacts=False), {}, {}),
        (PARAMS.replace(channel_weights=(2.0,)), {}, {}),
        (PARAMS, {"frames_per_slice": 2 * N_REPEATS}, {}),
        (PARAMS, {"order": "slices"}, {}),
        (PARAMS, {}, {"given": np.eye(112, dtype=bool)}),
        (PARAMS, {}, {"offset": 100.0}),
    ],
    ids=["not looked for", "weights", "layout", "order", "artefacts", "offset"],
)
def test_what_it_depends_on_makes_it_search_anew(raw, searches, params, layout, given):
    searched(raw)
    found = searched(raw, params, layout, **given)
    assert len(searches) == 2
    assert content(found) == content(run_search(opened(raw, **layout), params, **given))


def test_other_parameters_leave_it_as_it_is(raw, searches):
    searched(raw)
    searched(raw, PARAMS.replace(alpha=3.0, strategy="direct"))
    assert len(searches) == 1


def test_a_changed_frame_makes_it_search_anew(raw, searches):
    searched(raw)
    frames = spoiled("hot_pixels")
    chosen = chosen_frames(opened(raw))
    frames[chosen[len(chosen) // 2]] += 1
    write(raw, frames)
    found = searched(raw)
    assert len(searches) == 2
    assert content(found) == content(run_search(opened(raw), PARAMS))


def test_a_copy_of_the_file_is_no_change(raw, searches):
    first = searched(raw)
    os.utime(raw, ns=(1, 1))
    assert content(searched(raw)) == content(first)
    assert len(searches) == 1


# -- whole runs --------------------------------------------------------------------------------


def align(raw: Path, journal: Path | None = None) -> Any:
    return nza.align_adaptive(opened(raw), PARAMS, threads=2, journal=journal)


def register(raw: Path, journal: Path | None = None) -> Any:
    stacks = [nza.open_stack(raw)]
    params = nza.KeypointParams(chunk_frames=20)
    return nza.register_recordings(stacks, params, threads=2, journal=journal)


def stopped_after_search(steps: Any) -> None:
    """Run a job until it does something else after the search, and close it."""
    stages = (step.stage for step in steps)
    assert STAGE in stages
    assert next(stage for stage in stages if stage != STAGE)
    steps.close()


def numbers(result: Any) -> list[Any]:
    """All numbers of an alignment or of a list with one, and what is said of it."""
    (each,) = result if isinstance(result, list) else [result]
    images = each.quality.tobytes(), each.reference.tobytes(), each.frame_digests.digests.tobytes()
    fields = [each.transforms.displacement(t).tobytes() for t in range(each.stack.n_frames)]
    return [*images, *fields, [remark.facts() for remark in each.remarks]]


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("job", [align, register])
def test_a_run_that_goes_on_does_not_search_again(job, tmp_path, read, searches):
    method = "adaptive" if job is align else "keypoints"
    raw = write(tmp_path / "larva.tif", spoiled("hot_pixels", method))
    whole = numbers(nza.run(job(raw)))
    searches.clear()
    stopped_after_search(job(raw, tmp_path / "out"))
    assert numbers(nza.run(job(raw, tmp_path / "out"))) == whole
    assert searches == ["larva"]
    read.clear()
    assert numbers(nza.run(job(raw, tmp_path / "out"))) == whole
    assert len(read) == min(LIMIT_FRAMES, N_SLICES * N_REPEATS if job is align else LIMIT_FRAMES)
    assert searches == ["larva"]


@pytest.mark.slow
@pytest.mark.thorough
def test_each_recording_has_a_search_of_its_own(tmp_path, searches):
    """The offset that is taken off all of them is that of one."""
    frames = spoiled("hot_pixels", "keypoints").astype(np.float64) + 1e9
    paths = [write(tmp_path / f"rec{i}.tif", frames[i : i + 40]) for i in range(2)]

    def job(journal: Path | None) -> Any:
        stacks = [nza.open_stack(path) for path in paths]
        return nza.register_recordings(stacks, nza.KeypointParams(chunk_frames=20), journal=journal)

    whole = [numbers([each]) for each in nza.run(job(None))]
    searches.clear()
    for _ in range(2):
        assert [numbers([each]) for each in nza.run(job(tmp_path / "out"))] == whole
    assert sorted(searches) == ["rec0", "rec1"]
