"""Python objects in .npy files: what Suite2p writes is read, and nothing is ever run."""

from __future__ import annotations

import io
import os
import pickle
import random
import struct
import tracemalloc
from collections import OrderedDict
from contextlib import suppress
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest

import napari_zstack_align as nza
from napari_zstack_align.read.suite2p.objects import LeftOut, read_objects

PLAIN: dict[str, Any] = {
    "numbers": {"a": 1, "b": -5, "c": 2.5, "d": 2**70, "e": True, "f": None, "g": 1 + 2j, "h": 300},
    "texts": {"a": "µm", "b": b"\0\xff", "c": "x" * 300, "d": bytearray(b"abc"), "e": b"y" * 300},
    "containers": {"a": [1, [2, (3,)]], "b": (1, 2, 3, 4), "c": {1, 2}, "d": frozenset("ab")},
    "keys": {1: "a", (1, "b"): 2, None: 3, np.int64(4): 5},
    "empty": {"a": [], "b": (), "c": {}, "d": set(), "e": np.zeros((0, 3))},
    "ordered": OrderedDict(a=1, b=2),
    "scalars": [np.float32(1.5), np.int64(3), np.bool_(True), np.str_("ab"), np.float64("nan")],
}
ARRAYS = [
    np.arange(12).reshape(3, 4),
    np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    np.arange(6, dtype=">i2")[::2],
    np.array([True, False]),
    np.array(["ab", "cde"]),
    np.array(7.5),
    np.array([None, [1, 2], {"a": np.arange(3)}], dtype=object),
]


def saved(folder: Path, value: Any, protocol: int | None = None) -> Path:
    """Write what Suite2p writes, or as an older Python would."""
    path = folder / "ops.npy"
    array = np.empty((), object)
    array[()] = value
    np.save(path, array, allow_pickle=True)
    if protocol is not None:
        with_program(path, pickle.dumps(array, protocol))
    return path


def with_program(path: Path, program: bytes) -> Path:
    """Write a .npy file of objects whose pickle is this program."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": "|O", "fortran_order": False, "shape": ()}
    )
    path.write_bytes(buffer.getvalue() + program)
    return path


@pytest.mark.parametrize("protocol", [None, 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("value", PLAIN.values(), ids=PLAIN)
def test_builtin_values(value: Any, protocol: int | None, tmp_path: Path) -> None:
    found = read_objects(saved(tmp_path, value, protocol)).item()
    assert repr(found) == repr(dict(value) if isinstance(value, OrderedDict) else value)


@pytest.mark.parametrize("protocol", [None, 0, 2, 3, 4, 5])
def test_arrays(protocol: int | None, tmp_path: Path) -> None:
    found = read_objects(saved(tmp_path, ARRAYS, protocol)).item()
    for a, b in zip(found, ARRAYS, strict=True):
        assert (type(a), a.dtype, a.shape) == (np.ndarray, b.dtype, b.shape)
        assert repr(a) == repr(b)
        assert a.flags.writeable


def test_dtypes(tmp_path: Path) -> None:
    dtypes = {"a": np.dtype("<i2"), "b": np.dtype(">f8"), "c": np.dtype("<f8")}
    assert read_objects(saved(tmp_path, dtypes)).item() == dtypes


def test_rois_as_suite2p_keeps_them(tmp_path: Path) -> None:
    stat = np.array([{"ypix": np.arange(k), "med": [k, 2]} for k in range(5)], dtype=object)
    np.save(tmp_path / "stat.npy", stat, allow_pickle=True)
    found = read_objects(tmp_path / "stat.npy")
    assert found.shape == (5,)
    np.testing.assert_equal(found[4], stat[4])


def test_where_and_when_suite2p_ran_is_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path, {"when": datetime(2024, 3, 5), "at": PurePosixPath("/x"), "fs": 20.0})
    found = read_objects(path).item()
    assert found["fs"] == 20
    assert isinstance(found["when"], LeftOut)
    assert isinstance(found["at"], LeftOut)


class Runs:
    """Calls a function when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> Any:
        return self._call


MALICIOUS: dict[str, Any] = {
    "system": lambda marker: Runs(os.system, f"touch {marker}"),
    "eval": lambda marker: Runs(eval, f"open({str(marker)!r}, 'w')"),
    "getattr": lambda _: Runs(getattr, [], "append"),
    "numpy's load": lambda marker: Runs(np.load, str(marker), "r", True),
    "numpy's writer": lambda marker: Runs(np.savetxt, str(marker), [1.0]),
    "numpy's memory map": lambda marker: Runs(np.memmap, str(marker), "u1", "w+", 0, 10),
    "an array by its class": lambda _: Runs(np.ndarray, (10**9,)),
    "many zeros": lambda _: Runs(np.zeros, (10**9,)),
    "many bytes": lambda _: Runs(bytes, 10**9),
    "many bytes to change": lambda _: Runs(bytearray, 10**9),
    "a class": lambda _: Runs(type, "X", (), {}),
}


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("make", MALICIOUS.values(), ids=MALICIOUS)
def test_nothing_is_run(make: Any, protocol: int, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    path = saved(tmp_path, {"fs": make(marker)}, protocol)
    with pytest.raises(nza.InputError, match=r"ops\.npy is not read \(it asks to run '"):
        read_objects(path)
    assert not marker.exists()


GLOBAL = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\1b\x87R"
TYPE = b"cnumpy\ndtype\nX\2\0\0\0%s\x89\x88\x87R(K\3X\1\0\0\0|NNNK\1K\1K\0tb"
STATE = b"(K\1%s" + TYPE + b"\x89%stb"
BIG = b"\x8a\5\0\0\0\0\1"
"""2 ** 32."""
BOMBS: dict[str, bytes] = {
    "a memo of billions": b"\x80\4}r\xff\xff\xff\x7f.",
    "bytes that aren't there": b"\x80\4\x8e" + struct.pack("<Q", 2**40) + b"x.",
    "a text that isn't there": b"\x80\4\x8d" + struct.pack("<Q", 2**62) + b"x.",
    "a frame that isn't there": b"\x80\4\x95" + struct.pack("<Q", 2**62) + b".",
    "an array of numbers": GLOBAL + STATE % (BIG + b"\x85", b"u1", b"C\1x") + b".",
    "an array of objects": GLOBAL + STATE % (BIG + b"\x85", b"O8", b"]") + b".",
    "half a number": GLOBAL + STATE % (b"K\1\x85", b"u2", b"C\3xyz") + b".",
    "numbers of a huge size": b"cnumpy\ndtype\nX\x0b\0\0\0U9999999999\x89\x88\x87R.",
    "one array again and again": b"B"
    + struct.pack("<I", 2**20)
    + bytes(2**20)
    + b"q\1]("
    + (GLOBAL + STATE % (b"J\0\0\x10\0\x85", b"u1", b"h\1")) * 300
    + b"e.",
    "one set again and again": b"]q\1("
    + b"".join(b"J" + struct.pack("<i", k) for k in range(500))
    + b"e]("
    + b"cbuiltins\nset\nh\1\x85R" * 600
    + b"e.",
    "a deep tuple as a key": b"})" + b"\x85" * 20000 + b"K\1s.",
    "arrays in arrays": (GLOBAL + b"(K\1K\1\x85cnumpy\ndtype\nX\2\0\0\0O8\x89\x88\x87R\x89](")
    * 2000
    + b"K\1"
    + b"etb" * 2000
    + b".",
}


@pytest.mark.thorough
@pytest.mark.parametrize("program", BOMBS.values(), ids=BOMBS)
def test_what_is_claimed_takes_no_memory(program: bytes, tmp_path: Path) -> None:
    path = with_program(tmp_path / "ops.npy", program)
    tracemalloc.start()
    try:
        with pytest.raises(nza.InputError, match=r"ops\.npy is (not read|damaged) \("):
            read_objects(path)
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20 + 30 * len(program)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "program",
    [b"", b".", b"K\1.", b"(.", b"K\1a.", b"K\1}s.", b"h\1.", b"\x81.", b"R.", b"b.", b"Pa\n.",
     b"}K\1K\2b.", b"]b.", b"(K\1d.", b"\x93.", b"\x82\1.", b"0.", b"2.", b"(0.", GLOBAL + b"."],
)  # fmt: skip
def test_programs_without_sense(program: bytes, tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match=r"ops\.npy is (not read|damaged) \("):
        read_objects(with_program(tmp_path / "ops.npy", program))


def test_records_and_numbers(tmp_path: Path) -> None:
    with pytest.raises(nza.InputError, match=r"it holds records|numbers of type 'V"):
        read_objects(saved(tmp_path, {"a": np.zeros(3, [("x", "f4")])}))
    np.save(tmp_path / "a.npy", np.arange(3))
    with pytest.raises(nza.InputError, match="holds no Python objects"):
        read_objects(tmp_path / "a.npy")


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_spoilt_file_is_one_sentence(protocol: int, tmp_path: Path) -> None:
    path = saved(tmp_path, {"a": ARRAYS, **PLAIN["numbers"], "s": {"x"}}, protocol)
    content = path.read_bytes()
    for seed in range(300):
        rng = random.Random(seed)
        spoilt = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        path.write_bytes(spoilt[: rng.choice([None, rng.randrange(len(spoilt))])])
        with suppress(nza.InputError):
            read_objects(path)
