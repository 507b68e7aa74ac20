"""Files of Suite2p are refused by name: they hold no frames."""

from __future__ import annotations

import numpy as np
import pytest

import napari_zstack_align as nza


@pytest.fixture
def plane(tmp_path):
    folder = tmp_path / "plane0"
    folder.mkdir()
    for name in ("F", "Fneu", "spks"):
        np.save(folder / f"{name}.npy", np.zeros((20, 400), np.float32))
    np.save(folder / "iscell.npy", np.zeros((20, 2)))
    np.save(folder / "stat.npy", np.array([{"y": 1}] * 20), allow_pickle=True)
    return folder


@pytest.mark.parametrize("name", ["F", "Fneu", "spks", "iscell", "stat"])
def test_a_file_of_suite2p_is_named(plane, name):
    path = plane / f"{name}.npy"
    with pytest.raises(nza.InputError) as caught:
        nza.open_stack(path)
    assert str(caught.value) == (
        f"{path} is a file of Suite2p with ROIs or traces, no images: give the raw recording."
    )


def test_a_folder_of_suite2p_is_no_sequence(plane):
    with pytest.raises(nza.InputError, match=r"F\.npy is a file of Suite2p"):
        nza.open_stack(plane)


def test_frames_that_bear_such_a_name_are_frames(tmp_path):
    np.save(tmp_path / "F.npy", np.zeros((5, 20, 30), np.float32))
    assert nza.open_stack(tmp_path / "F.npy").n_frames == 5
