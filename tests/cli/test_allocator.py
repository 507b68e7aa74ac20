"""Large blocks that were freed don't stay with the process."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from napari_zstack_align.cli.allocator import give_back_large_blocks

CHILD = """
import sys
import numpy as np
from napari_zstack_align.cli.allocator import give_back_large_blocks

def held_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 2**20

if sys.argv[1] == "told":
    give_back_large_blocks()
before = held_mb()
np.ones(2**21)  # 16 MB: by default, glibc now keeps the likes of it on its heap
blocks = [np.ones(2**20) for _ in range(20)]
pinned = np.ones(2**14)  # behind them on the heap
del blocks
print(held_mb() - before)
"""


def _kept_mb(word: str, **environment: str) -> float:
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUN"))}
    words = [sys.executable, "-c", CHILD, word]
    child = subprocess.run(
        words, env=plain | environment, capture_output=True, text=True, check=True
    )
    return float(child.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_large_blocks_are_given_back() -> None:
    if _kept_mb("not told") < 20:
        pytest.skip("this system's allocator gives them back by itself")
    assert _kept_mb("told") < 20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_a_person_has_set_stays() -> None:
    set_by_hand = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
    kept = _kept_mb("told", **set_by_hand)
    assert kept == pytest.approx(_kept_mb("not told", **set_by_hand), abs=8)


def test_another_allocator_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_name(name: str) -> str:
        raise ValueError(name)

    def never(*args: object) -> None:
        raise AssertionError("called")

    monkeypatch.setattr(os, "confstr", no_such_name, raising=False)
    monkeypatch.setattr("napari_zstack_align.cli.allocator.ctypes.CDLL", never)
    give_back_large_blocks()
