"""Settings in files of Matlab, as SciPy writes them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io

import napari_zstack_align as nza
from napari_zstack_align.read._mat import DEEPEST, read_variable

KINDS = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


@pytest.fixture(params=[False, True], ids=["plain", "packed"])
def read(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Write a value among others, and read it back."""

    def written(value: Any) -> Any:
        others = {"before": np.zeros((50, 50)), "info": value, "z": 1}
        scipy.io.savemat(tmp_path / "x.mat", others, do_compression=request.param)
        return read_variable(tmp_path / "x.mat", "info")

    return written


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_every_type(kind: str, read: Any) -> None:
    made = np.arange(6).reshape(2, 3).astype(kind)
    np.testing.assert_array_equal(read(made), made)


def test_texts_and_structures_in_structures(read: Any) -> None:
    found = read({"text": "µm", "inside": {"number": 2.5, "deeper": {"flag": True}}, "none": []})
    assert found["text"] == "µm"
    assert found["inside"]["number"] == 2.5
    assert found["inside"]["deeper"]["flag"] == 1
    assert found["none"].size == 0


@pytest.mark.parametrize("value", [np.array([1, "a"], object), [{"x": 1}, {"x": 2}]])
def test_what_holds_no_settings_is_left_out(value: Any, read: Any) -> None:
    found = read({"odd": np.array(value, object), "after": 3})
    assert found["odd"] is None
    assert found["after"] == 3


def test_structures_without_end(read: Any) -> None:
    value: Any = 1
    for _ in range(DEEPEST + 20):
        value = {"a": value}
    found = read({"deep": value, "after": 3})
    assert found["after"] == 3


def test_a_variable_that_is_not_there(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "x.mat", {"y": 1})
    assert read_variable(tmp_path / "x.mat", "info") is None


@pytest.mark.parametrize("place", range(128, 600, 8))
def test_lengths_that_cannot_be(place: int, tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    scipy.io.savemat(path, {"info": {"a": np.arange(40.0), "b": {"c": "text", "d": 5}}})
    spoilt = bytearray(path.read_bytes())
    spoilt[place + 4 : place + 8] = b"\xff\xff\xff\x7f"
    path.write_bytes(spoilt)
    with suppress(nza.InputError):
        read_variable(path, "info")
