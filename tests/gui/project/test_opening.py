"""A project that a script has saved is sorted by what the panel can show of it."""

from __future__ import annotations

import numpy as np
import pytest
from stacks import shifted

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
