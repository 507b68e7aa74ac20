"""A project that a script has saved is sorted by what the panel can show of it."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from stacks import shifted, small_zstack

import napari_zstack_align as nza
from napari_zstack_align.gui.project.opening import opening
from napari_zstack_align.gui.project.snapshot import merged

MASK = np.eye(16, dtype=np.uint8)


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "movie.npy"
    np.save(path, np.random.default_rng(0).integers(0, 99, (6, 16, 16)).astype(np.uint16))
    return nza.open_stack(path)


def opened(project, tmp_path):
    found = nza.run(opening(project.save(tmp_path / "p")))
    found.folder.close()
    return found


def test_results_of_two_recordings_with_one_name_stay_apart(recording, tmp_path):
    results = (shifted(recording, 1.0), shifted(recording, 2.0))
    runs = (nza.NamedRun("both", results), nza.NamedRun("again", results[::-1]))
    found = opened(nza.Project(recordings=(recording, recording), runs=runs), tmp_path)
    for run, columns in zip(found.session_runs, ((1, 2), (2, 1)), strict=True):
        assert [run.results[k].transforms.matrix(0)[1, 2] for k in (0, 1)] == list(columns)


def test_results_are_over_the_frames_that_are_shown(recording, tmp_path):
    run = nza.NamedRun("run", shifted(recording, 1.0))
    found = opened(nza.Project(recordings=(recording,), runs=(run,)), tmp_path)
    assert found.session_runs[0].results[0].stack is found.recordings[0].stack


def test_a_run_without_its_recording_brings_it_along(recording, tmp_path):
    run = nza.NamedRun("run", shifted(recording, 1.0))
    found = opened(nza.Project(runs=(run,)), tmp_path)
    assert [each.name for each in found.recordings] == ["movie"]


def test_what_cannot_be_shown_is_said_and_kept(tmp_path):
    masks = (
        nza.NamedMask("labels", MASK),
        nza.NamedMask("volume", np.zeros((2, 16, 16), np.uint8)),
        nza.NamedMask("weights", MASK / 2),
    )
    rois = {name: nza.Rois.of([[5.0, 5.0, 2.0]]) for name in ("neurons", "glia")}
    found = opened(nza.Project(masks=masks, rois=rois), tmp_path)
    assert [mask.name for mask in found.project.masks] == ["labels"]
    assert list(found.project.rois) == ["neurons"]
    said = "\n".join(found.project.remarks)
    for name in ("volume", "weights", "glia"):
        assert f"'{name}'" in said
    again = merged(found.project, found.left)
    assert {mask.name for mask in again.masks} == {"labels", "volume", "weights"}
    assert set(again.rois) == {"neurons", "glia"}


@pytest.fixture
def same_named(tmp_path):
    """Three z-stacks called 'stack', in folders of their own, with unlike frames."""
    stacks = []
    for number, name in enumerate("abc"):
        path = tmp_path / name / "stack.tif"
        path.parent.mkdir()
        frames = small_zstack(n_slices=2, n_repeats=3, size=32).read(0, 6)[:, 0]
        tifffile.imwrite(path, frames + np.uint16(number))
        stacks.append(nza.open_stack(path, frames_per_slice=3, order="repeats"))
    return stacks


KNOWN_BY = {"keys": lambda project: project.home.key_of(project.stacks[1]), "places": lambda _: 1}


def with_run_and_mask(stacks, how):
    """A project with a run and a mask of the second stack."""
    project = nza.Project(
        stacks=stacks,
        runs=(nza.NamedRun("run 1", nza.run(nza.align_adaptive(stacks[1]))),),
        masks=(nza.NamedMask("mask", np.eye(32, dtype=np.uint8), "stack"),),
    )
    if how == "nothing":
        return project
    of = {"stack": KNOWN_BY[how](project)}
    return project.replace(view={"runs": {"run 1": of}, "masks": {"mask": of}})


def folders_with_runs(found):
    return {each.stack.paths[0].parent.name: len(each.runs) for each in found.stacks}


def owner_of_mask(found):
    key = found.project.view["masks"]["mask"]["stack"]
    own = (each.stack for each in found.stacks if found.project.home.key_of(each.stack) == key)
    return next((stack.paths[0].parent.name for stack in own), None)


@pytest.mark.parametrize("how", ["keys", "places", "nothing"])
def test_a_run_stays_with_its_stack_where_another_of_its_name_is_gone(how, same_named, tmp_path):
    folder = with_run_and_mask(same_named, how).save(tmp_path / "p")
    (tmp_path / "a" / "stack.tif").rename(tmp_path / "a" / "away.tif")
    found = nza.run(opening(folder))
    found.folder.close()
    assert folders_with_runs(found) == {"b": 1, "c": 0}
    (run,) = (run for each in found.stacks for run in each.runs)
    assert run.results[0].stack is found.stacks[0].stack
    assert owner_of_mask(found) == (None if how == "nothing" else "b")


def test_a_run_and_a_mask_are_not_those_of_what_has_taken_their_place(same_named, tmp_path):
    project = with_run_and_mask(same_named, "keys")
    a, b, c = same_named
    found = opened(project.replace(stacks=(c, b, a)), tmp_path)
    assert folders_with_runs(found) == {"c": 0, "b": 1, "a": 0}
    assert owner_of_mask(found) == "b"


@pytest.mark.parametrize("how", ["keys", "places"])
def test_run_and_mask_of_a_stack_that_is_gone_are_kept_and_named(how, same_named, tmp_path):
    folder = with_run_and_mask(same_named, how).save(tmp_path / "p")
    place = tmp_path / "b" / "stack.tif"
    place.rename(tmp_path / "b" / "away.tif")
    found = nza.run(opening(folder))
    assert folders_with_runs(found) == {"a": 0, "c": 0}
    assert found.project.masks == found.project.runs == ()
    said = "\n".join(found.project.remarks)
    for name in ("run 1 is kept", "The mask 'mask' is kept", f"stack ({place})"):
        assert name in said
    # saved, and opened with the frames in their place
    nza.run(found.folder.save(merged(found.project, found.left)))
    found.folder.close()
    (tmp_path / "b" / "away.tif").rename(place)
    again = nza.run(opening(folder))
    again.folder.close()
    assert folders_with_runs(again) == {"a": 0, "b": 1, "c": 0}
    assert owner_of_mask(again) == "b"
