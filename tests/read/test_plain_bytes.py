"""Bytes read straight into arrays: in parts too, and without the calls that Windows lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import _plain_bytes
from napari_zstack_align.read._plain_bytes import PlainFile, in_native_order


def in_parts(descriptor: int, out: Any, offset: int) -> int:
    """Read as a network drive may: a part of what was asked for."""
    part = memoryview(out).cast("B")
    return _plain_bytes._seek_and_read(descriptor, part[:7], offset)


WAYS = {
    "in place": _plain_bytes._read_at,
    "as on Windows": _plain_bytes._seek_and_read,
    "in parts": in_parts,
}


@pytest.fixture(params=WAYS.values(), ids=WAYS, autouse=True)
def way(request: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(_plain_bytes, "_read_at", request.param)


@pytest.mark.parametrize("most", [2**30, 100])
def test_fills_an_array(most: int, tmp_path: Path, frames: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(_plain_bytes, "MOST_AT_ONCE", most)
    (tmp_path / "x").write_bytes(b"head" + frames.tobytes())
    out, nothing = np.empty_like(frames), np.empty((0, 20), "u2")
    with PlainFile(tmp_path / "x") as file:
        assert file.n_bytes == 4 + frames.nbytes
        file.fill(out, 4)
        file.fill(nothing, 4)
    np.testing.assert_array_equal(out, frames)


def test_a_file_that_ends_before(tmp_path: Path, frames: Any) -> None:
    (tmp_path / "x").write_bytes(frames.tobytes()[:-1])
    with (
        pytest.raises(nza.InputError, match="x has become shorter since it was opened"),
        PlainFile(tmp_path / "x") as file,
    ):
        file.fill(np.empty_like(frames), 0)


def test_errors_of_the_system_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match="There is no file"), PlainFile(tmp_path / "x"):
        pass
    (tmp_path / "x").touch()
    with (
        pytest.raises(nza.InputError, match=r"x can't be read \(what it says\)"),
        PlainFile(tmp_path / "x"),
    ):
        raise OSError(5, "what it says")


def test_other_byte_order_is_turned_in_place() -> None:
    swapped = np.arange(6, dtype=np.dtype("u2").newbyteorder())
    turned = in_native_order(swapped)
    np.testing.assert_array_equal(turned, np.arange(6))
    assert turned.dtype.isnative
    assert np.shares_memory(turned, swapped)
