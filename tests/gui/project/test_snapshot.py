"""What of the panel becomes a project, without a viewer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from stacks import shifted, small_zstack

from napari_zstack_align.cells import Rois
from napari_zstack_align.errors import InputError
from napari_zstack_align.gui.project.opening import put_runs
from napari_zstack_align.gui.project.snapshot import (
    emptied,
    free_name,
    left_behind,
    merged,
    same,
    same_but_running,
    same_results,
    with_params,
    with_runs,
    with_view,
)
from napari_zstack_align.gui.project.unsaved import unsaved_words
from napari_zstack_align.gui.runs import Runs
from napari_zstack_align.params import AdaptiveParams
from napari_zstack_align.project import NamedMask, NamedRun, Project
from napari_zstack_align.stack import Stack

NOTHING = Project()
ROIS = Rois.of([[20.0, 20.0, 4.0]])


@pytest.fixture(scope="module")
def alignment():
    return shifted(small_zstack(name="brain"), 1.0)


def runs_of(alignment, *names, **described):
    runs = Runs()
    for name in names:
        runs.add({Layers(alignment.stack): alignment}, name=name, **described)
    return runs


@dataclass(frozen=True)
class Layers:
    """What results are of: it has a stack."""

    stack: Stack


def test_runs_of_two_datasets_may_have_one_name(alignment):
    first = with_runs(
        NOTHING, runs_of(alignment, "run 1", "mine"), [Layers(alignment.stack)], "brain", stack=0
    )
    both = with_runs(first, runs_of(alignment, "run 1"), [Layers(alignment.stack)], "the session")
    assert [run.name for run in both.runs] == ["run 1", "mine", "run 1 of the session"]
    assert both.in_view == ("mine", "run 1 of the session")
    assert both.view["runs"]["run 1 of the session"]["name"] == "run 1"


def test_a_name_is_free_after_some_attempts():
    assert free_name("a", "b", ()) == "a"
    assert free_name("a", "b", {"a"}) == "a of b"
    assert free_name("a", "b", {"a", "a of b"}) == "a of b (2)"
    assert free_name("a", "b", {"a", "a of b", "a of b (2)"}) == "a of b (3)"


def test_a_form_that_holds_nonsense_keeps_what_was_known():
    def refused():
        raise InputError("no")

    known = with_params(Project(), "Align", lambda: AdaptiveParams(alpha=3))
    assert with_params(emptied(known), "Align", refused).params["Align"].alpha == 3


def test_what_counts_as_a_change(alignment):
    runs = runs_of(alignment, "run 1")
    plain = with_runs(NOTHING, runs, [Layers(alignment.stack)], "brain")
    assert same(plain, with_runs(NOTHING, runs, [Layers(alignment.stack)], "brain"))
    looked_at = with_view(plain, tab="Cells")
    assert same_results(plain, looked_at)
    assert not same(plain, looked_at)
    mask = np.zeros((5, 5), np.uint8)
    masked = plain.replace(masks=(NamedMask("m", mask),))
    assert same_results(masked, plain.replace(masks=(NamedMask("m", mask.copy()),)))
    mask[2, 2] = 1
    assert not same_results(masked, plain.replace(masks=(NamedMask("m", mask),)))
    assert not same_results(plain, plain.replace(rois={"ROIs": ROIS}))
    runs.rename(1, "mine")
    assert not same_results(plain, with_runs(NOTHING, runs, [Layers(alignment.stack)], "brain"))


def test_a_run_that_goes_on_is_no_result_yet(alignment):
    first = with_runs(
        NOTHING, runs_of(alignment, "run 1", running=True), [Layers(alignment.stack)], "brain"
    )
    other = with_runs(
        NOTHING,
        runs_of(shifted(alignment.stack, 2.0), "run 1", running=True),
        [Layers(alignment.stack)],
        "brain",
    )
    assert same_results(first, other)
    assert same_but_running(first, other)  # so that closing doesn't wait for its end
    assert not same(first, other)
    assert not same_but_running(first, with_view(other, tab="Cells"))


def test_a_stack_that_was_removed_leaves_its_runs(alignment):
    stack, other = alignment.stack, small_zstack(name="other")
    before = Project(stacks=(stack, other), runs=(NamedRun("run 1", alignment),))
    left = left_behind(before, Project())
    assert (left.stacks, [run.name for run in left.runs]) == ((stack,), ["run 1"])
    assert left_behind(before, Project(stacks=(stack.replace(name="renamed"),))).runs == ()
    again = merged(Project(runs=(NamedRun("run 1", alignment),)), left)
    assert [run.name for run in again.runs] == ["run 1", "run 1 of brain"]


def test_runs_come_back_with_name_and_start(alignment):
    from napari_zstack_align.gui.project.opening import OpenedRun

    runs = runs_of(alignment, "run 1", "mine", saved=True, note="loaded")
    project = with_runs(NOTHING, runs, [Layers(alignment.stack)], "brain")
    opened = [
        OpenedRun(run, {0: run.results[0]}, project.view["runs"][run.name], run.name == "run 1")
        for run in project.runs
    ]
    again = Runs()
    assert again.show(put_runs(again, opened, ["there"])).name == "run 1"
    assert [run.name for run in again.listed] == ["run 1", "mine"]
    for old, new in zip(runs.listed, again.listed, strict=True):
        assert new.started == old.started.replace(microsecond=0)
        assert (new.saved, new.note, new.results) == (True, "loaded", {"there": alignment})


def test_only_what_is_in_no_file_would_be_lost(alignment):
    project = with_runs(NOTHING, runs_of(alignment, "a", "b"), [Layers(alignment.stack)], "brain")
    project = project.replace(rois={"ROIs": ROIS})
    assert unsaved_words(Project(), (), ()) == ""
    assert unsaved_words(project, (), ()) == "2 runs and 1 ROI are"
    assert unsaved_words(project, {ROIS}, ()) == "2 runs are"
    assert unsaved_words(project, {ROIS, alignment}, ()) == ""
    saved = with_runs(
        NOTHING, runs_of(alignment, "a", saved=True), [Layers(alignment.stack)], "brain"
    )
    assert unsaved_words(saved, (), ()) == ""
    one = with_runs(NOTHING, runs_of(alignment, "a"), [Layers(alignment.stack)], "brain")
    assert unsaved_words(one, (), ()) == "1 run is"
