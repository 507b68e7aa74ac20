"""An adaptive run that was stopped goes on, to the same bits, and does no finished slice again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.errors import Cancelled, InputError, RunStopped
from napari_zstack_align.flags import Flag
from napari_zstack_align.register import direct, slice_run, two_stage
from napari_zstack_align.samples import zstack_with_repeats

SLICES, REPEATS = 5, 4
STRATEGIES = ("two_stage", "direct")


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    sample = zstack_with_repeats(
        n_slices=SLICES, n_repeats=REPEATS, size=(72, 80), photons=60, max_displacement_px=2, seed=2
    )
    return sample.stack.read(0, SLICES * REPEATS)[:, 0]


@pytest.fixture
def raw(pixels, tmp_path) -> Path:
    tifffile.imwrite(tmp_path / "larva.tif", pixels, photometric="minisblack")
    return tmp_path / "larva.tif"


@pytest.fixture
def target(tmp_path) -> Path:
    return tmp_path / "larva.zalign"


@pytest.fixture
def computed(monkeypatch) -> list[str]:
    """What is computed: 'within 3' for stage A of slice 3, 'between' for a step of the chain."""
    done: list[str] = []
    align_within, next_ = two_stage.align_within, two_stage.Chain.next
    next_pair, pairs = two_stage.Pairs.next, []
    align_slice = direct.DirectChain._align_slice

    def within(run: Any, frames: Any, learned: Any) -> Any:
        done.append(f"within {frames[0] // REPEATS}")
        return align_within(run, frames, learned)

    def between(chain: Any, image: Any) -> Any:
        if not pairs:  # a pair is registered as a chain of two
            done.append("between")
        return next_(chain, image)

    def pair(chain: Any, image: Any) -> Any:
        done.append("between")
        pairs.append(image)
        try:
            return next_pair(chain, image)
        finally:
            pairs.pop()

    def one_slice(run: Any, frames: Any) -> Any:
        done.append(f"slice {frames[0] // REPEATS}")
        return align_slice(run, frames)

    monkeypatch.setattr(two_stage, "align_within", within)
    monkeypatch.setattr(two_stage.Chain, "next", between)
    monkeypatch.setattr(two_stage.Pairs, "next", pair)
    monkeypatch.setattr(direct.DirectChain, "_align_slice", one_slice)
    return done


def job(
    raw: Path,
    journal: Path | None = None,
    threads: int = 2,
    mask: Any = None,
    dropped: str | None = None,
    **params: Any,
):
    stack = nza.open_stack(raw, frames_per_slice=REPEATS, drop_frames=dropped)
    return nza.align_adaptive(
        stack, nza.AdaptiveParams(**params), mask, threads=threads, journal=journal
    )


def stopped_after(n_slices: int, steps: Iterator[nza.Progress]) -> None:
    """Run a job until so many slices have their rows, and close it."""
    for _ in range(n_slices):
        while next(steps).partial is None:
            pass
    steps.close()


def numbers(alignment: nza.Alignment) -> list[bytes]:
    """All that an alignment holds but who made it when."""
    links = [link.coefficients.tobytes() for link in alignment.transforms.links]
    seen = alignment.frame_digests.digests.tobytes()
    return [*links, alignment.quality.tobytes(), alignment.reference.tobytes(), seen]


# -- going on ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("n_done", range(1, SLICES + 1))
def test_the_result_is_bit_identical_wherever_it_was_stopped(raw, target, strategy, n_done):
    whole = numbers(nza.run(job(raw, strategy=strategy, threads=1)))
    stopped_after(n_done, job(raw, target, strategy=strategy))
    on = nza.run(job(raw, target, strategy=strategy, threads=3))
    assert numbers(on) == whole


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("start", [0, 2])
def test_steps_by_the_repeats_are_the_same_wherever_a_run_was_stopped(raw, target, start):
    params = {"between_slices": "auto", "start_slice": start}
    whole = nza.run(job(raw, threads=1, **params))
    stopped_after(3, job(raw, target, **params))
    on = nza.run(job(raw, target, threads=3, **params))
    assert numbers(on) == numbers(whole)
    assert on.provenance["between_slices"] == whole.provenance["between_slices"]
    assert len(on.provenance["between_slices"]) == SLICES - 1


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("held", [0, 2], ids=["no frame", "two frames"])
def test_how_many_frames_fit_into_memory_changes_no_bit(raw, target, strategy, held, monkeypatch):
    whole = numbers(nza.run(job(raw, strategy=strategy)))
    stopped_after(2, job(raw, target, strategy=strategy))
    monkeypatch.setattr(slice_run, "HELD_BYTES", held * 4 * 72 * 80)
    assert numbers(nza.run(job(raw, strategy=strategy))) == whole
    assert numbers(nza.run(job(raw, target, strategy=strategy))) == whole


@pytest.mark.thorough
@pytest.mark.slow
def test_dropped_frames_stay_dropped_where_a_run_goes_on(raw, target, computed):
    whole = numbers(nza.run(job(raw, dropped="0, 9")))
    stopped_after(2, job(raw, target, dropped="0, 9"))
    computed.clear()
    on = nza.run(job(raw, target, dropped="0, 9"))
    assert numbers(on) == whole
    assert np.flatnonzero(on.quality["flag"] == Flag.DROPPED).tolist() == [0, 9]
    assert sorted(what for what in computed if what != "between") == ["within 3", "within 4"]


@pytest.mark.thorough
@pytest.mark.slow
def test_other_dropped_frames_are_another_run(raw, target, computed):
    stopped_after(2, job(raw, target, dropped="0, 9"))
    computed.clear()
    assert numbers(nza.run(job(raw, target))) == numbers(nza.run(job(raw)))


def test_nothing_finished_is_done_again(raw, target, computed):
    stopped_after(2, job(raw, target))
    done = sorted(what for what in computed if what != "within 3")  # begun beside the one before
    assert done == ["between", "between", "within 0", "within 1", "within 2"]
    computed.clear()
    notes = []
    nza.run(job(raw, target), lambda p: notes.append(p.note) if p.note else None)
    assert sorted(computed) == ["between", "between", "between", "within 3", "within 4"]
    assert notes == ["Going on with larva.zalign.unfinished: 3 of 5 slices were finished."]
    computed.clear()
    nza.run(job(raw, target))
    assert computed == []


def test_a_run_without_a_journal_keeps_nothing(raw, tmp_path):
    nza.run(job(raw))
    assert [path.name for path in tmp_path.iterdir()] == ["larva.tif"]


def test_the_journal_goes_when_the_result_is_saved(raw, target):
    alignment = nza.run(job(raw, target))
    assert target.with_name("larva.zalign.unfinished").is_dir()
    alignment.save(target.with_name("other.zalign"))
    assert target.with_name("larva.zalign.unfinished").is_dir()
    alignment.save(target)
    assert not target.with_name("larva.zalign.unfinished").exists()


def test_a_cancelled_run_says_which_stages_are_finished(raw, target):
    def stop(progress: nza.Progress) -> None:
        if progress.partial is not None:
            raise KeyboardInterrupt

    with pytest.raises(Cancelled) as caught:
        nza.run(job(raw, target), stop)
    folder = caught.value.partial.save(target)
    assert target.with_name("larva.zalign.unfinished").is_dir()
    stages = nza.load_alignment(folder).provenance["stages"]
    assert stages == {
        "within slices": {"slices": 2, "of": SLICES},
        "slice to slice": {"slices": 1, "of": SLICES},
    }


# -- what has changed --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"between_slices": 0.5}, ["between"] * SLICES),
        ({"threads": 1}, []),
        ({"alpha": 2.0}, [f"within {z}" for z in range(SLICES)]),
        ({"mask": np.eye(72, 80) + 0.5 > 1}, [f"within {z}" for z in range(SLICES)]),
    ],
    ids=["between_slices", "threads", "alpha", "mask"],
)
def test_a_parameter_does_what_it_touches_again(raw, target, computed, change, again):
    nza.run(job(raw, target))
    computed.clear()
    on = nza.run(job(raw, target, **change))
    done = [what for what in computed if what in again]
    # The first step of the chain takes the image over, whatever the parameters.
    assert done == again or done == again[1:]
    assert set(computed) <= {*again, "between"}
    computed.clear()
    assert numbers(on) == numbers(nza.run(job(raw, **change)))


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_changed_frame_does_its_slice_again(raw, pixels, target, computed, strategy):
    nza.run(job(raw, target, strategy=strategy))
    changed = pixels.copy()
    changed[3 * REPEATS + 1, 10, 10] += 1
    tifffile.imwrite(raw, changed, photometric="minisblack")
    os.utime(raw, ns=(10**18, 10**18))
    computed.clear()
    on = nza.run(job(raw, target, strategy=strategy))
    if strategy == "direct":
        assert computed == ["slice 3", "slice 4"]
    else:
        assert [what for what in computed if what != "between"] == ["within 3"]
        assert computed.count("between") <= 2
    assert numbers(on) == numbers(nza.run(job(raw, strategy=strategy)))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["larva.tif", "other.tif"])
def test_a_copy_of_the_file_is_no_change(raw, target, computed, tmp_path, name):
    nza.run(job(raw, target))
    (tmp_path / "elsewhere").mkdir()
    copy = shutil.copyfile(raw, tmp_path / "elsewhere" / name)
    raw.unlink()
    computed.clear()
    stages = []
    nza.run(job(copy, target), lambda progress: stages.append(progress.stage))
    assert computed == []
    assert stages.count("Checking the frames") == SLICES * REPEATS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["within-00003", "between-00003"])
def test_a_damaged_unit_is_made_again(raw, target, computed, name):
    whole = numbers(nza.run(job(raw, target)))
    path = target.with_name("larva.zalign.unfinished") / f"{name}.unit"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    computed.clear()
    assert numbers(nza.run(job(raw, target))) == whole
    assert computed == ["within 3" if name.startswith("within") else "between"]


def test_a_stack_that_has_grown_keeps_its_slices(raw, pixels, target, computed):
    tifffile.imwrite(raw, pixels[: 4 * REPEATS], photometric="minisblack")
    nza.run(job(raw, target))
    tifffile.imwrite(raw, pixels, photometric="minisblack")
    computed.clear()
    nza.run(job(raw, target))
    assert computed == ["within 4", "between"]


# -- what goes wrong on the way ----------------------------------------------------------------


def test_a_second_run_is_refused_before_any_work(raw, target):
    first = job(raw, target)
    next(first)
    with pytest.raises(InputError, match="worked on by another run"):
        next(job(raw, target))
    first.close()


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.parametrize("happens", ["vanishes", "changes"])
def test_a_file_that_changes_in_mid_run_stops_it_and_the_same_call_goes_on(
    raw, target, computed, happens
):
    whole = numbers(nza.run(job(raw)))
    content, seen = raw.read_bytes(), os.stat(raw)

    def spoil(progress: nza.Progress) -> None:
        if progress.partial is not None and raw.exists():
            if happens == "vanishes":
                raw.unlink()
            else:
                os.utime(raw, ns=(1, 1))

    said = "is gone" if happens == "vanishes" else "changed while it was read"
    with pytest.raises(RunStopped, match=rf"larva\.tif {said}"):
        nza.run(job(raw, target), spoil)
    raw.write_bytes(content)
    os.utime(raw, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    computed.clear()
    assert numbers(nza.run(job(raw, target))) == whole
    assert "within 0" not in computed


def test_a_frame_that_cannot_be_read_is_tried_again(raw, target, computed, monkeypatch):
    whole = numbers(nza.run(job(raw)))
    stack = nza.open_stack(raw)
    read = type(stack.source).read

    def broken(source: Any, start: int, stop: int) -> Any:
        if start <= 9 < stop:
            raise InputError("page 9 is damaged.")
        return read(source, start, stop)

    with monkeypatch.context() as patch:
        patch.setattr(type(stack.source), "read", broken)
        found = nza.run(job(raw, target))
    assert [t for t, flag in enumerate(found.quality["flag"]) if flag == "unreadable"] == [9]
    assert not found.complete
    folder = found.save(target)
    assert '"state": "incomplete"' in (folder / "run.json").read_text()
    assert target.with_name("larva.zalign.unfinished").is_dir()
    computed.clear()
    on = nza.run(job(raw, target))
    assert numbers(on) == whole
    assert on.complete
    assert [what for what in computed if what != "between"] == ["within 2"]


class FailsAtFirst:
    """Frames of which one can't be read the first time."""

    def __init__(self, pixels: np.ndarray, frame: int) -> None:
        self._pixels, self._frame, self._failed = pixels[:, np.newaxis], frame, False
        self.shape, self.dtype = self._pixels.shape, pixels.dtype

    def read(self, start: int, stop: int) -> np.ndarray:
        if start <= self._frame < stop and not self._failed:
            self._failed = True
            raise InputError("it can't be read just now")
        return self._pixels[start:stop]


def test_the_check_of_the_layout_and_the_run_see_the_same_frames(pixels):
    stack = nza.Stack.from_array(pixels, frames_per_slice=REPEATS, order="repeats")
    stack = stack.replace(source=FailsAtFirst(pixels, 6))
    alignment = nza.run(nza.align_adaptive(stack))
    assert alignment.quality["flag"][6] == Flag.UNREADABLE
    assert not alignment.complete
