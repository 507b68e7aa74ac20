"""Damage of a file is one sentence; a fault of ours is no damage."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import napari_zstack_align as nza
from napari_zstack_align.read import (
    channel_offsets,
    holds_frames,
    open_stack,
    started_at,
)
from napari_zstack_align.read.tiff import head, source

from .scanimage_files import describe, header_text, stack_keys

FRAMES = np.random.default_rng(1).integers(0, 9999, (5, 20, 30)).astype(np.uint16)

SCANIMAGE = header_text({**stack_keys(5), "hRoiManager.mroiEnable": 1})

KINDS: dict[str, dict[str, Any]] = {
    "plain": {"metadata": None},
    "shaped": {},
    "imagej": {"imagej": True, "metadata": {"axes": "TYX", "finterval": 0.1}},
    "one directory": {"imagej": True, "metadata": {"axes": "TYX"}, "truncate": True},
    "OME": {"ome": True, "metadata": {"axes": "TYX", "PhysicalSizeX": 1.0}},
    "ScanImage": {"software": SCANIMAGE, "description": describe(1, 0.0), "metadata": None},
    "zlib": {"compression": "zlib", "metadata": None},
    "strips": {"compression": "lzw", "metadata": None, "rowsperstrip": 7},
    "big": {"bigtiff": True, "byteorder": ">"},
    "tiles": {"compression": "zstd", "tile": (16, 16)},
    "planes apart": {"photometric": "minisblack", "planarconfig": "separate"},
}
BYTES = (0, 1, 2, 3, 4, 8, 16, 127, 128, 255)


def mutated(whole: bytes, chance: random.Random) -> bytes:
    """Change a few bytes, most of them in the head, where the directories lie."""
    data = bytearray(whole)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        how = chance.random()
        end = min(len(data), 700) if chance.random() < 0.7 else len(data)
        if how < 0.6:
            data[chance.randrange(end)] = chance.choice((*BYTES, chance.randrange(256)))
        elif how < 0.9:
            start = chance.randrange(end - 4)
            data[start : start + 4] = chance.randbytes(4)
        elif len(data) > 100:
            del data[chance.randrange(100, len(data)) :]
    return bytes(data)


def read_all(path: Path) -> None:
    stack = open_stack(path)
    if np.prod(stack.shape, dtype=float) * stack.dtype.itemsize < 1e8:
        stack.read(0, stack.n_frames)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_one_sentence(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, FRAMES, **KINDS[kind])
    whole, chance = path.read_bytes(), random.Random(f"seed {kind}")
    sentences: list[str] = []
    for _ in range(60):
        path.write_bytes(mutated(whole, chance))
        holds_frames(path)
        started_at(path)
        channel_offsets(path)
        try:
            read_all(path)
        except nza.InputError as told:
            sentences.append(str(told))
    assert 10 < len(sentences) < 60
    assert not any("\n" in sentence for sentence in sentences)


@pytest.mark.parametrize("error", [TypeError, AssertionError, MemoryError, KeyError, ValueError])
@pytest.mark.parametrize("ours", ["_place", "segments_of", "pread"])
def test_a_fault_of_our_decoder_is_no_damage(
    ours: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", FRAMES, compression="zlib")
    stack = open_stack(tmp_path / "x.tif")
    monkeypatch.setattr(source, ours, raising(error))
    with pytest.raises(error, match="a fault of ours") as told:
        stack.read(0, 1)
    assert not isinstance(told.value, nza.InputError)


@pytest.mark.parametrize("error", [TypeError, AssertionError, MemoryError, KeyError, ValueError])
@pytest.mark.parametrize("ours", ["_json", "remark_of"])
def test_a_fault_in_reading_the_head_is_no_damage(
    ours: str, error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "x.tif", FRAMES)
    monkeypatch.setattr(head, ours, raising(error))
    for read in (open_stack, holds_frames):
        with pytest.raises(error, match="a fault of ours"):
            read(tmp_path / "x.tif")


@pytest.mark.parametrize("error", [TypeError, AssertionError])
def test_a_decoder_that_is_called_wrongly_is_no_damage(
    error: type[Exception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as after a change of what tifffile's function takes."""
    tifffile.imwrite(tmp_path / "x.tif", FRAMES, compression="zlib")
    stack = open_stack(tmp_path / "x.tif")
    monkeypatch.setattr(source, "_make_decoder", lambda *_: raising(error))
    with pytest.raises(error, match="a fault of ours"):
        stack.read(0, 1)


def raising(error: type[Exception]) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error("a fault of ours")

    return fail
