"""What is recognised but can't be opened is named, with its way out."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import open_stack
from napari_zstack_align.read._others import OTHERS, Other
from napari_zstack_align.read.readers import READERS

NAMED = [(other, ending) for other in OTHERS for ending in other.endings]
BY_CONTENT = [(other, magic) for other in OTHERS for magic in other.magics]


@pytest.mark.parametrize(("other", "ending"), NAMED, ids=[ending for _, ending in NAMED])
def test_by_its_ending(other: Other, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"X{ending.upper()}"
    path.write_bytes(b"\1" * 99)
    with pytest.raises(nza.InputError) as caught:
        open_stack(path)
    assert str(caught.value) == f"{path} is {other.what}: {other.way_out}."
    with pytest.raises(nza.InputError) as caught:
        open_stack(tmp_path)
    assert other.what in str(caught.value)
    assert str(caught.value).endswith(f"{other.way_out}.")


@pytest.mark.parametrize(("other", "magic"), BY_CONTENT, ids=[str(m) for _, m in BY_CONTENT])
def test_by_its_content(other: Other, magic: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"R" * other.place + magic + bytes(99))
    with pytest.raises(nza.InputError, match=r"x is an? ") as caught:
        open_stack(tmp_path / "x")
    assert f"x is {other.what}: {other.way_out or 'choose TIFF'}" in str(caught.value)


def test_no_ending_is_one_that_opens() -> None:
    opens = {suffix for reader in READERS for suffix in reader.suffixes}
    assert {ending for _, ending in NAMED} & opens == {".raw", ".bin", ".sbx", ".czi"}


def test_frames_that_bear_such_an_ending_are_frames(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((5, 20, 30), np.uint16))
    (tmp_path / "x.npy").rename(tmp_path / "x.czi")
    assert open_stack(tmp_path / "x.czi").n_frames == 5


@pytest.mark.parametrize("group", ["DataSetInfo", "t00000"])
def test_a_dataset_for_each_time_point(group: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file[f"{group}/s00/cells"] = np.ones((5, 20, 30), "u2")
    with pytest.raises(nza.InputError, match=r"x\.h5 is an? .*: (save|export) it .*OME-TIFF"):
        open_stack(tmp_path / "x.h5")


def test_a_folder_of_recordings_names_them(tmp_path: Path) -> None:
    for name in ("plane0", "plane1"):
        (tmp_path / name).mkdir()
        for file in ("ops.npy", "data.bin"):
            (tmp_path / name / file).write_bytes(b"x")
    with pytest.raises(nza.InputError, match=r"folders that are recordings: open .*plane0 or pl"):
        open_stack(tmp_path)
