"""Which runs there are, what is said of them, and whose volumes are kept; no viewer is needed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from stacks import shifted, small_zstack

from napari_zstack_align.flags import Flag
from napari_zstack_align.gui.run_volumes import RunVolumes
from napari_zstack_align.gui.runs import Runs, has_result, started_of, when_words
from napari_zstack_align.params import AdaptiveParams

NOON = datetime(2026, 3, 5, 12, 0).astimezone()


@pytest.fixture
def stack():
    return small_zstack(size=32)


def result(stack, after=0.9, **params):
    """An alignment all of whose frames were run, with this correlation after it."""
    alignment = replace(shifted(stack, 1.0), params=AdaptiveParams(**params))
    alignment.quality["flag"] = Flag.GOOD
    alignment.quality["used"] = True
    alignment.quality["correlation_before"] = 0.5
    alignment.quality["correlation_after"] = after
    return alignment


def part_of(alignment, n_frames):
    quality = alignment.quality.copy()
    quality["flag"][n_frames:] = Flag.NOT_RUN
    quality["used"][n_frames:] = False
    return replace(alignment, quality=quality)


def test_a_new_run_is_shown_and_the_others_stay(stack):
    runs = Runs()
    assert runs.shown is None
    first = runs.add({"a": result(stack)})
    second = runs.add({"a": result(stack, alpha=2.0)})
    assert [run.name for run in runs.listed] == ["run 1", "run 2"]
    assert runs.shown is second
    assert runs.show(first.number) is first
    assert runs.shown is first
    assert runs.listed == (first, second)


def test_newer_results_keep_name_and_start_and_are_not_saved(stack):
    runs, whole = Runs(), result(stack)
    run = runs.add({"a": part_of(whole, 3)}, started=NOON, running=True)
    runs.rename(run.number, "mine")
    runs.note_saved(run.number, run.results.values())
    assert runs.shown.saved
    runs.update(run.number, {"a": whole})
    newer = runs.get(run.number)
    assert (newer.name, newer.started, newer.saved, newer.running) == ("mine", NOON, False, False)
    assert newer.results["a"] is whole
    assert [run for run in runs.listed if not run.saved] == [newer]


def test_what_was_saved_is_what_counts(stack):
    runs = Runs()
    run = runs.add({"a": result(stack), "b": result(stack)})
    runs.note_saved(run.number, [result(stack)])
    assert not runs.shown.saved
    runs.note_saved(run.number, reversed(list(run.results.values())))
    assert runs.shown.saved
    assert all(run.saved for run in runs.listed)


def test_names_are_unique_and_never_empty(stack):
    runs = Runs()
    first, second = (runs.add({"a": result(stack)}) for _ in range(2))
    runs.rename(second.number, " run 1 ")
    assert runs.get(second.number).name == "run 1 (2)"
    runs.rename(second.number, "  ")
    assert runs.get(second.number).name == "run 1 (2)"
    runs.rename(first.number, "run 1")
    assert runs.get(first.number).name == "run 1"
    runs.remove(second.number)
    assert runs.add({"a": result(stack)}).name == "run 3"


def test_removing_the_run_that_is_shown_shows_the_newest_of_the_others(stack):
    runs = Runs()
    first, second, third = (runs.add({"a": result(stack)}) for _ in range(3))
    runs.remove(third.number)
    assert runs.shown is second
    runs.remove(first.number)
    assert runs.shown is second
    runs.remove(second.number)
    assert runs.shown is None
    assert runs.update(second.number, {"a": result(stack)}) is None
    assert len(runs) == 0


def test_results_of_recordings_that_are_gone_are_dropped(stack):
    runs = Runs()
    both = runs.add({"a": result(stack), "b": result(stack)})
    runs.add({"b": result(stack)})
    runs.keep_of(["a"])
    assert [(run.number, list(run.results)) for run in runs.listed] == [(both.number, ["a"])]
    assert runs.shown.number == both.number
    assert runs.shown.results["a"] is both.results["a"]


def test_another_description_changes_all_runs_and_keeps_them_saved(stack):
    runs = Runs()
    run = runs.add({"a": result(stack)}, saved=True)
    other = stack.replace(name="other")
    runs.map_results(lambda each: each.with_stack(other, check_frames=False))
    assert runs.get(run.number).results["a"].stack is other
    assert runs.get(run.number).saved


# -- what is said ------------------------------------------------------------------------------


def test_only_what_differs_from_the_defaults_is_named(stack):
    runs = Runs()
    assert runs.add({"a": result(stack)}).words == "defaults"
    run = runs.add({"a": result(stack, alpha=2.0, outlier_mad=0.0)}, note="loaded")
    assert run.words == "loaded, Alpha (×): 2, Outlier (MAD): 0"
    details = run.details(NOON)
    assert "Grid spacing (px): 48" in details
    assert "median held-out correlation 0.900 (0.500 before alignment)" in details
    assert "not saved" in details
    masked = replace(result(stack), mask=np.eye(32, dtype=np.float32))
    assert runs.add({"a": masked}).words == "mask: 3 %"


def test_correlation_is_the_median_of_the_frames_used_in_all_recordings(stack):
    good, bad = result(stack, 0.9), result(stack, 0.1)
    bad.quality["correlation_after"][0] = 0.8
    bad.quality["used"][1:] = False
    assert Runs().add({"a": good, "b": bad}).correlation_words == "0.900"
    bad.quality["used"] = False
    bad.quality["used"][0] = True
    assert Runs().add({"b": bad}).correlation_words == "0.800"


def test_what_was_not_judged_has_no_correlation(stack):
    run = Runs().add({"a": result(stack, np.nan)})
    assert run.correlation_words == "–"
    assert "not judged: no held-out correlation" in run.details(NOON)


def test_progress_and_partial_results_are_marked(stack):
    runs, quarter = Runs(), part_of(result(stack), 3)
    run = runs.add({"a": quarter}, running=True)
    assert run.words == "running: 25 % of the frames"
    runs.stop(run.number)
    assert runs.shown.words == "partial: 25 % of the frames"
    assert not has_result([part_of(quarter, 0)])
    assert has_result([part_of(quarter, 0), quarter])


def test_when_is_a_time_today_and_a_date_before():
    assert when_words(NOON, NOON + timedelta(hours=3)) == "12:00"
    assert when_words(NOON, NOON + timedelta(days=1)).startswith("5 ")
    assert when_words(NOON, NOON + timedelta(days=1)).endswith("12:00")
    assert when_words(NOON, NOON + timedelta(days=400)).endswith("2026")


def test_the_start_of_a_loaded_alignment_is_read_where_it_is_known(stack):
    known = replace(result(stack), provenance={"started": "2026-03-05T11:00:00+00:00"})
    assert (
        started_of(known).timestamp()
        == datetime.fromisoformat("2026-03-05T11:00:00+00:00").timestamp()
    )
    assert started_of(result(stack)) is None


# -- volumes -----------------------------------------------------------------------------------


def test_volumes_of_the_two_runs_shown_last_are_kept(stack):
    kept = RunVolumes(stack)
    one, two = kept.of(1, (32, 32)), kept.of(2, (32, 32))
    assert [volume.shape for volume in one] == [(3, 32, 32)]
    kept.finish(1, one)
    assert kept.of(1, (32, 32)) is one
    assert not kept.is_to_be_filled(1)
    assert kept.is_to_be_filled(2)
    kept.of(3, (32, 32))
    assert kept.of(1, (32, 32)) is one
    assert kept.of(2, (32, 32)) is not two
    kept.finish(2, two)  # what was dropped meanwhile
    assert kept.is_to_be_filled(2)


def test_volumes_that_a_run_fills_are_never_dropped(stack):
    kept = RunVolumes(stack)
    growing = kept.new((32, 32))
    kept.put(1, growing, growing=True)
    for number in (2, 3, 4, 3):
        kept.of(number, (32, 32))
        assert not kept.is_to_be_filled(1)
    assert kept.of(1, (32, 32)) is growing
    kept.finish(1, growing)
    assert not kept.is_to_be_filled(1)
    for number in (2, 3):
        kept.of(number, (32, 32))
    assert kept.is_to_be_filled(1)
