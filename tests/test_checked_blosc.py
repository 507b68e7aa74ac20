"""Damaged chunks of blosc: a sentence each, in a process that lives on."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr
from zarr.codecs import BloscCodec

import napari_zstack_align as nza
from napari_zstack_align.cells.volume import detect_cells
from napari_zstack_align.progress import run
from napari_zstack_align.write.export import export_volume

FRAMES = (np.random.default_rng(0).normal(0, 9, (4, 40, 48)).cumsum(2) + 500).astype(np.uint16)
KINDS = ["v2", "v3", "shards", "numcodecs"]


def write(kind: str, path: Path, cname: Any = "lz4", shuffle: Any = "shuffle") -> Path:
    """Write FRAMES, packed by blosc, and return a file of it that holds chunks."""
    options: dict[str, Any] = {
        "chunks": (2, 40, 48),
        "compressors": BloscCodec(cname=cname, shuffle=shuffle),
    }
    if kind == "v2":
        number = ["noshuffle", "shuffle", "bitshuffle"].index(shuffle)
        options |= {"zarr_format": 2, "compressors": numcodecs.Blosc(cname, 5, number)}
    if kind == "shards":
        options |= {"chunks": (1, 40, 48), "shards": (2, 40, 48)}
    if kind == "numcodecs":
        options |= {"compressors": zarr.codecs.numcodecs.Blosc(cname=cname)}
    zarr.create_array(path, data=FRAMES, **options)
    return next(file for file in sorted(path.rglob("*0")) if file.is_file())


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr")
@pytest.mark.parametrize("kind", KINDS)
def test_good_chunks_read_as_ever(kind: str, tmp_path: Path) -> None:
    write(kind, tmp_path / "x.zarr")
    source = nza.open_stack(tmp_path / "x.zarr").source
    np.testing.assert_array_equal(source.read(0, 4)[:, 0], FRAMES)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source)).read(1, 3)[:, 0], FRAMES[1:3])


HEADS = {
    "longer than it is": (12, b"\xff\xff\xff\x7f", "bytes and claims"),
    "shorter than it is": (12, b"\x10\0\0\0", "bytes and claims"),
    "holds too much": (4, b"\0\0\0\x70", "more than a chunk can have"),
    "another version": (0, b"\x05", "its head makes no sense"),
    "numbers of no bytes": (3, b"\0", "its head makes no sense"),
    "blocks of no bytes": (8, b"\0\0\0\0", "its head makes no sense"),
    "blocks beyond the chunk": (8, b"\0\0\0\x10", "its head makes no sense"),
}


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not in the Zarr")
@pytest.mark.parametrize("kind", ["v2", "v3", "numcodecs"])
@pytest.mark.parametrize(("at", "by", "sentence"), HEADS.values(), ids=HEADS)
def test_a_head_that_does_not_fit(
    at: int, by: bytes, sentence: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.zarr"
    chunk = write(kind, path)
    content = bytearray(chunk.read_bytes())
    content[at : at + len(by)] = by
    chunk.write_bytes(content)
    with pytest.raises(nza.InputError, match=rf"x\.zarr can't be read as zarr .*{sentence}"):
        nza.open_stack(path).read(0, 4)


@pytest.mark.parametrize("size", [0, 5, 15])
def test_a_chunk_without_a_whole_head(size: int, tmp_path: Path) -> None:
    chunk = write("v3", tmp_path / "x.zarr")
    chunk.write_bytes(chunk.read_bytes()[:size])
    with pytest.raises(nza.InputError, match=f"it has {size} bytes"):
        nza.open_stack(tmp_path / "x.zarr").read(0, 4)


USES = {
    "a stack": lambda array: nza.Stack.from_array(array, "TYX").read(0, 4),
    "an export": lambda array: run(export_volume(Path(array.store.root) / "o.tif", array, "TYX")),
    "cells": lambda array: run(detect_cells(array)),
    "a reference": lambda array: run(
        nza.estimate_zshift(nza.Stack.from_array(FRAMES, "TYX"), array)
    ),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_an_array_that_is_open_already(use: Any, tmp_path: Path) -> None:
    chunk = write("v3", tmp_path / "x.zarr")
    content = chunk.read_bytes()
    chunk.write_bytes(content[:12] + b"\xff\xff\xff\x7f" + content[16:])
    with pytest.raises(nza.InputError, match="damaged"):
        use(zarr.open(tmp_path / "x.zarr", mode="r"))


SPOIL = """
import random, sys
from pathlib import Path
import napari_zstack_align as nza

def spoilt(content, rng):
    content = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(rng.choice([16, 64, len(content)])) % len(content)
        some = rng.randint(1, 16)
        way = rng.randrange(5)
        if way == 0:
            content[at] ^= 1 << rng.randrange(8)
        elif way == 1:
            content[at : at + some] = rng.randbytes(some)
        elif way == 2:
            content[at : at + 4] = rng.choice([bytes(4), b"\\xff" * 4, b"\\xff\\xff\\xff\\x7f"])
        elif way == 3:
            del content[at + 1 : at + some]
        else:
            content[at:at] = rng.randbytes(some)
    if rng.random() < 0.5:  # what lies behind a good head is damaged, too
        content[12:16] = len(content).to_bytes(4, "little")
    return bytes(content)

chunks = [Path(line) for line in sys.argv[2:]]
stacks = [nza.open_stack(next(p for p in c.parents if p.suffix == ".zarr")) for c in chunks]
found = {"read": 0, "refused": 0}
for seed in range(int(sys.argv[1])):
    rng = random.Random(seed)
    chunk = chunks[seed % len(chunks)]
    good = chunk.read_bytes()
    chunk.write_bytes(spoilt(good, rng))
    try:
        stacks[seed % len(chunks)].read(0, 2)
        found["read"] += 1
    except nza.InputError:
        found["refused"] += 1
    chunk.write_bytes(good)
print(found["read"], found["refused"])
"""


@pytest.mark.thorough
@pytest.mark.slow
def test_no_damage_kills_python(tmp_path: Path) -> None:
    """700 damages of every kind of chunk: each reads, or is refused in a sentence."""
    chunks = [
        str(write(kind, tmp_path / f"{kind}-{cname}-{shuffle}.zarr", cname, shuffle))
        for kind in ("v2", "v3", "shards")
        for cname in ("lz4", "lz4hc", "blosclz", "zstd", "zlib")
        for shuffle in ("noshuffle", "shuffle", "bitshuffle")
    ]
    done = subprocess.run(
        [sys.executable, "-c", SPOIL, "700", *chunks], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    read, refused = map(int, done.stdout.split())
    assert read + refused == 700
    assert refused > 350
