"""Bytes read straight into arrays: in parts too, and without the calls that Windows lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read import _plain_bytes
from napari_zstack_align.read._plain_bytes import PlainFile, in_native_order, is_filled_by


def in_parts(descriptor: int, out: Any, offset: int) -> int:
    """Read as a network drive may: a part of what was asked for."""
    part = memoryview(out).cast("B")
    return _plain_bytes._seek_and_read(descriptor, part[:7], offset)


WAYS = {
    "in place": _plain_bytes._read_at,
    "as on Windows": _plain_bytes._seek_and_read,
    "in parts": in_parts,
}


def a_part_of_all(descriptor: int, into: Any, offset: int) -> int:
    """Bring some bytes of the first array alone."""
    return in_parts(descriptor, into[0], offset)


TOGETHER = {
    "in place": _plain_bytes._read_together,
    "as on Windows": _plain_bytes._read_in_turn,
    "in parts": a_part_of_all,
}


@pytest.fixture(params=WAYS, autouse=True)
def way(request: Any, monkeypatch: Any) -> str:
    monkeypatch.setattr(_plain_bytes, "_read_at", WAYS[request.param])
    monkeypatch.setattr(_plain_bytes, "_read_together", TOGETHER[request.param])
    return str(request.param)


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


@pytest.mark.parametrize(
    ("gaps", "n_calls"),
    [
        ((0, 0, 0, 0), 1),
        ((9, 2**14, 1, 0), 1),
        ((9, 2**14 + 1, 1, 0), 2),
        ((-80, 5, -300, 5), 3),  # one lies again where the one before began, and one before it
    ],
)
def test_fills_arrays_that_lie_near_one_another_by_one_call(
    gaps: tuple[int, ...], n_calls: int, way: str, tmp_path: Path, monkeypatch: Any
) -> None:
    content = np.random.default_rng(0).integers(0, 255, 40_000, np.uint8)
    (tmp_path / "x").write_bytes(content.tobytes())
    out = np.empty((5, 8, 10), np.uint8)
    offsets = [1000 + 80 * i + sum(gaps[:i]) for i in range(5)]
    calls = []
    read = _plain_bytes._read_together
    monkeypatch.setattr(
        _plain_bytes, "_read_together", lambda *how: calls.append(how) or read(*how)
    )
    with PlainFile(tmp_path / "x") as file:
        file.fill_all(zip(out, offsets, strict=True))
    for array, offset in zip(out, offsets, strict=True):
        np.testing.assert_array_equal(array.reshape(-1), content[offset : offset + 80])
    if way == "in place":
        n_alone = sum(n == 1 for n in _lengths(gaps))
        assert len(calls) == n_calls - n_alone


def _lengths(gaps: tuple[int, ...]) -> list[int]:
    """Numbers of arrays that are near one another."""
    lengths = [1]
    for gap in gaps:
        if 0 <= gap <= 2**14:
            lengths[-1] += 1
        else:
            lengths.append(1)
    return lengths


@pytest.mark.parametrize("limit", ["MOST_TOGETHER", "MOST_AT_ONCE"])
def test_one_call_fills_no_more_than_the_system_allows(
    limit: str, way: str, tmp_path: Path, frames: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(_plain_bytes, limit, {"MOST_TOGETHER": 2}.get(limit, 2 * frames[0].nbytes))
    (tmp_path / "x").write_bytes(frames.tobytes())
    sizes = []
    read = _plain_bytes._read_together
    monkeypatch.setattr(
        _plain_bytes,
        "_read_together",
        lambda descriptor, into, offset: sizes.append(len(into)) or read(descriptor, into, offset),
    )
    out = np.empty_like(frames)
    with PlainFile(tmp_path / "x") as file:
        file.fill_all((frame, i * frame.nbytes) for i, frame in enumerate(out))
    np.testing.assert_array_equal(out, frames)
    assert set(sizes) == {2}


def test_arrays_of_which_the_last_ends_behind_the_file(tmp_path: Path, frames: Any) -> None:
    (tmp_path / "x").write_bytes(frames.tobytes()[:-1])
    with (
        pytest.raises(nza.InputError, match="x has become shorter since it was opened"),
        PlainFile(tmp_path / "x") as file,
    ):
        file.fill_all((np.empty_like(frame), i * frame.nbytes) for i, frame in enumerate(frames))


@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_file_fills_an_array_of_its_length_alone(
    more: int, way: str, tmp_path: Path, frames: Any
) -> None:
    content = frames.tobytes() + b"x"
    (tmp_path / "x").write_bytes(content[: frames.nbytes + more])
    out = np.empty_like(frames)
    is_filled = is_filled_by(str(tmp_path / "x"), out)
    assert is_filled == (more == 0 and way == "in place")
    assert not is_filled_by(str(tmp_path / "y"), out)
    if is_filled:
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
